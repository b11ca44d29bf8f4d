/* pm_alloc_pages and pm_free_pages, from any well-formed state.
 *
 * proved: pm_alloc_pages gives adjacent frames, each of which was free, and none only where no run of that length was;
 *     pm_free_pages takes back frames that are all handed out and not mapped, and refuses every other range before any
 *     change; no other frame changes, and the state stays well-formed
 * bounds: 64 frames, 12 of them memory, about a border of the bitmap's words or at its end; a magazine of 2; any
 *     records, any address there, any number of frames, of 2^32
 * assumed: the bitmap, its summary, the magazine, the records and the counts agree before; bitmap_find_run keeps its
 *     contract (bitmap_run)
 * cases: 4
 * with: -DFRAMES_MAX=64u -DSUMMARY_MAX=2 -DRECENT_MAX=2u --unwind 65 --unwindset pm_make_room.0:3
 *     --unwindset words_are.0:14,check_run.0:14,fill.0:3,bitmap_all.0:4
 *     --unwindset summary_add_range.0:2,summary_remove_range.0:2 */
#include "bitmap.h"

#define bitmap_find_run as_it_is
#include "../../mm/bitmap.c"
#undef bitmap_find_run

#define ALLOCATES (CASE < 2)
#define IS_MEMORY(pfn) (CASE % 2 ? (pfn) >= 52 : (pfn) >= 26 && (pfn) < 38)
#include "pm_state.h"

static paddr_t pa;
static size_t n;
static pfn_t watched; /* where a run may begin; or inside one */
static bool has_begun_anew;

static bool is_free_now(pfn_t pfn) { return is_available(pfn); }
static bool was_unmapped(pfn_t pfn) { return was_handed_out(pfn) && !(before.frames[pfn] & FRAME_PAGES); }

/* Whether there are N frames from START on, each of which IS. */
static bool are_all(pfn_t start, bool (*is)(pfn_t pfn)) {
    bool all = n <= FRAMES_MAX - start;
    for (pfn_t pfn = 0; pfn < FRAMES_MAX; pfn++)
        all &= pfn < start || start + n <= pfn || is(pfn);
    return all;
}

/* The magazine has become empty, and nothing else has changed: from here on any state will do for this one. */
static void begin_anew(void) {
    size_t free = free_before();
    PROVE(pm_recents == 0);
    check_state(0, 0, 0);
    any_state();
    GIVEN(pm_recents == 0 && free_before() == free);
    has_begun_anew = true;
}

/* The contract, of which "no run begins earlier" is said of one place only: the one that is watched. */
size_t bitmap_find_run(const uint32_t *map, const struct summary *summary, size_t length, size_t from, size_t limit) {
    pfn_t start = nondet_word();
    PROVE(map == pm_available && summary == &words);
    PROVE(length == n && n > 0 && from <= limit && limit == FRAMES_MAX);
    if (pm_recents != before.recents)
        begin_anew();
    GIVEN(from <= start && start <= limit && (start == limit || are_all(start, is_free_now)));
    GIVEN(watched < from || watched >= start || !are_all(watched, is_free_now));
    return start;
}

static bool may_be_freed(void) {
    return n <= FRAMES_MAX - pa_to_pfn(pa) && (n == 0 || (pa_offset(pa) == 0 && are_all(pa_to_pfn(pa), was_unmapped)));
}

static bool allowed; /* whether these may be freed */

static void at_panic(void) { PROVE(!ALLOCATES && !allowed && is_unchanged()); }

static void allocate(void) {
    pa = pm_alloc_pages(n);
    REACH(pa == PADDR_NONE);
    REACH(pa != PADDR_NONE && n > 8);
    REACH(pa != PADDR_NONE && has_begun_anew);
    if (pa == PADDR_NONE) {
        PROVE(n == 0 || !are_all(watched, was_free));
        check_state(0, 0, 0);
    } else {
        PROVE(pa_offset(pa) == 0 && are_all(pa_to_pfn(pa), was_free));
        PROVE(watched - pa_to_pfn(pa) >= n || pm_state(pfn_to_pa(watched)) == PM_USED);
        check_state(pa_to_pfn(pa), n, -n);
    }
}

static void give_back(void) {
    pa = any_below(FRAMES_MAX * PAGE_SIZE);
    allowed = may_be_freed();
    pm_free_pages(pa, n);
    REACH(n > 8);
    PROVE(allowed);
    PROVE(watched - pa_to_pfn(pa) >= n || pm_state(pfn_to_pa(watched)) == PM_FREE);
    check_state(pa_to_pfn(pa), n, n);
}

int main(void) {
    any_state();
    n = nondet_word();
    watched = any_below(FRAMES_MAX);
    if (ALLOCATES)
        allocate();
    else
        give_back();
}
