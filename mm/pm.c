/* pm: a bitmap of the frames that are free, a magazine of those freed last, and a record of every frame.
 *
 * AVAILABLE has a bit for each frame that is free and can be searched for. A summary names its words that are
 * not zero, so a frame is found in three steps at any size of memory and however full it is.
 *
 * The magazine is a stack of the frames freed last, which are likely in the cache. Most calls only push or pop.
 * A frame freed while it is full goes to AVAILABLE; a frame wanted while it is empty comes from there. vmem moves
 * whole ranges through it (frames.h).
 *
 * The records (frames.h) say what each frame is, so that every wrong free is refused: a frame is handed out if its
 * record is plain and AVAILABLE does not have it. Plain is one compare with a constant, which also shows that no
 * page is mapped to the frame. Before paging is on there are no records, and AVAILABLE alone says what is free;
 * frames are only handed out then.
 *
 * Runs of frames come from AVAILABLE alone. The search begins where the last run was freed or taken, and looks
 * once at each word that is not zero. If it fails, the magazine is emptied into AVAILABLE, and it is tried again.
 *
 * Figures, and what was tried and dropped: docs/notes/pm.md. */
#include "pm.h"

#include "cpu.h"
#include "frames.h"
#include "interrupt.h"
#include "memlayout.h"
#include "panic.h"
#include "string.h"

#define LOW_FRAMES (LOW_MEMORY_END / PAGE_SIZE)

_Static_assert(FRAMES_MAX / 32 == SUMMARY_MAX, "the summary has a bit for each word of AVAILABLE");

static const uint32_t *ram;                               /* what the memory map calls memory */
static uint32_t parts[FRAMES_MAX / FRAMES_PER_PAGE / 32]; /* by 4 MiB: which have any */
memmap_frames pm_available;
static struct summary words;    /* of AVAILABLE: the words that are not zero */
static struct pm_counts counts; /* free: those in AVAILABLE */
static pfn_t next_run;          /* where the next search for a run begins */

paddr_t pm_recent[RECENT_MAX];
size_t pm_recents;

void pm_init(const memmap_frames map) {
    ram = map;
    memset(pm_available, 0, sizeof(pm_available));
    memset(&words, 0, sizeof(words));
    memset(parts, 0, sizeof(parts));
    pm_recents = 0;
    next_run = 0;
    counts.free = 0;
    counts.reserved = counts.total = bitmap_count(ram, 0, LOW_FRAMES);
    for (size_t start, end = LOW_FRAMES; bitmap_next_run(ram, &start, &end, FRAMES_MAX);) {
        summary_set_bits(&words, pm_available, start, end);
        counts.total += end - start;
        counts.free += end - start;
    }
    for (size_t start, end = 0; bitmap_next_run(ram, &start, &end, FRAMES_MAX);)
        bitmap_fill(parts, start / FRAMES_PER_PAGE, (end - 1) / FRAMES_PER_PAGE + 1, true);
}

/* Withholds every frame that [START, END) touches; before the first allocation. */
void pm_reserve(uint64_t start, uint64_t end) {
    ASSERT(start <= end && end <= (uint64_t)FRAMES_MAX << PAGE_SHIFT);
    pfn_t first = (pfn_t)(start >> PAGE_SHIFT), last = (pfn_t)((end + PAGE_MASK) >> PAGE_SHIFT);
    if (counts.free + counts.reserved != counts.total)
        PANIC("pm: 0x%08x cannot be reserved: frames are handed out already", pfn_to_pa(first));
    if (start == end)
        return;
    size_t withheld = bitmap_count(pm_available, first, last);
    counts.free -= withheld;
    counts.reserved += withheld;
    summary_clear_bits(&words, pm_available, first, last);
}

bool pm_has_memory(pfn_t pfn) { return bitmap_test(parts, pfn / FRAMES_PER_PAGE); }

void pm_record_frames(void) {
    for (size_t start, end = 0; bitmap_next_run(ram, &start, &end, FRAMES_MAX);)
        for (pfn_t pfn = start; pfn < end; pfn++)
            pm_frames[pfn] = bitmap_test(pm_available, pfn) ? FRAME_PLAIN : FRAME_RESERVED;
}

/* ---- single frames ---- */

/* Hands out the frame freed last; the magazine is not empty. */
static inline paddr_t pop(void) {
    paddr_t pa = pm_recent[--pm_recents];
    *frame_at(pa) -= FRAME_RECENT - FRAME_PLAIN;
    return pa;
}

/* Takes a frame out of AVAILABLE, or returns PADDR_NONE. */
static paddr_t find_frame(void) {
    size_t word = summary_first(&words);
    if (word == SUMMARY_NONE)
        return PADDR_NONE;
    uint32_t bits = pm_available[word];
    pm_available[word] = bits & (bits - 1);
    if (!pm_available[word])
        summary_remove(&words, word);
    counts.free--;
    return pfn_to_pa((pfn_t)(word * 32 + (size_t)__builtin_ctz(bits)));
}

