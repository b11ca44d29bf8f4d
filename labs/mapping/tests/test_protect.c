/* Lab mapping, exercise protect: vmem_protect. */
#include "paging.h"
void flush_pages(vpn_t vpn, size_t n) __attribute__((weak)); /* given_flush.c: another exercise */

#include "mm/vmem.c"

#include "machine.h"

#define FRAME(i) (NOBODYS + (i) * PAGE_SIZE)

/* Four pages at HEAP, writable, for the kernel. */
static void pages_by_hand(unsigned flags) {
    start();
    for (unsigned i = 0; i < 4; i++)
        map_by_hand(HEAP + i * PAGE_SIZE, FRAME(i), flags);
    remember();
}

static const char *asked; /* the call, for check_pages */

static void protect(unsigned va, size_t bytes, unsigned flags) {
    static char text[64];
    snprintf(text, sizeof text, "vmem_protect(0x%08x, %u, 0x%x)", va, (unsigned)bytes, flags);
    asked = text;
    doing("%s", text);
    int result = vmem_protect(AT(va), bytes, flags);
    CHECK(result == 0, "vmem_protect(0x%08x, %u, 0x%x) returns %d, though each page is mapped", va, (unsigned)bytes, flags, result);
}

static unsigned permissions(unsigned page) { return entry_at(HEAP + page * PAGE_SIZE) & PERMISSIONS; }

/* The pages FROM to TO of the four, and no others, have the permissions FLAGS; the others are writable. */
static void check_pages(unsigned from, unsigned to, unsigned flags) {
    for (unsigned i = 0; i < 4; i++) {
        bool touched = i >= from && i <= to;
        unsigned expected = touched ? flags : VMEM_WRITE;
        CHECK(permissions(i) == expected, "%s %s the page 0x%08x, which has the permissions 0x%x: it should have 0x%x", asked,
              touched ? "touches" : "does not touch", HEAP + i * PAGE_SIZE, permissions(i), expected);
    }
}

CASE(permissions_change) {
    pages_by_hand(VMEM_WRITE);
    protect(HEAP, PAGE_SIZE, 0);
    check_pages(0, 0, 0);
    protect(HEAP, PAGE_SIZE, VMEM_WRITE | VMEM_USER);
    check_pages(0, 0, VMEM_WRITE | VMEM_USER);
    protect(HEAP, PAGE_SIZE, VMEM_USER);
    check_pages(0, 0, VMEM_USER);
}

CASE(nothing_else_changes) {
    pages_by_hand(VMEM_WRITE | VMEM_NO_CACHE);
    paddr_t table = entry_frame(mmu_word(pde_place(HEAP)));
    unsigned counted = entries_counted(table);
    protect(HEAP, PAGE_SIZE, VMEM_USER);
    unsigned entry = without_status(entry_at(HEAP));
    CHECK(entry & VMEM_USER, "the page's entry is 0x%08x: nothing at all has changed", entry);
    CHECK(entry_frame(entry) == FRAME(0), "0x%08x led to the frame 0x%08x, and leads to 0x%08x", HEAP, FRAME(0), entry_frame(entry));
    CHECK(entry & PTE_PRESENT, "0x%08x is not mapped any more", HEAP);
    CHECK(entry & VMEM_NO_CACHE, "the memory type is to stay, but the page was uncached and is cached now: its entry is 0x%08x", entry);
    check_rest("protecting a page", HEAP, 1);
    CHECK(entries_counted(table) == counted && pages_counted(FRAME(0)) == 1, "protecting a page maps and unmaps nothing, but the records' "
          "counts have changed");
}

CASE(the_processor_hears_of_it) {
    pages_by_hand(VMEM_WRITE);
    protect(HEAP, PAGE_SIZE, 0);
    check_pages(0, 0, 0);
    check_flushed("protecting a page", HEAP);
    mmu_event_count = 0;
    protect(HEAP + PAGE_SIZE, 3 * PAGE_SIZE, 0);
    check_pages(0, 3, 0);
    for (unsigned i = 1; i < 4; i++)
        check_flushed("protecting three pages", HEAP + i * PAGE_SIZE);
    mmu_check_caches();
    for (unsigned i = 4; i < 44; i++)
        map_by_hand(HEAP + i * PAGE_SIZE, FRAME(i), VMEM_WRITE);
    remember();
    protect(HEAP, 44 * PAGE_SIZE, VMEM_USER);
    for (unsigned i = 0; i < 44; i++)
        check_flushed("protecting 44 pages", HEAP + i * PAGE_SIZE);
    mmu_check_caches();
}

