/* kmalloc against a model that knows every object and checks every byte. Pages that the heap does not hold
 * are inaccessible.
 *
 * The provider here fills each page with garbage. It can be made to fail from any of its calls on, or once
 * a number of pages is held. After a failure, and after every panic, all must be as it was. */
#include "kmalloc.h"

#include <stdlib.h>
#include <string.h>

#include "heap_debug.h"
#include "kheap.h"
#include "memlayout.h"
#include "pages.h"
#include "support.h"

#define MIB (1u << 20)
#define HEAP_BYTES (KHEAP_END - KHEAP_START)
#define NEVER (-1)
#define MOST_LARGE \
    16256 /* objects of more than a page; and those of them that only objects of up to 8 KiB can be */
#define MOST_NARROW 8192

/* ---- the provider ---- */

static int gets_left = NEVER; /* calls before memory runs out */
static size_t pages_most = SIZE_MAX / PAGE_SIZE;
static bool garbage = true;

static int test_get(void *va, size_t pages) {
    if (gets_left == 0)
        return -1;
    gets_left -= gets_left > 0;
    if (pages > pages_most || host_pages_held() > pages_most - pages || host_pages.get(va, pages) < 0)
        return -1;
    if (garbage)
        memset(va, PAGE_GRANULES, pages * PAGE_SIZE); /* as a link it leads behind the page */
    return 0;
}

static int test_give(void *va, size_t pages) { return host_pages.give(va, pages); }

static const struct page_provider provider = {test_get, test_give};

static int start(void **state) {
    (void)state;
    if (host_pages_reserve(true)) {
        kmalloc_init(&provider);
        return 0;
    }
    print_message("the heap's addresses are taken on this system\n");
    exit(HOST_SKIP);
}

/* ---- figures ---- */

#define CLASSES_MOST 64

struct picture {
    struct kmalloc_stats classes[CLASSES_MOST];
    unsigned count;
    size_t pages;
};

static struct picture picture(void) {
    struct picture p;
    memset(&p, 0, sizeof p);
    while (kmalloc_stats(p.count, &p.classes[p.count])) {
        p.count++;
        assert_true(p.count < CLASSES_MOST);
    }
    p.pages = kmalloc_pages();
    assert_int_equal(p.pages, host_pages_held());
    return p;
}

static void check_picture(const struct picture *before) {
    struct picture now = picture();
    kmalloc_check();
    assert_int_equal(now.pages, before->pages);
    for (unsigned sc = 0; sc < now.count; sc++) {
        assert_int_equal(now.classes[sc].live, before->classes[sc].live);
        assert_int_equal(now.classes[sc].capacity, before->classes[sc].capacity);
        assert_int_equal(now.classes[sc].pages, before->classes[sc].pages);
    }
}

static size_t live_objects(void) {
    struct picture now = picture();
    size_t live = 0;
    for (unsigned sc = 0; sc < now.count; sc++)
        live += now.classes[sc].live;
    return live;
}

/* ---- objects, and what must be in them ---- */

struct object {
    unsigned char *p;
    size_t size; /* usable: all of it is filled */
    unsigned seed;
};

static uint32_t pattern(unsigned seed, size_t word) { return (seed + (uint32_t)word) * 2654435761u; }

static void fill(const struct object *o) {
    size_t words = o->size / 4;
    for (size_t i = 0; i < words; i++)
        ((uint32_t *)o->p)[i] = pattern(o->seed, i);
    for (size_t i = words * 4; i < o->size; i++)
        o->p[i] = (unsigned char)pattern(o->seed, i);
}

/* The first BYTES bytes are as they were filled. */
static void check_bytes(const struct object *o, size_t bytes) {
    size_t words = o->size / 4;
    for (size_t i = 0; i < bytes; i++) {
        uint32_t whole = i < words * 4 ? pattern(o->seed, i / 4) >> i % 4 * 8 : pattern(o->seed, i);
        unsigned char want = (unsigned char)whole;
        if (i % 4 == 0 && i + 4 <= bytes && i < words * 4 &&
            ((uint32_t *)o->p)[i / 4] == pattern(o->seed, i / 4))
            i += 3;
        else if (o->p[i] != want)
            fail_msg("byte %zu of %zu of the object at %p has changed", i, o->size, (void *)o->p);
    }
}

/* Checks what holds for every object of SIZE bytes, and fills it. */
static struct object adopt(void *p, size_t size) {
    static unsigned seed;
    struct object o = {p, kmalloc_size(p), seed += 0x10001};
    if ((uintptr_t)p % (size >= 16 ? 16 : 8))
        fail_msg("%zu bytes at %p are not aligned", size, p);
    if ((uintptr_t)p < KHEAP_START || o.size < size || o.size > KHEAP_END - (uintptr_t)p)
        fail_msg("%zu bytes at %p, of which %zu may be used, in the heap", size, p, o.size);
    fill(&o);
    return o;
}

static struct object make(size_t size) {
    void *p = kmalloc(size);
    if (!p)
        fail_msg("no memory for %zu bytes", size);
    return adopt(p, size);
}

static void drop(const struct object *o) {
    check_bytes(o, o->size);
    kfree(o->p);
    assert_int_equal(kmalloc_size(o->p), 0);
}

static void shuffle(struct object *objects, size_t count) {
    for (size_t i = count; i > 1; i--) {
        size_t other = random_between(0, (unsigned)i);
        struct object swap = objects[i - 1];
        objects[i - 1] = objects[other];
        objects[other] = swap;
    }
}

/* Nothing is live: at most KMALLOC_SPARE pages are held, and none after a trim. */
static void check_empty(void) {
    kmalloc_check();
    assert_int_equal(live_objects(), 0);
    assert_in_range(kmalloc_pages(), 0, KMALLOC_SPARE);
    kmalloc_trim();
    kmalloc_check();
    assert_int_equal(kmalloc_pages(), 0);
    assert_int_equal(host_pages_held(), 0);
}

/* Sizes around every border that a heap may have: classes, pages, powers of two. */
static size_t some_size(unsigned i) {
    static const size_t sizes[] = {1,    7,    8,    9,    15,    16,    17,    31,     32,    33,   63,
                                   64,   65,   96,   100,  128,   129,   192,   255,    256,   257,  320,
                                   511,  512,  513,  1000, 1024,  1025,  2047,  2048,   2049,  4095, 4096,
                                   4097, 8191, 8192, 8193, 12288, 16384, 65535, 131073, 300000};
    return sizes[i % ARRAY_SIZE(sizes)];
}
#define SOME_SIZES 42

static void call_free(uintptr_t p, uintptr_t unused) {
    (void)unused;
    kfree((void *)p);
}

/* ---- each function ---- */

static void test_init_forgets_the_pages_of_the_heap_before(void **state) {
    (void)state;
    kfree(kmalloc(100000));
    kmalloc_trim();
    assert_int_not_equal(kmalloc_peak_pages(), 0);
    assert_non_null(kmalloc(100));
    kmalloc_init(&provider);
    assert_int_equal(kmalloc_pages(), 0);
    assert_int_equal(kmalloc_peak_pages(), 0);
    kmalloc_check();
}

static void test_size_0_is_null_and_null_can_be_freed(void **state) {
    (void)state;
    struct object spare = make(20000);
    drop(&spare);
    size_t pages = kmalloc_pages();
    assert_null(kmalloc(0));
    assert_null(kzalloc(0));
    assert_null(kmalloc_aligned(0, 64));
    assert_null(krealloc(NULL, 0));
    kfree(NULL);
    assert_int_equal(kmalloc_size(NULL), 0);
    assert_int_equal(kmalloc_pages(), pages);
    check_empty();
}

#define SIZES_MOST 10000

static void test_objects_of_every_size_are_aligned_and_apart(void **state) {
    static struct object objects[SIZES_MOST];
    (void)state;
    for (size_t size = 1; size <= SIZES_MOST; size++)
        objects[size - 1] = make(size);
    kmalloc_check();
    assert_int_equal(live_objects(), SIZES_MOST);
    shuffle(objects, SIZES_MOST);
    for (size_t i = 0; i < SIZES_MOST; i++)
        drop(&objects[i]);
    check_empty();
}

/* A sixteenth of the heap's range, 48 MiB of objects of any size, must not run out of addresses. */
static void test_48_mib_of_objects_of_every_size(void **state) {
    static struct object objects[48 * MIB / 32];
    (void)state;
    garbage = false;
    for (unsigned i = 0; i < SOME_SIZES; i++) {
        size_t size = some_size(i);
        size_t count = 48 * MIB / (size < 32 ? 32 : size > 2048 && size < PAGE_SIZE ? PAGE_SIZE : size);
        for (size_t n = 0; n < count; n++)
            if (!(objects[n].p = kmalloc(some_size(i))))
                fail_msg("no memory for object %zu of %zu bytes", n, some_size(i));
        kmalloc_check();
        for (size_t n = 0; n < count; n++)
            kfree(objects[n].p);
        check_empty();
    }
}

static void test_one_object_has_504_mib_at_most(void **state) {
    (void)state;
    garbage = false;
    for (int round = 0; round < 2; round++) {
        void *p = kmalloc(504 * MIB);
        assert_non_null(p);
        assert_int_equal(kmalloc_size(p), 504 * MIB);
        assert_int_equal(kmalloc_pages(), 504 * MIB / PAGE_SIZE);
        kmalloc_check();
        kfree(p);
        kfree(kmalloc(100000)); /* the next search begins behind this one */
    }
    assert_null(kmalloc(504 * MIB + 1));
    check_empty();
}

/* Behind an object that leaves its own length or less, the search goes on at the start; no spare page goes for that. */
static void check_search_behind(size_t slots) {
    size_t bytes = slots << WIDE_SHIFT;
    void *first = kmalloc(5000), *second = kmalloc(5000);
    kfree(first); /* spare */
    void *huge = kmalloc(bytes), *p = kmalloc(100000);
    assert_ptr_equal(p, (char *)huge + bytes);
    assert_int_equal(kmalloc_pages(), bytes / PAGE_SIZE + 25 + 2 + 2);
    kfree(p);
    kfree(huge);
    kfree(second);
    check_empty();
}

static void test_the_search_begins_again_behind_a_huge_object(void **state) {
    (void)state;
    garbage = false;
    check_search_behind(WIDE_SLOTS / 2 + 500);
}

static void test_the_search_begins_again_where_the_addresses_end(void **state) {
    (void)state;
    garbage = false;
    check_search_behind((WIDE_SLOTS - 2) / 2); /* two are in use */
}

