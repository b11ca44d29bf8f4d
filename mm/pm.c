/* pm: two bitmaps of the frames below 4 GiB. */
#include "pm.h"

#include "memlayout.h"
#include "panic.h"
#include "string.h"

_Static_assert(FRAMES_MAX / 32 == SUMMARY_MAX, "the summary has a bit for each word of frames");

#define RECENT_MAX 128

struct recent {
    paddr_t pa;
    uint32_t bit; /* of its word in USED */
};

static const uint32_t *ram;     /* what the memory map calls memory */
static pfn_t ram_end;           /* ... and the first frame that is above all of it */
static memmap_frames used;      /* handed out, and SPARE */
static memmap_frames available; /* free, but for SPARE and RECENT */
static struct summary words;    /* the words of AVAILABLE that are not 0 */
static paddr_t spare;
static struct recent recent[1 + RECENT_MAX]; /* a stack; the first is the bottom, and no frame */
static struct recent *newest;
static pfn_t next_run;          /* where the next run is looked for first */
static struct pm_counts counts; /* free: those in AVAILABLE */

static inline size_t word_of(paddr_t pa) { return pa >> 17; }
static inline uint32_t bit_of(paddr_t pa) { return 1u << (pa_to_pfn(pa) % 32); }
static inline size_t recent_count(void) { return (size_t)(newest - recent); }

/* ---- start ---- */

void pm_init(const memmap_frames map) {
    ram = map;
    memset(used, 0, sizeof(used));
    memset(available, 0, sizeof(available));
    memset(&words, 0, sizeof(words));
    spare = PADDR_NONE;
    newest = recent;
    next_run = 0;
    ram_end = pa_to_pfn(LOW_MEMORY_END);
    counts.free = 0;
    counts.reserved = counts.total = bitmap_count(ram, 0, ram_end);
    for (size_t start, end = ram_end; bitmap_next_run(ram, &start, &end, FRAMES_MAX); ram_end = end) {
        bitmap_fill(available, start, end, true);
        summary_add_range(&words, start / 32, (end - 1) / 32 + 1);
        counts.total += end - start;
        counts.free += end - start;
    }
}

/* ---- single frames ---- */

/* The frames MASK of a word, all available, are handed out. */
static inline void take(size_t word, uint32_t mask) {
    used[word] |= mask;
    if (!(available[word] ^= mask))
        summary_remove(&words, word);
}

/* ... all marked neither as used nor as available, are available. */
static inline void file(size_t word, uint32_t mask) {
    uint32_t before = available[word];
    available[word] = before | mask;
    if (!before)
        summary_add(&words, word);
}

static __attribute__((noinline)) paddr_t alloc_found(void) {
    ASSERT(!in_interrupt());
    size_t word = summary_first(&words);
    if (word == SUMMARY_NONE)
        return PADDR_NONE;
    unsigned bit = (unsigned)__builtin_ctz(available[word]);
    take(word, 1u << bit);
    counts.free--;
    return pfn_to_pa((pfn_t)(word * 32 + bit));
}

paddr_t pm_alloc_page(void) {
    paddr_t pa = spare;
    if (pa != PADDR_NONE) {
        spare = PADDR_NONE;
        return pa;
    }
    const struct recent *top = newest;
    pa = top->pa;
    if (unlikely(pa == PADDR_NONE))
        return alloc_found();
    used[word_of(pa)] |= top->bit;
    newest--;
    return pa;
}

/* Says why the frame at PA cannot be given back. */
static __attribute__((noinline, noreturn)) void bad_free(paddr_t pa) {
    static const char *const what[] = {
        [PM_ABSENT] = "it is no memory that the memory map knows",
        [PM_RESERVED] = "it is reserved and was never handed out",
        [PM_FREE] = "it is free already",
        [PM_USED] = "it is not page-aligned",
    };
    PANIC("pm: cannot free frame 0x%08x: %s", pa, what[pa & PAGE_MASK ? PM_USED : pm_state(pa)]);
}

/* RECENT has no room for PA. */
static __attribute__((noinline)) void file_one(paddr_t pa) {
    counts.free++;
    file(word_of(pa), bit_of(pa));
}

