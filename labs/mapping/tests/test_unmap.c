/* Lab mapping, exercise unmap: flush_pages, vmem_unmap_range and vmem_unmap. */
#include "given.h"
#include "mm/vmem.c"

#include "machine.h"

static paddr_t frames[PAGES_MAX];

/* N pages at VA, each with a frame of its own from pm. */
static void pages_by_hand(unsigned va, size_t n) {
    for (size_t i = 0; i < n; i++) {
        frames[i] = pm_alloc_page();
        map_by_hand(va + i * PAGE_SIZE, frames[i], PTE_WRITE);
    }
    remember();
}

static void unmap(unsigned va, size_t pages) {
    doing("vmem_unmap_range(0x%08x, %u)", va, (unsigned)pages);
    int result = vmem_unmap_range(AT(va), pages);
    CHECK(result == 0, "vmem_unmap_range(0x%08x, %u) returns %d, though each page is mapped", va, (unsigned)pages, result);
}

static void check_gone(unsigned va, size_t n) {
    for (size_t i = 0; i < n; i++)
        CHECK(entry_at(va + i * PAGE_SIZE) == 0, "0x%08x was unmapped, but its entry is 0x%08x: an absent entry is 0",
              (unsigned)(va + i * PAGE_SIZE), entry_at(va + i * PAGE_SIZE));
    check_rest("unmapping pages", va, n);
}

CASE(a_page_goes) {
    start();
    pages_by_hand(HEAP + 0x1000, 1);
    doing("vmem_unmap(0x%08x)", HEAP + 0x1000);
    int result = vmem_unmap(AT(HEAP + 0x1000));
    CHECK(result == 0, "vmem_unmap returns %d, though the page is mapped", result);
    check_gone(HEAP + 0x1000, 1);
}

CASE(the_processor_forgets_it) {
    start();
    pages_by_hand(HEAP + 0x1000, 2);
    doing("vmem_unmap(0x%08x)", HEAP + 0x1000);
    vmem_unmap(AT(HEAP + 0x1000));
    check_gone(HEAP + 0x1000, 1);
    check_flushed("unmapping a page", HEAP + 0x1000);
    unmap(HEAP + 0x2000, 1);
    check_flushed("unmapping a range of one page", HEAP + 0x2000);
    mmu_check_caches();
}

CASE(many_pages) {
    static const size_t lengths[] = {2, 31, 32, 33, 64};
    start();
    for (unsigned i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        unsigned va = HEAP + 0x10000;
        pages_by_hand(va, lengths[i]);
        unmap(va, lengths[i]);
        check_gone(va, lengths[i]);
        for (size_t page = 0; page < lengths[i]; page++) {
            char what[40];
            snprintf(what, sizeof what, "unmapping %u pages", (unsigned)lengths[i]);
            check_flushed(what, va + page * PAGE_SIZE);
        }
        mmu_check_caches();
    }
}

CASE(frame_and_table_count_one_less) {
    start();
    paddr_t table = entry_frame(mmu_word(pde_place(HEAP)));
    pages_by_hand(HEAP, 3);
    doing("vmem_unmap(0x%08x)", HEAP);
    vmem_unmap(AT(HEAP));
    CHECK(pages_counted(frames[0]) == 0, "the frame's only page is unmapped, but its record counts %u: pm will never take it back",
          pages_counted(frames[0]));
    CHECK(entries_counted(table) == 3, "3 entries are left in the table, but its record counts %u (remove_entries)",
          entries_counted(table));
    unmap(HEAP + 0x1000, 2);
    CHECK(pages_counted(frames[2]) == 0 && entries_counted(table) == 1,
          "after unmapping a range the last frame's record counts %u instead of 0, the table's %u instead of 1", pages_counted(frames[2]),
          entries_counted(table));
}

CASE(the_frame_stays_the_callers) {
    start();
    pages_by_hand(HEAP, 4);
    unmap(HEAP, 4);
    check_gone(HEAP, 4);
    CHECK(pm_count().free == before.free, "the frames are whoever's mapped them, but unmapping gave %d to pm",
          (int)(pm_count().free - before.free));
    doing("pm_free_page of the frame that was unmapped");
    pm_free_page(frames[0]);
}

