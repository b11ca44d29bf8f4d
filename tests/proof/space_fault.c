/* space_fault, from any well-formed state, over an MMU whose TLB looks ahead.
 *
 * proved: at its first touch a page comes clear, in a frame that was free; at the first write to a shared one it gets a
 *     copy, or, as the last owner, the frame itself; whoever may write is the frame's one owner, so no space sees
 *     another's write; no other page and no other frame changes, no cached entry is stale, every owner is counted;
 *     anything else, and where no frame is free, is false, and nothing has changed
 * bounds: tables of 4 entries, 8 frames, pages of 4 words; the first and the last page of each table, and addresses that
 *     are no space's; any error code; frames may run out
 * assumed: tables and records agree before, no page leads to a free frame, and a space's page is no view; pm keeps its
 *     contract (pm_alloc, pm_owners); the processor sets no accessed bits
 * cases: 11
 * with: -iquotetests/proof/small -DENTRIES_PER_TABLE=4 -DFRAMES_MAX=8u -DSUMMARY_MAX=1 -DRECENT_MAX=4u
 *     -DFLUSH_ALL_FROM=3 --unwind 17 --unwindset store_words.0:5,copy_words.0:5 */
#include "space_state.h"

NO_PANIC

static unsigned error;

/* Whether the page may come, or become writable. */
static bool is_expected(pte_t entry) {
    bool allowed = entry & SPACE_PAGE && (entry & PTE_USER || !(error & FAULT_USER));
    bool is_write = error & FAULT_WRITE;
    return allowed && (entry & PTE_PRESENT ? is_write && entry & SPACE_COPY : !is_write || entry & PTE_WRITE);
}

/* The words of the page's frame: zero, or what they were. */
static bool is_content_right(pte_t was, pte_t is) {
    bool same = true;
    for (unsigned i = 0; i < ENTRIES; i++)
        same &= word(is, i) == (was & PTE_PRESENT ? before.memory[pa_to_pfn(was) % FRAMES_MAX][i] : 0);
    return same;
}

/* A frame has been handed out where the page has a new one; and no frame has lost its last owner. */
static bool are_frames_right(pte_t is) {
    bool right = true;
    for (pfn_t pfn = 0; pfn < FRAMES_MAX; pfn++) {
        bool was_owned = before.frames[pfn] & FRAME_PAGES && (before.frames[pfn] & FRAME_KIND) == FRAME_PLAIN;
        right &= is_free[pfn] == (before.is_free[pfn] && pa_to_pfn(is) != pfn);
        right &= !was_owned || pm_frames[pfn] & FRAME_PAGES;
    }
    return right;
}

static bool is_permitted_right(pte_t was, pte_t is) {
    unsigned same = VMEM_USER | SPACE_PAGE | (was & PTE_PRESENT ? 0 : VMEM_WRITE);
    return is & PTE_PRESENT && ((was ^ is) & same) == 0 && (!(was & PTE_PRESENT) || is & VMEM_WRITE);
}

static void prove_call(vpn_t vpn, void *va) {
    pte_t was = before.tables.pte[vpn];
    are_counted(vpn, vpn + 1);
    error = nondet_word();
    GIVEN(is_page_right(was));
    are_free_frames_unowned();
    bool mended = space_fault(va, error);
    look(&after);
    pte_t is = after.pte[vpn];
    REACH(!mended);
    REACH(mended && !(was & PTE_PRESENT));
    REACH(mended && was & PTE_PRESENT && pa_frame(is) == pa_frame(was));
    REACH(mended && was & PTE_PRESENT && pa_frame(is) != pa_frame(was));
    REACH(mended && tlb && cached_pde);
    PROVE(mended == (is_expected(was) && vpn < KHEAP_START / PAGE_SIZE &&
                     (any_was_free() || (was & PTE_PRESENT && is == ((was & ~SPACE_COPY) | PTE_WRITE)))));
    PROVE(is_cached_right());
    PROVE(mended || is_unchanged());
    if (mended) {
        PROVE(is_well_formed(&after) && are_owners_right(vpn, vpn + 1));
        PROVE(are_frames_unchanged() && are_other_pages_unchanged(vpn, vpn + 1));
        PROVE(is_page_right(is) && is_permitted_right(was, is));
        PROVE(is_content_right(was, is) && are_frames_right(is));
    }
}

_Static_assert(CASES == PAGE_CASES, "each case is run");

int main(void) { prove_page_case(CASE); }
