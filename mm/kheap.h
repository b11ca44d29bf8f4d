/* Inside the heap: two tiers of object sizes, each in a zone of addresses of its own, so that an address
 * tells its tier. The public side is kmalloc.h; what counts and checks all this is kernel/heap_check.c.
 *
 *   0xC0000000  small    up to a page: objects of one size in a page (kmalloc_small.c)
 *   0xC8000000  large    more than a page, with room to grow (kmalloc_large.c)
 *   0xEF800000  the small objects' table; the large ones' is in .bss
 *
 * A page that holds nothing is SPARE. At most SPARE_POOL of them stay mapped, whatever their tier; the pages
 * that the smallest classes keep count among them. The table may have one page more. */
#ifndef QUIRE_KHEAP_H
#define QUIRE_KHEAP_H

#include "bitmap.h"
#include "kmalloc.h"
#include "list.h"
#include "memlayout.h"
#include "panic.h"

#define SMALL_START KHEAP_START
#define LARGE_START 0xC8000000u
#define SMALL_TABLE 0xEF800000u

#define SMALL_MAX PAGE_SIZE
#define NARROW_SHIFT 14 /* of a slot of large objects of up to NARROW_PAGES pages */
#define NARROW_PAGES 2u
#define WIDE_SHIFT 16 /* and of larger ones, of up to WIDE_PAGES */
#define WIDE_PAGES 16u
#define WIDE_START 0xD0000000u
#define NARROW_SLOTS ((WIDE_START - LARGE_START) >> NARROW_SHIFT)
#define WIDE_SLOTS ((SMALL_TABLE - WIDE_START) >> WIDE_SHIFT)
#define GRANULE 32u /* small objects begin at, and are, multiples of this */
#define PAGE_GRANULES (PAGE_SIZE / GRANULE)
#define SMALL_CLASSES 21
#define SINGLE_STEPS 12                /* class I of these is of I + 1 granules */
#define KEEPING_CLASSES 8              /* the smallest keep their current page even when it is empty */
#define SPARE_POOL (KMALLOC_SPARE - 1) /* the table of small objects may have one page more */

/* Pages of the provider, counted. In an interrupt handler, vmem panics. A large object is then as it was; a
 * small one's page is half changed, which only a caught panic shows. */
extern struct page_provider page_provider;
extern size_t held_pages, peak_pages;

static inline int heap_get(void *va, size_t pages) {
    if (unlikely(page_provider.get(va, pages) < 0))
        return -1;
    held_pages += pages;
    if (held_pages > peak_pages)
        peak_pages = held_pages;
    return 0;
}

static inline void heap_give(void *va, size_t pages) {
    if (unlikely(page_provider.give(va, pages) < 0))
        PANIC("kmalloc: the provider does not take back %zu pages at %p", pages, va);
    held_pages -= pages;
}

/* The spare pages of all tiers. */
extern size_t spare_pages;

/* What a tier returns when it can do nothing for an object: perhaps it can be had once pages are given back,
 * or elsewhere. */
void *alloc_again(size_t size, size_t align);

/* Panics, and says what P is instead of a live object's start. */
void bad_kfree(const char *p);

/* What is known of a page of small objects. A granule's NEXT is the next free object's granule, or NO_GRANULE
 * at the end, or, where a live object begins, the granule itself; it has no meaning where none begins. MORE
 * counts the live objects but the first, biased so that a free which has more to do leaves it negative. */
struct slab {
    struct list list;
    char *page;
    uint32_t head; /* the first free object's granule, or NO_GRANULE */
    int32_t more;
    uint32_t sc; /* its size class */
    uint8_t next[PAGE_GRANULES];
} __attribute__((aligned(32))); /* so that it is found with fewer instructions */
#define NO_GRANULE 0xFFu
#define BIAS_KEPT 0x10000    /* of a page that is kept even when empty: no free does more */
#define BIAS_FULL (-0x10000) /* of a full page, which is in no list: the first free does more */

