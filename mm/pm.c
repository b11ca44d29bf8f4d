/* pm: a bitmap of the frames below 4 GiB.
 *
 * Two bits say all of a frame: MANAGED (it is memory that may be handed out, which never changes after
 * boot) and USED (it is handed out). A frame is free when it is managed and not used, so one bitmap changes
 * as frames come and go, and it is the only truth: a free is right exactly when the frame's USED bit is
 * set, which is one test.
 *
 * The summary holds the words of 32 frames in which some frame is free, so that one is found in three steps
 * however full memory is. Before that, an allocation looks at what was freed last, since such a frame is
 * likely in the cache:
 * - SPARE is the frame freed last, and is left marked as used: freeing one frame and allocating one, over and
 *   over, changes no bitmap.
 * - RECENT are frames freed before it. They are free in the bitmap, but the summary need not know of them; it
 *   is told when RECENT has no room, and before a run is looked for.
 *
 * A run of n frames is searched for from where the last one was found, over words that the summary names:
 * what is full is skipped 1,024 frames at a time, but a memory full of small holes is walked hole by hole.
 * Runs are for devices and large buffers; kmalloc takes single frames, which vmem makes adjacent. */
#include "pm.h"

#include "memlayout.h"
#include "panic.h"
#include "string.h"

_Static_assert(FRAMES_MAX / 32 == SUMMARY_MAX, "the summary has a bit for each word of frames");

static const uint32_t *ram;   /* what the memory map calls memory */
static pfn_t ram_end;         /* ... and the first frame that is above all of it */
static memmap_frames managed; /* ... and may be handed out */
static memmap_frames used;    /* ... and is handed out */
static struct summary words;  /* the words in which a frame is free, but for RECENT */
static paddr_t spare, recent[128];
static size_t recent_count;
static pfn_t next_run; /* where the next run is looked for first */
static struct pm_counts counts;

static inline uint32_t free_in(size_t word) { return managed[word] & ~used[word]; }

/* ---- start ---- */

void pm_init(const memmap_frames map) {
    ram = map;
    memset(managed, 0, sizeof(managed));
    memset(used, 0, sizeof(used));
    memset(&words, 0, sizeof(words));
    spare = PADDR_NONE;
    recent_count = next_run = 0;
    ram_end = pa_to_pfn(LOW_MEMORY_END);
    counts.free = 0;
    counts.reserved = counts.total = bitmap_count(ram, 0, ram_end);
    for (size_t start, end = ram_end; bitmap_next_run(ram, &start, &end, FRAMES_MAX); ram_end = end) {
        bitmap_fill(managed, start, end, true);
        summary_add_range(&words, start / 32, (end - 1) / 32 + 1);
        counts.total += end - start;
        counts.free += end - start;
    }
}

void pm_reserve(uint64_t start, uint64_t end) {
    ASSERT(start <= end && end <= (uint64_t)FRAMES_MAX << PAGE_SHIFT);
    pfn_t first = (pfn_t)(start >> PAGE_SHIFT), last = (pfn_t)((end + PAGE_MASK) >> PAGE_SHIFT);
    if (start == end)
        return;
    if (bitmap_find(used, first, last, true) != last)
        PANIC("pm: frames from 0x%08x on are handed out and cannot be reserved", pfn_to_pa(first));
    size_t withheld = bitmap_count(managed, first, last);
    counts.free -= withheld;
    counts.reserved += withheld;
    bitmap_fill(managed, first, last, false);
    for (pfn_t i = first; i < last; i = bitmap_next_word(i))
        if (!free_in(i / 32))
            summary_remove(&words, i / 32);
}

/* ---- single frames ---- */

static inline size_t word_of(paddr_t pa) { return pa >> 17; }
static inline uint32_t bit_of(paddr_t pa) { return 1u << (pa_to_pfn(pa) % 32); }

/* Of the word of PA, which was just marked as used, no frame is left. */
static __attribute__((noinline)) paddr_t forget_word(paddr_t pa) {
    summary_remove(&words, word_of(pa));
    return pa;
}

/* Marks the free frame PA as used. */
static inline paddr_t take(paddr_t pa) {
    uint32_t now = used[word_of(pa)] | bit_of(pa);
    used[word_of(pa)] = now;
    return unlikely(now == managed[word_of(pa)]) ? forget_word(pa) : pa;
}

static __attribute__((noinline)) paddr_t alloc_found(void) {
    size_t word = summary_first(&words);
    if (word == SUMMARY_NONE)
        return PADDR_NONE;
    counts.free--;
    return take(pfn_to_pa((pfn_t)(word * 32 + __builtin_ctz(free_in(word)))));
}

paddr_t pm_alloc_page(void) {
    paddr_t pa = spare;
    if (pa == PADDR_NONE)
        return recent_count ? take(recent[--recent_count]) : alloc_found();
    spare = PADDR_NONE;
    return pa;
}

/* Says what is wrong with giving back the frame at PA. */
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

/* The frame PA is free in the bitmap; the summary is to know. */
static __attribute__((noinline)) void file(paddr_t pa) {
    counts.free++;
    summary_add(&words, word_of(pa));
}

