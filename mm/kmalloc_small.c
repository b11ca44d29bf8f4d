/* The small tier: objects up to a page, in 21 classes: 32 bytes apart up to 384, and then the sizes of which
 * 9, 8, 7, ... 1 fill a page.
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
 * In instructions: kmalloc and kfree of an object of the page at hand take 33 together, and 36 where pages
 * come and go with many of 32 bytes. The next page of a class is found without a search, whatever its state,
 * in 50. An empty page's list is kept: if the same class takes it next, nothing is to be linked.
 *
 * The worst kmalloc takes 197, when a page and one of the table are new, and the worst kfree 135, when both go
 * (pages mapped and unmapped not counted; tests/bench/heap_worst.c looks for worse). Neither has a loop over
 * anything but one page's objects, and the three levels of a summary. A kmalloc that finds no page gives back
 * the spare ones first, at most 16, and takes up to 1,183; where the zone is full, a larger object has to
 * serve, and it takes what that takes.
 *
 * What it costs: objects of 16 bytes take 32, and a page that has one live object is a whole page. And the
 * table reaches up to the highest page: one object at the zone's end keeps all of its 1,280. When half of the
 * objects are freed, in their order, and twice as large ones take their place, over and over (W5), no page
 * ever empties, and the peak is 4.7 times the payload. Joining free neighbours would not help: the hole
 * between two survivors is always one object short of what comes next. Played through with best fit, the peak
 * is 4.5 times the payload; 2.1 if an object of 32 bytes takes 48, as a header and an alignment of 16 make
 * it, but then 10,000 of them (W2) take 1.5 times theirs, not 1.06.
 *
 * Of mixed sizes (W3) a pair takes 53, and the peak is 1.40 times the payload. Tried and dropped, both
 * because of what they took:
 * - A tier of its own for 1 to 8 KiB, blocks of 128-byte units with boundary tags in a table: 1.24, at 15
 *   instructions a pair and 190 lines more.
 * - A bitmap of 32 units for each 8 or 16 KiB, for objects from 257, 673 or 1,345 bytes up: 1.20, 1.23 to
 *   1.26 and 1.32, played through without an allocator behind it. A pair of such an object would change two
 *   words, a list and the longest hole, for an estimated 165 instructions; one of the small tier takes 40. */
#include "kheap.h"
#include "panic.h"
#include "string.h"

static struct slab *const slabs = (struct slab *)SMALL_TABLE;
static struct slab nothing; /* the sentinel: no object is free in it */
const uint8_t small_step[SMALL_CLASSES] = {1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11,
                                           12, 14, 16, 18, 21, 25, 32, 42, 64, 128};
static uint8_t class_of[SMALL_MAX / GRANULE];       /* by the granules of a size, less one */
static uint8_t chain[SMALL_CLASSES][PAGE_GRANULES]; /* what NEXT is in a page of free objects only */

struct slab *small_current[SMALL_CLASSES];
struct list small_partial[SMALL_CLASSES];
struct summary small_unused, small_in_use;
struct list small_spare;
size_t small_table_pages;
size_t small_top;

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
    memset(&small_in_use, 0, sizeof(small_in_use));
    summary_add_range(&small_unused, 0, SUMMARY_MAX);
    list_init(&small_spare);
    small_top = small_table_pages = 0;
    nothing.head = NO_GRANULE;
    for (unsigned i = 0, sc = 0; i < ARRAY_SIZE(class_of); class_of[i++] = (uint8_t)sc)
        sc += i == small_step[sc];
    memset(chain, NO_GRANULE, sizeof(chain));
    for (unsigned sc = 0; sc < SMALL_CLASSES; sc++) {
        list_init(&small_partial[sc]);
        small_current[sc] = &nothing;
        link_objects(chain[sc], small_step[sc]);
    }
}

/* ---- pages ---- */

/* Maps page NUMBER, and the next page of the table if need be. */
static inline int map_page(size_t number) {
    char *page = (char *)SMALL_START + number * PAGE_SIZE;
    if (heap_get(page, 1) < 0)
        return -1;
    char *table_end = (char *)slabs + small_table_pages * PAGE_SIZE;
    if ((char *)&slabs[number + 1] <= table_end)
        return 0;
    if (heap_get(table_end, 1) < 0) {
        heap_give(page, 1);
        return -1;
    }
    small_table_pages++;
    return 0;
}

