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
 * New pages come at the lowest unused place of the zone, so that the table, which grows with the highest,
 * stays small, and shrinks when the heap is trimmed. */
#include "kheap.h"
#include "panic.h"
#include "string.h"

_Static_assert((LARGE_START - SMALL_START) / PAGE_SIZE == SUMMARY_MAX, "the summary has a bit for each page");
_Static_assert(SUMMARY_MAX * sizeof(struct slab) <= KHEAP_END - SMALL_TABLE, "the table fits");

static struct slab *const slabs = (struct slab *)SMALL_TABLE;
static struct slab nothing;   /* the sentinel: no object is free in it */
static struct summary unused; /* pages not mapped */
static struct list partial[SMALL_CLASSES], spare;
/* Granules in an object of each class, and the class for each number of granules. */
static const uint8_t step[SMALL_CLASSES] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 16, 18, 21, 25, 32, 42, 64};
const uint8_t small_class_of[SMALL_MAX / GRANULE] = {
    0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 12, 13, 13, 14, 14, 15, 15, 15, 16, 16, 16, 16, 17, 17, 17, 17, 17, 17, 17,
    18, 18, 18, 18, 18, 18, 18, 18, 18, 18, 19, 19, 19, 19, 19, 19, 19, 19, 19, 19, 19, 19, 19, 19, 19, 19, 19, 19, 19, 19, 19, 19,
};

struct current small_current[SMALL_CLASSES];
size_t small_top;

static char *page_of(const struct slab *slab) { return (char *)SMALL_START + (slab - slabs) * (ptrdiff_t)PAGE_SIZE; }
static size_t table_pages(size_t top) { return pages_for(top / PAGE_SIZE * sizeof(struct slab)); }
size_t small_size(unsigned class) { return step[class] * GRANULE; }
static bool is_empty(const struct slab *slab) { return slab->free == slab->capacity; }

void small_init(void) {
    memset(&unused, 0, sizeof(unused));
    summary_add_range(&unused, 0, SUMMARY_MAX);
    list_init(&spare);
    small_top = 0;
    for (unsigned class = 0; class < SMALL_CLASSES; class ++) {
        list_init(&partial[class]);
        small_current[class].slab = &nothing;
    }
}

/* ---- pages ---- */

/* All objects free, each followed by the next. The granules at which none begins keep their bytes: those do
 * not look live, since nothing is live in the page. */
static void carve(struct slab *slab, unsigned class) {
    slab->head = 0;
    slab->class = (uint8_t)class;
    slab->free = slab->capacity = PAGE_GRANULES / step[class];
    for (unsigned i = 0, next = step[class]; next <= PAGE_GRANULES; i = next, next += step[class])
        slab->next[i] = (uint8_t)next;
}

/* Maps the lowest unused page, and its part of the table if need be; NULL when memory has run out. */
static struct slab *new_page(void) {
    size_t number = summary_next(&unused, 0);
    if (number == SUMMARY_NONE)
        return NULL;
    struct slab *slab = &slabs[number];
    size_t top = (number + 1) * PAGE_SIZE > small_top ? (number + 1) * PAGE_SIZE : small_top;
    size_t table = table_pages(small_top), more = table_pages(top) - table;
    if (heap_get(page_of(slab), 1) < 0)
        return NULL;
    if (more && heap_get((char *)slabs + table * PAGE_SIZE, more) < 0) {
        heap_give(page_of(slab), 1);
        return NULL;
    }
    if (top > small_top)
        for (unsigned i = 0; i < PAGE_GRANULES; i++)
            slab->next[i] = (uint8_t)(i + 1); /* whatever is not I */
    summary_remove(&unused, number);
    small_top = top;
    return slab;
}

static void drop_page(struct slab *slab) {
    heap_give(page_of(slab), 1);
    summary_add(&unused, (size_t)(slab - slabs));
}

/* The current page is exhausted: finds another, and the object in it. */
void *small_refill(unsigned class) {
    struct slab *slab;
    small_current[class].slab->free = 0;
    if (!list_empty(&partial[class])) {
        slab = (struct slab *)list_pop(&partial[class]);
    } else {
        if (!list_empty(&spare)) {
            slab = (struct slab *)list_pop(&spare);
            spare_pages--;
        } else if (!(slab = new_page())) {
            return NULL;
        }
        carve(slab, class);
    }
    small_current[class] = (struct current){slab, page_of(slab)};
    return small_alloc(class);
}

