/* Lab heap, exercise pages: when pages come and go, and what happens when there are none. kmalloc_trim. */
#include "heap.h"

static void trim(void) {
    doing("kmalloc_trim");
    kmalloc_trim();
}

static void start(size_t frames) {
    start_with(frames);
    trim();
}

static unsigned first_held(void) {
    size_t page = 0;
    while (page < HEAP_PAGES - 1 && !pages.held[page])
        page++;
    return page_address_of(page);
}

static void check_none_held(const char *after) {
    CHECK(pages.count == 0, "%s and kmalloc_trim was called, but the heap still holds %u pages, 0x%08x among them", after, (unsigned)pages.count,
          first_held());
}

static void take_many(unsigned n, size_t most) {
    while (n--)
        take(random_between(1, random_between(0, 3) ? 300 : most));
}

CASE(all_pages_go_back) {
    start(FRAMES);
    for (unsigned round = 0; round < 2 * ORDERS; round++) {
        take_many(300, 20000);
        drop_all(round % ORDERS);
        trim();
        check_none_held("all objects were freed");
    }
    for (unsigned i = 0; i < 3; i++)
        take(40 + 1000 * i);
    take_many(300, 20000);
    while (live > 3)
        drop(random_between(3, live));
    trim();
    CHECK(pages.count <= 3 + 16, "3 small objects are left and kmalloc_trim was called, but the heap still holds %u pages", (unsigned)pages.count);
}

CASE(few_empty_pages_wait) {
    static const size_t sizes[] = {24, 200, 1500, 4096, 10000, 500000};
    start(FRAMES);
    for (size_t i = 0; i < 6; i++) {
        for (unsigned n = 0; n < 2000 && n * sizes[i] < 2000000; n++)
            take(sizes[i]);
        drop_all(i % ORDERS);
        CHECK(pages.count <= KMALLOC_SPARE, "all objects of %u bytes were freed, but the heap holds %u pages: it may keep %u empty ones",
              (unsigned)sizes[i], (unsigned)pages.count, KMALLOC_SPARE);
        for (unsigned n = 0; n < 100; n++) {
            take(sizes[i]);
            drop(0);
        }
        CHECK(pages.count <= KMALLOC_SPARE, "one object of %u bytes came and went 100 times, and the heap holds %u pages: it may keep %u empty ones",
              (unsigned)sizes[i], (unsigned)pages.count, KMALLOC_SPARE);
    }
}

CASE(no_page_goes_that_is_in_use) {
    static const size_t sizes[] = {40, 200, 1000, 3000, 5000, 9000};
    start(FRAMES);
    for (size_t i = 0; i < 6; i++) {
        for (unsigned n = 0; n < 800 && n * sizes[i] < 1000000; n++)
            take(sizes[i]);
        size_t before = pages.count, keep = live / 20;
        while (live > keep) {
            drop(random_between(0, live));
            if (live % 50 == 0)
                trim();
        }
        trim();
        check_all("other objects were freed, and kmalloc_trim");
        CHECK(pages.count <= keep * pages_for(sizes[i] + PAGE_SIZE) + 16 && pages.count < before,
              "%u objects of %u bytes are left of %u, and kmalloc_trim was called, but the heap still holds %u pages", (unsigned)keep,
              (unsigned)sizes[i], (unsigned)(keep * 20), (unsigned)pages.count);
        take(sizes[i]);
        drop_all(FIRST_TO_LAST);
    }
    trim();
    check_none_held("all objects were freed");
    check_heap();
}

CASE(small_ones_make_room_for_a_large_one) {
    static const size_t sizes[] = {16, 104, 700, 2500};
    start(36);
    for (size_t i = 0; i < 4 * ORDERS; i++) {
        size_t size = sizes[i / ORDERS];
        doing("kmalloc(%u), until memory runs out", (unsigned)size);
        void *p, *first = NULL;
        size_t n = 0;
        for (; (p = kmalloc(size)); n++)
            if (live < MOST)
                adopt("kmalloc", p, size);
            else
                *(void **)p = first, first = p;
        CHECK(n >= 20, "memory ran out after %u objects of %u bytes, in 36 frames", (unsigned)n, (unsigned)size);
        drop_all(i % ORDERS);
        while ((p = first)) {
            first = *(void **)p;
            kfree(p);
        }
        doing("kmalloc of 24 pages, after %u objects of %u bytes were freed", (unsigned)n, (unsigned)size);
        p = kmalloc(24 * PAGE_SIZE);
        CHECK(p, "%u objects of %u bytes filled 36 frames, and were freed, but there is no room for one of 24 pages: neighbours do not become "
                 "one, or empty pages do not go back before kmalloc gives up", (unsigned)n, (unsigned)size);
        adopt("kmalloc(98304)", p, 24 * PAGE_SIZE);
        drop(0);
    }
}