/* The slab of the lowest unused page, which gets mapped; NULL when memory, or the zone, has run out. */
static inline struct slab *new_page(void) {
    size_t number = summary_take(&small_unused), top = (number + 1) * PAGE_GRANULES;
    if (unlikely(number == SUMMARY_NONE))
        return NULL;
    if (unlikely(map_page(number) < 0)) {
        summary_add(&small_unused, number);
        return NULL;
    }
    summary_add(&small_in_use, number);
    if (top > small_top) {
        small_top = top;
        slabs[number].page = (char *)SMALL_START + number * PAGE_SIZE;
        slabs[number].sc = SMALL_CLASSES; /* of none: there is no list */
    }
    return &slabs[number];
}

/* Gives back the page of SLAB, which holds nothing, and what the table then has beyond the highest page. */
static void drop_page(struct slab *slab) {
    size_t number = (size_t)(slab - slabs);
    heap_give(slab->page, 1);
    summary_add(&small_unused, number);
    summary_remove(&small_in_use, number);
    if (small_top == (number + 1) * PAGE_GRANULES) {
        size_t top = summary_last(&small_in_use) + 1, pages = (top * sizeof(*slabs) + PAGE_MASK) / PAGE_SIZE;
        small_top = top * PAGE_GRANULES;
        if (pages < small_table_pages)
            heap_give((char *)slabs + pages * PAGE_SIZE, small_table_pages - pages);
        small_table_pages = pages;
    }
}

static bool keep_spare(const struct slab *slab) {
    bool keep = slab < slabs + PAGE_SIZE / sizeof(*slab) && spare_pages < SPARE_POOL;
    spare_pages += keep;
    return keep;
}

/* SLAB, which was a current one, has the bias BIAS from now on. */
static inline void leave(struct slab *slab, int bias) {
    if (slab->more >= BIAS_KEPT - 1) {
        slab->more -= BIAS_KEPT;
        spare_pages--;
    }
    slab->more += bias;
}

/* SLAB, in no list, is where objects of its class come from next. */
static inline void use(struct slab *slab, struct slab *old, unsigned sc) {
    if (old != &nothing)
        leave(old, BIAS_FULL);
    if (sc < KEEPING_CLASSES && keep_spare(slab))
        slab->more += BIAS_KEPT;
    small_current[sc] = slab;
}

/* From a page in which all objects of class SC are free. They are in its list already if the page was last
 * emptied as one of that class. (The list is copied without a call.) */
static __attribute__((noinline)) void *alloc_in_new_page(unsigned sc) {
    struct slab *slab;
    if (list_empty(&small_spare)) {
        slab = new_page();
        if (!slab)
            return alloc_again(small_step[sc] * GRANULE, 1);
    } else {
        slab = (struct slab *)list_pop(&small_spare);
        spare_pages--;
    }
    if (slab->sc != sc) {
        __builtin_memcpy(slab->next, chain[sc], sizeof(slab->next));
        slab->head = 0;
        slab->sc = sc;
    }
    slab->more = -1;
    use(slab, small_current[sc], sc);
    return small_take(slab, slab->head);
}

void *small_alloc_elsewhere(unsigned sc) {
    if (unlikely(list_empty(&small_partial[sc])))
        return alloc_in_new_page(sc);
    struct slab *slab = (struct slab *)list_pop(&small_partial[sc]);
    use(slab, small_current[sc], sc);
    return small_take(slab, slab->head);
}

void *small_alloc(size_t size) {
    unsigned sc = class_of[(size - 1) / GRANULE];
    struct slab *slab = small_current[sc];
    return unlikely(slab->head == NO_GRANULE) ? small_alloc_elsewhere(sc) : small_take(slab, slab->head);
}

/* A free has given a full page its first free object, or has emptied a page. */
void small_changed(struct slab *slab) {
    bool was_full = slab->more < -1;
    if (was_full)
        slab->more -= BIAS_FULL;
    if (slab->more >= 0) {
        list_append(&small_partial[slab->sc], &slab->list);
        return;
    }
    if (slab_is_current(slab))
        small_current[slab->sc] = &nothing;
    else if (!was_full) /* of a single object */
        list_remove(&slab->list);
    if (keep_spare(slab))
        list_push(&small_spare, &slab->list);
    else
        drop_page(slab);
}

void small_trim(void) {
    for (unsigned sc = 0; sc < SMALL_CLASSES; sc++) {
        struct slab *slab = small_current[sc];
        if (slab != &nothing && slab_live(slab) == 0) {
            small_current[sc] = &nothing;
            leave(slab, 0);
            drop_page(slab);
        }
    }
    for (; !list_empty(&small_spare); spare_pages--)
        drop_page((struct slab *)list_pop(&small_spare));
}

size_t small_size(const void *p) {
    size_t i = small_granule(p), granule = i % PAGE_GRANULES;
    const struct slab *slab = small_slab(i);
    return i < small_top && slab->next[granule] == granule ? small_step[slab->sc] * GRANULE : 0;
}
