/* The large tier: objects of more than a page, each at the start of a slot of addresses.
 *
 * Addresses are plentiful where frames are not: an object of up to 64 KiB gets a slot of 64 KiB, and a larger
 * one as many as twice its size fills, where they are to be had; only its own pages are mapped. So krealloc
 * nearly always grows it where it is, by mapping the next pages, and copies nothing. A free slot is found in
 * constant time; only an object that is larger, or aligned to more, searches for a run of slots.
 *
 * The slot freed last keeps its pages, spare, for the next object: as many as the pool has room for. With that
 * pool an object of 4 to 64 KiB maps and unmaps 2.7 pages on the average when others are replaced by it at
 * random (W4), and a pair takes 320 instructions: 45 for each of those pages, and 100 for finding the range's
 * table and checking all before a change, the rest is the heap's. An object that grows in place step by step
 * (W6) takes 370 a step.
 *
 * What it costs: a page is the least that comes and goes, which of objects of 2 to 8 KiB wastes a third; and
 * there are slots for 10,112 objects.
 *
 * Tried and dropped: slots of 16 KiB for objects of up to two pages, in a zone of their own: more of them, but
 * 15 instructions more a pair, and 45 lines. */
#include "kheap.h"
#include "panic.h"
#include "string.h"

_Static_assert(LARGE_SLOTS <= SUMMARY_MAX, "the summary has a bit for each slot");
_Static_assert(LARGE_SLOTS <= 0x3FFF && LARGE_SLOTS * SLOT_PAGES <= 0x3FFFF,
               "a slot's fields hold any number");

struct slot large_slots[LARGE_SLOTS];
struct summary large_unused;
char *large_spare;
size_t large_spare_pages;

static inline struct slot *slot_of(const void *p) {
    return &large_slots[((uintptr_t)p - LARGE_START) >> SLOT_SHIFT];
}

static inline char *slot_address(size_t slot) { return (char *)LARGE_START + (slot << SLOT_SHIFT); }

void large_init(void) {
    memset(large_slots, 0, sizeof(large_slots));
    memset(&large_unused, 0, sizeof(large_unused));
    summary_add_range(&large_unused, 0, LARGE_SLOTS);
    large_spare = NULL;
}

/* Changes the mapped pages at P from OLD to PAGES. */
static inline bool set_pages(char *p, size_t old, size_t pages) {
    if (pages > old)
        return heap_get(p + old * PAGE_SIZE, pages - old) == 0;
    if (pages < old)
        heap_give(p + pages * PAGE_SIZE, old - pages);
    return true;
}

/* ---- more than a slot, or aligned to more ---- */

/* The first of N adjacent unused slots at a multiple of ALIGN bytes, or SUMMARY_NONE. */
static size_t find_slots(size_t n, size_t align) {
    size_t step = align >> SLOT_SHIFT, base = LARGE_START >> SLOT_SHIFT;
    for (size_t first, end = 0; bitmap_next_run(large_unused.leaf, &first, &end, LARGE_SLOTS);) {
        first = step > 1 ? ((base + first + step - 1) & ~(step - 1)) - base : first;
        if (first + n <= end)
            return first;
    }
    return SUMMARY_NONE;
}

/* With room to grow, where that is to be had. */
void *large_alloc_aligned(size_t size, size_t align) {
    size_t pages = pages_for(size), n = slots_for(pages), more = n > 1 ? slots_for(2 * pages) : n;
    if (pages - 1 >= LARGE_SLOTS * SLOT_PAGES)
        return NULL;
    size_t first = find_slots(more, align);
    if (first == SUMMARY_NONE)
        first = find_slots(more = n, align);
    if (first == SUMMARY_NONE || !set_pages(slot_address(first), 0, pages))
        return alloc_again(size, align);
    for (size_t i = 0; i < more; i++)
        summary_remove(&large_unused, first + i);
    large_slots[first] = (struct slot){more & 0x3FFF, pages & 0x3FFFF};
    return slot_address(first);
}

/* ---- one slot ---- */

/* The spare one, or else the first unused one. */
void *large_alloc(size_t size) {
    size_t pages = pages_for(size), first = 0, mapped = large_spare_pages;
    char *p = large_spare;
    if (unlikely(pages - 1 >= SLOT_PAGES))
        return large_alloc_aligned(size, 1);
    if (!p) {
        mapped = 0;
        first = summary_first(&large_unused);
        p = slot_address(first);
    }
    if (unlikely(first == SUMMARY_NONE) || unlikely(!set_pages(p, mapped, pages)))
        return alloc_again(size, 1);
    if (!mapped)
        summary_remove(&large_unused, first);
    large_spare = NULL;
    spare_pages -= mapped;
    *slot_of(p) = (struct slot){1, pages & 0x3FFFF};
    return p;
}

size_t large_size(const void *p) {
    return (uintptr_t)p % (1u << SLOT_SHIFT) ? 0 : slot_of(p)->pages * PAGE_SIZE;
}

static void drop_slots(struct slot *slot) {
    size_t i = (size_t)(slot - large_slots), n = slot->length;
    n == 1 ? summary_add(&large_unused, i) : summary_add_range(&large_unused, i, i + n);
    *slot = (struct slot){0, 0};
}

void large_free(void *p) {
    bool in_zone = (uintptr_t)p - LARGE_START < LARGE_SLOTS << SLOT_SHIFT;
    size_t pages = likely(in_zone) ? large_size(p) / PAGE_SIZE : 0;
    if (unlikely(pages == 0)) {
        if (p)
            bad_free(p);
        return;
    }
    struct slot *slot = slot_of(p);
    size_t room = SPARE_POOL - spare_pages, kept = pages < room ? pages : room;
    if (large_spare || unlikely(slot->length > 1))
        kept = 0;
    set_pages(p, pages, kept);
    slot->pages = 0;
    if (!kept) {
        drop_slots(slot);
        return;
    }
    large_spare = p;
    large_spare_pages = kept;
    spare_pages += kept;
}

bool large_resize(void *p, size_t size) {
    struct slot *slot = slot_of(p);
    size_t pages = pages_for(size);
    if (slots_for(pages) > slot->length || !set_pages(p, slot->pages, pages))
        return false;
    slot->pages = pages & 0x3FFFF;
    return true;
}

void large_trim(void) {
    if (!large_spare)
        return;
    heap_give(large_spare, large_spare_pages);
    drop_slots(slot_of(large_spare));
    spare_pages -= large_spare_pages;
    large_spare = NULL;
}
