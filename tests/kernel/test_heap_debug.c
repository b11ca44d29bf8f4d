/* heap=debug and heap=guard: each mistake is found, and reported with its object and its callers. The
 * tests need a kernel booted with one of these options. */
#include "heap_debug.h"

#include "format.h"
#include "kmalloc.h"
#include "ktest.h"
#include "memlayout.h"
#include "options.h"
#include "says.h"
#include "string.h"
#include "support.h"
#include "trap.h"
#include "vmem.h"

#define NEEDS(mode) \
    do { \
        if (heap_mode() != (mode)) \
            KSKIP((mode) == HEAP_DEBUG ? "needs heap=debug" : "needs heap=guard"); \
    } while (0)

static char *object;
static volatile unsigned calls; /* changed after a call, lest that be a tail call */

/* Functions of their own, whose names the reports must have. */
static __attribute__((noinline)) void allocate_it(size_t size) { object = kmalloc(size); }

static __attribute__((noinline)) void free_it_first(void) {
    kfree(object);
    calls++;
}

static __attribute__((noinline)) void free_it_again(void *arg) {
    (void)arg;
    kfree(object);
    calls++;
}
static void check_heap(void *arg) {
    (void)arg;
    kmalloc_check();
}
static void trim_heap(void *arg) {
    (void)arg;
    kmalloc_trim();
}

/* What the report of a mistake with P tells to do at the prompt. */
static const char *advice(const void *p) {
    static char text[24];

    format_buffer(text, sizeof(text), "peek 0x%08x", (unsigned)(uintptr_t)p);
    return text;
}

KTEST(heap_debug_double_free_names_object_size_and_callers)
{
    if (heap_mode() == HEAP_NORMAL)
        KSKIP("needs heap=debug or heap=guard");
    static const size_t sizes[] = {1, 24, 1000, 2000, 5000, 100000};

    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        char size[24];

        allocate_it(sizes[i]);
        KCHECK(object);
        free_it_first();
        KCHECK_TRAPS(free_it_again, NULL, "double free");
        format_buffer(size, sizeof(size), "%zu bytes at 0x", sizes[i]);
        KCHECK_REPORTED(size);
        KCHECK_REPORTED("allocate_it");
        KCHECK_REPORTED("free_it_first");
        KCHECK_REPORTED("free_it_again");
        KCHECK_REPORTED(advice(object));
    }
}

/* After a trim has emptied the quarantine, a free slot still remembers its last object. */
KTEST(heap_debug_double_free_after_a_trim_names_the_callers)
{
    NEEDS(HEAP_DEBUG);
    void *beside = kmalloc(100); /* keeps the page in use */
    allocate_it(100);
    KCHECK(beside && object);
    free_it_first();
    kmalloc_trim();
    char place[24];
    format_buffer(place, sizeof(place), "100 bytes at 0x%08x", (unsigned)(uintptr_t)object);
    KCHECK_TRAPS(free_it_again, NULL, "double free");
    KCHECK_REPORTED(place);
    KCHECK_REPORTED("allocate_it");
    KCHECK_REPORTED("free_it_first");
    kfree(beside);
}

/* Objects in slots, in runs, and such as fill their pages to the last byte. */
static const size_t some_sizes[] = {1, 50, 2016, 2017, 3000, 4064, 4096, 8192, 20000};

static void check_overflow(size_t size, unsigned by) {
    char text[60];

    allocate_it(size);
    KCHECK(object);
    memset(object + size, 'x', by);
    format_buffer(text, sizeof(text), "heap overflow: written up to %u bytes", by);
    KCHECK_TRAPS(check_heap, NULL, text);
    KCHECK_TRAPS(free_it_again, NULL, text);
    KCHECK_REPORTED("allocate_it");
    KCHECK(!find_text(ktest_report, "freed    by")); /* it is live */
    format_buffer(text, sizeof(text), "an object of %zu bytes", size);
    KCHECK_REPORTED(text);
    KCHECK_REPORTED(advice(object));
    memset(object + size, 0xB5, by); /* as it was */
    kmalloc_check();
    object[-(int)by] = 'x';
    format_buffer(text, sizeof(text), "heap underflow: written from %u bytes before", by);
    KCHECK_TRAPS(free_it_again, NULL, text);
    KCHECK_REPORTED(advice(object));
    object[-(int)by] = (char)0xB5;
    kfree(object);
}

