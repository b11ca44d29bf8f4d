/* Lab faults, exercise cause: page_fault_cause. */
#include "fault.h"
#include "heap_debug.h"
#include "stack.h"

#define NAME(cause) [cause] = #cause
static const char *const names[] = {
    NAME(CAUSE_RESERVED_BIT), NAME(CAUSE_STALE_WINDOW), NAME(CAUSE_STALE_ENTRY), NAME(CAUSE_STACK_GUARD), NAME(CAUSE_NULL_POINTER),
    NAME(CAUSE_KERNEL_MEMORY), NAME(CAUSE_NOT_MAPPED), NAME(CAUSE_TEXT), NAME(CAUSE_RODATA), NAME(CAUSE_SYMBOLS), NAME(CAUSE_SCRATCH),
    NAME(CAUSE_POISON), NAME(CAUSE_FREE_RANGE), NAME(CAUSE_HEAP), NAME(CAUSE_DEVICES), NAME(CAUSE_WINDOW), NAME(CAUSE_READ_ONLY),
    NAME(CAUSE_DAMAGED), NAME(CAUSE_KERNEL_ONLY),
};

#define P FAULT_PRESENT
#define W FAULT_WRITE
#define U FAULT_USER
#define RO 0x00500001u
#define RW 0x00500003u
#define USER_RO 0x00500005u
#define USER_RW 0x00500007u

static void check_fault(enum page_fault_cause is, const struct page_fault *fault, const char *why) {
    doing("page_fault_cause, of %s", in_words(fault));
    enum page_fault_cause says = page_fault_cause(fault);
    CHECK(says == is, "%s, with PD 0x%08x and PT 0x%08x: that is %s, but page_fault_cause says %s: %s%s", in_words(fault), fault->walk.pde,
          fault->walk.pte, names[is], says <= CAUSE_KERNEL_ONLY ? names[says] : "a number that is no cause", why,
          says == CAUSE_STALE_ENTRY && is > says ? ". The entries do not allow it: both levels must" : "");
}

/* The cause of a fault at ADDRESS, where the entries are PDE and PTE. */
static void check(enum page_fault_cause is, uintptr_t address, unsigned error, unsigned pde, unsigned pte, const char *why) {
    check_fault(is, &(struct page_fault){.address = address, .error = error, .eip = 0x00101234, .walk = {.pde = pde, .pte = pte}}, why);
}

/* Where nothing is mapped; with and without a table. */
static void check_absent(enum page_fault_cause is, uintptr_t address, unsigned error, const char *why) {
    check(is, address, error, 0, 0, why);
    check(is, address, error, USER_RW, 0, why);
    check(is, address, error | W, USER_RW, 0x00345202, why);
}

static uintptr_t at(const char *symbol) { return (uintptr_t)symbol; }

CASE(null_pointers) {
    check_absent(CAUSE_NULL_POINTER, 0, 0, "page 0 is absent so that null pointers fault");
    check_absent(CAUSE_NULL_POINTER, 0x10, 0, "a field of a null struct is as much a null pointer");
    check_absent(CAUSE_NULL_POINTER, 0xFFF, 0, "all of page 0 counts");
    check_absent(CAUSE_NULL_POINTER, 0x10, U, "a program's null pointer is one, too: it comes before what is the kernel's memory");
    check_absent(CAUSE_DAMAGED, 0x1000, 0, "page 1 is another page, which is never absent");
}

CASE(stack_guards) {
    static struct stack own = {.name = "worker", .bottom = (char *)KERNEL_STACKS + 0x3000, .top = (char *)KERNEL_STACKS + 0x5000};
    uintptr_t guard = at(boot_stack_bottom) - PAGE_SIZE;
    check(CAUSE_STACK_GUARD, guard, W, RW, 0, "the page below a stack is its guard");
    check(CAUSE_STACK_GUARD, guard + 0xFFC, W, RW, 0, "the guard's last word: the first that an overflow reaches");
    check(CAUSE_STACK_GUARD, at(fault_stack_bottom) - 4, 0, RW, 0, "each stack has a guard, and a read may be what finds it");
    check(CAUSE_DAMAGED, at(boot_stack_bottom), W, RW, 0, "that is the stack itself, not its guard");
    check(CAUSE_DAMAGED, guard - 1, W, RW, 0, "one byte below the guard");
    check(CAUSE_READ_ONLY, guard, P | W, RW, RO, "a guard is absent; this page is there, and read-only");
    check(CAUSE_DEVICES, at(own.bottom) - 4, W, 0, 0, "no stack is registered here");
    stack_register(&own);
    check(CAUSE_STACK_GUARD, at(own.bottom) - 4, W, RW, 0, "stacks are registered; ask stack_guarded_at, and ask it before the ranges");
}

