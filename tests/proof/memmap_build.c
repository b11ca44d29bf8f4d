/* memmap_build at the real size of memory. One frame is watched, any of them: of the bitmap there is only its bit.
 *
 * proved: memmap_build keeps exactly the frames that memmap.h's rule keeps, for every map of up to 2 entries of any
 *     base, length (2^64 each) and type, in any order
 * bounds: 2 entries, all 2^20 frames
 * assumed: bitmap_fill does what its contract says (bitmap_fill); the reader gives the same entries at both readings
 * with: -DENTRIES=2 -DOWN_MEMSET --unwind 6
 * round: short */
#include "../../mm/memmap.c"

#include "memmap_rule.h"

NO_PANIC

static uint32_t *map;
static pfn_t watched;
static bool bit;

void *memset(void *to, int byte, size_t n) {
    PROVE(to == map && byte == 0 && n == sizeof(memmap_frames));
    bit = false;
    return to;
}

void bitmap_fill(uint32_t *to, size_t start, size_t end, bool value) {
    PROVE(to == map && (start >= end || end <= FRAMES_MAX));
    if (start <= watched && watched < end)
        bit = value;
}

int main(void) {
    uint32_t here;
    map = &here;
    watched = any_below(FRAMES_MAX);
    bit = nondet_bool();
    any_map();
    memmap_build(map, read_map);
    PROVE(bit == is_kept(watched));
}
