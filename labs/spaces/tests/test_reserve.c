/* Lab spaces, exercise reserve: space_reserve and space_map_copy. */
#include "mm/space.c"

#include "machine.h"

static void reserve(unsigned va, size_t pages, unsigned flags) {
    doing("space_reserve(0x%08x, %u, 0x%x)", va, (unsigned)pages, flags);
    int result = space_reserve(AT(va), pages, flags);
    CHECK(result == 0, "space_reserve(0x%08x, %u, 0x%x) returns %d, though nothing is in its way", va, (unsigned)pages, flags, result);
}

static void map_copy(unsigned va, paddr_t pa, size_t pages, unsigned flags) {
    doing("space_map_copy(0x%08x, 0x%08x, %u, 0x%x)", va, pa, (unsigned)pages, flags);
    int result = space_map_copy(AT(va), pa, pages, flags);
    CHECK(result == 0, "space_map_copy(0x%08x, 0x%08x, %u, 0x%x) returns %d, though nothing is in its way", va, pa, (unsigned)pages,
          flags, result);
}

static void check_promise(unsigned va, unsigned flags) {
    unsigned entry = entry_at(va);
    CHECK(entry, "0x%08x was reserved, but its entry is 0: nobody can tell that a page is to come there", va);
    CHECK(!(entry & PTE_PRESENT), "0x%08x: its entry is 0x%08x, and present: until it is touched the page has no frame, and this leads to "
          "frame 0x%08x", va, entry, entry_frame(entry));
    CHECK(entry & SPACE_PAGE, "0x%08x: its entry is 0x%08x, without SPACE_PAGE: space_fault takes the first touch for a real fault", va,
          entry);
    CHECK((entry & PERMISSIONS) == flags, "0x%08x: its entry is 0x%08x: the permissions are not those asked for, 0x%x", va, entry, flags);
    CHECK(entry == (SPACE_PAGE | flags), "0x%08x: its entry is 0x%08x: bits that have no business there are set", va, entry);
}

static void reserve_one(uintptr_t va, uintptr_t flags) { space_reserve(AT(va), 1, flags); }
static void reserve_several(uintptr_t va, uintptr_t pages) { space_reserve(AT(va), pages, WRITE); }
static void copy_one(uintptr_t va, uintptr_t pa) { space_map_copy(AT(va), pa, 1, WRITE); }
static void copy_several(uintptr_t va, uintptr_t pages) { space_map_copy(AT(va), MODULE, pages, WRITE); }
static void copy_beyond(uintptr_t pa, uintptr_t pages) { space_map_copy(AT(PART), pa, pages, WRITE); }
static void copy_strangely(uintptr_t va, uintptr_t flags) { space_map_copy(AT(va), MODULE, 1, flags); }

CASE(a_page_is_a_promise) {
    start();
    remember_all();
    reserve(PART + 0x5000, 1, WRITE);
    check_promise(PART + 0x5000, WRITE);
    check_entries("reserving a page", PART + 0x5000, 1);
    CHECK(pm_count().free == before.free, "a page was reserved, its table was there, and pm has %d frames fewer: the frame is not needed before "
          "the page is touched", (int)(before.free - pm_count().free));
}

CASE(as_the_flags_say) {
    static const unsigned kinds[] = {0, WRITE, USER, WRITE | USER};
    start();
    for (unsigned i = 0; i < 4; i++) {
        reserve(PART + i * PAGE_SIZE, 1, kinds[i]);
        check_promise(PART + i * PAGE_SIZE, kinds[i]);
    }
    MUST_PANIC(reserve_one, PART + 0x100000, VMEM_NO_CACHE, "a memory type was taken for a permission: flags 0x%x", VMEM_NO_CACHE);
}

CASE(over_several_tables) {
    start();
    remember_all();
    reserve(PART + 0x3FD000, 2, WRITE);
    reserve(NEXT, 5, WRITE);
    check_entries("reserving pages", PART + 0x3FD000, 8);
    reserve(FAR + 0x3FE000, 4, WRITE);
    CHECK(mmu_word(pde_place(FAR)) & PTE_PRESENT && mmu_word(pde_place(FAR + 0x400000)) & PTE_PRESENT,
          "4 pages were reserved over two tables that were missing, but PD[%u] is 0x%08x and PD[%u] 0x%08x (add_entries)", FAR >> 22,
          mmu_word(pde_place(FAR)), (FAR >> 22) + 1, mmu_word(pde_place(FAR + 0x400000)));
    for (unsigned i = 0; i < 4; i++)
        check_promise(FAR + 0x3FE000 + i * PAGE_SIZE, WRITE);
    CHECK(entry_at(FAR + 0x402000) == 0, "the page behind the range, 0x%08x, was reserved, too", FAR + 0x402000);
    CHECK(before.free - pm_count().free == 2, "pages were reserved, and two tables for them, but %d frames were taken",
          (int)(before.free - pm_count().free));
    check_order("pages were reserved over several tables");
}

