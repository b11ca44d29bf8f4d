/* Why a page fault came: from the error code, the live entries and the address.
 *
 * The causes that the entries show come first. The processor keeps copies of entries in its TLB: a fault
 * where the live entries allow the access means that a copy was older, because somebody changed an entry and
 * did not flush its page. Then a table is searched from its start: ranges of addresses (include/memlayout.h) and
 * error codes. */
#include "heap_debug.h"
#include "memlayout.h"
#include "page_fault.h"
#include "space.h"
#include "stack.h"

/* Whether the live entries allow the access, CR0.WP being set (SDM vol. 3, 4.6). */
static bool entries_allow(const struct page_fault *fault) {
    unsigned needed = PTE_PRESENT | (fault->error & FAULT_WRITE ? PTE_WRITE : 0) |
                      (fault->error & FAULT_USER ? PTE_USER : 0);

    return (fault->walk.pde & fault->walk.pte & needed) == needed;
}

/* The cause that holds wherever the address lies; false if none does. */
static bool general_cause(const struct page_fault *fault, enum page_fault_cause *cause) {
    if (fault->error & FAULT_RESERVED)
        *cause = CAUSE_RESERVED_BIT;
    else if (fault->window_stale)
        *cause = CAUSE_STALE_WINDOW;
    else if (entries_allow(fault))
        *cause = CAUSE_STALE_ENTRY;
    else if (!(fault->error & FAULT_PRESENT) && stack_guarded_at(fault->address))
        *cause = CAUSE_STACK_GUARD;
    else
        return false;
    return true;
}

/* ---- what the address tells ---- */

#define ABSENT FAULT_PRESENT, 0
#define USER FAULT_USER, FAULT_USER
#define USER_ABSENT (FAULT_PRESENT | FAULT_USER), FAULT_USER
#define KERNEL_ABSENT (FAULT_PRESENT | FAULT_USER), 0
#define REFUSED_WRITE (FAULT_PRESENT | FAULT_WRITE), (FAULT_PRESENT | FAULT_WRITE)
#define ADDRESS(a) ((const char *)(a))
#define EVERYWHERE ADDRESS(0), ADDRESS(0xFFFFFFFF)

static enum page_fault_cause cause_by_address(const struct page_fault *fault) {
    static const struct {
        const char *first, *last; /* the addresses it is about, both included */
        unsigned mask, value;     /* of the error code */
        enum page_fault_cause cause;
    } *cause, causes[] = {
        {ADDRESS(0), ADDRESS(PAGE_SIZE - 1), ABSENT, CAUSE_NULL_POINTER},
        {ADDRESS(0), ADDRESS(FREE_START - 1), USER, CAUSE_KERNEL_MEMORY},
        {ADDRESS(KHEAP_START), ADDRESS(0xFFFFFFFF), USER, CAUSE_KERNEL_MEMORY},
        {ADDRESS(FREE_START), ADDRESS(KHEAP_START - 1), USER_ABSENT, CAUSE_NOT_MAPPED},
        {kernel_start, text_end - 1, REFUSED_WRITE, CAUSE_TEXT},
        {rodata_start, rodata_end - 1, REFUSED_WRITE, CAUSE_RODATA},
        {symtab_start, kernel_end - 1, REFUSED_WRITE, CAUSE_SYMBOLS},
        {ADDRESS(SCRATCH_PAGE), ADDRESS(IDENTITY_END - 1), ABSENT, CAUSE_SCRATCH},
        {ADDRESS(HEAP_POISON - POISON_REACH), ADDRESS(HEAP_POISON + POISON_REACH), KERNEL_ABSENT, CAUSE_POISON},
        {ADDRESS(FREE_START), ADDRESS(KHEAP_START - 1), KERNEL_ABSENT, CAUSE_FREE_RANGE},
        {ADDRESS(KHEAP_START), ADDRESS(KHEAP_END - 1), ABSENT, CAUSE_HEAP},
        {ADDRESS(DEVICES_START), ADDRESS(FRAMES_START - 1), ABSENT, CAUSE_DEVICES},
        {ADDRESS(WINDOW_START), ADDRESS(0xFFFFFFFF), ABSENT, CAUSE_WINDOW},
        {EVERYWHERE, REFUSED_WRITE, CAUSE_READ_ONLY},
        {EVERYWHERE, ABSENT, CAUSE_DAMAGED},
        {EVERYWHERE, 0, 0, CAUSE_KERNEL_ONLY}, /* applies to every fault */
    };

    for (cause = causes; fault->address < (uintptr_t)cause->first || fault->address > (uintptr_t)cause->last ||
                         (fault->error & cause->mask) != cause->value;)
        cause++;
    return cause->cause;
}

/* Why it faulted. */
enum page_fault_cause page_fault_cause(const struct page_fault *fault) {
    enum page_fault_cause cause;

    return general_cause(fault, &cause) ? cause : cause_by_address(fault);
}