static void test_only_the_start_of_an_object_has_a_size(void **state) {
    (void)state;
    for (unsigned i = 0; i < SOME_SIZES; i++) {
        struct object o = make(some_size(i));
        for (size_t off = 1; off < o.size; off++)
            if (kmalloc_size(o.p + off) != 0)
                fail_msg("%zu bytes past the start of an object of %zu, another begins", off, o.size);
        drop(&o);
    }
    assert_int_equal(kmalloc_size(state), 0);
    assert_int_equal(kmalloc_size((void *)KHEAP_START), 0);
    assert_int_equal(kmalloc_size((void *)(KHEAP_END - 16)), 0);
    assert_int_equal(kmalloc_size((void *)KHEAP_END), 0);
    assert_int_equal(kmalloc_size((void *)UINTPTR_MAX), 0);
    assert_int_equal(kmalloc_size((void *)4), 0);
}

static void test_little_is_wasted(void **state) {
    (void)state;
    for (size_t size = 1; size <= 100000; size += 1 + size / 50) {
        struct object o = make(size);
        if (o.size > size + size / 8 + 63 && o.size > size + PAGE_SIZE - 1)
            fail_msg("%zu bytes take %zu", size, o.size);
        drop(&o);
    }
}

/* An object of exactly a class's size is of that class, one of a byte more of the next. */
static void test_an_object_of_a_classs_size_fills_it(void **state) {
    struct picture rows = picture();
    struct object first[CLASSES_MOST];
    size_t below = 0;
    (void)state;
    for (unsigned sc = 0; sc + 1 < rows.count; sc++)
        first[sc] = make(rows.classes[sc].size); /* each class has a page with free objects */
    for (unsigned sc = 0; sc + 1 < rows.count; below = rows.classes[sc++].size) {
        struct object full = make(rows.classes[sc].size), least = make(below + 1);
        assert_int_equal(full.size, rows.classes[sc].size);
        assert_int_equal(least.size, rows.classes[sc].size);
        drop(&full);
        drop(&least);
        drop(&first[sc]);
    }
    assert_int_equal(below, SMALL_MAX);
    check_empty();
}

static void test_kzalloc_clears_used_memory(void **state) {
    (void)state;
    for (int round = 0; round < 3; round++) {
        for (unsigned i = 0; i < SOME_SIZES; i++) {
            struct object dirty = make(some_size(i));
            drop(&dirty);
            unsigned char *p = kzalloc(some_size(i));
            for (size_t byte = 0; byte < some_size(i); byte++)
                assert_int_equal(p[byte], 0);
            struct object o = adopt(p, some_size(i));
            drop(&o);
        }
    }
    check_empty();
}

static void test_krealloc_keeps_the_lesser_sizes_contents(void **state) {
    (void)state;
    for (unsigned from = 0; from < SOME_SIZES; from++) {
        for (unsigned to = 0; to < SOME_SIZES; to++) {
            struct object o = make(some_size(from)), beside = make(some_size(from));
            size_t kept = o.size < some_size(to) ? o.size : some_size(to);
            o.p = krealloc(o.p, some_size(to));
            assert_non_null(o.p);
            check_bytes(&o, kept);
            o = adopt(o.p, some_size(to));
            drop(&beside);
            drop(&o);
        }
    }
    check_empty();
}

static void test_krealloc_of_null_allocates_and_to_size_0_frees(void **state) {
    (void)state;
    for (unsigned i = 0; i < SOME_SIZES; i++) {
        struct object o = adopt(krealloc(NULL, some_size(i)), some_size(i));
        assert_int_equal(live_objects(), 1);
        assert_null(krealloc(o.p, 0));
        assert_int_equal(kmalloc_size(o.p), 0);
    }
    check_empty();
}

static void test_an_object_grows_and_shrinks_step_by_step(void **state) {
    (void)state;
    struct object o = make(1), beside[64];
    for (size_t size = 2; size < 2 * MIB; size += 1 + size / 16) {
        struct object was = o;
        beside[size % 64] = make(1 + size % 5000);
        o.p = krealloc(o.p, size);
        was.p = o.p;
        check_bytes(&was, was.size < size ? was.size : size);
        o = adopt(o.p, size);
        drop(&beside[size % 64]);
    }
    for (size_t size = 2 * MIB; size > 0; size -= 1 + size / 16) {
        struct object was = o;
        o.p = krealloc(o.p, size);
        was.p = o.p;
        check_bytes(&was, was.size < size ? was.size : size);
        o = adopt(o.p, size);
    }
    assert_in_range(o.size, 1, 64);
    drop(&o);
    check_empty();
}

static void test_aligned_objects_at_every_alignment(void **state) {
    (void)state;
    for (size_t align = 1; align <= 64 * MIB; align *= 2) {
        for (unsigned i = 0; i < SOME_SIZES; i++) {
            void *p = kmalloc_aligned(some_size(i), align), *q = kmalloc_aligned(some_size(i), align);
            assert_non_null(p);
            assert_non_null(q);
            assert_int_equal((uintptr_t)p % align, 0);
            assert_int_equal((uintptr_t)q % align, 0);
            struct object a = adopt(p, some_size(i)), b = adopt(q, some_size(i));
            drop(&a);
            drop(&b);
        }
    }
    check_empty();
}

/* A size that is a multiple of the alignment has a class whose objects may lie anywhere. */
static void test_several_aligned_objects_of_each_size(void **state) {
    struct object objects[5];
    (void)state;
    for (size_t align = 32; align <= PAGE_SIZE; align *= 2)
        for (size_t size = align; size <= PAGE_SIZE; size += align) {
            for (size_t i = 0; i < ARRAY_SIZE(objects); i++) {
                objects[i] = adopt(kmalloc_aligned(size, align), size);
                assert_int_equal((uintptr_t)objects[i].p % align, 0);
            }
            for (size_t i = 0; i < ARRAY_SIZE(objects); i++)
                drop(&objects[i]);
        }
    check_empty();
}

static void test_aligned_objects_can_be_reallocated(void **state) {
    (void)state;
    for (size_t align = 1; align <= MIB; align *= 4) {
        for (unsigned i = 0; i < SOME_SIZES; i++) {
            struct object o = adopt(kmalloc_aligned(some_size(i), align), some_size(i));
            size_t to = some_size(i * 7 + 3);
            o.p = krealloc(o.p, to);
            check_bytes(&o, o.size < to ? o.size : to);
            o = adopt(o.p, to);
            drop(&o);
        }
    }
    check_empty();
}

/* A small object of a power of two is aligned to it, so none need be large. */
static void test_a_small_aligned_object_stays_small(void **state) {
    (void)state;
    for (size_t align = GRANULE; align <= SMALL_MAX; align *= 2)
        for (size_t size = 1; size <= SMALL_MAX; size += size < 4 ? 1 : size / 2 - 1) {
            struct object o = adopt(kmalloc_aligned(size, align), size);
            size_t most = align;
            while (most < size)
                most *= 2;
            assert_true((uintptr_t)o.p < NARROW_START);
            assert_in_range(o.size, size, most);
            drop(&o);
        }
    struct object o = adopt(kmalloc_aligned(SMALL_MAX, SMALL_MAX), SMALL_MAX);
    assert_true((uintptr_t)o.p < NARROW_START && o.size == SMALL_MAX);
    drop(&o);
    check_empty();
}

/* The fine classes are a granule apart; of the others' objects 9, 8, ... and 1 fill a page, as far as granules can. */
static void test_the_classes_sizes(void **state) {
    struct kmalloc_stats stats;
    (void)state;
    for (unsigned sc = 0; sc < SMALL_CLASSES; sc++) {
        size_t granules = sc < FINE_CLASSES ? sc + 1 : PAGE_GRANULES / (SMALL_CLASSES - sc);
        assert_true(kmalloc_stats(sc, &stats));
        assert_int_equal(stats.size, granules * GRANULE);
    }
}

static void test_an_object_moves_when_more_than_half_of_its_place_would_be_left_over(void **state) {
    (void)state;
    for (size_t size = GRANULE; size <= SMALL_MAX; size += GRANULE) {
        void *p = kmalloc(size);
        size_t old = kmalloc_size(p);
        assert_ptr_equal(krealloc(p, old), p);
        assert_ptr_equal(krealloc(p, old / 2 + 1), p);
        p = krealloc(p, old / 2);
        assert_true(kmalloc_size(p) < old || old == GRANULE);
        kfree(p);
    }
    void *page = krealloc(kmalloc(2 * PAGE_SIZE), PAGE_SIZE);
    assert_true((uintptr_t)page < NARROW_START);
    kfree(page);
}

/* Every object is aligned to a granule. */
static void test_an_alignment_that_every_object_has_costs_nothing(void **state) {
    (void)state;
    for (size_t size = 1; size <= SMALL_MAX; size++) {
        void *p = kmalloc(size), *q = kmalloc_aligned(size, GRANULE);
        assert_int_equal(kmalloc_size(q), kmalloc_size(p));
        kfree(p);
        kfree(q);
    }
}

/* Once the wide slots are scarce the narrow ones, which are aligned to 16 KiB only, serve small sizes. */
static void test_a_narrow_slot_serves_no_greater_alignment(void **state) {
    static void *objects[WIDE_SLOTS / 2];
    (void)state;
    garbage = false;
    for (size_t i = 0; i < ARRAY_SIZE(objects); i++)
        objects[i] = kmalloc(20000);
    void *first = kmalloc(5000);
    assert_ptr_equal(first, NARROW_START);
    assert_int_equal(kmalloc_size(first), 2 * PAGE_SIZE);
    kfree(first);
    for (size_t align = 1u << 13; align <= 1u << 18; align *= 2) {
        void *p[3];
        for (unsigned i = 0; i < 3; i++) {
            p[i] = kmalloc_aligned(5000, align);
            assert_non_null(p[i]);
            assert_int_equal((uintptr_t)p[i] % align, 0);
            assert_int_equal((uintptr_t)p[i] < WIDE_START, align <= 1u << NARROW_SHIFT);
        }
        for (unsigned i = 0; i < 3; i++)
            kfree(p[i]);
        for (unsigned i = 0; i < 3; i++) { /* the largest that gets a narrow slot */
            p[i] = kmalloc_aligned(2 * PAGE_SIZE, align);
            assert_int_equal((uintptr_t)p[i] % align, 0);
        }
        for (unsigned i = 0; i < 3; i++)
            kfree(p[i]);
    }
    for (size_t i = 0; i < ARRAY_SIZE(objects); i++)
        kfree(objects[i]);
    check_empty();
}

