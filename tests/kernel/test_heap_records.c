/* heap=debug and heap=guard: where their objects lie, what is known of a place, and their figures (heap_records.c). But
 * for one, the tests need a kernel booted with one of these options. */
#include "heap_debug.h"

#include "kmalloc.h"
#include "ktest.h"
#include "memlayout.h"
#include "pm.h"
#include "support.h"
#include "vmem.h"

#include "../../mm/debug/heap_records.h"

/* Objects, a record for each cell of their pages, and what each page is part of. */
#define RECORDS_START 0xDC000000u
#define USES_START 0xEA000000u
#define PAGES ((RECORDS_START - KHEAP_START) / PAGE_SIZE)
#define USE_RUN 0x80000000u /* in a use, with the run's first page */

static size_t page_of(const void *p) { return ((uintptr_t)p - KHEAP_START) / PAGE_SIZE; }
static unsigned *use_of(const void *p) { return (unsigned *)USES_START + page_of(p); }

static void check_heap(void *arg) {
    (void)arg;
    kmalloc_check();
}

static bool is_known(const void *p) {
    struct heap_object found;

    return heap_debug_find((uintptr_t)p, &found);
}

/* Whatever is known of an address is of an object there, or just beside it. */
static void check_places(void) {
    struct heap_object found;

    for (uintptr_t va = KHEAP_START; va < KHEAP_START + (448u << 20); va += PAGE_SIZE)
        if (heap_debug_find(va, &found))
            KCHECK(found.start - va < 2 * PAGE_SIZE || (va >= found.start && va - found.start < found.size + 2 * PAGE_SIZE));
}

/* With more pages in all than the range has, addresses are used again, and nothing is lost. */
KTEST(heap_debug_goes_round_its_addresses)
{
    if (heap_mode() == HEAP_NORMAL)
        KSKIP("needs heap=debug or heap=guard");
    void *kept = kmalloc(5000);

    KCHECK(kept);
    for (unsigned i = 0; i < 4000; i++) {
        void *p = kmalloc(200000 + i * 16);
        KCHECK(p);
        kfree(p);
    }
    KCHECK_EQ(kmalloc_size(kept), 5000);
    kmalloc_check();
    KCHECK_CALL(check_places());
    kfree(kept);
    enum { N = 300 };
    static void *p[N]; /* on pages where larger ones began */
    for (unsigned i = 0; i < N; i++)
        KCHECK((p[i] = kmalloc(1800)));
    kmalloc_check();
    KCHECK_CALL(check_places());
    for (unsigned i = 0; i < N; i++)
        kfree(p[i]);
}

/* Has the next search for pages begin at the first one: takes all addresses up to the last, a piece at a time. */
static void go_to_the_end(void) {
    enum { MOST = 50 };
    static void *p[MOST];
    size_t n = 0, at = 0, more = heap_mode() == HEAP_GUARD ? 1 : 2; /* pages that a piece has besides its alignment */

    for (size_t pages = 1 << 16; pages > 0; pages /= at + pages + more > PAGES ? 2 : 1) {
        if (at + pages + more > PAGES)
            continue;
        char *piece = kmalloc_aligned(1, (at ? pages : 1) * PAGE_SIZE);
        KCHECK(piece && *use_of(piece) & USE_RUN && (*use_of(piece) & ~USE_RUN) >= at);
        at = (*use_of(piece) & ~USE_RUN) + (at ? pages : 1) + more;
        kfree(piece);
    }
    for (bool done = heap_mode() == HEAP_GUARD || at == PAGES; !done; done = page_of(p[n++]) == PAGES - 1)
        KCHECK(n < MOST && (p[n] = kmalloc(1800))); /* a page of slots has no addresses besides */
    while (n > 0)
        kfree(p[--n]);
    kmalloc_trim();
}

/* Whether the last four of the N objects at P lie in two pages of slots, one behind the other. */
static bool are_neighbours(char *const *p, unsigned n) {
    return n >= 4 && page_of(p[n - 4]) == page_of(p[n - 3]) && page_of(p[n - 2]) == page_of(p[n - 1]) &&
           page_of(p[n - 1]) == page_of(p[n - 3]) + 1;
}