CASE(stale_entries) {
    static const uintptr_t places[] = {0x10, 0x00100000, FREE_START, HEAP_POISON, KHEAP_START, DEVICES_START, 0xFFC00000};
    static const char why[] = "the live entries allow this, so the processor used an older copy from its TLB: somebody has not flushed. "
                              "This is neither `not mapped` nor a wrong pointer";
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        check(CAUSE_STALE_ENTRY, places[i], 0, RW, RO, why);
        check(CAUSE_STALE_ENTRY, places[i], W, RW, RW, why);
        check(CAUSE_STALE_ENTRY, places[i], P | W, RW, RW, why);
        check(CAUSE_STALE_ENTRY, places[i], P | U, USER_RO, USER_RO, why);
        check(CAUSE_STALE_ENTRY, places[i], U | W, USER_RW, USER_RW, why);
    }
    check(CAUSE_STALE_ENTRY, at(boot_stack_bottom) - 4, W, RW, RW, "the live entries allow this: the guard is not there any more");
    check(CAUSE_FREE_RANGE, FREE_START, 0, RW, 0, "PT is 0: the page is absent, and nothing is stale");
    check(CAUSE_FREE_RANGE, FREE_START, 0, 0, RW, "PD is absent, so what is given for PT counts for nothing");
    check(CAUSE_FREE_RANGE, FREE_START, 0, RW, 0x00345202, "bit 0 of PT is clear: the page is absent, whatever else it holds");
}

CASE(both_levels_count) {
    check(CAUSE_STALE_ENTRY, FREE_START, P | W, RW, RW, "both levels allow the write");
    check(CAUSE_READ_ONLY, FREE_START, P | W, RW, RO, "PT is read-only, and CR0.WP makes that hold for the kernel, too");
    check(CAUSE_READ_ONLY, FREE_START, P | W, RO, RW, "PD is read-only: what is allowed is what both levels allow");
    check(CAUSE_KERNEL_ONLY, FREE_START, P | U, USER_RW, RW, "it was a program, and PT lacks the user bit: supervisor or user counts");
    check(CAUSE_KERNEL_ONLY, FREE_START, P | U, RW, USER_RW, "it was a program, and PD lacks the user bit: what is allowed is what both levels allow");
    check(CAUSE_READ_ONLY, FREE_START, P | U | W, USER_RW, USER_RO, "PT is read-only");
    check(CAUSE_STALE_ENTRY, FREE_START, P | W, USER_RW, RW, "it was the kernel, for which the user bit says nothing");
}

CASE(what_comes_first) {
    struct page_fault fault = {.address = 0x10, .error = FAULT_RESERVED | P, .walk = {.pde = RW, .pte = RW}, .window_stale = true};
    check(CAUSE_NULL_POINTER, 0x10, 0, RW, 0, "page 0");
    check_fault(CAUSE_RESERVED_BIT, &fault, "bit 3 of the error code: a damaged table explains all else");
    fault.error = P | W;
    check_fault(CAUSE_STALE_WINDOW, &fault, "the window is stale, which explains why the entry is: it comes before CAUSE_STALE_ENTRY");
    fault = (struct page_fault){.address = KHEAP_START, .walk = {.pde = RW}, .window_stale = true};
    check_fault(CAUSE_STALE_WINDOW, &fault, "the window is stale: the entry is absent only because it was written to another table");
    fault.window_stale = false;
    check_fault(CAUSE_HEAP, &fault, "the window is not stale");
    check(CAUSE_STACK_GUARD, at(boot_stack_bottom) - 4, U, RW, 0, "the guard comes before whose access it was");
    check(CAUSE_KERNEL_MEMORY, at(rodata_start), P | U | W, RW, RO, "whose access it was comes before what was written to");
    check(CAUSE_STALE_ENTRY, at(kernel_start), P | W, RW, RW, "the live entries allow it: that comes before what the address tells");
}

CASE(writes_to_read_only_pages) {
    static const char code[] = "[kernel_start, text_end) is the kernel's code";
    check(CAUSE_TEXT, at(kernel_start), P | W, RW, RO, code);
    check(CAUSE_TEXT, at(text_end) - 1, P | W, RW, RO, code);
    check(CAUSE_RODATA, at(rodata_start), P | W, RW, RO, "constants follow the code: the end of a range is not in it");
    check(CAUSE_RODATA, at(rodata_end) - 1, P | W, RW, RO, "[rodata_start, rodata_end) is the kernel's constants");
    check(CAUSE_READ_ONLY, at(rodata_end), P | W, RW, RO, "data follow the constants: the end of a range is not in it");
    check(CAUSE_SYMBOLS, at(symtab_start), P | W, RW, RO, "[symtab_start, kernel_end) is the symbol table");
    check(CAUSE_READ_ONLY, at(kernel_end), P | W, RW, RO, "the end of a range is not in it");
    check(CAUSE_READ_ONLY, at(kernel_start) - 1, P | W, RW, RO, "it lies below the kernel");
    check(CAUSE_READ_ONLY, KHEAP_START, P | W, RW, RO, "a page of the heap that is there, and read-only: the heap is a cause only where it is absent");
    check(CAUSE_READ_ONLY, HEAP_POISON, P | W, RW, RO, "the page is there, and read-only");
    check(CAUSE_DAMAGED, at(kernel_start), 0, RW, 0, "a read of an absent page: it was no write that was refused");
    check(CAUSE_DAMAGED, at(kernel_start), W, RW, 0, "a write, but to a page that is absent, not read-only: bit 0 of the error code is clear");
}

