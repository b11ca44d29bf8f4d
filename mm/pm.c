/* pm: two bitmaps of the frames below 4 GiB, and before them what was freed last.
 *
 * USED has the frames that are handed out. It alone, SPARE aside, says whether a free is right: the frame's
 * bit must be set, whatever else pm remembers. AVAILABLE has those that are free and can be found: a summary
 * names its words that are not 0, so that one is found in three steps at any size of memory and however full
 * it is.
 *
 * What was freed last is likely in the cache, and likely wanted again. It waits in neither bitmap, so that it
 * comes and goes with a change of USED and of nothing else:
 * - RECENT is a stack of 1,024 frames. The frame's bit stands beside it; when the stack is full, a frame
 *   becomes available at once. vmem takes and puts many frames at a time there (pm_fast.h); what the stack
 *   lacks then comes onto it first.
 * - RUN is what is left of the run freed last. It becomes available when the next run is freed.
 * - SPARE is the frame freed last of all. It keeps even its bit in USED, so that freeing one and allocating
 *   one, over and over, changes no bitmap; who asks USED about many frames at once gives SPARE up before.
 * When nothing else is left, all of them become available. A frame of the memory map that is in neither
 * bitmap and does not wait is reserved.
 *
 * Single frames, in instructions, the same at 64 MiB as at 4 GiB: freeing one and allocating one takes 16,
 * and 35 if up to 1,024 are freed before they are allocated again. No pm_alloc_page takes more than 67 (the
 * word is then empty, which three levels of the summary learn), no pm_free_page more than 45 (RECENT is full,
 * and the word was empty). tests/bench/frame_worst.c looks for worse.
 *
 * Runs: freeing one and allocating as many frames takes 126 for 16, 246 for 256. What RUN does not have is
 * searched for from where the last run was. A search looks at each word of AVAILABLE that is not 0 once, by
 * its bits, not hole by hole; there are at most two, the second after all that waits has become available.
 * Runs are for devices and large buffers; kmalloc takes single frames, which vmem makes adjacent.
 *
 * Tried and dropped:
 * - One bitmap with RECENT free in it, each frame taken being compared with what is memory, so that the
 *   summary learns of a word that fills: 53 to 70 for a pair in a batch, not 35. Without the bits in RECENT:
 *   38.
 * - Runs available at once when they are freed: 217 for 16, 492 for 256. Whoever frees many runs before they
 *   are allocated again would gain: 180 and 612, not 420 and 900. */
#include "pm.h"

#include "interrupt.h"
#include "memlayout.h"
#include "panic.h"
#include "pm_fast.h"
#include "string.h"

#define LOW_FRAMES (LOW_MEMORY_END / PAGE_SIZE)

static const uint32_t *ram; /* what the memory map calls memory */
memmap_frames pm_used;
static memmap_frames available;
static struct summary words;    /* of AVAILABLE, those that are not 0 */
static struct pm_counts counts; /* free: those in AVAILABLE */

paddr_t pm_spare;
struct recent pm_recent[RECENT_MAX];
size_t pm_top;

static pfn_t run_start, run_end; /* RUN: [run_start, run_end) */
static pfn_t next_run;           /* where the next run is searched for first */

void pm_init(const memmap_frames map) {
    ram = map;
    memset(pm_used, 0, sizeof(pm_used));
    memset(available, 0, sizeof(available));
    memset(&words, 0, sizeof(words));
    pm_spare = PADDR_NONE;
    pm_top = RECENT_MAX;
    counts.free = run_start = run_end = next_run = 0;
    counts.reserved = counts.total = bitmap_count(ram, 0, LOW_FRAMES);
    for (size_t start, end = LOW_FRAMES; bitmap_next_run(ram, &start, &end, FRAMES_MAX);) {
        summary_set_bits(&words, available, start, end);
        counts.total += end - start;
        counts.free += end - start;
    }
}

/* ---- single frames ----
 *
 * What is rare is a function of its own, and called last: the compiler then makes a jump of the call, and
 * what is frequent needs no stack. */

/* Of the word of PA, no frame is available any more. */
static __attribute__((noinline)) paddr_t forget(paddr_t pa) {
    summary_remove(&words, pm_word(pa));
    return pa;
}

/* Hands out the frames MASK of the word of PA, all of them available. */
static inline paddr_t take(paddr_t pa, uint32_t mask) {
    pm_used[pm_word(pa)] |= mask;
    available[pm_word(pa)] &= ~mask;
    return available[pm_word(pa)] ? pa : forget(pa);
}

