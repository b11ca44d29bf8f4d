/* How memmap rounds and clips an entry, at the real size of memory.
 *
 * proved: an entry's end saturates; memory is rounded inward and everything else outward, to the frame, and both are
 *     clipped at 4 GiB
 * bounds: none: all 2^64 bases x 2^64 lengths, all 2^20 frames
 * assumed: nothing
 * round: short */
#include "../../mm/memmap.c"

#include "proof.h"

NO_PANIC

void bitmap_fill(uint32_t *map, size_t start, size_t end, bool value) { (void)map, (void)start, (void)end, (void)value; }

int main(void) {
    struct memmap_entry entry = {.base = nondet_long(), .length = nondet_long()};
    uint64_t frame = any_below(FRAMES_MAX), end = end_of(&entry);
    uint64_t start = frame << PAGE_SHIFT, next = start + PAGE_SIZE; /* of FRAME, and of the one after it */

    PROVE(end >= entry.base && (end == UINT64_MAX || end - entry.base == entry.length));
    PROVE(end == UINT64_MAX || entry.length <= UINT64_MAX - entry.base);

    PROVE(frame_at(entry.base, true) <= FRAMES_MAX && frame_at(end, false) <= FRAMES_MAX);
    bool inside = frame_at(entry.base, true) <= frame && frame < frame_at(end, false);
    PROVE(inside == (entry.base <= start && next <= end));
    bool touched = frame_at(entry.base, false) <= frame && frame < frame_at(end, true);
    PROVE(touched == (entry.base < next && start < end));
}
