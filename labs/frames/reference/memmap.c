/* Lab frames, a plain solution: the memory map. */
#include "memmap.h"

/* The end of ENTRY; the last address, where it would lie beyond. */
static uint64_t end_of(const struct memmap_entry *entry) {
    uint64_t end = entry->base + entry->length;
    return end < entry->base ? UINT64_MAX : end;
}

/* ADDRESS as a frame's number, which is at most FRAMES_MAX: rounded down, or up. */
static size_t frame_below(uint64_t address) {
    uint64_t frame = address / PAGE_SIZE;
    return frame < FRAMES_MAX ? (size_t)frame : FRAMES_MAX;
}

static size_t frame_above(uint64_t address) {
    return frame_below(address) + (address % PAGE_SIZE != 0 && address / PAGE_SIZE < FRAMES_MAX);
}

/* Two passes: what takes comes last, so that it wins. */
void memmap_build(memmap_frames frames, memmap_reader *read) {
    struct memmap_entry entry;

    bitmap_fill(frames, 0, FRAMES_MAX, false);
    for (uint32_t cursor = 0; read(&cursor, &entry);)
        if (entry.type == MEMMAP_RAM && entry.length > 0)
            bitmap_fill(frames, frame_above(entry.base), frame_below(end_of(&entry)), true);
    for (uint32_t cursor = 0; read(&cursor, &entry);)
        if (entry.type != MEMMAP_RAM && entry.length > 0)
            bitmap_fill(frames, frame_below(entry.base), frame_above(end_of(&entry)), false);
}
