/* Lab spaces, exercise release: space_release and space_destroy. */
#include "mm/space.c"

#include "machine.h"

static void release_range(unsigned va, size_t pages) {
    doing("space_release(0x%08x, %u)", va, (unsigned)pages);
    space_release(AT(va), pages);
}

static void check_gone(unsigned va, size_t n) {
    for (unsigned at = va; at < va + n * PAGE_SIZE; at += PAGE_SIZE)
        CHECK(entry_at(at) == 0, "0x%08x was released, but its entry is 0x%08x", at, entry_at(at));
}

/* ---- space_release ---- */

CASE(pages_go) {
    start();
    page_by_hand(PART + 0x1000, WRITE);
    promise_by_hand(PART + 0x2000, WRITE);
    page_by_hand(PART + 0x4000, 0);
    page_by_hand(PART + 0x5000, WRITE);
    promise_by_hand(NEXT - 0x2000, 0);
    page_by_hand(NEXT, WRITE);
    remember_all();
    release_range(PART, 5);
    check_gone(PART, 5);
    check_entries("releasing 5 pages", PART, 5);
    release_range(PART + 0x5000, 1);
    release_range(NEXT - 0x2000, 1);
    check_gone(PART + 0x5000, 1);
    check_gone(NEXT - 0x2000, 1);
}

CASE(frames_go_back_with_their_last_owner) {
    start();
    paddr_t sole = page_by_hand(PART, WRITE), shared = page_by_hand(PART + 0x1000, SPACE_COPY);
    map_by_hand(NEXT, shared, SPACE_PAGE | SPACE_COPY);
    promise_by_hand(PART + 0x2000, WRITE);
    remember_all();
    release_range(PART, 3);
    CHECK(pm_state(sole) == PM_FREE, "0x%08x was the only page of its frame 0x%08x, and was released, but the frame did not go back to pm", PART,
          sole);
    CHECK(pm_state(shared) == PM_USED, "the frame 0x%08x has a page elsewhere, too, but was given back: whoever gets it next shares it", shared);
    CHECK(pages_counted(shared) == 1, "two pages had the frame 0x%08x, and one was released, but its record counts %u pages", shared,
          pages_counted(shared));
    CHECK(pm_count().free == before.free + 1, "one frame was to go back, but pm has %d more", (int)(pm_count().free - before.free));
    release_range(NEXT, 1);
    CHECK(pm_state(shared) == PM_FREE, "the last page of the frame 0x%08x was released, but the frame did not go back", shared);
    check_order("pages were released");
}

CASE(what_is_not_the_spaces_stays) {
    start();
    paddr_t mine = pm_alloc_page(), seen = pm_alloc_page();
    map_by_hand(PART, MODULE, SPACE_PAGE | SPACE_COPY);
    map_by_hand(PART + 0x1000, NOBODYS, WRITE | VMEM_NO_CACHE);
    map_by_hand(PART + 0x2000, mine, WRITE);
    map_by_hand(PART + 0x3000, seen, WRITE | VMEM_VIEW);
    remember_all();
    release_range(PART, 4);
    check_gone(PART, 4);
    CHECK(pages_counted(MODULE) == 0 && pages_counted(NOBODYS) == 0, "pages of a module and of a device were released, but the records of their "
          "frames count %u and %u pages", pages_counted(MODULE), pages_counted(NOBODYS));
    CHECK(pm_state(MODULE) == PM_RESERVED, "a module's frame was given to pm, which never handed it out");
    CHECK(pm_state(mine) == PM_USED && pages_counted(mine) == 0, "a frame that vmem_map had mapped (no SPACE_PAGE) is whoever's mapped it, and was "
          "%s", pm_state(mine) == PM_USED ? "not counted off" : "given back to pm");
    CHECK(pages_counted(seen) == 0 && pm_state(seen) == PM_USED, "a view (VMEM_VIEW) was released, and never was counted, but the frame that it "
          "showed has changed");
    CHECK(pm_count().free == before.free, "no frame was to go back, but pm has %d more", (int)(pm_count().free - before.free));
}

/* ---- no frame goes back before the processor has forgotten its page ---- */

static size_t pages_freed;

static void check_frames(void) {
    size_t forgotten = 0;
    for (size_t i = 0; i < pages_freed; i++)
        forgotten += is_forgotten(PART + i * PAGE_SIZE);
    CHECK(pm_count().free <= before.free + forgotten,
          "releasing %u pages: %u frames are back with pm when the processor has been made to forget %u pages: it may still write to the "
          "others, which may be somebody else's by then",
          (unsigned)pages_freed, (unsigned)(pm_count().free - before.free), (unsigned)forgotten);
}

