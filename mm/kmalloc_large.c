/* The large tier: objects of more than a page, each at the start of a slot of addresses.
 *
 * Addresses are plentiful where frames are not: an object of up to 8 KiB gets a slot of 16 KiB, one of up to
 * 64 KiB a slot of 64 KiB, and a larger one as many as twice its size fills, where they are to be had; only
 * its own pages are mapped. So krealloc mostly grows it where it is, by mapping the next pages, and copies
 * nothing. Each length has a zone of its own, and a free slot is found in constant time, in the other zone where
 * one is full and the object fits; only an object that is larger, or aligned to more, searches for a run.
 *
 * The slot freed last in a zone keeps its pages, spare, for the next object: as many as the pool has room for.
 * With that pool an object of 4 to 64 KiB maps and unmaps some 2.5 pages when others are replaced by it at
 * random (W4), and a pair takes 284 instructions: 110 are the heap's own, 40 are for each of those pages, and
 * the rest is for finding the range's table and checking all before a change. An object that grows step by step
 * (W6) takes 355 a step.
 *
 * A larger one changes a bit for each of its slots, a word at a time, and looks once at each word of the
 * zone's bitmap if no hole is long enough: first with room to grow, then without, and both again once spare
 * pages are given back. So no kmalloc takes more than 44,000 instructions, at any size of memory, mapping left
 * out. An object that is aligned to more than 64 KiB looks at each hole, for up to 360,000.
 *
 * What it costs: a page is the least that comes and goes, which of objects of 2 to 8 KiB wastes a third. And
 * the room to grow of an object of more than 64 KiB stays its own until it shrinks to that or less: while one of
 * 250 MiB lives, none of 10 MiB finds a run.
 * Tried and dropped: slots of 64 KiB alone. There are 10,112, and sqlite with 80 MiB of pages took them all. */
#include "kheap.h"
#include "panic.h"
#include "string.h"

static uint32_t narrow_slots[NARROW_SLOTS], wide_slots[WIDE_SLOTS], no_slot;
uint16_t large_lengths[WIDE_SLOTS];
struct zone large_zones[2] = {{LARGE_START, NARROW_SHIFT, NARROW_SLOTS, .slots = narrow_slots},
                              {WIDE_START, WIDE_SHIFT, WIDE_SLOTS, .slots = wide_slots}};
#define FIRST_HALF ((1u << (WIDE_SLOTS / 2 / 1024)) - 1) /* of the wide zone's slots, at its summary's top */
static struct zone *const narrow = &large_zones[0], *const wide = &large_zones[1];

void large_init(void) {
    for (struct zone *zone = large_zones; zone < large_zones + 2; zone++) {
        memset(zone->slots, 0, zone->count * sizeof(*zone->slots));
        memset(&zone->unused, 0, sizeof(zone->unused));
        summary_add_range(&zone->unused, 0, zone->count);
        zone->spare = NULL;
    }
}

/* Changes the mapped pages at P from OLD to PAGES. */
static inline bool set_pages(char *p, size_t old, size_t pages) {
    if (pages > old)
        return heap_get(p + old * PAGE_SIZE, pages - old) == 0;
    if (pages < old)
        heap_give(p + pages * PAGE_SIZE, old - pages);
    return true;
}

/* ---- more than a wide slot, or aligned to more ---- */

/* The first of N adjacent unused slots at a multiple of ALIGN bytes, or SUMMARY_NONE. */
static size_t find_slots(size_t n, size_t align) {
    size_t step = align >> WIDE_SHIFT ? align >> WIDE_SHIFT : 1, base = WIDE_START >> WIDE_SHIFT;
    for (size_t from, first = 0;
         ;) { /* FIRST is where a run was found, FROM the next place with that alignment */
        from = ((base + first + step - 1) & ~(step - 1)) - base;
        if (from >= WIDE_SLOTS)
            return SUMMARY_NONE;
        first = bitmap_find_run(wide->unused.leaf, NULL, n, from, WIDE_SLOTS);
        if (first == from)
            return first;
    }
}

/* With room to grow, where that is to be had. */
void *large_alloc_aligned(size_t size, size_t align) {
    size_t pages = pages_for(size), n = slots_for(wide, pages), more = n > 1 ? slots_for(wide, 2 * pages) : n;
    if (pages - 1 >= WIDE_SLOTS << (WIDE_SHIFT - PAGE_SHIFT))
        return NULL;
    size_t first = find_slots(more, align);
    if (first == SUMMARY_NONE && more > n)
        first = find_slots(more = n, align);
    if (first == SUMMARY_NONE || !set_pages(slot_address(wide, first), 0, pages))
        return alloc_again(size, align);
    summary_remove_range(&wide->unused, first, first + more);
    wide_slots[first] = pages;
    large_lengths[first] = more;
    return slot_address(wide, first);
}

/* ---- one slot ---- */

