/* The medium tier: objects of 257 bytes to 8 KiB, cut from arenas of 128 KiB and merged when freed.
 *
 * An arena is 2,048 granules of 64 bytes, divided without gaps into blocks, live or free. What a boundary-tag
 * heap keeps in the blocks themselves lies here in a table, a 16-bit tag for each granule, one page of tags
 * for an arena:
 *
 *   live block   first tag: LIVE | size in granules; the others 0
 *   free block   first and last tag: size; where it is at least LINKED granules long, the tags after the
 *                first hold the next and the previous free block of its bin; the others 0
 *
 * Every tag inside a block being zero or a link is what makes kfree exact: an address is a live object's
 * start when its tag has LIVE, and a link never looks like that (LINK_BITS). Free neighbours always merge.
 *
 * Bins hold the free blocks by size, exactly, up to the largest request, then all larger ones; a bitmap of
 * the bins gives the least that is large enough: best fit. Free blocks below LINKED are too small for
 * nearly any request of this tier; they are in no bin, and wait for a neighbour to merge with.
 *
 * Pages are mapped when an object first touches them. A page wholly inside a free block holds nothing:
 * it is spare, or is given back. So free blocks are runs of addresses more than of memory, and an arena
 * that is one free block keeps no page but spare ones, its tags' among them. */
#include "bitmap.h"
#include "kheap.h"
#include "panic.h"
#include "string.h"

#define UNIT 64u
#define ARENA_UNITS 2048u
#define ARENA_PAGES (ARENA_UNITS * UNIT / PAGE_SIZE)
#define PAGE_UNITS (PAGE_SIZE / UNIT)
#define ARENAS (MEDIUM_BYTES / UNIT / ARENA_UNITS)
#define LIVE 0x8000u
#define LINKED 6u /* granules: a tag, two links of two tags each, a tag */
#define BINS (MEDIUM_MAX / UNIT + 1)
#define LINK_BITS 15           /* of each of a link's two tags: neither looks like LIVE */
#define NONE 0x3FFFFFFFu

_Static_assert(ARENA_UNITS * sizeof(uint16_t) == PAGE_SIZE, "an arena's tags fill a page");
_Static_assert(ARENA_PAGES == 32, "an arena's mapped pages are the bits of a word");

/* Blocks are named by their first granule, counted from the zone's start. */
static uint16_t *const tags = (uint16_t *)MEDIUM_TABLE;
static uint32_t bins[BINS], bin_map[BINS / 32 + 1];
static uint32_t arena_map[ARENAS / 32]; /* the arenas that exist */
static uint32_t mapped[ARENAS];         /* the pages of each that are mapped */
static size_t live_blocks;

void medium_init(void)
{
    memset(bin_map, 0, sizeof(bin_map));
    memset(arena_map, 0, sizeof(arena_map));
    memset(mapped, 0, sizeof(mapped));
    live_blocks = 0;
    for (unsigned bin = 0; bin < BINS; bin++)
        bins[bin] = NONE;
}

static void *address_of(uint32_t granule)
{
    return (char *)MEDIUM_START + (size_t)granule * UNIT;
}

static void *arena_page(size_t arena, unsigned page)
{
    return address_of(arena * ARENA_UNITS + page * PAGE_UNITS);
}

/* ---- free blocks ---- */

static uint32_t get_link(uint32_t at)
{
    return tags[at] | (uint32_t)tags[at + 1] << LINK_BITS;
}

static void set_link(uint32_t at, uint32_t block)
{
    tags[at] = block & ((1u << LINK_BITS) - 1);
    tags[at + 1] = (uint16_t)(block >> LINK_BITS);
}

#define NEXT(block) ((block) + 1)
#define PREVIOUS(block) ((block) + 3)

static unsigned bin_of(unsigned size)
{
    return size < BINS ? size : BINS - 1;
}

static void insert(uint32_t block, unsigned size)
{
    tags[block] = tags[block + size - 1] = (uint16_t)size;
    if (size < LINKED)
        return;
    unsigned bin = bin_of(size);
    set_link(NEXT(block), bins[bin]);
    set_link(PREVIOUS(block), NONE);
    if (bins[bin] != NONE)
        set_link(PREVIOUS(bins[bin]), block);
    bins[bin] = block;
    bin_map[bin / 32] |= 1u << (bin % 32);
}

/* Takes the free block out of its bin, and leaves its tags all zero. */
static void remove(uint32_t block)
{
    unsigned size = tags[block], bin = bin_of(size);
    tags[block] = tags[block + size - 1] = 0;
    if (size < LINKED)
        return;
    uint32_t next = get_link(NEXT(block)), previous = get_link(PREVIOUS(block));
    set_link(NEXT(block), 0);
    set_link(PREVIOUS(block), 0);
    if (next != NONE)
        set_link(PREVIOUS(next), previous);
    if (previous != NONE)
        set_link(NEXT(previous), next);
    else if ((bins[bin] = next) == NONE)
        bin_map[bin / 32] &= ~(1u << (bin % 32));
}

