/* Lab mapping, exercise frames: vmem_alloc_range and vmem_free_range. */
#include "given.h"
void flush_pages(vpn_t vpn, size_t n) __attribute__((weak)); /* given_flush.c: another exercise */

#include "mm/vmem.c"

#include "machine.h"

static void alloc(unsigned va, size_t pages, unsigned flags) {
    doing("vmem_alloc_range(0x%08x, %u, 0x%x)", va, (unsigned)pages, flags);
    int result = vmem_alloc_range(AT(va), pages, flags);
    CHECK(result == 0, "vmem_alloc_range(0x%08x, %u, 0x%x) returns %d, though there are frames and nothing is in its way", va,
          (unsigned)pages, flags, result);
}

/* N pages at VA, each with a frame of its own from pm, as vmem_alloc_range makes them. */
static void pages_by_hand(unsigned va, size_t n) {
    for (size_t i = 0; i < n; i++)
        map_by_hand(va + i * PAGE_SIZE, pm_alloc_page(), PTE_WRITE);
    remember();
}

CASE(each_page_gets_a_frame) {
    start();
    remember();
    alloc(HEAP, 40, VMEM_WRITE);
    static bool seen[4096];
    for (unsigned va = HEAP; va < HEAP + 40 * PAGE_SIZE; va += PAGE_SIZE) {
        unsigned entry = without_status(entry_at(va));
        paddr_t frame = entry_frame(entry);
        CHECK(entry == (frame | PTE_PRESENT | VMEM_WRITE), "0x%08x: its entry is 0x%08x; it must be present and writable, and have no other flag",
              va, entry);
        CHECK(pa_to_pfn(frame) < 4096 && pm_state(frame) == PM_USED, "0x%08x leads to 0x%08x, a frame that pm has not handed out", va,
              frame);
        CHECK(!seen[pa_to_pfn(frame)], "0x%08x leads to 0x%08x, as another page does: each is to have a frame of its own", va, frame);
        seen[pa_to_pfn(frame)] = true;
    }
    check_rest("allocating pages", HEAP, 40);
    CHECK(pm_count().free == before.free - 40, "40 pages came, each with a frame, but pm has %d fewer", (int)(before.free - pm_count().free));
}

/* Every other frame is free. */
CASE(frames_that_are_not_adjacent) {
    static paddr_t taken[4096];
    unsigned n = 0;
    start();
    for (paddr_t frame; (frame = pm_alloc_page()) != PADDR_NONE;)
        taken[n++] = frame;
    while (n-- > 0)
        if (pa_to_pfn(taken[n]) % 2)
            pm_free_page(taken[n]);
    remember();
    doing("vmem_alloc_range(0x%08x, 8, 0), where no two free frames are adjacent", HEAP);
    int result = vmem_alloc_range(AT(HEAP), 8, 0);
    CHECK(result == 0, "no two free frames are adjacent, but %u are free, and vmem_alloc_range of 8 pages returns %d: the pages are "
          "adjacent, their frames need not be", (unsigned)before.free, result);
    for (unsigned i = 0; i < 8; i++) {
        paddr_t frame = entry_frame(entry_at(HEAP + i * PAGE_SIZE));
        CHECK(pa_to_pfn(frame) % 2 && pm_state(frame) == PM_USED, "0x%08x leads to 0x%08x, a frame that is somebody else's",
              HEAP + i * PAGE_SIZE, frame);
    }
}

/* Without a table there is no place for an entry, and while there are entries their table stays. */
CASE(tables_come_first_and_go_last) {
    start();
    remember();
    doing("vmem_alloc_range(0x%08x, 3, 0), where there is no table before add_entries links one", FAR + 0x3FE000);
    int result = vmem_alloc_range(AT(FAR + 0x3FE000), 3, 0);
    CHECK(result == 0, "vmem_alloc_range returns %d, though there are frames for the pages and for two tables", result);
    CHECK(pm_count().free == before.free - 5, "3 pages and 2 tables came, each a frame, but pm has %d fewer", (int)(before.free - pm_count().free));
    doing("vmem_free_range(0x%08x, 3), all pages of their tables", FAR + 0x3FE000);
    result = vmem_free_range(AT(FAR + 0x3FE000), 3);
    CHECK(result == 0, "vmem_free_range returns %d, though each page is mapped", result);
    check_nothing_changed("3 pages have come and gone, with their tables");
    mmu_check_caches();
}

CASE(the_books_are_kept) {
    start();
    paddr_t table = entry_frame(mmu_word(pde_place(HEAP)));
    alloc(HEAP, 3, 0);
    CHECK(entries_counted(table) == 4, "3 pages came into a table that had 1 entry, but its record counts %u (add_entries)",
          entries_counted(table));
    CHECK(pages_counted(entry_frame(entry_at(HEAP))) == 1, "a page was mapped to a frame, but the frame's record counts %u",
          pages_counted(entry_frame(entry_at(HEAP))));
    remember();
    doing("vmem_free_range(0x%08x, 3)", HEAP);
    int result = vmem_free_range(AT(HEAP), 3);
    CHECK(result == 0, "vmem_free_range returns %d, though each page is mapped", result);
    CHECK(entries_counted(table) == 1, "3 pages left a table with 4 entries, but its record counts %u (remove_entries)",
          entries_counted(table));
    CHECK(pm_count().free == before.free + 3, "3 pages were freed, with their frames, but pm has %d more", (int)(pm_count().free - before.free));
}

