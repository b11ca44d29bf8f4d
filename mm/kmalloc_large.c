/* Large objects: more than a page, each at the start of a slot of addresses.
 *
 * Addresses are plentiful where frames are not: an object of up to 64 KiB gets a slot of 64 KiB, but only its
 * own pages are mapped. krealloc grows it by mapping the next ones, and copies nothing. A larger object fills
 * several slots. It grows into those behind it if they are unused, and they tend to be: single slots are
 * taken from the bottom, and each search for several starts a good way behind the last object found.
 *
 * There are 8,064 of these wide slots. Once the first half of them is used up, objects of up to 8 KiB get
 * narrow slots, of 16 KiB, of which there are 8,192. An unused slot is found in constant time. Only an object
 * that fills several, or is aligned to more than 16 KiB, searches for adjacent ones.
 *
 * When an object of one wide slot is freed and no slot is spare, its slot becomes the spare one if the pool has
 * places: it keeps as many pages as there are, and the next object takes them over.
 *
 * Not done: an object never moves to make room for another, and its last page is a whole page. Of objects
 * of 4 to 8 KiB that wastes a third. */
#include "kheap.h"
#include "string.h"

#define NARROW_PAGES 2u /* an object of as many can double in a narrow slot */
#define WIDE_PAGES (1u << (WIDE_SHIFT - PAGE_SHIFT))

uint32_t large_pages[LARGE_ENTRIES];
struct zone large_narrow = {.start = NARROW_START, .shift = NARROW_SHIFT, .count = NARROW_SLOTS};
struct zone large_wide = {.start = WIDE_START, .shift = WIDE_SHIFT, .count = WIDE_SLOTS};
char *large_spare;
size_t large_spare_pages;
static size_t next_run; /* the wide slot where the next search for several starts */

static struct zone *zone_of(const void *p) { return (uintptr_t)p < WIDE_START ? &large_narrow : &large_wide; }

static void init_zone(struct zone *zone) {
    memset(&zone->unused, 0, sizeof(zone->unused));
    summary_add_range(&zone->unused, 0, zone->count);
}

void large_init(void) {
    memset(large_pages, 0, sizeof(large_pages));
    init_zone(&large_narrow);
    init_zone(&large_wide);
    next_run = large_spare_pages = 0;
}

static SLOW_PATH bool get_after_trim(char *p, size_t pages) {
    kmalloc_trim();
    return heap_get(p, pages);
}

/* Changes the pages at P from OLD to PAGES; false, and nothing changed, when memory has run out. P is not
 * the spare slot: a trim may come first. */
static inline bool set_pages(char *p, size_t old, size_t pages) {
    char *end = p + old * PAGE_SIZE;
    if (pages > old)
        return likely(heap_get(end, pages - old)) || get_after_trim(end, pages - old);
    if (pages < old)
        heap_give(p + pages * PAGE_SIZE, old - pages);
    return true;
}

/* ---- one slot ---- */

/* Whether the wide slots are to be left to objects that need them. */
static bool wide_are_scarce(void) { return summary_first(&large_wide.unused) >= WIDE_SLOTS / 2; }

/* An object in the first unused slot of ZONE. */
static void *alloc_in(struct zone *zone, size_t pages) {
    size_t slot = summary_first(&zone->unused);
    if (slot == SUMMARY_NONE)
        return NULL;
    char *p = slot_address(zone, slot);
    if (!set_pages(p, 0, pages))
        return NULL;
    summary_remove(&zone->unused, slot);
    *large_entry(p) = pages;
    return p;
}

/* An object in an unused slot, narrow or wide. */
static SLOW_PATH void *alloc_unused(size_t pages) {
    heap_enter();
    if (pages <= NARROW_PAGES && wide_are_scarce()) {
        void *p = alloc_in(&large_narrow, pages);
        if (p)
            return p;
        large_trim(); /* the spare slot may be the last wide one */
    }
    return alloc_in(&large_wide, pages);
}

/* Memory has run out for the new object at P, a spare slot of PAGES pages: frees the slot. Returns NULL. */
static SLOW_PATH void *give_up(char *p, size_t pages) {
    *large_entry(p) = pages;
    large_free(p);
    large_trim();
    return NULL;
}

/* An object in the spare slot. */
static inline void *alloc_spare(size_t pages) {
    heap_enter();
    char *p = large_spare;
    size_t old = large_spare_pages;
    large_spare_pages = 0;
    *large_entry(p) = pages;
    return likely(set_pages(p, old, pages)) ? p : give_up(p, old);
}

/* ---- several slots, or an alignment to more than a narrow one ---- */

/* The first of N adjacent unused wide slots, from NEXT_RUN on if there are as many; or WIDE_SLOTS. */
static size_t find_run(size_t n) {
    const uint32_t *unused = large_wide.unused.leaf;
    size_t first = bitmap_find_run(unused, NULL, n, next_run, WIDE_SLOTS);
    if (first < WIDE_SLOTS)
        return first;
    large_trim(); /* the spare slot may be in the way */
    return bitmap_find_run(unused, NULL, n, 0, WIDE_SLOTS);
}

