/* The heap's figures and invariants, for the monitor and the tests, and what is said of a bad kfree: nothing
 * here is needed to allocate. */
#include "kheap.h"
#include "panic.h"

static struct slab *first_slab(void) { return (struct slab *)SMALL_TABLE; }
static struct slab *last_slab(void) { return small_slab(small_top); }
static bool is_mapped(const struct slab *slab) {
    return !bitmap_test(small_unused.leaf, (size_t)(slab - first_slab()));
}

/* ---- a free of something else ---- */

void bad_free(const char *p) {
    panic_about(p);
    if ((uintptr_t)p < SMALL_START || (uintptr_t)p >= SMALL_TABLE)
        PANIC("kmalloc: %p cannot be freed: it is no address of the heap's objects", (const void *)p);
    /* Where the last object before P can begin: at a slot of the zone, or at a granule of the page. */
    bool large = (uintptr_t)p >= LARGE_START;
    size_t step = large ? 1u << NARROW_SHIFT : GRANULE, size;
    const char *start = large ? (char *)LARGE_START : p - (uintptr_t)p % PAGE_SIZE,
               *object = p - (uintptr_t)p % step;
    while ((size = kmalloc_size(object)) == 0 && object > start)
        object -= step;
    if ((size_t)(p - object) < size)
        PANIC("kmalloc: %p cannot be freed: it lies inside an object, %zu bytes past its start, %p",
              (const void *)p, (size_t)(p - object), (const void *)object);
    PANIC("kmalloc: %p cannot be freed: it was freed already, or never allocated", (const void *)p);
}

/* ---- figures ---- */

static void small_stats(unsigned sc, struct kmalloc_stats *out) {
    out->size = small_step[sc] * GRANULE;
    for (const struct slab *slab = first_slab(); slab < last_slab(); slab++) {
        if (!is_mapped(slab) || slab->sc != sc || (slab_live(slab) == 0 && !slab_is_current(slab)))
            continue;
        out->pages++;
        out->capacity += (size_t)slab_capacity(slab);
        out->live += (size_t)slab_live(slab);
    }
}

static void zone_stats(const struct zone *zone, struct kmalloc_stats *out) {
    for (size_t i = 0; i < zone->count; i++) {
        out->capacity = out->live += zone->slots[i] > 0;
        out->pages += zone->slots[i];
    }
}

bool kmalloc_stats(unsigned sc, struct kmalloc_stats *out) {
    *out = (struct kmalloc_stats){0};
    if (sc < SMALL_CLASSES) {
        small_stats(sc, out);
    } else {
        zone_stats(&large_zones[0], out);
        zone_stats(&large_zones[1], out);
    }
    return sc <= SMALL_CLASSES;
}

/* ---- invariants; each function returns the spare pages that it has found ---- */

/* As many objects are live as are counted, and all others are in the list of free ones. */
static void check_slab(const struct slab *slab) {
    int looking_live = 0, left = slab_capacity(slab) - slab_live(slab);
    for (unsigned i = 0; i < PAGE_GRANULES; i++)
        looking_live += slab->next[i] == i;
    ASSERT_OP(looking_live, ==, slab_live(slab));
    for (unsigned i = slab->head; i != NO_GRANULE; i = slab->next[i], left--)
        ASSERT(left > 0 && i % small_step[slab->sc] == 0 &&
               i / small_step[slab->sc] < (unsigned)slab_capacity(slab));
    ASSERT_OP(left, ==, 0);
}

static size_t check_small(void) {
    size_t spares = 0, partials = 0;
    for (const struct slab *slab = first_slab(); slab < last_slab(); slab++) {
        if (!is_mapped(slab))
            continue;
        check_slab(slab);
        spares += slab_is_current(slab) ? slab->more >= BIAS_KEPT - 1 : slab_live(slab) == 0;
        partials += slab_live(slab) > 0 && slab_live(slab) < slab_capacity(slab) && !slab_is_current(slab);
    }
    for (unsigned sc = 0; sc < SMALL_CLASSES; sc++)
        for (struct list *i = small_partial[sc].next; i != &small_partial[sc]; i = i->next, partials--)
            ASSERT(partials > 0 && ((struct slab *)i)->sc == sc && slab_live((struct slab *)i) > 0);
    ASSERT_OP(partials, ==, 0u);
    return spares;
}

/* Each slot of the zone is unused, or is room to grow behind an object of several slots, or is filled by one
 * object, or is spare. */
static size_t check_zone(const struct zone *zone, const uint32_t *room) {
    size_t unused = bitmap_count(zone->unused.leaf, 0, zone->count), filled = 0, roomy = 0;
    summary_check(&zone->unused);
    for (size_t i = 0; i < zone->count; i++) {
        size_t pages = zone->slots[i],
               n = pages ? slots_for(zone, pages) : slot_address(zone, i) == zone->spare;
        ASSERT_OP(bitmap_find(zone->unused.leaf, i, i + n, true), ==, i + n);
        filled += n;
        if (room && pages > WIDE_PAGES)
            roomy += large_room_end(i + n) - (i + n);
    }
    ASSERT_OP(roomy, ==, room ? bitmap_count(room, 0, zone->count) : 0);
    ASSERT_OP(unused + filled + roomy, ==, zone->count);
    return zone->spare ? zone->spare_pages : 0;
}

void kmalloc_check(void) {
    summary_check(&small_unused);
    ASSERT_OP(check_small() + check_zone(&large_zones[0], NULL) + check_zone(&large_zones[1], large_room), ==,
              spare_pages);
    ASSERT_OP(spare_pages, <=, (size_t)SPARE_POOL);
}
