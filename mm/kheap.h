/* Inside the heap: what its files share. kmalloc.h is the public side.
 *
 * An object's size decides where it lies, so its address alone says where its metadata is:
 *
 *   0xC0000000  small objects, up to a page: pages of equal objects (kmalloc_small.c)
 *   0xC8000000  large objects: narrow slots of 16 KiB (kmalloc_large.c)
 *   0xD0000000  large objects: wide slots of 64 KiB
 *   0xEF800000  the slabs: the metadata of each page of small objects
 *
 * An object is live from its kmalloc to its kfree. A page is held from heap_get to heap_give. A held page
 * without a live object is spare: it waits for the next object. */
#ifndef QUIRE_KHEAP_H
#define QUIRE_KHEAP_H

#include "bitmap.h"
#include "interrupt.h"
#include "kmalloc.h"
#include "list.h"
#include "memlayout.h"
#include "panic.h"

#define SMALL_START KHEAP_START
#ifndef NARROW_START /* a proof has a smaller heap */
#define NARROW_START 0xC8000000u
#endif
#define WIDE_START 0xD0000000u
#define SLABS_START 0xEF800000u

/* ---- calls ---- */

/* Every call that changes the heap, or checks it, enters first. heap_refuse panics: an interrupt handler has called. */
SLOW_PATH void heap_refuse(void);
static inline void heap_enter(void) {
    if (unlikely(in_interrupt()))
        heap_refuse();
}

/* Panics and says why P cannot be freed. Returns only for NULL. */
SLOW_PATH void bad_kfree(const char *p);

/* ---- pages ---- */

extern struct page_provider page_provider;
extern size_t held_pages, peak_pages;

/* The pool bounds the spare pages: each takes a place in it. So does a page of small objects that its class
 * keeps, since any kfree may empty it. The last page of KMALLOC_SPARE is for the table of slabs. */
#define POOL_PLACES (KMALLOC_SPARE - 1)
extern size_t small_pool;        /* places that pages of small objects take */
extern size_t large_spare_pages; /* and those that the spare slot of large ones takes */

/* Gets PAGES pages at VA; false, and nothing changed, when memory has run out. */
static inline bool heap_get(void *va, size_t pages) {
    if (unlikely(page_provider.get(va, pages) < 0))
        return false;
    held_pages += pages;
    if (held_pages > peak_pages)
        peak_pages = held_pages;
    return true;
}

static inline void heap_give(void *va, size_t pages) {
    if (unlikely(page_provider.give(va, pages) < 0))
        PANIC("kmalloc: the provider does not take back %zu pages at %p", pages, va);
    held_pages -= pages;
}

/* ---- small objects ---- */

#define SMALL_MAX PAGE_SIZE
#define GRANULE 32u /* small objects start at multiples of this, and fill whole granules */
#define PAGE_GRANULES (PAGE_SIZE / GRANULE)
#define NO_GRANULE 0xFFu
#define SMALL_CLASSES 21
#define FINE_CLASSES 12   /* the smallest: class I has objects of I + 1 granules */
#define KEEPING_CLASSES 8 /* the smallest: each keeps its current page even when it is empty */

/* A byte for each granule of a page. At a live object's first granule it is that granule's own number. At a
 * free object's it is the number of the next free object's first granule, or NO_GRANULE at the end of the
 * list. At a granule where no object starts it is NO_GRANULE. */
struct links {
    uint8_t next[PAGE_GRANULES];
};

/* The metadata of a page of small objects. */
struct slab {
    struct list list; /* small_partial or small_spare; linked to itself when in neither */
    char *page;
    uint32_t first_free; /* its first granule; NO_GRANULE when the page is full */
    uint32_t claims;     /* live objects, and one more while KEPT */
    uint8_t sc;          /* size class */
    bool kept;           /* it stays its class's current page even when it is empty */
    struct links links;
} __attribute__((aligned(32))); /* 160 bytes: quicker to multiply by than 152 */

