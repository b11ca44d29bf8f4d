/* The small tier: objects up to 256 bytes, in eight classes 32 bytes apart.
 *
 * A page holds objects of one class, and its slab, in a table beside the zone, says which of them are live:
 * a byte for each granule of 32 bytes. The free objects of a page form a list through these bytes, and a
 * live one points to itself, which no free one does. So kfree finds the slab by shifting the address, and
 * one comparison proves that the address is the start of an object that is live: an address inside an
 * object, between two, or freed already has another value there, as have all granules of an unused page.
 *
 * Each class takes from one page, its CURRENT one. When that is exhausted it is left alone, in no list, and
 * the next is taken from the class's list of PARTIAL pages, else a spare or a new page. A free into a full
 * page puts it into that list; one that empties a page takes it out, unless it is the current one, which
 * stays: an object allocated and freed over and over touches nothing but its page.
 *
 * New pages come at the lowest unused place of the zone, so that the table, which grows with the highest,
 * stays small, and shrinks when the heap is trimmed. */
#include "kmalloc_small.h"

#include "bitmap.h"
#include "panic.h"
#include "string.h"

#define NO_PAGE 0xFFFFu

_Static_assert(SMALL_PAGES <= NO_PAGE && SMALL_PAGES == SUMMARY_MAX, "a page's number fits");

static struct slab *const slabs = (struct slab *)SMALL_TABLE;
static struct slab nothing; /* the sentinel: no object is free in it */
static struct summary unused; /* pages not mapped */
static uint16_t partial[SMALL_CLASSES], spare; /* the lists' first pages; prev_page is kept in PARTIAL only */
struct current small_current[SMALL_CLASSES];
size_t small_top;

static uint16_t number_of(const struct slab *slab)
{
    return (uint16_t)(slab - slabs);
}

static char *page_at(uint16_t number)
{
    return (char *)SMALL_START + (size_t)number * PAGE_SIZE;
}

static size_t table_pages(size_t top)
{
    return pages_for(top / PAGE_SIZE * sizeof(struct slab));
}

void small_init(void)
{
    memset(&unused, 0, sizeof(unused));
    summary_add_range(&unused, 0, SMALL_PAGES);
    spare = NO_PAGE;
    small_top = 0;
    nothing.free = 0;
    for (unsigned class = 0; class < SMALL_CLASSES; class++) {
        partial[class] = NO_PAGE;
        small_current[class].slab = &nothing;
    }
}

/* ---- lists ---- */

static void push(uint16_t *list, struct slab *slab)
{
    slab->prev_page = NO_PAGE;
    slab->next_page = *list;
    if (*list != NO_PAGE)
        slabs[*list].prev_page = number_of(slab);
    *list = number_of(slab);
}

static void unlink(uint16_t *list, struct slab *slab)
{
    if (slab->next_page != NO_PAGE)
        slabs[slab->next_page].prev_page = slab->prev_page;
    if (slab->prev_page != NO_PAGE)
        slabs[slab->prev_page].next_page = slab->next_page;
    else
        *list = slab->next_page;
}

static struct slab *pop(uint16_t *list)
{
    struct slab *slab = &slabs[*list];
    unlink(list, slab);
    return slab;
}

/* ---- pages ---- */

/* All objects free, each followed by the next. Granules at which none begins get a number that is not their
 * own as well. */
static void carve(struct slab *slab, unsigned class)
{
    for (unsigned i = 0; i < PAGE_GRANULES; i++)
        slab->next[i] = (uint8_t)(i + class + 1);
    slab->head = 0;
    slab->class = (uint8_t)class;
    slab->free = small_capacity(slab);
}

/* Maps an unused page, and its part of the table if need be; NULL when memory has run out. */
static struct slab *new_page(void)
{
    size_t number = summary_next(&unused, 0);
    if (number == SUMMARY_NONE)
        return NULL;
    size_t top = (number + 1) * PAGE_SIZE > small_top ? (number + 1) * PAGE_SIZE : small_top;
    size_t table = table_pages(small_top), more = table_pages(top) - table;
    char *table_end = (char *)slabs + table * PAGE_SIZE;
    if (more && heap_get(table_end, more) < 0)
        return NULL;
    if (heap_get(page_at((uint16_t)number), 1) < 0) {
        if (more)
            heap_give(table_end, more);
        return NULL;
    }
    summary_remove(&unused, number);
    small_top = top;
    return &slabs[number];
}

static void drop_page(struct slab *slab)
{
    heap_give(page_at(number_of(slab)), 1);
    summary_add(&unused, number_of(slab));
}

/* The current page is exhausted: finds another, and the object in it. */
void *small_refill(unsigned class)
{
    struct slab *slab;
    small_current[class].slab->free = 0;
    if (partial[class] != NO_PAGE) {
        slab = pop(&partial[class]);
    } else {
        if (spare != NO_PAGE) {
            slab = pop(&spare);
            spare_pages--;
        } else if (!(slab = new_page())) {
            return NULL;
        }
        carve(slab, class);
    }
    small_current[class] = (struct current){slab, page_at(number_of(slab))};
    return small_alloc(class);
}

