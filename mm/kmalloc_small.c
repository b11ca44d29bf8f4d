/* Small objects: up to a page, in 21 size classes. The first 12 are 32 bytes apart; of the others' objects 9,
 * 8, 7, 6, 5, 4, 3, 2 and 1 fill a page.
 *
 * A page holds objects of one class. Its slab, in a table outside the page, has a byte for each granule of 32
 * bytes. The bytes link the page's free objects. The byte of a live object is its own granule's number, which
 * no other byte is. kfree finds the slab by a division, and one comparison shows that the address is the
 * start of a live object.
 *
 * Each class allocates from its current page. When that is full it is left alone, in no list, and the class
 * goes on with the first page of its list of partial pages, else with a spare page, else with a new one. No
 * step searches. A full page's first free puts the page at the end of the list: by its turn more of it is
 * free. A free that empties a page makes it spare if the pool has a place, or gives it back.
 *
 * A page must not come and go when one object is allocated and freed over and over. The smallest classes
 * therefore keep their current page even when it is empty. A page is kept or spare only if its slab lies in
 * the first page of the table: any other would hold the table up to its slab.
 *
 * A new page comes at the lowest unused address. The table ends with the slab of the highest used page.
 *
 * Not done: no object moves, and no free neighbours are joined. A page with one live object stays whole. */
#include "kheap.h"
#include "string.h"

const uint8_t small_granules[SMALL_CLASSES] = {1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11,
                                               12, 14, 16, 18, 21, 25, 32, 42, 64, 128};
uint8_t small_class_of[SMALL_MAX / GRANULE];
struct slab *small_current[SMALL_CLASSES];
struct list small_partial[SMALL_CLASSES], small_spare;
struct summary small_used, small_unused;
size_t small_bytes, small_pool;
char *small_table_end;

static struct slab no_page;                  /* the current page of a class without one: always full */
static struct links all_free[SMALL_CLASSES]; /* of an empty page of each class */

static void init_class(unsigned sc) {
    unsigned step = small_granules[sc], last = (PAGE_GRANULES / step - 1) * step;
    memset(&all_free[sc], NO_GRANULE, sizeof(all_free[sc]));
    for (unsigned i = 0; i < last; i += step)
        all_free[sc].next[i] = (uint8_t)(i + step);
    list_init(&small_partial[sc]);
    small_current[sc] = &no_page;
}

void small_init(void) {
    memset(&small_used, 0, sizeof(small_used));
    summary_add_range(&small_unused, 0, SUMMARY_MAX);
    small_bytes = small_pool = 0;
    small_table_end = (char *)small_slab(0);
    list_init(&small_spare);
    no_page.first_free = NO_GRANULE;
    for (unsigned sc = 0, i = 0; sc < SMALL_CLASSES; sc++) {
        init_class(sc);
        while (i < small_granules[sc])
            small_class_of[i++] = (uint8_t)sc;
    }
}

/* ---- pages ---- */

static char *page_address(size_t number) { return (char *)SMALL_START + number * PAGE_SIZE; }

/* Gets page NUMBER, and the table's next page if the slab reaches into it. */
static bool get_page(size_t number) {
    if (!heap_get(page_address(number), 1))
        return false;
    if ((char *)(small_slab(number) + 1) <= small_table_end)
        return true;
    if (!heap_get(small_table_end, 1)) {
        heap_give(page_address(number), 1);
        return false;
    }
    small_table_end += PAGE_SIZE;
    return true;
}

/* Gets the lowest unused page, empty and in no list; NULL when there is no memory or no address for it. */
static struct slab *new_page(void) {
    size_t number = summary_first(&small_unused);
    if (number == SUMMARY_NONE || !get_page(number))
        return NULL;
    struct slab *slab = small_slab(number);
    summary_remove(&small_unused, number);
    summary_add(&small_used, number);
    if (small_bytes == number * PAGE_SIZE) { /* the slab is new */
        small_bytes += PAGE_SIZE;
        slab->page = page_address(number);
        slab->sc = SMALL_CLASSES; /* none */
        slab->claims = slab->kept = 0;
        list_init(&slab->list);
    }
    return slab;
}