static __attribute__((noinline)) paddr_t alloc_found(void) {
    size_t word = summary_first(&words);
    if (word == SUMMARY_NONE)
        return pm_alloc_pages(1); /* of RUN, or none */
    unsigned bit = (unsigned)__builtin_ctz(available[word]);
    counts.free--;
    return take(pfn_to_pa((pfn_t)(word * 32 + bit)), 1u << bit);
}

paddr_t pm_alloc_page(void) {
    paddr_t pa = pm_spare;
    if (pa != PADDR_NONE) {
        pm_spare = PADDR_NONE;
        return pa;
    }
    return likely(pm_top < RECENT_MAX) ? pm_take(&pm_top) : alloc_found();
}

/* Of WORD, in which none was, the frames MASK become available. */
static __attribute__((noinline)) void file_first(uint32_t mask, size_t word) {
    available[word] = mask;
    summary_add(&words, word);
}

/* The N frames MASK of WORD, in neither bitmap, become available. */
static inline void file(uint32_t mask, size_t word, size_t n) {
    counts.free += n;
    if (available[word])
        available[word] |= mask;
    else
        file_first(mask, word);
}

/* Says what is wrong with giving back the frame at PA. (It does not come back, which the compiler must not
 * know, or callers keep a frame on the stack for the backtrace.) */