/* A free has given a full page its first free object, or has emptied a page. */
void small_changed(struct slab *slab)
{
    uint16_t *list = &partial[slab->class];
    if (slab == small_current[slab->class].slab)
        return;
    if (slab->free == 1) {
        push(list, slab);
        return;
    }
    unlink(list, slab);
    if (spare_keep(1))
        push(&spare, slab);
    else
        drop_page(slab);
}

void small_trim(void)
{
    for (unsigned class = 0; class < SMALL_CLASSES; class++) {
        struct slab *slab = small_current[class].slab;
        if (slab != &nothing && slab->free == small_capacity(slab)) {
            drop_page(slab);
            small_current[class].slab = &nothing;
        }
    }
    for (; spare != NO_PAGE; spare_pages--)
        drop_page(pop(&spare));

    size_t top = small_top, table = table_pages(small_top);
    while (top && bitmap_test(unused.leaf, top / PAGE_SIZE - 1))
        top -= PAGE_SIZE;
    small_top = top;
    if (table > table_pages(top))
        heap_give((char *)slabs + table_pages(top) * PAGE_SIZE, table - table_pages(top));
}

/* ---- objects ---- */

size_t small_size(const void *p)
{
    const struct slab *slab = &slabs[((uintptr_t)p - SMALL_START) / PAGE_SIZE];
    return small_is_live(p) ? (slab->class + 1u) * GRANULE : 0;
}

bool small_free(void *p)
{
    return small_free_at(p);
}

const char *small_why(const void *p)
{
    size_t offset = (uintptr_t)p - SMALL_START;
    if (offset >= small_top || bitmap_test(unused.leaf, offset / PAGE_SIZE))
        return "its page holds no objects: freed already, or never allocated";
    size_t size = (slabs[offset / PAGE_SIZE].class + 1u) * GRANULE;
    size_t inside = offset % PAGE_SIZE % size;
    if (inside == 0)
        return "freed already, or never allocated";
    return small_is_live((const char *)p - inside) ? "it lies inside an object" : "it is no object's start";
}

/* ---- figures and checks ---- */

/* The free objects of SLAB, by following its list; each is checked to be an object's start that is free. */
static int16_t count_free(const struct slab *slab)
{
    unsigned step = slab->class + 1u, granule = slab->head;
    for (int16_t i = 0; i < slab->free; i++) {
        if (granule % step || granule / step >= (unsigned)small_capacity(slab) || slab->next[granule] == granule)
            PANIC("kmalloc: page %p, free object %d is at granule %u, next %u", (void *)page_at(number_of(slab)), i,
                  granule, slab->next[granule]);
        granule = slab->next[granule];
    }
    return slab->free;
}

static int16_t count_live(const struct slab *slab)
{
    int16_t live = 0;
    for (unsigned i = 0; i < PAGE_GRANULES; i++)
        live += slab->next[i] == i;
    return live;
}

void small_stats(unsigned class, struct kmalloc_stats *out)
{
    out->size = (class + 1) * GRANULE;
    for (size_t i = 0; i < small_top / PAGE_SIZE; i++) {
        if (bitmap_test(unused.leaf, i) || slabs[i].class != class)
            continue;
        if (slabs[i].free == small_capacity(&slabs[i]) && &slabs[i] != small_current[class].slab)
            continue; /* spare: any class may take it */
        out->pages++;
        out->capacity += (size_t)small_capacity(&slabs[i]);
        out->live += (size_t)(small_capacity(&slabs[i]) - slabs[i].free);
    }
}

size_t small_check(void)
{
    size_t listed = 0, expected = 0, spares = 0;
    for (size_t i = 0; i < small_top / PAGE_SIZE; i++) {
        const struct slab *slab = &slabs[i];
        if (bitmap_test(unused.leaf, i))
            continue;
        if (slab->class >= SMALL_CLASSES || slab->free < 0 || slab->free > small_capacity(slab) ||
            count_free(slab) + count_live(slab) != small_capacity(slab))
            PANIC("kmalloc: page %p: class %u, %d free, %d live", (void *)page_at((uint16_t)i), slab->class,
                  slab->free, count_live(slab));
        if (slab == small_current[slab->class].slab)
            continue;
        spares += slab->free == small_capacity(slab);
        expected += slab->free > 0;
    }
    for (unsigned class = 0; class < SMALL_CLASSES; class++)
        for (uint16_t i = partial[class]; i != NO_PAGE; i = slabs[i].next_page, listed++)
            if (slabs[i].class != class || listed > expected)
                PANIC("kmalloc: the list of class %u leads to page %p, class %u", class, (void *)page_at(i),
                      slabs[i].class);
    for (uint16_t i = spare; i != NO_PAGE; i = slabs[i].next_page)
        listed++;
    if (listed != expected)
        PANIC("kmalloc: %zu pages have free objects; %zu are in the lists", expected, listed);
    return spares;
}
