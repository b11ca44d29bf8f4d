/* The page fault in words: what was tried (page_fault.c), why it faulted (cause.c), and the report's sentences about
 * that (explain.c), all in kernel/trap/. The error code's bits are FAULT_PRESENT and its like, in space.h. */
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

/* What the instruction tried. Without no-execute the error code has no fetch bit: a fetch is what is no write, and
 * faults within the 15 bytes from EIP on that an instruction can have (SDM vol. 2, 2.3.11). */
enum page_access { ACCESS_READ, ACCESS_WRITE, ACCESS_FETCH };

enum page_access page_fault_access(const struct page_fault *fault);

/* Why it faulted, as likely as can be told: the first of these that holds. "Absent" and "refused" are what the error
 * code says (FAULT_PRESENT); ranges are memlayout.h's. */
enum page_fault_cause {
    CAUSE_RESERVED_BIT,  /* an entry has a reserved bit set */
    CAUSE_STALE_WINDOW,  /* the window showed an older table */
    CAUSE_STALE_ENTRY,   /* the live entries allow it, CR0.WP being set (SDM vol. 3, 4.6): the TLB had older ones */
    CAUSE_STACK_GUARD,   /* absent: the page below a kernel stack (stack_guarded_at) */
    CAUSE_NULL_POINTER,  /* absent: page 0 */
    CAUSE_KERNEL_MEMORY, /* by a program, outside the user part */
    CAUSE_NOT_MAPPED,    /* by a program, absent, in the user part */
    CAUSE_TEXT,          /* a refused write: the kernel's code */
    CAUSE_RODATA,        /* a refused write: its constants */
    CAUSE_SYMBOLS,       /* a refused write: its symbol table */
    CAUSE_SCRATCH,       /* absent: the scratch page */
    CAUSE_POISON,        /* absent: within POISON_REACH of HEAP_POISON, which the debugging heap writes */
    CAUSE_FREE_RANGE,    /* absent: elsewhere in the user part, and the kernel did it */
    CAUSE_HEAP,          /* absent: the kernel heap */
    CAUSE_DEVICES,       /* absent: from there up to the frame records */
    CAUSE_WINDOW,        /* absent: a page table that is not there, in the window */
    CAUSE_READ_ONLY,     /* a refused write: any other page */
    CAUSE_DAMAGED,       /* absent: an entry that Quire never clears */
    CAUSE_KERNEL_ONLY,   /* whatever is left: a program, and a page that is the kernel's */
};

#define POISON_REACH 0x10000u /* bytes, either way: a field of what a poisoned pointer leads to, or an element */

enum page_fault_cause page_fault_cause(const struct page_fault *fault);

/* Prints the report's first lines: the attempt, the walk, and the likely cause. */
void page_fault_print(const struct page_fault *fault);

/* Prints the likely cause alone, from what FAULT says. */
void page_fault_print_cause(const struct page_fault *fault);

#endif
