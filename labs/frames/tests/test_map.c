/* Lab frames, exercise map: memmap_build, against the rule of memmap.h taken word by word.
 *
 * The judge here asks of a frame: does an entry hold it whole, does an entry touch it? It rounds nothing. */
#include "check.h"
#include "memmap.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MIB 0x100000ull
#define GIB 0x40000000ull

static const struct memmap_entry *entries;
static size_t entry_count;
static memmap_frames built;

static bool next_entry(uint32_t *cursor, struct memmap_entry *entry) {
    if (*cursor >= entry_count)
        return false;
    *entry = entries[(*cursor)++];
    return true;
}

/* Whether ENTRY reaches ADDRESS or beyond. */
static bool reaches(const struct memmap_entry *entry, uint64_t address) {
    uint64_t end;
    return __builtin_add_overflow(entry->base, entry->length, &end) || end >= address;
}

static bool touches(const struct memmap_entry *entry, uint64_t frame) {
    return entry->length && entry->base < frame + PAGE_SIZE && reaches(entry, frame + 1);
}

static bool holds(const struct memmap_entry *entry, uint64_t frame) {
    return entry->length && entry->base <= frame && reaches(entry, frame + PAGE_SIZE);
}

/* The entry that takes FRAME; the one that frees it; or one that has a part of it. */
static const struct memmap_entry *find(bool (*has)(const struct memmap_entry *, uint64_t), bool ram, uint64_t frame) {
    for (size_t i = 0; i < entry_count; i++)
        if ((entries[i].type == MEMMAP_RAM) == ram && has(&entries[i], frame))
            return &entries[i];
    return NULL;
}

/* Says what is wrong with FRAME, which should not be as it is. */
static void complain(const char *map, uint64_t frame) {
    const struct memmap_entry *taker = find(touches, false, frame), *owner = find(holds, true, frame),
                              *part = find(touches, true, frame);
    unsigned long long at = frame;
    if (!bitmap_test(built, (size_t)(frame / PAGE_SIZE)))
        wrong("%s: frame 0x%llx is missing: the entry 0x%llx +0x%llx calls all of it memory, and no entry takes it", map,
              at, owner->base, owner->length);
    if (taker)
        wrong("%s: frame 0x%llx is called memory, but the entry 0x%llx +0x%llx of type %u takes it, or a part of it: taken "
              "wins, whatever the order of the entries",
              map, at, taker->base, taker->length, taker->type);
    if (part)
        wrong("%s: frame 0x%llx is called memory, but only a part of it is: the entry 0x%llx +0x%llx must be rounded inward",
              map, at, part->base, part->length);
    wrong("%s: frame 0x%llx is called memory, but no entry says so: every frame starts as taken, and ends never wrap", map,
          at);
}

static memmap_frames judged;

/* What ENTRY says of its frames. The first and the last are asked one by one; what lies between them is all the entry's. */
static void judge(const struct memmap_entry *entry) {
    bool ram = entry->type == MEMMAP_RAM, (*has)(const struct memmap_entry *, uint64_t) = ram ? holds : touches;
    uint64_t last;
    if (!entry->length || entry->base >= 4 * GIB)
        return;
    if (__builtin_add_overflow(entry->base, entry->length - 1, &last) || last >= 4 * GIB)
        last = 4 * GIB - 1;
    size_t from = (size_t)(entry->base / PAGE_SIZE), to = (size_t)(last / PAGE_SIZE);
    if (has(entry, (uint64_t)from * PAGE_SIZE))
        bitmap_fill(judged, from, from + 1, ram);
    if (has(entry, (uint64_t)to * PAGE_SIZE))
        bitmap_fill(judged, to, to + 1, ram);
    if (from + 1 < to)
        bitmap_fill(judged, from + 1, to, ram);
}

static size_t first_difference(void) {
    size_t pfn = 0;
    while (pfn < FRAMES_MAX && built[pfn / 32] == judged[pfn / 32])
        pfn += 32;
    while (pfn < FRAMES_MAX && bitmap_test(built, pfn) == bitmap_test(judged, pfn))
        pfn++;
    return pfn;
}

static void check_map(const char *map, const struct memmap_entry *list, size_t count) {
    entries = list;
    entry_count = count;
    memset(built, 0x55, sizeof built);
    memset(judged, 0, sizeof judged);
    for (size_t i = 0; i < count; i++)
        if (list[i].type == MEMMAP_RAM)
            judge(&list[i]);
    for (size_t i = 0; i < count; i++) /* taken wins */
        if (list[i].type != MEMMAP_RAM)
            judge(&list[i]);
    doing("%s, of %zu entries", map, count);
    memmap_build(built, next_entry);
    size_t pfn = first_difference();
    if (pfn < FRAMES_MAX)
        complain(map, (uint64_t)pfn * PAGE_SIZE);
}

