/* Lab faults, a plain solution: what was tried, and the entries. */
#include "page_fault.h"

struct page_fault page_fault_at(const struct trap_frame *frame, uintptr_t address) {
    struct page_fault fault = {.address = address, .error = frame->error, .eip = frame->eip, .frame = frame};
    vmem_walk((void *)address, &fault.shown);
    flush_page((void *)(WINDOW_START + fault.shown.pdi * PAGE_SIZE));
    vmem_walk((void *)address, &fault.walk);
    fault.window_stale = fault.walk.pte != fault.shown.pte;
    return fault;
}

enum page_access page_fault_access(const struct page_fault *fault) {
    if (fault->error & FAULT_WRITE)
        return ACCESS_WRITE;
    if (fault->address - fault->eip < 15)
        return ACCESS_FETCH;
    return ACCESS_READ;
}

static void print_attempt(const struct page_fault *fault) {
    const char *tried = "read of";
    if (page_fault_access(fault) == ACCESS_WRITE)
        tried = "write to";
    if (page_fault_access(fault) == ACCESS_FETCH)
        tried = "fetch from";
    kprintf("page fault: %s 0x%08x, %s (%s, error code 0x%x)\n", tried, (unsigned)fault->address,
            fault->error & FAULT_PRESENT ? "present but refused" : "not present",
            fault->error & FAULT_USER ? "user" : "kernel", fault->error);
}
