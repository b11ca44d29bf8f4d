/* bitmap: ranges of bits and the summary, against models of one byte an index.
 *
 * Each map lies in a heap block of just its words, so that AddressSanitizer sees any word read beyond it. */
#include "bitmap.h"

#include <stdlib.h>
#include <string.h>

#include "support.h"

#define WORDS 5
#define BITS (WORDS * 32)

/* ---- models ---- */

static uint32_t *random_map(void) {
    uint32_t *map = malloc(WORDS * sizeof *map);
    for (size_t i = 0; i < WORDS; i++) {
        switch (random_between(0, 4)) {
        case 0:
            map[i] = 0;
            break;
        case 1:
            map[i] = UINT32_MAX;
            break;
        case 2:
            map[i] = 1u << random_between(0, 32);
            break;
        default:
            map[i] = random_word();
            break;
        }
    }
    return map;
}

static bool model_test(const uint32_t *map, size_t i) {
    const unsigned char *bytes = (const unsigned char *)map; /* little-endian: bit 8 is in byte 1 */
    return (bytes[i / 8] & 1 << i % 8) != 0;
}

static void check_fill(const uint32_t *before, size_t start, size_t end, bool value) {
    uint32_t *map = malloc(WORDS * sizeof *map);
    memcpy(map, before, WORDS * sizeof *map);
    bitmap_fill(map, start, end, value);
    for (size_t i = 0; i < BITS; i++) {
        bool want = i >= start && i < end ? value : model_test(before, i);
        if (model_test(map, i) != want)
            fail_msg("fill [%zu, %zu) with %d: bit %zu is wrong", start, end, value, i);
    }
    free(map);
}

static size_t model_find(const uint32_t *map, size_t start, size_t end, bool value) {
    while (start < end && model_test(map, start) != value)
        start++;
    return start;
}

static size_t model_count(const uint32_t *map, size_t start, size_t end) {
    size_t count = 0;
    for (; start < end; start++)
        count += model_test(map, start);
    return count;
}

/* Calls VISIT with every range in the map, the empty ones included. */
static void each_range(const uint32_t *map, void (*visit)(const uint32_t *map, size_t start, size_t end)) {
    for (size_t start = 0; start <= BITS; start++)
        for (size_t end = start; end <= BITS; end++)
            visit(map, start, end);
}

/* ---- bitmaps ---- */

static void test_reads_the_bit_of_the_index(void **state) {
    uint32_t map[2] = {0x80000001, 0x00000002};
    (void)state;
    for (size_t i = 0; i < 64; i++)
        assert_int_equal(bitmap_test(map, i), i == 0 || i == 31 || i == 33);
}

static void fill_both(const uint32_t *map, size_t start, size_t end) {
    check_fill(map, start, end, true);
    check_fill(map, start, end, false);
}

static void test_fill_changes_the_range_and_no_other_bit(void **state) {
    static const uint32_t clear[WORDS],
        full[WORDS] = {UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX};
    (void)state;
    each_range(clear, fill_both);
    each_range(full, fill_both);
}

static void test_fill_of_random_ranges(void **state) {
    (void)state;
    for (int round = 0; round < 20000; round++) {
        uint32_t *map = random_map();
        size_t start = random_between(0, BITS + 1);
        check_fill(map, start, random_between(start, BITS + 1), random_word() & 1);
        free(map);
    }
}

static void test_fill_of_what_ends_before_it_starts_changes_nothing(void **state) {
    (void)state;
    for (size_t start = 0; start <= BITS; start++)
        for (size_t end = 0; end <= start; end++) {
            uint32_t map[WORDS] = {0};
            bitmap_fill(map, start, end, true);
            assert_int_equal(model_find(map, 0, BITS, true), BITS);
        }
}

static void find_both(const uint32_t *map, size_t start, size_t end) {
    assert_int_equal(bitmap_find(map, start, end, true), model_find(map, start, end, true));
    assert_int_equal(bitmap_find(map, start, end, false), model_find(map, start, end, false));
}

static void test_find_gives_the_first_bit_of_the_value_or_the_end(void **state) {
    (void)state;
    for (int round = 0; round < 100; round++) {
        uint32_t *map = random_map();
        each_range(map, find_both);
        free(map);
    }
}

