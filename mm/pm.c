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
static struct recent recent[RECENT_MAX + 1]; /* a stack that grows down from the last, which is no frame */
static size_t room;                          /* ... recent[room] was freed last */
static pfn_t next_run;          /* where the next run is looked for first */
static struct pm_counts counts; /* free: those in AVAILABLE */

static inline size_t word_of(paddr_t pa) { return pa >> 17; }
static inline uint32_t bit_of(paddr_t pa) { return 1u << (pa_to_pfn(pa) % 32); }
static inline size_t recent_count(void) { return RECENT_MAX - room; }

/* ---- start ---- */

void pm_init(const memmap_frames map) {
    ram = map;
    memset(used, 0, sizeof(used));
    memset(available, 0, sizeof(available));
    memset(&words, 0, sizeof(words));
    spare = PADDR_NONE;
    room = RECENT_MAX;
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

/* Of the word of PA, no frame is available any more. */
static __attribute__((noinline)) paddr_t forget(paddr_t pa) {
    summary_remove(&words, word_of(pa));
    return pa;
}

/* Of the word of PA, the frames MASK, all of them available, are handed out. */
static inline paddr_t take(paddr_t pa, uint32_t mask) {
    used[word_of(pa)] |= mask;
    available[word_of(pa)] &= ~mask;
    return available[word_of(pa)] ? pa : forget(pa);
}

/* Of the word of PA, frames have become available, the first ones. */
static __attribute__((noinline)) void remember(size_t word) {
    summary_add(&words, word);
}

/* ... which are neither used nor available, become available. */
static inline void file(size_t word, uint32_t mask) {
    bool first = !available[word];
    available[word] |= mask;
    if (first)
        remember(word);
}

static __attribute__((noinline)) paddr_t alloc_found(void) {
    size_t word = summary_first(&words);
    if (word == SUMMARY_NONE)
        return PADDR_NONE;
    unsigned bit = (unsigned)__builtin_ctz(available[word]);
    counts.free--;
    return take(pfn_to_pa((pfn_t)(word * 32 + bit)), 1u << bit);
}

paddr_t pm_alloc_page(void) {
    paddr_t pa = spare;
    if (pa != PADDR_NONE) {
        spare = PADDR_NONE;
        return pa;
    }
    pa = recent[room].pa;
    if (unlikely(pa == PADDR_NONE))
        return alloc_found();
    uint32_t bit = recent[room].bit;
    room++;
    used[word_of(pa)] |= bit;
    return pa;
}

/* Says why the frame at PA cannot be given back. */
static __attribute__((noinline)) void bad_free(paddr_t pa) {
    static const char *const what[] = {
        [PM_ABSENT] = "it is no memory that the memory map knows",
        [PM_RESERVED] = "it is reserved and was never handed out",
        [PM_FREE] = "it is free already",
        [PM_USED] = "it is not page-aligned",
    };
    enum pm_state state = pa & PAGE_MASK ? PM_USED : pm_state(pa);
    if (pa & PAGE_MASK || state != PM_USED)
        PANIC("pm: cannot free frame 0x%08x: %s", pa, what[state]);
}

static __attribute__((noinline)) void file_one(uint32_t bit, paddr_t pa) {
    counts.free++;
    file(word_of(pa), bit);
}

/* There is a spare frame already. */
static __attribute__((noinline)) void free_more(uint32_t bit, paddr_t pa, size_t word) {
    size_t place;
    if (unlikely(pa == spare)) {
        bad_free(pa);
        return;
    }
    used[word] ^= bit;
    if (unlikely(__builtin_sub_overflow(room, 1u, &place))) {
        file_one(bit, pa);
        return;
    }
    recent[place].pa = pa;
    recent[place].bit = bit;
    room = place;
}

void pm_free_page(paddr_t pa) {
    uint32_t bit = bit_of(pa);
    if (unlikely(pa & PAGE_MASK)) {
        bad_free(pa);
        return;
    }
    size_t word = word_of(pa);
    bit &= used[word];
    if (unlikely(!bit))
        bad_free(pa);
    else if (spare != PADDR_NONE)
        free_more(bit, pa, word);
    else
        spare = pa;
}

/* Afterwards USED has no frame but those handed out. */
static void drop_spare(void) {
    paddr_t pa = spare;
    if (pa == PADDR_NONE)
        return;
    spare = PADDR_NONE;
    used[word_of(pa)] ^= bit_of(pa);
    file_one(bit_of(pa), pa);
}

/* Makes all that is free available. */
static void settle(void) {
    drop_spare();
    for (; room < RECENT_MAX; room++)
        file_one(recent[room].bit, recent[room].pa);
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
    take(pfn_to_pa(found * 32), mask);
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

/* A run by the word: the bits HEAD of word FIRST, all of those between, the bits TAIL, if any, of LAST. */
struct run {
    size_t first, last;
    uint32_t head, tail;
};

static inline struct run run_of(pfn_t start, size_t n) {
    pfn_t end = start + n;
    struct run run = {start / 32, end / 32, ~0u << (start % 32), ~(~0u << (end % 32))};
    if (run.first == run.last) {
        run.head &= run.tail;
        run.tail = 0;
    }
    return run;
}

/* Whether MAP has all the bits of the run. */
static inline bool holds(const uint32_t *map, struct run run) {
    if (run.head & ~map[run.first] || (run.tail && run.tail & ~map[run.last]))
        return false;
    for (size_t i = run.first + 1; i < run.last; i++)
        if (map[i] != ~0u)
            return false;
    return true;
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

/* ... wherever it is, whatever is spare or recent. */
static __attribute__((noinline)) pfn_t search(size_t n) {
    ASSERT(!in_interrupt());
    if (n == 0 || n > pm_count().free)
        return FRAMES_MAX;
    pfn_t start = find_run(n, next_run);
    if (start != FRAMES_MAX)
        return start;
    settle();
    return find_run(n, 0);
}

paddr_t pm_alloc_pages(size_t n) {
    pfn_t start = next_run;
    struct run run = run_of(start, n);
    if (n - 1 >= FRAMES_MAX - start || !holds(available, run)) {
        start = search(n);
        if (start == FRAMES_MAX)
            return PADDR_NONE;
        run = run_of(start, n);
    }
    counts.free -= n;
    next_run = (start + n) % FRAMES_MAX;
    take(run.first << 17, run.head);
    for (size_t i = run.first + 1; i < run.last; i++) {
        used[i] = ~0u;
        available[i] = 0;
    }
    if (run.first + 1 < run.last)
        summary_remove_range(&words, run.first + 1, run.last);
    if (run.tail)
        take(run.last << 17, run.tail);
    return pfn_to_pa(start);
}

void pm_free_pages(paddr_t pa, size_t n) {
    pfn_t start = pa_to_pfn(pa);
    if (n - 1 >= FRAMES_MAX - start) {
        if (n == 0) return;
        PANIC("pm: cannot free %zu frames at 0x%08x: they pass the end of memory", n, pa);
    }
    struct run run = run_of(start, n);
    if (spare != PADDR_NONE)
        drop_spare();
    if (pa & PAGE_MASK || !holds(used, run)) {
        bad_free(pa & PAGE_MASK ? pa : pfn_to_pa(bitmap_find(used, start, start + n, false)));
        return;
    }
    counts.free += n;
    next_run = start;
    used[run.first] ^= run.head;
    file(run.first, run.head);
    for (size_t i = run.first + 1; i < run.last; i++) {
        used[i] = 0;
        available[i] = ~0u;
    }
    if (run.first + 1 < run.last)
        summary_add_range(&words, run.first + 1, run.last);
    if (run.tail) {
        used[run.last] ^= run.tail;
        file(run.last, run.tail);
    }
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
    for (size_t i = room; i < RECENT_MAX; i++)
        if (pa_to_pfn(recent[i].pa) == pfn)
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
