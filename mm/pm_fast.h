/* Inside pm: RECENT, the stack of frames freed last, for pm itself and for vmem's loops over many pages,
 * which have no time for a call. pm.c explains the design.
 *
 * Many frames go in or out at once by a top of one's own: what is taken or put counts when it becomes pm's. */
#ifndef QUIRE_PM_FAST_H
#define QUIRE_PM_FAST_H

#include "pm.h"

_Static_assert(FRAMES_MAX / 32 == SUMMARY_MAX, "the summary has a bit for each word of frames");

#define RECENT_MAX 1024u

extern memmap_frames pm_used; /* handed out: a bit for each frame */
extern paddr_t pm_spare;      /* the frame freed last of all, whose bit is still set; or PADDR_NONE */
extern struct recent {
    paddr_t pa;          /* or the page-table entry that led there */
    uint32_t bit;        /* the frame's in its word */
} pm_recent[RECENT_MAX]; /* grows downwards */
extern size_t pm_top;    /* the stack's, and how many entries are empty */

static inline size_t pm_word(paddr_t pa) { return pa >> (PAGE_SHIFT + 5); }
static inline uint32_t pm_bit(paddr_t pa) { return 1u << (pa_to_pfn(pa) % 32); }

/* Whether N frames, at most RECENT_MAX, are on the stack: it gets what it lacks, if as many are free. */
bool pm_fetch(size_t n);
static inline bool pm_has(size_t n) { return likely(n <= RECENT_MAX - pm_top) || pm_fetch(n); }

/* The frame at *TOP, where there is one. */
static inline paddr_t pm_take(size_t *top) {
    struct recent recent = pm_recent[(*top)++];
    pm_used[pm_word(recent.pa)] |= recent.bit;
    return recent.pa & ~(paddr_t)PAGE_MASK;
}

/* The stack's top, with room for N frames more, at most RECENT_MAX; and there is no spare frame. */
size_t pm_make_room(size_t n);
static inline size_t pm_top_with_room(size_t n) {
    return likely(n <= pm_top) && likely(pm_spare == PADDR_NONE) ? pm_top : pm_make_room(n);
}

/* Puts the frame PA on *TOP, where there is room; false, and nothing done, if it is not handed out. The low
 * 12 bits of PA may be anything, and are kept in PM_RECENT[*TOP]. */
static inline bool pm_put(size_t *top, paddr_t pa) {
    uint32_t bit = pm_bit(pa), *word = &pm_used[pm_word(pa)];
    if (unlikely(!(*word & bit)))
        return false;
    *word ^= bit;
    pm_recent[--*top] = (struct recent){pa, bit};
    return true;
}

/* TOP becomes the stack's. */
static inline void pm_set_top(size_t top) { pm_top = top; }

#endif
