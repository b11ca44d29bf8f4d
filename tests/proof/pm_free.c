/* pm_free_page, from any well-formed state.
 *
 * proved: pm_free_page takes back what is handed out and not mapped, changes that frame alone, and so undoes
 *     pm_alloc_page; it refuses every other address before any change; the state stays well-formed
 * bounds: 64 frames, a magazine of 4, any records; any address in that memory, unaligned ones too
 * assumed: the bitmap, its summary, the magazine, the records and the counts agree before
 * with: -DFRAMES_MAX=64u -DSUMMARY_MAX=2 -DRECENT_MAX=4u --unwind 65 */
#include "../../mm/bitmap.c"

#include "pm_state.h"

static paddr_t pa;

static bool may_be_freed(void) {
    pfn_t pfn = pa_to_pfn(pa);
    return pa_offset(pa) == 0 && was_handed_out(pfn) && (before.frames[pfn] & FRAME_PAGES) == 0;
}

static void at_panic(void) {
    REACH(pa_offset(pa));
    REACH(!pa_offset(pa));
    PROVE(!may_be_freed() && is_unchanged());
}

int main(void) {
    any_state();
    pa = any_below(FRAMES_MAX * PAGE_SIZE);
    pm_free_page(pa);
    REACH(before.recents == RECENT_MAX);
    REACH(before.recents < RECENT_MAX);
    PROVE(may_be_freed() && pm_state(pa) == PM_FREE);
    check_state(pa_to_pfn(pa), 1, 1);
}