extern const uint8_t small_granules[SMALL_CLASSES]; /* of an object of each class */
extern uint8_t small_class_of[SMALL_MAX / GRANULE]; /* of a size, by the granule of its last byte */
extern struct slab *small_current[SMALL_CLASSES];   /* the page that each class allocates from */
extern struct list small_partial[SMALL_CLASSES];    /* its other pages with live and free objects */
extern struct list small_spare;                     /* empty pages, current ones aside */
extern struct summary small_used, small_unused;     /* pages by number: each is in one of the two */
extern size_t small_bytes;                          /* from SMALL_START to the end of the highest used page */
extern char *small_table_end;                       /* of the pages that hold the slabs */

_Static_assert((NARROW_START - SMALL_START) / PAGE_SIZE == SUMMARY_MAX, "a summary has a bit for each page");
_Static_assert(SUMMARY_MAX * sizeof(struct slab) <= KHEAP_END - SLABS_START, "the table of slabs fits");
_Static_assert(PAGE_GRANULES <= NO_GRANULE, "a granule's number fits in a byte");

#ifndef SLAB /* a proof has an array */
#define SLAB(page) ((struct slab *)SLABS_START + (page))
#endif
static inline struct slab *small_slab(size_t page) { return SLAB(page); }

/* Whether P is the start of a granule in a page that has a slab; its slab; and its number in the page. */
static inline bool is_small(const void *p) {
    return (uintptr_t)p - SMALL_START < small_bytes && (uintptr_t)p % GRANULE == 0;
}
static inline struct slab *slab_of(const void *p) {
    return small_slab(((uintptr_t)p - SMALL_START) / PAGE_SIZE);
}
static inline size_t granule_of(const void *p) { return (uintptr_t)p % PAGE_SIZE / GRANULE; }

/* Takes the first free object of SLAB's page, which is not full. */
static inline void *small_take(struct slab *slab) {
    unsigned granule = slab->first_free;
    slab->first_free = slab->links.next[granule];
    slab->links.next[granule] = (uint8_t)granule;
    slab->claims++;
    return slab->page + granule * GRANULE;
}

void small_init(void);
void *small_alloc(size_t size);       /* the current page is full; NULL: no memory or no addresses are left */
void small_opened(struct slab *slab); /* a full page has had its first free */
void small_emptied(struct slab *slab); /* a free has left no claims */
size_t small_size(const void *p);      /* of the live object at P, or 0 */
void small_trim(void);

/* ---- large objects ---- */

#define NARROW_SHIFT 14
#define WIDE_SHIFT 16
#define NARROW_SLOTS ((WIDE_START - NARROW_START) >> NARROW_SHIFT)
#define WIDE_SLOTS ((SLABS_START - WIDE_START) >> WIDE_SHIFT)

/* Slots of one length. An object starts where a slot does, and fills as many slots as it needs. */
struct zone {
    uintptr_t start;
    unsigned shift; /* a slot has 1 << SHIFT bytes */
    size_t count;
    struct summary unused;
};
extern struct zone large_narrow, large_wide;

extern char *large_spare; /* the spare slot, a wide one; meaningless while large_spare_pages is 0 */

/* An entry for each place where a slot of either zone can start: the pages of the object there, or 0. */
#define LARGE_ENTRIES ((SLABS_START - NARROW_START) >> NARROW_SHIFT)
extern uint32_t large_pages[LARGE_ENTRIES];
static inline uint32_t *large_entry(const void *p) {
    return &large_pages[((uintptr_t)p - NARROW_START) >> NARROW_SHIFT];
}

/* The slots that PAGES pages fill. */
static inline size_t slots_for(const struct zone *zone, size_t pages) {
    return ((pages - 1) >> (zone->shift - PAGE_SHIFT)) + 1;
}

static inline char *slot_address(const struct zone *zone, size_t slot) {
    return (char *)zone->start + (slot << zone->shift);
}

static inline size_t slot_at(const struct zone *zone, const char *p) {
    return ((uintptr_t)p - zone->start) >> zone->shift;
}

void large_init(void);
void *large_alloc(size_t size); /* NULL: no memory or no addresses are left */
void *large_alloc_aligned(size_t size, size_t align);
void large_free(void *p);                /* kfree of all but small objects */
bool large_resize(void *p, size_t size); /* of the live object at P, in place; false: not possible */
size_t large_size(const void *p);        /* of the live object at P, or 0 */
void large_trim(void);

#endif
