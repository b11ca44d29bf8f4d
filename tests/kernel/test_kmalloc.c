/* kmalloc: sizes and alignment, memory that runs out at every single frame, spare pages, misuse, interrupt
 * handlers. Random operations: tests/model/. */
#include "kmalloc.h"

#include "format.h"
#include "heap_debug.h"
#include "interrupt.h"
#include "ktest.h"
#include "memlayout.h"
#include "panic.h"
#include "pm.h"
#include "string.h"
#include "support.h"
#include "vmem.h"

/* ---- contents that identify their object ---- */

static unsigned pattern(unsigned id, size_t word) { return id * 0x9E3779B1 + (unsigned)word * 0x01000193; }

static void fill(void *p, size_t size, unsigned id) {
    unsigned *words = p;
    size_t n = size / 4;

    for (size_t i = 0; i < n; i++)
        words[i] = pattern(id, i);
    memset(words + n, (int)(id & 0xFF), size % 4);
}

/* Whether the first SIZE bytes at P are as fill left them in an object of WHOLE bytes. */
static bool is_filled(const void *p, size_t size, size_t whole, unsigned id) {
    const unsigned *words = p;
    const unsigned char *bytes = p;
    size_t n = (size < whole / 4 * 4 ? size : whole) / 4;

    for (size_t i = 0; i < n; i++)
        if (words[i] != pattern(id, i))
            return false;
    for (size_t i = n * 4; i < size; i++) {
        unsigned expected = i < whole / 4 * 4 ? pattern(id, i / 4) >> i % 4 * 8 : id;
        if (bytes[i] != (unsigned char)expected)
            return false;
    }
    return true;
}

static bool is_aligned(const void *p, size_t align) { return ((uintptr_t)p & (align - 1)) == 0; }

static size_t live_objects(void) {
    struct kmalloc_stats s;
    size_t live = 0;

    for (unsigned sc = 0; kmalloc_stats(sc, &s); sc++)
        live += s.live;
    return live;
}

/* ---- sizes ---- */

/* An object of SIZE bytes lies in the heap, on frames that are handed out, is aligned, and large enough. */
static void check_object(size_t size) {
    char *p = kmalloc(size);
    paddr_t pa;

    KCHECK(p);
    KCHECK((uintptr_t)p >= KHEAP_START && (uintptr_t)p + size <= KHEAP_END);
    KCHECK(is_aligned(p, size < 16 ? 8 : 16));
    KCHECK(kmalloc_size(p) >= size);
    for (size_t i = 0; i < size; i += PAGE_SIZE)
        KCHECK(vmem_translate(p + i, &pa) && pm_state(pa & PTE_FRAME) == PM_USED);
    fill(p, kmalloc_size(p), (unsigned)size); /* all that kmalloc_size promises */
    KCHECK(is_filled(p, kmalloc_size(p), kmalloc_size(p), (unsigned)size));
    kfree(p);
    KCHECK_EQ(kmalloc_size(p), 0);
}

KTEST(kmalloc_gives_every_size)
{
    size_t live = live_objects();

    for (size_t size = 1; size <= 1100; size++)
        KCHECK_CALL(check_object(size));
    for (size_t size = 1024; size <= 512 * 1024; size *= 2) {
        KCHECK_CALL(check_object(size - 1));
        KCHECK_CALL(check_object(size));
        KCHECK_CALL(check_object(size + 1));
    }
    KCHECK_EQ(live_objects(), live);
}

