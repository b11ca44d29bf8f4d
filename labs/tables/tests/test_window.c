/* Lab tables, exercise window: pte_of and pde_of, vmem_walk and vmem_translate, on tables that the test has made. */
#include "mm/vmem.c"

#include "machine.h"

/* Two of them lie where no identity map reaches: once paging is on, a table is seen through the window alone. */
#define DIRECTORY 0x500000u
#define TABLE_0 0x201000u
#define TABLE 0x502000u /* of 0xD0000000 */
#define PDI (0xD0000000u >> 22)

static void clear(paddr_t frame) {
    for (unsigned i = 0; i < ENTRIES_PER_TABLE; i++)
        mmu_set_word(frame + i * 4, 0);
}

/* Table 0 as it is at boot; 0xD0000000: page 5 read-only, pages 6 and 1023 writable. */
static void start(void) {
    start_machine();
    clear(DIRECTORY);
    clear(TABLE);
    for (unsigned i = 0; i < ENTRIES_PER_TABLE; i++)
        mmu_set_word(TABLE_0 + i * 4, i * PAGE_SIZE | 3);
    mmu_set_word(DIRECTORY, TABLE_0 | 3);
    mmu_set_word(DIRECTORY + PDI * 4, TABLE | 7);
    mmu_set_word(DIRECTORY + RECURSIVE_ENTRY * 4, DIRECTORY | 3);
    mmu_set_word(TABLE + 5 * 4, 0x345000 | 1);
    mmu_set_word(TABLE + 6 * 4, 0x777000 | 3);
    mmu_set_word(TABLE + 1023 * 4, 0x888000 | 3);
    set_page_directory(DIRECTORY);
    enable_paging();
}

static void check_address(const char *what, vpn_t vpn, const void *is, unsigned should) {
    CHECK(AS_NUMBER(is) == should, "%s(0x%05x) is 0x%08x: the entry is seen at 0x%08x (an entry has 4 bytes)", what,
          (unsigned)vpn, AS_NUMBER(is), should);
}

CASE(entries_have_their_addresses) {
    check_address("pte_of", 0, pte_of(0), 0xFFC00000);
    check_address("pte_of", 1, pte_of(1), 0xFFC00004);
    check_address("pte_of", 0x400, pte_of(0x400), 0xFFC01000);
    check_address("pte_of", 0xD0005, pte_of(0xD0005), 0xFFF40014);
    check_address("pte_of", 0xFFFFF, pte_of(0xFFFFF), 0xFFFFFFFC);
    check_address("pde_of", 0, pde_of(0), 0xFFFFF000);
    check_address("pde_of", 0x3FF, pde_of(0x3FF), 0xFFFFF000);
    check_address("pde_of", 0x400, pde_of(0x400), 0xFFFFF004);
    check_address("pde_of", 0xD0005, pde_of(0xD0005), 0xFFFFFD00);
    check_address("pde_of", 0xFFFFF, pde_of(0xFFFFF), 0xFFFFFFFC);
}

static unsigned without_status(unsigned entry) { return entry & ~(PTE_ACCESSED | PTE_DIRTY); }

