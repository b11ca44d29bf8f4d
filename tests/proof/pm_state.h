/* pm in any well-formed state, over the bitmap.c that the proof includes. One frame is watched, any of them: what is
 * proved of it is proved of all. */
#ifndef QUIRE_PROOF_PM_STATE_H
#define QUIRE_PROOF_PM_STATE_H

#include "../../mm/pm.c"
#include "proof.h"

frame_t pm_frames[FRAMES_MAX];

/* ---- what well-formed means ---- */

static bool is_available(pfn_t pfn) { return bitmap_test(pm_available, pfn); }
static frame_t kind_of(pfn_t pfn) { return pm_frames[pfn] & FRAME_KIND; }

static bool is_in_magazine(pfn_t pfn) {
    bool found = false;
    for (size_t i = 0; i < RECENT_MAX; i++)
        found |= i < pm_recents && pm_recent[i] == pfn_to_pa(pfn);
    return found;
}

/* A frame is free in one place at most, and its record knows; only tables have entries. Frame 0 is never handed out. */
static bool is_frame_right(pfn_t pfn) {
    bool right = kind_of(pfn) <= (pfn ? FRAME_TABLE : FRAME_RESERVED);
    right &= kind_of(pfn) == FRAME_TABLE || !(pm_frames[pfn] & ~(FRAME_KIND | FRAME_PAGES));
    right &= !is_available(pfn) || kind_of(pfn) == FRAME_PLAIN;
    right &= (kind_of(pfn) == FRAME_RECENT) == is_in_magazine(pfn);
    return right;
}

/* The magazine holds frames, each once. */
static bool is_magazine_right(void) {
    bool right = pm_recents <= RECENT_MAX;
    for (size_t i = 0; i < RECENT_MAX; i++) {
        paddr_t pa = pm_recent[i];
        right &= i >= pm_recents || (pa_offset(pa) == 0 && pa != PADDR_NONE && pa_to_pfn(pa) < FRAMES_MAX);
        for (size_t j = 0; j < i; j++)
            right &= i >= pm_recents || pm_recent[j] != pa;
    }
    return right;
}

/* The summary has the words of AVAILABLE that are not zero; both levels above it agree. */
static bool is_summary_right(void) {
    uint32_t leaf = 0;
    for (size_t word = 0; word < FRAMES_MAX / 32; word++)
        leaf |= (pm_available[word] != 0) << word;
    return words.leaf[0] == leaf && words.middle[0] == (leaf != 0) && words.top == (leaf != 0);
}

static size_t available_frames(void) {
    size_t n = 0;
    for (size_t word = 0; word < FRAMES_MAX / 32; word++)
        n += bitmap_bits(pm_available[word]);
    return n;
}

static bool is_well_formed(void) {
    bool right = is_magazine_right() && is_summary_right() && next_run <= FRAMES_MAX;
    right &= counts.free == available_frames();
    for (pfn_t pfn = 0; pfn < FRAMES_MAX; pfn++)
        right &= is_frame_right(pfn);
    return right;
}

/* ---- the state before the call, and after it ---- */

static struct {
    frame_t frames[FRAMES_MAX];
    memmap_frames available;
    paddr_t recent[RECENT_MAX];
    size_t recents;
    struct pm_counts counts;
    struct summary words;
    pfn_t next_run;
} before;

static bool was_available(pfn_t pfn) { return bitmap_test(before.available, pfn); }
static bool was_free(pfn_t pfn) {
    return was_available(pfn) || (before.frames[pfn] & FRAME_KIND) == FRAME_RECENT;
}
static bool was_handed_out(pfn_t pfn) {
    return !was_available(pfn) && (before.frames[pfn] & FRAME_KIND) == FRAME_PLAIN;
}
static size_t free_before(void) { return before.counts.free + before.recents; }

/* Frames that may be memory: all, but where a proof says otherwise. */
#ifndef IS_MEMORY
#define IS_MEMORY(pfn) true
#endif

static void any_state(void) {
    HAVOC(pm_available);
    HAVOC(words);
    HAVOC(counts);
    HAVOC(pm_recent);
    HAVOC(pm_frames);
    for (pfn_t pfn = 0; pfn < FRAMES_MAX; pfn++)
        if (!IS_MEMORY(pfn)) {
            pm_frames[pfn] = FRAME_ABSENT;
            pm_available[pfn / 32] &= ~(1u << pfn % 32);
        }
    next_run = nondet_word();
    pm_recents = nondet_word();
    GIVEN(is_well_formed());
    for (pfn_t pfn = 0; pfn < FRAMES_MAX; pfn++)
        before.frames[pfn] = pm_frames[pfn];
    for (size_t word = 0; word < FRAMES_MAX / 32; word++)
        before.available[word] = pm_available[word];
    for (size_t i = 0; i < RECENT_MAX; i++)
        before.recent[i] = pm_recent[i];
    before.recents = pm_recents;
    before.counts = counts;
    before.words = words;
    before.next_run = next_run;
}

/* No frame but the N from START on has changed: neither its record nor whether it is free. (One that leaves the magazine
 * for AVAILABLE, or the reverse, stays free.) */
static bool are_others_unchanged(pfn_t start, size_t n) {
    bool same = true;
    for (pfn_t pfn = 0; pfn < FRAMES_MAX; pfn++) {
        bool is_same = pm_frames[pfn] == before.frames[pfn] && is_available(pfn) == was_available(pfn);
        bool moved = was_free(pfn) && pm_state(pfn_to_pa(pfn)) == PM_FREE &&
                     (pm_frames[pfn] & FRAME_PAGES) == (before.frames[pfn] & FRAME_PAGES);
        same &= (start <= pfn && pfn < start + n) || is_same || moved;
    }
    return same;
}

static bool is_unchanged(void) {
    bool same = true;
    for (pfn_t pfn = 0; pfn < FRAMES_MAX; pfn++)
        same &= pm_frames[pfn] == before.frames[pfn];
    for (size_t word = 0; word < FRAMES_MAX / 32; word++)
        same &= pm_available[word] == before.available[word];
    for (size_t i = 0; i < RECENT_MAX; i++)
        same &= pm_recent[i] == before.recent[i];
    return same && pm_recents == before.recents && next_run == before.next_run &&
           words.leaf[0] == before.words.leaf[0] && words.middle[0] == before.words.middle[0] &&
           words.top == before.words.top && counts.free == before.counts.free;
}

/* All is well-formed, MORE frames are free, and none but the N from START on has changed. */
static void check_state(pfn_t start, size_t n, size_t more) {
    PROVE(is_well_formed());
    PROVE(are_others_unchanged(start, n));
    PROVE(pm_count().free == free_before() + more);
    PROVE(counts.total == before.counts.total && counts.reserved == before.counts.reserved);
}

#endif
