/* A simulated i386 MMU, for mm/vmem.c unchanged: physical memory, CR3, and caches that behave as badly as the
 * Intel SDM, vol. 3, 4.10, allows.
 *
 * Whatever can be cached is cached at once, and stays until INVLPG or a load of CR3 drops it: every
 * translation that the tables in memory ever gave (TLB), and every directory entry that was ever present
 * (paging-structure cache), with all translations that the tables they lead to ever gave. An access by an
 * address for which the caches hold anything but what the tables now say fails the test at once; so does a
 * page fault, a write to a read-only page, and an access beyond memory. The accessed and dirty bits are set
 * as early as a processor may. There may be several directories; what the caches learn comes from the one that is
 * loaded, and a load of CR3 drops it. */
#ifndef QUIRE_HOST_MMU_H
#define QUIRE_HOST_MMU_H

#include "types.h"

#ifndef MMU_FRAMES
#define MMU_FRAMES 16384u /* 64 MiB */
#endif

/* All words garbage that looks like present entries, paging off, caches empty. */
void mmu_reset(void);

bool mmu_paging(void);

/* A word of physical memory, as a device sees it. */
unsigned mmu_word(paddr_t pa);
void mmu_set_word(paddr_t pa, unsigned value);

/* The place of the frame at PA in this process; all of memory lies in one piece, and may be mapped over. */
void *mmu_frame(paddr_t pa);

/* Sets a word as if it had been so since the caches were last dropped: damage, for vmem_check to see. */
void mmu_poke(paddr_t pa, unsigned value);

/* Fills a frame with garbage: somebody else uses it now. */
void mmu_scribble(paddr_t frame);

/* An access by an instruction, through the caches. */
unsigned mmu_load(const void *va);
void mmu_store(void *va, unsigned value);

/* An access that may fault: false, and nothing is done, where the page is absent, or read-only for a store. */
bool mmu_try_load(const void *va, unsigned *word);
bool mmu_try_store(void *va, unsigned value);

/* Unless 0: a directory that is loaded must have PD[0], and the entries from this one on but the last, as the current
 * one has them. Stale ones would lead into frames of somebody else. */
extern unsigned mmu_shared_from;

/* What the tables in memory say of VA's page, the caches aside: the frame and the flags, PTE_WRITE and
 * PTE_USER where both levels have them; 0 where it is not mapped. */
unsigned mmu_lookup(const void *va);

/* The same of all 2^20 pages. */
void mmu_lookup_all(unsigned *pages);

/* Does a cached translation or directory entry lead to FRAME? Those of table 0 (the identity map) aside. */
bool mmu_cached(paddr_t frame);

/* Does a present entry of any table lead to FRAME? The identity map aside. */
bool mmu_linked(paddr_t frame);

/* Fails the test when the caches hold anything that the tables do not say. */
void mmu_check_caches(void);

/* What happened, in order. */
enum mmu_event_kind { MMU_WRITE, MMU_FLUSH, MMU_SET_DIRECTORY, MMU_ENABLE, MMU_ALLOC, MMU_FREE };

struct mmu_event {
    enum mmu_event_kind kind;
    unsigned where; /* physical address written, virtual address flushed, directory, or frame */
    unsigned value; /* written */
};

#define MMU_EVENTS 65536
extern struct mmu_event mmu_events[MMU_EVENTS];
extern size_t mmu_event_count; /* stays at MMU_EVENTS when there are more */

void mmu_event(enum mmu_event_kind kind, unsigned where, unsigned value);

/* Called before each event, when it is not NULL. */
extern void (*mmu_before_event)(void);

#endif