static void move_it(void *arg) {
    (void)arg;
    krealloc(object, 60);
}

KTEST(heap_debug_overflow_is_found_when_the_object_moves)
{
    NEEDS(HEAP_DEBUG);
    allocate_it(50);
    kmalloc_trim();
    char *to = kmalloc(60);
    KCHECK(object && to);
    kfree(to);
    kmalloc_trim(); /* the next object gets the same address */
    object[50] = 'x';
    KCHECK_TRAPS(move_it, NULL, "heap overflow: written up to 1 bytes");
    KCHECK_REPORTED("allocate_it");
    object[50] = (char)0xB5;
    kfree(to); /* the copy: krealloc trapped before it returned it */
    kfree(object);
}

KTEST(heap_debug_overflow_is_found_at_kfree_and_by_the_check)
{
    NEEDS(HEAP_DEBUG);
    for (size_t i = 0; i < ARRAY_SIZE(some_sizes); i++)
        for (unsigned by = 1; by <= 16; by += 5)
            KCHECK_CALL(check_overflow(some_sizes[i], by));
}

/* The bytes beside a freed object are looked at, too, when it leaves the quarantine. */
KTEST(heap_debug_write_beside_a_freed_object_is_found)
{
    NEEDS(HEAP_DEBUG);
    kmalloc_trim();
    for (int before = 0; before < 2; before++) {
        allocate_it(100);
        KCHECK(object);
        char *place = before ? object - 3 : object + 104, was = *place;
        free_it_first();
        *place = 'x';
        KCHECK_TRAPS(trim_heap, NULL, before ? "heap underflow" : "heap overflow");
        KCHECK_REPORTED("free_it_first");
        *place = was;
        kmalloc_trim();
    }
}

/* An object lies where another one was freed: whoever freed that one has nothing to do with it. */
KTEST(heap_debug_forgets_who_freed_the_object_before)
{
    NEEDS(HEAP_DEBUG);
    enum { N = 64 };
    static char *other[N];
    unsigned n = 0;

    char *neighbour = kmalloc(50);
    allocate_it(50);
    KCHECK(neighbour && object);
    free_it_first();
    kmalloc_trim(); /* out of the quarantine */
    const char *place = object;
    for (allocate_it(50); object != place && n < N; allocate_it(50))
        other[n++] = object;
    KCHECK(object == place);
    object[50] = 'x';
    KCHECK_TRAPS(check_heap, NULL, "heap overflow");
    KCHECK(!find_text(ktest_report, "freed    by"));
    object[50] = (char)0xB5;
    kfree(object);
    kfree(neighbour);
    while (n)
        kfree(other[--n]);
}

/* The last byte of a slot, or of a run's pages, too, with all as it was before it: 16 bytes, the object's, and the rest. */
KTEST(heap_debug_red_zone_reaches_to_the_slots_end)
{
    static const size_t sizes[] = {50, 1100, 5000}, places[] = {128, 2048, 2 * PAGE_SIZE};
    char text[60];

    NEEDS(HEAP_DEBUG);
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        size_t zone = places[i] - 16 - sizes[i];
        allocate_it(sizes[i]);
        KCHECK(object);
        object[sizes[i] + zone - 1] = 'x';
        format_buffer(text, sizeof(text), "heap overflow: written up to %zu bytes", zone);
        KCHECK_TRAPS(check_heap, NULL, text);
        KCHECK_TRAPS(free_it_again, NULL, text);
        object[sizes[i] + zone - 1] = (char)0xB5;
        kfree(object);
    }
}