/* The first unused slot is not aligned, and the next one is taken. */
static void test_an_aligned_object_spares_its_neighbours(void **state) {
    struct object objects[8];
    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(objects); i++)
        objects[i] = make(20000);
    unsigned odd = (uintptr_t)objects[2].p >> WIDE_SHIFT & 1 ? 2 : 3;
    drop(&objects[odd]);
    kmalloc_trim();
    struct object aligned = adopt(kmalloc_aligned(20000, 2u << WIDE_SHIFT), 20000);
    kmalloc_check();
    objects[odd] = aligned;
    for (unsigned i = 0; i < ARRAY_SIZE(objects); i++)
        drop(&objects[i]);
    check_empty();
}

static void call_aligned(uintptr_t size, uintptr_t align) { kmalloc_aligned(size, align); }

static void test_an_alignment_that_is_no_power_of_two_panics(void **state) {
    static const size_t aligns[] = {0, 3, 5, 6, 24, 4095, 4097, SIZE_MAX, (1u << 31) + 1};
    struct object o = make(100);
    struct picture before = picture();
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(aligns); i++)
        EXPECT_PANIC("power of two", call_aligned, 100, aligns[i]);
    check_picture(&before);
    drop(&o);
}

/* ---- exhaustion ---- */

static void test_absurd_sizes_are_refused(void **state) {
    static const size_t sizes[] = {SIZE_MAX,        SIZE_MAX - 1,    SIZE_MAX - 15, SIZE_MAX - 4094,
                                   SIZE_MAX - 4095, SIZE_MAX - 4096, 0xFFFF0000,    1u << 31,
                                   HEAP_BYTES,      HEAP_BYTES + 1};
    (void)state;
    garbage = false;
    for (unsigned i = 0; i < SOME_SIZES; i += 5) {
        struct object o = make(some_size(i));
        kmalloc_trim(); /* as the heap does before it fails */
        struct picture before = picture();
        for (size_t s = 0; s < ARRAY_SIZE(sizes); s++) {
            assert_null(kmalloc(sizes[s]));
            assert_null(kzalloc(sizes[s]));
            assert_null(krealloc(o.p, sizes[s]));
            assert_null(krealloc(NULL, sizes[s]));
            for (size_t align = 1; align; align *= 2)
                assert_null(kmalloc_aligned(sizes[s], align));
            check_bytes(&o, o.size);
        }
        assert_null(kmalloc_aligned(100, 1u << 31)); /* the heap's range has no multiple of 2 GiB */
        check_picture(&before);
        drop(&o);
    }
    check_empty();
}

/* Takes objects of SIZE bytes until there are no more, frees every second one, and takes as many again. */
static void use_up(size_t size, size_t most, bool fills) {
    struct object *objects = malloc(most * sizeof *objects);
    size_t count = 0;
    for (void *p; (p = kmalloc(size)); count++) {
        assert_true(count < most);
        objects[count] = fills ? adopt(p, size) : (struct object){p, 0, 0};
    }
    assert_int_equal(live_objects(), count);
    assert_true(count > 0);
    kmalloc_check();
    for (size_t i = 0; i < count; i += 2)
        drop(&objects[i]);
    for (size_t i = 0; i < count; i += 2) {
        void *p = kmalloc(size);
        assert_non_null(p);
        objects[i] = fills ? adopt(p, size) : (struct object){p, 0, 0};
    }
    void *more = kmalloc(size); /* with addresses used up there may be one more: the order has changed */
    assert_true(more == NULL || !fills);
    kfree(more);
    if (fills)
        shuffle(objects, count);
    for (size_t i = 0; i < count; i++)
        drop(&objects[i]);
    free(objects);
    check_empty();
}

static void test_all_frames_are_used_up_and_come_back(void **state) {
    (void)state;
    pages_most = 16 * MIB / PAGE_SIZE;
    for (unsigned i = 0; i < SOME_SIZES; i++)
        use_up(some_size(i), 16 * MIB / 16, true);
}

/* With frames without end, the heap's addresses run out. */
static void test_all_addresses_are_used_up_and_come_back(void **state) {
    static const size_t sizes[] = {64, 256, 300, 5000, 8192, 8193, 100000, 3 * MIB, 100 * MIB};
    (void)state;
    garbage = false;
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
        use_up(sizes[i], HEAP_BYTES / (sizes[i] < 64 ? 32 : sizes[i]) + 1, false);
}

/* Takes objects of SIZE bytes until there are no more, into OBJECTS; returns how many. */
static size_t take_all(void **objects, size_t size) {
    size_t count = 0;
    while ((objects[count] = kmalloc(size)))
        assert_true(++count < MOST_LARGE + 1);
    kmalloc_check();
    return count;
}

/* There are as many objects as kmalloc.h says, whichever size comes first. While no address is left, one that
 * is freed can be had again. */
static void test_as_many_large_objects_as_promised(void **state) {
    static void *objects[MOST_LARGE + 1];
    (void)state;
    garbage = false;
    for (int larger_first = 0; larger_first < 2; larger_first++) {
        size_t large = larger_first ? take_all(objects, 20000) : 0;
        assert_int_equal(large, larger_first ? MOST_LARGE - MOST_NARROW : 0);
        size_t count = large + take_all(objects + large, larger_first ? 8192 : 5000);
        assert_int_equal(count, MOST_LARGE);
        assert_int_equal(live_objects(), MOST_LARGE);
        for (size_t i = 0; i < count; i += 97) {
            size_t size = kmalloc_size(objects[i]);
            EXPECT_PANIC("inside an object", call_free, (char *)objects[i] + size - 1, 0);
            kfree(objects[i]);
            objects[i] = kmalloc(size);
            assert_non_null(objects[i]);
            assert_int_equal(kmalloc_size(objects[i]), size);
        }
        kmalloc_check();
        for (size_t i = 0; i < count; i++)
            kfree(objects[i * 1009 % count]);
        check_empty();
    }
}

/* A smaller object takes the spare pages of a larger one, but not the last addresses that a larger one
 * needs. */
static void test_the_spare_slot_serves_smaller_objects_unless_slots_are_scarce(void **state) {
    static void *objects[MOST_LARGE + 1];
    size_t most = MOST_LARGE - MOST_NARROW, count = 0;
    (void)state;
    garbage = false;
    void *large = kmalloc(20000);
    kfree(large);
    gets_left = 0;
    assert_ptr_equal(kmalloc(5000), large);
    gets_left = NEVER;
    kfree(large);
    assert_ptr_equal(kmalloc(1u << WIDE_SHIFT), large); /* and one that takes all of its addresses */
    kfree(large);
    while (count < most * 2 / 5)
        objects[count++] = kmalloc(20000);
    kfree(objects[count - 1]);
    assert_ptr_equal(kmalloc(5000), objects[count - 1]); /* fewer than half of the slots are taken */
    while (count < most - 100)
        objects[count++] = kmalloc(20000);
    kfree(objects[count - 1]);
    void *small = kmalloc(5000);
    assert_ptr_equal(kmalloc(20000), objects[count - 1]);
    count += take_all(objects + count, 20000);
    assert_int_equal(count, most);
    kfree(small);
    for (size_t i = 0; i < count; i++)
        kfree(objects[i]);
    check_empty();
}

static void test_the_next_run_starts_behind_as_many_slots_again(void **state) {
    const size_t slot = 1u << WIDE_SHIFT, most = WIDE_SLOTS;
    (void)state;
    garbage = false;
    char *first = kmalloc((most / 2 - 100) * slot), *second = kmalloc(80 * slot), *third = kmalloc(2 * slot);
    assert_ptr_equal(first, (char *)WIDE_START);
    assert_ptr_equal(second, first + (most - 200) * slot);
    assert_ptr_equal(third, second + 160 * slot); /* behind it there is no room for the second once more */
    kfree(first);
    kfree(second);
    kfree(third);
    check_empty();
}

static void test_an_object_grows_up_to_the_last_slot(void **state) {
    static void *objects[MOST_LARGE + 1];
    const size_t two = 2u << WIDE_SHIFT;
    (void)state;
    garbage = false;
    size_t count = take_all(objects, 20000);
    assert_ptr_equal(objects[count - 2], (void *)(SLABS_START - two));
    kfree(objects[--count]);
    kmalloc_trim(); /* the spare slot */
    assert_ptr_equal(krealloc(objects[count - 1], two), objects[count - 1]);
    assert_null(krealloc(objects[count - 1], two + 1));
    while (count > 0)
        kfree(objects[--count]);
    check_empty();
}

/* Of any two slots that adjoin, one is aligned to two. */
static void test_an_aligned_object_takes_the_last_two_slots(void **state) {
    static void *objects[MOST_LARGE + 1];
    (void)state;
    garbage = false;
    size_t count = take_all(objects, 20000);
    for (size_t i = 1000; i < 1002; i++) {
        kfree(objects[i]);
        kfree(objects[i + 1]);
        void *p = kmalloc_aligned(20000, 2u << WIDE_SHIFT);
        assert_ptr_equal(p, objects[i % 2 ? i + 1 : i]);
        objects[i % 2 ? i : i + 1] = kmalloc(20000);
    }
    for (size_t i = 0; i < count; i++)
        kfree(objects[i]);
    check_empty();
}

static void test_a_shrunk_object_gives_back_its_addresses(void **state) {
    static void *objects[MOST_LARGE + 1];
    (void)state;
    garbage = false;
    size_t count = take_all(objects, 300000);
    for (size_t i = 0; i < count; i++) {
        void *p = krealloc(objects[i], 20000);
        assert_ptr_equal(p, objects[i]);
        assert_int_equal(kmalloc_size(p), 20480);
    }
    kmalloc_check();
    count += take_all(objects + count, 20000);
    assert_int_equal(count, MOST_LARGE - MOST_NARROW);
    for (size_t i = 0; i < count; i++)
        kfree(objects[i]);
    check_empty();
}

/* The next object of several slots starts as far behind the last one as that is long. */
/* In a wide slot, of 16 pages, or, where these are scarce, in a narrow one, of 4. */
static void test_an_object_of_up_to_8_pages_can_double_in_place(void **state) {
    static void *objects[MOST_LARGE + 1];
    size_t count = 0;
    (void)state;
    garbage = false;
    for (int scarce = 0; scarce < 2; scarce++) {
        while (scarce && count < WIDE_SLOTS / 2)
            objects[count++] = kmalloc(20000);
        for (size_t size = 2 * PAGE_SIZE; size <= 8 * PAGE_SIZE; size += PAGE_SIZE) {
            void *p = kmalloc(size), *behind = kmalloc(size);
            assert_int_equal((uintptr_t)p < WIDE_START, scarce && size == 2 * PAGE_SIZE);
            assert_ptr_equal(krealloc(p, 2 * size), p);
            kfree(p);
            kfree(behind);
        }
    }
    while (count > 0)
        kfree(objects[--count]);
    check_empty();
}