KTEST(heap_debug_a_page_among_used_ones_comes_and_goes_alone)
{
    enum { N = 100 };
    static char *p[N], *q[N];
    unsigned n = 0, more = 0;

    if (heap_mode() != HEAP_DEBUG)
        KSKIP("needs heap=debug");
    KCHECK_CALL(go_to_the_end());
    while (!are_neighbours(p, n))
        KCHECK(n < N && (p[n++] = kmalloc(1800)));
    kfree(p[n - 4]);
    kfree(p[n - 3]);
    kmalloc_trim();
    kmalloc_check();
    KCHECK_CALL(go_to_the_end());
    frames_hold_all();
    while (more < N && (q[more] = kmalloc(1800))) /* in what is left of other pages, and then in the one that has gone */
        more++;
    frames_release_all();
    kmalloc_check();
    KCHECK(more < N);
    while (more > 0)
        kfree(q[--more]);
    for (unsigned i = 0; i < n; i++)
        if (i != n - 4 && i != n - 3)
            kfree(p[i]);
}

/* A slot that has never had an object is as free after a trim as before. */
KTEST(heap_debug_trim_keeps_unused_slots)
{
    enum { N = 64 };
    void *p[N], *last;
    unsigned n = 0;

    if (heap_mode() != HEAP_DEBUG)
        KSKIP("needs heap=debug");
    for (size_t pages = kmalloc_pages(); kmalloc_pages() == pages;) /* until one comes to a page of its own */
        KCHECK(n < N && (p[n++] = kmalloc(1800)));
    size_t pages = kmalloc_pages();
    kmalloc_trim();
    KCHECK((last = kmalloc(1800)));
    KCHECK(kmalloc_pages() <= pages);
    kfree(last);
    while (n)
        kfree(p[--n]);
}

/* Where no page is idle, pages can be given back all the same. */
KTEST(heap_debug_trim_gives_back_slabs_side_by_side)
{
    enum { N = 2 * 1024 + 100 }; /* more than the pages whose uses fill a page */
    static void *p[N];

    if (heap_mode() != HEAP_DEBUG)
        KSKIP("needs heap=debug");
    if (pm_count().free < 2 * N)
        KSKIP("needs 24 MiB");
    KCHECK_CALL(go_to_the_end());
    kmalloc_trim();
    size_t pages = kmalloc_pages();
    for (unsigned i = 0; i < N; i++)
        KCHECK((p[i] = kmalloc(1800)));
    for (unsigned i = 0; i < N; i++)
        kfree(p[i]);
    kmalloc_trim();
    KCHECK_EQ(kmalloc_pages(), pages);
}

/* Of the pages of uses that a run needs, a trim may have given back those in between. */
KTEST(heap_debug_run_over_pages_of_uses_that_are_gone)
{
    enum { LARGE = 12 << 20 }; /* over four of them */

    if (heap_mode() == HEAP_NORMAL)
        KSKIP("needs heap=debug or heap=guard");
    if (pm_count().free * PAGE_SIZE < 2u * LARGE)
        KSKIP("needs 24 MiB");
    KCHECK_CALL(go_to_the_end());
    void *first = kmalloc(100), *large = kmalloc(LARGE), *last = kmalloc(100);
    KCHECK(first && large && last);
    kfree(large);
    kmalloc_trim();
    KCHECK_CALL(go_to_the_end());
    KCHECK((large = kmalloc(LARGE)));
    kmalloc_check();
    kfree(large);
    kfree(first);
    kfree(last);
}

KTEST(heap_debug_takes_the_first_page_again_and_checks_it)
{
    if (heap_mode() == HEAP_NORMAL)
        KSKIP("needs heap=debug or heap=guard");
    KCHECK_CALL(go_to_the_end());
    if (is_known((char *)KHEAP_START))
        KSKIP("the first page is in use");
    char *p = kmalloc(1800);
    KCHECK(p && page_of(p) == 0);
    const unsigned use = *use_of(p);
    *use_of(p) = 0;
    KCHECK_TRAPS(check_heap, NULL, "is neither idle nor used");
    *use_of(p) = use;
    kfree(p);
}

KTEST(heap_debug_check_finds_a_page_that_is_part_of_nothing)
{
    if (heap_mode() == HEAP_NORMAL)
        KSKIP("needs heap=debug or heap=guard");
    char *object = kmalloc(100000);
    KCHECK(object);
    const unsigned use = *use_of(object + PAGE_SIZE);
    *use_of(object + PAGE_SIZE) = 0;
    KCHECK_TRAPS(check_heap, NULL, "is neither idle nor used");
    *use_of(object + PAGE_SIZE) = use;
    kfree(object);
}