/* The slot that begins at P, and its zone; or one without an object. */
static inline uint32_t *slot_at(const void *p, struct zone **zone) {
    size_t i = multiple_of((uintptr_t)p - WIDE_START, WIDE_SHIFT);
    *zone = wide;
    if (likely(i < WIDE_SLOTS))
        return &wide_slots[i];
    i = multiple_of((uintptr_t)p - LARGE_START, NARROW_SHIFT);
    *zone = narrow;
    return i < NARROW_SLOTS ? &narrow_slots[i] : &no_slot;
}

/* The first unused slot of ZONE, or else of the other one, where that is long enough. */
static __attribute__((noinline)) void *alloc_unused(struct zone *zone, size_t pages) {
    if (!zone->unused.top)
        zone = zone == narrow ? wide : narrow;
    size_t i = slots_for(zone, pages) > 1 ? SUMMARY_NONE : summary_take(&zone->unused);
    char *p = slot_address(zone, i);
    if (unlikely(i == SUMMARY_NONE))
        return alloc_again(pages * PAGE_SIZE, 1);
    if (unlikely(heap_get(p, pages) < 0)) {
        summary_add(&zone->unused, i);
        return alloc_again(pages * PAGE_SIZE, 1);
    }
    zone->slots[i] = pages;
    return p;
}

/* The spare slot of ZONE, or else an unused one. */
static inline void *alloc_slot(struct zone *zone, size_t pages) {
    char *p = zone->spare;
    size_t mapped = zone->spare_pages;
    if (unlikely(!p))
        return alloc_unused(zone, pages);
    if (unlikely(!set_pages(p, mapped, pages)))
        return alloc_again(pages * PAGE_SIZE, 1);
    zone->spare = NULL;
    *zone->spare_slot = pages;
    spare_pages -= mapped;
    return p;
}

void *large_alloc_wide(size_t size) {
    size_t pages = (size - 1) / PAGE_SIZE + 1; /* of size 0 far too many */
    return likely(pages <= WIDE_PAGES) ? alloc_slot(wide, pages) : large_alloc_aligned(size, 1);
}

/* What the wide zone has spare serves too, as long as a slot is unused among the first half of it. */
static __attribute__((noinline)) void *alloc_narrow(void) {
    bool lodges = !narrow->spare && wide->spare && wide->unused.top & FIRST_HALF;
    return alloc_slot(lodges ? wide : narrow, NARROW_PAGES);
}

void *large_alloc(size_t size) {
    return size - 1 < NARROW_PAGES * PAGE_SIZE ? alloc_narrow() : large_alloc_wide(size);
}

size_t large_size(const void *p) {
    struct zone *zone;
    return *slot_at(p, &zone) * PAGE_SIZE;
}

static void drop_slots(struct zone *zone, const uint32_t *slot, size_t n) {
    size_t i = (size_t)(slot - zone->slots);
    n == 1 ? summary_add(&zone->unused, i) : summary_add_range(&zone->unused, i, i + n);
}

static inline void keep_spare(struct zone *zone, uint32_t *slot, char *p, size_t pages) {
    zone->spare = p;
    zone->spare_slot = slot;
    zone->spare_pages = pages;
    spare_pages += pages;
}

/* There is no room for all of SLOT's pages, or none for any. */
static __attribute__((noinline)) void free_slot(struct zone *zone, uint32_t *slot, char *p) {
    size_t pages = *slot, n = slot_length(zone, slot);
    size_t kept = zone->spare || n > 1 ? 0 : SPARE_POOL - spare_pages;
    *slot = 0;
    heap_give(p + kept * PAGE_SIZE, pages - kept);
    kept ? keep_spare(zone, slot, p, kept) : drop_slots(zone, slot, n);
}

void large_free(void *p) {
    struct zone *zone;
    uint32_t *slot = slot_at(p, &zone);
    size_t pages = *slot;
    if (unlikely(pages == 0)) {
        if (p)
            bad_free(p);
    } else if (unlikely(zone->spare) || unlikely(pages + spare_pages > SPARE_POOL)) {
        free_slot(zone, slot, p);
    } else {
        *slot = 0;
        keep_spare(zone, slot, p, pages);
    }
}

bool large_resize(void *p, size_t size) {
    struct zone *zone;
    uint32_t *slot = slot_at(p, &zone);
    size_t pages = pages_for(size), n = slot_length(zone, slot);
    if (slots_for(zone, pages) > n)
        return false;
    if (unlikely(!set_pages(p, *slot, pages))) {
        kmalloc_trim();
        if (!set_pages(p, *slot, pages))
            return false;
    }
    *slot = pages;
    if (unlikely(n > slot_length(zone, slot)))
        drop_slots(zone, slot + 1, n - 1);
    return true;
}

void large_trim(void) {
    for (struct zone *zone = large_zones; zone < large_zones + 2; zone++)
        if (zone->spare) {
            heap_give(zone->spare, zone->spare_pages);
            drop_slots(zone, zone->spare_slot, 1);
            spare_pages -= zone->spare_pages;
            zone->spare = NULL;
        }
}
