/* memmap: real maps and hostile ones, each compared frame by frame with the rule of memmap.h.
 *
 * The model asks of one frame at a time: is it inside some type-1 entry, and touched by no other? It knows
 * no rounding and no bitmap; 65-bit sums are kept apart as a number and a carry. To be quick it asks only
 * about the frames near which an entry lies. */
#include "memmap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

#define GIB4 (1ull << 32)

static unsigned char model[FRAMES_MAX];
static memmap_frames built;

/* ---- the model ---- */

/* The model is not what is tested: it is quicker without the sanitizers. */
#define UNCHECKED __attribute__((no_sanitize("address", "undefined")))

/* Does ENTRY reach ADDRESS or beyond? Its end saturates at the end of the address space. */
UNCHECKED static bool reaches(const struct memmap_entry *entry, uint64_t address) {
    uint64_t end;
    bool carry = __builtin_add_overflow(entry->base, entry->length, &end);
    return carry || end >= address;
}

UNCHECKED static bool frame_inside(uint64_t frame, const struct memmap_entry *entry) {
    return entry->base <= frame && reaches(entry, frame + PAGE_SIZE);
}

UNCHECKED static bool frame_touched(uint64_t frame, const struct memmap_entry *entry) {
    return entry->length != 0 && entry->base < frame + PAGE_SIZE && reaches(entry, frame + 1);
}

enum { TAKEN = 0, FREED = 1, TOUCHED = 2 };

UNCHECKED static void model_entry(const struct memmap_entry *entry) {
    for (uint64_t frame = entry->base & ~(uint64_t)PAGE_MASK; frame < GIB4; frame += PAGE_SIZE) {
        if (!reaches(entry, frame + 1))
            break;
        unsigned char *state = &model[frame / PAGE_SIZE];
        if (entry->type != MEMMAP_RAM && frame_touched(frame, entry))
            *state = TOUCHED;
        else if (entry->type == MEMMAP_RAM && entry->length && frame_inside(frame, entry) &&
                 *state != TOUCHED)
            *state = FREED;
    }
}

/* The first frame that is not as the model has it, or FRAMES_MAX. */
UNCHECKED static size_t first_difference(void) {
    size_t frame = 0;
    while (frame < FRAMES_MAX && (built[frame / 32] >> frame % 32 & 1) == (model[frame] == FREED))
        frame++;
    return frame;
}

static void check_map(const char *name, const struct memmap_entry *entries, size_t count) {
    memset(model, TAKEN, sizeof model);
    for (size_t i = 0; i < count; i++)
        model_entry(&entries[i]);
    memset(built, 0x55, sizeof built);
    host_reader_set(entries, count);
    memmap_build(built, host_reader);
    size_t frame = first_difference();
    if (frame != FRAMES_MAX)
        fail_msg("%s: frame 0x%zx000 is %s", name, frame, bitmap_test(built, frame) ? "kept" : "missing");
}

/* Expects exactly the frames [START, END). */
static void check_kept(const struct memmap_entry *entries, size_t count, size_t start, size_t end) {
    check_map("map", entries, count);
    if (start == end)
        assert_int_equal(bitmap_find(built, 0, FRAMES_MAX, true), FRAMES_MAX);
    else
        assert_int_equal(bitmap_find(built, 0, FRAMES_MAX, true), start);
    assert_int_equal(bitmap_count(built, start, end), end - start);
    assert_int_equal(bitmap_count(built, 0, FRAMES_MAX), end - start);
}

static void shuffle(struct memmap_entry *entries, size_t count) {
    for (size_t i = count; i > 1; i--) {
        size_t other = random_between(0, i);
        struct memmap_entry swap = entries[i - 1];
        entries[i - 1] = entries[other];
        entries[other] = swap;
    }
}

/* ---- real maps ---- */

static void check_in_order(const struct host_map *map) { check_map(map->name, map->entries, map->count); }

static void test_every_real_map_in_the_order_given(void **state) {
    (void)state;
    each_host_map(check_in_order);
}

static void check_shuffled(const struct host_map *map) {
    static memmap_frames in_order;
    check_map(map->name, map->entries, map->count);
    memcpy(in_order, built, sizeof built);
    for (int round = 0; round < 3; round++) {
        shuffle(map->entries, map->count);
        check_map(map->name, map->entries, map->count);
        assert_memory_equal(in_order, built, sizeof built);
    }
}

static void test_every_real_map_shuffled(void **state) {
    (void)state;
    each_host_map(check_shuffled);
}

/* ---- hostile maps ---- */

#define KEPT(start, end, ...) \
    do { \
        static const struct memmap_entry entries_[] = {__VA_ARGS__}; \
        check_kept(entries_, ARRAY_SIZE(entries_), start, end); \
    } while (0)

static void test_no_entries_keep_nothing(void **state) {
    (void)state;
    check_kept(NULL, 0, 0, 0);
}

static void test_nothing_usable_keeps_nothing(void **state) {
    (void)state;
    KEPT(0, 0, {0x100000, 0x100000, 2}, {0, GIB4, 3}, {0x200000, 0x1000, 0}, {0x300000, 0x1000, UINT32_MAX});
}

