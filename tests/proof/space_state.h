/* A space's pages in any well-formed state, over vmem_state.h. */
#ifndef QUIRE_PROOF_SPACE_STATE_H
#define QUIRE_PROOF_SPACE_STATE_H

#include "vmem_state.h"

#include "../../mm/space.c"

/* Of a page's words the model has as many as a table has entries. */
void copy_words(void **to, const void **from, size_t words) {
    PROVE(words <= ENTRIES || words == PAGE_SIZE / sizeof(unsigned));
    for (size_t i = 0; i < ENTRIES && i < words; i++)
        write_entry((unsigned *)*to + i, read_entry((const unsigned *)*from + i));
}

/* How many of the entries from AT on, in a space's table, are zero: those of the pages that IS_ZERO, for the others have
 * one. AT is of such a page: else this is not called. */
static size_t zero_entries_at(uintptr_t at) {
    vpn_t vpn = ENTRIES + at / sizeof(pte_t) % ENTRIES, n = 0;
    PROVE(is_zero[vpn]);
    GIVEN(is_zero[vpn]);
    for (; n < ENTRIES - vpn % ENTRIES && is_zero[vpn + n]; n++)
        PROVE(read_entry((const pte_t *)at + n) == 0);
    return n;
}

/* How many words from AT on are zero, of WORDS at most: of a table's all that come, of a directory's fewer. */
size_t zero_words(const void *at, size_t words) {
    size_t n = 0;
    if (words > ENTRIES)
        return zero_entries_at((uintptr_t)at);
    while (n < words && read_entry((const pde_t *)at + n) == 0)
        n++;
    return n;
}

/* What is in the magazine can be searched for from now on. */
void pm_make_room(size_t n) {
    PROVE(n <= RECENT_MAX);
    for (size_t i = 0; i < RECENT_MAX && i < pm_recents; i++) {
        pfn_t pfn = pa_to_pfn(pm_recent[i]);
        PROVE(pfn > 0 && pfn < FRAMES_MAX && !is_free[pfn] && pm_frames[pfn] == FRAME_RECENT);
        is_free[pfn] = true;
    }
    pm_recents = 0;
}

/* A space's page is no view. One that has come has a frame that is handed out, or memory that pm never hands out; it may
 * be written only while it is the frame's one owner, and is not to be copied then. */
static bool is_page_right(pte_t entry) {
    if (!(entry & SPACE_PAGE))
        return true;
    if (entry & PTE_WRITE && entry & SPACE_COPY)
        return false;
    if ((entry & (PTE_PRESENT | VMEM_VIEW)) == 0)
        return true;
    pfn_t pfn = pa_to_pfn(entry) % FRAMES_MAX;
    frame_t kind = pm_frames[pfn] & ~FRAME_PAGES;
    bool is_plain = kind == FRAME_PLAIN && !is_free[pfn];
    return is_counted(entry) && (is_plain || kind <= FRAME_RESERVED) && (!(entry & PTE_WRITE) || is_sole(entry));
}

#define USER_VPN ENTRIES
#define USER_END (USER_TABLES * ENTRIES)

/* Whether there is a page, and so a table. */
static bool are_any(const bool there[ENTRIES]) {
    bool any = false;
    for (unsigned i = 0; i < ENTRIES; i++)
        any |= there[i];
    return any;
}

/* The user part has the pages that are THERE, each the space's own and counted. */
static void any_user_pages(const bool there[ENTRIES]) {
    for (unsigned i = 0; i < ENTRIES; i++)
        is_zero[USER_VPN + i] = !there[i];
    any_state(USER_VPN / ENTRIES, are_any(there));
    for (vpn_t vpn = USER_VPN; vpn < USER_END; vpn++) {
        pte_t entry = before.tables.pte[vpn];
        GIVEN(is_zero[vpn] || (entry & SPACE_PAGE && is_page_right(entry)));
    }
    for (pfn_t pfn = 0; pfn < FRAMES_MAX; pfn++)
        GIVEN((pm_frames[pfn] & FRAME_PAGES) >= pages_of(&before.tables, USER_VPN, USER_END, pfn));
}

/* What is free leads nowhere: it has no owner. */
static void are_free_frames_unowned(void) {
    for (pfn_t pfn = 0; pfn < FRAMES_MAX; pfn++)
        GIVEN(!is_free[pfn] || !(pm_frames[pfn] & FRAME_PAGES));
}

#endif