CASE(after_the_processor_has_forgotten) {
    static const size_t lengths[] = {1, 5, 40};
    start();
    for (unsigned n = 0; n < 3; n++) {
        pages_freed = lengths[n];
        for (unsigned i = 0; i < pages_freed; i++)
            page_by_hand(PART + i * PAGE_SIZE, WRITE);
        remember_all();
        mmu_before_event = check_frames;
        release_range(PART, pages_freed);
        mmu_before_event = NULL;
        for (unsigned i = 0; i < pages_freed; i++)
            check_flushed("releasing pages", PART + i * PAGE_SIZE);
        check_gone(PART, pages_freed);
        mmu_check_caches();
        CHECK(pm_count().free == before.free + pages_freed, "%u pages were released, each with a frame of its own, and pm has %d more",
              (unsigned)pages_freed, (int)(pm_count().free - before.free));
    }
}

CASE(empty_tables_go_back) {
    start();
    paddr_t table = entry_frame(mmu_word(pde_place(PART)));
    page_by_hand(PART, WRITE);
    promise_by_hand(PART + 0x1000, WRITE);
    release_range(PART, 2);
    CHECK(mmu_word(pde_place(PART)) & PTE_PRESENT && entries_counted(table) == 1, "two of a table's three entries were released, but %s",
          mmu_word(pde_place(PART)) & PTE_PRESENT ? "its record does not count 1 (remove_entries)" : "the whole table is gone");
    remember_all();
    paddr_t one = empty_table_by_hand(FAR + 0x400000), two = empty_table_by_hand(FAR + 0xC00000);
    page_by_hand(FAR + 0x400000, WRITE);
    page_by_hand(FAR + 0x7FF000, WRITE);
    promise_by_hand(FAR + 0xC00000, 0);
    promise_by_hand(FAR + 0xC01000, 0);
    set_page_directory(get_page_directory());
    release_range(FAR + 0x3FF000, 3 * ENTRIES_PER_TABLE + 1); /* two of the four tables are missing */
    if (mmu_word(pde_place(FAR + 0x400000)))
        CHECK(entry_at(FAR + 0x400000) == 0, "0x%08x lies in the range, behind a table that is missing, but was not released: its entry is 0x%08x",
              FAR + 0x400000, entry_at(FAR + 0x400000));
    CHECK(mmu_word(pde_place(FAR + 0x400000)) == 0 && mmu_word(pde_place(FAR + 0xC00000)) == 0,
          "all entries of two tables were released, but PD[%u] is 0x%08x and PD[%u] 0x%08x: empty tables go back (remove_entries)",
          (FAR >> 22) + 1, mmu_word(pde_place(FAR + 0x400000)), (FAR >> 22) + 3, mmu_word(pde_place(FAR + 0xC00000)));
    CHECK(pm_state(one) == PM_FREE && pm_state(two) == PM_FREE, "two tables are empty and unlinked, but their frames did not go back to pm");
    check_undone("pages and their tables have come and gone");
}

/* ---- space_destroy ---- */

static void others_table(struct space *space, unsigned va) {
    paddr_t table = pm_alloc_page();
    for (unsigned i = 0; i < ENTRIES_PER_TABLE; i++)
        mmu_set_word(table + i * 4, 0);
    *frame_at(table) = FRAME_TABLE;
    mmu_set_word(others_pde_place(space, va), table | TABLE_FLAGS);
}

static void others_page(struct space *space, unsigned va, unsigned entry) {
    paddr_t table = entry_frame(mmu_word(others_pde_place(space, va)));
    mmu_set_word(table + (va >> 12 & 1023) * 4, entry);
    *frame_at(table) += FRAME_ENTRY;
    if ((entry & (PTE_PRESENT | VMEM_VIEW)) == PTE_PRESENT)
        *frame_at(entry & PTE_FRAME) += FRAME_PAGE;
}

static const unsigned tables[] = {0x00400000, PART, FAR, 0xBFC00000};

/* A space with four tables, the first and the last of the user part among them, and pages and promises in each. */
static struct space *full_space(void) {
    struct space *space = space_by_hand();
    for (unsigned i = 0; i < 4; i++) {
        others_table(space, tables[i]);
        others_page(space, tables[i], pm_alloc_page() | PTE_PRESENT | SPACE_PAGE | WRITE);
        others_page(space, tables[i] + 0x3FF000, pm_alloc_page() | PTE_PRESENT | SPACE_PAGE);
        others_page(space, tables[i] + 0x7000, SPACE_PAGE | WRITE);
    }
    return space;
}

static void destroy(struct space *space) {
    doing("space_destroy, of a space with four tables");
    space_destroy(space);
}

static void check_kernels_tables(void) {
    CHECK(pm_state(entry_frame(mmu_word(pde_place(0)))) == PM_TABLE, "the identity map is everybody's, but table 0 was given back with the space");
    CHECK(pm_state(entry_frame(mmu_word(pde_place(KERNELS)))) == PM_TABLE,
          "the kernel's tables are everybody's, but the one behind PD[%u] was given back with the space", KERNELS >> 22);
}