static void test_ram_is_rounded_inward(void **state) {
    (void)state;
    KEPT(0x100, 0x102, {0x100000, 0x2FFF, 1});
    KEPT(0x101, 0x103, {0x100001, 0x2FFF, 1});
    KEPT(0x101, 0x102, {0x100001, 0x2FFE, 1});
    KEPT(0x101, 0x102, {0x100FFF, 0x1001, 1});
    KEPT(0, 0, {0x100000, 0xFFF, 1});
    KEPT(0, 0, {0x100001, 0x1FFE, 1});
    KEPT(0, 0, {0x100FFF, 2, 1});
}

static void test_what_is_not_ram_is_rounded_outward(void **state) {
    (void)state;
    KEPT(0x101, 0x110, {0x100000, 0x10000, 1}, {0x100000, 1, 2});
    KEPT(0x101, 0x110, {0x100000, 0x10000, 1}, {0x100FFF, 1, 2});
    KEPT(0x102, 0x110, {0x100000, 0x10000, 1}, {0x100FFF, 2, 2});
    KEPT(0x100, 0x10F, {0x100000, 0x10000, 1}, {0x10F001, 0x10, 7});
}

static void test_every_bit_of_an_entrys_type_counts(void **state) {
    (void)state;
    for (unsigned bit = 0; bit < 32; bit++) {
        const struct memmap_entry entries[] = {{0x100000, 0x10000, 1}, {0x10F000, 0x1000, 1 ^ 1u << bit}};
        check_kept(entries, 2, 0x100, 0x10F);
        check_kept(entries + 1, 1, 0, 0);
    }
}

static void test_taken_wins_in_any_order(void **state) {
    (void)state;
    KEPT(0x100, 0x180, {0x180000, 0x80000, 2}, {0x100000, 0x100000, 1});
    KEPT(0x100, 0x180, {0x100000, 0x100000, 1}, {0x180000, 0x80000, 2});
    KEPT(0x100, 0x180, {0x100000, 0x100000, 1}, {0x180000, 0x80000, 2}, {0x100000, 0x100000, 1});
    KEPT(0, 0, {0x100000, 0x100000, 1}, {0x100000, 0x100000, 4});
}

static void test_overlaps_of_every_kind(void **state) {
    /* RAM at [16, 32) frames; the other entry starts and ends anywhere around it, a byte off or not. */
    (void)state;
    for (unsigned type = 1; type <= 2; type++) {
        for (uint64_t start = 0xE; start <= 0x21; start++) {
            for (uint64_t end = start; end <= 0x22; end++) {
                for (unsigned off = 0; off < 9; off++) {
                    uint64_t from = start * PAGE_SIZE + off % 3 - 1, to = end * PAGE_SIZE + off / 3 - 1;
                    if (to < from)
                        continue;
                    struct memmap_entry entries[] = {{0x10000, 0x10000, 1}, {from, to - from, type}};
                    memset(model, TAKEN, 0x40);
                    model_entry(&entries[0]);
                    model_entry(&entries[1]);
                    host_reader_set(entries, 2);
                    memmap_build(built, host_reader);
                    for (size_t i = 0; i < 0x40; i++)
                        if (bitmap_test(built, i) != (model[i] == FREED))
                            fail_msg("[0x%llx, 0x%llx) type %u: frame 0x%zx is wrong",
                                     (unsigned long long)from, (unsigned long long)to, type, i);
                }
            }
        }
    }
}

static void test_entries_of_no_length_do_nothing(void **state) {
    (void)state;
    KEPT(0x100, 0x110, {0x100000, 0x10000, 1}, {0x104000, 0, 2}, {0x104800, 0, 3}, {0, 0, 2},
         {0x200800, 0, 1}, {UINT64_MAX, 0, 2});
}

/* Two entries meet in the middle of a frame: neither holds the frame whole. */
static void test_a_frame_split_between_two_ram_entries_is_not_kept(void **state) {
    (void)state;
    check_map("split", (struct memmap_entry[]){{0x100000, 0x4800, 1}, {0x104800, 0x4800, 1}}, 2);
    assert_false(bitmap_test(built, 0x104));
    assert_true(bitmap_test(built, 0x103));
    assert_true(bitmap_test(built, 0x105));
    KEPT(0x100, 0x108, {0x100000, 0x4000, 1}, {0x104000, 0x4000, 1});
}

static void test_ends_saturate_and_never_wrap(void **state) {
    (void)state;
    KEPT(0x100, FRAMES_MAX, {0x100000, UINT64_MAX, 1});
    KEPT(0x100, FRAMES_MAX, {0x100000, UINT64_MAX - 0x100000, 1});     /* ends at 0xFFFFFFFFFFFFFFFF */
    KEPT(0x100, FRAMES_MAX, {0x100000, UINT64_MAX - 0x100000 + 1, 1}); /* at 2^64 */
    KEPT(0x100, 0x200, {0x100000, UINT64_MAX, 1}, {0x200000, UINT64_MAX, 2});
    KEPT(0, 0, {0x100000, UINT64_MAX, 2}, {0x200000, 0x100000, 1}); /* nor where what is taken comes first */
    KEPT(0, FRAMES_MAX, {0, UINT64_MAX, 1});
    KEPT(0, 0, {0, UINT64_MAX, 1}, {0, UINT64_MAX, 2});
}