#define CHECK_MAP(...) \
    do { \
        static const struct memmap_entry list[] = {__VA_ARGS__}; \
        check_map("a map of this test", list, sizeof list / sizeof list[0]); \
    } while (0)

CASE(one_entry) {
    CHECK_MAP({1 * MIB, 15 * MIB, MEMMAP_RAM});
    CHECK_MAP({0, 0x9F000, MEMMAP_RAM}, {1 * MIB, 127 * MIB, MEMMAP_RAM});
}

CASE(whole_frames_only) {
    CHECK_MAP({0x100001, 0x10000, MEMMAP_RAM});
    CHECK_MAP({0x100000, 0x10FFF, MEMMAP_RAM});
    CHECK_MAP({0x100800, 0x2000, MEMMAP_RAM});
    CHECK_MAP({0x200000, 0x3000, MEMMAP_RAM}, {0x100800, 0x400, MEMMAP_RAM}); /* less than a frame */
    CHECK_MAP({0x200000, 0x3000, MEMMAP_RAM}, {0x100FFF, 2, MEMMAP_RAM});
}

CASE(taken_wins) {
    CHECK_MAP({1 * MIB, 15 * MIB, MEMMAP_RAM}, {2 * MIB, 1 * MIB, 2});
    CHECK_MAP({2 * MIB, 1 * MIB, 2}, {1 * MIB, 15 * MIB, MEMMAP_RAM});
    CHECK_MAP({1 * MIB, 7 * MIB, MEMMAP_RAM}, {4 * MIB, 1 * MIB, 3}, {4 * MIB, 8 * MIB, MEMMAP_RAM}, {9 * MIB, 4096, 20});
}

/* However many entries there are: a kernel that keeps them in an array needs a longer one some day. */
CASE(any_number_of_entries) {
    static struct memmap_entry list[1001];
    for (unsigned i = 0; i < 1000; i++)
        list[i] = (struct memmap_entry){(1 + i) * MIB, i % 3 ? MIB : MIB - 1, i % 7 ? MEMMAP_RAM : 2};
    list[1000] = (struct memmap_entry){500 * MIB, 10 * MIB, 2};
    check_map("a map of 1001 entries", list, 1001);
}

CASE(taken_frames_are_rounded_outward) {
    CHECK_MAP({1 * MIB, 15 * MIB, MEMMAP_RAM}, {0x200FFF, 1, 2});
    CHECK_MAP({1 * MIB, 15 * MIB, MEMMAP_RAM}, {0x200FFF, 2, 2});
    CHECK_MAP({1 * MIB, 15 * MIB, MEMMAP_RAM}, {0x200800, 0x1000, 4});
}

CASE(empty_entries) {
    CHECK_MAP({1 * MIB, 15 * MIB, MEMMAP_RAM}, {2 * MIB, 0, 2}, {0x300800, 0, 2}, {32 * MIB, 0, MEMMAP_RAM});
}

CASE(ends_do_not_wrap) {
    CHECK_MAP({3 * GIB, 4 * GIB, MEMMAP_RAM});
    CHECK_MAP({1 * MIB, 15 * MIB, MEMMAP_RAM}, {4 * GIB, 4 * GIB, MEMMAP_RAM}, {4 * GIB + 2 * MIB, 4096, 2});
    CHECK_MAP({1 * MIB, 15 * MIB, MEMMAP_RAM}, {0xFFFFFFFFFFFFF000ull, 0x300000, 2});
    CHECK_MAP({0xFFFFFFFFFFFFF000ull, 0x800000, MEMMAP_RAM}, {1 * MIB, 1 * MIB, MEMMAP_RAM});
    CHECK_MAP({1 * MIB, 1 * MIB, MEMMAP_RAM}, {1ull << 44, 4 * MIB, MEMMAP_RAM}, {(1ull << 44) + MIB, 4096, 2});
    CHECK_MAP({1 * MIB, UINT64_MAX, MEMMAP_RAM}, {8 * MIB, UINT64_MAX - 4096, 2});
}

/* ---- the maps of real machines: tests/memmaps ---- */

static size_t read_map(const char *path, struct memmap_entry *list, size_t max) {
    char line[256];
    size_t count = 0;
    FILE *file = fopen(path, "r");
    CHECK(file, "%s cannot be opened", path);
    while (fgets(line, sizeof line, file)) {
        unsigned long long base, length;
        unsigned type;
        if (count < max && sscanf(line, "%llx %llx %u", &base, &length, &type) == 3)
            list[count++] = (struct memmap_entry){base, length, type};
    }
    fclose(file);
    return count;
}

CASE(maps_of_real_machines) {
    DIR *folder = opendir("tests/memmaps");
    CHECK(folder, "tests/memmaps is missing");
    for (struct dirent *file; (file = readdir(folder));) {
        struct memmap_entry list[64];
        char path[512];
        if (file->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "tests/memmaps/%s", file->d_name);
        check_map(file->d_name, list, read_map(path, list, 64));
    }
    closedir(folder);
}
