/* Runs of bits. The answer is held against one place where a run might begin, any of them, so against all.
 *
 * proved: bitmap_find_run gives the first place, at or after the one it is told, at which so many set bits begin, and
 *     that there is none only where there is none; with a summary of the words and without
 * bounds: bitmaps of 96 bits; any place to begin at, any number of bits, of 2^32
 * assumed: the summary agrees with the bitmap
 * cases: 2
 * with: -DSUMMARY_MAX=3 --unwind 7 --unwindset run_at.0:97 */
#include "../../mm/bitmap.c"

#include "proof.h"

NO_PANIC

#define WORDS SUMMARY_MAX
#define BITS (WORDS * 32)

static uint32_t map[WORDS];
static struct summary words;

static void any_bitmap(void) {
    HAVOC(map);
    for (size_t i = 0; i < WORDS; i++)
        words.leaf[0] |= (uint32_t)(map[i] != 0) << i;
    words.middle[0] = words.top = words.leaf[0] != 0;
}

/* How many bits from START on are set before one is not. */
static size_t run_at(size_t start) {
    size_t end = BITS;
    for (size_t i = BITS; i-- > 0;)
        if (i >= start && !bitmap_test(map, i))
            end = i;
    return end - start;
}

int main(void) {
    any_bitmap();
    size_t n = nondet_word(), from = any_below(BITS + 1), watched = any_below(BITS);
    GIVEN(n > 0);
    size_t found = bitmap_find_run(map, CASE ? &words : NULL, n, from, BITS);
    REACH(found < BITS && found / 32 + 1 < (found + n - 1) / 32);
    REACH(found == BITS);
    PROVE(from <= found && found <= BITS);
    size_t inside = any_below(BITS);
    PROVE(found == BITS || (n <= BITS - found && (inside - found >= n || bitmap_test(map, inside))));
    PROVE(watched < from || watched >= found || run_at(watched) < n);
}
