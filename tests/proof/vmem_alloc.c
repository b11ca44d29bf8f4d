/* vmem_alloc_range and vmem_free_range, from any well-formed state, over an MMU whose TLB looks ahead.
 *
 * proved: vmem_alloc_range maps the pages to frames that were free, each to one of its own, with the flags, and links a
 *     clear table where there is none; vmem_free_range clears the pages' entries and frees their frames, and each table
 *     left empty, once nothing cached leads to it; both change no other page and no other frame; no cached entry is stale,
 *     no frame is lost, the magazine agrees with the records; without memory, where a page is absent, and where they
 *     panic, which they do for every wrong call, and for a frame that is not the page's own, nothing has changed
 * bounds: tables of 4 entries, 8 frames, a magazine of 2; ranges of 2 pages, from the first and the last page of each table
 *     on, so across a table's border too, and from addresses that are refused; any flags; frames may run out
 * assumed: tables, records and the magazine agree before; pm keeps its contract (pm_alloc, pm_owners); the processor sets
 *     no accessed bits
 * cases: 22
 * with: -iquotetests/proof/small -DENTRIES_PER_TABLE=4 -DFRAMES_MAX=8u -DSUMMARY_MAX=1 -DRECENT_MAX=2u
 *     -DFLUSH_ALL_FROM=3 --unwind 17 --unwindset flush_pages.0:3,store_words.0:5,all_zero.0:3,check_unmapped.1:3
 *     --unwindset refuse_map.0:3,all_present.0:3,all_present.1:3,alloc_part.0:3,free_part.0:3,all_own.0:3,check_own.0:4
 *     --unwindset alloc_slowly.0:3,remove_range.0:3,unmap_part.0:1,pm_load.0:3,pm_make_room.0:3 */
#define OWN_MAGAZINE
#include "vmem_state.h"

#define ALLOCATES (CASE < CASES / 2)
#define RANGE 2u

/* ---- pm, with its magazine ----
 *
 * Frames leave AVAILABLE from the last one down, and the magazine has those that have left it last. */

static unsigned taken; /* out of AVAILABLE */

static void set_available(pfn_t pfn, bool value) {
    pm_available[0] = value ? pm_available[0] | 1u << pfn : pm_available[0] & ~(1u << pfn);
}

static bool is_available(pfn_t pfn) { return bitmap_test(pm_available, pfn); }

static unsigned times_in_magazine(pfn_t pfn) {
    unsigned times = 0;
    for (size_t i = 0; i < RECENT_MAX; i++)
        times += i < pm_recents && pm_recent[i] == pfn_to_pa(pfn);
    return times;
}

/* vmem takes frames from the magazine, and puts them there, itself. */
static void see_what_is_free(void) {
    for (pfn_t pfn = 0; pfn < FRAMES_MAX; pfn++)
        is_free[pfn] = is_available(pfn) || times_in_magazine(pfn);
}

static paddr_t take_available(frame_t kind) {
    pfn_t pfn = FRAMES_MAX - 1 - taken;
    if (!pm_available[0])
        return PADDR_NONE;
    GIVEN(taken < FRAMES_MAX && is_available(pfn));
    taken++;
    set_available(pfn, false);
    frame_set_kind(pfn_to_pa(pfn), kind);
    return pfn_to_pa(pfn);
}

static paddr_t pop(void) {
    paddr_t pa = pm_recent[--pm_recents];
    frame_set_kind(pa, FRAME_PLAIN);
    return pa;
}

static void push(paddr_t pa) {
    PROVE(pm_recents < RECENT_MAX);
    pm_recent[pm_recents++] = pa;
    frame_set_kind(pa, FRAME_RECENT);
}

paddr_t pm_alloc_page(void) { return pm_recents ? pop() : take_available(FRAME_PLAIN); }

void pm_load(size_t n) {
    PROVE(n <= RECENT_MAX);
    while (pm_recents < n) {
        PROVE(pm_available[0]);
        GIVEN(pm_available[0]);
        push(take_available(FRAME_RECENT));
    }
}

void pm_make_room(size_t n) {
    PROVE(n <= RECENT_MAX);
    while (pm_recents > RECENT_MAX - n)
        set_available(pa_to_pfn(pop()), true);
}

void pm_take_back(paddr_t pa) {
    PROVE(pa_offset(pa) == 0 && pa_to_pfn(pa) < FRAMES_MAX && *frame_at(pa) >= FRAME_PLAIN);
    PROVE(!is_available(pa_to_pfn(pa)) && !times_in_magazine(pa_to_pfn(pa)));
    PROVE(is_cached_right()); /* what led to it is forgotten */
    pm_make_room(1);
    push(pa);
}

/* For a message only. */
enum pm_state pm_state(paddr_t pa) {
    (void)pa;
    return PM_USED;
}

/* A free frame is available or once in the magazine, and its record says which. */
static bool is_magazine_right(void) {
    bool right = pm_recents <= RECENT_MAX;
    for (pfn_t pfn = 0; pfn < FRAMES_MAX; pfn++) {
        bool recent = (pm_frames[pfn] & FRAME_KIND) == FRAME_RECENT;
        right &= times_in_magazine(pfn) == recent;
        right &= !is_free[pfn] || (pm_frames[pfn] & ~FRAME_PAGES) == (recent ? FRAME_RECENT : FRAME_PLAIN);
        right &= !recent || !is_available(pfn);
    }
    return right;
}