static void check_records(void *arg) { /* alone: kmalloc_check looks at the memory of what is live, too */
    (void)arg;
    records_check();
}

static size_t cells_per_page(void) { return heap_mode() == HEAP_GUARD ? 1 : PAGE_SIZE / 64; }

/* The record of PAGE's first cell. */
static struct record *record_of(size_t page) { return (struct record *)RECORDS_START + page * cells_per_page(); }

KTEST(heap_debug_check_finds_an_idle_page_that_is_part_of_something)
{
    if (heap_mode() == HEAP_NORMAL)
        KSKIP("needs heap=debug or heap=guard");
    char *object = kmalloc(100000); /* too large for the quarantine */
    KCHECK(object);
    struct record *record = record_of(*use_of(object) & ~USE_RUN);
    KCHECK(record->object == object && record->size == 100000);
    kfree(object);
    KCHECK_EQ(record->state, RECORD_FREED);
    record->state = RECORD_LIVE;
    KCHECK_TRAPS(check_records, NULL, "is idle and used");
    record->state = RECORD_FREED;
    record->slot_shift = 6;
    KCHECK_TRAPS(check_records, NULL, "is idle and used");
    record->slot_shift = RUN;
    kmalloc_check();
}

static bool is_mapped(uintptr_t va) {
    paddr_t pa;

    return vmem_translate((const void *)va, &pa);
}

static size_t mapped_pages(uintptr_t start, uintptr_t end) {
    size_t n = 0;

    for (uintptr_t va = start; va < end; va += PAGE_SIZE)
        n += is_mapped(va);
    return n;
}

static void count_object(const struct heap_object *found, void *count) {
    (void)found;
    ++*(size_t *)count;
}

/* The figures are those of the objects that are live and of the pages that are mapped. */
static void check_figures(void) {
    struct kmalloc_stats row;
    size_t live = 0, pages = 0, objects = 0, others = mapped_pages(RECORDS_START, KHEAP_END);

    for (unsigned sc = 0; kmalloc_stats(sc, &row); sc++) {
        KCHECK_EQ(row.size, sc < 6 ? 64u << sc : 0);
        KCHECK_EQ(row.capacity, row.size ? row.pages * PAGE_SIZE / row.size : row.live);
        live += row.live;
        pages += row.pages;
    }
    heap_debug_each(count_object, &objects);
    KCHECK_EQ(live, objects);
    KCHECK_EQ(pages, mapped_pages(KHEAP_START, RECORDS_START));
    KCHECK_EQ(kmalloc_pages(), pages + others);
    KCHECK(kmalloc_peak_pages() >= kmalloc_pages());
}

/* The class of an object of SIZE bytes: the smallest slot that has room for it and its red zones, or a run. */
static unsigned class_of(size_t size) {
    unsigned sc = heap_mode() == HEAP_GUARD ? 6 : 0;

    while (sc < 6 && 16 + size + 16 > 64u << sc)
        sc++;
    return sc;
}

KTEST(heap_debug_figures_are_exact)
{
    size_t sizes[] = {1, 32, 33, 96, 97, 224, 480, 992, 2016, 2017, 5000, 0};
    struct kmalloc_stats before, after;
    size_t peak;

    if (heap_mode() == HEAP_NORMAL)
        KSKIP("needs heap=debug or heap=guard");
    KCHECK_CALL(check_figures());
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) { /* the last one larger than all that has ever been there */
        unsigned sc = class_of(sizes[i] = sizes[i] ? sizes[i] : (kmalloc_peak_pages() - kmalloc_pages() + 1) * PAGE_SIZE);
        kmalloc_stats(sc, &before);
        void *p = kmalloc(sizes[i]);
        kmalloc_stats(sc, &after);
        if (!p && i == ARRAY_SIZE(sizes) - 1)
            break; /* a small machine has no memory for it now */
        KCHECK(p);
        KCHECK_EQ(after.live, before.live + 1);
        if (sc < 6)
            KCHECK(after.pages - before.pages <= 1 && after.live <= after.capacity);
        else
            KCHECK_EQ(after.pages - before.pages, pages_for(sizes[i] + (heap_mode() == HEAP_DEBUG ? 16 + 16 : 0)));
        KCHECK_CALL(check_figures());
        peak = kmalloc_peak_pages();
        KCHECK(i < ARRAY_SIZE(sizes) - 1 || peak == kmalloc_pages());
        kfree(p);
        KCHECK_EQ(kmalloc_peak_pages(), peak);
        KCHECK_CALL(check_figures());
    }
    kmalloc_trim();
    KCHECK_CALL(check_figures());
}