void pm_free_page(paddr_t pa) {
    size_t word = word_of(pa);
    uint32_t bit = bit_of(pa);
    if (unlikely(pa & PAGE_MASK || !(used[word] & bit)))
        bad_free(pa);
    if (spare == PADDR_NONE) {
        spare = pa;
        return;
    }
    if (unlikely(pa == spare))
        bad_free(pa);
    used[word] ^= bit;
    if (unlikely(newest == &recent[RECENT_MAX])) {
        file_one(pa);
        return;
    }
    newest++;
    newest->pa = pa;
    newest->bit = bit;
}

/* Afterwards USED has no frame but those handed out. */
static void drop_spare(void) {
    paddr_t pa = spare;
    if (pa == PADDR_NONE)
        return;
    spare = PADDR_NONE;
    used[word_of(pa)] ^= bit_of(pa);
    file_one(pa);
}

/* Makes all that is free available. */
static void settle(void) {
    drop_spare();
    for (; newest->pa != PADDR_NONE; newest--)
        file_one(newest->pa);
}

/* ---- frames by the word ---- */

/* The lowest N bits that WORD has set. */
static uint32_t lowest_bits(uint32_t word, size_t n) {
    uint32_t rest = word;
    for (; n; n--)
        rest &= rest - 1;
    return word ^ rest;
}

uint32_t pm_alloc_word(size_t most, size_t *word) {
    ASSERT(!in_interrupt());
    if (unlikely(!words.top))
        settle();
    size_t found = summary_first(&words);
    if (found == SUMMARY_NONE)
        return 0;
    uint32_t mask = available[found];
    size_t n = bitmap_bits(mask);
    if (n > most) {
        mask = lowest_bits(mask, most);
        n = most;
    }
    take(found, mask);
    counts.free -= n;
    *word = found;
    return mask;
}

bool pm_word_used(size_t word, uint32_t mask) {
    drop_spare();
    return !(mask & ~used[word]);
}

void pm_free_word(size_t word, uint32_t mask) {
    if (unlikely(!pm_word_used(word, mask)))
        bad_free(pfn_to_pa((pfn_t)(word * 32 + __builtin_ctz(mask & ~used[word]))));
    used[word] ^= mask;
    file(word, mask);
    counts.free += bitmap_bits(mask);
}

/* ---- runs ---- */

/* Of MAP's bits in [START, END), the first that is not set, or END. */
static bool holds(const uint32_t *map, pfn_t start, pfn_t end) {
    uint32_t mask = ~0u << (start % 32);
    size_t word = start / 32;
    for (; word < end / 32; word++, mask = ~0u)
        if (mask & ~map[word])
            return false;
    return end % 32 == 0 || !(mask & ~(~0u << (end % 32)) & ~map[word]);
}

/* The frames [START, END), all in FROM, go over to TO. */
static void move(uint32_t *from, uint32_t *to, pfn_t start, pfn_t end) {
    uint32_t mask = ~0u << (start % 32);
    size_t word = start / 32;
    for (; word < end / 32; word++, mask = ~0u) {
        from[word] ^= mask;
        to[word] ^= mask;
    }
    if (end % 32) {
        mask &= ~(~0u << (end % 32));
        from[word] ^= mask;
        to[word] ^= mask;
    }
}

/* The bits at which N set bits of WORD begin. */
static inline uint32_t runs_in(uint32_t word, size_t n) {
    for (size_t have = 1, more; have < n && word; have += more) {
        more = have < n - have ? have : n - have;
        word &= word >> more;
    }
    return word;
}

/* The first of N adjacent available frames at or after FROM, or FRAMES_MAX. */
static pfn_t find_run(size_t n, pfn_t from) {
    size_t below = 0; /* available frames that end where the word begins */
    uint32_t mask = ~0u << (from % 32);
    for (size_t word = from / 32; word < SUMMARY_MAX; mask = ~0u) {
        uint32_t here = available[word] & mask;
        size_t low = here == ~0u ? 32 : (size_t)__builtin_ctz(~here);
        if (below + low >= n)
            return (pfn_t)(word * 32 - below);
        if (low == 32) {
            below += 32;
        } else {
            uint32_t starts = n < 32 ? runs_in(here, n) : 0;
            if (starts)
                return (pfn_t)(word * 32 + __builtin_ctz(starts));
            below = (size_t)__builtin_clz(~here);
        }
        word = below ? word + 1 : summary_next(&words, word + 1);
    }
    return FRAMES_MAX;
}

