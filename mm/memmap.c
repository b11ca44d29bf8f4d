/* memmap: the rule of memmap.h, on a bitmap of frames.
 *
 * Two passes over the entries keep it independent of their order: first every type-1 entry frees, then
 * every other one takes. Nothing is sorted, merged or stored, so there is no case to get wrong and no limit
 * to the number of entries. */
#include "memmap.h"

#include "string.h"

struct frame_range {
    pfn_t start, end;
};

/* The frames of ENTRY below 4 GiB: those wholly inside it, or else all that it touches. */
static struct frame_range frames_of(const struct memmap_entry *entry, bool whole)
{
    uint64_t end = entry->base + entry->length;
    if (end < entry->base)
        end = UINT64_MAX; /* saturate: the entry reaches the end of the address space */
    uint64_t first = (entry->base >> PAGE_SHIFT) + (whole && (entry->base & PAGE_MASK));
    uint64_t last = (end >> PAGE_SHIFT) + (!whole && (end & PAGE_MASK));
    return (struct frame_range){
        .start = first < FRAMES_MAX ? (pfn_t)first : FRAMES_MAX,
        .end = last < FRAMES_MAX ? (pfn_t)last : FRAMES_MAX,
    };
}

void memmap_build(memmap_frames frames, memmap_reader *read)
{
    memset(frames, 0, sizeof(memmap_frames));
    for (int freeing = 1; freeing >= 0; freeing--) {
        uint32_t cursor = 0;
        struct memmap_entry entry;
        while (read(&cursor, &entry)) {
            if (entry.length == 0 || freeing != (entry.type == MEMMAP_RAM))
                continue;
            struct frame_range range = frames_of(&entry, freeing);
            bitmap_fill(frames, range.start, range.end, freeing);
        }
    }
}