static void test_find_sees_each_single_bit(void **state) {
    (void)state;
    for (size_t i = 0; i < BITS; i++) {
        uint32_t *map = calloc(WORDS, sizeof *map);
        map[i / 32] = 1u << i % 32;
        each_range(map, find_both);
        for (size_t word = 0; word < WORDS; word++)
            map[word] = ~map[word];
        assert_int_equal(bitmap_find(map, 0, BITS, false), i);
        assert_int_equal(bitmap_find(map, i + 1, BITS, false), BITS);
        assert_int_equal(bitmap_find(map, 0, i, false), i);
        free(map);
    }
}

static void all_in_range(const uint32_t *map, size_t start, size_t end) {
    if (start == end)
        return;
    assert_int_equal(bitmap_all(map, start, end, true), model_find(map, start, end, false) == end);
    assert_int_equal(bitmap_all(map, start, end, false), model_find(map, start, end, true) == end);
}

static void test_all_says_whether_every_bit_of_the_range_has_the_value(void **state) {
    (void)state;
    for (int round = 0; round < 100; round++) {
        uint32_t *map = random_map();
        each_range(map, all_in_range);
        free(map);
    }
    for (size_t hole = 0; hole < BITS; hole++) {
        uint32_t *map = malloc(WORDS * sizeof *map);
        memset(map, 0xFF, WORDS * sizeof *map);
        map[hole / 32] ^= 1u << hole % 32;
        each_range(map, all_in_range);
        for (size_t word = 0; word < WORDS; word++)
            map[word] = ~map[word];
        each_range(map, all_in_range);
        free(map);
    }
}

static void test_bits_counts_those_of_a_word(void **state) {
    (void)state;
    for (int round = 0; round < 100000; round++) {
        uint32_t word = random_word() & random_word();
        assert_int_equal(bitmap_bits(word), model_count(&word, 0, 32));
    }
    assert_int_equal(bitmap_bits(~0u), 32);
    assert_int_equal(bitmap_bits(0), 0);
}

static void count_range(const uint32_t *map, size_t start, size_t end) {
    assert_int_equal(bitmap_count(map, start, end), model_count(map, start, end));
}

static void test_count_counts_the_set_bits_of_the_range(void **state) {
    (void)state;
    for (int round = 0; round < 100; round++) {
        uint32_t *map = random_map();
        each_range(map, count_range);
        free(map);
    }
}

/* Word-aligned borders a million bits apart, as pm has them. */
static void test_large_ranges(void **state) {
    size_t bits = FRAMES_MAX;
    uint32_t *map = calloc(bits / 32, sizeof *map);
    (void)state;
    bitmap_fill(map, 0, bits, true);
    assert_int_equal(bitmap_count(map, 0, bits), bits);
    bitmap_fill(map, 7, bits - 7, false);
    assert_int_equal(bitmap_count(map, 0, bits), 14);
    assert_int_equal(bitmap_find(map, 7, bits, true), bits - 7);
    bitmap_fill(map, 0, bits, false);
    assert_int_equal(bitmap_find(map, 0, bits, true), bits);
    bitmap_fill(map, bits - 1, bits, true);
    assert_int_equal(bitmap_find(map, 0, bits, true), bits - 1);
    free(map);
}

static void next_runs(const uint32_t *map, size_t start, size_t limit) {
    size_t from, to = start;
    while (bitmap_next_run(map, &from, &to, limit)) {
        assert_int_equal(from, model_find(map, start, limit, true));
        assert_int_equal(to, model_find(map, from, limit, false));
        start = to;
    }
    assert_int_equal(model_find(map, start, limit, true), limit);
}

static void test_next_run_goes_through_all_the_runs(void **state) {
    (void)state;
    for (int round = 0; round < 100; round++) {
        uint32_t *map = random_map();
        each_range(map, next_runs);
        free(map);
    }
}

/* ---- the summary ---- */

static struct summary summary;
static bool member[SUMMARY_MAX];

static size_t model_next(size_t from) {
    while (from < SUMMARY_MAX && !member[from])
        from++;
    return from < SUMMARY_MAX ? from : SUMMARY_NONE;
}

/* Each level anew from the members. */
static void check_levels(void) {
    static struct summary want;
    memset(&want, 0, sizeof want);
    for (size_t i = 0; i < SUMMARY_MAX; i++) {
        if (!member[i])
            continue;
        want.leaf[i / 32] |= 1u << i % 32;
        want.middle[i / 32 / 32] |= 1u << i / 32 % 32;
        want.top |= 1u << i / 32 / 32;
    }
    assert_memory_equal(&summary, &want, sizeof want);
}

