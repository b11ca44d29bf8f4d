/* The page fault's report: what was tried, how far the translation got, and the likely cause (cause.c, explain.c).
 *
 * The window is mapped like any memory, so its own entries can be stale ones in the TLB: what it shows is compared before
 * and after a flush. */
#include "page_fault.h"

#include "cpu.h"
#include "format.h"
#include "log.h"
#include "memlayout.h"
#include "space.h"
#include "symbols.h"

#define INSTRUCTION_MAX 15 /* bytes: SDM vol. 2, 2.3.11 */

/* What the instruction tried. */
enum page_access page_fault_access(const struct page_fault *fault) {
    if (fault->error & FAULT_WRITE)
        return ACCESS_WRITE;
    return fault->address - fault->eip < INSTRUCTION_MAX ? ACCESS_FETCH : ACCESS_READ;
}

/* ---- the report's first lines ---- */

/* Prints an entry of either level, its bits in words. */
static void print_entry(const char *level, unsigned index, unsigned entry, const char *of) {
    char label[16];

    format_buffer(label, sizeof(label), "%s[%u]", level, index);
    kprintf("  %-9s0x%08x: ", label, entry);
    if (!(entry & PTE_PRESENT)) {
        kprintf("absent\n");
        return;
    }
    kprintf("%s 0x%08x, %s, %s%s%s\n", of, entry & PTE_FRAME, entry & PTE_WRITE ? "writable" : "read-only",
            entry & PTE_USER ? "user" : "kernel", entry & PTE_ACCESSED ? ", accessed" : "",
            entry & PTE_DIRTY ? ", dirty" : "");
}

static void print_walk(const struct vmem_walk *walk) {
    kprintf("  split    PDI %u, PTI %u, offset 0x%03x\n", walk->pdi, walk->pti, walk->offset);
    print_entry("PD", walk->pdi, walk->pde, "table");
    if (walk->pde & PTE_PRESENT)
        print_entry("PT", walk->pti, walk->pte, "page");
}

static void print_attempt(const struct page_fault *fault) {
    static const char *const attempts[] = {"read of", "write to", "fetch from"};
    const char *refused = fault->error & FAULT_PRESENT ? "present but refused" : "not present";
    const char *ring = fault->error & FAULT_USER ? "user" : "kernel";

    kprintf("page fault: %s 0x%08x, %s (%s, error code 0x%x)\n", attempts[page_fault_access(fault)],
            (unsigned)fault->address, refused, ring, fault->error);
}

static void print_symbol(uintptr_t address) {
    char text[SYMBOL_TEXT];
    size_t offset;

    kprintf("  symbol   %s\n", symbol_at(address, &offset) ? symbol_text(address, text) : "none");
}

/* Prints the report's first lines: the attempt, the walk, and the likely cause. */
void page_fault_print(const struct page_fault *fault) {
    char where[PLACE_TEXT];

    print_attempt(fault);
    if (fault->error & FAULT_USER)
        kprintf("  by       0x%08x, in the program\n", (unsigned)fault->eip);
    else
        kprintf("  by       %s\n", place_text(fault->eip, where));
    print_walk(&fault->walk);
    if (!(fault->error & FAULT_USER))
        print_symbol(fault->address);
    page_fault_print_cause(fault);
}

/* Walks to the page fault at ADDRESS that FRAME is about. */
struct page_fault page_fault_at(const struct trap_frame *frame, uintptr_t address) {
    struct page_fault fault = {.address = address, .error = frame->error, .eip = frame->eip, .frame = frame};

    vmem_walk((const void *)address, &fault.shown);
    flush_page((const void *)(WINDOW_START + fault.shown.pdi * PAGE_SIZE));
    vmem_walk((const void *)address, &fault.walk);
    fault.window_stale = fault.shown.pte != fault.walk.pte;
    return fault;
}
