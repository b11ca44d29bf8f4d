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
 * stays small.
 *
 * In instructions: kmalloc and kfree of an object of the page at hand take 34 together, and 38 where pages
 * come and go with many of 32 bytes. The next page of a class is found without a search, whatever its state.
 * The worst kmalloc takes 430, when a page and one of the table are new; the worst kfree 250 (pages mapped
 * and unmapped not counted; tests/bench/heap_worst.c looks for worse).
 *
 * What it costs: objects of 16 bytes take 32, and a page that has one live object is a whole page. When half
 * of the objects are freed, in their order, and twice as large ones take their place, over and over (W5), no
 * page ever empties, and the peak is 4.7 times the payload. An allocator that joins free neighbours does no
 * better at that than its headers let it: the hole between two survivors is always one object short of what
 * comes next.
 *
 * Tried and dropped: a tier of its own for 1 to 8 KiB, blocks of 128-byte units with boundary tags in a
 * table. The peak of mixed sizes (W3) was 1.24 times the payload and not 1.40, at 15 instructions a pair and
 * 190 lines more. */
#include "kheap.h"
#include "panic.h"
#include "string.h"

_Static_assert((LARGE_START - SMALL_START) / PAGE_SIZE == SUMMARY_MAX, "the summary has a bit for each page");
_Static_assert(PAGE_GRANULES <= NO_GRANULE, "a granule fits in a byte");
_Static_assert(SUMMARY_MAX * sizeof(struct slab) <= KHEAP_END - SMALL_TABLE, "the table fits");

#define CHAINS 8 /* classes whose pages are carved by copying: those with more than 14 objects */

static struct slab *const slabs = (struct slab *)SMALL_TABLE;
static struct slab nothing;   /* the sentinel: no object is free in it */
static struct summary in_use; /* pages, as SMALL_UNUSED is: each is in one of the two */
static struct list spare;
static size_t table_pages;
const uint8_t small_step[SMALL_CLASSES] = {1,  2,  3,  4,  5,  6,  7,  8,  9,  10,
                                           11, 12, 14, 16, 18, 21, 25, 32, 42, 64};
static const uint8_t class_of[SMALL_MAX / GRANULE] = {
    0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 12, 13, 13, 14, 14, 15, 15, 15, 16,
    16, 16, 16, 17, 17, 17, 17, 17, 17, 17, 18, 18, 18, 18, 18, 18, 18, 18, 18, 18, 19, 19,
    19, 19, 19, 19, 19, 19, 19, 19, 19, 19, 19, 19, 19, 19, 19, 19, 19, 19, 19, 19,
};
static uint8_t chain[CHAINS][PAGE_GRANULES]; /* what NEXT is in a page of free objects only */

struct slab *small_current[FAST_MAX / GRANULE], *small_current_of[SMALL_CLASSES];
struct list small_partial[SMALL_CLASSES];
struct summary small_unused;
size_t small_top;

static bool is_low(const struct slab *slab) { return slab < slabs + PAGE_SIZE / sizeof(*slab); }

static void set_current(unsigned sc, struct slab *slab) {
    small_current_of[sc] = slab;
    for (unsigned i = sc ? small_step[sc - 1] : 0; i < small_step[sc] && i < FAST_MAX / GRANULE; i++)
        small_current[i] = slab;
}

/* Each of a page's objects is free, and followed by the next. Granules at which none begins keep their bytes,
 * which do not look live: nothing is live in the page. */
static void link_objects(uint8_t *next, unsigned granules) {
    unsigned last = PAGE_GRANULES - PAGE_GRANULES % granules - granules;
    for (unsigned i = 0; i < last; i += granules)
        next[i] = (uint8_t)(i + granules);
    next[last] = NO_GRANULE;
}

void small_init(void) {
    memset(&small_unused, 0, sizeof(small_unused));
    memset(&in_use, 0, sizeof(in_use));
    summary_add_range(&small_unused, 0, SUMMARY_MAX);
    list_init(&spare);
    small_top = table_pages = 0;
    nothing.head = NO_GRANULE;
    memset(chain, NO_GRANULE, sizeof(chain));
    for (unsigned sc = 0; sc < SMALL_CLASSES; sc++) {
        list_init(&small_partial[sc]);
        set_current(sc, &nothing);
        if (sc < CHAINS)
            link_objects(chain[sc], small_step[sc]);
    }
}

