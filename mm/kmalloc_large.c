/* The large tier: objects of whole pages, each at the start of a slot of addresses.
 *
 * Addresses are plentiful where frames are not: an object of a page or two gets a slot of 16 KiB, a larger
 * one 128 KiB or twice its size, as long as half of all addresses are left, and only its own pages are
 * mapped. So krealloc nearly always grows it where it is, by mapping the next pages, and copies nothing. One
 * freed slot may keep pages, spare, for the next object that wants a slot of its length: as many as the pool
 * has room for. */
#include "kheap.h"
#include "panic.h"
#include "string.h"

#define UNIT 0x4000u
#define UNIT_PAGES (UNIT / PAGE_SIZE)
#define UNITS ((SMALL_TABLE - LARGE_START) / UNIT)
#define WIDE_SLOT 32u /* pages */
#define UNITS_MAX 0x7FFFu
#define PAGES_MAX 0x1FFFFu

_Static_assert(UNITS <= SUMMARY_MAX, "the summary has a bit for each unit");

/* A slot, in the place of its first unit; all zero where none begins. */
static struct slot {
    uint32_t units : 15, pages : 17; /* its length; the object's pages, 0 when there is no object in it */
} slots[UNITS];
static struct summary free_units;
static size_t units_left;
static struct slot *spare_slot; /* a slot without an object, but with spare pages; or NULL */
static size_t spare_in_slot;

void large_init(void) {
    memset(&free_units, 0, sizeof(free_units));
    summary_add_range(&free_units, 0, UNITS);
    memset(slots, 0, sizeof(slots));
    units_left = UNITS;
    spare_slot = NULL;
}

static char *address_of(const struct slot *slot) {
    return (char *)LARGE_START + (slot - slots) * (ptrdiff_t)UNIT;
}
static struct slot *slot_of(const void *p) { return &slots[((uintptr_t)p - LARGE_START) / UNIT]; }
static size_t units_for(size_t pages) { return (pages + UNIT_PAGES - 1) / UNIT_PAGES; }

static size_t roomy_units(size_t pages) {
    size_t wide = 2 * pages > WIDE_SLOT ? 2 * pages : WIDE_SLOT;
    return units_for(pages <= 2 ? UNIT_PAGES : units_left > UNITS / 2 ? wide : pages);
}

/* A new slot of N units, its address a multiple of ALIGN units; or NULL. */
static struct slot *take_units(size_t n, size_t align) {
    size_t base = LARGE_START / UNIT, start, end = summary_next(&free_units, 0);
    do {
        if (n > UNITS_MAX || end >= UNITS || !bitmap_next_run(free_units.leaf, &start, &end, UNITS))
            return NULL;
        start = ((base + start + align - 1) & ~(align - 1)) - base;
    } while (start + n > end);
    for (size_t i = start; i < start + n; i++)
        summary_remove(&free_units, i);
    units_left -= n;
    slots[start].units = n & UNITS_MAX;
    return &slots[start];
}

static void drop_slot(struct slot *slot) {
    summary_add_range(&free_units, (size_t)(slot - slots), (size_t)(slot - slots) + slot->units);
    units_left += slot->units;
    slot->units = 0;
}

/* Changes the mapped pages at the start of SLOT from OLD to PAGES. */
static bool set_pages(struct slot *slot, size_t old, size_t pages) {
    if (pages > old && heap_get(address_of(slot) + old * PAGE_SIZE, pages - old) < 0)
        return false;
    if (pages < old)
        heap_give(address_of(slot) + pages * PAGE_SIZE, old - pages);
    return true;
}

/* SLOT, of which PAGES are mapped, has no object any more. */
static void retire(struct slot *slot, size_t pages) {
    size_t kept = spare_slot ? 0 : spare_keep(pages);
    set_pages(slot, pages, kept);
    slot->pages = 0;
    if (kept) {
        spare_slot = slot;
        spare_in_slot = kept;
    } else {
        drop_slot(slot);
    }
}

/* The spare slot's pages, which are spare no more. */
static size_t take_spare(void) {
    spare_pages -= spare_in_slot;
    spare_slot = NULL;
    return spare_in_slot;
}

void large_trim(void) {
    struct slot *slot = spare_slot;
    if (slot) {
        set_pages(slot, take_spare(), 0);
        drop_slot(slot);
    }
}

void *large_alloc(size_t size) { return large_alloc_aligned(size, 1); }

void *large_alloc_aligned(size_t size, size_t align) {
    size_t pages = pages_for(size), mapped = 0, align_units = align > UNIT ? align / UNIT : 1;
    if (pages == 0 || pages > PAGES_MAX || align_units > UNITS)
        return NULL;
    struct slot *slot = spare_slot;
    if (slot && align_units == 1 && slot->units == roomy_units(pages))
        mapped = take_spare();
    else if (!(slot = take_units(roomy_units(pages), align_units)))
        slot = take_units(units_for(pages), align_units);
    if (!slot && spare_slot) { /* its addresses may be the ones that lack */
        large_trim();
        return large_alloc_aligned(size, align);
    }
    if (!slot)
        return NULL;
    if (!set_pages(slot, mapped, pages)) {
        retire(slot, mapped);
        return NULL;
    }
    slot->pages = pages & PAGES_MAX;
    return address_of(slot);
}

size_t large_size(const void *p) { return (uintptr_t)p % UNIT ? 0 : slot_of(p)->pages * PAGE_SIZE; }

void large_free(void *p) { retire(slot_of(p), slot_of(p)->pages); }

bool large_resize(void *p, size_t size) {
    struct slot *slot = slot_of(p);
    size_t pages = pages_for(size);
    if (pages == 0 || pages > PAGES_MAX || units_for(pages) > slot->units ||
        !set_pages(slot, slot->pages, pages))
        return false;
    slot->pages = pages & PAGES_MAX;
    return true;
}

/* ---- figures and checks ---- */

void large_stats(struct kmalloc_stats *out) {
    for (struct slot *slot = slots; slot < slots + UNITS; slot++) {
        out->capacity = out->live += slot->pages > 0;
        out->pages += slot->pages;
    }
}

size_t large_check(void) {
    size_t units = bitmap_count(free_units.leaf, 0, UNITS);
    ASSERT_OP(units, ==, units_left);
    for (size_t i = 0; i < UNITS; i += slots[i].units ? slots[i].units : 1) {
        ASSERT_OP(bitmap_find(free_units.leaf, i, i + slots[i].units, true), ==, i + slots[i].units);
        ASSERT(slots[i].pages <= slots[i].units * UNIT_PAGES);
        ASSERT(slots[i].pages || !slots[i].units || &slots[i] == spare_slot);
        units += slots[i].units;
    }
    ASSERT_OP(units, ==, UNITS); /* each is free or in one slot */
    return spare_slot ? spare_in_slot : 0;
}
