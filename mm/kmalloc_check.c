/* The heap's figures and invariants, for the monitor and the tests, and what is said of a bad kfree: nothing
 * here is needed to allocate. */
#include "heap_debug.h"
#include "kheap.h"
#include "panic.h"

static struct slab *first_slab(void) { return (struct slab *)SMALL_TABLE; }
static struct slab *last_slab(void) { return small_slab(small_top); }
static bool is_mapped(const struct slab *slab) {
    return !bitmap_test(small_unused.leaf, (size_t)(slab - first_slab()));
}

/* ---- a free of something else ---- */

void bad_kfree(const char *p) {
    panic_about(p);
    panic_advise(HEAP_DEBUG_ADVICE);
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

/* ---- invariants ---- */

/* What was found, to be compared with what is counted: pages, and slots that are room to grow. */
struct found {
    size_t held, spare, room;
};

/* As many objects are live as are counted, with the bias of the page's state; all others are in the list of free
 * ones. */
static void check_slab(const struct slab *slab) {
    int looking_live = 0, left = slab_capacity(slab) - slab_live(slab),
        bias = slab->more + 1 - slab_live(slab);
    if (slab_is_current(slab))
        ASSERT(bias == 0 || (bias == BIAS_KEPT && slab->sc < KEEPING_CLASSES));
    else
        ASSERT_OP(bias, ==, left ? 0 : BIAS_FULL);
    for (unsigned i = 0; i < PAGE_GRANULES; i++)
        looking_live += slab->next[i] == i;
    ASSERT_OP(looking_live, ==, slab_live(slab));
    for (unsigned i = slab->head; i != NO_GRANULE; i = slab->next[i], left--)
        ASSERT(left > 0 && i % small_step[slab->sc] == 0 &&
               i / small_step[slab->sc] < (unsigned)slab_capacity(slab));
    ASSERT_OP(left, ==, 0);
}

/* LIST has N slabs; all are of class SC, or have no object when that is none. */
static void check_list(const struct list *list, size_t n, unsigned sc) {
    for (const struct list *i = list->next; i != list; i = i->next, n--) {
        const struct slab *slab = (const struct slab *)i;
        ASSERT(n > 0 && i->next->previous == i);
        ASSERT(sc < SMALL_CLASSES ? slab->sc == sc && slab_live(slab) > 0 : slab_live(slab) == 0);
    }
    ASSERT_OP(n, ==, 0u);
}

/* The slabs and the table reach up to the last mapped page. Of the mapped pages each is current, or full, or in
 * the list of its class's partial ones, or empty and in the list of spare ones. */
static void check_small(struct found *found) {
    size_t partials[SMALL_CLASSES] = {0}, empty = 0, mapped = 0, number = 0;
    summary_check(&small_unused);
    summary_check(&small_in_use);
    for (const struct slab *slab = first_slab(); slab < last_slab(); slab++, number++) {
        ASSERT_OP(bitmap_test(small_in_use.leaf, number), ==, is_mapped(slab));
        if (!is_mapped(slab))
            continue;
        check_slab(slab);
        ASSERT_OP((uintptr_t)slab->page, ==, SMALL_START + number * PAGE_SIZE);
        mapped++;
        if (slab_is_current(slab))
            found->spare += slab->more >= BIAS_KEPT - 1;
        else if (slab_live(slab) == 0)
            empty++;
        else if (slab_live(slab) < slab_capacity(slab))
            partials[slab->sc]++;
    }
    ASSERT_OP(summary_last(&small_in_use) + 1, ==, number);
    ASSERT_OP(bitmap_count(small_unused.leaf, number, SUMMARY_MAX), ==, SUMMARY_MAX - number);
    ASSERT_OP(small_table_pages, ==, pages_for(number * sizeof(struct slab)));
    for (unsigned sc = 0; sc < SMALL_CLASSES; sc++)
        check_list(&small_partial[sc], partials[sc], sc);
    check_list(&small_spare, empty, SMALL_CLASSES);
    found->spare += empty;
    found->held += mapped + small_table_pages;
}

/* Each slot of the zone is unused, or is room to grow behind an object of several slots, or is filled by one
 * object, or is spare. */
static void check_zone(const struct zone *zone, struct found *found) {
    size_t unused = bitmap_count(zone->unused.leaf, 0, zone->count), filled = 0, room = 0;
    summary_check(&zone->unused);
    for (size_t i = 0; i < zone->count; i++) {
        size_t pages = zone->slots[i],
               n = pages ? slots_for(zone, pages) : slot_address(zone, i) == zone->spare;
        ASSERT_OP(bitmap_find(zone->unused.leaf, i, i + n, true), ==, i + n);
        filled += n;
        found->held += pages;
        if (pages > WIDE_PAGES)
            room += large_room_end(i + n) - (i + n);
    }
    ASSERT_OP(unused + filled + room, ==, zone->count);
    found->room += room;
    if (zone->spare) {
        ASSERT(zone->spare == slot_address(zone, (size_t)(zone->spare_slot - zone->slots)));
        found->spare += zone->spare_pages;
        found->held += zone->spare_pages;
    }
}

void kmalloc_check(void) {
    struct found found = {0};

    panic_advise(HEAP_DEBUG_ADVICE);
    check_small(&found);
    check_zone(&large_zones[0], &found);
    check_zone(&large_zones[1], &found);
    ASSERT_OP(found.spare, ==, spare_pages);
    ASSERT_OP(found.held, ==, held_pages);
    ASSERT_OP(found.room, ==, bitmap_count(large_room, 0, WIDE_SLOTS));
    ASSERT_OP(spare_pages, <=, (size_t)SPARE_POOL);
    ASSERT_OP(held_pages, <=, peak_pages);
    panic_advise(NULL);
}