static void check_underflow(size_t by) {
    char text[60];

    object[-(int)by] = 'x';
    format_buffer(text, sizeof(text), "heap underflow: written from %zu bytes before", by);
    KCHECK_TRAPS(free_it_again, NULL, text);
    object[-(int)by] = (char)0xB5;
}

KTEST(heap_debug_red_zones_of_aligned_objects)
{
    NEEDS(HEAP_DEBUG);
    for (size_t align = 16; align <= 64 * 1024; align *= 2)
        for (size_t size = 100; size <= 2 * PAGE_SIZE; size *= 9) {
            object = kmalloc_aligned(size, align);
            KCHECK(object && (uintptr_t)object % align == 0);
            KCHECK_CALL(check_underflow(1));
            KCHECK_CALL(check_underflow(align < PAGE_SIZE ? align : PAGE_SIZE)); /* where its red zone begins */
            object[size] = 'x';
            KCHECK_TRAPS(free_it_again, NULL, "heap overflow: written up to 1 bytes");
            object[size] = (char)0xB5;
            kfree(object);
        }
}

static __attribute__((noinline)) void free_at(void *p) {
    kfree(p);
    calls++;
}

KTEST(heap_debug_a_free_beside_an_object_is_told_from_one_inside)
{
    NEEDS(HEAP_DEBUG);
    allocate_it(1000);
    KCHECK(object);
    KCHECK_TRAPS(free_at, object - 8, "lies beside an object");
    KCHECK_TRAPS(free_at, object + 1000, "lies beside an object");
    KCHECK_TRAPS(free_at, object + 999, "inside an object, 999 bytes past its start");
    kfree(object);
}

static bool is_known(const void *p) {
    struct heap_object found;

    return heap_debug_find((uintptr_t)p, &found);
}

KTEST(heap_debug_free_of_what_was_never_allocated)
{
    if (heap_mode() == HEAP_NORMAL)
        KSKIP("needs heap=debug or heap=guard");
    char *const places[] = {(char *)KHEAP_START + (440u << 20), (char *)KHEAP_END - PAGE_SIZE};

    for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
        KCHECK(!is_known(places[i]));
        KCHECK_TRAPS(free_at, places[i], "it was never allocated");
        const char *by = find_text(ktest_report, "kfree    by 0x");
        KCHECK(by && !strncmp(by + 23, "free_at+", 8)); /* behind eight digits */
    }
    KCHECK_TRAPS(free_at, (void *)KHEAP_END, "no address of the heap's objects");
    KCHECK_TRAPS(free_at, (char *)KHEAP_START - 1, "no address of the heap's objects");
    if (kmalloc_size((void *)KHEAP_START) == 0) {
        KCHECK_TRAPS(free_at, (void *)KHEAP_START, "cannot be freed");
        KCHECK(!find_text(ktest_report, "no address of the heap's objects"));
    }
    kfree(NULL);
    kmalloc_trim();
    allocate_it(1800); /* in debug mode in one of two slots of a new page */
    KCHECK(object && is_known(object));
    if (heap_mode() == HEAP_DEBUG) {
        char *other = (char *)((uintptr_t)object ^ PAGE_SIZE / 2);
        KCHECK(!is_known(other));
        KCHECK_TRAPS(free_at, other, "it was never allocated");
    }
    kfree(object);
}