static SLOW_PATH void file_word(size_t word) { summary_add(&words, word); }

/* Puts the frame at PA, which is free, into AVAILABLE. */
static SLOW_PATH void file_frame(paddr_t pa) {
    pfn_t pfn = pa_to_pfn(pa);
    uint32_t before = pm_available[pfn / 32];
    pm_available[pfn / 32] = before | 1u << (pfn % 32);
    counts.free++;
    if (before == 0)
        file_word(pfn / 32);
}

static SLOW_PATH paddr_t alloc_found(void) {
    ASSERT(!in_interrupt());
    return find_frame();
}

/* A free frame's address, or PADDR_NONE. */
paddr_t pm_alloc_page(void) {
    if (unlikely(pm_recents == 0 || in_interrupt()))
        return alloc_found();
    return pop();
}

/* Panics, and says why, unless the frame at PA may be given back. */
static SLOW_PATH void check_free(paddr_t pa) {
    static const char *const what[] = {
        [PM_ABSENT] = "it is no memory that the memory map knows",
        [PM_RESERVED] = "it is reserved and was never handed out",
        [PM_FREE] = "it is free already",
        [PM_USED] = "it is still mapped",
        [PM_TABLE] = "it is a page table",
        [PM_DIRECTORY] = "it is a page directory",
    };
    ASSERT(!in_interrupt());
    if (pa_offset(pa))
        PANIC("pm: cannot free frame 0x%08x: it is not page-aligned", pa);
    if (!frame_is(pa, FRAME_PLAIN))
        PANIC("pm: cannot free frame 0x%08x: %s", pa, what[pm_state(pa)]);
}

/* Gives back a frame that was handed out. */
void pm_free_page(paddr_t pa) {
    if (unlikely(pa_offset(pa) || in_interrupt() || !frame_is(pa, FRAME_PLAIN)))
        check_free(pa);
    else if (unlikely(pm_recents == RECENT_MAX))
        file_frame(pa);
    else {
        *frame_at(pa) = FRAME_RECENT;
        pm_recent[pm_recents++] = pa;
    }
}

/* ---- the magazine, many frames at a time ---- */

void pm_load(size_t n) {
    while (pm_recents < n) {
        paddr_t pa = find_frame();
        ASSERT(pa != PADDR_NONE);
        *frame_at(pa) += FRAME_RECENT - FRAME_PLAIN;
        pm_recent[pm_recents++] = pa;
    }
}

void pm_make_room(size_t n) {
    while (pm_recents > RECENT_MAX - n)
        file_frame(pop());
}

void pm_take_back(paddr_t pa) {
    pm_make_room(1);
    frame_set_kind(pa, FRAME_RECENT);
    pm_recent[pm_recents++] = pa;
}

/* ---- owners ---- */

/* One page more has the frame at PA, which is handed out. */
void pm_share(paddr_t pa) {
    ASSERT(!in_interrupt());
    if (pa_offset(pa) || pm_state(pa) != PM_USED || !frame_share(pa))
        PANIC("pm: frame 0x%08x cannot be shared: its record is 0x%08x", pa, *frame_at(pa));
}

/* Whether more than one page has the frame at PA. */
bool pm_is_shared(paddr_t pa) { return (*frame_at(pa) & FRAME_PAGES) > FRAME_PAGE; }

/* One page fewer has the frame at PA; the last one gives it back. */
void pm_drop(paddr_t pa) {
    ASSERT(!in_interrupt());
    if (pa_offset(pa) || pm_state(pa) != PM_USED || !(*frame_at(pa) & FRAME_PAGES))
        PANIC("pm: frame 0x%08x cannot be dropped: its record is 0x%08x", pa, *frame_at(pa));
    *frame_at(pa) -= FRAME_PAGE;
    if (*frame_at(pa) == FRAME_PLAIN)
        pm_free_page(pa);
}

/* ---- runs ---- */

static pfn_t find_run(size_t n) {
    pfn_t start = bitmap_find_run(pm_available, &words, n, next_run, FRAMES_MAX);
    if (start < FRAMES_MAX)
        return start;
    pm_make_room(RECENT_MAX);
    return bitmap_find_run(pm_available, &words, n, 0, FRAMES_MAX);
}

/* N adjacent frames, or PADDR_NONE. */
paddr_t pm_alloc_pages(size_t n) {
    ASSERT(!in_interrupt());
    if (n == 0 || n > counts.free + pm_recents)
        return PADDR_NONE;
    pfn_t start = find_run(n);
    if (start == FRAMES_MAX)
        return PADDR_NONE;
    summary_clear_bits(&words, pm_available, start, start + n);
    counts.free -= n;
    next_run = start + n;
    return pfn_to_pa(start);
}

/* Panics unless each of the frames [START, END) may be freed. */
static void check_run(pfn_t start, pfn_t end) {
    if (words_are(&pm_frames[start], FRAME_PLAIN, end - start) && bitmap_all(pm_available, start, end, false))
        return;
    for (; start < end; start++)
        check_free(pfn_to_pa(start));
}