/* Walks to AT; the entries, but for the accessed and dirty bits, and the address must be these. */
static void check_walk(unsigned at, pde_t pde, pte_t pte, paddr_t pa) {
    struct vmem_walk walk;
    memset(&walk, 0x5A, sizeof walk);
    doing("vmem_walk(0x%08x)", at);
    bool mapped = vmem_walk((void *)(uintptr_t)at, &walk);
    CHECK(walk.pdi == at >> 22, "vmem_walk(0x%08x): pdi is %u: the upper 10 bits are %u", at, walk.pdi, at >> 22);
    CHECK(walk.pti == (at >> 12 & 1023), "vmem_walk(0x%08x): pti is %u: bits 21 to 12 are %u", at, walk.pti, at >> 12 & 1023);
    CHECK(walk.offset == (at & 4095), "vmem_walk(0x%08x): offset is 0x%x: the lower 12 bits are 0x%x", at, walk.offset, at & 4095);
    CHECK(walk.directory == DIRECTORY, "vmem_walk(0x%08x): directory is 0x%08x: CR3 has 0x%08x", at, walk.directory, DIRECTORY);
    CHECK(without_status(walk.pde) == pde, "vmem_walk(0x%08x): pde is 0x%08x: PD[%u] is 0x%08x", at, walk.pde, at >> 22, pde);
    CHECK(without_status(walk.pte) == pte, "vmem_walk(0x%08x): pte is 0x%08x: it should be 0x%08x%s", at, walk.pte, pte,
          pde ? "" : ", since there is no table to look in");
    CHECK(walk.pa == pa, "vmem_walk(0x%08x): pa is 0x%08x: it should be 0x%08x%s", at, walk.pa, pa,
          pa ? ", the frame and the offset" : ", PADDR_NONE, since nothing is mapped");
    CHECK(mapped == (pa != PADDR_NONE), "vmem_walk(0x%08x) returns %s", at, mapped ? "true, but nothing is mapped there" :
          "false, but a page is mapped there");
}

CASE(the_four_steps) {
    start();
    check_walk(0xD0005123, TABLE | 7, 0x345000 | 1, 0x345123);
    check_walk(0xD0006FFF, TABLE | 7, 0x777000 | 3, 0x777FFF);
    check_walk(0xD03FF000, TABLE | 7, 0x888000 | 3, 0x888000);
    check_walk(0x00123456, TABLE_0 | 3, 0x123000 | 3, 0x123456);
}

CASE(a_table_that_is_absent) {
    start();
    check_walk(0x00400000, 0, 0, PADDR_NONE);
    check_walk(0xD0400000, 0, 0, PADDR_NONE);
    check_walk(0xD0005000, TABLE | 7, 0x345000 | 1, 0x345000);
}

CASE(a_page_that_is_absent) {
    start();
    mmu_set_word(TABLE + 9 * 4, 0x800); /* how a page is to come may stand in an absent entry */
    check_walk(0xD0004FFC, TABLE | 7, 0, PADDR_NONE);
    check_walk(0xD0009000, TABLE | 7, 0x800, PADDR_NONE);
    check_walk(0xD0006004, TABLE | 7, 0x777000 | 3, 0x777004);
}

static void check_translate(unsigned at, paddr_t pa) {
    paddr_t out = 0x5A5A5A5A;
    doing("vmem_translate(0x%08x)", at);
    bool mapped = vmem_translate((void *)(uintptr_t)at, &out);
    CHECK(mapped == (pa != PADDR_NONE), "vmem_translate(0x%08x) returns %s", at, mapped ? "true, but nothing is mapped there" :
          "false, but a page is mapped there");
    CHECK(mapped || out == 0x5A5A5A5A, "vmem_translate(0x%08x): nothing is mapped there, but *pa was changed", at);
    CHECK(!mapped || out == pa, "vmem_translate(0x%08x): *pa is 0x%08x, but the address behind it is 0x%08x: the frame and the "
          "offset, without the flags", at, out, pa);
}

CASE(translate_gives_the_address) {
    start();
    check_translate(0xD0005123, 0x345123);
    check_translate(0xD03FFFFF, 0x888FFF);
    check_translate(0xD0007000, PADDR_NONE);
    check_translate(0x80000000, PADDR_NONE);
    check_translate(0x003FFFFC, 0x3FFFFC);
}

CASE(the_tables_are_pages_too) {
    start();
    check_walk(0xFFFFF000, DIRECTORY | 3, DIRECTORY | 3, DIRECTORY);
    check_walk(0xFFC00010, DIRECTORY | 3, TABLE_0 | 3, TABLE_0 + 0x10);
    check_walk(0xFFF40014, DIRECTORY | 3, TABLE | 7, TABLE + 0x14);
    check_walk(0xFFC01000, DIRECTORY | 3, 0, PADDR_NONE);
}
