/* Bitmaps: ranges of bits in an array of 32-bit words, and a summary that finds a member in constant time.
 *
 * Bit i of a bitmap is bit i % 32 of word i / 32. The caller owns the words and keeps indices in range. */
#ifndef QUIRE_BITMAP_H
#define QUIRE_BITMAP_H

#include "types.h"

static inline bool bitmap_test(const uint32_t *map, size_t i) { return map[i / 32] >> (i % 32) & 1; }

/* For going through the bits [i, END) a word at a time: a mask of those in i's word, and where the next word begins. i is
 * less than END. */
static inline uint32_t bitmap_word_mask(size_t i, size_t end) {
    uint32_t mask = ~0u << (i % 32);
    return (i ^ end) < 32 ? mask & ~(~0u << (end % 32)) : mask;
}

static inline size_t bitmap_next_word(size_t i) { return (i | 31) + 1; }

/* Sets every bit in [START, END) to VALUE. A range that is empty, or ends before it starts, changes
 * nothing. */
void bitmap_fill(uint32_t *map, size_t start, size_t end, bool value);

/* Whether every bit in [START, END) is VALUE; START is less than END. */
static inline bool bitmap_all(const uint32_t *map, size_t start, size_t end, bool value) {
    uint32_t flip = value ? ~0u : 0, mask = ~0u << (start % 32);
    size_t i = start / 32;
    for (; i < end / 32; i++, mask = ~0u)
        if (mask & (map[i] ^ flip))
            return false;
    mask &= ~(~0u << (end % 32)); /* the part of the last word below END, if any */
    return !mask || !(mask & (map[i] ^ flip));
}

/* The first bit in [START, END) that is VALUE, or END when there is none. */
size_t bitmap_find(const uint32_t *map, size_t start, size_t end, bool value);

/* The next run of set bits at or after *END, below LIMIT: [*START, *END); false when there is none. To go
 * through all runs, start with *END = 0. */
bool bitmap_next_run(const uint32_t *map, size_t *start, size_t *end, size_t limit);

/* How many bits of [START, END) are set. */
size_t bitmap_count(const uint32_t *map, size_t start, size_t end);

/* How many bits of WORD are set, and the highest one; that WORD is not zero. */
size_t bitmap_bits(uint32_t word);
static inline size_t bitmap_last(uint32_t word) { return (size_t)__builtin_clz(word) ^ 31; }

/* A set of indices below SUMMARY_MAX, in three levels: a bit at one level says that the word below it is
 * not zero. Adding, removing and finding the least member each take at most three steps up or down. */
#ifndef SUMMARY_MAX /* a proof has a smaller one */
#define SUMMARY_MAX 32768
#endif

struct summary {
    uint32_t leaf[(SUMMARY_MAX + 31) / 32];
    uint32_t middle[(SUMMARY_MAX + 1023) / 1024];
    uint32_t top;
};

#define SUMMARY_NONE ((size_t)-1)

/* Adds index I; one that is there already stays. */
static inline void summary_add(struct summary *s, size_t i) {
    size_t leaf = i / 32, middle = i / 1024;
    s->leaf[leaf] |= 1u << (i % 32);
    s->middle[middle] |= 1u << (leaf % 32);
    s->top |= 1u << middle;
}

/* Adds every index in [START, END); and removes them. A step for each word. */
void summary_add_range(struct summary *s, size_t start, size_t end);
void summary_remove_range(struct summary *s, size_t start, size_t end);

/* Removes index I; one that is absent stays so. */
static inline void summary_remove(struct summary *s, size_t i) {
    if (s->leaf[i / 32] &= ~(1u << (i % 32)))
        return;
    if (s->middle[i / 1024] &= ~(1u << (i / 32 % 32)))
        return;
    s->top &= ~(1u << (i / 1024));
}

/* The least member at or after FROM, or SUMMARY_NONE. Goes through the lowest level, 1,024 words at most. */
size_t summary_next(const struct summary *s, size_t from);

/* The least member, or SUMMARY_NONE. */
static inline size_t summary_first(const struct summary *s) {
    if (!s->top)
        return SUMMARY_NONE;
    size_t i = (size_t)__builtin_ctz(s->top);
    i = i * 32 + (size_t)__builtin_ctz(s->middle[i]);
    return i * 32 + (size_t)__builtin_ctz(s->leaf[i]);
}

/* The greatest member, or SUMMARY_NONE. */
static inline size_t summary_last(const struct summary *s) {
    if (!s->top)
        return SUMMARY_NONE;
    size_t i = bitmap_last(s->top);
    i = i * 32 + bitmap_last(s->middle[i]);
    return i * 32 + bitmap_last(s->leaf[i]);
}

/* The summary of a bitmap of SUMMARY_MAX words has the index of each word that is not zero. These set and clear the bits
 * [START, END), at least one, of such a bitmap. */
void summary_set_bits(struct summary *s, uint32_t *map, size_t start, size_t end);
void summary_clear_bits(struct summary *s, uint32_t *map, size_t start, size_t end);

/* Where in [FROM, LIMIT) the first N adjacent set bits of MAP begin, or LIMIT. N is at least 1, FROM at most LIMIT, and
 * LIMIT a multiple of 32. Looks at each word once, however many holes it has. Skips words that the summary WORDS knows to
 * be zero; WORDS may be NULL. */
size_t bitmap_find_run(const uint32_t *map, const struct summary *words, size_t n, size_t from, size_t limit);

/* That each level agrees with the one below; panics with the first word where it does not. */
void summary_check(const struct summary *s);

#endif