/* ---- pages, as bits of their arena's word ---- */

static uint32_t page_bits(unsigned first, unsigned end)
{
    return first < end ? bitmap_word_mask(first, end) : 0;
}

static uint32_t pages_touched(uint32_t block, unsigned size)
{
    unsigned start = block % ARENA_UNITS;
    return page_bits(start / PAGE_UNITS, (start + size + PAGE_UNITS - 1) / PAGE_UNITS);
}

static uint32_t pages_inside(uint32_t block, unsigned size)
{
    unsigned start = block % ARENA_UNITS;
    return page_bits((start + PAGE_UNITS - 1) / PAGE_UNITS, (start + size) / PAGE_UNITS);
}

static void give_pages(size_t arena, uint32_t pages)
{
    mapped[arena] &= ~pages;
    for (size_t start, end = 0; bitmap_next_run(&pages, &start, &end, ARENA_PAGES);)
        heap_give(arena_page(arena, start), end - start);
}

/* Maps those of PAGES that are not mapped; false, with none of them, when memory has run out. */
static bool get_pages(size_t arena, uint32_t pages)
{
    uint32_t missing = pages & ~mapped[arena];
    for (size_t start, end = 0; bitmap_next_run(&missing, &start, &end, ARENA_PAGES);) {
        if (heap_get(arena_page(arena, start), end - start) < 0) {
            give_pages(arena, missing & page_bits(0, start));
            return false;
        }
    }
    mapped[arena] |= missing;
    return true;
}

/* ---- arenas ---- */

/* A new arena, one free block; its tags' page is spare until something is allocated in it. */
static uint32_t new_arena(void)
{
    size_t arena = bitmap_find(arena_map, 0, ARENAS, false);
    uint16_t *page = tags + arena * ARENA_UNITS;
    if (arena == ARENAS || heap_get(page, 1) < 0)
        return NONE;
    memset(page, 0, PAGE_SIZE);
    arena_map[arena / 32] |= 1u << (arena % 32);
    spare_pages++;
    insert(arena * ARENA_UNITS, ARENA_UNITS);
    return arena * ARENA_UNITS;
}

/* Gives back an arena that is one free block. */
static void drop_arena(size_t arena)
{
    remove(arena * ARENA_UNITS);
    spare_pages -= 1 + bitmap_count(&mapped[arena], 0, ARENA_PAGES);
    give_pages(arena, mapped[arena]);
    heap_give(tags + arena * ARENA_UNITS, 1);
    arena_map[arena / 32] &= ~(1u << (arena % 32));
}

/* ---- objects ---- */

/* The least free block of at least SIZE granules, or NONE. */
static uint32_t best_fit(unsigned size)
{
    unsigned bin = bitmap_find(bin_map, size < LINKED ? LINKED : size, BINS, true);
    return bin < BINS ? bins[bin] : NONE;
}

void *medium_alloc(size_t bytes)
{
    unsigned size = (bytes + UNIT - 1) / UNIT;
    uint32_t block = best_fit(size);
    if (block == NONE && (block = new_arena()) == NONE)
        return NULL;

    size_t arena = block / ARENA_UNITS;
    unsigned whole = tags[block];
    uint32_t touched = pages_touched(block, size), were_mapped = mapped[arena];
    if (!get_pages(arena, touched)) {
        if (whole == ARENA_UNITS)
            drop_arena(arena);
        return NULL;
    }
    uint32_t were_spare = touched & were_mapped & pages_inside(block, whole);
    spare_pages -= bitmap_count(&were_spare, 0, ARENA_PAGES) + (whole == ARENA_UNITS);
    remove(block);
    tags[block] = (uint16_t)(LIVE | size);
    if (whole > size)
        insert(block + size, whole - size);
    live_blocks++;
    return address_of(block);
}

/* The granule at which the live object at P begins, or NONE. */
static uint32_t live_block(const void *p)
{
    size_t offset = (uintptr_t)p - MEDIUM_START;
    uint32_t block = offset / UNIT;
    bool live = offset % UNIT == 0 && bitmap_test(arena_map, block / ARENA_UNITS) && tags[block] & LIVE;
    return live ? block : NONE;
}

size_t medium_size(const void *p)
{
    uint32_t block = live_block(p);
    return block == NONE ? 0 : (tags[block] & ~LIVE) * UNIT;
}

bool medium_free(void *p)
{
    uint32_t block = live_block(p);
    if (block == NONE)
        return false;
    unsigned size = tags[block] & ~LIVE;
    uint32_t start = block, end = block + size;
    tags[block] = 0;
    live_blocks--;

    if (start % ARENA_UNITS && tags[start - 1] && !(tags[start - 1] & LIVE)) {
        start -= tags[start - 1];
        remove(start);
    }
    if (end % ARENA_UNITS && !(tags[end] & LIVE)) {
        unsigned after = tags[end];
        remove(end);
        end += after;
    }
    insert(start, end - start);

    size_t arena = start / ARENA_UNITS;
    uint32_t emptied = pages_touched(block, size) & pages_inside(start, end - start);
    for (size_t kept = spare_keep(bitmap_count(&emptied, 0, ARENA_PAGES)); kept > 0; kept--)
        emptied &= emptied - 1;
    give_pages(arena, emptied);
    if (end - start == ARENA_UNITS && ++spare_pages > SPARE_POOL)
        drop_arena(arena);
    return true;
}

