/* Bitmaps, the summary, and memmap's rule: small cases here, all of them on the host (tests/host/). */
#include "bitmap.h"

#include "kmalloc.h"
#include "ktest.h"
#include "memmap.h"
#include "string.h"
#include "support.h"

#define BITS 100
#define WORDS ((BITS + 31) / 32 + 1)

/* What the three functions must say of [START, END), bit by bit. */
static void check_range(const uint32_t *map, size_t start, size_t end) {
    size_t set = end, clear = end, count = 0;

    for (size_t i = start; i < end; i++) {
        bool bit = map[i / 32] >> i % 32 & 1;
        count += bit;
        if (bit && set == end)
            set = i;
        if (!bit && clear == end)
            clear = i;
    }
    KCHECK_EQ(bitmap_find(map, start, end, true), set);
    KCHECK_EQ(bitmap_find(map, start, end, false), clear);
    KCHECK_EQ(bitmap_count(map, start, end), count);
}

KTEST(bitmap_ranges_of_every_kind)
{
    uint32_t map[WORDS];

    for (size_t start = 0; start <= BITS; start += 3)
        for (size_t end = start; end <= BITS; end += 5)
            for (int value = 0; value < 2; value++) {
                memset(map, value ? 0 : 0xFF, sizeof(map));
                bitmap_fill(map, start, end, value);
                for (size_t i = 0; i < WORDS * 32; i++)
                    KCHECK_EQ(bitmap_test(map, i), (i >= start && i < end) == value);
                KCHECK_CALL(check_range(map, 0, BITS));
                KCHECK_CALL(check_range(map, start, end));
                KCHECK_CALL(check_range(map, start / 2, end));
            }
}

KTEST(bitmap_random_against_a_model)
{
    uint32_t map[WORDS];

    random_seed(7);
    for (unsigned step = 0; step < 3000; step++) {
        size_t a = random_below(BITS), b = random_below(BITS);
        for (size_t i = 0; i < WORDS; i++)
            map[i] = random_next() & random_next();
        KCHECK_CALL(check_range(map, a < b ? a : b, a < b ? b : a));
    }
}

KTEST(bitmap_runs_one_after_another)
{
    uint32_t map[4] = {0};
    static const size_t runs[][2] = {{0, 1}, {5, 32}, {33, 34}, {40, 128}};
    size_t start, end = 0;

    for (size_t i = 0; i < ARRAY_SIZE(runs); i++)
        bitmap_fill(map, runs[i][0], runs[i][1], true);
    for (size_t i = 0; i < ARRAY_SIZE(runs); i++) {
        KCHECK(bitmap_next_run(map, &start, &end, 128));
        KCHECK_EQ(start, runs[i][0]);
        KCHECK_EQ(end, runs[i][1]);
    }
    KCHECK(!bitmap_next_run(map, &start, &end, 128));
}

static size_t next_slowly(const uint32_t *members, size_t from) {
    for (; from < SUMMARY_MAX; from++)
        if (bitmap_test(members, from))
            return from;
    return SUMMARY_NONE;
}

KTEST(summary_random_against_a_model)
{
    struct summary *s = kzalloc(sizeof(*s));
    uint32_t *members = kzalloc(SUMMARY_MAX / 8);

    KCHECK(s && members);
    KCHECK_EQ(summary_next(s, 0), SUMMARY_NONE);
    random_seed(8);
    for (unsigned step = 0; step < 20000; step++) {
        size_t i = step % 3 ? random_below(SUMMARY_MAX) : random_below(64); /* some close together */
        bool add = random_below(2);
        if (add)
            summary_add(s, i);
        else
            summary_remove(s, i);
        bitmap_fill(members, i, i + 1, add);
        if (step % 100 == 0)
            KCHECK_EQ(summary_next(s, i / 2), next_slowly(members, i / 2));
    }
    for (size_t i = 0; i < SUMMARY_MAX; i++)
        summary_remove(s, i);
    KCHECK_EQ(summary_next(s, 0), SUMMARY_NONE);
    KCHECK_EQ(s->top, 0);
    summary_add(s, SUMMARY_MAX - 1);
    KCHECK_EQ(summary_next(s, 0), SUMMARY_MAX - 1);
    KCHECK_EQ(summary_next(s, SUMMARY_MAX - 1), SUMMARY_MAX - 1);
    kfree(members);
    kfree(s);
}

