/* The large tier: objects of more than a page, each at the start of a slot of addresses.
 *
 * Addresses are plentiful where frames are not: an object of up to 8 KiB gets a slot of 16 KiB, one of up to
 * 64 KiB a slot of 64 KiB, and a larger one as many as it fills; only its own pages are mapped. Behind the
 * larger one as many slots again are ROOM to grow, where they are to be had. So krealloc mostly grows an
 * object where it is, by mapping the next pages, and copies nothing. Nobody owns room: when addresses run
 * out, all of it becomes unused.
 *
 * Each length of slots has a zone of its own, and a free slot is found in constant time, in the other zone
 * where one is full and the object fits; only an object that is larger, or aligned to more, searches for a
 * run.
 *
 * The slot freed last in a zone keeps its pages, spare, for the next object: as many as the pool has room
 * for. With that pool an object of 4 to 64 KiB maps and unmaps some 2.5 pages when others are replaced by it
 * at random (W4), and a pair takes 241 instructions: 93 are the heap's own, 92 are for those pages, 37 of
 * them for pm's bitmap, and 56 are for one call of vmem and its checks. An object that grows step by
 * step (W6) takes 348 a step.
 *
 * A larger one changes a bit for each of its slots, a word at a time, and looks once at each word of the
 * zone's bitmap if no hole is long enough: first with room, then without, and without again once all room has
 * been given up. So no kmalloc takes more than 36,000 instructions, mapping left out, and no kfree more than
 * 6,000. One of up to 64 KiB that makes room give way takes up to 8,200. An object aligned to more than 64
 * KiB looks at each place with that alignment, for up to 840,000.
 *
 * What it costs: a page is the least that comes and goes, which of objects of 2 to 8 KiB wastes a third.
 * Tried and dropped:
 * - Slots of 64 KiB alone. There are 10,112, and sqlite with 80 MiB of pages took them all.
 * - Room that is the object's own until it shrinks: while one of 250 MiB lived, none of 10 MiB found a run.
 *   To cut it object by object took up to 245,000 instructions. */
#include "kheap.h"
#include "panic.h"
#include "string.h"

static uint32_t narrow_slots[NARROW_SLOTS], wide_slots[WIDE_SLOTS], no_slot;
uint32_t large_room[WIDE_SLOTS / 32];
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
    memset(large_room, 0, sizeof(large_room));
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

/* The first slot from SLOT on whose address is a multiple of ALIGN. */
static size_t next_aligned(size_t slot, size_t align) {
    size_t base = WIDE_START >> WIDE_SHIFT, step = align >> WIDE_SHIFT;
    return ((base + slot + step - 1) & ~(step - 1)) - base;
}

/* The first of N adjacent unused slots at a multiple of ALIGN bytes, or WIDE_SLOTS. */
static size_t find_slots(size_t n, size_t align) {
    const uint32_t *unused = wide->unused.leaf;
    if (align <= 1u << WIDE_SHIFT)
        return bitmap_find_run(unused, NULL, n, 0, WIDE_SLOTS);
    size_t slot = next_aligned(0, align), end = slot;
    for (; slot + n <= WIDE_SLOTS; slot = next_aligned(end + 1, align)) {
        end = bitmap_find(unused, slot, slot + n, false);
        if (end == slot + n)
            return slot;
    }
    return WIDE_SLOTS;
}

/* The slots that an object of PAGES pages gets, room to grow included. */
static inline size_t slots_with_room(size_t pages) {
    return pages > WIDE_PAGES ? slots_for(wide, 2 * pages) : 1;
}

/* The slots from SLOT on, of which those from ROOM on are room to grow, become unused. */
static void drop_slots(size_t slot, size_t room) {
    size_t end = large_room_end(room);
    bitmap_fill(large_room, room, end, false);
    summary_add_range(&wide->unused, slot, end);
}

/* Addresses have run out: all that is spare or room to grow becomes unused. */
static void give_up_room(void) {
    kmalloc_trim();
    summary_add_bits(&wide->unused, large_room, WIDE_SLOTS);
    memset(large_room, 0, sizeof(large_room));
}

void *large_alloc_aligned(size_t size, size_t align) {
    size_t pages = pages_for(size), n = slots_for(wide, pages), all = slots_with_room(pages);
    if (n > WIDE_SLOTS)
        return NULL;
    size_t first = find_slots(all, align);
    if (first == WIDE_SLOTS && all > n)
        first = find_slots(all = n, align);
    if (first == WIDE_SLOTS) {
        give_up_room();
        first = find_slots(n, align);
        if (first == WIDE_SLOTS)
            return NULL;
    }
    if (!set_pages(slot_address(wide, first), 0, pages))
        return alloc_again(size, align);
    summary_remove_range(&wide->unused, first, first + all);
    bitmap_fill(large_room, first + n, first + all, true);
    wide_slots[first] = pages;
    return slot_address(wide, first);
}

/* Whether the object at SLOT of ZONE has room to fill N slots instead of OLD. */
static bool has_room(const struct zone *zone, size_t slot, size_t old, size_t n) {
    return zone == wide && slot + n <= WIDE_SLOTS && bitmap_full(large_room, slot + old, slot + n);
}

