/* Inside mm/: a record of every frame below 4 GiB, and the magazine of frames that were freed last.
 *
 * A record is one word. Its kind stands on top, two counts below:
 *
 *      31   29  28           18  17                    0
 *     |  kind  |    entries    |         pages          |
 *
 * ENTRIES is a page table's: how many of its entries are not zero. Table 0 and the table of the records
 * themselves never change and are not counted: their ENTRIES is 0, which refuses them to whoever edits.
 * PAGES is how many pages are mapped to the frame, views (VMEM_VIEW) and table 0 (the identity map) left out. It is kept
 * for whatever the frame is, so it stays exact while the frame changes its kind. It has room for 262,143; what could
 * reach that is refused (frame_share), but by vmem_map, for which one frame would have to fill 256 tables.
 *
 * The records lie at FRAMES_START. vmem_init maps a frame of their own for each 4 MiB that have memory, and
 * one frame of absent records for all the rest. So a record can be read for any physical address; PAGES of an
 * absent frame is a sum over many frames, and means nothing. Before vmem_init there are no records. */
#ifndef QUIRE_MM_FRAMES_H
#define QUIRE_MM_FRAMES_H

#include "pm.h"

typedef uint32_t frame_t;

#define FRAME_PAGE 1u           /* one page */
#define FRAME_ENTRY (1u << 18)  /* one entry */
#define FRAME_PAGES 0x0003FFFFu /* the bits of PAGES */
#define FRAME_KIND 0xE0000000u  /* the bits of the kind */

/* Kinds. FRAME_PLAIN is a frame that pm has handed out, or that its bitmap calls available. Tables come last:
 * a record of at least FRAME_TABLE + n * FRAME_ENTRY is a table with at least n entries. */
#define FRAME_ABSENT 0u
#define FRAME_RESERVED (1u << 29)
#define FRAME_PLAIN (2u << 29)
#define FRAME_RECENT (3u << 29) /* in the magazine */
#define FRAME_DIRECTORY (4u << 29)
#define FRAME_TABLE (5u << 29)

#define FRAMES_PER_PAGE (PAGE_SIZE / sizeof(frame_t)) /* records in a page: those of 4 MiB */

extern frame_t pm_frames[FRAMES_MAX]; /* at FRAMES_START: linker.ld */

extern memmap_frames pm_available; /* free, and not in the magazine */

/* The record of the frame at PA, any address in it. */
static inline frame_t *frame_at(paddr_t pa) { return &pm_frames[pa_to_pfn(pa)]; }

/* Whether the frame at PA is handed out, and its record is RECORD: FRAME_PLAIN, and so many pages. */
static inline bool frame_is(paddr_t pa, frame_t record) {
    return *frame_at(pa) == record && !bitmap_test(pm_available, pa_to_pfn(pa));
}

static inline void frame_set_kind(paddr_t pa, frame_t kind) {
    *frame_at(pa) = kind | (*frame_at(pa) & FRAME_PAGES);
}

/* Whether there is memory in the 4 MiB that PFN lies in; so they have records of their own. */
bool pm_has_memory(pfn_t pfn);

/* For vmem_init: fills the array, once it is mapped. What has been handed out by then is called reserved, until vmem_init
 * says what it is. */
void pm_record_frames(void);

/* One page more is mapped to the frame at PA; false where its record has no room. */
static inline bool frame_share(paddr_t pa) {
    frame_t *frame = frame_at(pa);
    *frame += FRAME_PAGE;
    if (likely(*frame & FRAME_PAGES))
        return true;
    *frame -= FRAME_PAGE;
    return false;
}

/* ---- the magazine: a stack of free frames ---- */

#ifndef RECENT_MAX /* a proof has fewer */
#define RECENT_MAX 1024u
#endif

extern paddr_t pm_recent[RECENT_MAX];
extern size_t pm_recents;

/* Sees to it that the magazine has N frames, at most RECENT_MAX, where so many are free; or room for N more. Whoever
 * then takes frames from its end turns FRAME_RECENT into FRAME_PLAIN, and whoever puts frames there does the reverse;
 * pm_recents changes once no page leads to them any more. */
void pm_load(size_t n);
void pm_make_room(size_t n);

/* Takes back a frame that was handed out, whatever its record says it is; that is pm's to change, too. */
void pm_take_back(paddr_t pa);

#endif