/* Only slots 5000 and 5001 are free. An object that wants both finds them once the spare one has been given up, wherever the
 * last search ended. */
static void test_a_run_that_the_spare_slot_interrupts_is_found(void **state) {
    const size_t two = (1u << WIDE_SHIFT) + 1;
    (void)state;
    void *first = kmalloc(two);
    summary_remove_range(&large_wide.unused, 2, 5000);
    summary_remove_range(&large_wide.unused, 5002, WIDE_SLOTS);
    void *a = kmalloc(10000), *b = kmalloc(10000);
    assert_ptr_equal(a, (char *)WIDE_START + (5000u << WIDE_SHIFT));
    kfree(a);
    kfree(b);
    assert_ptr_equal(kmalloc(two), a);
    kfree(a);
    kfree(first);
    summary_add_range(&large_wide.unused, 2, 5000);
    summary_add_range(&large_wide.unused, 5002, WIDE_SLOTS);
    check_empty();
}

/* An aligned object can have the spare slot, if there is no other. */
static void test_an_aligned_object_takes_the_last_slot_though_it_is_spare(void **state) {
    (void)state;
    summary_remove_range(&large_wide.unused, 1, WIDE_SLOTS);
    void *p = kmalloc(10000);
    kfree(p);
    assert_ptr_equal(kmalloc_aligned(10000, 1u << WIDE_SHIFT), p);
    kfree(p);
    summary_add_range(&large_wide.unused, 1, WIDE_SLOTS);
    check_empty();
}

/* The last page number is that of an empty page, which a class keeps: another class gets it. */
static void test_the_last_page_number_is_taken_from_a_kept_page(void **state) {
    (void)state;
    void *p = kmalloc(GRANULE);
    kfree(p);
    summary_remove_range(&small_unused, 1, SUMMARY_MAX);
    void *q = kmalloc(PAGE_SIZE);
    assert_ptr_equal(q, p);
    kfree(q);
    kmalloc_trim();
    summary_add_range(&small_unused, 1, SUMMARY_MAX);
    check_empty();
}

/* There is memory for the new size, and for no more. */
static void test_an_object_moves_where_memory_just_suffices(void **state) {
    (void)state;
    struct object a = make(15 * PAGE_SIZE), b = make(15 * PAGE_SIZE);
    pages_most = kmalloc_pages() + 17;
    void *p = krealloc(a.p, 17 * PAGE_SIZE);
    assert_non_null(p);
    pages_most = SIZE_MAX / PAGE_SIZE;
    kfree(p);
    drop(&b);
    check_empty();
}

/* What lies behind an object's pages in its slot is nobody's. */
static void test_a_wrong_free_behind_an_object_is_reported(void **state) {
    (void)state;
    struct object o = make(5000);
    EXPECT_PANIC("inside an object", call_free, o.p + 2 * PAGE_SIZE - 1, 0);
    EXPECT_PANIC("freed already, or never allocated", call_free, o.p + 2 * PAGE_SIZE, 0);
    EXPECT_PANIC("freed already, or never allocated", call_free, o.p + (1 << WIDE_SHIFT) - 1, 0);
    drop(&o);
    check_empty();
}

/* Pages that have come after a trim count, too. */
static void test_the_peak_after_a_trim(void **state) {
    (void)state;
    struct object first = make(15 * PAGE_SIZE);
    drop(&first); /* spare */
    pages_most = 20;
    struct object second = make(17 * PAGE_SIZE);
    assert_int_equal(kmalloc_peak_pages(), 17);
    pages_most = SIZE_MAX / PAGE_SIZE;
    drop(&second);
    check_empty();
}

static void test_a_wrong_free_far_inside_an_object_is_reported(void **state) {
    (void)state;
    garbage = false;
    void *p = kmalloc(20 * MIB);
    EXPECT_PANIC("inside an object, 17825792 bytes past its start", call_free, (uintptr_t)p + 17 * MIB, 0);
    kfree(p);
    check_empty();
}

/* Where growing over it fails, behind it or for want of memory, the spare slot is as it was. */
static void test_growing_towards_the_spare_slot_leaves_it_alone(void **state) {
    const size_t slot = 1u << WIDE_SHIFT;
    (void)state;
    for (unsigned runs_out = 0; runs_out < 2; runs_out++) {
        struct object a = make(slot), b = make(20000), c = make(20000);
        drop(&b); /* spare */
        if (runs_out)
            pages_most = kmalloc_pages();
        void *grown = krealloc(a.p, runs_out ? 2 * slot : 3 * slot);
        assert_int_equal(grown == NULL, runs_out);
        kmalloc_check();
        pages_most = SIZE_MAX / PAGE_SIZE;
        b = make(20000);
        kmalloc_check();
        if (grown)
            kfree(grown);
        else
            drop(&a);
        drop(&b);
        drop(&c);
        check_empty();
    }
}

/* A page that was full waits behind those that have been opened before it. */
static void test_opened_pages_are_filled_in_their_order(void **state) {
    enum { PAGES = 4 };
    struct object objects[2 * PAGES], again[3];
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(objects); i++)
        objects[i] = make(2048);
    for (size_t i = 0; i < ARRAY_SIZE(again); i++) /* the last page is the current one */
        drop(&objects[2 * i]);
    for (size_t i = 0; i < ARRAY_SIZE(again); i++) {
        again[i] = make(2048);
        assert_ptr_equal(again[i].p, objects[2 * i].p);
    }
    for (size_t i = 0; i < ARRAY_SIZE(again); i++)
        drop(&again[i]);
    for (size_t i = 0; i < ARRAY_SIZE(objects); i++)
        if (i % 2 || i >= 2 * ARRAY_SIZE(again))
            drop(&objects[i]);
    check_empty();
}

/* Only the first and the last narrow slot are free. What grows out of the last one moves, and what has grown over two is
 * found from anywhere inside it. */
static void test_objects_of_the_first_and_the_last_narrow_slot(void **state) {
    static void *objects[WIDE_SLOTS / 2];
    (void)state;
    garbage = false;
    for (size_t i = 0; i < ARRAY_SIZE(objects); i++)
        objects[i] = kmalloc(20000);
    summary_remove_range(&large_narrow.unused, 2, NARROW_SLOTS - 1);
    char *first = kmalloc(5000), *second = kmalloc(5000), *last = kmalloc(5000);
    assert_ptr_equal(first, (char *)NARROW_START);
    assert_ptr_equal(last, (char *)WIDE_START - (1 << NARROW_SHIFT));
    char *moved = krealloc(first, 20000); /* the second one is in the way */
    assert_true(moved && moved != first);
    kfree(moved);
    assert_ptr_equal(kmalloc(5000), first);
    kfree(second);
    assert_ptr_equal(krealloc(first, 24576), first);
    EXPECT_PANIC("inside an object, 20480 bytes past its start", call_free, (uintptr_t)first + 20480, 0);
    kfree(first);
    assert_ptr_equal(krealloc(last, 1 << NARROW_SHIFT), last);
    moved = krealloc(last, (1 << NARROW_SHIFT) + 1);
    assert_true(moved && moved != last);
    kfree(moved);
    summary_add_range(&large_narrow.unused, 2, NARROW_SLOTS - 1);
    for (size_t i = 0; i < ARRAY_SIZE(objects); i++)
        kfree(objects[i]);
    check_empty();
}

static void test_a_large_object_grows_in_place_until_it_meets_another(void **state) {
    (void)state;
    struct object first = make(100000), second = make(100000); /* of two slots each */
    assert_int_equal(second.p - first.p, 4 << WIDE_SHIFT);
    void *p = first.p;
    for (size_t size = 100000; size <= (size_t)(second.p - first.p); size += 20000) {
        assert_ptr_equal(krealloc(p, size), p);
        assert_in_range(kmalloc_size(p), size, size + PAGE_SIZE - 1);
        check_bytes(&first, first.size);
        kmalloc_check();
    }
    unsigned char *moved = krealloc(p, (size_t)(second.p - first.p) + 1);
    assert_ptr_not_equal(moved, p);
    first.p = moved;
    check_bytes(&first, first.size);
    kfree(moved);
    drop(&second);
    check_empty();
}

/* Nobody owns the slots behind an object: others get them when there are no others left. */
static void test_room_to_grow_is_used_when_addresses_run_out(void **state) {
    static void *objects[MOST_LARGE + 1];
    (void)state;
    garbage = false;
    for (size_t align = 1; align <= 4 * MIB; align += 4 * MIB - 1) {
        struct object large = make(250 * MIB);
        size_t count = 0;
        while ((objects[count] = kmalloc_aligned(10 * MIB, align)))
            count++;
        assert_in_range(count, align == 1 ? 25 : 12, 25);
        kmalloc_check();
        if (align == 1)
            assert_null(krealloc(large.p, 251 * MIB));
        assert_int_equal(kmalloc_size(large.p), 250 * MIB);
        while (count > 0)
            kfree(objects[--count]);
        drop(&large);
        check_empty();
    }
    struct object large = make(250 * MIB);
    size_t count = take_all(objects, 20000), slots = MOST_LARGE - MOST_NARROW;
    assert_int_equal(count, slots - 250 * MIB / 65536);
    while (count > 0)
        kfree(objects[--count]);
    drop(&large);
    check_empty();
}

static void test_a_shrunk_object_can_grow_again(void **state) {
    (void)state;
    garbage = false;
    void *large = kmalloc(500 * MIB);
    assert_ptr_equal(krealloc(large, 10 * MIB), large);
    void *other = kmalloc(480 * MIB);
    assert_non_null(other);
    kfree(other);
    kmalloc_check();
    assert_ptr_equal(krealloc(large, 20 * MIB), large);
    assert_ptr_equal(krealloc(large, 70000), large);
    other = kmalloc(500 * MIB);
    assert_non_null(other);
    kfree(other);
    kfree(large);
    check_empty();
}

/* One call of the heap, with memory that runs out at each of the provider's calls in turn, until it succeeds.
 * Spare pages are given back first, as the heap does before it fails. */