KTEST(kmalloc_refuses_size_0_and_absurd_sizes)
{
    static const size_t absurd[] = {
        KHEAP_END - KHEAP_START, 0x40000000, 0x7FFFFFFF, 0x80000000, 0xFFFFF000, 0xFFFFF001, 0xFFFFFFFF};
    size_t free = pm_count().free;

    KCHECK_EQ(kmalloc(0), NULL);
    KCHECK_EQ(kzalloc(0), NULL);
    KCHECK_EQ(kmalloc_aligned(0, 16), NULL);
    kfree(NULL);
    KCHECK_EQ(kmalloc_size(NULL), 0);
    for (size_t i = 0; i < ARRAY_SIZE(absurd); i++) {
        KCHECK_EQ(kmalloc(absurd[i]), NULL);
        KCHECK_EQ(kzalloc(absurd[i]), NULL);
        KCHECK_EQ(krealloc(NULL, absurd[i]), NULL);
        KCHECK_EQ(kmalloc_aligned(absurd[i], PAGE_SIZE), NULL);
        KCHECK_EQ(pm_count().free, free);
    }
    for (size_t size = 0u - 2 * PAGE_SIZE; size != 0; size += 8) { /* what a heap adds must not wrap round */
        KCHECK_EQ(kmalloc(size), NULL);
        KCHECK_EQ(kmalloc_aligned(size - 1, 64), NULL);
    }
    KCHECK_EQ(kmalloc_aligned(64, 0x80000000), NULL);
    KCHECK_EQ(pm_count().free, free);
}

KTEST(kmalloc_aligned_is_aligned)
{
    static const size_t sizes[] = {1, 24, 200, 300, 5000, 20000};

    for (size_t align = 1; align <= 1 << 20; align *= 2)
        for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
            char *a = kmalloc_aligned(sizes[i], align), *b = kmalloc_aligned(sizes[i], align);
            KCHECK(a && b);
            KCHECK(is_aligned(a, align) && is_aligned(b, align) && is_aligned(a, 8));
            KCHECK(kmalloc_size(a) >= sizes[i]);
            KCHECK(a + sizes[i] <= b || b + sizes[i] <= a);
            fill(a, sizes[i], 1);
            fill(b, sizes[i], 2);
            KCHECK(is_filled(a, sizes[i], sizes[i], 1));
            kfree(a);
            kfree(b);
        }
}

KTEST(kzalloc_clears_used_memory)
{
    static const size_t sizes[] = {8, 100, 256, 1000, 8000, 30000};

    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        unsigned char *p = kmalloc(sizes[i]);
        KCHECK(p);
        memset(p, 0xA5, sizes[i]);
        kfree(p);
        KCHECK((p = kzalloc(sizes[i])));
        for (size_t j = 0; j < sizes[i]; j++)
            KCHECK(p[j] == 0);
        kfree(p);
    }
}

static void check_realloc(size_t from, size_t to) {
    void *p = krealloc(NULL, from), *q;
    size_t lesser = from < to ? from : to;

    KCHECK(p);
    fill(p, from, 77);
    q = krealloc(p, to);
    KCHECK(q);
    KCHECK(kmalloc_size(q) >= to);
    KCHECK(is_filled(q, lesser, from, 77));
    if (q != p)
        KCHECK_EQ(kmalloc_size(p), 0);
    KCHECK_EQ(krealloc(q, 0), NULL);
    KCHECK_EQ(kmalloc_size(q), 0);
}

KTEST(krealloc_keeps_the_contents)
{
    static const size_t sizes[] = {1, 16, 33, 256, 257, 1000, 4096, 8192, 8193, 20000, 70000, 300000};

    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
        for (size_t j = 0; j < ARRAY_SIZE(sizes); j++)
            KCHECK_CALL(check_realloc(sizes[i], sizes[j]));
}

KTEST(krealloc_grows_step_by_step)
{
    size_t size = 1;
    char *p = kmalloc(size);

    KCHECK(p);
    p[0] = 0;
    for (; size < 200000; size += size / 8 + 1) {
        p = krealloc(p, size + size / 8 + 1);
        KCHECK(p);
        for (size_t i = size; i < size + size / 8 + 1; i++)
            p[i] = (char)(i * 7);
    }
    for (size_t i = 0; i < size; i++)
        KCHECK(p[i] == (char)(i * 7));
    while ((size /= 2)) {
        KCHECK((p = krealloc(p, size)));
        for (size_t i = 0; i < size; i++)
            KCHECK(p[i] == (char)(i * 7));
    }
    kfree(p);
}