/* krealloc always moves the object; without memory it stays, and may shrink. */
KTEST(heap_debug_krealloc_moves_or_leaves_the_object)
{
    if (heap_mode() == HEAP_NORMAL)
        KSKIP("needs heap=debug or heap=guard");
    char *p = krealloc(NULL, 5000);

    KCHECK(p);
    memset(p, 'x', 5000);
    char *to = krealloc(p, 9000);
    KCHECK(to && to != p && kmalloc_size(to) == 9000 && kmalloc_size(p) == 0);
    kmalloc_trim();
    frames_hold_all();
    void *larger = krealloc(to, 9001), *same = krealloc(to, 9000), *smaller = krealloc(to, 8000);
    frames_release_all();
    KCHECK(!larger && same == to && smaller == to && kmalloc_size(to) == 9000);
    for (unsigned i = 0; i < 5000; i++)
        KCHECK_EQ(to[i], 'x');
    p = krealloc(to, 3);
    KCHECK(p && p != to && kmalloc_size(p) == 3 && !memcmp(p, "xxx", 3));
    to = krealloc(p, 3);
    KCHECK(to && to != p && kmalloc_size(to) == 3 && kmalloc_size(p) == 0);
    KCHECK(!krealloc(to, 0));
    KCHECK_EQ(kmalloc_size(to), 0);
    KCHECK(!krealloc(NULL, 0));
}

static char *moved;
static __attribute__((noinline)) void resize_it(size_t size) { moved = krealloc(object, size); }

/* Whoever calls krealloc has freed the object in its old place, and allocated it in the new one. */
KTEST(heap_debug_krealloc_names_its_caller)
{
    if (heap_mode() == HEAP_NORMAL)
        KSKIP("needs heap=debug or heap=guard");
    allocate_it(5000);
    KCHECK(object);
    resize_it(6000);
    KCHECK(moved);
    KCHECK_TRAPS(free_it_again, NULL, "double free");
    KCHECK_REPORTED("allocate_it");
    KCHECK_REPORTED("resize_it");
    object = moved;
    free_it_first();
    KCHECK_TRAPS(free_it_again, NULL, "double free");
    KCHECK_REPORTED("resize_it");
    KCHECK_REPORTED("free_it_first");
}

/* Addresses run out before memory does: an alignment takes as many as it is large. */
KTEST(heap_debug_addresses_can_run_out)
{
    enum { HALF = 256u << 20, N = 200 };
    static void *all[N];
    unsigned n = 0;

    if (heap_mode() == HEAP_NORMAL)
        KSKIP("needs heap=debug or heap=guard");
    void *before = kmalloc(5000);
    kfree(before);
    KCHECK(!kmalloc((size_t)-1) && !kmalloc(448u << 20) && !kmalloc_aligned(1, 0x80000000) && !kmalloc_aligned(HALF, HALF));
    void *after = kmalloc(5000);
    KCHECK(before && after > before); /* the absurd sizes have not brought the search back to the start */
    kfree(after);
    char *p = kmalloc_aligned(1, HALF), *q = kmalloc_aligned(1, HALF);
    kmalloc_check();
    KCHECK(p && (uintptr_t)p % HALF == 0 && !q);
    kfree(p);
    p = kmalloc_aligned(2, HALF);
    KCHECK(p && (uintptr_t)p % HALF == 0);
    kfree(p);
    for (size_t align = HALF; align >= PAGE_SIZE; align /= 2) /* every address, down to the last page */
        while (n < N && (all[n] = kmalloc_aligned(1, align)))
            n++;
    while (n < N && (all[n] = kmalloc(1800)))
        n++;
    KCHECK(n < N);
    kmalloc_check();
    while (n > 0)
        kfree(all[--n]);
}

/* A small object and a large one, where memory runs out at each page that they need: no page is lost. */
static bool two_objects(void *arg) {
    char *small = kmalloc(2000), *large = small ? kmalloc(50000) : NULL;

    (void)arg;
    kmalloc_check();
    kfree(small);
    kfree(large);
    kmalloc_trim();
    return large;
}

/* What a call has taken that then fails, such as a page of records, is given back at once. */
static bool one_object(void *arg) {
    char *p = kmalloc(50000);

    (void)arg;
    if (!p)
        return false;
    kfree(p);
    kmalloc_trim();
    return true;
}