/* ---- memmap ---- */

#define RESERVED 2

static const struct memmap_entry *map_entries;
static uint32_t map_length;

static bool read_map(uint32_t *cursor, struct memmap_entry *entry) {
    if (*cursor == map_length)
        return false;
    *entry = map_entries[(*cursor)++];
    return true;
}

/* ENTRIES leave exactly the frames [START, END) from 1 MiB up. */
static void check_map(const struct memmap_entry *entries, uint32_t n, size_t start, size_t end) {
    uint32_t *frames = kmalloc(FRAMES_MAX / 8);

    KCHECK(frames);
    memset(frames, 0xA5, FRAMES_MAX / 8);
    map_entries = entries;
    map_length = n;
    memmap_build(frames, read_map);
    size_t above = bitmap_count(frames, 0x100, FRAMES_MAX), inside = bitmap_count(frames, start, end);
    kfree(frames);
    KCHECK_EQ(above, end - start);
    KCHECK_EQ(inside, end - start);
}

#define CHECK_MAP(start, end, ...) \
    do { \
        static const struct memmap_entry entries_[] = {__VA_ARGS__}; \
        KCHECK_CALL(check_map(entries_, ARRAY_SIZE(entries_), start, end)); \
    } while (0)

KTEST(memmap_keeps_what_is_memory_and_nothing_else)
{
    KCHECK_CALL(check_map(NULL, 0, 0x100, 0x100));
    CHECK_MAP(0x100, 0x200, {0, 0x9F000, MEMMAP_RAM}, {0x100000, 0x100000, MEMMAP_RAM});
    CHECK_MAP(0x101, 0x200, {0x100001, 0xFFFFF, MEMMAP_RAM}); /* inward */
    CHECK_MAP(0x100, 0x1FF, {0x100000, 0xFFFFF, MEMMAP_RAM});
    CHECK_MAP(0x100, 0x180, {0x100000, 0x100000, MEMMAP_RAM}, {0x180FFF, 0x90000, RESERVED}); /* outward */
    CHECK_MAP(0x100, 0x180, {0x180FFF, 0x90000, RESERVED}, {0x100000, 0x100000, MEMMAP_RAM}); /* any order */
    CHECK_MAP(0x100, 0x200, {0x100000, 0x100000, MEMMAP_RAM}, {0x180000, 0, RESERVED});       /* empty */
    CHECK_MAP(0x100, 0x200, {0x100000, 0x80000, MEMMAP_RAM}, {0x140000, 0xC0000, MEMMAP_RAM});
    CHECK_MAP(0x200, 0x200, {0x100000, 0x100000, MEMMAP_RAM}, {0, 0x100000000, 20});
}

KTEST(memmap_ends_saturate)
{
    CHECK_MAP(0xFFF00, 0x100000, {0xFFF00000, 0x200000, MEMMAP_RAM});
    CHECK_MAP(0x100, 0x100000, {0x100000, ~0ull, MEMMAP_RAM});
    CHECK_MAP(0x100, 0x200, {0x100000, ~0ull, MEMMAP_RAM}, {0x200000, ~0ull, RESERVED});
    CHECK_MAP(0x100, 0x100, {0x100000000, 0x40000000, MEMMAP_RAM}, {~0ull, ~0ull, MEMMAP_RAM});
    CHECK_MAP(0x100, 0x200, {0x100000, 0x100000, MEMMAP_RAM}, {~0ull, ~0ull, RESERVED});
}
