/* Inside the heap: two tiers of object sizes, each in a zone of addresses of its own, so that an address
 * tells its tier. The public side is kmalloc.h.
 *
 *   0xC0000000  small    up to 2 KiB: objects of one size in a page (kmalloc_small.c)
 *   0xC8000000  large    whole pages, with room to grow (kmalloc_large.c)
 *   0xE8000000  the small objects' table; the large ones' is in .bss
 *
 * A page that holds nothing is SPARE. At most SPARE_POOL of them stay mapped, whatever their tier, besides
 * one page for each of the smallest classes. */
#ifndef QUIRE_KHEAP_H
#define QUIRE_KHEAP_H

#include "bitmap.h"
#include "kmalloc.h"
#include "list.h"
#include "memlayout.h"

#define SMALL_START KHEAP_START
#define LARGE_START 0xC8000000u
#define SMALL_TABLE 0xE8000000u

#define SMALL_MAX 2048u
#define GRANULE 32u /* small objects begin at, and are, multiples of this */
#define PAGE_GRANULES (PAGE_SIZE / GRANULE)
#define SMALL_CLASSES 20
#define KEEPING_CLASSES 8 /* the smallest keep their current page even when it is empty */
#define SPARE_POOL (KMALLOC_SPARE - KEEPING_CLASSES)

/* Pages of the provider, counted. */
int heap_get(void *va, size_t pages);
void heap_give(void *va, size_t pages);

/* The spare pages of all tiers. spare_keep takes as many of PAGES more as the pool has room for. */
extern size_t spare_pages;
size_t spare_keep(size_t pages);

/* What is known of a page of small objects. A granule's NEXT is the next free object's granule, or, where a
 * live object begins, the granule itself; it has no meaning where no object begins. */
struct slab {
    struct list list;
    char *page;
    uint8_t next[PAGE_GRANULES];
    uint8_t head;           /* the first free object, while there is one */
    uint8_t sc;             /* its size class */
    int16_t free, capacity; /* objects */
};

/* The slab that each class takes objects from; one in which nothing is free, when it has none. */
extern struct slab *small_current[SMALL_CLASSES];
extern const uint8_t small_class_of[SMALL_MAX / GRANULE]; /* by (size - 1) / GRANULE */
extern size_t small_top;                                  /* bytes of the zone whose slabs exist */

size_t small_size(unsigned sc); /* an object's bytes */

static inline struct slab *slab_of(const void *p) {
    return (struct slab *)SMALL_TABLE + ((uintptr_t)p - SMALL_START) / PAGE_SIZE;
}

/* P may be any address. */
static inline bool small_is_live(const void *p) {
    size_t offset = (uintptr_t)p - SMALL_START, granule = offset / GRANULE % PAGE_GRANULES;
    return offset < small_top && offset % GRANULE == 0 && slab_of(p)->next[granule] == granule;
}

/* Each tier: ALLOC returns NULL when memory has run out; FREE takes a live object's address; SIZE takes any
 * address of the zone, and is 0 where no live object begins; CHECK returns the spare pages it has found. */
void small_init(void);
void *small_refill(unsigned sc);
void small_changed(struct slab *slab);
void small_trim(void);
void small_stats(unsigned sc, struct kmalloc_stats *out);
size_t small_check(void);

static inline void *small_alloc(unsigned sc) {
    struct slab *slab = small_current[sc];
    if (unlikely(--slab->free < 0))
        return small_refill(sc);
    unsigned granule = slab->head;
    slab->head = slab->next[granule];
    slab->next[granule] = (uint8_t)granule;
    return slab->page + granule * GRANULE;
}

static inline void small_free(void *p) {
    struct slab *slab = slab_of(p);
    size_t granule = (uintptr_t)p / GRANULE % PAGE_GRANULES;
    slab->next[granule] = slab->head;
    slab->head = (uint8_t)granule;
    slab->free++;
    if (unlikely(slab->free == 1 || slab->free == slab->capacity))
        small_changed(slab);
}

void large_init(void);
void *large_alloc(size_t size, size_t align);
size_t large_size(const void *p);
void large_free(void *p);
bool large_resize(void *p, size_t size); /* in place, or false */
void large_trim(void);
void large_stats(struct kmalloc_stats *out);
size_t large_check(void);

#endif