KTEST(heap_debug_out_of_memory_loses_no_page)
{
    if (heap_mode() == HEAP_NORMAL)
        KSKIP("needs heap=debug or heap=guard");
    exhaust(two_objects, NULL, 10);
    exhaust(one_object, NULL, 10);
}

static bool is_poison(const volatile char *bytes, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (bytes[i] != HEAP_POISON_BYTE)
            return false;
    return true;
}

KTEST(heap_debug_poison_before_the_first_use_and_after_the_last)
{
    NEEDS(HEAP_DEBUG);
    for (size_t i = 0; i < ARRAY_SIZE(some_sizes); i++) {
        allocate_it(some_sizes[i]);
        KCHECK(object);
        KCHECK(is_poison(object, some_sizes[i]));
        memset(object, 1, some_sizes[i]);
        kfree(object);
        KCHECK(is_poison(object, some_sizes[i]));
    }
}

/* A larger object in a slot that held a smaller one: it covers what was red zone, which must be poison now. */
KTEST(heap_debug_poison_fills_a_slot_that_is_used_again)
{
    static const size_t sizes[][2] = {{40, 90}, {600, 900}, {1100, 2000}};

    NEEDS(HEAP_DEBUG);
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        void *beside = kmalloc(sizes[i][1]); /* keeps the page in use */
        kmalloc_trim();
        char *smaller = kmalloc(sizes[i][0]);
        KCHECK(beside && smaller);
        kfree(smaller);
        kmalloc_trim();
        allocate_it(sizes[i][1]);
        KCHECK_EQ(object, smaller);
        KCHECK(is_poison(object, sizes[i][1]));
        kfree(object);
        kfree(beside);
    }
}

static void check_write_after_free(size_t size) {
    char text[60];

    allocate_it(size);
    KCHECK(object);
    free_it_first();
    volatile char *last = object + size - 1;
    *last = 1;
    format_buffer(text, sizeof(text), "use after free: written at +0x%zx", size - 1);
    KCHECK_TRAPS(check_heap, NULL, text);
    KCHECK_REPORTED("allocate_it");
    KCHECK_REPORTED("free_it_first");
    KCHECK_REPORTED(advice(object));
    KCHECK_TRAPS(trim_heap, NULL, "use after free");
    *last = HEAP_POISON_BYTE;
    kmalloc_trim();
}

KTEST(heap_debug_write_after_free_is_found_in_the_quarantine)
{
    NEEDS(HEAP_DEBUG);
    for (size_t i = 0; i < ARRAY_SIZE(some_sizes); i++)
        KCHECK_CALL(check_write_after_free(some_sizes[i]));
}

KTEST(heap_debug_whatever_is_written_after_free_is_found)
{
    static const uint8_t bytes[] = {0, 1, (2 * HEAP_POISON_BYTE) & 0xFF, 0xFF};
    enum { SIZE = 64 };

    NEEDS(HEAP_DEBUG);
    allocate_it(SIZE);
    KCHECK(object);
    free_it_first();
    for (unsigned at = 0; at < 2 * sizeof(unsigned); at++)
        for (size_t i = 0; i < ARRAY_SIZE(bytes); i++) {
            object[at] = (char)bytes[i];
            KCHECK_TRAPS(check_heap, NULL, "use after free");
            object[at] = HEAP_POISON_BYTE;
        }
    memset(object, 0, SIZE);
    KCHECK_TRAPS(check_heap, NULL, "use after free: written at +0x0 ");
    memset(object, HEAP_POISON_BYTE, SIZE);
    object[SIZE] = 'x';
    KCHECK_TRAPS(check_heap, NULL, "heap overflow: written up to 1 bytes");
    KCHECK_REPORTED("free_it_first");
    object[SIZE] = (char)0xB5;
    kmalloc_check();
}