/* Where more is allowed than before, too: a page that was the program's is not, or a write faults for nothing. */
CASE(whatever_the_change_is) {
    static const struct {
        unsigned was, is;
        const char *what;
    } changes[] = {{0, VMEM_WRITE, "making a read-only page writable"},
                   {VMEM_WRITE | VMEM_USER, VMEM_WRITE, "taking a writable page away from programs"},
                   {VMEM_USER, 0, "taking a read-only page away from programs"},
                   {VMEM_WRITE | VMEM_USER, VMEM_USER, "making a program's page read-only"},
                   {0, VMEM_USER, "letting programs read a page"}};
    for (unsigned i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        pages_by_hand(changes[i].was);
        protect(HEAP, 4 * PAGE_SIZE, changes[i].is);
        check_pages(0, 3, changes[i].is);
        for (unsigned page = 0; page < 4; page++)
            check_flushed(changes[i].what, HEAP + page * PAGE_SIZE);
        mmu_check_caches();
    }
}

CASE(each_page_that_is_touched) {
    static const struct {
        unsigned offset, bytes, from, to;
    } ranges[] = {{0, 1, 0, 0}, {4095, 1, 0, 0}, {4095, 2, 0, 1}, {4096, 4096, 1, 1}, {4096, 4097, 1, 2}, {100, 8192, 0, 2}};
    pages_by_hand(VMEM_WRITE);
    for (unsigned i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        for (unsigned page = 0; page < 4; page++)
            mmu_poke(pte_place(HEAP + page * PAGE_SIZE), FRAME(page) | PTE_PRESENT | PTE_WRITE);
        protect(HEAP + ranges[i].offset, ranges[i].bytes, 0);
        check_pages(ranges[i].from, ranges[i].to, 0);
    }
}

CASE(absent_pages) {
    pages_by_hand(VMEM_WRITE);
    doing("vmem_protect over a page that is not mapped");
    int result = vmem_protect(AT(HEAP + 2 * PAGE_SIZE), 3 * PAGE_SIZE, 0);
    CHECK(result == VMEM_ABSENT, "the last page of the range is not mapped, but vmem_protect returns %d instead of VMEM_ABSENT", result);
    check_nothing_changed("vmem_protect returned VMEM_ABSENT");
    result = vmem_protect(AT(0xE0000000), 1, 0);
    CHECK(result == VMEM_ABSENT, "there is no page table, but vmem_protect returns %d instead of VMEM_ABSENT", result);
    protect(HEAP + 2 * PAGE_SIZE, 2 * PAGE_SIZE, 0);
    check_pages(2, 3, 0);
}

static void protect_bytes(uintptr_t va, uintptr_t bytes) { vmem_protect(AT(va), bytes, 0); }
static void protect_as(uintptr_t va, uintptr_t flags) { vmem_protect(AT(va), 1, flags); }

CASE(wrong_calls_are_refused) {
    pages_by_hand(VMEM_WRITE);
    MUST_PANIC(protect_bytes, HEAP, 0, "no bytes were taken for a range");
    MUST_PANIC(protect_bytes, 0x00200000, 1, "the identity map was changed");
    MUST_PANIC(protect_bytes, 0xFFFFF000, 1, "the window was changed");
    static const unsigned offsets[] = {1, 2, 3, 4095}; /* from 2 on, offset + bytes + 4095 passes 4 GiB more than once */
    for (unsigned i = 0; i < sizeof offsets / sizeof offsets[0]; i++)
        MUST_PANIC(protect_bytes, HEAP + offsets[i], 0xFFFFFFFF, "vmem_protect(0x%08x, 0xffffffff, 0), a range beyond the end of the "
                   "address space, was taken: sums of 32 bits wrap around", HEAP + offsets[i]);
    MUST_PANIC(protect_as, HEAP, VMEM_NO_CACHE, "a memory type was taken for a permission");
    check_nothing_changed("wrong calls were refused");
    protect(HEAP, 1, 0);
}
