/* The memory map: entries of any size, in any order, against the rule itself, frame by frame (memmap.h). */
#include "fuzz.h"

#include <string.h>

#include "memmap.h"

#define ENTRIES_MAX 16

/* An entry, packed: 8 + 8 + 1 bytes. */
static struct memmap_entry entries[ENTRIES_MAX];
static unsigned count;

static bool reader(uint32_t *cursor, struct memmap_entry *entry) {
    if (*cursor >= count)
        return false;
    *entry = entries[(*cursor)++];
    return true;
}

static void read_entries(const uint8_t *data, size_t size) {
    for (count = 0; count < ENTRIES_MAX && size >= 17; count++, data += 17, size -= 17) {
        memcpy(&entries[count].base, data, 8);
        memcpy(&entries[count].length, data + 8, 8);
        entries[count].type = data[16];
    }
}

/* Whether ENTRY has a byte of the frame at START, and whether it has all of them: each byte asked for by its distance
 * from the base, so that nothing can wrap but the distance itself. */
static bool has_byte(const struct memmap_entry *e, uint64_t at) { return at >= e->base && at - e->base < e->length; }
static bool touches(const struct memmap_entry *e, uint64_t start) {
    return has_byte(e, start) || (e->length && e->base >= start && e->base - start < PAGE_SIZE);
}
static bool holds(const struct memmap_entry *e, uint64_t start) {
    return has_byte(e, start) && has_byte(e, start + PAGE_SIZE - 1);
}

static bool is_memory(uint64_t pfn) {
    bool memory = false;

    for (unsigned i = 0; i < count; i++) {
        if (entries[i].type != MEMMAP_RAM && touches(&entries[i], pfn * PAGE_SIZE))
            return false;
        memory |= entries[i].type == MEMMAP_RAM && holds(&entries[i], pfn * PAGE_SIZE);
    }
    return memory;
}

static void check_around(const memmap_frames frames, uint64_t address) {
    for (uint64_t pfn = address / PAGE_SIZE - 2, i = 0; i < 5; pfn++, i++)
        if (pfn < FRAMES_MAX)
            EXPECT(bitmap_test(frames, (size_t)pfn) == is_memory(pfn));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static memmap_frames frames;

    read_entries(data, size);
    memset(frames, 0x5A, sizeof frames);
    memmap_build(frames, reader);
    for (unsigned i = 0; i < count; i++) {
        check_around(frames, entries[i].base);
        check_around(frames, entries[i].base + entries[i].length);
        check_around(frames, entries[i].base + entries[i].length / 2);
    }
    check_around(frames, 0);
    check_around(frames, 0xFFFFFFFF);
    return 0;
}
