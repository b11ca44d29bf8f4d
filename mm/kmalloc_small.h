/* The small tier's fast path, inline in kmalloc and kfree. kmalloc_small.c explains it. */
#ifndef QUIRE_KMALLOC_SMALL_H
#define QUIRE_KMALLOC_SMALL_H

#include "kheap.h"

#define PAGE_GRANULES (PAGE_SIZE / GRANULE)

/* What is known of a page of small objects. A granule's NEXT is the next free object's, or, for a live
 * object, the granule itself; it means nothing in a granule at which no object begins. */
struct slab {
    uint8_t next[PAGE_GRANULES];
    uint8_t head;       /* the first free object, while there is one */
    uint8_t class;      /* objects of (class + 1) * GRANULE bytes */
    int16_t free;       /* free objects */
    uint16_t prev_page; /* neighbours in the list that the page is in */
    uint16_t next_page;
};

_Static_assert(PAGE_GRANULES <= 256, "a granule fits in a byte");
_Static_assert(SMALL_PAGES * sizeof(struct slab) <= MEDIUM_TABLE - SMALL_TABLE, "the table fits");

/* The slab that a class takes objects from, and its page; an empty sentinel when it has none. */
struct current {
    struct slab *slab;
    char *page;
};

extern struct current small_current[SMALL_CLASSES];
extern size_t small_top; /* bytes of the zone whose slabs exist */

void small_changed(struct slab *slab);

static inline void *small_alloc(unsigned class)
{
    struct slab *slab = small_current[class].slab;
    if (unlikely(--slab->free < 0))
        return small_refill(class);
    unsigned granule = slab->head;
    slab->head = slab->next[granule];
    slab->next[granule] = (uint8_t)granule;
    return small_current[class].page + granule * GRANULE;
}

static inline bool small_is_live(const void *p)
{
    size_t offset = (uintptr_t)p - SMALL_START;
    const struct slab *slab = (const struct slab *)SMALL_TABLE + offset / PAGE_SIZE;
    unsigned granule = offset / GRANULE % PAGE_GRANULES;
    return offset < small_top && offset % GRANULE == 0 && slab->next[granule] == granule;
}

static inline int16_t small_capacity(const struct slab *slab)
{
    static const uint8_t capacity[SMALL_CLASSES] = {
        PAGE_GRANULES,     PAGE_GRANULES / 2, PAGE_GRANULES / 3, PAGE_GRANULES / 4,
        PAGE_GRANULES / 5, PAGE_GRANULES / 6, PAGE_GRANULES / 7, PAGE_GRANULES / 8,
    };
    return capacity[slab->class];
}

/* P lies in the small zone. */
static inline bool small_free_at(void *p)
{
    if (unlikely(!small_is_live(p)))
        return false;
    size_t offset = (uintptr_t)p - SMALL_START;
    struct slab *slab = (struct slab *)SMALL_TABLE + offset / PAGE_SIZE;
    unsigned granule = offset / GRANULE % PAGE_GRANULES;
    slab->next[granule] = slab->head;
    slab->head = (uint8_t)granule;
    slab->free++;
    if (unlikely(slab->free == 1 || slab->free == small_capacity(slab)))
        small_changed(slab);
    return true;
}

#endif
