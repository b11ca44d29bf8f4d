/* Inside the heap: three tiers, each with a zone of addresses of its own, so that a pointer's tier is one
 * comparison. The public side is kmalloc.h.
 *
 *   0xC0000000  small    up to 256 bytes: objects of one size in a page (kmalloc_small.c)
 *   0xC8000000  medium   up to 8 KiB: blocks cut from arenas, merged when freed (kmalloc_medium.c)
 *   0xD0000000  large    whole pages, with room to grow (kmalloc_large.c)
 *   0xEF000000  what the small and the medium tier know of their pages
 *
 * A page that holds nothing is SPARE. At most SPARE_POOL of them stay mapped, whatever tier they belong to,
 * besides the one page that each small class is taking objects from. */
#ifndef QUIRE_KHEAP_H
#define QUIRE_KHEAP_H

#include "kmalloc.h"
#include "memlayout.h"

#define SMALL_START KHEAP_START
#define SMALL_PAGES 32768u
#define MEDIUM_START (SMALL_START + SMALL_PAGES * PAGE_SIZE)
#define MEDIUM_BYTES 0x08000000u
#define LARGE_START (MEDIUM_START + MEDIUM_BYTES)
#define LARGE_BYTES 0x1F000000u
#define SMALL_TABLE (LARGE_START + LARGE_BYTES)
#define MEDIUM_TABLE (SMALL_TABLE + 0x00800000u)

_Static_assert(MEDIUM_TABLE + 0x00800000u == KHEAP_END, "the zones fill the heap's range");

#define GRANULE 32u /* small objects begin at, and are, multiples of this */
#define SMALL_CLASSES 8
#define SMALL_MAX (SMALL_CLASSES * GRANULE)
#define MEDIUM_MAX 8192u

/* Pages of the provider, counted. */
int heap_get(void *va, size_t pages);
void heap_give(void *va, size_t pages);

/* The spare pages of all tiers. spare_keep takes as many of PAGES more as the pool has room for. */
#define SPARE_POOL (KMALLOC_SPARE - SMALL_CLASSES)
extern size_t spare_pages;

static inline size_t spare_keep(size_t pages)
{
    size_t room = SPARE_POOL - spare_pages;
    size_t kept = pages < room ? pages : room;
    spare_pages += kept;
    return kept;
}

/* Each tier: ALLOC returns NULL when memory has run out; SIZE is 0 for what is no live object's start; FREE
 * returns false, and changes nothing, for that; WHY says what such an address is; RESIZE does it in place,
 * or returns false. */
void small_init(void);
void *small_refill(unsigned class);
size_t small_size(const void *p);
bool small_free(void *p);
const char *small_why(const void *p);
void small_trim(void);
void small_stats(unsigned class, struct kmalloc_stats *out);
size_t small_check(void); /* each check returns the spare pages that it found */

void medium_init(void);
void *medium_alloc(size_t size);
size_t medium_size(const void *p);
bool medium_free(void *p);
const char *medium_why(const void *p);
void medium_trim(void);
void medium_stats(struct kmalloc_stats *out);
size_t medium_check(void);

void large_init(void);
void *large_alloc(size_t size, size_t align);
size_t large_size(const void *p);
bool large_free(void *p);
bool large_resize(void *p, size_t size);
const char *large_why(const void *p);
void large_trim(void);
void large_stats(struct kmalloc_stats *out);
size_t large_check(void);

#endif