CASE(memory_runs_out) {
    static const size_t sizes[] = {1, 100, 1000, 4000, 5000, 100000};
    start(FRAMES);
    take(40);
    take(3000);
    trim();
    for (size_t i = 0; i < 6; i++)
        for (unsigned gets = 0;; gets++) {
            CHECK(gets < 100, "kmalloc(%u) takes a page at a time, and after 99 of them is not done", (unsigned)sizes[i]);
            size_t before = pages.count;
            pages.gets_left = gets;
            doing("kmalloc(%u), where memory runs out after %u calls for pages", (unsigned)sizes[i], gets);
            void *p = kmalloc(sizes[i]);
            pages.gets_left = ~0u;
            check_all("a kmalloc that found no memory");
            if (p) {
                kfree(p);
                trim();
                break;
            }
            CHECK(pages.count <= before, "kmalloc(%u) found no memory, and returned NULL, but keeps %u pages that it had got by then",
                  (unsigned)sizes[i], (unsigned)(pages.count - before));
        }
    pages.most = 50;
    void *p, *last = NULL;
    doing("kmalloc(48), until memory runs out");
    for (; (p = kmalloc(48)); last = p)
        *(void **)p = last;
    CHECK(last, "memory ran out before the first object");
    for (unsigned i = 0; i < 50; i++) {
        void *next = *(void **)last;
        kfree(last);
        CHECK((last = kmalloc(48)), "memory had run out, and an object of 48 bytes was freed, but another finds no room");
        CHECK(!kmalloc(48), "memory has run out, but there is room for one more object of 48 bytes");
        *(void **)last = next;
        }
    for (; (p = last); kfree(p))
        last = *(void **)p;
    drop_all(FIRST_TO_LAST);
    trim();
    check_none_held("memory had run out, and all objects were freed");
    check_heap();
}

CASE(addresses_are_used_again) {
    start(FRAMES);
    pages.plain = true;
    for (unsigned i = 0; i < 120; i++) {
        doing("kmalloc of %u MiB, for the %uth time", 8 + i % 3, i + 1);
        void *p = kmalloc((8 + i % 3) << 20);
        CHECK(p, "kmalloc of %u MiB returns NULL after %u such objects have come and gone: the heap's addresses are not used again", 8 + i % 3, i);
        kfree(p);
    }
    trim();
    check_none_held("all objects were freed");
}

CASE(pages_are_counted) {
    start(FRAMES);
    take(1);
    for (unsigned step = 0; step < 2000; step++) {
        if (random_between(0, 2) && live < 100)
            take_many(1, 20000);
        else if (live > 1)
            drop(random_between(1, live));
        CHECK(kmalloc_pages() == pages.count, "kmalloc_pages() is %u, but the heap holds %u", (unsigned)kmalloc_pages(), (unsigned)pages.count);
        CHECK(kmalloc_peak_pages() == pages.peak, "kmalloc_peak_pages() is %u, but the heap has held %u", (unsigned)kmalloc_peak_pages(),
              (unsigned)pages.peak);
    }
    drop_all(ANY_ORDER);
    trim();
    CHECK(kmalloc_pages() == 0, "all is freed, and kmalloc_pages() is %u", (unsigned)kmalloc_pages());
    doing("kmalloc_init again, of a heap that holds no page");
    kmalloc_init(&vmem_provider);
    CHECK(kmalloc_peak_pages() == 0, "after kmalloc_init, kmalloc_peak_pages() is %u", (unsigned)kmalloc_peak_pages());
    take(100);
}