CASE(a_modules_frames_are_shown) {
    start();
    for (unsigned i = 0; i < 8; i++)
        mmu_set_word(MODULE + i * PAGE_SIZE + 0x10, 1000 + i);
    remember_all();
    map_copy(NEXT - 0x5000, MODULE, 4, USER);
    map_copy(FAR + 0x3FE000, MODULE, 5, 0);
    for (unsigned i = 0; i < 9; i++) {
        unsigned va = i < 4 ? NEXT - 0x5000 + i * PAGE_SIZE : FAR + 0x3FE000 + (i - 4) * PAGE_SIZE;
        unsigned entry = without_status(entry_at(va)), frame = MODULE + i % 4 * PAGE_SIZE + (i == 8 ? 4 * PAGE_SIZE : 0);
        CHECK(entry & PTE_PRESENT, "0x%08x shows a module's frame from the start, but its entry is 0x%08x", va, entry);
        CHECK(entry_frame(entry) == frame, "0x%08x leads to the frame 0x%08x: it should lead to 0x%08x", va, entry_frame(entry), frame);
        CHECK(entry & SPACE_PAGE, "0x%08x: its entry is 0x%08x, without SPACE_PAGE", va, entry);
        CHECK((entry & USER) == (i < 4 ? USER : 0), "0x%08x: its entry is 0x%08x: the user bit is not as the flags say", va, entry);
        CHECK(mmu_load(AT(va + 0x10)) == 1000 + (frame - MODULE) / PAGE_SIZE, "0x%08x does not show the module's words", va);
    }
    CHECK(before.free - pm_count().free == 2, "pages of a module were mapped in two new tables, but %d frames were taken: nothing is copied "
          "before it is written", (int)(before.free - pm_count().free));
}

CASE(a_module_is_never_written) {
    start();
    map_copy(PART, MODULE, 2, WRITE | USER);
    map_copy(PART + 0x8000, MODULE, 1, USER);
    for (unsigned va = PART; va < PART + 0x2000; va += PAGE_SIZE) {
        CHECK(!(entry_at(va) & PTE_WRITE), "0x%08x: its entry is 0x%08x, writable: a program would write into the module itself, for "
              "everybody", va, entry_at(va));
        CHECK(entry_at(va) & SPACE_COPY, "0x%08x: its entry is 0x%08x, without SPACE_COPY: the page may be written, but the first write would "
              "be a real fault", va, entry_at(va));
    }
    unsigned entry = without_status(entry_at(PART + 0x8000));
    CHECK(!(entry & (PTE_WRITE | SPACE_COPY)), "0x%08x was asked for as read-only, but its entry is 0x%08x: the first write would be granted",
          PART + 0x8000, entry);
    CHECK(entry == (MODULE | PTE_PRESENT | USER | SPACE_PAGE), "0x%08x: its entry is 0x%08x: bits that have no business there are set",
          PART + 0x8000, entry);
}

CASE(tables_and_frames_count_the_pages) {
    start();
    paddr_t table = entry_frame(mmu_word(pde_place(PART)));
    reserve(PART, 3, WRITE);
    CHECK(entries_counted(table) == 4, "3 pages were reserved in a table that had 1 entry, but the table's record counts %u (add_entries)",
          entries_counted(table));
    map_copy(PART + 0x8000, MODULE, 3, WRITE);
    map_copy(NEXT, MODULE, 1, 0);
    CHECK(entries_counted(table) == 7, "3 pages of a module came into a table that had 4 entries, but the table's record counts %u "
          "(add_entries)", entries_counted(table));
    CHECK(pages_counted(MODULE) == 2 && pages_counted(MODULE + 0x2000) == 1,
          "two pages show a module's first frame, and one its third, but their records count %u and %u", pages_counted(MODULE),
          pages_counted(MODULE + 0x2000));
    check_order("pages were reserved");
}

