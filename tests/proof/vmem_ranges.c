/* vmem_map_range and vmem_unmap_range, from any well-formed state, over an MMU whose TLB looks ahead.
 *
 * proved: vmem_map_range maps the pages to adjacent frames with the flags, and links a clear table where there is none;
 *     vmem_unmap_range clears the pages' entries, and gives back each table left empty, once nothing cached leads to it;
 *     both change no other page and no other frame; no cached entry is stale, whether pages are flushed one by one or all
 *     at once; no frame is lost, every owner is counted; without memory, where a page is absent, and where they panic,
 *     which they do for every wrong call, nothing has changed
 * bounds: tables of 4 entries, 8 frames; ranges of 2 pages, from the first and the last page of each table on, so across a
 *     table's border too, and from addresses that are refused; any frames and flags; frames may run out
 * assumed: tables and records agree before; pm keeps its contract (pm_alloc, pm_owners); the processor sets no accessed
 *     bits
 * cases: 24
 * with: -iquotetests/proof/small -DENTRIES_PER_TABLE=4 -DFRAMES_MAX=8u -DSUMMARY_MAX=1 -DRECENT_MAX=2u
 *     --unwind 17 --unwindset flush_pages.0:3,store_words.0:5,map_part.0:3,unmap_part.0:3,all_zero.0:3
 *     --unwindset check_unmapped.1:3,refuse_map.0:3,vmem_map_range.0:3,remove_range.0:3,all_present.0:3
 *     --unwindset all_present.1:3 */

/* To map; to unmap, flushed one by one; the last two, of pages in one table: to unmap, all flushed at once. */
#define MAPS (CASE < 11)
#define FLUSH_ALL_FROM (CASE < 22 ? 3 : 2)
#include "vmem_state.h"

#define RANGE 2u

static void *va;
static vpn_t first;
static paddr_t pa;
static unsigned flags;

/* Of the range's pages: how many have no table; whether none has an entry; whether each is present. */
static size_t missing_tables(void) {
    unsigned pdi = first / ENTRIES, last = (first + RANGE - 1) / ENTRIES;
    return !before.tables.pde[pdi] + (last != pdi && !before.tables.pde[last]);
}

static bool are_absent(void) {
    bool absent = true;
    for (vpn_t vpn = first; vpn < first + RANGE; vpn++)
        absent &= before.tables.pte[vpn] == 0;
    return absent;
}

static bool are_present(void) {
    bool present = true;
    for (vpn_t vpn = first; vpn < first + RANGE; vpn++)
        present &= before.tables.pte[vpn] & PTE_PRESENT;
    return present;
}

static bool is_range_right(void) {
    return page_offset(va) == 0 && first >= FREE_START / PAGE_SIZE && first + RANGE <= FRAMES_START / PAGE_SIZE;
}

static bool may_be_mapped(void) {
    bool view = flags & VMEM_VIEW && first + RANGE <= KHEAP_START / PAGE_SIZE;
    return is_range_right() && pa_offset(pa) == 0 && pa_to_pfn(pa) + RANGE <= FRAMES_MAX &&
           !(flags & ~(FLAGS_MASK | (view ? VMEM_VIEW : 0))) && are_absent();
}

static void at_panic(void) { PROVE(!(MAPS ? may_be_mapped() : is_range_right()) && is_unchanged()); }

static void prove_map(void) {
    pa = any_below(FRAMES_MAX * PAGE_SIZE);
    flags = nondet_word();
    size_t missing = missing_tables(), free = pm_count().free;
    int result = vmem_map_range(va, pa, RANGE, flags);
    check_state(first, first + RANGE);
    REACH(result == 0 && missing == 0);
    REACH(result == 0 && missing == 2);
    REACH(result == VMEM_NO_MEMORY && free == 1);
    PROVE(may_be_mapped());
    PROVE(result == (free < missing ? VMEM_NO_MEMORY : 0) && (result == 0 || is_unchanged()));
    for (size_t i = 0; result == 0 && i < RANGE; i++)
        PROVE(after.pte[first + i] == ((pa + i * PAGE_SIZE) | flags | PTE_PRESENT));
}

static void prove_unmap(void) {
    int result = vmem_unmap_range(va, RANGE);
    check_state(first, first + RANGE);
    REACH(result == 0 && !after.pde[first / ENTRIES]);
    REACH(result == 0 && !after.pde[first / ENTRIES] && !after.pde[first / ENTRIES + 1] && first % ENTRIES);
    REACH(result == VMEM_ABSENT);
    REACH(tlb && cached_pde);
    PROVE(is_range_right());
    PROVE(result == (are_present() ? 0 : VMEM_ABSENT) && (result == 0 || is_unchanged()));
    for (vpn_t vpn = first; result == 0 && vpn < first + RANGE; vpn++)
        PROVE(after.pte[vpn] == 0);
}

static void prove_call(vpn_t vpn, void *at) {
    va = at;
    first = vpn;
    are_counted(first, first + RANGE);
    if (MAPS)
        prove_map();
    else
        prove_unmap();
}

_Static_assert(CASES == PAGE_CASES * 2 + 2, "each case is run");

int main(void) { prove_page_case(CASE < PAGE_CASES * 2 ? CASE % PAGE_CASES : CASE % 2 ? 1 : 5); }