extern size_t small_top; /* granules of the zone whose slabs exist */

/* Of each class: the granules of an object; the slab of the current page, or one with nothing free where
 * there is none; and those with a free object that are not current. */
extern const uint8_t small_step[SMALL_CLASSES];
extern struct slab *small_current[SMALL_CLASSES];
extern struct list small_partial[SMALL_CLASSES];

extern struct summary small_unused, small_in_use; /* pages: each is in one of the two */
extern struct list small_spare;                   /* slabs of pages that hold nothing and are not current */
extern size_t small_table_pages;

static inline int slab_capacity(const struct slab *slab) { return PAGE_GRANULES / small_step[slab->sc]; }
static inline int slab_live(const struct slab *slab) { return (slab->more + 1) & 0xFFFF; }
static inline bool slab_is_current(const struct slab *slab) { return slab == small_current[slab->sc]; }

/* The granule at P, counted from the zone's start; SMALL_TOP or more where P is no granule in use. */
static inline size_t small_granule(const void *p) {
    return multiple_of((uintptr_t)p - SMALL_START, __builtin_ctz(GRANULE));
}

static inline struct slab *small_slab(size_t granule) {
    return (struct slab *)(SMALL_TABLE + granule / PAGE_GRANULES * sizeof(struct slab)); /* may wrap */
}

_Static_assert((LARGE_START - SMALL_START) / PAGE_SIZE == SUMMARY_MAX, "the summary has a bit for each page");
_Static_assert(PAGE_GRANULES <= NO_GRANULE, "a granule fits in a byte");
_Static_assert(SUMMARY_MAX * sizeof(struct slab) <= KHEAP_END - SMALL_TABLE, "the table fits");

/* The object whose free granule GRANULE is the first of SLAB. */
static inline void *small_take(struct slab *slab, unsigned granule) {
    slab->head = slab->next[granule];
    slab->next[granule] = (uint8_t)granule;
    slab->more++;
    return slab->page + granule * GRANULE;
}

extern struct zone {
    uintptr_t start;
    unsigned shift; /* a slot's bytes, as a power of two */
    size_t count;
    uint32_t *slots; /* of each the pages of the object that begins there, or 0 */
    struct summary unused;
    char *spare; /* a slot with mapped pages but no object, or NULL */
    uint32_t *spare_slot;
    size_t spare_pages;
} large_zones[2]; /* narrow, wide */

/* The slots of the wide zone that are room to grow; they follow an object of more than WIDE_PAGES. */
extern uint32_t large_room[WIDE_SLOTS / 32];

/* The end of the room that begins at SLOT, if it does. */
static inline size_t large_room_end(size_t slot) { return bitmap_find(large_room, slot, WIDE_SLOTS, false); }

/* The slots that PAGES pages fill, at least one. */
static inline size_t slots_for(const struct zone *zone, size_t pages) {
    return ((pages - 1) >> (zone->shift - PAGE_SHIFT)) + 1;
}

static inline char *slot_address(const struct zone *zone, size_t slot) {
    return (char *)zone->start + (slot << zone->shift);
}

/* In each tier: ALLOC asks alloc_again when memory, or its zone, has run out. SIZE takes any address of the
 * zone, and is 0 where no live object begins. TRIM gives back the spare pages. */
void small_init(void);
void *small_alloc(size_t size);
void *small_alloc_elsewhere(unsigned sc); /* of a class whose current page has nothing free */
void small_changed(struct slab *slab);    /* a free has left MORE negative */
size_t small_size(const void *p);
void small_trim(void);

void large_init(void);
void *large_alloc(size_t size);
void *large_alloc_wide(size_t size); /* with room to grow */
void *large_alloc_aligned(size_t size, size_t align);
size_t large_size(const void *p);
void large_free(void *p);                /* whatever is no granule of a small one's page */
bool large_resize(void *p, size_t size); /* in place, or false */
void large_trim(void);

#endif
