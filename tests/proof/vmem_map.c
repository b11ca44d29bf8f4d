/* vmem_map, from any well-formed state, over an MMU whose TLB looks ahead.
 *
 * proved: vmem_map maps the page to the frame with the flags, links a clear table where there is none, and changes no
 *     other page and no other frame; no cached entry is stale, no frame is lost, every owner is counted; without memory,
 *     and where it panics, which it does for every wrong call, nothing has changed
 * bounds: tables of 4 entries, 8 frames; the first and the last page of each table, and addresses that are refused; any
 *     frame and flags; frames may run out
 * assumed: tables and records agree before; pm keeps its contract (pm_alloc, pm_owners); the processor sets no accessed
 *     bits
 * cases: 11
 * with: -iquotetests/proof/small -DENTRIES_PER_TABLE=4 -DFRAMES_MAX=8u -DSUMMARY_MAX=1 -DRECENT_MAX=2u
 *     -DFLUSH_ALL_FROM=3 --unwind 17 --unwindset flush_pages.0:2,map_part.0:2,all_zero.0:2,vmem_map_range.0:2
 *     --unwindset check_unmapped.1:2,refuse_map.0:2,store_words.0:5 */
#include "vmem_state.h"

static void *va;
static paddr_t pa;
static unsigned flags, entry; /* ENTRY: what is there already */

static bool may_be_mapped(void) {
    uintptr_t at = (uintptr_t)va;
    bool view = flags & VMEM_VIEW && at < KHEAP_START;
    return at % PAGE_SIZE == 0 && at >= FREE_START && at < FRAMES_START && pa_offset(pa) == 0 &&
           !(flags & ~(FLAGS_MASK | (view ? VMEM_VIEW : 0))) && entry == 0;
}

static void at_panic(void) { PROVE(!may_be_mapped() && is_unchanged()); }

static void prove_call(vpn_t vpn, void *at) {
    va = at;
    are_counted(vpn, vpn + 1);
    pa = any_below(FRAMES_MAX * PAGE_SIZE);
    flags = nondet_word();
    entry = before.tables.pte[vpn];
    int result = vmem_map(va, pa, flags);
    check_state(vpn, vpn + 1);
    REACH(result == 0 && before.tables.pde[vpn / ENTRIES]);
    REACH(result == 0 && !before.tables.pde[vpn / ENTRIES]);
    REACH(result == VMEM_NO_MEMORY);
    REACH(tlb && cached_pde);
    PROVE(may_be_mapped());
    if (result == 0)
        PROVE(after.pte[vpn] == (pa | flags | PTE_PRESENT));
    else
        PROVE(result == VMEM_NO_MEMORY && !any_is_free() && !before.tables.pde[vpn / ENTRIES] &&
              is_unchanged());
}

_Static_assert(CASES == PAGE_CASES, "each case is run");

int main(void) { prove_page_case(CASE); }