static void put(size_t i, bool in) {
    member[i] = in;
    if (in)
        summary_add(&summary, i);
    else
        summary_remove(&summary, i);
}

static void test_an_empty_summary_has_no_member(void **state) {
    (void)state;
    for (size_t from = 0; from < SUMMARY_MAX; from++)
        assert_int_equal(summary_next(&summary, from), SUMMARY_NONE);
}

static void test_a_single_member_is_found_from_everywhere_below(void **state) {
    static const size_t places[] = {0,    1,    31,    32,    33,    1023,  1024,  1025,
                                    2047, 2048, 31743, 31744, 32735, 32736, 32766, 32767};
    (void)state;
    for (size_t p = 0; p < ARRAY_SIZE(places); p++) {
        put(places[p], true);
        for (size_t from = 0; from < SUMMARY_MAX; from++)
            assert_int_equal(summary_next(&summary, from), from <= places[p] ? places[p] : SUMMARY_NONE);
        check_levels();
        put(places[p], false);
        check_levels();
    }
}

static void test_adding_twice_and_removing_the_absent_change_nothing(void **state) {
    (void)state;
    put(1024, true);
    put(1024, true);
    put(1025, false);
    put(1056, false);
    put(5000, false);
    check_levels();
    put(1024, false);
    put(1024, false);
    check_levels();
    assert_int_equal(summary.top, 0);
}

static void test_a_range_of_members_comes_and_goes_at_every_level(void **state) {
    (void)state;
    for (int round = 0; round < 3000; round++) {
        size_t start = random_between(0, SUMMARY_MAX + 1);
        size_t most = round % 2 ? SUMMARY_MAX : start + 70 < SUMMARY_MAX ? start + 70 : SUMMARY_MAX;
        size_t end = random_between(start, most + 1);
        if (round % 8 == 0) {
            memset(&summary, 0, sizeof summary);
            memset(member, 0, sizeof member);
        }
        bool in = random_word() & 1;
        in ? summary_add_range(&summary, start, end) : summary_remove_range(&summary, start, end);
        memset(&member[start], in, end - start);
        check_levels();
    }
}

static void test_all_members_in_and_out_again(void **state) {
    (void)state;
    for (size_t i = 0; i < SUMMARY_MAX; i++)
        put(i, true);
    check_levels();
    for (size_t i = 0; i < SUMMARY_MAX; i++) {
        assert_int_equal(summary_next(&summary, 0), i);
        assert_int_equal(summary_next(&summary, i), i);
        put(i, false);
    }
    check_levels();
    assert_int_equal(summary.top, 0);
}

static void call_summary_check(uintptr_t a, uintptr_t b) {
    (void)a;
    (void)b;
    summary_check(&summary);
}

/* Turns one bit of the word, lets summary_check find it, and turns it back. */
static void check_sees(uint32_t *word, unsigned bit, const char *text) {
    summary_check(&summary);
    *word ^= 1u << bit;
    EXPECT_PANIC(text, call_summary_check, 0, 0);
    *word ^= 1u << bit;
}

static void test_check_sees_a_level_that_disagrees(void **state) {
    static const size_t members[] = {0, 1023, SUMMARY_MAX - 1};
    const size_t last = SUMMARY_MAX / 1024 - 1;
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(members); i++)
        put(members[i], true);
    check_sees(&summary.leaf[0], 0, "s->middle");                    /* 0 is the word's only one */
    check_sees(&summary.leaf[SUMMARY_MAX / 32 - 2], 5, "s->middle"); /* a word gets its first */
    check_sees(&summary.leaf[SUMMARY_MAX / 32 - 1], 31, "s->middle");
    check_sees(&summary.middle[0], 31, "s->middle");
    check_sees(&summary.middle[last], 31, "s->middle");
    check_sees(&summary.middle[1], 0, "s->middle");
    check_sees(&summary.top, 0, "&s->top");
    check_sees(&summary.top, last, "&s->top");
    check_sees(&summary.top, 1, "&s->top");
}