KTEST(kmalloc_objects_do_not_overlap)
{
    enum { N = 300 };
    static char *p[N];
    size_t size[N];

    random_seed(4);
    for (unsigned i = 0; i < N; i++) {
        size[i] = 1 + random_below(i % 10 ? 300 : 9000);
        KCHECK((p[i] = kmalloc(size[i])));
    }
    for (unsigned i = 0; i < N; i++)
        for (unsigned j = 0; j < i; j++)
            KCHECK(p[i] + size[i] <= p[j] || p[j] + size[j] <= p[i]);
    for (unsigned i = 0; i < N; i++)
        kfree(p[i]);
}

/* Each row's fields fit each other; the last one's are those of the large objects. */
static void check_row(const struct kmalloc_stats *row) {
    KCHECK(row->live <= row->capacity);
    KCHECK_EQ(row->capacity, row->size ? row->pages * (PAGE_SIZE / row->size) : row->live);
    KCHECK(row->size || row->pages >= row->live);
}

#define ROWS_MOST 40

/* Of two looks at all rows, N of them: one object more has come to one row, and nothing has left. */
static void check_one_more(const struct kmalloc_stats *before, const struct kmalloc_stats *after,
                           unsigned n) {
    unsigned rows = 0;

    for (unsigned i = 0; i < n; i++) {
        KCHECK_EQ(after[i].size, before[i].size);
        KCHECK(after[i].live - before[i].live <= 1);
        rows += after[i].live != before[i].live;
        KCHECK(after[i].pages >= before[i].pages || !after[i].live);
        KCHECK_CALL(check_row(&after[i]));
    }
    KCHECK_EQ(rows, 1);
}

static unsigned read_rows(struct kmalloc_stats *rows) {
    unsigned n = 0;

    while (n < ROWS_MOST && kmalloc_stats(n, &rows[n]))
        n++;
    return n;
}

KTEST(kmalloc_statistics_follow_in_every_row)
{
    static struct kmalloc_stats before[ROWS_MOST], after[ROWS_MOST];
    static const size_t sizes[] = {1, 40, 300, 4000, 5000, 40000, 200000};
    size_t pages = 0;
    unsigned n;

    if (!read_rows(before))
        KSKIP("this heap keeps no figures by size class");
    kmalloc_trim();
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        n = read_rows(before);
        void *p = kmalloc(sizes[i]);
        KCHECK(p && n > 1 && n < ROWS_MOST);
        KCHECK_EQ(read_rows(after), n);
        KCHECK_CALL(check_one_more(before, after, n));
        if (sizes[i] > PAGE_SIZE)
            KCHECK(after[n - 1].pages - before[n - 1].pages >= pages_for(sizes[i]));
        kfree(p);
        read_rows(after);
        for (unsigned row = 0; row < n; row++)
            KCHECK_EQ(after[row].live, before[row].live);
    }
    for (unsigned row = 0; row < n; row++)
        pages += after[row].pages;
    KCHECK(pages <= kmalloc_pages());
    KCHECK(kmalloc_peak_pages() >= kmalloc_pages());
}

/* ---- pages ---- */

KTEST(kmalloc_keeps_few_empty_pages)
{
    enum { N = 2000 };
    static void *p[N];
    static const size_t sizes[] = {24, 200, 600};

    if (heap_mode() != HEAP_NORMAL)
        KSKIP("the debugging heap keeps what was freed until kmalloc_trim");
    kmalloc_trim();
    size_t pages = kmalloc_pages();
    for (size_t s = 0; s < ARRAY_SIZE(sizes); s++) {
        for (unsigned i = 0; i < N; i++)
            KCHECK((p[i] = kmalloc(sizes[s])));
        KCHECK(kmalloc_pages() >= pages + N * sizes[s] / PAGE_SIZE);
        for (unsigned i = 0; i < N; i++)
            kfree(p[i]);
        KCHECK(kmalloc_pages() <= pages + KMALLOC_SPARE);
        kmalloc_check();
    }
    kmalloc_trim();
    KCHECK_EQ(kmalloc_pages(), pages);
}

KTEST(kmalloc_gives_back_large_objects)
{
    size_t pages, free;

    if (heap_mode() != HEAP_NORMAL)
        KSKIP("the debugging heap keeps what was freed until kmalloc_trim");
    kmalloc_trim();
    pages = kmalloc_pages();
    free = pm_count().free;
    for (unsigned i = 0; i < 50; i++) {
        void *p = kmalloc(500000);
        KCHECK(p);
        KCHECK(kmalloc_pages() >= pages + 500000 / PAGE_SIZE);
        kfree(p);
        KCHECK(kmalloc_pages() <= pages + KMALLOC_SPARE);
    }
    kmalloc_trim();
    KCHECK_EQ(kmalloc_pages(), pages);
    KCHECK_EQ(pm_count().free, free);
}

