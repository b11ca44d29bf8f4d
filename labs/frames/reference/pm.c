/* Lab frames, a plain solution: frames one by one, and in runs. */
#include "pm.h"

/* ---- bitmap ---- */

static paddr_t find_frame(void) {
    size_t word = summary_first(&words);
    if (word == SUMMARY_NONE)
        return PADDR_NONE;
    pfn_t pfn = (pfn_t)(word * 32 + (size_t)__builtin_ctz(pm_available[word]));
    summary_clear_bits(&words, pm_available, pfn, pfn + 1);
    counts.free--;
    return pfn_to_pa(pfn);
}

paddr_t pm_alloc_page(void) {
    ASSERT(!in_interrupt());
    if (pm_recents > 0)
        return pop();
    return find_frame();
}

/* ---- frees ---- */

static const char *what_is(paddr_t pa) {
    switch (pm_state(pa)) {
    case PM_ABSENT:
        return "no memory";
    case PM_RESERVED:
        return "reserved";
    case PM_FREE:
        return "free already";
    case PM_TABLE:
        return "a page table";
    case PM_DIRECTORY:
        return "a page directory";
    default:
        return "still mapped";
    }
}

/* Panics unless the frame at PA is handed out, and nothing leads to it any more. */
static void check_free(paddr_t pa) {
    ASSERT(!in_interrupt());
    if (pa % PAGE_SIZE != 0)
        PANIC("pm: cannot free frame 0x%08x: it is not page-aligned", pa);
    if (pm_state(pa) != PM_USED || *frame_at(pa) != FRAME_PLAIN)
        PANIC("pm: cannot free frame 0x%08x: it is %s", pa, what_is(pa));
}

void pm_free_page(paddr_t pa) {
    check_free(pa);
    pm_make_room(1);
    *frame_at(pa) = FRAME_RECENT;
    pm_recent[pm_recents++] = pa;
}

/* ---- runs ---- */

paddr_t pm_alloc_pages(size_t n) {
    ASSERT(!in_interrupt());
    if (n == 0 || n > pm_count().free)
        return PADDR_NONE;
    pm_make_room(RECENT_MAX); /* the search does not see the magazine */
    pfn_t start = (pfn_t)bitmap_find_run(pm_available, &words, n, 0, FRAMES_MAX);
    if (start == FRAMES_MAX)
        return PADDR_NONE;
    summary_clear_bits(&words, pm_available, start, start + n);
    counts.free -= n;
    return pfn_to_pa(start);
}

void pm_free_pages(paddr_t pa, size_t n) {
    pfn_t start = pa_to_pfn(pa);
    ASSERT(!in_interrupt());
    if (n == 0)
        return;
    if (n > FRAMES_MAX - start)
        PANIC("pm: cannot free %zu frames at 0x%08x: they pass the end of memory", n, pa);
    for (size_t i = 0; i < n; i++)
        check_free(pa + (paddr_t)(i * PAGE_SIZE));
    summary_set_bits(&words, pm_available, start, start + n);
    counts.free += n;
}