static void *at_each_failure(void *p, size_t size, size_t align) {
    kmalloc_trim();
    struct picture before = picture();
    for (int fail_at = 0;; fail_at++) {
        gets_left = fail_at;
        void *q = align ? kmalloc_aligned(size, align) : krealloc(p, size);
        bool failed = gets_left == 0;
        gets_left = NEVER;
        if (q) /* shrinking needs no memory */
            return q;
        assert_true(failed);
        check_picture(&before);
    }
}

/* Whichever objects have left them, and whichever want pages. */
static void test_spare_pages_are_given_back_before_a_call_fails(void **state) {
    static const size_t sizes[] = {32, 200, 2048, 3000, 8192, 40000, 65536};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
        for (size_t j = 0; j < ARRAY_SIZE(sizes); j++) {
            pages_most = SIZE_MAX / PAGE_SIZE;
            struct object first = make(sizes[i]);
            drop(&first);
            size_t held = kmalloc_pages(), want = (sizes[j] + PAGE_SIZE - 1) / PAGE_SIZE + (sizes[j] <= 2048);
            pages_most = held > want ? held : want;
            struct object second = make(sizes[j]);
            if (sizes[j] > PAGE_SIZE)
                assert_int_equal(second.size, want * PAGE_SIZE);
            assert_in_range(kmalloc_pages(), 1, pages_most);
            drop(&second);
            kmalloc_trim();
            assert_int_equal(kmalloc_pages(), 0);
        }
}

/* The spare slot's pages are too few for the new object, and there are no others: nothing is left of either. */
static void test_a_spare_slot_that_cannot_grow_is_given_back(void **state) {
    (void)state;
    struct object first = make(20000);
    drop(&first);
    pages_most = kmalloc_pages();
    assert_null(kmalloc(1u << WIDE_SHIFT));
    kmalloc_check();
    assert_int_equal(kmalloc_pages(), 0);
    assert_int_equal(live_objects(), 0);
    pages_most = SIZE_MAX / PAGE_SIZE;
    struct object second = make(20000);
    assert_ptr_equal(second.p, first.p);
    drop(&second);
    check_empty();
}

/* Growing in place needs one page. All others would not be enough for a copy. */
static void test_spare_pages_are_given_back_before_growing_fails(void **state) {
    (void)state;
    struct object object = make(20000), other = make(20000);
    drop(&other);
    pages_most = kmalloc_pages();
    char *p = krealloc(object.p, 21000);
    assert_ptr_equal(p, object.p);
    assert_in_range(kmalloc_pages(), 1, pages_most);
    kmalloc_check();
    kfree(p);
}

static void test_failure_at_every_single_call_of_the_provider(void **state) {
    enum { OBJECTS = 400 };
    static struct object objects[OBJECTS];
    (void)state;
    for (int round = 0; round < 20000; round++) {
        struct object *o = &objects[random_between(0, OBJECTS)];
        size_t size = 1 + (random_word() >> random_between(12, 31)) % (2 * MIB);
        if (!o->p) {
            *o = adopt(at_each_failure(NULL, size, random_between(0, 3) ? 0 : 1u << random_between(0, 18)),
                       size);
        } else if (random_between(0, 2)) {
            drop(o);
            o->p = NULL;
        } else {
            unsigned char *p = at_each_failure(o->p, size, 0);
            o->p = p;
            check_bytes(o, o->size < size ? o->size : size);
            *o = adopt(p, size);
        }
        if (round % 200 == 0)
            kmalloc_trim();
    }
    for (unsigned i = 0; i < OBJECTS; i++)
        if (objects[i].p)
            drop(&objects[i]);
    check_empty();
}

static void test_a_failed_krealloc_leaves_the_object(void **state) {
    (void)state;
    for (unsigned i = 0; i < SOME_SIZES; i++) {
        struct object o = make(some_size(i));
        kmalloc_trim(); /* as the heap does before it fails */
        struct picture before = picture();
        pages_most = host_pages_held();
        assert_null(krealloc(o.p, 2 * MIB));
        check_picture(&before);
        assert_int_equal(kmalloc_size(o.p), o.size);
        pages_most = SIZE_MAX / PAGE_SIZE;
        drop(&o);
    }
    check_empty();
}

/* A smaller object always fits where it is. */
static void test_shrinking_needs_no_memory(void **state) {
    (void)state;
    for (unsigned from = 0; from < SOME_SIZES; from++) {
        for (unsigned to = 0; to < from; to++) {
            struct object o = make(some_size(from));
            kmalloc_trim();
            pages_most = host_pages_held();
            o.p = krealloc(o.p, some_size(to));
            pages_most = SIZE_MAX / PAGE_SIZE;
            assert_non_null(o.p);
            check_bytes(&o, some_size(to));
            o = adopt(o.p, some_size(to));
            drop(&o);
        }
    }
    check_empty();
}

/* ---- random, against the model ---- */

#define OBJECTS 3000

static size_t random_size(int round) {
    switch (round / 5000 % 5) {
    case 0:
        return random_between(1, 257);
    case 1:
        return random_between(1, 9000);
    case 2:
        return 1 + (random_word() >> random_between(14, 31));
    case 3:
        return some_size(random_word() % 64) + random_between(0, 3);
    default:
        return random_between(1, 64);
    }
}

static void random_step(struct object *o, int round, unsigned fills) {
    size_t size = random_size(round);
    if (!o->p && random_between(0, 100) < fills) {
        void *p;
        switch (random_between(0, 4)) {
        case 0:
            p = kzalloc(size);
            for (size_t i = 0; p && i < size; i++)
                assert_int_equal(((unsigned char *)p)[i], 0);
            break;
        case 1:
            p = kmalloc_aligned(size, 1u << random_between(0, 14));
            break;
        default:
            p = kmalloc(size);
            break;
        }
        if (p)
            *o = adopt(p, size);
    } else if (o->p && random_between(0, 3) == 0) {
        unsigned char *p = krealloc(o->p, size);
        if (!p)
            return;
        o->p = p;
        check_bytes(o, o->size < size ? o->size : size);
        *o = adopt(p, size);
    } else if (o->p && random_between(0, 100) >= fills) {
        drop(o);
        o->p = NULL;
    }
}

static void check_spare(void) {
    size_t pages = kmalloc_pages();
    kmalloc_trim();
    kmalloc_check();
    assert_in_range(pages - kmalloc_pages(), 0, KMALLOC_SPARE);
}

static void test_random_operations_against_the_model(void **state) {
    static struct object objects[OBJECTS];
    (void)state;
    pages_most = 2500; /* reached now and then */
    for (int round = 0; round < 1000000; round++) {
        random_step(&objects[random_between(0, OBJECTS)], round, round / 30000 % 2 ? 20 : 75);
        if (round % 5000 == 0) {
            kmalloc_check();
            size_t live = 0;
            for (unsigned i = 0; i < OBJECTS; i++)
                if (objects[i].p) {
                    check_bytes(&objects[i], objects[i].size);
                    live++;
                }
            assert_int_equal(live_objects(), live);
        }
        if (round % 7000 == 0)
            check_spare();
    }
    for (unsigned i = 0; i < OBJECTS; i++)
        if (objects[i].p)
            drop(&objects[i]);
    check_empty();
}

/* ---- pages kept and given back ---- */

static void test_at_most_a_few_empty_pages_are_kept(void **state) {
    static struct object objects[20000];
    (void)state;
    for (unsigned i = 0; i < SOME_SIZES; i++) {
        size_t count = 0, size = some_size(i);
        while (count < ARRAY_SIZE(objects) && count * size < 4 * MIB)
            objects[count++] = make(size);
        for (unsigned order = 0; order < 2; order++) { /* some at random, then the rest */
            shuffle(objects, count);
            for (size_t left = order ? 0 : count / 3; count > left;)
                drop(&objects[--count]);
            check_spare();
        }
        check_empty();
    }
}

/* No trim in between tidies up what the frees have left. */
static void test_few_pages_are_kept_after_many_were_used(void **state) {
    static struct object objects[1000000];
    static const size_t sizes[] = {1, 64, 256, 500, 4096, 10000};
    (void)state;
    garbage = false;
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        size_t count = 0;
        while (count < ARRAY_SIZE(objects) && count * sizes[i] < 100 * MIB)
            objects[count++] = (struct object){kmalloc(sizes[i]), 0, 0};
        while (count > 0)
            kfree(objects[--count].p);
        if (kmalloc_pages() != KMALLOC_SPARE)
            fail_msg("%zu pages are kept with all objects of %zu bytes freed", kmalloc_pages(), sizes[i]);
    }
    check_empty();
}

static void test_one_object_over_and_over_needs_no_pages(void **state) {
    (void)state;
    for (unsigned i = 0; i < SOME_SIZES && some_size(i) <= 8192; i++) {
        struct object o = make(some_size(i));
        drop(&o);
        gets_left = 0;
        for (int round = 0; round < 100; round++) {
            o = make(some_size(i));
            drop(&o);
        }
        gets_left = NEVER;
    }
}

/* The page stays the current one of its class, and is counted there. */
static void test_the_smallest_classes_keep_their_page(void **state) {
    struct kmalloc_stats stats;
    (void)state;
    for (unsigned sc = 0; sc < SMALL_CLASSES; sc++) {
        kmalloc_stats(sc, &stats);
        kfree(kmalloc(stats.size));
        kmalloc_stats(sc, &stats);
        assert_int_equal(stats.pages, sc < 8);
    }
    check_empty();
}

/* A slab may lie on two pages of the table. When the table loses the second one and gets it back, nothing is left of the
 * slab's end. */
static void test_a_slab_over_the_end_of_its_tables_page(void **state) {
    enum { IN_A_PAGE = PAGE_SIZE / GRANULE, SPLIT = PAGE_SIZE / sizeof(struct slab) };
    static struct object objects[(SPLIT + 1) * IN_A_PAGE];
    (void)state;
    assert_true(PAGE_SIZE % sizeof(struct slab) != 0);
    for (unsigned round = 0; round < 3; round++) {
        for (size_t i = round ? SPLIT * IN_A_PAGE : 0; i < ARRAY_SIZE(objects); i++)
            objects[i] = make(GRANULE);
        kmalloc_check();
        for (size_t i = SPLIT * IN_A_PAGE; i < ARRAY_SIZE(objects); i++)
            drop(&objects[i]);
        kmalloc_trim();
        struct object other = make(20000); /* on the frame that the table had */
        drop(&other);
    }
    for (size_t i = 0; i < SPLIT * IN_A_PAGE; i++)
        drop(&objects[i]);
    check_empty();
}

