/* Lab faults, a plain solution: one question after the other. */
#include "page_fault.h"

static bool is_in(uintptr_t address, uintptr_t start, uintptr_t end) { return address >= start && address < end; }

static bool is_allowed(const struct page_fault *fault) {
    unsigned both = fault->walk.pde & fault->walk.pte;
    if (fault->error & FAULT_WRITE && !(both & PTE_WRITE))
        return false;
    if (fault->error & FAULT_USER && !(both & PTE_USER))
        return false;
    return both & PTE_PRESENT;
}

static enum page_fault_cause cause_in_program(uintptr_t address, unsigned error) {
    if (!(error & FAULT_PRESENT) && address < PAGE_SIZE)
        return CAUSE_NULL_POINTER;
    if (!is_in(address, FREE_START, KHEAP_START))
        return CAUSE_KERNEL_MEMORY;
    if (!(error & FAULT_PRESENT))
        return CAUSE_NOT_MAPPED;
    return error & FAULT_WRITE ? CAUSE_READ_ONLY : CAUSE_KERNEL_ONLY;
}

static enum page_fault_cause cause_of_refused_write(uintptr_t address) {
    if (is_in(address, (uintptr_t)kernel_start, (uintptr_t)text_end))
        return CAUSE_TEXT;
    if (is_in(address, (uintptr_t)rodata_start, (uintptr_t)rodata_end))
        return CAUSE_RODATA;
    if (is_in(address, (uintptr_t)symtab_start, (uintptr_t)kernel_end))
        return CAUSE_SYMBOLS;
    return CAUSE_READ_ONLY;
}

static enum page_fault_cause cause_of_absent_page(uintptr_t address) {
    if (address < PAGE_SIZE)
        return CAUSE_NULL_POINTER;
    if (is_in(address, SCRATCH_PAGE, IDENTITY_END))
        return CAUSE_SCRATCH;
    if (is_in(address, HEAP_POISON - POISON_REACH, HEAP_POISON + POISON_REACH + 1))
        return CAUSE_POISON;
    if (is_in(address, FREE_START, KHEAP_START))
        return CAUSE_FREE_RANGE;
    if (is_in(address, KHEAP_START, KHEAP_END))
        return CAUSE_HEAP;
    if (is_in(address, DEVICES_START, FRAMES_START))
        return CAUSE_DEVICES;
    return address >= WINDOW_START ? CAUSE_WINDOW : CAUSE_DAMAGED;
}

enum page_fault_cause page_fault_cause(const struct page_fault *fault) {
    if (fault->error & FAULT_RESERVED)
        return CAUSE_RESERVED_BIT;
    if (fault->window_stale)
        return CAUSE_STALE_WINDOW;
    if (is_allowed(fault))
        return CAUSE_STALE_ENTRY;
    if (!(fault->error & FAULT_PRESENT) && stack_guarded_at(fault->address))
        return CAUSE_STACK_GUARD;
    if (fault->error & FAULT_USER)
        return cause_in_program(fault->address, fault->error);
    if (!(fault->error & FAULT_PRESENT))
        return cause_of_absent_page(fault->address);
    return fault->error & FAULT_WRITE ? cause_of_refused_write(fault->address) : CAUSE_KERNEL_ONLY;
}