KTEST(heap_debug_one_absent_page_lies_between_large_objects)
{
    if (heap_mode() == HEAP_NORMAL)
        KSKIP("needs heap=debug or heap=guard");
    char *p = kmalloc(5000), *q = kmalloc(5000);
    KCHECK(p && q);
    KCHECK_EQ(*use_of(q) - *use_of(p), 2 + 1);
    kfree(p);
    kfree(q);
}

KTEST(heap_debug_trim_leaves_free_slots_beside_objects)
{
    enum { N = 20 };
    static void *p[N];

    if (heap_mode() != HEAP_DEBUG)
        KSKIP("needs heap=debug");
    for (unsigned i = 0; i < N; i++)
        KCHECK((p[i] = kmalloc(1800)));
    for (unsigned i = 0; i < N; i += 2)
        kfree(p[i]);
    kmalloc_trim();
    size_t pages = kmalloc_pages();
    for (unsigned i = 0; i < N; i += 2)
        KCHECK((p[i] = kmalloc(1800)));
    KCHECK_EQ(kmalloc_pages(), pages);
    for (unsigned i = 0; i < N; i++)
        kfree(p[i]);
}

/* The last free slot of a page that stays led to one of a page that goes. */
KTEST(heap_debug_trim_leaves_no_slot_of_a_page_that_goes)
{
    enum { N = 6 };
    static void *p[N];

    if (heap_mode() != HEAP_DEBUG)
        KSKIP("needs heap=debug");
    kmalloc_trim();
    for (unsigned i = 0; i < N; i++)
        KCHECK((p[i] = kmalloc(1800)));
    KCHECK_EQ(page_of(p[0]), page_of(p[1]));
    for (unsigned i = N; --i > 0;)
        kfree(p[i]);
    kmalloc_trim();
    for (unsigned i = 1; i < N; i++)
        KCHECK((p[i] = kmalloc(1800)));
    for (unsigned i = 0; i < N; i++)
        kfree(p[i]);
}

/* Whether some page of the N from PAGE on is part of something. */
static bool any_used(size_t page, size_t n) {
    for (const unsigned *use = (unsigned *)USES_START + page; n > 0; n--, use++)
        if (is_mapped((uintptr_t)use) && *use)
            return true;
    return false;
}

KTEST(heap_debug_takes_no_record_before_it_is_needed)
{
    enum { N = 10 };
    static void *p[N];
    size_t per_page = PAGE_SIZE / sizeof(struct record) / cells_per_page(); /* whose records fill a page */

    if (heap_mode() == HEAP_NORMAL)
        KSKIP("needs heap=debug or heap=guard");
    kmalloc_trim();
    for (unsigned i = 0; i <= N; i++) {
        for (size_t page = 0; page < PAGES; page += per_page)
            KCHECK(!is_mapped((uintptr_t)record_of(page)) || any_used(page, per_page));
        for (size_t page = 0; page < PAGES; page += PAGE_SIZE / sizeof(unsigned))
            KCHECK(!is_mapped(USES_START + page * sizeof(unsigned)) || any_used(page, PAGE_SIZE / sizeof(unsigned)));
        KCHECK(i == N || (p[i] = kmalloc(1800)));
    }
    for (unsigned i = 0; i < N; i++)
        kfree(p[i]);
}

/* An object lies where the debugging heap would keep its uses. */
KTEST(heap_normal_takes_no_object_for_its_own_books)
{
    enum { ALIGN = 32u << 20 };
    unsigned *p[16], n = 0;
    size_t objects = 0;

    if (heap_mode() != HEAP_NORMAL || !kmalloc_books_apart)
        KSKIP("needs the normal heap");
    while ((p[n] = kmalloc_aligned(PAGE_SIZE, ALIGN)) && p[n] != (unsigned *)USES_START)
        n++;
    KCHECK(p[n]);
    for (unsigned i = 0; i < PAGE_SIZE / sizeof(unsigned); i++)
        p[n][i] = 6; /* a page of slots */
    KCHECK(!is_known((char *)KHEAP_START) && !is_known((char *)KHEAP_START + PAGE_SIZE));
    heap_debug_each(count_object, &objects);
    KCHECK_EQ(objects, 0);
    for (unsigned i = 0; i <= n; i++)
        kfree(p[i]);
}
