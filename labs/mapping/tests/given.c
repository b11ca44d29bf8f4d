/* add_entries and remove_entries, as the tests of mapping and unmapping have them. Those in mm/vmem.c are weak there (given.h), so
 * the linker takes these. They see to it that a table is there for as long as it is written to. */
#include "paging.h"

#include "machine.h"

static paddr_t table_of(unsigned va) { return entry_frame(mmu_word(pde_place(va))); } /* 0: there is none */

void add_entries(vpn_t vpn, size_t n) {
    unsigned va = AS_NUMBER(page_address(vpn));
    CHECK(table_of(va) || pm_count().free, "add_entries is to link a table for 0x%08x, and no frame is free: count the tables that are "
          "missing before the first change", va);
    if (!table_of(va))
        empty_table_by_hand(va);
    *frame_at(table_of(va)) += n * FRAME_ENTRY;
}

void remove_entries(vpn_t vpn, size_t n) {
    unsigned va = AS_NUMBER(page_address(vpn));
    paddr_t table = table_of(va);
    CHECK(table, "remove_entries is called for 0x%08x, which has no table: it was unlinked when its last entry left", va);
    CHECK(entries_counted(table) >= n, "remove_entries takes %u from the count of the table of 0x%08x, which is %u", (unsigned)n, va,
          entries_counted(table));
    *frame_at(table) -= n * FRAME_ENTRY;
    if (entries_counted(table))
        return;
    for (unsigned i = 0; i < ENTRIES_PER_TABLE; i++)
        CHECK(mmu_word(table + i * 4) == 0, "remove_entries unlinks the table of 0x%08x, for its count is 0 now; but PT[%u] is still "
              "0x%08x: clear the entries first, or there is no place to clear them in any more", va, i, mmu_word(table + i * 4));
    mmu_set_word(pde_place(va), 0);
    flush_page(pte_of(vpn));
    pm_take_back(table);
}