/* The window shows a table only for as long as it is linked. */
CASE(a_table_that_becomes_empty_goes_last) {
    start();
    empty_table_by_hand(FAR);
    pages_by_hand(FAR + 0x3000, 1);
    doing("vmem_unmap(0x%08x), the last page of its table", FAR + 0x3000);
    int result = vmem_unmap(AT(FAR + 0x3000));
    CHECK(result == 0, "vmem_unmap returns %d, though the page is mapped", result);
    CHECK(mmu_word(pde_place(FAR)) == 0, "the table's last page was unmapped, but PD[%u] is still 0x%08x (remove_entries)", FAR >> 22,
          mmu_word(pde_place(FAR)));
    CHECK(pm_count().free == before.free + 1, "a page was unmapped and its table was empty: one frame goes back, but pm has %d more",
          (int)(pm_count().free - before.free));
    mmu_check_caches();
    empty_table_by_hand(FAR);
    pages_by_hand(FAR, PAGES_MAX);
    doing("vmem_unmap_range(0x%08x, %u), all pages of their table", FAR, PAGES_MAX);
    result = vmem_unmap_range(AT(FAR), PAGES_MAX);
    CHECK(result == 0, "vmem_unmap_range returns %d, though each page is mapped", result);
    CHECK(mmu_word(pde_place(FAR)) == 0, "all pages of a table were unmapped, but PD[%u] is still 0x%08x (remove_entries)", FAR >> 22,
          mmu_word(pde_place(FAR)));
    mmu_check_caches();
}

CASE(a_view_was_not_counted) {
    start();
    table_by_hand(FREE_START);
    paddr_t frame = pm_alloc_page();
    map_by_hand(FREE_START, frame, VMEM_VIEW);
    map_by_hand(FREE_START + PAGE_SIZE, frame, VMEM_VIEW);
    remember();
    doing("vmem_unmap(0x%08x), a view", FREE_START);
    int result = vmem_unmap(AT(FREE_START));
    CHECK(result == 0, "vmem_unmap returns %d, though the page is mapped", result);
    unmap(FREE_START + PAGE_SIZE, 1);
    check_gone(FREE_START, 2);
    CHECK(*frame_at(frame) == FRAME_PLAIN, "views (VMEM_VIEW) are not counted when they come, but going they were: their frame's record was "
          "0x%08x and is 0x%08x", FRAME_PLAIN, *frame_at(frame));
}

CASE(absent_pages) {
    start();
    pages_by_hand(HEAP, 3);
    mmu_set_word(pte_place(HEAP + 0x1000), 0);
    set_page_directory(get_page_directory());
    *frame_at(entry_frame(mmu_word(pde_place(HEAP)))) -= FRAME_ENTRY;
    remember();
    int result = vmem_unmap_range(AT(HEAP), 3);
    CHECK(result == VMEM_ABSENT, "the second page of the range is not mapped, but vmem_unmap_range returns %d instead of VMEM_ABSENT",
          result);
    check_nothing_changed("vmem_unmap_range returned VMEM_ABSENT");
    result = vmem_unmap(AT(HEAP + 0x1000));
    CHECK(result == VMEM_ABSENT, "vmem_unmap of a page that is not mapped returns %d instead of VMEM_ABSENT", result);
    result = vmem_unmap(AT(0xE0000000));
    CHECK(result == VMEM_ABSENT, "vmem_unmap where there is no page table returns %d instead of VMEM_ABSENT", result);
    check_nothing_changed("vmem_unmap returned VMEM_ABSENT");
    unmap(HEAP + 0x2000, 1);
    pages_by_hand(NEXT - 2 * PAGE_SIZE, 1);
    result = vmem_unmap_range(AT(NEXT - 2 * PAGE_SIZE), 3);
    CHECK(result == VMEM_ABSENT, "the range's last page, in the next table, is not mapped, but vmem_unmap_range returns %d instead of "
          "VMEM_ABSENT", result);
    check_nothing_changed("vmem_unmap_range returned VMEM_ABSENT because of a page in the range's second table");
    result = vmem_unmap_range(AT(NEXT + 0x3FF000), 2);
    CHECK(result == VMEM_ABSENT, "the range's second table is missing, but vmem_unmap_range returns %d instead of VMEM_ABSENT", result);
    check_nothing_changed("vmem_unmap_range returned VMEM_ABSENT because the range's second table is missing");
}

CASE(flushing_a_range) {
    start();
    for (size_t n = 1; n <= 40; n++) {
        mmu_event_count = 0;
        doing("flush_pages(0x%05x, %u)", HEAP >> 12, (unsigned)n);
        flush_pages(HEAP >> 12, n);
        for (size_t i = 0; i < n; i++)
            CHECK(is_flushed(HEAP + i * PAGE_SIZE), "flush_pages(vpn, %u) leaves the page vpn + %u in the TLB", (unsigned)n, (unsigned)i);
    }
}
