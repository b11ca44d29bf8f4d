/* memmap: the rule of memmap.h, on a bitmap of frames.
 *
 * Two passes over the entries keep it independent of their order: first every type-1 entry frees, then
 * every other one takes. Nothing is sorted, merged or stored, so there is no case to get wrong and no limit
 * to the number of entries. */
#include "memmap.h"

#include "string.h"

/* The frame that ADDRESS lies in, or with NEXT the first that begins at or after it. At most FRAMES_MAX. */
static size_t frame_at(uint64_t address, bool next) {
    uint64_t frame = (address >> PAGE_SHIFT) + (next && address & PAGE_MASK);
    return frame < FRAMES_MAX ? (size_t)frame : FRAMES_MAX;
}

/* ENTRY's end, or the last address where that would be past 2^64. */
static uint64_t end_of(const struct memmap_entry *entry) {
    uint64_t end = entry->base + entry->length;
    return end < entry->base ? UINT64_MAX : end;
}

/* Fills FRAMES from all the entries that READ gives. */
void memmap_build(memmap_frames frames, memmap_reader *read) {
    struct memmap_entry entry;
    memset(frames, 0, sizeof(memmap_frames));
    for (int freeing = 1; freeing >= 0; freeing--)
        for (uint32_t cursor = 0; read(&cursor, &entry);)
            if (entry.length && (entry.type == MEMMAP_RAM) == freeing)
                bitmap_fill(frames, frame_at(entry.base, freeing), frame_at(end_of(&entry), !freeing),
                            freeing);
}