/* A trim that is due to want of memory ends the keeping of the page that was full. */
static void test_a_kept_page_is_full_when_memory_runs_out(void **state) {
    static struct object objects[PAGE_SIZE / GRANULE];
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(objects); i++)
        objects[i] = make(GRANULE);
    struct object large = make(5000);
    drop(&large); /* spare */
    pages_most = kmalloc_pages();
    struct object one = make(GRANULE); /* gets one of its pages */
    kmalloc_check();
    pages_most = SIZE_MAX / PAGE_SIZE;
    drop(&one);
    for (size_t i = 0; i < ARRAY_SIZE(objects); i++)
        drop(&objects[i]);
    check_empty();
}

/* What has failed is not counted. */
static void test_figures_after_a_call_without_memory(void **state) {
    struct kmalloc_stats stats;
    (void)state;
    kmalloc_trim();
    gets_left = 0;
    for (unsigned sc = 0; kmalloc_stats(sc, &stats); sc++) {
        assert_null(kmalloc(stats.size ? stats.size : 5000));
        kmalloc_stats(sc, &stats);
        assert_true(stats.pages == 0 && stats.capacity == 0 && stats.live == 0);
    }
    gets_left = NEVER;
    check_empty();
}

static void test_peak_pages(void **state) {
    size_t most = 0;
    struct object objects[50];
    (void)state;
    for (unsigned i = 0; i < 50; i++) {
        objects[i] = make(10000 * (i + 1));
        most = kmalloc_pages() > most ? kmalloc_pages() : most;
    }
    assert_int_equal(kmalloc_peak_pages(), most);
    for (unsigned i = 0; i < 50; i++)
        drop(&objects[i]);
    kmalloc_trim();
    struct object small = make(100); /* takes a page where few are */
    assert_int_equal(kmalloc_peak_pages(), most);
    drop(&small);
}

/* How many pages COUNT small objects lie in. */
static size_t distinct_pages(const struct object *objects, size_t count) {
    size_t pages = 0;
    for (size_t i = 0; i < count; i++) {
        bool first = true;
        for (size_t j = 0; j < i; j++)
            first &= ((uintptr_t)objects[j].p ^ (uintptr_t)objects[i].p) >= PAGE_SIZE;
        pages += first;
    }
    return pages;
}

/* All that is live are these COUNT objects, of the class SC: each field of each row. */
static void check_rows(unsigned sc, const struct object *objects, size_t count) {
    struct picture now = picture();
    for (unsigned row = 0; row < now.count; row++) {
        const struct kmalloc_stats *stats = &now.classes[row];
        bool large = row == now.count - 1;
        assert_int_equal(stats->size == 0, large);
        assert_true(row == 0 || large || stats->size > now.classes[row - 1].size);
        size_t live = row == sc ? count : 0, pages = live && !large ? distinct_pages(objects, count) : 0;
        for (size_t i = 0; large && i < live; i++)
            pages += objects[i].size / PAGE_SIZE;
        assert_int_equal(stats->live, live);
        assert_int_equal(stats->pages, pages);
        assert_int_equal(stats->capacity, large ? live : pages * (PAGE_SIZE / stats->size));
    }
}

static void test_each_field_of_each_row_of_the_statistics(void **state) {
    struct kmalloc_stats stats;
    unsigned count = picture().count;
    (void)state;
    for (unsigned sc = 0; sc < count; sc++) {
        struct object objects[200];
        assert_true(kmalloc_stats(sc, &stats));
        for (unsigned i = 0; i < 200; i++)
            objects[i] = stats.size ? make(stats.size)
                         : i % 30   ? make(5000 * (1 + i % 30))
                                    : adopt(kmalloc_aligned(PAGE_SIZE, 2 * PAGE_SIZE), PAGE_SIZE);
        check_rows(sc, objects, 200);
        for (unsigned i = 0; i < 100; i++) { /* every second one: no page of several objects empties */
            drop(&objects[2 * i]);
            objects[i] = objects[2 * i + 1];
        }
        check_rows(sc, objects, 100);
        for (unsigned i = 0; i < 100; i++)
            drop(&objects[i]);
        kmalloc_trim();
        check_rows(sc, objects, 0);
    }
    assert_false(kmalloc_stats(count, &stats));
    assert_false(kmalloc_stats(UINT32_MAX, &stats));
}

/* ---- misuse: a panic that says which mistake it is, and changes nothing ---- */

static void call_realloc(uintptr_t p, uintptr_t size) { krealloc((void *)p, size); }

static void check_bad(const char *text, const void *p) {
    struct picture before = picture();
    assert_int_equal(kmalloc_size(p), 0);
    EXPECT_PANIC(text, call_free, p, 0);
    EXPECT_PANIC(text, call_realloc, p, 0);
    EXPECT_PANIC(text, call_realloc, p, 50);
    EXPECT_PANIC(text, call_realloc, p, 100000);
    check_picture(&before);
}

static void test_a_double_free_panics(void **state) {
    (void)state;
    for (unsigned i = 0; i < SOME_SIZES; i++) {
        struct object o = make(some_size(i)), beside = make(some_size(i));
        drop(&o);
        check_bad("freed already", o.p);
        check_bytes(&beside, beside.size);
        drop(&beside);
        check_bad("freed already", o.p);
        check_bad("freed already", beside.p);
        kmalloc_trim();
        check_bad("freed already", o.p);
    }
    check_empty();
}

static void test_a_double_free_among_many_panics(void **state) {
    static struct object objects[2000];
    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(objects); i++)
        objects[i] = make(random_size((int)i * 10));
    for (unsigned i = 0; i < ARRAY_SIZE(objects); i += 2)
        drop(&objects[i]);
    for (unsigned i = 0; i < ARRAY_SIZE(objects); i += 2)
        check_bad("freed already", objects[i].p);
    for (unsigned i = 1; i < ARRAY_SIZE(objects); i += 2)
        drop(&objects[i]);
    check_empty();
}

static void test_freeing_inside_an_object_panics_at_every_offset(void **state) {
    (void)state;
    for (unsigned i = 0; i < SOME_SIZES; i++) {
        struct object o = make(some_size(i)), after = make(some_size(i));
        struct picture before = picture();
        size_t step = o.size > 10000 ? o.size / 1000 - 1 : 1;
        for (size_t off = 1; off < o.size; off += step)
            EXPECT_PANIC("inside an object", call_free, o.p + off, 0);
        EXPECT_PANIC("inside an object", call_free, o.p + o.size - 1, 0);
        EXPECT_PANIC("inside an object", call_realloc, o.p + 1, 10);
        check_picture(&before);
        check_bytes(&o, o.size);
        drop(&o);
        drop(&after);
    }
    check_empty();
}

static void test_freeing_inside_a_freed_object_panics(void **state) {
    (void)state;
    for (unsigned i = 0; i < SOME_SIZES; i++) {
        struct object o = make(some_size(i)), keeper = make(some_size(i));
        drop(&o);
        for (size_t off = 1; off < o.size; off += 1 + o.size / 100)
            EXPECT_PANIC("cannot be freed", call_free, o.p + off, 0);
        drop(&keeper);
    }
    check_empty();
}

static void test_freeing_a_foreign_address_panics(void **state) {
    static int variable;
    struct object o = make(100);
    (void)state;
    check_bad("no address of the heap", &variable);
    check_bad("no address of the heap", state);
    check_bad("no address of the heap", (void *)1);
    check_bad("no address of the heap", (void *)0x1000);
    check_bad("no address of the heap", (void *)(KHEAP_START - 16));
    check_bad("no address of the heap", (void *)KHEAP_END);
    check_bad("cannot be freed", (void *)(SLABS_START - (1u << NARROW_SHIFT)));
    check_bad("no address of the heap's objects", (void *)SLABS_START);
    check_bad("cannot be freed", (void *)(NARROW_START - (1u << NARROW_SHIFT)));
    check_bad("no address of the heap", (void *)UINTPTR_MAX);
    check_bad("cannot be freed", (void *)(KHEAP_END - PAGE_SIZE));
    check_bad("cannot be freed", (void *)(KHEAP_END - 16));
    drop(&o);
}

static void test_freeing_an_address_never_allocated_panics(void **state) {
    struct object keepers[SOME_SIZES];
    (void)state;
    check_bad("never allocated", (void *)KHEAP_START);
    for (unsigned i = 0; i < SOME_SIZES; i++)
        keepers[i] = make(some_size(i));
    struct picture before = picture();
    for (unsigned round = 0; round < 3000; round++) { /* a panic looks for an object around P */
        uintptr_t p = KHEAP_START + random_word() % HEAP_BYTES;
        bool inside = false;
        for (unsigned i = 0; i < SOME_SIZES; i++)
            inside |= p - (uintptr_t)keepers[i].p < keepers[i].size;
        if (inside)
            continue;
        assert_int_equal(kmalloc_size((void *)p), 0);
        EXPECT_PANIC("cannot be freed", round % 2 ? call_free : call_realloc, p, round % 4 * 50000u);
        if (round % 10 == 9)
            check_picture(&before);
    }
    check_picture(&before);
    for (unsigned i = 0; i < SOME_SIZES; i++)
        drop(&keepers[i]);
    check_empty();
}

static void call_resize(uintptr_t p, uintptr_t size) { krealloc((void *)p, size); }

static void call_trim(uintptr_t a, uintptr_t b) {
    (void)a, (void)b;
    kmalloc_trim();
}

static void call_check(uintptr_t a, uintptr_t b) {
    (void)a, (void)b;
    kmalloc_check();
}

static void test_an_interrupt_handler_is_refused(void **state) {
    static const size_t sizes[] = {20, 3000, 5000, 40000, 100000};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        struct object live = make(sizes[i]), other = make(sizes[i]);
        for (int round = 0; round < 2; round++) { /* with nothing spare, and with what the other has left */
            struct picture before = picture();
            irqs_served = 1;
            EXPECT_PANIC("an interrupt handler cannot use the heap", call_aligned, sizes[i], 1);
            EXPECT_PANIC("an interrupt handler cannot use the heap", call_aligned, sizes[i], 1u << 17);
            EXPECT_PANIC("an interrupt handler cannot use the heap", call_free, live.p, 0);
            EXPECT_PANIC("an interrupt handler cannot use the heap", call_resize, live.p, 50);
            EXPECT_PANIC("an interrupt handler cannot use the heap", call_resize, live.p, 200000);
            EXPECT_PANIC("an interrupt handler cannot use the heap", call_trim, 0, 0);
            EXPECT_PANIC("an interrupt handler cannot use the heap", call_check, 0, 0);
            irqs_served = 0;
            check_picture(&before);
            if (round == 0)
                drop(&other);
        }
        drop(&live);
    }
    check_empty();
}