KTEST(heap_debug_quarantine_keeps_a_freed_place_for_long)
{
    NEEDS(HEAP_DEBUG);
    static const struct {
        size_t size;
        unsigned times; /* that it is taken and freed before its first place may come again */
    } cases[] = {{100, 500}, {5000, 20}};

    for (size_t c = 0; c < ARRAY_SIZE(cases); c++) {
        void *first = kmalloc(cases[c].size);

        KCHECK(first);
        kfree(first);
        for (unsigned i = 0; i < cases[c].times; i++) {
            void *p = kmalloc(cases[c].size);
            KCHECK(p && p != first);
            kfree(p);
        }
    }
}

/* What is too large for the quarantine does not push out what is in it. */
KTEST(heap_debug_quarantine_outlasts_large_objects)
{
    NEEDS(HEAP_DEBUG);
    allocate_it(100);
    KCHECK(object);
    free_it_first();
    void *large = kmalloc(1 << 20);
    KCHECK(large);
    kfree(large);
    const char was = object[5];
    object[5] = 'x';
    KCHECK_TRAPS(check_heap, NULL, "use after free");
    object[5] = was;
    kmalloc_check();
}

/* Slots of 256 bytes: after as many more as there is room for, the first one is taken again. */
KTEST(heap_debug_quarantine_holds_256_kib)
{
    unsigned rounds = 0;

    NEEDS(HEAP_DEBUG);
    kmalloc_trim();
    void *first = kmalloc(100);
    KCHECK(first);
    for (void *p = first; rounds == 0 || p != first; rounds++) {
        KCHECK(p && rounds < 2000);
        kfree(p);
        p = kmalloc(100);
    }
    KCHECK_EQ(rounds, 256 * 1024 / 256 + 1);
    kfree(first);
}

static void read_byte(void *va) { (void)*(volatile char *)va; }
static void write_byte(void *va) { *(volatile char *)va = 1; }

KTEST(heap_guard_faults_at_the_first_byte_past_the_end)
{
    NEEDS(HEAP_GUARD);
    static const size_t sizes[] = {8, 16, 32, 512, 4096, 8192, 40000};

    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        allocate_it(sizes[i]);
        KCHECK(object);
        KCHECK_EQ((uintptr_t)(object + sizes[i]) % PAGE_SIZE, 0);
        write_byte(object + sizes[i] - 1);
        KCHECK_TRAPS(write_byte, object + sizes[i], "heap overflow");
        KCHECK_EQ(ktest_vector, TRAP_PAGE_FAULT);
        KCHECK_REPORTED("0 bytes past its end");
        KCHECK_REPORTED("allocate_it");
        KCHECK_TRAPS(read_byte, object + sizes[i] + 100, "100 bytes past its end");
        kfree(object);
    }
}

KTEST(heap_guard_freed_pages_stay_absent)
{
    NEEDS(HEAP_GUARD);
    allocate_it(100);
    KCHECK(object);
    char *freed = object;
    free_it_first();
    for (unsigned i = 0; i < 200; i++) {
        allocate_it(100);
        KCHECK(object && object != freed);
        kfree(object);
    }
    KCHECK_TRAPS(read_byte, freed + 4, "use after free");
    KCHECK_REPORTED("+0x4");
    KCHECK_REPORTED("free_it_first");
    KCHECK_REPORTED("allocate_it");
}

/* An object too large for the quarantine is unmapped at once, and stays so. */
KTEST(heap_debug_freed_large_object_becomes_absent)
{
    NEEDS(HEAP_DEBUG);
    allocate_it(500000);
    KCHECK(object);
    KCHECK_TRAPS(read_byte, object + 500000 + PAGE_SIZE, "heap overflow: the page behind");
    free_it_first();
    KCHECK_TRAPS(read_byte, object + 4, "use after free");
    KCHECK_REPORTED("free_it_first");
    allocate_it(32 * 1024); /* the largest that the quarantine takes */
    KCHECK(object);
    free_it_first();
    KCHECK(is_poison(object, 32 * 1024));
    allocate_it(32 * 1024 + 1);
    KCHECK(object);
    free_it_first();
    KCHECK_TRAPS(read_byte, object + 4, "use after free");
}