CASE(programs) {
    static const char closed[] = "bit 2: a program, outside the user part. Whether the page is there is none of its business";
    check(CAUSE_KERNEL_MEMORY, at(kernel_start), P | U, RW, RO, closed);
    check(CAUSE_KERNEL_MEMORY, at(kernel_start), P | U | W, RW, RO, closed);
    check(CAUSE_KERNEL_MEMORY, KHEAP_START, U, 0, 0, closed);
    check(CAUSE_KERNEL_MEMORY, 0xFFFFFFFF, P | U, RW, RW, closed);
    check(CAUSE_KERNEL_MEMORY, FREE_START - 1, U, RW, 0, closed);
    check(CAUSE_KERNEL_MEMORY, 0x10, P | U, RW, RW, "page 0 is there, so it is no null pointer but the kernel's memory");
    check(CAUSE_NOT_MAPPED, FREE_START, U, 0, 0, "a program, in the user part, and absent");
    check(CAUSE_NOT_MAPPED, KHEAP_START - 1, U | W, USER_RW, 0, "a program, in the user part, and absent");
    check(CAUSE_NOT_MAPPED, HEAP_POISON, U, 0, 0, "the poison is the kernel heap's; a program has none of it");
    check(CAUSE_FREE_RANGE, FREE_START, 0, 0, 0, "bit 2 is clear: it was the kernel");
}

CASE(poison) {
    check_absent(CAUSE_POISON, HEAP_POISON, 0, "the debugging heap fills objects with it, so somebody took it for a pointer");
    check_absent(CAUSE_POISON, HEAP_POISON + 0x10, 0, "a field of what the poison leads to");
    check_absent(CAUSE_POISON, HEAP_POISON + POISON_REACH, 0, "POISON_REACH bytes are near");
    check_absent(CAUSE_POISON, HEAP_POISON - POISON_REACH, 0, "near is below, too: an array's element -1");
    check_absent(CAUSE_FREE_RANGE, HEAP_POISON + POISON_REACH + 1, 0, "that is more than POISON_REACH away");
    check_absent(CAUSE_FREE_RANGE, HEAP_POISON - POISON_REACH - 1, 0, "that is more than POISON_REACH away");
}

CASE(ranges) {
    check_absent(CAUSE_SCRATCH, SCRATCH_PAGE, 0, "the scratch page is absent but while a new table is cleared");
    check_absent(CAUSE_SCRATCH, IDENTITY_END - 1, 0, "the scratch page's last byte");
    check_absent(CAUSE_FREE_RANGE, FREE_START, 0, "the user part begins here");
    check_absent(CAUSE_FREE_RANGE, KHEAP_START - 1, 0, "the user part's last byte");
    check_absent(CAUSE_HEAP, KHEAP_START, 0, "the heap begins here");
    check_absent(CAUSE_HEAP, KHEAP_END - 1, 0, "the heap's last byte");
    check_absent(CAUSE_DEVICES, DEVICES_START, 0, "devices begin where the heap ends");
    check_absent(CAUSE_DEVICES, FRAMES_START - 1, 0, "up to the frame records");
    check_absent(CAUSE_DAMAGED, FRAMES_START, 0, "the frame records are always there");
    check_absent(CAUSE_DAMAGED, SCRATCH_PAGE - 1, 0, "the identity map is always there");
    check_absent(CAUSE_WINDOW, WINDOW_START, 0, "the window: the page table that would be seen here is not there");
    check_absent(CAUSE_WINDOW, 0xFFFFFFFF, 0, "the window's last byte");
}

CASE(what_is_left) {
    check(CAUSE_READ_ONLY, 0x00300000, P | W, RW, RO, "a write was refused");
    check(CAUSE_DAMAGED, 0x00300000, 0, RW, 0, "absent, where Quire clears no entry");
    check(CAUSE_KERNEL_ONLY, FREE_START, P | U, USER_RW, RO, "a program, in the user part, and the page is there: it is the kernel's");
    check(CAUSE_KERNEL_ONLY, 0x00300000, P, RW, 0, "a read was refused, and the entry has gone since: no other cause holds");
    check(CAUSE_READ_ONLY, FREE_START, P | U | W, USER_RW, RO, "a write was refused, a program's: the first cause that holds");
}
