/* The page fault in words (page_fault.c). */
#ifndef QUIRE_PAGE_FAULT_H
#define QUIRE_PAGE_FAULT_H

#include "trap.h"
#include "vmem.h"

/* What is known of a page fault. */
struct page_fault {
    uintptr_t address;     /* CR2 */
    unsigned error;        /* the processor's error code */
    uintptr_t eip;         /* of the instruction that faulted */
    struct vmem_walk walk; /* the live entries */
    bool window_stale;     /* the window showed other entries, SHOWN, until its page was flushed */
    struct vmem_walk shown;
    const struct trap_frame *frame; /* where a poisoned pointer is looked for; may be NULL */
};

/* Walks to the page fault at ADDRESS that FRAME is about. Flushes the address's page in the window, so that
 * the entries are the live ones. */
struct page_fault page_fault_at(const struct trap_frame *frame, uintptr_t address);

/* Prints the report's first lines: the attempt, the walk, and the likely cause. */
void page_fault_print(const struct page_fault *fault);

/* Prints the likely cause alone, from what FAULT says. */
void page_fault_print_cause(const struct page_fault *fault);

#endif