paddr_t pm_alloc_pages(size_t n) {
    ASSERT(!in_interrupt());
    if (n == 0 || n > pm_count().free)
        return PADDR_NONE;
    pfn_t start = find_run(n, next_run);
    if (start == FRAMES_MAX) {
        settle();
        start = find_run(n, 0);
        if (start == FRAMES_MAX)
            return PADDR_NONE;
    }
    pfn_t end = start + n;
    move(available, used, start, end);
    size_t first = start / 32, last = (end - 1) / 32;
    summary_remove_range(&words, first + (available[first] != 0), last + (available[last] == 0));
    counts.free -= n;
    next_run = end % FRAMES_MAX;
    return pfn_to_pa(start);
}

void pm_free_pages(paddr_t pa, size_t n) {
    pfn_t start = pa_to_pfn(pa), end = start + n;
    if (n > FRAMES_MAX - start)
        PANIC("pm: cannot free %zu frames at 0x%08x: they pass the end of memory", n, pa);
    if (n == 0)
        return;
    drop_spare();
    if (pa & PAGE_MASK)
        bad_free(pa);
    if (!holds(used, start, end))
        bad_free(pfn_to_pa(bitmap_find(used, start, end, false)));
    move(used, available, start, end);
    summary_add_range(&words, start / 32, (end - 1) / 32 + 1);
    counts.free += n;
    next_run = start;
}

/* ---- boot, figures and checks ---- */

void pm_reserve(uint64_t start, uint64_t end) {
    ASSERT(start <= end && end <= (uint64_t)FRAMES_MAX << PAGE_SHIFT);
    pfn_t first = (pfn_t)(start >> PAGE_SHIFT), last = (pfn_t)((end + PAGE_MASK) >> PAGE_SHIFT);
    if (start == end)
        return;
    settle();
    if (bitmap_find(used, first, last, true) != last)
        PANIC("pm: frames from 0x%08x on are handed out and cannot be reserved", pfn_to_pa(first));
    size_t withheld = bitmap_count(available, first, last);
    counts.free -= withheld;
    counts.reserved += withheld;
    bitmap_fill(available, first, last, false);
    for (pfn_t i = first; i < last; i = bitmap_next_word(i))
        if (!available[i / 32])
            summary_remove(&words, i / 32);
}

struct pm_counts pm_count(void) {
    size_t free = counts.free + recent_count() + (spare != PADDR_NONE);
    return (struct pm_counts){.total = counts.total, .free = free, .reserved = counts.reserved};
}

static bool is_recent(pfn_t pfn) {
    for (const struct recent *r = newest; r->pa != PADDR_NONE; r--)
        if (pa_to_pfn(r->pa) == pfn)
            return true;
    return false;
}

enum pm_state pm_state(paddr_t pa) {
    pfn_t pfn = pa_to_pfn(pa);
    if (bitmap_test(used, pfn))
        return pfn == pa_to_pfn(spare) ? PM_FREE : PM_USED;
    if (!bitmap_test(ram, pfn))
        return PM_ABSENT;
    return bitmap_test(available, pfn) || is_recent(pfn) ? PM_FREE : PM_RESERVED;
}

bool pm_next_range(pfn_t from, pfn_t *start, pfn_t *end) {
    size_t first, last = from > pa_to_pfn(LOW_MEMORY_END) ? from : pa_to_pfn(LOW_MEMORY_END);
    if (!bitmap_next_run(ram, &first, &last, ram_end))
        return false;
    *start = first;
    *end = last;
    return true;
}

void pm_check(void) {
    struct pm_counts found = {0};
    settle();
    for (size_t i = 0; i < SUMMARY_MAX; i++) {
        ASSERT_OP(used[i] & available[i], ==, 0u);
        ASSERT_OP((used[i] | available[i]) & ~ram[i], ==, 0u);
        ASSERT_OP(bitmap_test(words.leaf, i), ==, (available[i] != 0));
        found.total += bitmap_bits(ram[i]);
        found.free += bitmap_bits(available[i]);
        found.reserved += bitmap_bits(ram[i] & ~used[i] & ~available[i]);
    }
    summary_check(&words);
    ASSERT_OP(found.total, ==, counts.total);
    ASSERT_OP(found.free, ==, counts.free);
    ASSERT_OP(found.reserved, ==, counts.reserved);
}
