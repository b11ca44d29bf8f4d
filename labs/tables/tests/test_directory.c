/* Lab tables, exercise directory: make_directory. */
#include "mm/vmem.c"

#include "machine.h"

static paddr_t make(void) {
    start_machine();
    size_t free_before = pm_count().free;
    doing("make_directory()");
    return check_table(make_directory(), free_before, "the directory");
}

CASE(is_a_frame_from_pm) { make(); }

CASE(is_clear) {
    paddr_t directory = make();
    for (unsigned i = 0; i < ENTRIES_PER_TABLE; i++)
        CHECK(mmu_word(directory + i * 4) == 0,
              "PD[%u] is 0x%08x, which was in the frame before: pm hands out frames with whatever was left there, and the "
              "processor takes a present entry for a page table",
              i, mmu_word(directory + i * 4));
}

CASE(writes_nothing_else) {
    paddr_t directory = make();
    CHECK(mmu_event_count, "make_directory wrote nothing");
    for (size_t i = 0; i < mmu_event_count; i++)
        CHECK(mmu_events[i].kind == MMU_WRITE && (mmu_events[i].where & PTE_FRAME) == directory,
              "the directory is at 0x%08x, but make_directory writes at 0x%08x too", directory, mmu_events[i].where);
}