/* ---- running out ---- */

/* The frames that an object of SIZE bytes takes at least, in an empty heap. */
static size_t least_frames(size_t size) { return kmalloc_pages() ? 0 : 1 + pages_for(size); }

static bool attempt_kmalloc(void *arg) {
    void *p = kmalloc(*(size_t *)arg);

    kfree(p);
    return p;
}

static bool attempt_aligned(void *arg) {
    void *p = kmalloc_aligned(*(size_t *)arg, 4 * PAGE_SIZE);

    kfree(p);
    return p;
}

static bool attempt_krealloc(void *arg) {
    size_t from = ((size_t *)arg)[0], to = ((size_t *)arg)[1];
    void *p = kmalloc(from), *q;

    if (!p)
        return false;
    fill(p, from, 9);
    q = krealloc(p, to);
    if (!is_filled(q ? q : p, from < to ? from : to, from, 9))
        ktest_fail(__FILE__, __LINE__, "krealloc from %zu to %zu lost the contents", from, to);
    kfree(q ? q : p);
    kmalloc_trim();
    return q;
}

KTEST(kmalloc_survives_running_out_at_every_frame)
{
    static size_t sizes[] = {1, 100, 256, 257, 1000, 4096, 8192, 8193, 40000, 200000, 1 << 20};

    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
        KCHECK_CALL(exhaust(attempt_kmalloc, &sizes[i], least_frames(sizes[i])));
}

KTEST(kmalloc_aligned_survives_running_out_at_every_frame)
{
    static size_t sizes[] = {100, 10000, 100000};

    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
        KCHECK_CALL(exhaust(attempt_aligned, &sizes[i], least_frames(sizes[i])));
}

KTEST(krealloc_survives_running_out_at_every_frame)
{
    static size_t steps[][2] = {{10, 100}, {100, 5000}, {5000, 70000}, {30000, 200000}, {200000, 70000}};

    for (size_t i = 0; i < ARRAY_SIZE(steps); i++)
        KCHECK_CALL(exhaust(attempt_krealloc, steps[i], least_frames(steps[i][1])));
}

/* The frames that a trim gives back once a large and a small object are free. */
static size_t spare_frames(void) {
    void *large = kmalloc(8192), *small = kmalloc(PAGE_SIZE);
    kfree(small);
    kfree(large);
    size_t free = pm_count().free;
    kmalloc_trim();
    return pm_count().free - free;
}

/* A large object may want a page table, too: then the spare pages of both kinds are given back for it. */
KTEST(kmalloc_gives_back_all_spare_pages_for_a_table)
{
    if (heap_mode() != HEAP_NORMAL || spare_frames() < 3)
        KSKIP("this heap has no spare pages");
    void *before = kmalloc(2 << 20); /* the next search begins in another table */
    void *large = kmalloc(8192), *small = kmalloc(PAGE_SIZE), *beside = kmalloc(8192); /* which keeps their table */
    KCHECK(before && large && small && beside);
    kfree(small);
    kfree(large);
    frames_hold_all();
    void *p = kmalloc_aligned(8192, 32768);
    frames_release_all();
    kfree(p);
    kfree(beside);
    kfree(before);
    KCHECK(p);
}

/* Small objects until memory has run out: the heap is whole, and each of them can be freed. */
KTEST(kmalloc_fills_memory_to_the_last_object)
{
    void **list = NULL, **p;
    size_t n = 0, frames = 300, free = pm_count().free;

    frames_hold_all();
    frames_release(frames);
    while ((p = kmalloc(48))) {
        *p = list;
        list = p;
        n++;
    }
    KCHECK(n * 48 > (frames - 40) * PAGE_SIZE / 2 || heap_mode() != HEAP_NORMAL);
    KCHECK_EQ(kmalloc(48), NULL);
    KCHECK_EQ(kmalloc(100000), NULL);
    kmalloc_check();
    while ((p = list)) {
        list = *p;
        kfree(p);
        n--;
    }
    KCHECK_EQ(n, 0);
    kmalloc_trim();
    KCHECK_EQ(pm_count().free, frames);
    frames_release_all();
    KCHECK_EQ(pm_count().free, free);
}