/* Sparse and dense in turn, clustered now and then, so that words at each level fill and empty. */
static void test_random_members_against_the_model(void **state) {
    (void)state;
    for (unsigned round = 0; round < 300000; round++) {
        size_t span = round / 1000 % 3 == 0 ? SUMMARY_MAX : round / 1000 % 3 == 1 ? 2048 : 40;
        size_t base = round / 3000 * 331 % (SUMMARY_MAX - span + 1);
        put(base + random_between(0, span), random_between(0, 100) < (round / 10000 % 2 ? 30u : 60u));
        size_t from = random_between(0, SUMMARY_MAX);
        assert_int_equal(summary_next(&summary, from), model_next(from));
        if (round % 1000 == 0)
            check_levels();
    }
    check_levels();
}

/* ---- a bitmap and its summary ---- */

#define ALL ((size_t)SUMMARY_MAX * 32)

static uint32_t bits[SUMMARY_MAX];

/* The summary has just the words that are not 0. */
static void check_summary_of_bits(void) {
    for (size_t i = 0; i < SUMMARY_MAX; i++)
        member[i] = bits[i] != 0;
    check_levels();
}

static void clear_bits(void) {
    memset(bits, 0, sizeof bits);
    memset(&summary, 0, sizeof summary);
    memset(member, 0, sizeof member);
}

static void test_bits_set_and_cleared_are_in_the_summary_or_not(void **state) {
    static uint32_t want[SUMMARY_MAX];
    (void)state;
    clear_bits();
    memset(want, 0, sizeof want);
    for (int round = 0; round < 4000; round++) {
        size_t start = random_between(0, ALL), most = round % 4 == 0      ? ALL
                                                      : start + 100 < ALL ? start + 100
                                                                          : ALL;
        size_t end = random_between(start + 1, most + 1);
        bool value = random_word() & 1;
        bitmap_fill(want, start, end, value);
        value ? summary_set_bits(&summary, bits, start, end) : summary_clear_bits(&summary, bits, start, end);
        assert_memory_equal(bits, want, sizeof bits);
        check_summary_of_bits();
    }
    summary_set_bits(&summary, bits, 0, ALL);
    check_summary_of_bits();
    summary_clear_bits(&summary, bits, 0, ALL);
    check_summary_of_bits();
    assert_int_equal(summary.top, 0);
}

static void test_of_bits_cleared_again_nothing_is_in_the_summary(void **state) {
    (void)state;
    clear_bits();
    for (size_t start = 0; start < 66; start++)
        for (size_t end = start + 1; end < start + 100; end++) {
            summary_set_bits(&summary, bits, start, end);
            check_summary_of_bits();
            summary_clear_bits(&summary, bits, start, end);
            assert_int_equal(summary_first(&summary), SUMMARY_NONE);
        }
    check_summary_of_bits();
}

/* A bit at a time. */
static size_t model_run(size_t n, size_t from, size_t limit) {
    size_t run = 0;
    for (size_t i = from; i < limit; i++)
        if ((run = bitmap_test(bits, i) ? run + 1 : 0) == n)
            return i + 1 - n;
    return limit;
}

/* With the summary and without. */
static void check_run_below(size_t n, size_t from, size_t limit) {
    size_t want = model_run(n, from, limit);
    for (int i = 0; i < 2; i++) {
        size_t found = bitmap_find_run(bits, i ? &summary : NULL, n, from, limit);
        if (found != want)
            fail_msg("a run of %zu in [%zu, %zu): found at %zu, and is at %zu", n, from, limit, found, want);
    }
}

static void check_run(size_t n, size_t from) { check_run_below(n, from, ALL); }

/* Runs of every length up to 80 at every place in a word, behind shorter ones. */
static void test_a_run_is_found_at_every_place_in_a_word(void **state) {
    (void)state;
    clear_bits();
    for (size_t n = 1; n <= 80; n++)
        for (size_t place = ALL - 192; place < ALL - 160; place++) {
            size_t before = place - random_between(2, 40);
            summary_set_bits(&summary, bits, place, place + n);
            if (n > 1)
                summary_set_bits(&summary, bits, before,
                                 before + random_between(1, n < place - before ? n : place - before));
            for (size_t from = ALL - 256; from < ALL - 150; from += random_between(1, 8)) {
                check_run(n, from);
                check_run(n + 1, from);
            }
            summary_clear_bits(&summary, bits, ALL - 256, ALL);
        }
    check_summary_of_bits();
}

