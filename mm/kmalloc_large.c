/* The large tier: objects of whole pages, each at the start of a slot of addresses.
 *
 * Addresses are plentiful where frames are not: an object gets a slot twice its size where there is one, in
 * units of 64 KiB, and only its own pages are mapped. So krealloc nearly always grows it where it is, by
 * mapping the next pages, and copies nothing.
 *
 * A unit's entry in PAGES is not zero exactly where a live object begins. A freed slot may keep some of its
 * pages, spare, for the next object: as many as the pool has room for. */
#include "bitmap.h"
#include "kheap.h"
#include "panic.h"
#include "string.h"

#define UNIT 0x10000u
#define UNITS (LARGE_BYTES / UNIT)
#define UNIT_PAGES (UNIT / PAGE_SIZE)

static struct summary free_units;
static uint32_t pages_at[UNITS]; /* of the live object that begins here */
static uint16_t slot_units[UNITS];
static size_t live_objects;

/* Freed slots with spare pages. */
static struct {
    uint16_t unit;
    uint16_t pages;
} spare_slots[SPARE_POOL];
static unsigned spare_count;

void large_init(void)
{
    memset(&free_units, 0, sizeof(free_units));
    summary_add_range(&free_units, 0, UNITS);
    memset(pages_at, 0, sizeof(pages_at));
    live_objects = spare_count = 0;
}

static char *page_at(size_t unit, size_t page)
{
    return (char *)LARGE_START + unit * UNIT + page * PAGE_SIZE;
}

/* ---- slots ---- */

/* The first of N adjacent free units, at a multiple of ALIGN units; or UNITS. */
static size_t find_units(size_t n, size_t align)
{
    if (n == 1 && align == 1) {
        size_t unit = summary_next(&free_units, 0);
        return unit == SUMMARY_NONE ? UNITS : unit;
    }
    size_t base = LARGE_START / UNIT; /* it is addresses that are aligned, not units */
    for (size_t start, end = 0; bitmap_next_run(free_units.leaf, &start, &end, UNITS);) {
        start = ((base + start + align - 1) & ~(align - 1)) - base;
        if (start < end && end - start >= n)
            return start;
    }
    return UNITS;
}

static void free_slot(size_t unit)
{
    summary_add_range(&free_units, unit, unit + slot_units[unit]);
}

/* A slot of at least PAGES pages, or UNITS; *SPARE of its pages are mapped already, at its start. */
static size_t new_slot(size_t pages, size_t align, size_t *spare)
{
    size_t units = (pages + UNIT_PAGES - 1) / UNIT_PAGES, room = (2 * pages + UNIT_PAGES - 1) / UNIT_PAGES;
    *spare = 0;
    if (units == 1 && align == 1 && spare_count > 0) {
        spare_count--;
        spare_pages -= *spare = spare_slots[spare_count].pages;
        return spare_slots[spare_count].unit;
    }
    size_t unit = find_units(room, align);
    if (unit == UNITS && (unit = find_units(room = units, align)) == UNITS)
        return UNITS;
    for (size_t i = unit; i < unit + room; i++)
        summary_remove(&free_units, i);
    slot_units[unit] = (uint16_t)room;
    return unit;
}

/* Frees the slot of UNIT, of whose pages PAGES are mapped; those for which the pool has room stay so. */
static void retire_slot(size_t unit, size_t pages)
{
    size_t kept = slot_units[unit] == 1 ? spare_keep(pages) : 0;
    if (pages > kept)
        heap_give(page_at(unit, kept), pages - kept);
    if (kept) {
        spare_slots[spare_count].unit = (uint16_t)unit;
        spare_slots[spare_count++].pages = (uint16_t)kept;
    } else {
        free_slot(unit);
    }
}

void large_trim(void)
{
    while (spare_count > 0) {
        spare_count--;
        size_t unit = spare_slots[spare_count].unit, pages = spare_slots[spare_count].pages;
        heap_give(page_at(unit, 0), pages);
        spare_pages -= pages;
        free_slot(unit);
    }
}

/* ---- objects ---- */

/* The unit at which the live object at P begins, or UNITS. */
static size_t live_unit(const void *p)
{
    size_t offset = (uintptr_t)p - LARGE_START, unit = offset / UNIT;
    return offset % UNIT == 0 && pages_at[unit] ? unit : UNITS;
}

/* Changes the mapped pages of UNIT's slot from OLD to PAGES. */
static bool set_pages(size_t unit, size_t old, size_t pages)
{
    if (pages > old && heap_get(page_at(unit, old), pages - old) < 0)
        return false;
    if (pages < old)
        heap_give(page_at(unit, pages), old - pages);
    return true;
}

void *large_alloc(size_t size, size_t align)
{
    size_t pages = pages_for(size), spare;
    if (size > LARGE_BYTES || align > LARGE_BYTES)
        return NULL;
    size_t unit = new_slot(pages, align > UNIT ? align / UNIT : 1, &spare);
    if (unit == UNITS)
        return NULL;
    if (!set_pages(unit, spare, pages)) {
        retire_slot(unit, spare);
        return NULL;
    }
    pages_at[unit] = pages;
    live_objects++;
    return page_at(unit, 0);
}

size_t large_size(const void *p)
{
    size_t unit = live_unit(p);
    return unit == UNITS ? 0 : pages_at[unit] * PAGE_SIZE;
}

bool large_free(void *p)
{
    size_t unit = live_unit(p);
    if (unit == UNITS)
        return false;
    size_t pages = pages_at[unit];
    pages_at[unit] = 0;
    live_objects--;
    retire_slot(unit, pages);
    return true;
}

bool large_resize(void *p, size_t size)
{
    size_t unit = live_unit(p), pages = pages_for(size);
    if (pages > slot_units[unit] * UNIT_PAGES || !set_pages(unit, pages_at[unit], pages))
        return false;
    pages_at[unit] = pages;
    return true;
}

const char *large_why(const void *p)
{
    size_t unit = ((uintptr_t)p - LARGE_START) / UNIT;
    if (!bitmap_test(free_units.leaf, unit))
        for (size_t start = unit + 1; start-- > 0 && !bitmap_test(free_units.leaf, start);)
            if (pages_at[start])
                return page_at(start, pages_at[start]) > (const char *)p ? "it lies inside an object"
                                                                       : "it is no object's start";
    return "freed already, or never allocated";
}

/* ---- figures and checks ---- */

void large_stats(struct kmalloc_stats *out)
{
    out->live = out->capacity = live_objects;
    for (size_t unit = 0; unit < UNITS; unit++)
        out->pages += pages_at[unit];
}

size_t large_check(void)
{
    size_t live = 0, taken = 0, spare = 0;
    for (size_t unit = 0; unit < UNITS; unit++) {
        taken += !bitmap_test(free_units.leaf, unit);
        if (!pages_at[unit])
            continue;
        live++;
        taken -= slot_units[unit];
        if (pages_at[unit] > slot_units[unit] * UNIT_PAGES ||
            bitmap_find(free_units.leaf, unit, unit + slot_units[unit], true) != unit + slot_units[unit])
            PANIC("kmalloc: the object at %p has %zu pages in a slot of %u units", (void *)page_at(unit, 0),
                  (size_t)pages_at[unit], slot_units[unit]);
    }
    for (unsigned i = 0; i < spare_count; i++)
        spare += spare_slots[i].pages;
    if (live != live_objects || taken != spare_count)
        PANIC("kmalloc: %zu large objects, %zu counted; %zu units in no slot, %u spare", live, live_objects, taken,
              spare_count);
    return spare;
}
