/* The small tier: objects up to 2 KiB, in 20 classes: 32 bytes apart up to 384, and then the sizes of which
 * 9, 8, 7, ... 2 fill a page.
 *
 * A page holds objects of one class, and its slab, in a table beside the zone, says which of them are live:
 * a byte for each granule of 32 bytes. The free objects of a page form a list through these bytes, and a
 * live one points to itself, which no free one does. So kfree finds the slab by shifting the address, and
 * one comparison proves that the address is the start of an object that is live: an address inside an
 * object, between two, or freed already has another value there, as have all granules of an unused page.
 *
 * Each class takes from one page, its CURRENT one. When that is exhausted it is left alone, in no list, and
 * the next is taken from the class's list of PARTIAL pages, else a spare or a new page. A free into a full
 * page puts it at that list's end, so that more of its objects are free when its turn comes; one that empties
 * a page takes it out. The smallest classes keep their current page even so: a small object allocated and
 * freed over and over touches nothing but its page. What is kept empty are only the zone's first pages, whose
 * slabs fill one page of the table: one further up would keep all of the table before it.
 *
 * New pages come at the lowest unused place of the zone, so that the table, which reaches to the highest,
 * stays small. */
#include "kheap.h"
#include "panic.h"
#include "string.h"

_Static_assert((LARGE_START - SMALL_START) / PAGE_SIZE == SUMMARY_MAX, "the summary has a bit for each page");
_Static_assert(PAGE_GRANULES <= NO_GRANULE, "a granule fits in a byte");
_Static_assert(SUMMARY_MAX * sizeof(struct slab) <= KHEAP_END - SMALL_TABLE, "the table fits");

static struct slab *const slabs = (struct slab *)SMALL_TABLE;
static struct slab nothing;           /* the sentinel: no object is free in it */
static struct summary unused, in_use; /* pages: each is in one of the two */
static struct list partial[SMALL_CLASSES], spare;
/* Granules in an object of each class, and the class for each number of granules. */
static const uint8_t step[SMALL_CLASSES] = {1,  2,  3,  4,  5,  6,  7,  8,  9,  10,
                                            11, 12, 14, 16, 18, 21, 25, 32, 42, 64};
static const uint8_t class_of[SMALL_MAX / GRANULE] = {
    0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 12, 13, 13, 14, 14, 15, 15, 15, 16,
    16, 16, 16, 17, 17, 17, 17, 17, 17, 17, 18, 18, 18, 18, 18, 18, 18, 18, 18, 18, 19, 19,
    19, 19, 19, 19, 19, 19, 19, 19, 19, 19, 19, 19, 19, 19, 19, 19, 19, 19, 19, 19,
};

struct slab *small_current[SMALL_MAX / GRANULE];
size_t small_top;

static int capacity(const struct slab *slab) { return PAGE_GRANULES / step[slab->sc]; }
static int live(const struct slab *slab) { return (slab->more + 1) & 0xFFFF; } /* whatever the bias */
static bool is_current(const struct slab *slab) { return slab == small_current[step[slab->sc] - 1]; }
static bool is_spare(const struct slab *slab) { return live(slab) == 0 && !is_current(slab); }
static bool is_unused(size_t number) { return bitmap_test(unused.leaf, number); }
static bool is_low(const struct slab *slab) { return slab < slabs + PAGE_SIZE / sizeof(*slab); }
static size_t table_pages(size_t top) { return pages_for(top / PAGE_GRANULES * sizeof(struct slab)); }

static void set_current(unsigned sc, struct slab *slab) {
    for (unsigned i = sc ? step[sc - 1] : 0; i < step[sc]; i++)
        small_current[i] = slab;
}

void small_init(void) {
    memset(&unused, 0, sizeof(unused));
    memset(&in_use, 0, sizeof(in_use));
    summary_add_range(&unused, 0, SUMMARY_MAX);
    list_init(&spare);
    small_top = 0;
    nothing.head = NO_GRANULE;
    for (unsigned sc = 0; sc < SMALL_CLASSES; sc++) {
        list_init(&partial[sc]);
        set_current(sc, &nothing);
    }
}

/* ---- pages ---- */

/* All objects free, each followed by the next. The granules at which none begins keep their bytes: those do
 * not look live, since nothing is live in the page. */
static void carve(struct slab *slab, unsigned sc) {
    unsigned last = PAGE_GRANULES - PAGE_GRANULES % step[sc] - step[sc];
    if (step[sc] <= 4) /* four granules at a time, those at which none begins as well */
        for (uint32_t i = 0, next = 0x03020100 + step[sc] * 0x01010101u; i < PAGE_GRANULES / 4;
             i++, next += 0x04040404)
            ((uint32_t *)slab->next)[i] = next;
    for (unsigned i = 0; i < last && step[sc] > 4; i += step[sc])
        slab->next[i] = (uint8_t)(i + step[sc]);
    slab->next[last] = NO_GRANULE;
    slab->head = 0;
    slab->sc = sc;
    slab->more = -1;
}