/* The debugging heap keeps more pages than KMALLOC_SPARE, but a trim gives them back. */
KTEST(heap_debug_trim_gives_back_what_was_freed)
{
    enum { N = 200 };
    static void *p[N];
    static const size_t sizes[] = {24, 600, 5000, 100000};

    if (heap_mode() == HEAP_NORMAL)
        KSKIP("needs heap=debug or heap=guard");
    kmalloc_trim();
    size_t pages = kmalloc_pages();
    for (size_t s = 0; s < ARRAY_SIZE(sizes); s++) {
        unsigned n = sizes[s] > PAGE_SIZE ? N / 20 : N;
        for (unsigned i = 0; i < n; i++)
            KCHECK((p[i] = kmalloc(sizes[s])));
        KCHECK(kmalloc_pages() >= pages + n * sizes[s] / PAGE_SIZE);
        for (unsigned i = 0; i < n; i++)
            kfree(p[i]);
        kmalloc_check();
        kmalloc_trim();
        KCHECK_EQ(kmalloc_pages(), pages);
    }
}

/* A slab's 64 slots, of which one is in use: after a trim each of the others can be taken. */
KTEST(heap_debug_trim_leaves_each_free_slot)
{
    enum { N = 64 };
    static void *p[N];

    NEEDS(HEAP_DEBUG);
    kmalloc_trim();
    for (unsigned i = 0; i < N; i++)
        KCHECK((p[i] = kmalloc(24)));
    for (unsigned i = 1; i < N; i++)
        kfree(p[i]);
    kmalloc_trim();
    size_t pages = kmalloc_pages();
    for (unsigned i = 1; i < N; i++)
        KCHECK((p[i] = kmalloc(24)));
    KCHECK_EQ(kmalloc_pages(), pages);
    for (unsigned i = 0; i < N; i++)
        kfree(p[i]);
}

/* Objects that no slot of 2 KiB holds. */
KTEST(heap_debug_large_object_has_an_absent_page_behind_it)
{
    paddr_t pa;

    NEEDS(HEAP_DEBUG);
    char *p = kmalloc(3000), *other = kmalloc(3000);
    KCHECK(p && other);
    KCHECK(!vmem_translate((void *)(((uintptr_t)p + 3000 + PAGE_MASK) & ~(uintptr_t)PAGE_MASK), &pa));
    kfree(other);
    kfree(p);
}

/* An alignment of many pages takes their addresses; only the absent page just behind the object counts as its own. */
KTEST(heap_debug_addresses_for_an_alignment_are_nobodys)
{
    enum { N = 8, ALIGN = 16 * PAGE_SIZE };
    char *p[N];
    struct heap_object found;

    if (heap_mode() == HEAP_NORMAL)
        KSKIP("needs heap=debug or heap=guard");
    for (unsigned i = 0; i < N; i++) {
        KCHECK((p[i] = kmalloc_aligned(8, ALIGN)));
        KCHECK(is_known(p[i] + PAGE_SIZE));
        KCHECK(!heap_debug_find((uintptr_t)p[i] + 2 * PAGE_SIZE, &found) || found.start != (uintptr_t)p[i]);
        for (unsigned below = 2; below < ALIGN / PAGE_SIZE; below++)
            KCHECK(!heap_debug_find((uintptr_t)p[i] - below * PAGE_SIZE, &found) || found.start != (uintptr_t)p[i]);
    }
    for (unsigned i = 0; i < N; i++)
        kfree(p[i]);
}

KTEST(heap_debug_is_there_when_it_is_asked_for)
{ KCHECK_EQ(heap_mode(), options.heap); }

