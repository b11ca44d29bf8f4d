/* The large tier: objects of whole pages, each at the start of a slot of addresses.
 *
 * Addresses are plentiful where frames are not: an object of up to two pages gets a slot of 16 KiB, one of up
 * to 64 KiB a slot of 64 KiB, and a larger one as many of those as twice its size fills, where they are to be
 * had; only its own pages are mapped. So krealloc nearly always grows it where it is, by mapping the next
 * pages, and copies nothing. Each length has a zone of its own, in which a free slot is found in constant
 * time; only an object beyond 64 KiB searches for a run of slots.
 *
 * The slot freed last in a zone keeps its pages, spare, for the next object: as many as the pool has room
 * for. */
#include "kheap.h"
#include "panic.h"
#include "string.h"

#define NARROW_SHIFT 14 /* a slot's bytes, as a power of two */
#define NARROW_SLOTS 8192u
#define WIDE_SHIFT 16
#define WIDE_START (LARGE_START + (NARROW_SLOTS << NARROW_SHIFT))
#define WIDE_SLOTS ((SMALL_TABLE - WIDE_START) >> WIDE_SHIFT)

_Static_assert(NARROW_SLOTS <= SUMMARY_MAX && WIDE_SLOTS <= SUMMARY_MAX, "a summary has a bit for each slot");

/* LENGTH, in slots of the zone, is 0 where no slot begins; PAGES is 0 where no object does. */
static struct slot { uint32_t length : 15, pages : 17; } narrow_slots[NARROW_SLOTS], wide_slots[WIDE_SLOTS];

static struct zone {
    uintptr_t start;
    unsigned shift;
    size_t count;
    struct slot *slots;
    struct summary free;
    struct slot *spare; /* a slot with mapped pages but no object, or NULL */
    size_t spare_pages;
} narrow = {.start = LARGE_START, .shift = NARROW_SHIFT, .count = NARROW_SLOTS, .slots = narrow_slots},
  wide = {.start = WIDE_START, .shift = WIDE_SHIFT, .count = WIDE_SLOTS, .slots = wide_slots};

static inline struct zone *zone_of(const void *p) { return (uintptr_t)p < WIDE_START ? &narrow : &wide; }

static inline struct slot *slot_of(const void *p) {
    const struct zone *zone = zone_of(p);
    return &zone->slots[((uintptr_t)p - zone->start) >> zone->shift];
}

static inline char *address_of(const struct zone *zone, const struct slot *slot) {
    return (char *)zone->start + ((size_t)(slot - zone->slots) << zone->shift);
}

/* The slots that PAGES pages fill. */
static inline size_t slots_for(const struct zone *zone, size_t pages) {
    unsigned shift = zone->shift - PAGE_SHIFT;
    return (pages + (1u << shift) - 1) >> shift;
}

static void init_zone(struct zone *zone) {
    memset(zone->slots, 0, zone->count * sizeof(*zone->slots));
    memset(&zone->free, 0, sizeof(zone->free));
    summary_add_range(&zone->free, 0, zone->count);
    zone->spare = NULL;
}

void large_init(void) {
    init_zone(&narrow);
    init_zone(&wide);
}

/* ---- slots ---- */

/* A slot of N slots' length at a multiple of ALIGN bytes, or NULL. */
static struct slot *take_slot(struct zone *zone, size_t n, size_t align) {
    size_t step = align >> zone->shift, base = zone->start >> zone->shift;
    size_t first = summary_first(&zone->free), end = first;
    if (first == SUMMARY_NONE)
        return NULL;
    while (n > 1 || step > 1) {
        if (!bitmap_next_run(zone->free.leaf, &first, &end, zone->count))
            return NULL;
        first = step > 1 ? ((base + first + step - 1) & ~(step - 1)) - base : first;
        if (first + n <= end)
            break;
    }
    for (size_t i = 0; i < n; i++)
        summary_remove(&zone->free, first + i);
    zone->slots[first].length = n & 0x7FFF;
    return &zone->slots[first];
}

static void drop_slot(struct zone *zone, struct slot *slot) {
    size_t i = (size_t)(slot - zone->slots), n = slot->length;
    n == 1 ? summary_add(&zone->free, i) : summary_add_range(&zone->free, i, i + n);
    slot->length = 0;
}

/* Changes the mapped pages at P from OLD to PAGES. */
static bool set_pages(char *p, size_t old, size_t pages) {
    if (pages > old && heap_get(p + old * PAGE_SIZE, pages - old) < 0)
        return false;
    if (pages < old)
        heap_give(p + pages * PAGE_SIZE, old - pages);
    return true;
}