/* ---- pages ---- */

/* Maps the lowest unused page, and the next page of the table if need be; NULL when memory has run out. */
static struct slab *new_page(unsigned sc) {
    size_t number = summary_first(&small_unused);
    char *page = (char *)SMALL_START + number * PAGE_SIZE,
         *table_end = (char *)slabs + table_pages * PAGE_SIZE;
    if (number == SUMMARY_NONE || heap_get(page, 1) < 0)
        return NULL;
    if ((char *)&slabs[number + 1] > table_end) {
        if (heap_get(table_end, 1) < 0) {
            heap_give(page, 1);
            return NULL;
        }
        table_pages++;
    }
    if (number >= small_top / PAGE_GRANULES) {
        small_top = (number + 1) * PAGE_GRANULES;
        if (sc >= CHAINS) /* nothing there looks live; what is copied there does not, either */
            memset(slabs[number].next, NO_GRANULE, sizeof(slabs[number].next));
    }
    summary_remove(&small_unused, number);
    summary_add(&in_use, number);
    slabs[number].page = page;
    return &slabs[number];
}

/* Gives back the page of SLAB, which holds nothing, and what the table then has beyond the highest page. */
static void drop_page(struct slab *slab) {
    size_t number = (size_t)(slab - slabs);
    heap_give(slab->page, 1);
    summary_add(&small_unused, number);
    summary_remove(&in_use, number);
    if (small_top == (number + 1) * PAGE_GRANULES) {
        size_t top = summary_last(&in_use) + 1, pages = pages_for(top * sizeof(*slabs)); /* none: 0 */
        small_top = top * PAGE_GRANULES;
        if (pages < table_pages)
            heap_give((char *)slabs + pages * PAGE_SIZE, table_pages - pages);
        table_pages = pages;
    }
}

/* SLAB, which was a current one, has the bias BIAS from now on. */
static void leave(struct slab *slab, int bias) {
    spare_pages -= slab->more >= BIAS_KEPT - 1;
    slab->more = slab_live(slab) - 1 + bias;
}

/* A page in which all objects of the class are free, or NULL. */
static struct slab *empty_page(unsigned sc) {
    bool is_new = list_empty(&spare);
    struct slab *slab = is_new ? new_page(sc) : (struct slab *)list_pop(&spare);
    if (!slab)
        return NULL;
    spare_pages -= !is_new;
    if (sc < CHAINS)
        memcpy(slab->next, chain[sc], sizeof(slab->next));
    else
        link_objects(slab->next, small_step[sc]);
    slab->head = 0;
    slab->sc = sc;
    slab->more = -1;
    return slab;
}

/* The class's next page, which becomes the current one; or NULL. */
static struct slab *next_page(unsigned sc) {
    bool none = list_empty(&small_partial[sc]);
    struct slab *old = small_current_of[sc];
    struct slab *slab = none ? empty_page(sc) : (struct slab *)list_pop(&small_partial[sc]);
    if (!slab)
        return NULL;
    if (old != &nothing)
        leave(old, BIAS_FULL);
    if (sc < KEEPING_CLASSES && is_low(slab) && spare_keep(1))
        slab->more += BIAS_KEPT;
    set_current(sc, slab);
    return slab;
}

void *small_alloc(size_t size) {
    unsigned sc = class_of[(size - 1) / GRANULE];
    struct slab *slab = small_current_of[sc];
    if (slab->head == NO_GRANULE && !(slab = next_page(sc)))
        return NULL;
    return small_take(slab, slab->head);
}

/* A free has given a full page its first free object, or has emptied a page. */
void small_changed(struct slab *slab) {
    if (slab->more < -1) {
        slab->more -= BIAS_FULL;
        list_append(&small_partial[slab->sc], &slab->list);
        return;
    }
    if (slab_is_current(slab))
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
        struct slab *slab = small_current_of[sc];
        if (slab != &nothing && slab_live(slab) == 0) {
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
    const struct slab *slab = small_slab(i);
    return i < small_top && slab->next[granule] == granule ? small_step[slab->sc] * GRANULE : 0;
}