KTEST(heap_debug_kzalloc_clears)
{
    if (heap_mode() == HEAP_NORMAL)
        KSKIP("needs heap=debug or heap=guard");
    static const size_t sizes[] = {1, 100, 5000};

    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        const char *p = kzalloc(sizes[i]);
        KCHECK(p);
        for (size_t at = 0; at < sizes[i]; at++)
            KCHECK_EQ(p[at], 0);
        kfree((void *)(uintptr_t)p);
    }
}

KTEST(heap_debug_peak_is_of_all_time)
{
    if (heap_mode() == HEAP_NORMAL)
        KSKIP("needs heap=debug or heap=guard");
    void *p = kmalloc(50 * PAGE_SIZE);
    KCHECK(p);
    size_t peak = kmalloc_peak_pages();
    kfree(p);
    kmalloc_trim();
    KCHECK((p = kmalloc(1)));
    KCHECK(peak >= 50 && kmalloc_peak_pages() == peak);
    kfree(p);
}

/* A run's record is one, however many pages it has. */
KTEST(heap_guard_takes_little_beside_the_objects)
{
    enum { N = 100 };
    static void *p[N];

    NEEDS(HEAP_GUARD);
    kmalloc_trim();
    size_t pages = kmalloc_pages();
    for (unsigned i = 0; i < N; i++)
        KCHECK((p[i] = kmalloc(24)));
    KCHECK(kmalloc_pages() - pages <= N + 5);
    for (unsigned i = 0; i < N; i++)
        kfree(p[i]);
}

/* Records of freed objects are given back when memory runs out. */
KTEST(heap_guard_gives_back_records_for_an_object)
{
    NEEDS(HEAP_GUARD);
    kmalloc_trim();
    size_t pages = kmalloc_pages();
    for (unsigned i = 0; i < 1000; i++) { /* each at a higher address than the last */
        allocate_it(24);
        KCHECK(object);
        kfree(object);
    }
    KCHECK(kmalloc_pages() > pages + 5);
    frames_hold_all();
    object = kmalloc(2 * PAGE_SIZE); /* with its records, at most three pages more */
    frames_release_all();
    KCHECK(object);
    kfree(object);
}

KTEST(heap_guard_finds_a_write_to_the_bytes_before_the_page_end)
{
    static const size_t sizes[] = {50, 13, 7}; /* they end 14, 3 and 1 bytes before their pages do */

    NEEDS(HEAP_GUARD);
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        allocate_it(sizes[i]);
        KCHECK(object);
        object[sizes[i]] = 'x';
        KCHECK_TRAPS(free_it_again, NULL, "heap overflow: written up to 1 bytes");
        object[sizes[i]] = (char)0xB5;
        kfree(object);
    }
}

KTEST(heap_guard_finds_a_write_before_the_object_in_its_page)
{
    static const size_t sizes[] = {1, 50, 64, 5000}; /* 64 bytes end where their page does */

    NEEDS(HEAP_GUARD);
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        allocate_it(sizes[i]);
        KCHECK(object);
        const char was = object[-3];
        object[-3] = 'x';
        KCHECK_TRAPS(check_heap, NULL, "heap underflow: written from 3 bytes before");
        KCHECK_TRAPS(free_it_again, NULL, "heap underflow: written from 3 bytes before");
        KCHECK_REPORTED("allocate_it");
        object[-3] = was;
        kfree(object);
    }
}

KTEST(heap_leaks_counts_by_caller)
{
    void *p[3];

    if (heap_mode() == HEAP_NORMAL) {
        KCHECK(find_text(says("heap leaks"), "error: "));
        KCHECK(find_text(said, "heap=debug"));
        return;
    }
    for (unsigned i = 0; i < 3; i++) {
        allocate_it(111);
        p[i] = object;
    }
    kfree(p[1]);
    KCHECK(find_text(says("heap leaks"), "         2        222"));
    KCHECK(find_text(said, "allocate_it"));
    kfree(p[0]);
    kfree(p[2]);
}