static __attribute__((noinline)) void bad_pm_free(paddr_t pa) {
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

/* Frees the frame PA, whose BIT is set in its WORD of USED; there is a spare frame already. */
static __attribute__((noinline)) void free_more(uint32_t bit, paddr_t pa, size_t word) {
    size_t place;
    if (unlikely(pa == pm_spare)) {
        bad_pm_free(pa);
        return;
    }
    pm_used[word] ^= bit;
    if (unlikely(__builtin_sub_overflow(pm_top, 1u, &place))) {
        file(bit, pm_word(pa), 1); /* not WORD: it would take up a register all along */
        return;
    }
    pm_recent[place] = (struct recent){pa, bit};
    pm_top = place;
}

void pm_free_page(paddr_t pa) {
    pfn_t pfn = multiple_of(pa, PAGE_SHIFT); /* not below FRAMES_MAX if PA is unaligned */
    uint32_t bit = 1u << (pfn % 32);
    if (unlikely(pfn >= FRAMES_MAX || !(bit &= pm_used[pfn / 32])))
        bad_pm_free(pa);
    else if (pm_spare != PADDR_NONE)
        free_more(bit, pa, pfn / 32);
    else
        pm_spare = pa;
}

/* ---- what waits becomes available ---- */

static __attribute__((noinline)) void file_spare(void) {
    paddr_t pa = pm_spare;
    pm_spare = PADDR_NONE;
    pm_used[pm_word(pa)] ^= pm_bit(pa);
    file(pm_bit(pa), pm_word(pa), 1);
}

static __attribute__((noinline)) void file_run(void) {
    summary_set_bits(&words, available, run_start, run_end);
    counts.free += run_end - run_start;
    next_run = run_start;
    run_start = run_end;
}

size_t pm_make_room(size_t n) {
    if (pm_spare != PADDR_NONE)
        file_spare();
    for (; pm_top < n; pm_top++) {
        struct recent top = pm_recent[pm_top];
        ASSERT_OP(top.bit, ==, pm_bit(top.pa));
        file(top.bit, pm_word(top.pa), 1);
    }
    return pm_top;
}

static void settle(void) {
    pm_make_room(RECENT_MAX);
    if (run_start != run_end)
        file_run();
}

bool pm_fetch(size_t n) {
    if (n > pm_count().free)
        return false;
    if (n - (RECENT_MAX - pm_top) > counts.free)
        settle();
    size_t end = pm_top;
    pm_top = RECENT_MAX - n;
    for (size_t i = pm_top; i < end; i++) { /* so that they go in order */
        paddr_t pa = alloc_found();
        pm_used[pm_word(pa)] ^= pm_bit(pa);
        pm_recent[i] = (struct recent){pa, pm_bit(pa)};
    }
    return true;
}

/* ---- runs ---- */

/* Takes N adjacent frames out of AVAILABLE, and returns the first; or FRAMES_MAX. */
static __attribute__((noinline)) pfn_t take_run(size_t n) {
    ASSERT(!in_interrupt());
    if (n == 0 || n > pm_count().free)
        return FRAMES_MAX;
    pfn_t start = bitmap_find_run(available, &words, n, next_run, FRAMES_MAX);
    if (start == FRAMES_MAX) {
        settle();
        start = bitmap_find_run(available, &words, n, 0, FRAMES_MAX);
    }
    if (start != FRAMES_MAX) {
        summary_clear_bits(&words, available, start, start + n);
        counts.free -= n;
        next_run = start + n;
    }
    return start;
}

paddr_t pm_alloc_pages(size_t n) {
    pfn_t start = run_start;
    if (n - 1 < run_end - start) /* N is not 0, and RUN has as many */
        run_start += n;
    else if ((start = take_run(n)) == FRAMES_MAX)
        return PADDR_NONE;
    bitmap_fill(pm_used, start, start + n, true);
    return pfn_to_pa(start);
}

void pm_free_pages(paddr_t pa, size_t n) {
    pfn_t start = pa_to_pfn(pa), end = start + n;
    if (n > FRAMES_MAX - start)
        PANIC("pm: cannot free %zu frames at 0x%08x: they pass the end of memory", n, pa);
    if (n == 0)
        return;
    if (pm_spare != PADDR_NONE)
        file_spare();
    if (pa & PAGE_MASK || !bitmap_full(pm_used, start, end))
        bad_pm_free(pa & PAGE_MASK ? pa : pfn_to_pa(bitmap_find(pm_used, start, end, false)));
    bitmap_fill(pm_used, start, end, false);
    if (run_start != run_end)
        file_run();
    run_start = start;
    run_end = end;
}

/* ---- reserving, figures and checks ---- */

void pm_reserve(uint64_t start, uint64_t end) {
    ASSERT(start <= end && end <= (uint64_t)FRAMES_MAX << PAGE_SHIFT);
    pfn_t first = (pfn_t)(start >> PAGE_SHIFT), last = (pfn_t)((end + PAGE_MASK) >> PAGE_SHIFT);
    if (start == end)
        return;
    settle();
    if (bitmap_find(pm_used, first, last, true) != last)
        PANIC("pm: frames from 0x%08x on are handed out and cannot be reserved", pfn_to_pa(first));
    size_t withheld = bitmap_count(available, first, last);
    counts.free -= withheld;
    counts.reserved += withheld;
    summary_clear_bits(&words, available, first, last);
}

struct pm_counts pm_count(void) {
    size_t waiting = (pm_spare != PADDR_NONE) + (RECENT_MAX - pm_top) + (run_end - run_start);
    return (struct pm_counts){
        .total = counts.total, .free = counts.free + waiting, .reserved = counts.reserved};
}

static bool waits(pfn_t pfn) {
    for (size_t i = pm_top; i < RECENT_MAX; i++)
        if (pa_to_pfn(pm_recent[i].pa) == pfn)
            return true;
    return pfn >= run_start && pfn < run_end;
}

enum pm_state pm_state(paddr_t pa) {
    pfn_t pfn = pa_to_pfn(pa);
    if (bitmap_test(pm_used, pfn))
        return pfn_to_pa(pfn) == pm_spare ? PM_FREE : PM_USED;
    if (!bitmap_test(ram, pfn))
        return PM_ABSENT;
    return bitmap_test(available, pfn) || waits(pfn) ? PM_FREE : PM_RESERVED;
}

bool pm_next_range(pfn_t from, pfn_t *start, pfn_t *end) {
    size_t first, last = from > LOW_FRAMES ? from : LOW_FRAMES;
    if (!bitmap_next_run(ram, &first, &last, FRAMES_MAX))
        return false;
    *start = first;
    *end = last;
    return true;
}

void pm_check(void) {
    struct pm_counts found = {0};
    settle(); /* what waited wrongly is now marked wrongly, or counted twice */
    for (size_t i = 0; i < SUMMARY_MAX; i++) {
        ASSERT_OP(pm_used[i] & available[i], ==, 0u);
        ASSERT_OP((pm_used[i] | available[i]) & ~ram[i], ==, 0u);
        ASSERT_OP(bitmap_test(words.leaf, i), ==, (available[i] != 0));
        found.total += bitmap_bits(ram[i]);
        found.free += bitmap_bits(available[i]);
        found.reserved += bitmap_bits(ram[i] & ~pm_used[i] & ~available[i]);
    }
    summary_check(&words);
    ASSERT_OP(found.total, ==, counts.total);
    ASSERT_OP(found.free, ==, counts.free);
    ASSERT_OP(found.reserved, ==, counts.reserved);
}
