/* A space's pages in any well-formed state, over vmem_state.h. */
#ifndef QUIRE_PROOF_SPACE_STATE_H
#define QUIRE_PROOF_SPACE_STATE_H

#include "vmem_state.h"

#include "../../mm/space.c"

/* Of a page's words the model has as many as a table has entries. */
void copy_words(void **to, const void **from, size_t words) {
    PROVE(words == PAGE_SIZE / sizeof(unsigned));
    for (size_t i = 0; i < ENTRIES; i++)
        write_entry((unsigned *)*to + i, read_entry((const unsigned *)*from + i));
}

/* A space's page is no view. One that has come has a frame that is handed out, or memory that pm never hands out; it may
 * be written only while it is the frame's one owner. */
static bool is_page_right(pte_t entry) {
    if (!(entry & SPACE_PAGE) || (entry & (PTE_PRESENT | VMEM_VIEW)) == 0)
        return true;
    pfn_t pfn = pa_to_pfn(entry) % FRAMES_MAX;
    frame_t kind = pm_frames[pfn] & ~FRAME_PAGES;
    bool is_plain = kind == FRAME_PLAIN && !is_free[pfn];
    return is_counted(entry) && (is_plain || kind <= FRAME_RESERVED) && (!(entry & PTE_WRITE) || is_sole(entry));
}

#endif