static void test_entries_near_the_top_of_64_bits_touch_nothing_below(void **state) {
    (void)state;
    KEPT(0x100, 0x200, {0x100000, 0x100000, 1}, {UINT64_MAX - 0xFFF, 0x1000, 2}, {UINT64_MAX, 1, 2},
         {UINT64_MAX, UINT64_MAX, 2}, {UINT64_MAX - 0xFFF, 0x400000, 2});
    KEPT(0, 0, {UINT64_MAX - 0xFFF, 0x800000, 1}, {UINT64_MAX, UINT64_MAX, 1});
}

static void test_entries_above_4_gib_are_left_out(void **state) {
    (void)state;
    KEPT(0, 0, {GIB4, 0x40000000, 1}, {GIB4 + 0x100000, 0x100000, 1}, {0x100000000000, 0x1000, 1});
    KEPT(0x100, 0x200, {0x100000, 0x100000, 1}, {GIB4 + 0x100000, 0x100000, 2}, {GIB4, GIB4, 2});
}

static void test_entries_across_4_gib_count_up_to_it(void **state) {
    (void)state;
    KEPT(FRAMES_MAX - 1, FRAMES_MAX, {GIB4 - 0x1000, 0x2000, 1});
    KEPT(FRAMES_MAX - 1, FRAMES_MAX, {GIB4 - 0x1FFF, GIB4, 1});
    KEPT(FRAMES_MAX - 4, FRAMES_MAX - 1, {GIB4 - 0x4000, 0x10000, 1}, {GIB4 - 1, 0x1000, 2});
    KEPT(FRAMES_MAX - 1, FRAMES_MAX, {GIB4 - 0x1000, 0x1000, 1}, {GIB4, 0x1000, 2});
}

/* Every second frame freed by one entry, an eighth of them taken by another. */
static void test_a_thousand_entries(void **state) {
    static struct memmap_entry entries[1250];
    size_t count = 0;
    (void)state;
    for (uint64_t i = 0; i < 1000; i++)
        entries[count++] = (struct memmap_entry){0x100000 + i * 0x2000, 0x1000, 1};
    for (uint64_t i = 0; i < 250; i++)
        entries[count++] = (struct memmap_entry){0x100800 + i * 0x8000, 1, 2};
    for (int round = 0; round < 3; round++) {
        check_map("thousand", entries, count);
        assert_int_equal(bitmap_count(built, 0, FRAMES_MAX), 750);
        shuffle(entries, count);
    }
}

static uint64_t random_address(void) {
    uint64_t wide = (uint64_t)random_word() << 32 | random_word();
    switch (random_between(0, 6)) {
    case 0:
        return wide;
    case 1:
        return (wide & 0x1FFFFFFFF) & ~(uint64_t)PAGE_MASK;
    case 2:
        return GIB4 + random_between(0, 0x10000) - 0x8000;
    case 3:
        return UINT64_MAX - random_between(0, 0x4000);
    case 4:
        return random_between(0, 0x40) * PAGE_SIZE / 2;
    default:
        return random_word() & 0x00FFFFFF;
    }
}

static void test_random_maps(void **state) {
    (void)state;
    for (int round = 0; round < 300; round++) {
        struct memmap_entry entries[40];
        size_t count = random_between(0, ARRAY_SIZE(entries) + 1);
        for (size_t i = 0; i < count; i++)
            entries[i] =
                (struct memmap_entry){random_address(), random_address(), random_between(0, 4) ? 1 : 2};
        for (size_t i = 0; i < count; i++)
            if (entries[i].type != 1 && random_between(0, 4))
                entries[i].length &= 0x3FFF;
        check_map("random map", entries, count);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_every_real_map_in_the_order_given),
    cmocka_unit_test(test_every_real_map_shuffled),
    cmocka_unit_test(test_no_entries_keep_nothing),
    cmocka_unit_test(test_nothing_usable_keeps_nothing),
    cmocka_unit_test(test_ram_is_rounded_inward),
    cmocka_unit_test(test_what_is_not_ram_is_rounded_outward),
    cmocka_unit_test(test_every_bit_of_an_entrys_type_counts),
    cmocka_unit_test(test_taken_wins_in_any_order),
    cmocka_unit_test(test_overlaps_of_every_kind),
    cmocka_unit_test(test_entries_of_no_length_do_nothing),
    cmocka_unit_test(test_a_frame_split_between_two_ram_entries_is_not_kept),
    cmocka_unit_test(test_ends_saturate_and_never_wrap),
    cmocka_unit_test(test_entries_near_the_top_of_64_bits_touch_nothing_below),
    cmocka_unit_test(test_entries_above_4_gib_are_left_out),
    cmocka_unit_test(test_entries_across_4_gib_count_up_to_it),
    cmocka_unit_test(test_a_thousand_entries),
    cmocka_unit_test(test_random_maps),
};

HOST_MAIN(tests)