/* The object at SLOT, which filled OLD slots, has PAGES pages now. */
static void move_end(size_t slot, size_t old, size_t pages) {
    size_t end = slot + slots_for(wide, pages), room_end = slot + slots_with_room(pages);
    bitmap_fill(large_room, slot + old, end, false); /* it has grown, */
    bitmap_fill(large_room, end, slot + old, true);  /* or shrunk */
    if (room_end < large_room_end(end))              /* and has more room than it gets */
        drop_slots(room_end, room_end);
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

/* ZONE, or else the other one, where that has an unused slot that is long enough; or NULL. */
static struct zone *with_unused(struct zone *zone, size_t pages) {
    if (unlikely(!zone->unused.top))
        zone = zone == narrow ? wide : narrow;
    return zone->unused.top && slots_for(zone, pages) == 1 ? zone : NULL;
}

/* At the first unused slot. */
static __attribute__((noinline)) void *alloc_unused(struct zone *wanted, size_t pages) {
    struct zone *zone = with_unused(wanted, pages);
    if (unlikely(!zone)) {
        give_up_room();
        zone = with_unused(wanted, pages);
        if (!zone)
            return NULL;
    }
    size_t i = summary_first(&zone->unused);
    char *p = slot_address(zone, i);
    if (unlikely(heap_get(p, pages) < 0))
        return alloc_again(pages * PAGE_SIZE, 1);
    summary_remove(&zone->unused, i);
    zone->slots[i] = pages;
    return p;
}

/* The spare slot of ZONE, or else an unused one. (What the zone says is read again, not kept in registers
 * that would be saved around the provider's call.) */
static inline void *alloc_slot(struct zone *zone, size_t pages) {
    char *p = zone->spare;
    if (unlikely(!p))
        return alloc_unused(zone, pages);
    if (unlikely(!set_pages(p, zone->spare_pages, pages)))
        return alloc_again(pages * PAGE_SIZE, 1);
    p = zone->spare;
    zone->spare = NULL;
    *zone->spare_slot = pages;
    spare_pages -= zone->spare_pages;
    return p;
}

/* What the wide zone has spare serves too, as long as a slot is unused among the first half of it. */
static __attribute__((noinline)) void *alloc_narrow(void) {
    bool lodges = !narrow->spare && wide->spare && wide->unused.top & FIRST_HALF;
    return alloc_slot(lodges ? wide : narrow, NARROW_PAGES);
}

/* An object of up to NARROW_UP_TO pages, 0 for none, goes to the narrow zone. */
static inline void *alloc(size_t size, size_t narrow_up_to) {
    size_t pages = (size - 1) / PAGE_SIZE + 1; /* of size 0 far too many */
    if (unlikely(pages > WIDE_PAGES))
        return large_alloc_aligned(size, 1);
    return unlikely(pages <= narrow_up_to) ? alloc_narrow() : alloc_slot(wide, pages);
}

void *large_alloc(size_t size) { return alloc(size, NARROW_PAGES); }
void *large_alloc_wide(size_t size) { return alloc(size, 0); }

size_t large_size(const void *p) {
    struct zone *zone;
    return *slot_at(p, &zone) * PAGE_SIZE;
}

static inline void keep_spare(struct zone *zone, uint32_t *slot, char *p, size_t pages) {
    zone->spare = p;
    zone->spare_slot = slot;
    zone->spare_pages = pages;
    spare_pages += pages;
}

/* The pool has no place for all of SLOT's pages, perhaps for none. */
static __attribute__((noinline)) void free_slot(struct zone *zone, uint32_t *slot, char *p) {
    size_t pages = *slot, i = (size_t)(slot - zone->slots);
    size_t kept = zone->spare || pages > WIDE_PAGES ? 0 : SPARE_POOL - spare_pages;
    heap_give(p + kept * PAGE_SIZE, pages - kept);
    *slot = 0;
    if (kept)
        keep_spare(zone, slot, p, kept);
    else if (pages > WIDE_PAGES)
        drop_slots(i, i + slots_for(wide, pages));
    else
        summary_add(&zone->unused, i);
}

static inline __attribute__((always_inline)) void free_object(struct zone *zone, uint32_t *slot, char *p) {
    size_t pages = *slot;
    if (unlikely(pages == 0)) {
        if (p)
            bad_kfree(p);
    } else if (unlikely(zone->spare) || unlikely(pages + spare_pages > SPARE_POOL)) {
        free_slot(zone, slot, p);
    } else {
        *slot = 0;
        keep_spare(zone, slot, p, pages);
    }
}

/* (Each zone has code of its own.) */
void large_free(void *p) {
    struct zone *zone;
    uint32_t *slot = slot_at(p, &zone);
    if (likely(zone == wide))
        free_object(wide, slot, p);
    else
        free_object(narrow, slot, p);
}

bool large_resize(void *p, size_t size) {
    struct zone *zone;
    uint32_t *slot = slot_at(p, &zone);
    size_t i = (size_t)(slot - zone->slots), pages = pages_for(size);
    size_t old = slots_for(zone, *slot), n = slots_for(zone, pages);
    if (n > old && !has_room(zone, i, old, n))
        return false;
    if (unlikely(!set_pages(p, *slot, pages))) {
        kmalloc_trim();
        if (!set_pages(p, *slot, pages))
            return false;
    }
    *slot = pages;
    if (n != old)
        move_end(i, old, pages);
    return true;
}

void large_trim(void) {
    for (struct zone *zone = large_zones; zone < large_zones + 2; zone++)
        if (zone->spare) {
            heap_give(zone->spare, zone->spare_pages);
            summary_add(&zone->unused, (size_t)(zone->spare_slot - zone->slots));
            spare_pages -= zone->spare_pages;
            zone->spare = NULL;
        }
}
