/* vmem_protect, from any well-formed state, over an MMU whose TLB looks ahead.
 *
 * proved: vmem_protect gives every page that the range touches the permissions, keeps its frame and memory type, and
 *     changes no other page and no frame; no cached entry is stale, whether pages are flushed one by one or all at once;
 *     where a page is absent, and where it panics, which it does for every wrong call, nothing has changed
 * bounds: tables of 4 entries, 8 frames; ranges that touch 1 or 2 pages, from the first and the last page of each table
 *     on, so across a table's border too, and from inside a page; any flags
 * assumed: tables and records agree before; pm keeps its contract (pm_alloc, pm_owners); the processor sets no accessed
 *     bits
 * cases: 33
 * with: -iquotetests/proof/small -DENTRIES_PER_TABLE=4 -DFRAMES_MAX=8u -DSUMMARY_MAX=1 -DRECENT_MAX=2u
 *     --unwind 17 --unwindset flush_pages.0:3,store_words.0:5 */

/* A page; two, flushed at once; two, flushed one by one. */
#define FLUSH_ALL_FROM (CASE < CASES / 3 * 2 ? 2 : 3)
#include "vmem_state.h"

static size_t pages; /* that the range touches */
static vpn_t first;
static unsigned flags;

static bool may_be_protected(void) {
    return first >= FREE_START / PAGE_SIZE && first + pages <= FRAMES_START / PAGE_SIZE &&
           !(flags & ~PERMISSIONS);
}

static void at_panic(void) { PROVE(!may_be_protected() && is_unchanged()); }

static bool all_were_present(void) {
    bool present = true;
    for (vpn_t vpn = first; vpn < first + pages; vpn++)
        present &= before.tables.pte[vpn] & PTE_PRESENT;
    return present;
}

static void prove_range(void *va, size_t bytes) {
    are_counted(first, first + pages);
    int result = vmem_protect(va, bytes, flags);
    check_state(first, first + pages);
    REACH(result == 0);
    REACH(result == VMEM_ABSENT);
    REACH(tlb && cached_pde);
    PROVE(may_be_protected());
    PROVE(result == (all_were_present() ? 0 : VMEM_ABSENT) && (result == 0 || is_unchanged()));
    for (vpn_t vpn = first; result == 0 && vpn < first + pages; vpn++)
        PROVE(after.pte[vpn] == ((before.tables.pte[vpn] & ~PERMISSIONS) | flags));
}

/* The range is whole pages, or ends inside its last page. */
static void prove_call(vpn_t vpn, void *va) {
    size_t offset = page_offset(va);
    first = vpn;
    flags = nondet_word();
    prove_range(va, (pages - 1) * PAGE_SIZE + (offset ? 2 : PAGE_SIZE) - offset);
}

_Static_assert(CASES == PAGE_CASES * 3, "each case is run");

int main(void) {
    pages = CASE < CASES / 3 ? 1 : 2;
    prove_page_case(CASE % PAGE_CASES);
}
