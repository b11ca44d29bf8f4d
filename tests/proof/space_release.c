/* space_release, from any well-formed state, over an MMU whose TLB looks ahead.
 *
 * proved: the pages of the range have no entry, whatever each was, come or not; each that had come is counted no more; the
 *     frames that have lost their last owner go back, and so does the table if it is left empty, once nothing cached leads
 *     to them; no other page and no other frame changes, no frame is lost; a range that is not the user part's is refused
 *     before any change
 * bounds: tables of 4 entries, one of them for the user part, 8 frames; the whole table, its middle, its ends, with all
 *     pages there, or every other one, or the ends, or the middle; without a table; ranges too far up and down
 * assumed: tables and records agree before, no page leads to a free frame, and the user part's pages are the space's own;
 *     pm keeps its contract (pm_alloc, pm_owners); the processor sets no accessed bits
 * cases: 11
 * with: -iquotetests/proof/small -DENTRIES_PER_TABLE=4 -DFRAMES_MAX=8u -DSUMMARY_MAX=1 -DRECENT_MAX=4u
 *     -DFLUSH_ALL_FROM=3 --no-pointer-check --unwind 17 --unwindset store_words.0:5,copy_words.0:5
 *     --unwindset clear_entries.0:5,zero_words.0:5
 *     --unwindset space_release.0:3,flush_pages.0:3 */
#include "space_state.h"

static const struct {
    vpn_t start;
    size_t pages;
    bool there[ENTRIES]; /* none: no table */
} cases[] = {
    {4, 4, {1, 1, 1, 1}}, {4, 4, {1, 0, 1, 0}}, {4, 4, {0, 1, 0, 1}}, {4, 4, {1, 0, 0, 1}},
    {4, 4, {0, 1, 1, 0}}, {5, 2, {1, 1, 1, 1}}, {5, 2, {1, 0, 0, 1}}, {4, 1, {1, 0, 0, 0}},
    {4, 4, {0}},          {7, 2, {1, 1, 1, 1}}, {3, 2, {1, 1, 1, 1}},
};
_Static_assert(CASES == ARRAY_SIZE(cases), "each case is run");

static const vpn_t start = cases[CASE].start, end = cases[CASE].start + cases[CASE].pages;

static void at_panic(void) { PROVE((start < USER_VPN || end > USER_END) && is_unchanged()); }

static bool has_its_table(void) { return are_any(cases[CASE].there); }

static bool has_lost_its_owners(pfn_t pfn) {
    return before.frames[pfn] & FRAME_PAGES && !(pm_frames[pfn] & FRAME_PAGES) &&
           (before.frames[pfn] & ~FRAME_PAGES) == FRAME_PLAIN;
}

/* Free is what was, a table that is linked no more, and what nobody has any more. */
static bool are_frames_right(void) {
    bool right = true;
    for (pfn_t pfn = 0; pfn < FRAMES_MAX; pfn++) {
        bool is_left = is_linked_table(&before.tables, pfn) && !is_linked_table(&after, pfn);
        right &= is_free[pfn] == (before.is_free[pfn] || is_left || has_lost_its_owners(pfn));
    }
    return right;
}

int main(void) {
    any_user_pages(cases[CASE].there);
    are_free_frames_unowned();
    space_release(page_address(start), end - start);
    REACH(pm_recents > 0);
    pm_make_room(RECENT_MAX);
    look(&after);
    for (vpn_t vpn = start; vpn < end; vpn++)
        PROVE(after.pte[vpn] == 0);
    PROVE(start >= USER_VPN && end <= USER_END);
    PROVE(is_cached_right());
    PROVE(is_well_formed(&after));
    PROVE(are_owners_right(start, end));
    PROVE(are_frames_right());
    PROVE(are_frames_unchanged());
    PROVE(are_other_pages_unchanged(start, end));
    REACH(has_its_table() && !after.pde[1]);
    REACH(has_its_table() && after.pde[1]);
    REACH(tlb && cached_pde);
}