CASE(memory_runs_out) {
    start();
    paddr_t last = pm_alloc_page();
    while (pm_count().free)
        last = pm_alloc_page();
    pm_free_page(last);
    remember();
    doing("vmem_alloc_range of 2 pages, with 1 frame free");
    int result = vmem_alloc_range(AT(HEAP), 2, 0);
    CHECK(result == VMEM_NO_MEMORY, "2 pages were asked for and 1 frame is free, but vmem_alloc_range returns %d instead of VMEM_NO_MEMORY",
          result);
    check_nothing_changed("vmem_alloc_range returned VMEM_NO_MEMORY");
    doing("vmem_alloc_range of a page whose table is missing, with 1 frame free");
    result = vmem_alloc_range(AT(0xE0000000), 1, 0);
    CHECK(result == VMEM_NO_MEMORY, "a page and its table take 2 frames and 1 is free, but vmem_alloc_range returns %d", result);
    check_nothing_changed("vmem_alloc_range returned VMEM_NO_MEMORY for want of a page table");
    alloc(HEAP, 1, 0);
    CHECK(pm_count().free == 0, "the last frame is mapped, but pm calls %u free", (unsigned)pm_count().free);
}

CASE(frames_go_back) {
    start();
    pages_by_hand(HEAP, 40);
    paddr_t frame = entry_frame(entry_at(HEAP));
    doing("vmem_free_range(0x%08x, 40)", HEAP);
    int result = vmem_free_range(AT(HEAP), 40);
    CHECK(result == 0, "vmem_free_range returns %d, though each page is mapped", result);
    for (unsigned va = HEAP; va < HEAP + 40 * PAGE_SIZE; va += PAGE_SIZE)
        CHECK(entry_at(va) == 0, "0x%08x was freed, but its entry is 0x%08x", va, entry_at(va));
    check_rest("freeing pages", HEAP, 40);
    CHECK(pm_count().free == before.free + 40, "40 pages were freed, with their frames, but pm has %d more", (int)(pm_count().free - before.free));
    CHECK(pm_state(frame) == PM_FREE, "a page was freed, but pm does not call its frame 0x%08x free", frame);
}

/* ---- no frame goes back before the processor has forgotten its page ---- */

static unsigned freed_from;
static size_t freed_pages;

static void check_frames(void) {
    size_t forgotten = 0;
    for (size_t i = 0; i < freed_pages; i++)
        forgotten += is_forgotten(freed_from + i * PAGE_SIZE);
    CHECK(pm_count().free <= before.free + forgotten,
          "vmem_free_range(0x%08x, %u): more frames are back with pm (%u) than pages forgotten by the processor (%u): it may still "
          "write to the others, which may be somebody else's by then",
          freed_from, (unsigned)freed_pages, (unsigned)(pm_count().free - before.free), (unsigned)forgotten);
}

CASE(after_the_processor_has_forgotten) {
    static const size_t lengths[] = {1, 5, 32, 64};
    start();
    for (unsigned i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        freed_from = HEAP, freed_pages = lengths[i];
        pages_by_hand(HEAP, freed_pages);
        mmu_before_event = check_frames;
        doing("vmem_free_range(0x%08x, %u)", HEAP, (unsigned)freed_pages);
        vmem_free_range(AT(HEAP), freed_pages);
        mmu_before_event = NULL;
        for (size_t page = 0; page < freed_pages; page++)
            check_flushed("freeing pages", HEAP + page * PAGE_SIZE);
        CHECK(pm_count().free == before.free + freed_pages, "vmem_free_range(0x%08x, %u), but pm has %d more", freed_from,
              (unsigned)freed_pages, (int)(pm_count().free - before.free));
        mmu_check_caches();
    }
}

static void free_range(uintptr_t va, uintptr_t pages) { vmem_free_range(AT(va), pages); }
static void alloc_range(uintptr_t va, uintptr_t pages) { vmem_alloc_range(AT(va), pages, 0); }

CASE(wrong_frees_are_refused) {
    start();
    pages_by_hand(HEAP, 3);
    map_by_hand(HEAP + 0x3000, NOBODYS, PTE_WRITE);
    remember();
    MUST_PANIC(free_range, HEAP, 4, "a frame that pm has not handed out was given back to it");
    check_nothing_changed("a free was refused because of its last page");
    paddr_t shared = entry_frame(entry_at(HEAP + 0x1000));
    map_by_hand(HEAP + 0x8000, shared, 0);
    remember();
    MUST_PANIC(free_range, HEAP, 2, "a frame that another page is mapped to was given back: whoever gets it next shares it");
    check_nothing_changed("a free was refused because another page is mapped to the frame");
    doing("vmem_free_range(0x%08x, 3), whose last page is not mapped: VMEM_ABSENT is the answer", HEAP + 0x2000);
    int result = vmem_free_range(AT(HEAP + 0x2000), 3);
    CHECK(result == VMEM_ABSENT, "the last page of the range is not mapped, but vmem_free_range returns %d instead of VMEM_ABSENT", result);
    check_nothing_changed("vmem_free_range returned VMEM_ABSENT");
    doing("vmem_free_range(0x%08x, 1), where there is no table: VMEM_ABSENT is the answer", FAR);
    result = vmem_free_range(AT(FAR), 1);
    CHECK(result == VMEM_ABSENT, "there is no page table, but vmem_free_range returns %d instead of VMEM_ABSENT", result);
    check_nothing_changed("vmem_free_range returned VMEM_ABSENT");
    doing("vmem_alloc_range(0x%08x, 1, 0), where a page is mapped", HEAP + 0x2000);
    MUST_PANIC(alloc_range, HEAP + 0x2000, 1, "a page that is mapped already was given another frame");
    check_nothing_changed("an allocation over a mapped page was refused");
}