/* In the last word there is no next one in which the run could still be seen. */
static void test_a_run_that_ends_with_the_map_is_found(void **state) {
    static uint32_t words[4];
    (void)state;
    for (size_t n = 1; n <= 100; n++) {
        memset(words, 0, sizeof words);
        bitmap_fill(words, 128 - n, 128, true);
        for (size_t length = 1; length <= n; length++)
            assert_int_equal(bitmap_find_run(words, NULL, length, 0, 128), 128 - n);
        assert_int_equal(bitmap_find_run(words, NULL, n + 1, 0, 128), 128);
    }
}

static void test_runs_among_random_bits(void **state) {
    (void)state;
    for (int round = 0; round < 300; round++) {
        clear_bits();
        size_t base = round % 3 == 0 ? ALL - 3000 : random_between(0, ALL - 3000);
        for (size_t i = base; i < base + 3000;) { /* dense or sparse, in clusters of up to 100 */
            size_t length = random_between(1, round % 2 ? 100 : 6), end = i + length < ALL ? i + length : ALL;
            if (random_word() & 1)
                summary_set_bits(&summary, bits, i, end);
            i += length;
        }
        for (int i = 0; i < 10; i++)
            check_run_below(random_between(1, round % 2 ? 150 : 12), random_between(base, base + 1400),
                            i % 2 ? ALL : (base + random_between(1500, 3000)) / 32 * 32);
    }
}

static void test_the_longest_runs(void **state) {
    (void)state;
    clear_bits();
    check_run(1, 0);
    summary_set_bits(&summary, bits, 0, ALL);
    check_run(ALL, 0);
    check_run(ALL, 1);
    check_run(ALL - 33, 33);
    assert_int_equal(bitmap_find_run(bits, &summary, ALL + 1, 0, ALL), ALL);
    assert_int_equal(bitmap_find_run(bits, &summary, SIZE_MAX, 0, ALL), ALL);
    assert_int_equal(bitmap_find_run(bits, &summary, 1, ALL, ALL), ALL);
    summary_clear_bits(&summary, bits, 500000, 500001);
    check_run(500001, 0);
    check_run(ALL - 500001, 7);
    check_run(ALL - 500000, 7);
    summary_clear_bits(&summary, bits, 0, ALL); /* a run up to a word's end, words of zeros, and another */
    summary_set_bits(&summary, bits, 3008, 4512);
    summary_set_bits(&summary, bits, 4640, 6000);
    summary_set_bits(&summary, bits, 9000, 12000);
    check_run(2000, 0);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_reads_the_bit_of_the_index),
    cmocka_unit_test(test_fill_changes_the_range_and_no_other_bit),
    cmocka_unit_test(test_fill_of_random_ranges),
    cmocka_unit_test(test_fill_of_what_ends_before_it_starts_changes_nothing),
    cmocka_unit_test(test_find_gives_the_first_bit_of_the_value_or_the_end),
    cmocka_unit_test(test_find_sees_each_single_bit),
    cmocka_unit_test(test_all_says_whether_every_bit_of_the_range_has_the_value),
    cmocka_unit_test(test_bits_counts_those_of_a_word),
    cmocka_unit_test(test_count_counts_the_set_bits_of_the_range),
    cmocka_unit_test(test_next_run_goes_through_all_the_runs),
    cmocka_unit_test(test_large_ranges),
    cmocka_unit_test(test_an_empty_summary_has_no_member),
    cmocka_unit_test(test_a_single_member_is_found_from_everywhere_below),
    cmocka_unit_test(test_adding_twice_and_removing_the_absent_change_nothing),
    cmocka_unit_test(test_a_range_of_members_comes_and_goes_at_every_level),
    cmocka_unit_test(test_all_members_in_and_out_again),
    cmocka_unit_test(test_check_sees_a_level_that_disagrees),
    cmocka_unit_test(test_random_members_against_the_model),
    cmocka_unit_test(test_bits_set_and_cleared_are_in_the_summary_or_not),
    cmocka_unit_test(test_of_bits_cleared_again_nothing_is_in_the_summary),
    cmocka_unit_test(test_a_run_is_found_at_every_place_in_a_word),
    cmocka_unit_test(test_a_run_that_ends_with_the_map_is_found),
    cmocka_unit_test(test_runs_among_random_bits),
    cmocka_unit_test(test_the_longest_runs),
};

HOST_MAIN(tests)