/* ---- misuse: a panic that changes nothing ---- */

static void free_it(void *p) { kfree(p); }

static void shrink_it(void *p) { krealloc(p, 8); }

static void empty_it(void *p) { krealloc(p, 0); }

static void check_bad_pointer(void *p, const char *text) {
    size_t live = live_objects(), pages = kmalloc_pages(), free = pm_count().free;
    static void (*const calls[])(void *) = {free_it, shrink_it, empty_it};
    char peek[24];

    format_buffer(peek, sizeof(peek), "peek 0x%08x", (unsigned)(uintptr_t)p);
    KCHECK_EQ(kmalloc_size(p), 0);
    for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
        KCHECK_TRAPS(calls[i], p, text);
        KCHECK_EQ(ktest_vector, -1);
        KCHECK_REPORTED("cannot be freed");
        if (heap_mode() == HEAP_NORMAL && kmalloc_books_apart) {
            KCHECK_REPORTED(HEAP_DEBUG_ADVICE);
            KCHECK_REPORTED(peek);
        }
        KCHECK_EQ(live_objects(), live);
        KCHECK_EQ(kmalloc_pages(), pages);
        KCHECK_EQ(pm_count().free, free);
    }
    kmalloc_check();
}

static void check_it(void *arg) {
    (void)arg;
    kmalloc_check();
}

static void free_half_a_frame(void *arg) {
    (void)arg;
    pm_free_page(1);
}

/* A mistake that is not the heap's comes without the heap's advice. */
static void check_no_advice(void) {
    KCHECK_TRAPS(free_half_a_frame, NULL, "not page-aligned");
    KCHECK(!find_text(ktest_report, HEAP_DEBUG_ADVICE));
}

/* Where the heap is damaged, another one may say by whom; that is no help with other mistakes. */
KTEST(kmalloc_check_advises_the_debugging_heap)
{
    char **page = (char **)0xEF800008; /* the address of the first page of small objects, in its slab */

    if (heap_mode() != HEAP_NORMAL || !kmalloc_books_apart)
        KSKIP("needs the normal heap");
    void *p = kmalloc(1);
    KCHECK(p);
    *page += PAGE_SIZE;
    KCHECK_TRAPS(check_it, NULL, "slab->page");
    *page -= PAGE_SIZE;
    KCHECK_REPORTED(HEAP_DEBUG_ADVICE);
    kmalloc_check();
    check_no_advice();
    kfree(p);
}

/* kfree(NULL) leaves no advice behind that a later panic, not the heap's, would print. */
KTEST(kmalloc_free_of_nothing_leaves_no_advice)
{
    kfree(NULL);
    check_no_advice();
}

static const size_t tier_sizes[] = {1, 40, 256, 300, 2000, 8192, 9000, 100000};

KTEST(kmalloc_double_free_is_caught)
{
    for (size_t i = 0; i < ARRAY_SIZE(tier_sizes); i++) {
        char *neighbour = kmalloc(tier_sizes[i]), *p = kmalloc(tier_sizes[i]),
             *after = kmalloc(tier_sizes[i]);
        KCHECK(neighbour && p && after);
        kfree(p);
        KCHECK_CALL(check_bad_pointer(p, "freed already"));
        kfree(neighbour);
        kfree(after);
        KCHECK_CALL(check_bad_pointer(p, "kmalloc: ")); /* its page may have gone by now */
    }
}

