/* Lab mapping, exercise map: vmem_map_range and vmem_map. */
#include "given.h"
#include "mm/vmem.c"

#include "machine.h"

static void map(unsigned va, paddr_t pa, size_t pages, unsigned flags) {
    doing("vmem_map_range(0x%08x, 0x%08x, %u, 0x%x)", va, pa, (unsigned)pages, flags);
    int result = vmem_map_range(AT(va), pa, pages, flags);
    CHECK(result == 0, "vmem_map_range(0x%08x, 0x%08x, %u, 0x%x) returns %d, though nothing is in its way", va, pa, (unsigned)pages,
          flags, result);
}

static void check_page(unsigned va, paddr_t pa, unsigned flags) {
    unsigned entry = without_status(entry_at(va));
    CHECK(entry & PTE_PRESENT, "0x%08x is not mapped: its entry is 0x%08x", va, entry);
    CHECK(entry_frame(entry) == pa, "0x%08x leads to the frame 0x%08x: it should lead to 0x%08x", va, entry_frame(entry), pa);
    CHECK(entry == (pa | flags | PTE_PRESENT), "0x%08x: its entry is 0x%08x, not 0x%08x: the flags are not those asked for", va, entry,
          pa | flags | PTE_PRESENT);
}

static void map_several(uintptr_t va, uintptr_t pages) { vmem_map_range(AT(va), NOBODYS, pages, 0); }
static void map_one(uintptr_t va, uintptr_t pa) { vmem_map(AT(va), pa, 0); }
static void map_view(uintptr_t va, uintptr_t pa) { vmem_map(AT(va), pa, VMEM_VIEW); }
static void map_to(uintptr_t pa, uintptr_t pages) { vmem_map_range(AT(HEAP), pa, pages, 0); }
static void map_strangely(uintptr_t va, uintptr_t flags) { vmem_map(AT(va), NOBODYS, flags); }

CASE(a_page) {
    start();
    remember();
    doing("vmem_map(0x%08x, 0x%08x, VMEM_WRITE)", HEAP + 0x5000, NOBODYS);
    int result = vmem_map(AT(HEAP + 0x5000), NOBODYS, VMEM_WRITE);
    CHECK(result == 0, "vmem_map returns %d, though nothing is in its way", result);
    check_page(HEAP + 0x5000, NOBODYS, VMEM_WRITE);
    check_rest("mapping a page", HEAP + 0x5000, 1);
    mmu_store(AT(HEAP + 0x5010), 0x12345678);
    CHECK(mmu_word(NOBODYS + 0x10) == 0x12345678, "what is written to the page does not reach the frame");
}

CASE(as_the_flags_say) {
    static const unsigned kinds[] = {0, VMEM_WRITE, VMEM_USER, VMEM_WRITE | VMEM_USER, VMEM_WRITE | VMEM_NO_CACHE,
                                     VMEM_WRITE_COMBINING};
    start();
    for (unsigned i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        map(HEAP + i * PAGE_SIZE, NOBODYS + i * PAGE_SIZE, 1, kinds[i]);
        check_page(HEAP + i * PAGE_SIZE, NOBODYS + i * PAGE_SIZE, kinds[i]);
    }
    MUST_PANIC(map_strangely, HEAP + 0x100000, PTE_DIRTY, "flags that are none of vmem.h's were taken: 0x%x", PTE_DIRTY);
}

CASE(adjacent_frames) {
    start();
    remember();
    map(HEAP, NOBODYS, 33, VMEM_WRITE);
    for (unsigned i = 0; i < 33; i++)
        check_page(HEAP + i * PAGE_SIZE, NOBODYS + i * PAGE_SIZE, VMEM_WRITE);
    check_rest("mapping 33 pages", HEAP, 33);
    CHECK(pm_count().free == before.free, "the frames are the caller's, and the tables were there, but pm has %d fewer",
          (int)(before.free - pm_count().free));
}

CASE(over_two_tables) {
    start();
    mmu_set_word(pte_place(NEXT - PAGE_SIZE), 0);
    set_page_directory(get_page_directory());
    *frame_at(entry_frame(mmu_word(pde_place(HEAP)))) -= FRAME_ENTRY;
    map_by_hand(HEAP, NOBODYS + 0x200000, 0);
    remember();
    map(NEXT - 3 * PAGE_SIZE, NOBODYS, 7, 0);
    for (unsigned i = 0; i < 7; i++)
        check_page(NEXT - 3 * PAGE_SIZE + i * PAGE_SIZE, NOBODYS + i * PAGE_SIZE, 0);
    check_rest("mapping 7 pages over two tables", NEXT - 3 * PAGE_SIZE, 7);
    paddr_t first = entry_frame(mmu_word(pde_place(HEAP))), second = entry_frame(mmu_word(pde_place(NEXT)));
    CHECK(entries_counted(first) == 4 && entries_counted(second) == 5,
          "3 pages came into the first table and 4 into the next, but their records count %u and %u more",
          entries_counted(first) - 1, entries_counted(second) - 1);
}

