/* The heap's figures and invariants, and what is said of a wrong call: nothing here is needed to allocate. */
#include "heap_debug.h"
#include "kheap.h"

static size_t small_pages(void) { return small_bytes / PAGE_SIZE; }
static bool is_used(size_t page) { return bitmap_test(small_used.leaf, page); }
static bool is_current(const struct slab *slab) { return slab == small_current[slab->sc]; }
static size_t live_in(const struct slab *slab) { return slab->claims - slab->kept; }
static size_t capacity_of(const struct slab *slab) { return PAGE_GRANULES / small_granules[slab->sc]; }

/* ---- wrong calls ---- */

/* Panics: an interrupt handler has called the heap. */
void heap_refuse(void) { PANIC("kmalloc: an interrupt handler cannot use the heap"); }

/* Panics and says why P cannot be freed. Returns only for NULL. */
void bad_kfree(const char *p) {
    uintptr_t va = (uintptr_t)p;
    if (!p)
        return;
    panic_about(p);
    panic_advise(HEAP_DEBUG_ADVICE);
    if (va < SMALL_START || va >= SLABS_START)
        PANIC("kmalloc: %p cannot be freed: it is no address of the heap's objects", (const void *)p);
    /* Look for the object that P lies in where it can start: at a granule of the page, or at a slot. */
    bool small = va < NARROW_START;
    uintptr_t step = small ? GRANULE : 1u << NARROW_SHIFT, first = small ? va - va % PAGE_SIZE : NARROW_START;
    const char *object = p - va % step;
    while (kmalloc_size(object) == 0 && (uintptr_t)object > first)
        object -= step;
    size_t offset = (size_t)(p - object);
    if (offset < kmalloc_size(object))
        PANIC("kmalloc: %p cannot be freed: it lies inside an object, %zu bytes past its start, %p",
              (const void *)p, offset, (const void *)object);
    PANIC("kmalloc: %p cannot be freed: it was freed already, or never allocated", (const void *)p);
}

/* ---- figures ---- */

static void small_stats(unsigned sc, struct kmalloc_stats *out) {
    out->size = small_granules[sc] * GRANULE;
    for (size_t page = 0; page < small_pages(); page++) {
        const struct slab *slab = small_slab(page);
        if (!is_used(page) || slab->sc != sc || (live_in(slab) == 0 && !is_current(slab)))
            continue;
        out->pages++;
        out->capacity += capacity_of(slab);
        out->live += live_in(slab);
    }
}

static void large_stats(struct kmalloc_stats *out) {
    for (size_t i = 0; i < LARGE_ENTRIES; i++) {
        out->live += large_pages[i] > 0;
        out->pages += large_pages[i];
    }
    out->capacity = out->live;
}

/* The figures of size class SC, counted from 0; false past the last. */
bool kmalloc_stats(unsigned sc, struct kmalloc_stats *out) {
    *out = (struct kmalloc_stats){0};
    if (sc < SMALL_CLASSES)
        small_stats(sc, out);
    else
        large_stats(out);
    return sc <= SMALL_CLASSES;
}

/* ---- invariants ---- */

/* What was found, to be compared with what is counted. */
struct found {
    size_t held, pool, listed;
};

/* The free objects form a list; all others are live, and claimed. */
static void check_objects(const struct slab *slab) {
    size_t live = 0, free = 0, step = small_granules[slab->sc];
    for (unsigned i = 0; i < PAGE_GRANULES; i++)
        live += slab->links.next[i] == i;
    for (unsigned i = slab->first_free; i != NO_GRANULE; i = slab->links.next[i], free++)
        ASSERT(free < capacity_of(slab) && i % step == 0 && i / step < capacity_of(slab));
    ASSERT_OP(live, ==, live_in(slab));
    ASSERT_OP(live + free, ==, capacity_of(slab));
}

/* A used page is the current one of its class, or full, or in a list. Only a current one is kept. */
static void check_page(size_t page, struct found *found) {
    const struct slab *slab = small_slab(page);
    ASSERT_OP((uintptr_t)slab->page, ==, SMALL_START + page * PAGE_SIZE);
    ASSERT(slab->sc < SMALL_CLASSES);
    check_objects(slab);
    if (is_current(slab))
        ASSERT(slab->claims > 0 && slab->kept <= (slab->sc < KEEPING_CLASSES));
    else
        ASSERT(!slab->kept);
    found->listed += !is_current(slab) && slab->first_free != NO_GRANULE;
    found->pool += slab->kept;
    found->held++;
}

/* A list's pages are of class SC and have live objects; those of class SMALL_CLASSES have none. Returns how
 * many. */
static size_t check_list(const struct list *list, unsigned sc) {
    size_t n = 0;
    for (const struct list *i = list->next; i != list; i = i->next, n++) {
        const struct slab *slab = (const void *)i;
        ASSERT(n < SUMMARY_MAX && i->next->previous == i && !is_current(slab));
        ASSERT(sc < SMALL_CLASSES ? slab->sc == sc && slab->claims > 0 : slab->claims == 0);
    }
    return n;
}

static void check_small(struct found *found) {
    size_t spare = check_list(&small_spare, SMALL_CLASSES), listed = spare;
    for (unsigned sc = 0; sc < SMALL_CLASSES; sc++)
        listed += check_list(&small_partial[sc], sc);
    summary_check(&small_unused);
    summary_check(&small_used);
    for (size_t i = 0; i < SUMMARY_MAX / 32; i++)
        ASSERT_OP(small_used.leaf[i] ^ small_unused.leaf[i], ==, ~0u);
    ASSERT_OP(small_bytes, ==, (summary_last(&small_used) + 1) * PAGE_SIZE);
    for (size_t page = 0; page < small_pages(); page++)
        if (is_used(page))
            check_page(page, found);
    ASSERT_OP(found->listed, ==, listed);
    size_t table_pages = pages_for(small_pages() * sizeof(struct slab));
    ASSERT_OP((uintptr_t)small_table_end, ==, SLABS_START + table_pages * PAGE_SIZE);
    found->held += table_pages;
    found->pool += spare;
}

/* Each slot of the zone is unused, or filled by one object, or the spare one. */
static void check_zone(const struct zone *zone) {
    size_t filled = 0;
    summary_check(&zone->unused);
    for (size_t slot = 0; slot < zone->count; slot++) {
        const char *p = slot_address(zone, slot);
        size_t pages = *large_entry(p),
               n = pages ? slots_for(zone, pages) : large_spare_pages && p == large_spare;
        ASSERT_OP(bitmap_find(zone->unused.leaf, slot, slot + n, true), ==, slot + n);
        filled += n;
    }
    ASSERT_OP(bitmap_count(zone->unused.leaf, 0, zone->count) + filled, ==, zone->count);
}

/* Every invariant; panics with the first one broken. */
void kmalloc_check(void) {
    struct found found = {.held = large_spare_pages};
    heap_enter();
    panic_advise(HEAP_DEBUG_ADVICE);
    check_small(&found);
    check_zone(&large_narrow);
    check_zone(&large_wide);
    for (size_t i = 0; i < LARGE_ENTRIES; i++)
        found.held += large_pages[i];
    ASSERT_OP(found.pool, ==, small_pool);
    ASSERT_OP(found.held, ==, held_pages);
    ASSERT_OP(small_pool + large_spare_pages, <=, (size_t)POOL_PLACES);
    ASSERT_OP(held_pages, <=, peak_pages);
    panic_advise(NULL);
}