KTEST(kmalloc_interior_pointer_is_caught)
{
    for (size_t i = 0; i < ARRAY_SIZE(tier_sizes); i++) {
        size_t size = tier_sizes[i];
        char *p = kmalloc(size);
        KCHECK(p);
        fill(p, size, 3);
        if (kmalloc_size(p) > 1)
            KCHECK_CALL(check_bad_pointer(p + 1, "inside an object"));
        for (size_t step = 16; step < kmalloc_size(p); step *= 2)
            KCHECK_CALL(check_bad_pointer(p + step, "inside an object"));
        if (kmalloc_size(p) > 1)
            KCHECK_CALL(check_bad_pointer(p + kmalloc_size(p) - 1, "inside an object"));
        KCHECK(is_filled(p, size, size, 3));
        kfree(p);
    }
}

KTEST(kmalloc_foreign_pointer_is_caught)
{
    static int in_data;
    int on_stack;

    KCHECK_CALL(check_bad_pointer(&on_stack, "no address of the heap"));
    KCHECK_CALL(check_bad_pointer(&in_data, "no address of the heap"));
    KCHECK_CALL(check_bad_pointer((void *)1, "no address of the heap"));
    KCHECK_CALL(check_bad_pointer((void *)(KHEAP_START - 1), "no address of the heap"));
    KCHECK_CALL(check_bad_pointer((void *)KHEAP_END, "no address of the heap"));
    KCHECK_CALL(check_bad_pointer((void *)WINDOW_START, "no address of the heap"));
    KCHECK_CALL(check_bad_pointer((void *)0xFFFFFFFF, "no address of the heap"));
}

/* kmalloc_size and kfree fault at no address. */
KTEST(kmalloc_random_addresses_are_judged_without_a_fault)
{
    char *objects[] = {kmalloc(24), kmalloc(700), kmalloc(30000)};

    KCHECK(objects[0] && objects[1] && objects[2]);
    unsigned frees = random_rounds(6, 300);
    for (unsigned i = 0; i < 20000; i++) {
        uintptr_t va = KHEAP_START + random_below(KHEAP_END - KHEAP_START);
        kmalloc_size((void *)va);
        kmalloc_size((void *)(va & ~(uintptr_t)PAGE_MASK));
    }
    for (unsigned i = 0; i < frees; i++) {
        uintptr_t va = KHEAP_START + random_below(KHEAP_END - KHEAP_START);
        if (!kmalloc_size((void *)va))
            KCHECK_CALL(check_bad_pointer((void *)va, "kmalloc: "));
    }
    KCHECK_CALL(check_bad_pointer((void *)(KHEAP_END - 1), "kmalloc: "));
    KCHECK_CALL(check_bad_pointer((void *)(KHEAP_END - PAGE_SIZE), "kmalloc: "));
    for (unsigned i = 0; i < ARRAY_SIZE(objects); i++)
        kfree(objects[i]);
}

KTEST(kmalloc_pointer_into_a_page_given_back_is_caught)
{
    for (size_t i = 0; i < ARRAY_SIZE(tier_sizes); i++) {
        char *p = kmalloc(tier_sizes[i]);
        KCHECK(p);
        kfree(p);
        kmalloc_trim();
        KCHECK_CALL(check_bad_pointer(p, "kmalloc: "));
    }
}

static void bad_alignment(void *align) { kmalloc_aligned(100, (size_t)align); }

KTEST(kmalloc_alignment_that_is_no_power_of_two_is_caught)
{
    static const size_t bad[] = {0, 3, 24, 4097, 0xFFFFFFFF};

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        KCHECK_TRAPS(bad_alignment, (void *)bad[i], "power of two");
}

/* ---- interrupt handlers: each call is refused at once ---- */

static void *handlers_object; /* that the calls below are about */

static void handler_kmalloc(void *size) { kmalloc((size_t)size); }
static void handler_kzalloc(void *size) { kzalloc((size_t)size); }
static void handler_aligned(void *size) { kmalloc_aligned((size_t)size, 64); }
static void handler_krealloc(void *size) { krealloc(handlers_object, (size_t)size); }
static void handler_kfree(void *unused) { (void)unused, kfree(handlers_object); }
static void handler_trim(void *unused) { (void)unused, kmalloc_trim(); }
static void handler_check(void *unused) { (void)unused, kmalloc_check(); }

static struct {
    void (*call)(void *);
    void *argument;
    unsigned done;
} handler;