CASE(memory_runs_out) {
    start();
    leave_free(0);
    remember_all();
    reserve(PART, 1000, WRITE);
    CHECK(entry_at(PART + 999 * PAGE_SIZE) == (SPACE_PAGE | WRITE), "no frame is free, none is needed, but the last of 1000 pages was not "
          "reserved");
    remember_all();
    doing("space_reserve where a table is missing and no frame is free");
    int result = space_reserve(AT(FAR), 1, WRITE);
    CHECK(result == VMEM_NO_MEMORY, "a table is needed and no frame is free, but space_reserve returns %d instead of VMEM_NO_MEMORY", result);
    check_undone("space_reserve returned VMEM_NO_MEMORY");
    result = space_map_copy(AT(FAR), MODULE, 1, WRITE);
    CHECK(result == VMEM_NO_MEMORY, "a table is needed and no frame is free, but space_map_copy returns %d instead of VMEM_NO_MEMORY",
          result);
    check_undone("space_map_copy returned VMEM_NO_MEMORY");
    pm_free_page(held[--held_count]);
    remember_all();
    doing("space_reserve over two tables that are missing, with 1 frame free");
    result = space_reserve(AT(FAR + 0x3FE000), 4, WRITE);
    CHECK(result == VMEM_NO_MEMORY, "two tables are needed and 1 frame is free, but space_reserve returns %d", result);
    check_undone("space_reserve returned VMEM_NO_MEMORY half-way");
    doing("space_map_copy over two tables that are missing, with 1 frame free");
    result = space_map_copy(AT(FAR + 0x3FE000), MODULE, 4, WRITE);
    CHECK(result == VMEM_NO_MEMORY, "two tables are needed and 1 frame is free, but space_map_copy returns %d", result);
    check_undone("space_map_copy returned VMEM_NO_MEMORY half-way");
}

CASE(a_frame_has_too_many_owners) {
    start();
    map_copy(PART, MODULE, 3, WRITE);
    *frame_at(MODULE + 0x1000) |= FRAME_PAGES; /* as if so many more were mapped */
    remember_all();
    int result = space_map_copy(AT(NEXT), MODULE, 3, WRITE);
    CHECK(result == VMEM_NO_MEMORY, "the record of the second frame has no room for one page more, but space_map_copy returns %d instead of "
          "VMEM_NO_MEMORY: the count spills over into the record's other fields", result);
    check_nothing_changed("space_map_copy returned VMEM_NO_MEMORY");
    check_entries("space_map_copy returned VMEM_NO_MEMORY", 0, 0);
    check_owners("space_map_copy returned VMEM_NO_MEMORY");
}

CASE(what_is_there_stays) {
    start();
    promise_by_hand(PART + 0x2000, 0);
    page_by_hand(PART + 0x8000, WRITE);
    remember_all();
    MUST_PANIC(reserve_one, PART + 0x2000, WRITE, "a page was reserved where one is still to come: that one's promise is forgotten");
    MUST_PANIC(reserve_one, PART + 0x8000, WRITE, "a page was reserved where one is mapped: its frame is lost");
    MUST_PANIC(copy_several, PART, 3, "a module was mapped over a page that is still to come");
    MUST_PANIC(reserve_several, PART, 3, "a range was reserved over a page that is still to come");
    CHECK(mmu_event_count == 0, "a range was refused because of its third page, but entries had been written by then: check all of it before "
          "the first change");
    check_undone("a range was refused because of its third page");
    reserve(PART, 2, WRITE);
    map_copy(PART + 0x3000, MODULE, 5, WRITE);
}

CASE(wrong_ranges_are_refused) {
    start();
    reserve(PART + 0x10000, 1, WRITE);
    map_copy(PART + 0x11000, MODULE, 1, WRITE);
    remember_all();
    MUST_PANIC(reserve_one, 0x00300000, WRITE, "a page of the identity map was reserved");
    MUST_PANIC(reserve_one, KHEAP_START, WRITE, "a page of the kernel's part was reserved");
    MUST_PANIC(reserve_several, KHEAP_START - PAGE_SIZE, 2, "a range that runs into the kernel's part was reserved");
    MUST_PANIC(reserve_one, PART + 0x10, WRITE, "an address in the middle of a page was taken");
    MUST_PANIC(reserve_several, PART, 0, "a range of no pages was taken");
    MUST_PANIC(reserve_several, PART, 0xFFFFFFFF, "a range beyond the end of memory was taken");
    MUST_PANIC(copy_one, KHEAP_START, MODULE, "a page of the kernel's part was given a module's frame");
    MUST_PANIC(copy_one, PART, MODULE + 0x10, "a physical address in the middle of a frame was taken");
    MUST_PANIC(copy_beyond, 0xFFFFF000, 2, "frames beyond 4 GiB were taken: the second one is frame 0");
    MUST_PANIC(copy_several, PART, 0, "a range of no pages was taken");
    MUST_PANIC(copy_strangely, PART, VMEM_NO_CACHE, "a memory type was taken for a permission");
    check_undone("wrong ranges were refused");
}
