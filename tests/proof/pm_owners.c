/* pm's owners of a frame, from any well-formed state; and pm_take_back, by which vmem gives back what it knows.
 *
 * proved: pm_share adds an owner to a frame that is handed out, pm_drop takes one away, and the last one frees the
 *     frame; both refuse every other address, one owner too many and one too few, before any change; pm_take_back frees
 *     a frame whatever its kind was; each changes that frame alone, and the state stays well-formed
 * bounds: 64 frames, a magazine of 4, any records; any address in that memory, unaligned ones too
 * assumed: the bitmap, its summary, the magazine, the records and the counts agree before
 * with: -DFRAMES_MAX=64u -DSUMMARY_MAX=2 -DRECENT_MAX=4u --unwind 65 --unwindset pm_make_room.0:2 */
#include "../../mm/bitmap.c"

#include "pm_state.h"

static enum { SHARE, DROP, TAKE_BACK } call;
static paddr_t pa;

static frame_t owners(const frame_t *records) { return records[pa_to_pfn(pa)] & FRAME_PAGES; }

static bool may_be_called(void) {
    bool handed_out = pa_offset(pa) == 0 && was_handed_out(pa_to_pfn(pa));
    return handed_out && owners(before.frames) != (call == SHARE ? FRAME_PAGES : 0);
}

static void at_panic(void) {
    REACH(call == SHARE);
    REACH(call == DROP);
    PROVE(call != TAKE_BACK && !may_be_called() && is_unchanged());
}

static void take_back(void) {
    GIVEN(pa_offset(pa) == 0 && before.frames[pa_to_pfn(pa)] >= FRAME_PLAIN && !was_free(pa_to_pfn(pa)));
    pm_take_back(pa);
    PROVE(owners(pm_frames) == owners(before.frames));
}

int main(void) {
    any_state();
    pa = any_below(FRAMES_MAX * PAGE_SIZE);
    call = any_below(3);
    if (call == TAKE_BACK) {
        take_back();
    } else if (call == SHARE) {
        pm_share(pa);
        PROVE(may_be_called() && owners(pm_frames) == owners(before.frames) + FRAME_PAGE);
        PROVE(pm_is_shared(pa) == (owners(before.frames) > 0));
    } else {
        pm_drop(pa);
        PROVE(may_be_called() && owners(pm_frames) == owners(before.frames) - FRAME_PAGE);
    }
    bool freed = call == TAKE_BACK || (call == DROP && owners(before.frames) == FRAME_PAGE);
    REACH(call == SHARE);
    REACH(call == DROP && freed);
    REACH(call == DROP && !freed);
    REACH(call == TAKE_BACK);
    PROVE(pm_state(pa) == (freed ? PM_FREE : PM_USED));
    check_state(pa_to_pfn(pa), 1, freed);
}