/* Maps the lowest unused page, and its part of the table if need be; NULL when memory has run out. */
static struct slab *new_page(void) {
    size_t number = summary_first(&unused), end = (number + 1) * PAGE_GRANULES;
    if (number == SUMMARY_NONE)
        return NULL;
    char *page = (char *)SMALL_START + number * PAGE_SIZE;
    size_t top = end > small_top ? end : small_top, more = table_pages(top) - table_pages(small_top);
    char *table_end = (char *)slabs + table_pages(small_top) * PAGE_SIZE;
    if (heap_get(page, 1) < 0)
        return NULL;
    if (more && heap_get(table_end, more) < 0) {
        heap_give(page, 1);
        return NULL;
    }
    if (end > small_top)
        memset(slabs[number].next, NO_GRANULE, sizeof(slabs[number].next)); /* nothing there looks live */
    summary_remove(&unused, number);
    summary_add(&in_use, number);
    small_top = top;
    slabs[number].page = page;
    return &slabs[number];
}

/* Gives back the page of SLAB, which holds nothing, and what the table then has beyond the highest page. */
static void drop_page(struct slab *slab) {
    size_t number = (size_t)(slab - slabs), table = table_pages(small_top);
    heap_give(slab->page, 1);
    summary_add(&unused, number);
    summary_remove(&in_use, number);
    small_top = (summary_last(&in_use) + 1) * PAGE_GRANULES; /* SUMMARY_NONE + 1 is 0 */
    size_t more = table - table_pages(small_top);
    if (more)
        heap_give((char *)slabs + (table - more) * PAGE_SIZE, more);
}

/* SLAB, which was a current one, has the bias BIAS from now on. */
static void leave(struct slab *slab, int bias) {
    spare_pages -= slab->more >= BIAS_KEPT - 1;
    slab->more = live(slab) - 1 + bias;
}

/* A page in which all objects of the class are free, or NULL. */
static struct slab *empty_page(unsigned sc) {
    struct slab *slab;
    if (list_empty(&spare)) {
        slab = new_page();
    } else {
        slab = (struct slab *)list_pop(&spare);
        spare_pages--;
    }
    if (slab)
        carve(slab, sc);
    return slab;
}

void *small_refill(size_t size) {
    unsigned sc = class_of[(size - 1) / GRANULE];
    struct slab *old = small_current[step[sc] - 1], *slab;
    slab = list_empty(&partial[sc]) ? empty_page(sc) : (struct slab *)list_pop(&partial[sc]);
    if (!slab)
        return NULL;
    if (old != &nothing)
        leave(old, BIAS_FULL);
    if (sc < KEEPING_CLASSES && is_low(slab) && spare_keep(1))
        slab->more += BIAS_KEPT;
    set_current(sc, slab);
    return kmalloc(size);
}

/* A free has given a full page its first free object, or has emptied a page. */
void small_changed(struct slab *slab) {
    if (slab->more < -1) {
        slab->more -= BIAS_FULL;
        list_append(&partial[slab->sc], &slab->list);
        return;
    }
    if (is_current(slab))
        set_current(slab->sc, &nothing);
    else
        list_remove(&slab->list);
    if (is_low(slab) && spare_keep(1))
        list_push(&spare, &slab->list);
    else
        drop_page(slab);
}

void small_trim(void) {
    for (unsigned sc = 0; sc < SMALL_CLASSES; sc++) {
        struct slab *slab = small_current[step[sc] - 1];
        if (slab != &nothing && live(slab) == 0) {
            set_current(sc, &nothing);
            leave(slab, 0);
            drop_page(slab);
        }
    }
    for (; !list_empty(&spare); spare_pages--)
        drop_page((struct slab *)list_pop(&spare));
}

size_t small_size(const void *p) {
    size_t i = small_granule(p), granule = i % PAGE_GRANULES;
    return i < small_top && small_slab(i)->next[granule] == granule ? step[small_slab(i)->sc] * GRANULE : 0;
}

/* ---- figures and checks ---- */

void small_stats(unsigned sc, struct kmalloc_stats *out) {
    out->size = step[sc] * GRANULE;
    for (struct slab *slab = slabs; slab < small_slab(small_top); slab++) {
        if (is_unused((size_t)(slab - slabs)) || slab->sc != sc || is_spare(slab))
            continue;
        out->pages++;
        out->capacity += (size_t)capacity(slab);
        out->live += (size_t)live(slab);
    }
}

/* As many objects are live as are counted, and all others are in the list of free ones. */
static void check_slab(const struct slab *slab) {
    int looking_live = 0, left = capacity(slab) - live(slab);
    for (unsigned i = 0; i < PAGE_GRANULES; i++)
        looking_live += slab->next[i] == i;
    ASSERT_OP(looking_live, ==, live(slab));
    for (unsigned i = slab->head; i != NO_GRANULE; i = slab->next[i], left--)
        ASSERT(left > 0 && i % step[slab->sc] == 0 && i / step[slab->sc] < (unsigned)capacity(slab));
    ASSERT_OP(left, ==, 0);
}

size_t small_check(void) {
    size_t spares = 0, partials = 0;
    for (struct slab *slab = slabs; slab < small_slab(small_top); slab++) {
        if (is_unused((size_t)(slab - slabs)))
            continue;
        check_slab(slab);
        spares += is_current(slab) ? slab->more >= BIAS_KEPT - 1 : live(slab) == 0;
        partials += live(slab) > 0 && live(slab) < capacity(slab) && !is_current(slab);
    }
    for (unsigned sc = 0; sc < SMALL_CLASSES; sc++)
        for (struct list *i = partial[sc].next; i != &partial[sc]; i = i->next, partials--)
            ASSERT(partials > 0 && ((struct slab *)i)->sc == sc && live((struct slab *)i) > 0);
    ASSERT_OP(partials, ==, 0u);
    return spares;
}
