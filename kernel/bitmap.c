/* Bitmaps, a word at a time. See bitmap.h for what each function promises.
 *
 * (i ^ end) < 32 in bitmap_word_mask asks whether both lie in the same word: only then does END cut it. */
#include "bitmap.h"

#include "panic.h"
#include "string.h"

void bitmap_fill(uint32_t *map, size_t start, size_t end, bool value) {
    for (size_t i = start; i < end;) {
        if (i % 32 == 0 && end - i >= 32) { /* all the whole words at once */
            size_t words = (end - i) / 32;
            memset(&map[i / 32], value ? 0xFF : 0, words * sizeof(*map));
            i += words * 32;
        } else {
            uint32_t mask = bitmap_word_mask(i, end);
            map[i / 32] = value ? map[i / 32] | mask : map[i / 32] & ~mask;
            i = bitmap_next_word(i);
        }
    }
}

size_t bitmap_find(const uint32_t *map, size_t start, size_t end, bool value) {
    uint32_t skip = value ? 0 : ~0u; /* a word that has no such bit */
    for (size_t i = start; i < end;) {
        uint32_t found = (map[i / 32] ^ skip) & bitmap_word_mask(i, end);
        if (found)
            return (i & ~(size_t)31) + __builtin_ctz(found);
        const uint32_t *word = &map[i / 32 + 1], *last = &map[end / 32];
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
    for (size_t i = start; i < end; i = bitmap_next_word(i))
        summary_add_mask(s, i / 32, bitmap_word_mask(i, end));
}

void summary_remove_range(struct summary *s, size_t start, size_t end) {
    for (size_t i = start; i < end; i = bitmap_next_word(i))
        summary_remove_mask(s, i / 32, bitmap_word_mask(i, end));
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

static size_t highest_bit(uint32_t word) { return 31 - (size_t)__builtin_clz(word); }

size_t summary_last(const struct summary *s) {
    if (!s->top)
        return SUMMARY_NONE;
    size_t i = highest_bit(s->top);
    i = i * 32 + highest_bit(s->middle[i]);
    return i * 32 + highest_bit(s->leaf[i]);
}

void summary_check(const struct summary *s) {
    for (size_t i = 0; i < SUMMARY_MAX / 32; i++)
        ASSERT_OP(bitmap_test(s->middle, i), ==, (s->leaf[i] != 0));
    for (size_t i = 0; i < SUMMARY_MAX / 1024; i++)
        ASSERT_OP(bitmap_test(&s->top, i), ==, (s->middle[i] != 0));
}