/* A free has given a full page its first free object, or has emptied a page. */
void small_changed(struct slab *slab) {
    bool current = slab == small_current[slab->class].slab;
    if (slab->free == 1 && !current)
        list_push(&partial[slab->class], &slab->list);
    if (!is_empty(slab) || (current && slab->class < KEEPING_CLASSES))
        return;
    if (current)
        small_current[slab->class].slab = &nothing;
    else
        list_remove(&slab->list);
    if (spare_keep(1))
        list_push(&spare, &slab->list);
    else
        drop_page(slab);
}

void small_trim(void) {
    for (unsigned class = 0; class < SMALL_CLASSES; class ++) {
        struct slab *slab = small_current[class].slab;
        if (slab != &nothing && is_empty(slab)) {
            drop_page(slab);
            small_current[class].slab = &nothing;
        }
    }
    for (; !list_empty(&spare); spare_pages--)
        drop_page((struct slab *)list_pop(&spare));

    size_t table = table_pages(small_top); /* the table shrinks to the highest page in use */
    while (small_top && bitmap_test(unused.leaf, small_top / PAGE_SIZE - 1))
        small_top -= PAGE_SIZE;
    size_t left = table_pages(small_top);
    if (table > left)
        heap_give((char *)slabs + left * PAGE_SIZE, table - left);
}

/* ---- figures and checks ---- */

void small_stats(unsigned class, struct kmalloc_stats *out) {
    out->size = small_size(class);
    for (struct slab *slab = slabs; slab < slabs + small_top / PAGE_SIZE; slab++) {
        if (bitmap_test(unused.leaf, (size_t)(slab - slabs)) || slab->class != class ||
            (is_empty(slab) && slab != small_current[class].slab)) /* spare: any class may take it */
            continue;
        out->pages++;
        out->capacity += (size_t)slab->capacity;
        out->live += (size_t)(slab->capacity - slab->free);
    }
}

/* The free objects are as many as are counted, are objects' starts and not live; all others are live. */
static void check_slab(const struct slab *slab) {
    unsigned granule = slab->head, live = 0;
    for (unsigned i = 0; i < PAGE_GRANULES; i++)
        live += slab->next[i] == i;
    if (slab->class >= SMALL_CLASSES || slab->free < 0 || (unsigned)slab->capacity != PAGE_GRANULES / step[slab->class] ||
        slab->free + live != (unsigned)slab->capacity)
        PANIC("kmalloc: page %p: class %u, %d free and %u live of %d", (void *)page_of(slab), slab->class, slab->free,
              live, slab->capacity);
    for (int i = 0; i < slab->free; i++, granule = slab->next[granule])
        if (granule % step[slab->class] || granule / step[slab->class] >= (unsigned)slab->capacity ||
            slab->next[granule] == granule)
            PANIC("kmalloc: page %p: free object %d at granule %u", (void *)page_of(slab), i, granule);
}

static size_t list_length(const struct list *list, unsigned class) {
    size_t length = 0;
    for (const struct list *i = list->next; i != list; i = i->next) {
        const struct slab *slab = (const struct slab *)i;
        if (class != (list == &spare ? class : slab->class) || is_empty(slab) != (list == &spare) ||
            ++length > SUMMARY_MAX)
            PANIC("kmalloc: page %p, class %u, is in a wrong list", (void *)page_of(slab), slab->class);
    }
    return length;
}

size_t small_check(void) {
    size_t listed = list_length(&spare, 0), found = 0;
    for (struct slab *slab = slabs; slab < slabs + small_top / PAGE_SIZE; slab++) {
        if (bitmap_test(unused.leaf, (size_t)(slab - slabs)))
            continue;
        check_slab(slab);
        found += slab->free > 0 && slab != small_current[slab->class].slab;
    }
    for (unsigned class = 0; class < SMALL_CLASSES; class ++)
        listed += list_length(&partial[class], class);
    if (listed != found)
        PANIC("kmalloc: %zu pages have free objects; %zu are in lists", found, listed);
    return list_length(&spare, 0);
}