/* Without a table there is no place for an entry. */
CASE(a_table_that_is_missing_comes_first) {
    start();
    remember();
    doing("vmem_map(0x%08x, 0x%08x, VMEM_WRITE), where there is no table before add_entries links one", FAR + 0x5000, NOBODYS);
    int result = vmem_map(AT(FAR + 0x5000), NOBODYS, VMEM_WRITE);
    CHECK(result == 0, "vmem_map returns %d, though there is a frame for the table that is missing", result);
    check_page(FAR + 0x5000, NOBODYS, VMEM_WRITE);
    doing("vmem_map_range(0x%08x, 0x%08x, 3, 0), where there is no table for the last two before add_entries links one", FAR + 0x3FF000, NOBODYS);
    result = vmem_map_range(AT(FAR + 0x3FF000), NOBODYS, 3, 0);
    CHECK(result == 0, "vmem_map_range returns %d, though there is a frame for the table that is missing", result);
    for (unsigned i = 0; i < 3; i++)
        check_page(FAR + 0x3FF000 + i * PAGE_SIZE, NOBODYS + i * PAGE_SIZE, 0);
    CHECK(pm_count().free == before.free - 2, "two tables came, one frame each, but pm has %d fewer", (int)(before.free - pm_count().free));
    mmu_check_caches();
}

CASE(frame_and_table_count_the_page) {
    start();
    paddr_t table = entry_frame(mmu_word(pde_place(HEAP))), frame = pm_alloc_page();
    map(HEAP, frame, 1, VMEM_WRITE);
    CHECK(entries_counted(table) == 2, "a page was mapped in a table that had 1 entry, but the table's record counts %u (add_entries)",
          entries_counted(table));
    CHECK(pages_counted(frame) == 1, "a page was mapped to a frame, but the frame's record counts %u: pm would take it back under it",
          pages_counted(frame));
    doing("vmem_map(0x%08x, 0x%08x, 0)", HEAP + 0x7000, frame);
    vmem_map(AT(HEAP + 0x7000), frame, 0);
    CHECK(pages_counted(frame) == 2 && entries_counted(table) == 3, "a second page was mapped to the frame, but its record counts %u, "
          "and the table's %u instead of 3", pages_counted(frame), entries_counted(table));
}

CASE(a_view_is_not_counted) {
    start();
    paddr_t frame = pm_alloc_page();
    table_by_hand(FREE_START);
    map(FREE_START, frame, 1, VMEM_VIEW);
    CHECK(pages_counted(frame) == 0, "a view (VMEM_VIEW) does not hold the frame, but the frame's record counts it");
    check_page(FREE_START, frame, VMEM_VIEW);
    MUST_PANIC(map_view, HEAP, frame, "a view in the kernel's part was taken: vmem_free_range counts on there being none");
}

CASE(what_is_mapped_is_refused) {
    start();
    map_by_hand(HEAP + 0x2000, NOBODYS + 0x300000, VMEM_WRITE);
    remember();
    MUST_PANIC(map_one, HEAP + 0x2000, NOBODYS, "a page that is mapped already was mapped again: whoever had it writes elsewhere now");
    check_nothing_changed("mapping a page that is mapped already was refused");
    MUST_PANIC(map_several, HEAP, 4, "a range was mapped over a page that is mapped already");
    check_nothing_changed("a range was refused because its third page is mapped already");
    CHECK(mmu_event_count == 0, "a range was refused because its third page is mapped already, but entries had been written by then: "
          "check all of it before the first change");
    map(HEAP, NOBODYS, 2, 0);
}

CASE(memory_runs_out) {
    start();
    while (pm_alloc_page() != PADDR_NONE)
        ;
    remember();
    doing("vmem_map where a table is missing and no frame is free");
    int result = vmem_map(AT(0xE0000000), NOBODYS, 0);
    CHECK(result == VMEM_NO_MEMORY, "a table is needed and no frame is free, but vmem_map returns %d instead of VMEM_NO_MEMORY", result);
    check_nothing_changed("vmem_map returned VMEM_NO_MEMORY");
    doing("vmem_map_range over a table that is there and one that is not, no frame free");
    result = vmem_map_range(AT(NEXT + 0x3FC000 - 0x1000), NOBODYS, 3, 0);
    CHECK(result == 0, "no table is needed, but vmem_map_range returns %d because no frame is free", result);
    remember();
    mmu_set_word(pte_place(NEXT + 0x3FF000), 0);
    set_page_directory(get_page_directory());
    *frame_at(entry_frame(mmu_word(pde_place(NEXT)))) -= FRAME_ENTRY;
    remember();
    result = vmem_map_range(AT(NEXT + 0x3FF000), NOBODYS, 2, 0);
    CHECK(result == VMEM_NO_MEMORY, "the range's second table is missing and no frame is free, but vmem_map_range returns %d", result);
    check_nothing_changed("vmem_map_range returned VMEM_NO_MEMORY half-way");
}

CASE(wrong_ranges_are_refused) {
    start();
    map(HEAP + 0x10000, NOBODYS, 1, 0);
    remember();
    MUST_PANIC(map_one, 0x00300000, NOBODYS, "a page of the identity map was mapped anew");
    MUST_PANIC(map_one, 0xFFC00000, NOBODYS, "a page of the window was mapped anew");
    MUST_PANIC(map_one, FRAMES_START, NOBODYS, "a page of the frame records was mapped anew");
    MUST_PANIC(map_one, HEAP + 0x10, NOBODYS, "an address in the middle of a page was taken");
    MUST_PANIC(map_one, HEAP, NOBODYS + 0x10, "a physical address in the middle of a frame was taken");
    MUST_PANIC(map_to, 0xFFFFF000, 2, "two frames from 0xfffff000 on were taken: the second lies beyond 4 GiB, and the page leads to frame 0");
    MUST_PANIC(map_to, NOBODYS, FRAMES_MAX - 1, "more pages were taken than there is room for");
    MUST_PANIC(map_several, HEAP, 0, "a range of no pages was taken");
    MUST_PANIC(map_several, FRAMES_START - 0x1000, 2, "a range that runs into the frame records was taken");
    MUST_PANIC(map_several, HEAP, 0xFFFFFFFF, "a range beyond the end of memory was taken");
    check_nothing_changed("wrong ranges were refused");
}
