/* Ranges of bits: one bit is watched, any of them, so what is proved of it is proved of all.
 *
 * proved: bitmap_fill sets the bits in the range and no other, and no word beyond it; bitmap_find gives the first bit
 *     of the value, bitmap_all says whether there is none of the other, bitmap_next_run the next run
 * bounds: bitmaps of 128 bits, any range in them, empty and reversed ones too
 * assumed: nothing
 * with: --unwind 7
 * round: short */
#include "../../mm/bitmap.c"

#include "proof.h"

NO_PANIC

#define BITS 128

static uint32_t map[BITS / 32];

static void fill_sets_the_range(size_t start, size_t end, bool value, size_t watched) {
    bool before = bitmap_test(map, watched);
    bitmap_fill(map, start, end, value);
    PROVE(bitmap_test(map, watched) == (start <= watched && watched < end ? value : before));
}

static void find_gives_the_first(size_t start, size_t end, bool value, size_t watched) {
    GIVEN(start <= end);
    size_t found = bitmap_find(map, start, end, value);
    PROVE(start <= found && found <= end);
    PROVE(found == end || bitmap_test(map, found) == value);
    PROVE(watched < start || watched >= found || bitmap_test(map, watched) != value);
    PROVE(start == end || bitmap_all(map, start, end, !value) == (found == end));
}

static void next_run_is_the_next(size_t from, size_t limit, size_t watched) {
    size_t start, end = from;
    GIVEN(from <= limit);
    bool any = bitmap_next_run(map, &start, &end, limit);
    PROVE(any == (start < limit) && from <= start && start <= end && end <= limit && (!any || start < end));
    PROVE(watched < from || watched >= start || !bitmap_test(map, watched));
    PROVE(watched < start || watched >= end || bitmap_test(map, watched));
    PROVE(end == limit || !bitmap_test(map, end));
}

int main(void) {
    size_t start = any_below(BITS + 1), end = any_below(BITS + 1), watched = any_below(BITS);
    HAVOC(map);
    switch (any_below(3)) {
    case 0:
        fill_sets_the_range(start, end, nondet_bool(), watched);
        break;
    case 1:
        find_gives_the_first(start, end, nondet_bool(), watched);
        break;
    default:
        next_run_is_the_next(start, end, watched);
    }
}
