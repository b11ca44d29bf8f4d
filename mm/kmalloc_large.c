/* The large tier: objects of whole pages, each at the start of a slot of addresses.
 *
 * Addresses are plentiful where frames are not: an object of up to two pages gets a slot of 16 KiB, one of up
 * to 64 KiB a slot of 64 KiB, and a larger one as many of those as twice its size fills, where they are to be
 * had; only its own pages are mapped. So krealloc nearly always grows it where it is, by mapping the next
 * pages, and copies nothing. Each length has a zone of its own, in which a free slot is found in constant
 * time; only an object that is larger, or aligned to more than its slot, searches for a run of slots.
 *
 * The slot freed last in a zone keeps its pages, spare, for the next object: as many as the pool has room
 * for. With that pool an object of 4 to 64 KiB maps and unmaps 2.7 pages on the average when others are
 * replaced by it at random (W4), which is four fifths of what it costs: 650 instructions a pair. One that
 * grows in place step by step (W6) takes 380 a step. */
#include "kheap.h"
#include "panic.h"
#include "string.h"

#define NARROW_SHIFT 14 /* LARGE_ALIGN bytes */
#define NARROW_SLOTS 8192u
#define WIDE_SHIFT 16
#define WIDE_START (LARGE_START + (NARROW_SLOTS << NARROW_SHIFT))
#define WIDE_SLOTS ((SMALL_TABLE - WIDE_START) >> WIDE_SHIFT)

_Static_assert(NARROW_SLOTS <= SUMMARY_MAX && WIDE_SLOTS <= SUMMARY_MAX, "a summary has a bit for each slot");

static struct slot narrow_slots[NARROW_SLOTS], wide_slots[WIDE_SLOTS];
struct zone large_narrow = {LARGE_START, NARROW_SHIFT, NARROW_SLOTS, .slots = narrow_slots};
struct zone large_wide = {WIDE_START, WIDE_SHIFT, WIDE_SLOTS, .slots = wide_slots};

static struct zone *zone_of(const void *p) { return (uintptr_t)p < WIDE_START ? &large_narrow : &large_wide; }

static inline struct slot *slot_of(const struct zone *zone, const void *p) {
    return &zone->slots[((uintptr_t)p - zone->start) >> zone->shift];
}

static inline char *address_of(const struct zone *zone, const struct slot *slot) {
    return (char *)zone->start + ((size_t)(slot - zone->slots) << zone->shift);
}

static void init_zone(struct zone *zone) {
    memset(zone->slots, 0, zone->count * sizeof(*zone->slots));
    memset(&zone->unused, 0, sizeof(zone->unused));
    summary_add_range(&zone->unused, 0, zone->count);
    zone->spare = NULL;
}

void large_init(void) {
    init_zone(&large_narrow);
    init_zone(&large_wide);
}

/* ---- slots ---- */

/* The first of N adjacent unused slots at a multiple of ALIGN bytes, or SUMMARY_NONE. */
static size_t find_slots(const struct zone *zone, size_t n, size_t align) {
    size_t step = align >> zone->shift, base = zone->start >> zone->shift;
    if (n == 1 && step <= 1)
        return summary_first(&zone->unused);
    for (size_t first, end = 0; bitmap_next_run(zone->unused.leaf, &first, &end, zone->count);) {
        first = step > 1 ? ((base + first + step - 1) & ~(step - 1)) - base : first;
        if (first + n <= end)
            return first;
    }
    return SUMMARY_NONE;
}

static struct slot *take_slots(struct zone *zone, size_t n, size_t align) {
    size_t first = find_slots(zone, n, align);
    if (first == SUMMARY_NONE)
        return NULL;
    for (size_t i = 0; i < n; i++)
        summary_remove(&zone->unused, first + i);
    zone->slots[first].length = n & 0x7FFF;
    return &zone->slots[first];
}

static void drop_slots(struct zone *zone, struct slot *slot) {
    size_t i = (size_t)(slot - zone->slots), n = slot->length;
    n == 1 ? summary_add(&zone->unused, i) : summary_add_range(&zone->unused, i, i + n);
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

/* ---- objects ---- */

/* In ZONE: in the spare slot, if it will do. */
static void *alloc_in(struct zone *zone, size_t pages, size_t align) {
    size_t n = slots_for(zone, pages), mapped = 0;
    bool in_spare = zone->spare && n == 1 && align <= 1u << zone->shift;
    struct slot *slot = zone->spare;
    if (in_spare)
        mapped = zone->spare_pages;
    else if (!(slot = take_slots(zone, n > 1 ? slots_for(zone, 2 * pages) : 1, align)) &&
             (n == 1 || !(slot = take_slots(zone, n, align))))
        return NULL;
    char *p = address_of(zone, slot);
    if (!set_pages(p, mapped, pages)) {
        if (!in_spare)
            drop_slots(zone, slot);
        return NULL;
    }
    if (in_spare)
        zone->spare = NULL;
    spare_pages -= mapped;
    slot->pages = pages & 0x1FFFF;
    return p;
}

void *large_alloc(size_t size, size_t align, bool grows) {
    size_t pages = pages_for(size);
    struct zone *zone = pages > 2 || grows ? &large_wide : &large_narrow;
    if (pages == 0 || pages > WIDE_SLOTS << (WIDE_SHIFT - PAGE_SHIFT))
        return NULL;
    void *p = alloc_in(zone, pages, align);
    if (!p && slots_for(&large_narrow, pages) == 1) /* the zone may be full: the other one, then */
        p = alloc_in(zone == &large_narrow ? &large_wide : &large_narrow, pages, align);
    return p;
}

size_t large_size(const void *p) {
    const struct zone *zone = zone_of(p);
    bool start = ((uintptr_t)p & ((1u << zone->shift) - 1)) == 0;
    return start ? slot_of(zone, p)->pages * PAGE_SIZE : 0;
}

bool large_free(void *p) {
    struct zone *zone = zone_of(p);
    struct slot *slot = slot_of(zone, p);
    size_t pages = large_size(p) / PAGE_SIZE;
    if (pages == 0)
        return false;
    size_t kept = zone->spare || slot->length > 1 ? 0 : spare_keep(pages);
    set_pages(p, pages, kept);
    slot->pages = 0;
    if (kept) {
        zone->spare = slot;
        zone->spare_pages = kept;
    } else {
        drop_slots(zone, slot);
    }
    return true;
}

bool large_resize(void *p, size_t size) {
    struct zone *zone = zone_of(p);
    struct slot *slot = slot_of(zone, p);
    size_t pages = pages_for(size);
    if (slots_for(zone, pages) > slot->length || !set_pages(p, slot->pages, pages))
        return false;
    slot->pages = pages & 0x1FFFF;
    return true;
}

static void trim_zone(struct zone *zone) {
    if (!zone->spare)
        return;
    set_pages(address_of(zone, zone->spare), zone->spare_pages, 0);
    drop_slots(zone, zone->spare);
    spare_pages -= zone->spare_pages;
    zone->spare = NULL;
}

void large_trim(void) {
    trim_zone(&large_narrow);
    trim_zone(&large_wide);
}