static void any_magazine(void) {
    taken = pm_recents = any_below(RECENT_MAX + 1);
    for (pfn_t pfn = 0; pfn < FRAMES_MAX; pfn++)
        set_available(pfn, is_free[pfn] && pfn < FRAMES_MAX - pm_recents);
    for (size_t i = 0; i < pm_recents; i++)
        pm_recent[i] = pfn_to_pa(FRAMES_MAX - pm_recents + i);
    for (size_t i = 0; i < RECENT_MAX; i++)
        GIVEN(i >= pm_recents || is_free[FRAMES_MAX - 1 - i]);
    GIVEN(is_magazine_right());
}

/* ---- the calls ---- */

static void *va;
static vpn_t first;
static unsigned flags;

static unsigned was(vpn_t vpn) { return before.tables.pte[vpn]; }

static size_t missing_tables(void) {
    unsigned pdi = first / ENTRIES, last = (first + RANGE - 1) / ENTRIES;
    return !before.tables.pde[pdi] + (last != pdi && !before.tables.pde[last]);
}

static bool is_range_right(void) {
    return page_offset(va) == 0 && first >= FREE_START / PAGE_SIZE && first + RANGE <= FRAMES_START / PAGE_SIZE;
}

static bool may_be_allocated(void) {
    return is_range_right() && !(flags & ~FLAGS_MASK) && !was(first) && !was(first + 1);
}

static bool are_present(void) { return was(first) & was(first + 1) & PTE_PRESENT; }

/* The page's frame is handed out, and no other page's. */
static bool is_own(vpn_t vpn) {
    pfn_t pfn = pa_to_pfn(was(vpn)) % FRAMES_MAX;
    return !(was(vpn) & VMEM_VIEW) && !before.is_free[pfn] && before.frames[pfn] == FRAME_PLAIN + FRAME_PAGE;
}

static bool may_be_freed(void) {
    return is_range_right() && (!are_present() || (is_own(first) && is_own(first + 1)));
}

static void at_panic(void) {
    see_what_is_free();
    PROVE(!(ALLOCATES ? may_be_allocated() : may_be_freed()) && is_unchanged());
}

/* A frame is free where it was, or was a table or a page that was to be freed; and is no table, and no new page, now. */
static bool are_free_frames_right(void) {
    bool right = true;
    for (pfn_t pfn = 0; pfn < FRAMES_MAX; pfn++) {
        bool was_used = is_linked_table(&before.tables, pfn) ||
                        (!ALLOCATES && are_present() && pages_of(&before.tables, first, first + RANGE, pfn) > 0);
        bool is_used = is_linked_table(&after, pfn) ||
                       (ALLOCATES && pages_of(&after, first, first + RANGE, pfn) > 0);
        right &= is_free[pfn] == ((before.is_free[pfn] || was_used) && !is_used);
    }
    return right;
}

static void check_all(void) {
    see_what_is_free();
    look(&after);
    PROVE(is_cached_right());
    PROVE(is_well_formed(&after));
    PROVE(is_magazine_right());
    PROVE(are_owners_right(first, first + RANGE));
    PROVE(are_free_frames_right());
    PROVE(are_frames_unchanged());
    PROVE(are_other_pages_unchanged(first, first + RANGE));
}

static void prove_alloc(void) {
    size_t missing = missing_tables(), free = pm_count().free;
    flags = nondet_word();
    int result = vmem_alloc_range(va, RANGE, flags);
    REACH(result == 0 && missing == 0);
    REACH(result == 0 && missing == 2);
    REACH(result == VMEM_NO_MEMORY && free == RANGE);
    PROVE(may_be_allocated());
    PROVE(result == (free < RANGE + missing ? VMEM_NO_MEMORY : 0));
    for (vpn_t vpn = first; result == 0 && vpn < first + RANGE; vpn++) {
        pfn_t pfn = pa_to_pfn(read_entry(pte_of(vpn))) % FRAMES_MAX;
        PROVE(before.is_free[pfn] && (pm_frames[pfn] & ~FRAME_PAGES) == FRAME_PLAIN);
        PROVE(read_entry(pte_of(vpn)) == (pfn_to_pa(pfn) | flags | PTE_PRESENT));
    }
    check_all();
    PROVE(result == 0 || is_unchanged());
}

static void prove_free(void) {
    int result = vmem_free_range(va, RANGE);
    check_all();
    REACH(result == 0 && after.pde[first / ENTRIES]);
    REACH(result == 0 && !after.pde[first / ENTRIES]);
    REACH(result == VMEM_ABSENT);
    REACH(tlb && cached_pde);
    PROVE(may_be_freed());
    PROVE(result == (are_present() ? 0 : VMEM_ABSENT) && (result == 0 || is_unchanged()));
    PROVE(result != 0 || (after.pte[first] == 0 && after.pte[first + 1] == 0));
}

static void prove_call(vpn_t vpn, void *at) {
    va = at;
    first = vpn;
    any_magazine();
    are_counted(first, first + RANGE);
    if (ALLOCATES)
        prove_alloc();
    else
        prove_free();
}

_Static_assert(CASES == PAGE_CASES * 2, "each case is run");

int main(void) { prove_page_case(CASE % PAGE_CASES); }