/* Ends the table with the slab of the highest used page. */
static void shrink_table(void) {
    size_t count = summary_last(&small_used) + 1;
    char *end = (char *)small_slab(0) + pages_for(count * sizeof(struct slab)) * PAGE_SIZE;
    if (end < small_table_end)
        heap_give(end, (size_t)(small_table_end - end) / PAGE_SIZE);
    small_table_end = end;
    small_bytes = count * PAGE_SIZE;
}

/* Gives back SLAB's page, which is empty and in no list. */
static void drop_page(struct slab *slab) {
    size_t number = (size_t)(slab - small_slab(0));
    heap_give(slab->page, 1);
    summary_remove(&small_used, number);
    summary_add(&small_unused, number);
    if (small_bytes == (number + 1) * PAGE_SIZE)
        shrink_table();
}

/* Takes a place in the pool for SLAB's page, if one is left and the page may be kept or spare. */
static bool take_place(const struct slab *slab) {
    if (small_pool + large_spare_pages >= POOL_PLACES || slab >= small_slab(PAGE_SIZE / sizeof(*slab)))
        return false;
    small_pool++;
    return true;
}

static void end_keeping(struct slab *slab) {
    slab->kept = false;
    slab->claims--;
    small_pool--;
}

/* ---- allocating ---- */

/* Makes SLAB's page, in no list and not full, the current one of class SC, and allocates from it. */
static inline void *alloc_from(struct slab *slab, unsigned sc) {
    struct slab *full = small_current[sc];
    if (full->kept)
        end_keeping(full);
    if (sc < KEEPING_CLASSES && take_place(slab)) {
        slab->kept = true;
        slab->claims++;
    }
    small_current[sc] = slab;
    return small_take(slab);
}

/* A spare page, or a new one, after a trim if need be; NULL when there is none. */
static struct slab *empty_page(void) {
    if (!list_empty(&small_spare)) {
        small_pool--;
        return (void *)list_pop(&small_spare);
    }
    struct slab *slab = new_page();
    if (likely(slab))
        return slab;
    kmalloc_trim();
    return new_page();
}

/* The page's free list is still right if its last class was SC too. */
static SLOW_PATH void *alloc_in_empty_page(unsigned sc) {
    heap_enter();
    struct slab *slab = empty_page();
    if (!slab)
        return NULL;
    if (slab->sc != sc) {
        slab->links = all_free[sc];
        slab->first_free = 0;
        slab->sc = (uint8_t)sc;
    }
    return alloc_from(slab, sc);
}

/* SIZE bytes, for a class whose current page is full; NULL when no memory or no addresses are left. */
void *small_alloc(size_t size) {
    unsigned sc = small_class_of[(size - 1) / GRANULE];
    if (unlikely(list_empty(&small_partial[sc]) || in_interrupt()))
        return alloc_in_empty_page(sc);
    return alloc_from((void *)list_pop(&small_partial[sc]), sc);
}

/* ---- freeing ---- */

/* SLAB's page was full, and has a free object now. */
void small_opened(struct slab *slab) {
    if (slab != small_current[slab->sc])
        list_append(&small_partial[slab->sc], &slab->list);
}

/* SLAB's page has no live object, and its class does not keep it. */
void small_emptied(struct slab *slab) {
    if (slab == small_current[slab->sc])
        small_current[slab->sc] = &no_page;
    list_remove(&slab->list);
    if (take_place(slab))
        list_push(&small_spare, &slab->list);
    else
        drop_page(slab);
}

/* Gives back the spare pages, and those that are kept empty. */
void small_trim(void) {
    for (unsigned sc = 0; sc < KEEPING_CLASSES; sc++) {
        struct slab *slab = small_current[sc];
        if (slab->kept)
            end_keeping(slab);
        if (slab->claims == 0 && slab != &no_page)
            small_emptied(slab);
    }
    for (; !list_empty(&small_spare); small_pool--)
        drop_page((void *)list_pop(&small_spare));
}

/* The bytes of the live object at P, or 0. */
size_t small_size(const void *p) {
    if (!is_small(p))
        return 0;
    const struct slab *slab = slab_of(p);
    return slab->links.next[granule_of(p)] == granule_of(p) ? small_granules[slab->sc] * GRANULE : 0;
}