/* As a handler would that interrupts the kernel, many times. The catch sets irqs_served back. */
static void in_handler(void *unused) {
    (void)unused;
    irqs_served = 1;
    for (handler.done = 0; handler.done < 1000; handler.done++)
        handler.call(handler.argument);
}

static void check_refused(void (*call)(void *), size_t argument) {
    size_t live = live_objects(), pages = kmalloc_pages();

    handler.call = call;
    handler.argument = (void *)argument;
    KCHECK_TRAPS(in_handler, NULL, "an interrupt handler cannot use the heap");
    KCHECK_EQ(handler.done, 0);
    KCHECK_EQ(live_objects(), live);
    KCHECK_EQ(kmalloc_pages(), pages);
}

KTEST(kmalloc_is_refused_in_an_interrupt_handler)
{
    static const size_t sizes[] = {1, 32, 33, 384, 385, 4096, 4097, 40000, 70000, 1000000};

    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        void *p = kmalloc(sizes[i]), *freed = kmalloc(sizes[i]);
        KCHECK(p && freed);
        kfree(freed); /* a place at hand */
        for (unsigned trimmed = 0; trimmed < 2; trimmed++) {
            handlers_object = p;
            KCHECK_CALL(check_refused(handler_kmalloc, sizes[i]));
            KCHECK_CALL(check_refused(handler_kzalloc, sizes[i]));
            KCHECK_CALL(check_refused(handler_aligned, sizes[i]));
            KCHECK_CALL(check_refused(handler_krealloc, sizes[i]));
            KCHECK_CALL(check_refused(handler_krealloc, 2 * sizes[i]));
            KCHECK_CALL(check_refused(handler_krealloc, 0));
            KCHECK_CALL(check_refused(handler_kfree, 0));
            KCHECK_CALL(check_refused(handler_trim, 0));
            if (heap_mode() != HEAP_NORMAL) /* a heap of the course may have no check; Quire's own is asked on the host */
                KCHECK_CALL(check_refused(handler_check, 0));
            handlers_object = NULL;
            KCHECK_CALL(check_refused(handler_kmalloc, 0));
            KCHECK_CALL(check_refused(handler_krealloc, sizes[i]));
            KCHECK_CALL(check_refused(handler_kfree, 0));
            kmalloc_check();
            kmalloc_trim();
        }
        KCHECK(kmalloc_size(p) >= sizes[i]);
        kfree(p);
    }
}

static size_t told[4];
static struct kmalloc_stats told_stats;

/* The queries that an interrupt handler may make, though it may not allocate. */
static void query(void *p) {
    irqs_served = 1;
    told[0] = kmalloc_size(p);
    told[1] = kmalloc_stats(0, &told_stats);
    told[2] = kmalloc_pages();
    told[3] = kmalloc_peak_pages();
    irqs_served = 0;
}

KTEST(kmalloc_answers_queries_in_an_interrupt_handler)
{
    struct kmalloc_stats stats;
    void *p = kmalloc(100);

    KCHECK(p);
    query(p);
    KCHECK_EQ(told[0], kmalloc_size(p));
    KCHECK_EQ(told[1], kmalloc_stats(0, &stats));
    KCHECK(!memcmp(&told_stats, &stats, sizeof(stats)));
    KCHECK(told[2] == kmalloc_pages() && told[3] == kmalloc_peak_pages());
    kfree(p);
}

/* An overflow and a use after free damage other objects' contents, never the heap. */
KTEST(kmalloc_survives_overflow_and_use_after_free)
{
    if (heap_mode() != HEAP_NORMAL)
        KSKIP("the debugging heap panics: test_heap_debug.c");
    if (!kmalloc_books_apart)
        KSKIP("this heap keeps its books beside its objects");
    char *p = kmalloc(50), *q = kmalloc(50);
    KCHECK(p && q);
    size_t past_the_end = kmalloc_size(p) + 20, in_page = PAGE_SIZE - ((uintptr_t)p & PAGE_MASK);
    memset(p, 0xEE, past_the_end < in_page ? past_the_end : in_page);
    kmalloc_check();
    kfree(q);
    memset(q, 0xEE, 50);
    kmalloc_check();
    KCHECK((q = kmalloc(50)));
    kfree(p);
    kfree(q);
    kmalloc_check();
}
