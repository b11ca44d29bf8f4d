/* memmap_build with the bitmap that it fills, all of it real.
 *
 * proved: memmap_build keeps exactly the frames that memmap.h's rule keeps, for every map of up to 3 entries of any
 *     base, length (2^64 each) and type, in any order, and writes nothing else
 * bounds: 3 entries, 64 frames
 * assumed: the reader gives the same entries at both readings
 * with: -DFRAMES_MAX=64u -DENTRIES=3 --unwind 6
 * round: short */
#include "../../mm/memmap.c"

#include "../../mm/bitmap.c"
#include "memmap_rule.h"

NO_PANIC

int main(void) {
    memmap_frames frames;
    any_map();
    memmap_build(frames, read_map);
    pfn_t pfn = any_below(FRAMES_MAX);
    PROVE(bitmap_test(frames, pfn) == is_kept(pfn));
}
