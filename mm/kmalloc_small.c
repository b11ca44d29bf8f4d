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
 * page puts it into that list; one that empties a page takes it out. The smallest classes keep their current
 * page even so: a small object allocated and freed over and over touches nothing but its page.
 *
 * New pages come at the lowest unused place of the zone, so that the table, which reaches to the highest,
 * stays small. */
#include "kheap.h"
#include "panic.h"
#include "string.h"

_Static_assert((LARGE_START - SMALL_START) / PAGE_SIZE == SUMMARY_MAX, "the summary has a bit for each page");
_Static_assert(PAGE_GRANULES < 0xFF, "a granule fits in a byte, and 0xFF is none");
_Static_assert(SUMMARY_MAX * sizeof(struct slab) <= KHEAP_END - SMALL_TABLE, "the table fits");

static struct slab *const slabs = (struct slab *)SMALL_TABLE;
static struct slab nothing;   /* the sentinel: no object is free in it */
static struct summary unused; /* pages not mapped */
static struct list partial[SMALL_CLASSES], spare;
/* Granules in an object of each class, and the class for each number of granules. */
static const uint8_t step[SMALL_CLASSES] = {1,  2,  3,  4,  5,  6,  7,  8,  9,  10,
                                            11, 12, 14, 16, 18, 21, 25, 32, 42, 64};
const uint8_t small_class_of[SMALL_MAX / GRANULE] = {
    0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 12, 13, 13, 14, 14, 15, 15, 15, 16,
    16, 16, 16, 17, 17, 17, 17, 17, 17, 17, 18, 18, 18, 18, 18, 18, 18, 18, 18, 18, 19, 19,
    19, 19, 19, 19, 19, 19, 19, 19, 19, 19, 19, 19, 19, 19, 19, 19, 19, 19, 19, 19,
};

struct slab *small_current[SMALL_CLASSES];
size_t small_top;

static size_t table_pages(size_t top) { return pages_for(top / PAGE_SIZE * sizeof(struct slab)); }
size_t small_size(unsigned sc) { return step[sc] * GRANULE; }
static bool is_empty(const struct slab *slab) { return slab->free == slab->capacity; }
static bool is_current(const struct slab *slab) { return slab == small_current[slab->sc]; }

void small_init(void) {
    memset(&unused, 0, sizeof(unused));
    summary_add_range(&unused, 0, SUMMARY_MAX);
    list_init(&spare);
    small_top = 0;
    for (unsigned sc = 0; sc < SMALL_CLASSES; sc++) {
        list_init(&partial[sc]);
        small_current[sc] = &nothing;
    }
}

/* ---- pages ---- */

/* All objects free, each followed by the next. The granules at which none begins keep their bytes: those do
 * not look live, since nothing is live in the page. */
static void carve(struct slab *slab, unsigned sc) {
    slab->head = 0;
    slab->sc = (uint8_t)sc;
    slab->free = slab->capacity = PAGE_GRANULES / step[sc];
    for (unsigned i = 0, next = step[sc]; next <= PAGE_GRANULES; i = next, next += step[sc])
        slab->next[i] = (uint8_t)next;
}

/* Maps the lowest unused page, and its part of the table if need be; NULL when memory has run out. */
static struct slab *new_page(void) {
    size_t number = summary_next(&unused, 0);
    if (number == SUMMARY_NONE)
        return NULL;
    struct slab *slab = &slabs[number];
    char *page = (char *)SMALL_START + number * PAGE_SIZE;
    size_t top = (number + 1) * PAGE_SIZE > small_top ? (number + 1) * PAGE_SIZE : small_top;
    char *table_end = (char *)slabs + table_pages(small_top) * PAGE_SIZE;
    size_t more = table_pages(top) - table_pages(small_top);
    if (heap_get(page, 1) < 0)
        return NULL;
    if (more && heap_get(table_end, more) < 0) {
        heap_give(page, 1);
        return NULL;
    }
    memset(table_end, 0xFF, more * PAGE_SIZE); /* no granule is 0xFF: nothing there looks live */
    summary_remove(&unused, number);
    small_top = top;
    slab->page = page;
    return slab;
}