/* There is a spare frame already, or PA cannot be freed. */
static __attribute__((noinline)) void free_other(paddr_t pa) {
    uint32_t now = used[word_of(pa)], bit = bit_of(pa);
    if (unlikely(pa & PAGE_MASK || !(now & bit) || pa == spare)) {
        bad_free(pa);
        return;
    }
    used[word_of(pa)] = now & ~bit;
    if (unlikely(recent_count == ARRAY_SIZE(recent)))
        file(pa);
    else
        recent[recent_count++] = pa;
}

void pm_free_page(paddr_t pa) {
    if (unlikely(spare != PADDR_NONE || pa & PAGE_MASK || !(used[word_of(pa)] & bit_of(pa))))
        free_other(pa);
    else
        spare = pa;
}

/* Lets the bitmap and the summary know all that is free. */
static void settle(void) {
    paddr_t pa = spare;
    spare = PADDR_NONE;
    if (pa != PADDR_NONE)
        free_other(pa);
    while (recent_count > 0)
        file(recent[--recent_count]);
}

/* ---- runs ---- */

/* The first free frame at or after FROM, which is below RAM_END; or RAM_END. */
static pfn_t next_free(pfn_t from) {
    uint32_t mask = ~0u << (from % 32);
    for (size_t word = from / 32; word != SUMMARY_NONE; word = summary_next(&words, word + 1), mask = ~0u)
        if (free_in(word) & mask)
            return (pfn_t)(word * 32 + __builtin_ctz(free_in(word) & mask));
    return ram_end;
}

/* The first frame of [FROM, LIMIT) that is not free, or LIMIT. */
static pfn_t next_taken(pfn_t from, pfn_t limit) {
    for (pfn_t i = from; i < limit; i = bitmap_next_word(i)) {
        uint32_t taken = ~free_in(i / 32) & bitmap_word_mask(i, limit);
        if (taken)
            return (i & ~31u) + __builtin_ctz(taken);
    }
    return limit;
}

/* The first of N adjacent free frames at or after FROM, or RAM_END. */
static pfn_t find_run(size_t n, pfn_t from) {
    while (from < ram_end && n <= ram_end - (from = next_free(from))) {
        pfn_t end = next_taken(from, from + n);
        if (end == from + n)
            return from;
        from = end + 1;
    }
    return ram_end;
}

paddr_t pm_alloc_pages(size_t n) {
    ASSERT(!in_interrupt());
    settle();
    if (n == 0 || n > counts.free)
        return PADDR_NONE;
    pfn_t start = find_run(n, next_run);
    if (start == ram_end && (start = find_run(n, 0)) == ram_end)
        return PADDR_NONE;
    for (pfn_t i = start; i < start + n; i = bitmap_next_word(i)) {
        used[i / 32] |= bitmap_word_mask(i, start + n);
        if (used[i / 32] == managed[i / 32])
            summary_remove(&words, i / 32);
    }
    counts.free -= n;
    next_run = start + n;
    return pfn_to_pa(start);
}

void pm_free_pages(paddr_t pa, size_t n) {
    pfn_t start = pa_to_pfn(pa), end = start + n;
    if (n > FRAMES_MAX - start)
        PANIC("pm: cannot free %zu frames at 0x%08x: they pass the end of memory", n, pa);
    settle();
    for (pfn_t i = start; i < end; i = bitmap_next_word(i))
        if (pa & PAGE_MASK || ~used[i / 32] & bitmap_word_mask(i, end))
            bad_free(pa & PAGE_MASK ? pa : pfn_to_pa(bitmap_find(used, i, end, false)));
    for (pfn_t i = start; i < end; i = bitmap_next_word(i)) {
        used[i / 32] &= ~bitmap_word_mask(i, end);
        summary_add(&words, i / 32);
    }
    counts.free += n;
    next_run = start;
}

/* ---- figures and checks ---- */

struct pm_counts pm_count(void) {
    size_t free = counts.free + recent_count + (spare != PADDR_NONE);
    return (struct pm_counts){.total = counts.total, .free = free, .reserved = counts.reserved};
}

enum pm_state pm_state(paddr_t pa) {
    pfn_t pfn = pa_to_pfn(pa);
    if (bitmap_test(used, pfn))
        return pfn_to_pa(pfn) == spare ? PM_FREE : PM_USED;
    if (bitmap_test(managed, pfn))
        return PM_FREE;
    return bitmap_test(ram, pfn) ? PM_RESERVED : PM_ABSENT;
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
        uint32_t available = free_in(i), withheld = ram[i] & ~managed[i];
        ASSERT_OP(managed[i] & ~ram[i], ==, 0u);
        ASSERT_OP(used[i] & ~managed[i], ==, 0u);
        ASSERT_OP(bitmap_test(words.leaf, i), ==, (available != 0));
        found.total += ram[i] ? bitmap_count(&ram[i], 0, 32) : 0;
        found.free += available ? bitmap_count(&available, 0, 32) : 0;
        found.reserved += withheld ? bitmap_count(&withheld, 0, 32) : 0;
    }
    summary_check(&words);
    ASSERT_OP(found.total, ==, counts.total);
    ASSERT_OP(found.free, ==, counts.free);
    ASSERT_OP(found.reserved, ==, counts.reserved);
}
