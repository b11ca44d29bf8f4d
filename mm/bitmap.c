/* Bitmaps, a word at a time. See bitmap.h for what each function promises.
 *
 * (i ^ end) < 32 in bitmap_word_mask asks whether both lie in the same word: only then does END cut it. */
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
#pragma GCC unroll 4
    for (size_t i = first + 1; i < last; i++)
        map[i] = value ? ~0u : 0;
    if (tail)
        fill_word(&map[last], tail, value);
}

/* Sets every bit in [START, END) to VALUE. */
void bitmap_fill(uint32_t *map, size_t start, size_t end, bool value) { fill(map, start, end, value); }

size_t bitmap_find(const uint32_t *map, size_t start, size_t end, bool value) {
    uint32_t skip = value ? 0 : ~0u; /* a word that has no such bit */
    for (size_t i = start; i < end;) {
        uint32_t found = (map[i / 32] ^ skip) & bitmap_word_mask(i, end);
        if (found)
            return (i & ~(size_t)31) + __builtin_ctz(found);
        const uint32_t *word = &map[i / 32 + 1], *last = &map[end / 32];
        while (last - word >= 4 && word[0] == skip && word[1] == skip && word[2] == skip && word[3] == skip)
            word += 4; /* there are long stretches at boot */
        while (word < last && *word == skip)
            word++;
        i = (size_t)(word - map) * 32;
    }
    return end;
}

bool bitmap_next_run(const uint32_t *map, size_t *start, size_t *end, size_t limit) {
    *start = bitmap_find(map, *end, limit, true);
    *end = bitmap_find(map, *start, limit, false);
    return *start < limit;
}

/* Pairs, nibbles, bytes, then the bytes' sum in the highest one. */
size_t bitmap_bits(uint32_t word) {
    word -= word >> 1 & 0x55555555;
    word = (word & 0x33333333) + (word >> 2 & 0x33333333);
    word = (word + (word >> 4)) & 0x0F0F0F0F;
    return word * 0x01010101 >> 24;
}

size_t bitmap_count(const uint32_t *map, size_t start, size_t end) {
    size_t count = 0;
    for (size_t i = start; i < end; i = bitmap_next_word(i))
        count += bitmap_bits(map[i / 32] & bitmap_word_mask(i, end));
    return count;
}

void summary_add_range(struct summary *s, size_t start, size_t end) {
    for (size_t i = start; i < end; i = bitmap_next_word(i)) {
        s->leaf[i / 32] |= bitmap_word_mask(i, end);
        s->middle[i / 1024] |= 1u << (i / 32 % 32);
        s->top |= 1u << (i / 1024);
    }
}

void summary_remove_range(struct summary *s, size_t start, size_t end) {
    for (size_t i = start; i < end; i = bitmap_next_word(i))
        if (!(s->leaf[i / 32] &= ~bitmap_word_mask(i, end)))
            summary_remove(s, i);
}

/* The least bit of WORD above bit I, or 32. */
static unsigned next_bit(uint32_t word, unsigned i) {
    word &= ~1u << i;
    return word ? (unsigned)__builtin_ctz(word) : 32;
}

size_t summary_next(const struct summary *s, size_t from) {
    if (from >= SUMMARY_MAX)
        return SUMMARY_NONE;
    uint32_t here = s->leaf[from / 32] & ~0u << (from % 32);
    if (here)
        return (from & ~(size_t)31) + __builtin_ctz(here);

    size_t word = from / 32; /* climb until some word has a later member, then go down by least bits */
    unsigned bit = next_bit(s->middle[word / 32], word % 32);
    if (bit == 32) {
        unsigned top = next_bit(s->top, word / 32);
        if (top == 32)
            return SUMMARY_NONE;
        word = top * 32;
        bit = __builtin_ctz(s->middle[top]);
    }
    word = (word & ~(size_t)31) + bit;
    return word * 32 + __builtin_ctz(s->leaf[word]);
}

void summary_set_bits(struct summary *s, uint32_t *map, size_t start, size_t end) {
    fill(map, start, end, true);
    summary_add_range(s, start / 32, (end - 1) / 32 + 1);
}

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
        uint32_t starts = low < 32 && n < 32 ? runs_in(here, n) : 0;
        if (starts)
            return word * 32 + (size_t)__builtin_ctz(starts);
        below = low == 32 ? below + 32 : (size_t)__builtin_clz(~here);
        word = below || !words ? word + 1 : summary_next(words, word + 1);
    }
    return limit;
}

void summary_check(const struct summary *s) {
    for (size_t i = 0; i < SUMMARY_MAX / 32; i++)
        ASSERT_OP(bitmap_test(s->middle, i), ==, (s->leaf[i] != 0));
    for (size_t i = 0; i < SUMMARY_MAX / 1024; i++)
        ASSERT_OP(bitmap_test(&s->top, i), ==, (s->middle[i] != 0));
}