/* Finds a run that is longer than the object by ALIGN, less a slot: wherever it starts, the object's place
 * is in it. The next search starts behind as many slots again, which leaves the object room to grow. */
static SLOW_PATH void *alloc_run(size_t pages, size_t align) {
    heap_enter();
    size_t n = slots_for(&large_wide, pages), margin = align >> WIDE_SHIFT ? (align >> WIDE_SHIFT) - 1 : 0;
    size_t run = n + margin <= WIDE_SLOTS ? find_run(n + margin) : WIDE_SLOTS;
    if (run == WIDE_SLOTS)
        return NULL;
    char *p = (char *)(((uintptr_t)slot_address(&large_wide, run) + align - 1) & ~(align - 1));
    if (!set_pages(p, 0, pages))
        return NULL;
    size_t slot = slot_at(&large_wide, p);
    summary_remove_range(&large_wide.unused, slot, slot + n);
    next_run = slot + 2 * n < WIDE_SLOTS ? slot + 2 * n : 0;
    *large_entry(p) = pages;
    return p;
}

/* ---- either ---- */

/* SIZE bytes; NULL when no memory or no addresses are left. */
void *large_alloc(size_t size) {
    size_t pages = (size - 1) / PAGE_SIZE + 1; /* of 0 bytes, more than there are addresses for */
    if (unlikely(pages > WIDE_PAGES))
        return alloc_run(pages, 1);
    if (unlikely(large_spare_pages == 0 || (pages <= NARROW_PAGES && wide_are_scarce())))
        return alloc_unused(pages);
    return alloc_spare(pages);
}

/* As large_alloc, at a multiple of ALIGN. Every slot is aligned to a narrow one. */
void *large_alloc_aligned(size_t size, size_t align) {
    return align <= 1u << NARROW_SHIFT ? large_alloc(size) : alloc_run(pages_for(size), align);
}

/* ---- freeing ---- */

/* Whether P is the start of a live object. */
static inline bool is_object(const void *p) {
    size_t offset = (uintptr_t)p - NARROW_START;
    return offset < SLABS_START - NARROW_START && offset % (1u << NARROW_SHIFT) == 0 && *large_entry(p) > 0;
}

/* The bytes of the live object at P, or 0. */
size_t large_size(const void *p) { return is_object(p) ? *large_entry(p) * PAGE_SIZE : 0; }

/* The wide slot at P, now without an object, is spare with its first PAGES pages. */
static inline void make_spare(char *p, size_t pages) {
    large_spare = p;
    large_spare_pages = pages;
}

/* Frees an object that cannot become spare with all its pages: perhaps with some. */
static SLOW_PATH void free_slots(char *p) {
    struct zone *zone = zone_of(p);
    size_t pages = *large_entry(p), slot = slot_at(zone, p), n = slots_for(zone, pages);
    bool can_be_spare = zone == &large_wide && n == 1 && large_spare_pages == 0;
    size_t kept = can_be_spare ? POOL_PLACES - small_pool : 0;
    heap_give(p + kept * PAGE_SIZE, pages - kept);
    *large_entry(p) = 0;
    if (kept > 0)
        make_spare(p, kept);
    else if (n == 1)
        summary_add(&zone->unused, slot);
    else
        summary_add_range(&zone->unused, slot, slot + n);
}

/* As kfree, of any P that does not lie in a page of small objects. */
void large_free(void *p) {
    if (unlikely(!is_object(p))) {
        bad_kfree(p);
        return;
    }
    size_t pages = *large_entry(p);
    if (unlikely((uintptr_t)p < WIDE_START || large_spare_pages > 0 || small_pool + pages > POOL_PLACES)) {
        free_slots(p);
        return;
    }
    *large_entry(p) = 0;
    make_spare(p, pages);
}

/* ---- resizing, trimming ---- */

/* The live object at P gets SIZE bytes, in place; false, and nothing changed, where it cannot. */
bool large_resize(void *p, size_t size) {
    struct zone *zone = zone_of(p);
    size_t old = *large_entry(p), pages = pages_for(size), slot = slot_at(zone, p);
    size_t old_end = slot + slots_for(zone, old), end = slot + slots_for(zone, pages);
    if (end > old_end && (end > zone->count || !bitmap_all(zone->unused.leaf, old_end, end, true)))
        return false;
    if (!set_pages(p, old, pages))
        return false;
    *large_entry(p) = pages;
    if (end > old_end)
        summary_remove_range(&zone->unused, old_end, end);
    else if (end < old_end)
        summary_add_range(&zone->unused, end, old_end);
    return true;
}

/* Gives back the spare slot. */
void large_trim(void) {
    if (large_spare_pages == 0)
        return;
    heap_give(large_spare, large_spare_pages);
    summary_add(&large_wide.unused, slot_at(&large_wide, large_spare));
    large_spare_pages = 0;
}
