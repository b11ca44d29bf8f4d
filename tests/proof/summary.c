/* The summary, from any state in which its levels agree.
 *
 * proved: adding and removing change that member alone and keep the levels in agreement; first and last are the
 *     least and the greatest
 * bounds: summaries of 2,048 indices (two words in the middle)
 * assumed: the levels agree before
 * with: -DSUMMARY_MAX=2048 --unwind 67
 * round: short */
#include "../../mm/bitmap.c"

#include "proof.h"

static bool agreed;

/* summary_check panics where levels disagree: before the call that rules the state out, after it the proof fails. */
static void at_panic(void) { PROVE(!agreed); }

static bool member(const struct summary *s, size_t i) { return bitmap_test(s->leaf, i); }

static void extremes(const struct summary *s, size_t watched) {
    size_t first = summary_first(s), last = summary_last(s);
    PROVE((first == SUMMARY_NONE) == (last == SUMMARY_NONE));
    PROVE(first == SUMMARY_NONE || (first < SUMMARY_MAX && last < SUMMARY_MAX && member(s, first) && member(s, last)));
    PROVE(!member(s, watched) || (first <= watched && watched <= last && last != SUMMARY_NONE));
}

int main(void) {
    struct summary s;
    HAVOC(s);
    summary_check(&s);
    GIVEN(s.top < 1u << ARRAY_SIZE(s.middle));
    agreed = true;

    size_t changed = any_below(SUMMARY_MAX), watched = any_below(SUMMARY_MAX);
    bool before = member(&s, watched), add = nondet_bool();
    if (add)
        summary_add(&s, changed);
    else
        summary_remove(&s, changed);
    summary_check(&s);
    PROVE(member(&s, watched) == (watched == changed ? add : before));
    extremes(&s, watched);
}
