/* Lab mapping, exercise tables: link_table and unlink_table, through add_entries and remove_entries, which are given. */
#include "mm/vmem.c"

#include "machine.h"

/* ---- what goes back to pm ---- */

void __real_pm_take_back(paddr_t pa);
void __real_pm_free_page(paddr_t pa);
void __wrap_pm_take_back(paddr_t pa);
void __wrap_pm_free_page(paddr_t pa);

static paddr_t watched, went_back; /* 0: none */

static void check_forgotten(paddr_t pa) {
    if (!watched || went_back)
        return;
    CHECK(pa == watched, "pm gets the frame 0x%08x back, but the table's is 0x%08x: which one it is must be read before PD[%u] is cleared",
          pa, watched, FAR >> 22);
    went_back = pa;
    CHECK(!mmu_linked(pa), "the table's frame 0x%08x is given back while PD[%u] still leads to it", pa, FAR >> 22);
    CHECK(!mmu_cached(pa),
          "the table's frame 0x%08x is given back while the processor may still have it: the table's page in the window, 0x%08x, "
          "must be flushed, after PD[%u] is cleared",
          pa, AS_NUMBER(pte_of(FAR >> 12)) & ~4095u, FAR >> 22);
}

void __wrap_pm_take_back(paddr_t pa) {
    check_forgotten(pa);
    __real_pm_take_back(pa);
}

void __wrap_pm_free_page(paddr_t pa) {
    check_forgotten(pa);
    __real_pm_free_page(pa);
}

/* ---- linking ---- */

static paddr_t link_it(void) {
    start();
    remember();
    doing("link_table, for 0x%08x", FAR);
    add_entries(FAR >> 12, 1);
    CHECK(mmu_word(pde_place(FAR)) & PTE_PRESENT, "PD[%u] is 0x%08x: no table is linked", FAR >> 22, mmu_word(pde_place(FAR)));
    return entry_frame(mmu_word(pde_place(FAR)));
}

CASE(a_table_is_linked) {
    paddr_t table = link_it();
    unsigned entry = without_status(mmu_word(pde_place(FAR)));
    CHECK(!bitmap_test(pm_available, pa_to_pfn(table)) && pm_count().free == before.free - 1,
          "a table is one frame from pm, but %d were taken", (int)(before.free - pm_count().free));
    CHECK((entry & 7) == TABLE_FLAGS,
          "PD[%u] is 0x%08x: write and user (bits 1 and 2) are allowed in the directory, so that each page's own entry decides", FAR >> 22,
          entry);
    CHECK(entry == (table | TABLE_FLAGS), "PD[%u] is 0x%08x: bits that have no business there are set", FAR >> 22, entry);
}

CASE(it_is_clear_before_it_is_linked) {
    paddr_t table = link_it(); /* the MMU looks at the table when it is linked */
    for (unsigned i = 0; i < ENTRIES_PER_TABLE; i++)
        CHECK(mmu_word(table + i * 4) == 0, "PT[%u] of the new table is 0x%08x: what was in the frame is a mapping now", i,
              mmu_word(table + i * 4));
    check_rest("linking a table", FAR, ENTRIES_PER_TABLE);
}

CASE(pm_knows_that_it_is_a_table) {
    paddr_t table = link_it();
    CHECK((*frame_at(table) & FRAME_KIND) == FRAME_TABLE,
          "the table's frame is recorded as something else (frame_set_kind): pm would take it back from anybody who asks");
    CHECK(entries_counted(table) == 1, "one entry came (add_entries(..., 1)), but the table's record counts %u", entries_counted(table));
}

CASE(spaces_hear_of_it) {
    unsigned generation = vmem_generation;
    link_it();
    CHECK(vmem_generation != generation,
          "a table of the kernel's part was linked, but vmem_generation is as before: other directories never hear of it");
    generation = vmem_generation;
    remove_entries(FAR >> 12, 1);
    CHECK(vmem_generation != generation,
          "a table of the kernel's part was unlinked, but vmem_generation is as before: other directories keep leading to its frame");
    generation = vmem_generation;
    add_entries(0x40000, 1);
    CHECK(vmem_generation == generation, "a table below the kernel's part is nobody else's, but vmem_generation has changed");
}

/* ---- unlinking ---- */

static void unlink_it(void) {
    watched = link_it();
    went_back = 0;
    mmu_event_count = 0;
    doing("unlink_table, for 0x%08x", FAR);
    remove_entries(FAR >> 12, 1);
}

CASE(an_empty_table_goes_back) {
    unlink_it();
    CHECK(mmu_word(pde_place(FAR)) == 0, "the table is empty, but PD[%u] is still 0x%08x", FAR >> 22, mmu_word(pde_place(FAR)));
    CHECK(pm_count().free == before.free, "the table is empty and unlinked, but its frame was not given back: frames are lost (%d)",
          (int)(before.free - pm_count().free));
    CHECK(pm_state(watched) == PM_FREE, "the table is unlinked, but pm does not call its frame 0x%08x free", watched);
}

CASE(the_processor_forgets_it_first) {
    unlink_it();
    CHECK(went_back, "the table's frame was not given back by pm_take_back");
    mmu_check_caches();
}

CASE(whatever_lies_there_stays) {
    start();
    remember();
    add_entries(FAR >> 12, 3);
    paddr_t table = entry_frame(mmu_word(pde_place(FAR)));
    watched = table;
    went_back = 0;
    doing("remove_entries, with two entries left");
    remove_entries(FAR >> 12, 1);
    CHECK(!went_back && mmu_word(pde_place(FAR)) & PTE_PRESENT, "a table that still has two entries was unlinked");
    remove_entries(FAR >> 12, 2);
    CHECK(went_back, "the table is empty, but stays");
    check_nothing_changed("a table has come and gone");
}