/* Gives back the page of SLAB, which holds nothing, and what the table then has beyond the highest page. */
static void drop_page(struct slab *slab) {
    size_t top = small_top / PAGE_SIZE, table = table_pages(small_top);
    heap_give(slab->page, 1);
    summary_add(&unused, (size_t)(slab - slabs));
    while (top && bitmap_test(unused.leaf, top - 1))
        top -= top % 32 == 0 && unused.leaf[top / 32 - 1] == ~0u ? 32 : 1;
    small_top = top * PAGE_SIZE;
    size_t more = table - table_pages(small_top);
    if (more)
        heap_give((char *)slabs + (table - more) * PAGE_SIZE, more);
}

/* The current page is exhausted: finds another, and the object in it. */
void *small_refill(unsigned sc) {
    struct slab *slab;
    small_current[sc]->free = 0;
    if (!list_empty(&partial[sc])) {
        slab = (struct slab *)list_pop(&partial[sc]);
    } else {
        if (!list_empty(&spare)) {
            slab = (struct slab *)list_pop(&spare);
            spare_pages--;
        } else if (!(slab = new_page())) {
            return NULL;
        }
        carve(slab, sc);
    }
    small_current[sc] = slab;
    return small_alloc(sc);
}

/* A free has given a full page its first free object, or has emptied a page. */
void small_changed(struct slab *slab) {
    bool current = is_current(slab);
    if (slab->free == 1 && !current)
        list_push(&partial[slab->sc], &slab->list);
    if (!is_empty(slab) || (current && slab->sc < KEEPING_CLASSES))
        return;
    if (current)
        small_current[slab->sc] = &nothing;
    else
        list_remove(&slab->list);
    if (spare_keep(1))
        list_push(&spare, &slab->list);
    else
        drop_page(slab);
}

void small_trim(void) {
    for (unsigned sc = 0; sc < SMALL_CLASSES; sc++) {
        struct slab *slab = small_current[sc];
        if (slab != &nothing && is_empty(slab)) {
            drop_page(slab);
            small_current[sc] = &nothing;
        }
    }
    for (; !list_empty(&spare); spare_pages--)
        drop_page((struct slab *)list_pop(&spare));
}

/* ---- figures and checks ---- */

void small_stats(unsigned sc, struct kmalloc_stats *out) {
    out->size = small_size(sc);
    for (struct slab *slab = slabs; slab < slabs + small_top / PAGE_SIZE; slab++) {
        if (bitmap_test(unused.leaf, (size_t)(slab - slabs)) || slab->sc != sc ||
            (is_empty(slab) && !is_current(slab))) /* spare: any class may take it */
            continue;
        out->pages++;
        out->capacity += (size_t)slab->capacity;
        out->live += (size_t)(slab->capacity - slab->free);
    }
}

/* The free objects are as many as are counted, are objects' starts and not live; all others are live. */
static void check_slab(const struct slab *slab) {
    unsigned live = 0, start = slab->head, size = step[slab->sc];
    for (unsigned i = 0; i < PAGE_GRANULES; i++)
        live += slab->next[i] == i;
    ASSERT_OP((unsigned)slab->capacity, ==, PAGE_GRANULES / size);
    ASSERT_OP(slab->free + live, ==, (unsigned)slab->capacity);
    for (int i = 0; i < slab->free; i++, start = slab->next[start])
        ASSERT(start % size == 0 && start / size < (unsigned)slab->capacity && slab->next[start] != start);
}

size_t small_check(void) {
    size_t spares = 0, partials = 0;
    for (struct slab *slab = slabs; slab < slabs + small_top / PAGE_SIZE; slab++) {
        if (bitmap_test(unused.leaf, (size_t)(slab - slabs)))
            continue;
        check_slab(slab);
        spares += is_empty(slab) && !is_current(slab);
        partials += slab->free > 0 && !is_empty(slab) && !is_current(slab);
    }
    for (unsigned sc = 0; sc < SMALL_CLASSES; sc++)
        for (struct list *i = partial[sc].next; i != &partial[sc]; i = i->next, partials--)
            ASSERT(partials > 0 && ((struct slab *)i)->sc == sc && !is_empty((struct slab *)i));
    ASSERT_OP(partials, ==, 0u);
    return spares;
}
