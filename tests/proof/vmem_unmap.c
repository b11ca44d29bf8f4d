/* vmem_unmap, from any well-formed state, over an MMU whose TLB looks ahead.
 *
 * proved: vmem_unmap clears the page's entry, gives back a table that is left empty, once nothing cached leads to it,
 *     and changes no other page and no frame; no cached entry is stale, no frame is lost, every owner is counted; where
 *     the page is absent, and where it panics, which it does for every wrong call, nothing has changed
 * bounds: tables of 4 entries, 8 frames; the first and the last page of each table, and addresses that are refused
 * assumed: tables and records agree before; pm keeps its contract (pm_alloc, pm_owners); the processor sets no accessed
 *     bits
 * cases: 11
 * with: -iquotetests/proof/small -DENTRIES_PER_TABLE=4 -DFRAMES_MAX=8u -DSUMMARY_MAX=1 -DRECENT_MAX=2u
 *     -DFLUSH_ALL_FROM=3 --unwind 17 --unwindset flush_pages.0:2,unmap_part.0:2,remove_range.0:2,all_present.0:2
 *     --unwindset all_present.1:2,store_words.0:5 */
#include "vmem_state.h"

static void *va;

static bool may_be_unmapped(void) {
    uintptr_t at = (uintptr_t)va;
    return at % PAGE_SIZE == 0 && at >= FREE_START && at < FRAMES_START;
}

static void at_panic(void) { PROVE(!may_be_unmapped() && is_unchanged()); }

static void prove_call(vpn_t vpn, void *at) {
    va = at;
    are_counted(vpn, vpn + 1);
    unsigned entry = before.tables.pte[vpn];
    int result = vmem_unmap(va);
    REACH(result == 0);
    REACH(result == VMEM_ABSENT);
    check_state(vpn, vpn + 1);
    REACH(result == 0 && !after.pde[vpn / ENTRIES]);
    REACH(tlb && cached_pde);
    PROVE(may_be_unmapped());
    if (result == 0)
        PROVE(entry & PTE_PRESENT && after.pte[vpn] == 0);
    else
        PROVE(result == VMEM_ABSENT && !(entry & PTE_PRESENT) && is_unchanged());
}

_Static_assert(CASES == PAGE_CASES, "each case is run");

int main(void) { prove_page_case(CASE); }