/* SLOT, of which PAGES are mapped, has no object any more. */
static void retire(struct zone *zone, struct slot *slot, size_t pages) {
    size_t kept = zone->spare || slot->length > 1 ? 0 : spare_keep(pages);
    set_pages(address_of(zone, slot), pages, kept);
    slot->pages = 0;
    if (kept) {
        zone->spare = slot;
        zone->spare_pages = kept;
    } else {
        drop_slot(zone, slot);
    }
}

static void trim_zone(struct zone *zone) {
    if (!zone->spare)
        return;
    set_pages(address_of(zone, zone->spare), zone->spare_pages, 0);
    drop_slot(zone, zone->spare);
    spare_pages -= zone->spare_pages;
    zone->spare = NULL;
}

void large_trim(void) {
    trim_zone(&narrow);
    trim_zone(&wide);
}

/* ---- objects ---- */

static void *alloc_in(struct zone *zone, size_t pages, size_t align) {
    size_t exact = slots_for(zone, pages), roomy = exact > 1 ? slots_for(zone, 2 * pages) : 1, mapped = 0;
    struct slot *slot = zone->spare;
    if (slot && exact == 1 && align <= 1u << zone->shift) {
        spare_pages -= mapped = zone->spare_pages;
        zone->spare = NULL;
    } else if (!(slot = take_slot(zone, roomy, align)) && !(slot = take_slot(zone, exact, align))) {
        return NULL;
    }
    char *p = address_of(zone, slot);
    if (!set_pages(p, mapped, pages)) {
        retire(zone, slot, mapped);
        return NULL;
    }
    slot->pages = pages & 0x1FFFF;
    return p;
}

void *large_alloc_aligned(size_t size, size_t align) {
    size_t pages = pages_for(size);
    if (pages == 0 || pages > WIDE_SLOTS << (WIDE_SHIFT - PAGE_SHIFT))
        return NULL;
    void *p = pages > 2 ? alloc_in(&wide, pages, align) : alloc_in(&narrow, pages, align);
    if (!p && slots_for(&narrow, pages) == 1) /* the zone may be full: the other one, then */
        p = pages > 2 ? alloc_in(&narrow, pages, align) : alloc_in(&wide, pages, align);
    return p;
}

void *large_alloc_to_grow(size_t size) {
    void *p = pages_for(size) > 2 ? NULL : alloc_in(&wide, pages_for(size), 1);
    return p ? p : large_alloc(size);
}

void *large_alloc(size_t size) { return large_alloc_aligned(size, 1); }

size_t large_size(const void *p) {
    bool start = ((uintptr_t)p & ((1u << zone_of(p)->shift) - 1)) == 0;
    return start ? slot_of(p)->pages * PAGE_SIZE : 0;
}

bool large_free(void *p) {
    size_t pages = large_size(p) / PAGE_SIZE;
    if (pages)
        retire(zone_of(p), slot_of(p), pages);
    return pages;
}

bool large_resize(void *p, size_t size) {
    struct slot *slot = slot_of(p);
    size_t pages = pages_for(size);
    if (size > SMALL_TABLE - WIDE_START || slots_for(zone_of(p), pages) > slot->length ||
        !set_pages(p, slot->pages, pages))
        return false;
    slot->pages = pages & 0x1FFFF;
    return true;
}

/* ---- figures and checks ---- */

static void zone_stats(const struct zone *zone, struct kmalloc_stats *out) {
    for (const struct slot *slot = zone->slots; slot < zone->slots + zone->count; slot++) {
        out->capacity = out->live += slot->pages > 0;
        out->pages += slot->pages;
    }
}

void large_stats(struct kmalloc_stats *out) {
    zone_stats(&narrow, out);
    zone_stats(&wide, out);
}

/* That each slot of the zone is free or in one object's. */
static size_t check_zone(const struct zone *zone) {
    size_t count = bitmap_count(zone->free.leaf, 0, zone->count);
    for (size_t i = 0; i < zone->count; i++) {
        const struct slot *slot = &zone->slots[i];
        ASSERT_OP(bitmap_find(zone->free.leaf, i, i + slot->length, true), ==, i + slot->length);
        ASSERT(slots_for(zone, slot->pages) <= slot->length);
        ASSERT(slot->pages || !slot->length || slot == zone->spare);
        count += slot->length;
    }
    ASSERT_OP(count, ==, zone->count);
    return zone->spare ? zone->spare_pages : 0;
}

size_t large_check(void) { return check_zone(&narrow) + check_zone(&wide); }