static void test_an_interrupt_handler_may_look(void **state) {
    static const size_t sizes[] = {20, 3000, 5000};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        struct object live = make(sizes[i]);
        struct kmalloc_stats row;
        size_t rows = 0, objects = 0, held = kmalloc_pages();
        irqs_served = 1;
        for (; kmalloc_stats((unsigned)rows, &row); rows++)
            objects += row.live;
        assert_int_equal(rows, SMALL_CLASSES + 1);
        assert_int_equal(objects, 1);
        assert_true(kmalloc_size(live.p) >= sizes[i]);
        assert_int_equal(kmalloc_pages(), held);
        assert_true(kmalloc_peak_pages() >= held);
        irqs_served = 0;
        drop(&live);
    }
    check_empty();
}

/* The class has a partial page beside its current one: at first the current page is full, then it has room too. */
static void test_an_interrupt_handler_gets_nothing_from_a_partial_page(void **state) {
    struct object o[4];
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(o); i++)
        o[i] = make(2000); /* two a page */
    for (size_t i = 0; i < ARRAY_SIZE(o); i += 2) {
        drop(&o[i]);
        struct picture before = picture();
        irqs_served = 1;
        EXPECT_PANIC("an interrupt handler cannot use the heap", call_aligned, 2000, 1);
        irqs_served = 0;
        check_picture(&before);
        kmalloc_check();
    }
    drop(&o[1]);
    drop(&o[3]);
    check_empty();
}

static bool provider_refuses;
static int refusing_give(void *va, size_t pages) { return provider_refuses ? -1 : test_give(va, pages); }

static void test_a_provider_that_takes_nothing_back_is_a_panic(void **state) {
    static const struct page_provider refusing = {test_get, refusing_give};
    (void)state;
    kmalloc_init(&refusing);
    struct object o = make(100000);
    provider_refuses = true;
    EXPECT_PANIC("does not take back 25 pages", call_free, o.p, 0);
}

/* The page of small objects is full of them when no address is left. Larger ones have addresses of their own. */
static void test_large_objects_are_there_when_small_addresses_are_not(void **state) {
    static void *objects[SUMMARY_MAX];
    size_t count = 0;
    (void)state;
    garbage = false;
    while (count < SUMMARY_MAX && (objects[count] = kmalloc(SMALL_MAX)))
        count++;
    assert_int_equal(count, SUMMARY_MAX);
    assert_null(kmalloc(SMALL_MAX));
    assert_null(kmalloc(1));
    void *large = kmalloc(SMALL_MAX + 1);
    assert_non_null(large);
    kfree(objects[--count]); /* the last page's is the last that a search can find */
    assert_ptr_equal(kmalloc(SMALL_MAX), objects[count]);
    kfree(objects[count]);
    kfree(large);
    while (count > 0)
        kfree(objects[--count]);
    check_empty();
}

/* ---- wrong writes cannot reach the heap's metadata ---- */

static void scribble(unsigned char *p, size_t bytes) {
    for (size_t i = 0; i < bytes; i++) /* the page may have been given back */
        if (host_page_held(p + i))
            p[i] = (unsigned char)random_word();
}

static void test_writing_to_freed_objects_harms_nothing(void **state) {
    static struct object objects[600];
    (void)state;
    for (int round = 0; round < 6; round++) {
        for (unsigned i = 0; i < ARRAY_SIZE(objects); i++)
            objects[i] = make(random_size((int)i * 31 + round * 5000));
        shuffle(objects, ARRAY_SIZE(objects));
        for (unsigned i = 0; i < 400; i++)
            drop(&objects[i]);
        for (unsigned i = 0; i < 400; i++)
            scribble(objects[i].p, objects[i].size);
        kmalloc_check();
        for (unsigned i = 0; i < 400; i++)
            objects[i] = make(random_size((int)i * 31 + round * 5000));
        for (unsigned i = 0; i < ARRAY_SIZE(objects); i++)
            drop(&objects[i]);
        check_empty();
    }
}

/* Overwrites all pages that objects lie in, with the free objects between them. */
static void test_overflows_harm_no_more_than_other_objects(void **state) {
    static struct object objects[600];
    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(objects); i++)
        objects[i] = make(random_size((int)i * 31));
    for (unsigned i = 0; i < ARRAY_SIZE(objects); i += 3)
        drop(&objects[i]);
    for (unsigned i = 1; i < ARRAY_SIZE(objects); i += 3) {
        uintptr_t from = (uintptr_t)objects[i].p & ~PAGE_MASK;
        uintptr_t to = ((uintptr_t)objects[i].p + objects[i].size + PAGE_MASK) & ~PAGE_MASK;
        scribble((unsigned char *)from, to - from);
    }
    kmalloc_check();
    for (unsigned i = 0; i < ARRAY_SIZE(objects); i++)
        if (i % 3)
            kfree(objects[i].p);
    check_empty();
}

/* ---- kmalloc_check finds damage ---- */

static void expect_sees(const char *text) { EXPECT_PANIC(text, call_check, 0, 0); }

/* kmalloc_check panics while WORD differs by the bits of DIFFERENCE. */
#define CHECK_SEES(word, difference) check_sees(__LINE__, word, difference)

static void check_sees(int line, void *word, uint32_t difference) {
    uint32_t *p = word;
    kmalloc_check();
    assert_null(panic_advice);
    *p ^= difference;
    expect_panic(__FILE__, line, "assertion failed", call_check, 0, 0);
    assert_string_equal(panic_advice, HEAP_DEBUG_ADVICE);
    *p ^= difference;
    kmalloc_check();
}

#define KEPT_BIT 0x100 /* of the word that starts with a slab's class */

static void test_check_sees_each_broken_invariant(void **state) {
    (void)state;
    struct object objects[] = {make(PAGE_SIZE), make(64),   make(64),  make(64),
                               make(2000),      make(2000), make(2000),
                               make(1300),      make(1300)};
    drop(&objects[0]); /* a spare page */
    drop(&objects[2]); /* of a current page */
    drop(&objects[5]); /* of a page that is not */
    struct object narrow = make(5000), wide = make(20000), huge = make(100000);
    drop(&narrow); /* spare */
    struct slab *spare = (struct slab *)small_spare.next, *current = small_current[1],
                *partial = (struct slab *)small_partial[19].next, *odd = slab_of(objects[7].p);
    struct zone *zone = &large_wide;
    size_t slot = slot_at(zone, (char *)huge.p);

    CHECK_SEES(&held_pages, 1);
    CHECK_SEES(&small_pool, 1);
    CHECK_SEES(&small_table_end, PAGE_SIZE);
    CHECK_SEES(&small_bytes, PAGE_SIZE * 7);
    CHECK_SEES(&small_bytes, small_bytes ^ (small_bytes + PAGE_SIZE));
    CHECK_SEES(&small_unused.leaf[0], 1);
    CHECK_SEES(&small_unused.leaf[9], 4);
    CHECK_SEES(&small_unused.leaf[SUMMARY_MAX / 32 - 1], 1u << 31);
    CHECK_SEES(&small_unused.middle[3], 4);
    CHECK_SEES(&small_used.top, 1);
    CHECK_SEES(&small_used.leaf[0], 2);
    CHECK_SEES(&small_used.middle[0], 1);
    CHECK_SEES(&small_used.leaf[700], 1);
    CHECK_SEES(&current->page, PAGE_SIZE);
    CHECK_SEES(&current->first_free, 4);
    CHECK_SEES(&current->first_free, 1); /* inside an object */
    CHECK_SEES(&partial->first_free,
               partial->first_free ^ 2 * small_granules[partial->sc]); /* past the last */
    CHECK_SEES(&odd->first_free, odd->first_free ^ 3 * small_granules[odd->sc]); /* the granules that are left over */
    CHECK_SEES(&current->sc, 0x40);
    CHECK_SEES(&current->sc, 1 ^ SMALL_CLASSES);
    CHECK_SEES(&small_spare.next, (uint32_t)(uintptr_t)spare ^ (uint32_t)(uintptr_t)current);
    CHECK_SEES(&peak_pages, peak_pages);
    CHECK_SEES(&current->claims, 1);
    CHECK_SEES(&current->sc, KEPT_BIT);
    CHECK_SEES(&current->links.next[2], 2);
    CHECK_SEES(&partial->claims, 1);
    CHECK_SEES(&partial->sc, 1);
    CHECK_SEES(&partial->sc, KEPT_BIT);
    CHECK_SEES(&spare->claims, 1);
    CHECK_SEES(&spare->first_free, 4); /* where no object starts */
    CHECK_SEES(&small_spare.next, (uint32_t)(uintptr_t)spare ^ (uint32_t)(uintptr_t)&small_spare);
    CHECK_SEES(&small_current[1], (uint32_t)(uintptr_t)current ^ (uint32_t)(uintptr_t)spare);
    CHECK_SEES(large_entry(huge.p), 0x40);
    CHECK_SEES(large_entry(huge.p + 65536), 1);
    CHECK_SEES(large_entry(wide.p + 16384), 1); /* where no wide slot starts */
    CHECK_SEES(&zone->unused.leaf[0], 1u << slot);
    CHECK_SEES(&zone->unused.leaf[90], 8);
    CHECK_SEES(&zone->unused.top, 2);
    CHECK_SEES(&large_narrow.unused.leaf[3], 1);
    CHECK_SEES(&large_narrow.unused.top, 1);
    CHECK_SEES(&large_spare_pages, 1);
    CHECK_SEES(&large_spare, 1u << WIDE_SHIFT);
    drop(&wide);
    drop(&huge);
}

/* A full page, one of whose live objects has lost its mark. */
static void test_check_sees_a_full_page_that_has_lost_an_object(void **state) {
    struct object o[] = {make(2000), make(2000)};
    struct slab *slab = slab_of(o[0].p);
    (void)state;
    assert_int_equal(slab->first_free, NO_GRANULE);
    slab->links.next[granule_of(o[1].p)] ^= 1;
    expect_sees("live == live_in(slab)");
    slab->links.next[granule_of(o[1].p)] ^= 1;
    kmalloc_check();
    drop(&o[0]);
    drop(&o[1]);
    check_empty();
}