CASE(a_space_ends) {
    start();
    kernel_page_by_hand();
    remember_all();
    struct space *space = full_space();
    paddr_t last = pm_alloc_page();
    others_page(space, PART + 0x9000, last | PTE_PRESENT | SPACE_PAGE | SPACE_COPY); /* whoever shared it has written, or ended */
    paddr_t directory = space->directory, table = entry_frame(mmu_word(others_pde_place(space, 0xBFC00000)));
    paddr_t page = entry_frame(others_entry(space, PART));
    destroy(space);
    check_kernels_tables();
    CHECK(pm_state(page) == PM_FREE, "a space has ended, and a page was its frame's only one, but the frame did not go back to pm");
    CHECK(pm_state(last) == PM_FREE, "a space has ended, and a page with SPACE_COPY was its frame's last one, but the frame did not go back to pm");
    CHECK(pm_state(table) == PM_FREE, "a space has ended, but the frames of its page tables did not go back to pm (pm_take_back): PD[767], for "
          "one");
    CHECK(pm_state(directory) == PM_FREE, "a space has ended, but its directory's frame did not go back to pm (pm_take_back)");
    for (struct list *at = spaces.next; at != &spaces; at = at->next)
        CHECK(at != &space->list, "a space has ended, but it is still in the list SPACES");
    check_undone("a space has come and gone");
}

CASE(what_others_have_stays) {
    start();
    kernel_page_by_hand();
    paddr_t shared = page_by_hand(PART, SPACE_COPY), lent = pm_alloc_page(), seen = pm_alloc_page();
    remember_all();
    struct space *space = full_space();
    others_page(space, PART + 0x1000, shared | PTE_PRESENT | SPACE_PAGE | SPACE_COPY);
    others_page(space, PART + 0x2000, MODULE | PTE_PRESENT | SPACE_PAGE | SPACE_COPY);
    others_page(space, PART + 0x3000, NOBODYS | PTE_PRESENT | WRITE);
    others_page(space, PART + 0x4000, lent | PTE_PRESENT | WRITE);
    others_page(space, PART + 0x5000, seen | PTE_PRESENT | VMEM_VIEW);
    destroy(space);
    check_kernels_tables();
    CHECK(pm_state(shared) == PM_USED && pages_counted(shared) == 1, "a page was shared with a space that has ended: the frame is the other "
          "owner's now, but %s", pm_state(shared) == PM_USED ? "its record does not count 1 page" : "was given back to pm");
    CHECK(pm_state(MODULE) == PM_RESERVED && pages_counted(MODULE) == 0, "a module's frame is as it was before the space came, but %s",
          pm_state(MODULE) == PM_RESERVED ? "its record still counts a page" : "was given to pm");
    CHECK(pm_state(lent) == PM_USED, "a frame that vmem_map had mapped there (no SPACE_PAGE) is whoever's mapped it, but was given back to pm");
    CHECK(pm_state(seen) == PM_USED, "a view's frame (VMEM_VIEW) is somebody else's, but was given back to pm");
    check_undone("a space has come and gone");
}

static void call_destroy(uintptr_t space, uintptr_t b) {
    (void)b;
    space_destroy((struct space *)space);
}

CASE(the_current_and_the_first_space_are_refused) {
    start();
    struct space *other = space_by_hand(), *third = full_space();
    destroy(third);
    CHECK(heap_objects == 1, "a space has ended, but its object in the heap was not freed");
    remember_all();
    MUST_PANIC(call_destroy, &first, 0, "the current space was destroyed: the processor goes on with tables that are somebody else's");
    check_undone("destroying the current space was refused");
    set_page_directory(other->directory);
    current = other;
    size_t free = pm_count().free;
    MUST_PANIC(call_destroy, &first, 0, "the first space, which is the kernel's own, was destroyed");
    MUST_PANIC(call_destroy, other, 0, "the current space was destroyed: the processor goes on with tables that are somebody else's");
    CHECK(pm_count().free == free, "destroying a space was refused, but frames have gone back by then");
    check_order("destroying the first space was refused");
}

static void call_release(uintptr_t va, uintptr_t pages) { space_release(AT(va), pages); }

CASE(wrong_calls_are_refused) {
    start();
    struct space *other = space_by_hand();
    page_by_hand(PART, WRITE);
    page_by_hand(NEXT, WRITE);
    release_range(NEXT, 1);
    check_gone(NEXT, 1);
    remember_all();
    MUST_PANIC(call_release, 0x00300000, 1, "a page of the identity map was released");
    MUST_PANIC(call_release, KHEAP_START, 1, "a page of the kernel's part was released");
    MUST_PANIC(call_release, KHEAP_START - PAGE_SIZE, 2, "a range that runs into the kernel's part was released");
    MUST_PANIC(call_release, PART + 0x10, 1, "an address in the middle of a page was taken");
    MUST_PANIC(call_release, PART, 0, "a range of no pages was taken");
    MUST_PANIC(call_release, PART, 0xFFFFFFFF, "a range beyond the end of memory was taken");
    irqs_served = 1;
    MUST_PANIC(call_release, PART, 1, "an interrupt handler released pages");
    MUST_PANIC(call_destroy, other, 0, "an interrupt handler destroyed a space: it may have interrupted the allocator half-way");
    irqs_served = 0;
    check_undone("wrong calls were refused");
}
