/* Bitmaps, a word at a time. bitmap.h has the contracts.
 *
 * (i ^ end) < 32 in bitmap_word_mask asks whether both bits lie in the same word; only then does END cut it.
 *
 * What was tried and dropped: docs/notes/bitmap.md. */
#include "bitmap.h"

#include "panic.h"
#include "string.h"

static inline void fill_word(uint32_t *word, uint32_t mask, bool value) {
    *word = value ? *word | mask : *word & ~mask;
}

static inline void fill(uint32_t *map, size_t start, size_t end, bool value) {
    size_t first = start / 32, last = end / 32;
    uint32_t head = ~0u << (start % 32), tail = ~(~0u << (end % 32));
    if (start >= end)
        return;
    if (first == last) {
        fill_word(&map[first], head & tail, value);
        return;
    }
    fill_word(&map[first], head, value);
    UNROLL
    for (size_t i = first + 1; i < last; i++)
        map[i] = value ? ~0u : 0;
    if (tail)
        fill_word(&map[last], tail, value);
}

/* Sets every bit in [START, END) to VALUE. */
void bitmap_fill(uint32_t *map, size_t start, size_t end, bool value) { fill(map, start, end, value); }

/* The first bit in [START, END) that is VALUE, or END. Long stretches go by a word at a time. */
size_t bitmap_find(const uint32_t *map, size_t start, size_t end, bool value) {
    uint32_t skip = value ? 0 : ~0u; /* a word that has no such bit */
    for (size_t i = start; i < end;) {
        uint32_t found = (map[i / 32] ^ skip) & bitmap_word_mask(i, end);
        if (found)
            return (i & ~(size_t)31) + (size_t)__builtin_ctz(found);
        const uint32_t *word = &map[i / 32 + 1], *last = &map[end / 32];
        while (word < last && *word == skip)
            word++;
        i = (size_t)(word - map) * 32;
    }
    return end;
}

/* The next run of set bits at or after *END. */
bool bitmap_next_run(const uint32_t *map, size_t *start, size_t *end, size_t limit) {
    *start = bitmap_find(map, *end, limit, true);
    *end = bitmap_find(map, *start, limit, false);
    return *start < limit;
}

/* How many bits of WORD are set: of pairs, nibbles, bytes, and then the bytes' sum in the highest one. */
size_t bitmap_bits(uint32_t word) {
    word -= word >> 1 & 0x55555555;
    word = (word & 0x33333333) + (word >> 2 & 0x33333333);
    word = (word + (word >> 4)) & 0x0F0F0F0F;
    return word * 0x01010101 >> 24;
}

/* How many bits of [START, END) are set. */
size_t bitmap_count(const uint32_t *map, size_t start, size_t end) {
    size_t count = 0;
    for (size_t i = start; i < end; i = bitmap_next_word(i))
        count += bitmap_bits(map[i / 32] & bitmap_word_mask(i, end));
    return count;
}

/* Adds every index in [START, END). */
void summary_add_range(struct summary *s, size_t start, size_t end) {
    for (size_t i = start; i < end; i = bitmap_next_word(i)) {
        s->leaf[i / 32] |= bitmap_word_mask(i, end);
        s->middle[i / 1024] |= 1u << (i / 32 % 32);
        s->top |= 1u << (i / 1024);
    }
}

/* Removes every index in [START, END). */
void summary_remove_range(struct summary *s, size_t start, size_t end) {
    for (size_t i = start; i < end; i = bitmap_next_word(i))
        if (!(s->leaf[i / 32] &= ~bitmap_word_mask(i, end)))
            summary_remove(s, i);
}

/* The least member at or after FROM. */
size_t summary_next(const struct summary *s, size_t from) {
    size_t next = bitmap_find(s->leaf, from, SUMMARY_MAX, true);
    return next < SUMMARY_MAX ? next : SUMMARY_NONE;
}

/* Sets the bits [START, END), at least one. */
void summary_set_bits(struct summary *s, uint32_t *map, size_t start, size_t end) {
    fill(map, start, end, true);
    summary_add_range(s, start / 32, (end - 1) / 32 + 1);
}

/* Clears the bits [START, END), at least one. Only its first and last word can keep others. */
void summary_clear_bits(struct summary *s, uint32_t *map, size_t start, size_t end) {
    size_t first = start / 32, last = (end - 1) / 32 + 1;
    fill(map, start, end, false);
    if (map[first])
        first++;
    if (last > first && map[last - 1])
        last--;
    summary_remove_range(s, first, last);
}

/* The bits of WORD at which N set bits begin, N being less than 32. */
static uint32_t runs_in(uint32_t word, size_t n) {
    for (size_t have = 1, more; have < n && word; have += more) {
        more = have < n - have ? have : n - have;
        word &= word >> more;
    }
    return word;
}

/* Where in [FROM, LIMIT) the first N adjacent set bits begin, or LIMIT. */
size_t bitmap_find_run(const uint32_t *map, const struct summary *words, size_t n, size_t from,
                       size_t limit) {
    if (n <= limit - from && bitmap_all(map, from, from + n, true))
        return from;
    size_t below = 0; /* set bits that end where the word begins */
    uint32_t mask = ~0u << (from % 32);
    for (size_t word = from / 32; word < limit / 32; mask = ~0u) {
        uint32_t here = map[word] & mask;
        size_t low = here == ~0u ? 32 : (size_t)__builtin_ctz(~here);
        if (below + low >= n)
            return word * 32 - below;
        uint32_t starts = n < 32 ? runs_in(here, n) : 0;
        if (starts)
            return word * 32 + (size_t)__builtin_ctz(starts);
        below = low == 32 ? below + 32 : (size_t)__builtin_clz(~here);
        word = below || !words ? word + 1 : summary_next(words, word + 1);
    }
    return limit;
}

/* That each level agrees with the one below. */
void summary_check(const struct summary *s) {
    for (size_t i = 0; i < ARRAY_SIZE(s->leaf); i++)
        ASSERT_OP(bitmap_test(s->middle, i), ==, (s->leaf[i] != 0));
    for (size_t i = 0; i < ARRAY_SIZE(s->middle); i++)
        ASSERT_OP(bitmap_test(&s->top, i), ==, (s->middle[i] != 0));
}