const char *medium_why(const void *p)
{
    uint32_t granule = ((uintptr_t)p - MEDIUM_START) / UNIT;
    if (!bitmap_test(arena_map, granule / ARENA_UNITS))
        return "its page holds no objects: freed already, or never allocated";
    uint32_t block = granule - granule % ARENA_UNITS; /* walk to the block that it lies in */
    while (block + (tags[block] & ~LIVE) <= granule)
        block += tags[block] & ~LIVE;
    return tags[block] & LIVE ? "it lies inside an object" : "freed already, or never allocated";
}

void medium_trim(void)
{
    for (size_t arena = 0; arena < ARENAS; arena++) {
        if (!bitmap_test(arena_map, arena))
            continue;
        uint32_t start = arena * ARENA_UNITS, end = start + ARENA_UNITS;
        if (tags[start] == ARENA_UNITS) {
            drop_arena(arena);
            continue;
        }
        for (uint32_t block = start; block < end; block += tags[block] & ~LIVE) {
            if (tags[block] & LIVE)
                continue;
            uint32_t pages = pages_inside(block, tags[block]) & mapped[arena];
            spare_pages -= bitmap_count(&pages, 0, ARENA_PAGES);
            give_pages(arena, pages);
        }
    }
}

/* ---- figures and checks ---- */

void medium_stats(struct kmalloc_stats *out)
{
    out->size = MEDIUM_MAX;
    out->live = out->capacity = live_blocks;
    for (size_t arena = 0; arena < ARENAS; arena++)
        if (bitmap_test(arena_map, arena))
            out->pages += 1 + bitmap_count(&mapped[arena], 0, ARENA_PAGES);
}

/* The tags of the block's inside; those of a free block that is in a bin belong to its links. */
static void check_inside(uint32_t block, unsigned size, bool live)
{
    uint32_t first = !live && size >= LINKED ? block + 5 : block + 1;
    uint32_t last = block + size - (live ? 0 : 1);
    for (uint32_t i = first; i < last; i++)
        if (tags[i])
            PANIC("kmalloc: granule %p inside a block has tag 0x%04x", address_of(i), tags[i]);
    if (!live && tags[block + size - 1] != size)
        PANIC("kmalloc: the free block %p of %u granules ends in tag 0x%04x", address_of(block), size,
              tags[block + size - 1]);
}

/* The arena's spare pages; *LINKS counts its free blocks that a bin must hold. */
static size_t check_arena(size_t arena, size_t *links)
{
    size_t spare = tags[arena * ARENA_UNITS] == ARENA_UNITS;
    uint32_t block = arena * ARENA_UNITS, end = block + ARENA_UNITS, must = 0;
    for (bool was_free = false; block < end;) {
        unsigned size = tags[block] & ~LIVE;
        bool live = tags[block] & LIVE;
        if (size == 0 || size > end - block || (was_free && !live))
            PANIC("kmalloc: block %p has tag 0x%04x", address_of(block), tags[block]);
        check_inside(block, size, live);
        uint32_t inside = pages_inside(block, size) & mapped[arena];
        if (live)
            must |= pages_touched(block, size);
        else
            spare += bitmap_count(&inside, 0, ARENA_PAGES);
        *links += !live && size >= LINKED;
        was_free = !live;
        block += size;
    }
    if (must & ~mapped[arena])
        PANIC("kmalloc: arena %p needs the pages 0x%08lx, and has 0x%08lx", arena_page(arena, 0),
              (unsigned long)must, (unsigned long)mapped[arena]);
    return spare;
}

size_t medium_check(void)
{
    size_t spare = 0, links = 0, linked = 0;
    for (size_t arena = 0; arena < ARENAS; arena++)
        if (bitmap_test(arena_map, arena))
            spare += check_arena(arena, &links);
    for (unsigned bin = 0; bin < BINS; bin++) {
        if (bitmap_test(bin_map, bin) != (bins[bin] != NONE))
            PANIC("kmalloc: the bins' map is wrong about bin %u", bin);
        for (uint32_t block = bins[bin]; block != NONE; block = get_link(NEXT(block)))
            if (bin_of(tags[block]) != bin || ++linked > links)
                PANIC("kmalloc: bin %u leads to block %p, tag 0x%04x", bin, address_of(block), tags[block]);
    }
    if (linked != links)
        PANIC("kmalloc: %zu free blocks belong in bins; %zu are there", links, linked);
    return spare;
}