/* Gives back N adjacent frames that were handed out. */
void pm_free_pages(paddr_t pa, size_t n) {
    pfn_t start = pa_to_pfn(pa), end = start + n;
    ASSERT(!in_interrupt());
    if (n > FRAMES_MAX - start)
        PANIC("pm: cannot free %zu frames at 0x%08x: they pass the end of memory", n, pa);
    if (n == 0)
        return;
    if (pa_offset(pa))
        check_free(pa);
    check_run(start, end);
    summary_set_bits(&words, pm_available, start, end);
    counts.free += n;
    next_run = start;
}

/* ---- figures and checks ---- */

struct pm_counts pm_count(void) {
    return (struct pm_counts){
        .total = counts.total, .free = counts.free + pm_recents, .reserved = counts.reserved};
}

enum pm_state pm_state(paddr_t pa) {
    switch (*frame_at(pa) & FRAME_KIND) {
    case FRAME_RESERVED:
        return PM_RESERVED;
    case FRAME_PLAIN:
        return bitmap_test(pm_available, pa_to_pfn(pa)) ? PM_FREE : PM_USED;
    case FRAME_RECENT:
        return PM_FREE;
    case FRAME_TABLE:
        return PM_TABLE;
    case FRAME_DIRECTORY:
        return PM_DIRECTORY;
    default:
        return PM_ABSENT;
    }
}

/* The next range of memory from 1 MiB up, at or after FROM; false when there is none. */
bool pm_next_range(pfn_t from, pfn_t *start, pfn_t *end) {
    size_t first, last = from > LOW_FRAMES ? from : LOW_FRAMES;
    if (!bitmap_next_run(ram, &first, &last, FRAMES_MAX))
        return false;
    *start = first;
    *end = last;
    return true;
}

/* The magazine holds each frame of kind FRAME_RECENT once, and RECENTS is how many there are. */
static void check_magazine(size_t recents) {
    bool distinct = true;
    for (size_t i = 0; i < pm_recents; i++) {
        distinct &= (*frame_at(pm_recent[i]) & FRAME_KIND) == FRAME_RECENT;
        frame_set_kind(pm_recent[i], FRAME_PLAIN);
    }
    for (size_t i = 0; i < pm_recents; i++)
        frame_set_kind(pm_recent[i], FRAME_RECENT);
    ASSERT(distinct);
    ASSERT_OP(recents, ==, pm_recents);
}

/* The records of the frames of WORD against the bitmaps; counts them. Returns how many are in the magazine. */
static size_t check_word(size_t word, struct pm_counts *found) {
    size_t recents = 0;
    for (pfn_t pfn = word * 32; pfn < (word + 1) * 32; pfn++) {
        frame_t kind = pm_frames[pfn] & FRAME_KIND;
        bool is_available = bitmap_test(pm_available, pfn);
        ASSERT_OP(bitmap_test(ram, pfn), ==, (kind != FRAME_ABSENT));
        ASSERT(!is_available || kind == FRAME_PLAIN);
        found->total += kind != FRAME_ABSENT;
        found->free += is_available;
        found->reserved += kind == FRAME_RESERVED;
        recents += kind == FRAME_RECENT;
    }
    return recents;
}

/* Those of [START, END), whole words, and the summary. Most words have plain frames alone, any of which may be available. */
static size_t check_records(pfn_t start, pfn_t end, struct pm_counts *found) {
    size_t recents = 0;
    for (size_t word = start / 32; word < end / 32; word++) {
        if (ram[word] == ~0u && words_are(&pm_frames[word * 32], FRAME_PLAIN, 32)) {
            found->total += 32;
            found->free += bitmap_bits(pm_available[word]);
        } else {
            recents += check_word(word, found);
        }
        ASSERT_OP(bitmap_test(words.leaf, word), ==, (pm_available[word] != 0));
    }
    return recents;
}

/* None of [START, END), whole words, is memory, or available. */
static void check_absent(pfn_t start, pfn_t end) {
    size_t word = start / 32, n = (end - start) / 32;
    ASSERT(words_are(&ram[word], 0, n));
    ASSERT(words_are(&pm_available[word], 0, n));
    ASSERT(bitmap_all(words.leaf, word, word + n, false));
}

/* Every invariant; panics with the first one broken. */
void pm_check(void) {
    struct pm_counts found = {0};
    size_t recents = 0;
    for (pfn_t start = 0; start < FRAMES_MAX; start += FRAMES_PER_PAGE)
        if (pm_has_memory(start))
            recents += check_records(start, start + FRAMES_PER_PAGE, &found);
        else
            check_absent(start, start + FRAMES_PER_PAGE);
    check_magazine(recents);
    summary_check(&words);
    ASSERT_OP(found.total, ==, counts.total);
    ASSERT_OP(found.free, ==, counts.free);
    ASSERT_OP(found.reserved, ==, counts.reserved);
}
