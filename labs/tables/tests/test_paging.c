/* Lab tables, exercise paging: start_paging, with a directory and a table that the test has made. */
#define enable_paging seen_enable_paging
#include "mm/vmem.c"
#undef enable_paging

#include "machine.h"

#define DIRECTORY 0x200000u
#define TABLE_0 0x201000u

void enable_paging(void);

/* What must be so at the moment when paging is switched on. */
void seen_enable_paging(void) {
    CHECK(get_page_directory() != 0, "paging is switched on before CR3 has the directory: the processor takes the frame that CR3 "
          "happens to have for one");
    CHECK(get_page_directory() == DIRECTORY, "paging is switched on with 0x%08x in CR3; the directory is at 0x%08x",
          get_page_directory(), DIRECTORY);
    CHECK(mmu_word(DIRECTORY) & PTE_PRESENT, "paging is switched on before PD[0] leads to table 0: the next instruction is at an "
          "address that is not mapped, and the machine resets");
    CHECK(mmu_word(DIRECTORY + RECURSIVE_ENTRY * 4) & PTE_PRESENT, "paging is switched on, but PD[1023] is 0x%08x: the directory does not "
          "hold itself, so no table can be seen any more", mmu_word(DIRECTORY + RECURSIVE_ENTRY * 4));
    enable_paging();
}

static void start(void) {
    start_machine();
    for (unsigned i = 0; i < ENTRIES_PER_TABLE; i++) {
        mmu_set_word(DIRECTORY + i * 4, 0);
        mmu_set_word(TABLE_0 + i * 4, i * PAGE_SIZE | 3);
    }
    doing("start_paging(0x%08x, 0x%08x)", DIRECTORY, TABLE_0);
    start_paging((pde_t *)DIRECTORY, (pte_t *)TABLE_0);
}

static void check_paging(void) { CHECK(mmu_paging(), "start_paging returned, but paging is off"); }

CASE(table_0_is_linked) {
    start();
    check_entry("PD[0]", mmu_word(DIRECTORY) & ~(PTE_ACCESSED | PTE_DIRTY), TABLE_0);
    check_paging();
}

CASE(the_directory_holds_itself) {
    start();
    check_entry("PD[1023]", mmu_word(DIRECTORY + RECURSIVE_ENTRY * 4) & ~(PTE_ACCESSED | PTE_DIRTY), DIRECTORY);
    check_paging();
}

CASE(the_directory_is_loaded) {
    start();
    CHECK(get_page_directory() == DIRECTORY, "CR3 is 0x%08x; the directory is at 0x%08x", get_page_directory(), DIRECTORY);
    check_paging();
    for (unsigned i = 1; i < RECURSIVE_ENTRY; i++)
        CHECK(mmu_word(DIRECTORY + i * 4) == 0, "PD[%u] is 0x%08x: only PD[0] and PD[1023] are to be written", i, mmu_word(DIRECTORY + i * 4));
}

CASE(paging_is_on) {
    start();
    check_paging();
    CHECK((mmu_load((void *)DIRECTORY_WINDOW) & PTE_FRAME) == TABLE_0, "the window does not show the directory");
    CHECK(mmu_lookup((void *)0x123000) == (0x123000u | 3), "the identity map is not there");
}