/* An object inside another one, of either kind, and one in a slot that is called unused; the pages are counted. */
static void test_check_sees_objects_that_overlap(void **state) {
    (void)state;
    struct object small = make(2 * GRANULE), huge = make(5u << WIDE_SHIFT);
    uint8_t *link = &slab_of(small.p)->links.next[granule_of(small.p) + 1], was = *link;
    *link = (uint8_t)(granule_of(small.p) + 1);
    EXPECT_PANIC("assertion failed", call_check, 0, 0);
    *link = was;
    *large_entry(huge.p + (2u << WIDE_SHIFT)) = 1;
    held_pages++;
    peak_pages++;
    EXPECT_PANIC("assertion failed", call_check, 0, 0);
    held_pages--;
    peak_pages--;
    *large_entry(huge.p + (2u << WIDE_SHIFT)) = 0;
    size_t slot = slot_at(&large_wide, (char *)huge.p);
    summary_add_range(&large_wide.unused, slot, slot + 5);
    EXPECT_PANIC("assertion failed", call_check, 0, 0);
    summary_remove_range(&large_wide.unused, slot, slot + 5);
    kmalloc_check();
    drop(&small);
    drop(&huge);
}

static void put(struct slab *slab, struct list *list) {
    list_remove(&slab->list);
    if (list)
        list_append(list, &slab->list);
}

/* Pages that are in another list than they belong to, or in none. */
static void test_check_sees_a_page_in_the_wrong_list(void **state) {
    struct object objects[] = {make(2000), make(2000), make(2000), make(1300), make(1300), make(1300), make(1300), make(PAGE_SIZE)};
    struct slab *half = slab_of(objects[0].p), *third = slab_of(objects[3].p), *spare = slab_of(objects[7].p);
    struct list *halves = &small_partial[half->sc], *thirds = &small_partial[third->sc];
    (void)state;
    drop(&objects[0]);
    drop(&objects[3]);
    drop(&objects[7]);
    kmalloc_check();

    put(half, NULL);
    expect_sees("found->listed == listed");
    put(half, thirds);
    expect_sees("slab->sc == sc");
    put(third, halves);
    expect_sees("slab->sc == sc");
    put(half, &small_spare);
    put(third, thirds);
    small_pool++;
    expect_sees("slab->claims == 0");
    put(half, halves);
    small_pool--;
    kmalloc_check();

    put(spare, &small_partial[spare->sc]);
    small_pool--;
    expect_sees("slab->claims > 0");
    put(spare, &small_spare);
    small_pool++;

    for (unsigned i = 1; i < 7; i++)
        if (i != 3)
            drop(&objects[i]);
    check_empty();
}

static void test_check_sees_a_slot_that_is_filled_and_unused(void **state) {
    struct object wide = make(20000);
    size_t slot = slot_at(&large_wide, (char *)wide.p);
    (void)state;
    summary_add(&large_wide.unused, slot);
    summary_remove(&large_wide.unused, slot + 1); /* lost: the count is right */
    expect_sees("slot + n");
    summary_add(&large_wide.unused, slot + 1);
    summary_remove(&large_wide.unused, slot);
    drop(&wide);
    check_empty();
}

/* Several words that agree with each other, but not with what is promised. */
static void test_check_sees_damage_that_agrees_with_itself(void **state) {
    (void)state;
    struct object o = make(100);
    drop(&o); /* its page stays the current one of its class */
    CHECK_SEES(&small_current[small_class_of[99 / GRANULE]]->first_free, 1);
    struct object lone = make(PAGE_SIZE), other = make(PAGE_SIZE);
    drop(&other);
    struct slab *slab = slab_of(lone.p), *spare = (struct slab *)small_spare.next, was = *slab;

    slab->kept = true; /* kept, and not the current one */
    slab->claims++;
    small_pool++;
    expect_sees("!slab->kept");
    small_pool--;
    *slab = was;
    kmalloc_check();

    slab->links.next[0] = NO_GRANULE; /* empty, but the current page of a class that keeps none */
    slab->first_free = slab->claims = 0;
    small_current[slab->sc] = slab;
    expect_sees("slab->claims > 0");
    *slab = was;
    kmalloc_check();

    struct object least = make((KEEPING_CLASSES + 1) * GRANULE); /* kept by the smallest class that keeps none */
    struct slab *current = slab_of(least.p), current_was = *current;
    current->kept = true;
    current->claims++;
    small_pool++;
    expect_sees("slab->kept <=");
    small_pool--;
    *current = current_was;
    kmalloc_check();
    drop(&least);

    was = *spare; /* a list without end */
    spare->list.next = spare->list.previous = &spare->list;
    expect_sees("n < SUMMARY_MAX");
    *spare = was;
    kmalloc_check();

    large_spare = slot_address(&large_wide, 0); /* more spare pages than there are places for */
    large_spare_pages = POOL_PLACES;
    held_pages += POOL_PLACES;
    summary_remove(&large_wide.unused, 0);
    expect_sees("<= (size_t)POOL_PLACES");
    summary_add(&large_wide.unused, 0);
    held_pages -= POOL_PLACES;
    large_spare_pages = 0;
    drop(&lone);
    check_empty();
}

#define TEST(name) cmocka_unit_test_setup(name, start)

static const struct CMUnitTest tests[] = {
    TEST(test_init_forgets_the_pages_of_the_heap_before),
    TEST(test_size_0_is_null_and_null_can_be_freed),
    TEST(test_objects_of_every_size_are_aligned_and_apart),
    TEST(test_48_mib_of_objects_of_every_size),
    TEST(test_one_object_has_504_mib_at_most),
    TEST(test_the_search_begins_again_behind_a_huge_object),
    TEST(test_the_search_begins_again_where_the_addresses_end),
    TEST(test_only_the_start_of_an_object_has_a_size),
    TEST(test_little_is_wasted),
    TEST(test_an_object_of_a_classs_size_fills_it),
    TEST(test_kzalloc_clears_used_memory),
    TEST(test_krealloc_keeps_the_lesser_sizes_contents),
    TEST(test_krealloc_of_null_allocates_and_to_size_0_frees),
    TEST(test_an_object_grows_and_shrinks_step_by_step),
    TEST(test_aligned_objects_at_every_alignment),
    TEST(test_several_aligned_objects_of_each_size),
    TEST(test_aligned_objects_can_be_reallocated),
    TEST(test_a_small_aligned_object_stays_small),
    TEST(test_the_classes_sizes),
    TEST(test_an_object_moves_when_more_than_half_of_its_place_would_be_left_over),
    TEST(test_an_alignment_that_every_object_has_costs_nothing),
    TEST(test_a_narrow_slot_serves_no_greater_alignment),
    TEST(test_an_aligned_object_spares_its_neighbours),
    TEST(test_an_alignment_that_is_no_power_of_two_panics),
    TEST(test_absurd_sizes_are_refused),
    TEST(test_all_frames_are_used_up_and_come_back),
    TEST(test_all_addresses_are_used_up_and_come_back),
    TEST(test_as_many_large_objects_as_promised),
    TEST(test_the_spare_slot_serves_smaller_objects_unless_slots_are_scarce),
    TEST(test_the_next_run_starts_behind_as_many_slots_again),
    TEST(test_an_object_grows_up_to_the_last_slot),
    TEST(test_an_aligned_object_takes_the_last_two_slots),
    TEST(test_a_shrunk_object_gives_back_its_addresses),
    TEST(test_an_object_of_up_to_8_pages_can_double_in_place),
    TEST(test_a_run_that_the_spare_slot_interrupts_is_found),
    TEST(test_an_aligned_object_takes_the_last_slot_though_it_is_spare),
    TEST(test_the_last_page_number_is_taken_from_a_kept_page),
    TEST(test_an_object_moves_where_memory_just_suffices),
    TEST(test_a_wrong_free_behind_an_object_is_reported),
    TEST(test_the_peak_after_a_trim),
    TEST(test_a_wrong_free_far_inside_an_object_is_reported),
    TEST(test_growing_towards_the_spare_slot_leaves_it_alone),
    TEST(test_opened_pages_are_filled_in_their_order),
    TEST(test_objects_of_the_first_and_the_last_narrow_slot),
    TEST(test_a_large_object_grows_in_place_until_it_meets_another),
    TEST(test_room_to_grow_is_used_when_addresses_run_out),
    TEST(test_a_shrunk_object_can_grow_again),
    TEST(test_spare_pages_are_given_back_before_a_call_fails),
    TEST(test_a_spare_slot_that_cannot_grow_is_given_back),
    TEST(test_spare_pages_are_given_back_before_growing_fails),
    TEST(test_failure_at_every_single_call_of_the_provider),
    TEST(test_a_failed_krealloc_leaves_the_object),
    TEST(test_shrinking_needs_no_memory),
    TEST(test_random_operations_against_the_model),
    TEST(test_at_most_a_few_empty_pages_are_kept),
    TEST(test_few_pages_are_kept_after_many_were_used),
    TEST(test_one_object_over_and_over_needs_no_pages),
    TEST(test_the_smallest_classes_keep_their_page),
    TEST(test_a_slab_over_the_end_of_its_tables_page),
    TEST(test_a_kept_page_is_full_when_memory_runs_out),
    TEST(test_figures_after_a_call_without_memory),
    TEST(test_peak_pages),
    TEST(test_each_field_of_each_row_of_the_statistics),
    TEST(test_a_double_free_panics),
    TEST(test_a_double_free_among_many_panics),
    TEST(test_freeing_inside_an_object_panics_at_every_offset),
    TEST(test_freeing_inside_a_freed_object_panics),
    TEST(test_freeing_a_foreign_address_panics),
    TEST(test_freeing_an_address_never_allocated_panics),
    TEST(test_an_interrupt_handler_is_refused),
    TEST(test_an_interrupt_handler_may_look),
    TEST(test_an_interrupt_handler_gets_nothing_from_a_partial_page),
    TEST(test_a_provider_that_takes_nothing_back_is_a_panic),
    TEST(test_large_objects_are_there_when_small_addresses_are_not),
    TEST(test_writing_to_freed_objects_harms_nothing),
    TEST(test_overflows_harm_no_more_than_other_objects),
    TEST(test_check_sees_each_broken_invariant),
    TEST(test_check_sees_a_full_page_that_has_lost_an_object),
    TEST(test_check_sees_objects_that_overlap),
    TEST(test_check_sees_a_page_in_the_wrong_list),
    TEST(test_check_sees_a_slot_that_is_filled_and_unused),
    TEST(test_check_sees_damage_that_agrees_with_itself),
};

HOST_MAIN(tests)
