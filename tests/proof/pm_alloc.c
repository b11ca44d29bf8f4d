/* pm_alloc_page, from any well-formed state.
 *
 * proved: pm_alloc_page gives a frame that was free, and none only when none is free; it changes that frame alone, and the
 *     state stays well-formed
 * bounds: 64 frames, a magazine of 4, any records; full and empty ones too
 * assumed: the bitmap, its summary, the magazine, the records and the counts agree before
 * with: -DFRAMES_MAX=64u -DSUMMARY_MAX=2 -DRECENT_MAX=4u --unwind 65
 * round: short */
#include "../../mm/bitmap.c"

#include "pm_state.h"

NO_PANIC

int main(void) {
    any_state();
    paddr_t pa = pm_alloc_page();
    REACH(pa == PADDR_NONE);
    REACH(pa != PADDR_NONE && before.recents == 0);
    REACH(pa != PADDR_NONE && before.recents > 0);
    PROVE((pa == PADDR_NONE) == (free_before() == 0));
    if (pa != PADDR_NONE) {
        PROVE(pa_offset(pa) == 0 && pa_to_pfn(pa) < FRAMES_MAX && was_free(pa_to_pfn(pa)));
        PROVE(pm_state(pa) == PM_USED);
    }
    check_state(pa_to_pfn(pa), pa != PADDR_NONE, -(size_t)(pa != PADDR_NONE));
}
