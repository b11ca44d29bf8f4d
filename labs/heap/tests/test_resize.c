/* Lab heap, exercise resize: kzalloc, krealloc and kmalloc_aligned. */
#include "heap.h"

static const size_t sizes[] = {1, 8, 24, 104, 1000, 3000, 8192, 20480, 65536};
#define SIZES (sizeof sizes / sizeof sizes[0])

static void start(size_t frames) {
    whole = true;
    pages.forgiving = frames > 0; /* 0: as many as there are, and a page that has gone back is gone */
    frames = frames ? frames : FRAMES;
    start_with(frames);
    doing("kzalloc(0), krealloc(NULL, 0) and kmalloc_aligned(0, 64)");
    kzalloc(0);
    krealloc(NULL, 0);
    kmalloc_aligned(0, 64);
}

/* ---- kzalloc ---- */

CASE(cleared) {
    start(FRAMES);
    for (unsigned round = 0; round < 3; round++)
        for (size_t i = 0; i < SIZES; i++) {
            doing("kzalloc(%u)", (unsigned)sizes[i]);
            unsigned char *p = kzalloc(sizes[i]);
            CHECK(p, "kzalloc(%u) returns NULL, though memory is free", (unsigned)sizes[i]);
            check_place("kzalloc", p, sizes[i]);
            for (size_t at = 0; at < sizes[i]; at++)
                CHECK(p[at] == 0, "kzalloc(%u): byte %u is 0x%02x, not clear", (unsigned)sizes[i], (unsigned)at, p[at]);
            memset(p, 0xEE, sizes[i]);
            if (round)
                kfree(p);
        }
    doing("kzalloc(0x40000000)");
    CHECK(!kzalloc(0x40000000), "kzalloc(0x40000000) is an object");
    doing("kzalloc where memory has run out");
    pages.gets_left = 0;
    CHECK(!kzalloc(200 * PAGE_SIZE), "kzalloc is an object where memory has run out");
}

/* ---- krealloc ---- */

/* Object I gets SIZE bytes. */
static void resize(size_t i, size_t size) {
    char call[80];
    struct object *o = &objects[i];
    size_t old = o->size;
    snprintf(call, sizeof call, "krealloc(0x%08x, %u), of %u bytes before", AS_NUMBER(o->p), (unsigned)size, (unsigned)old);
    doing("%s: it may read the %u bytes that are there, and write to the %u that will be", call, (unsigned)(old < size ? old : size),
          (unsigned)size);
    o->size = 0; /* its pages may go back */
    void *p = krealloc(o->p, size);
    CHECK(p, "%s returns NULL, though %u of %u frames are free", call, (unsigned)(pages.most - pages.count), (unsigned)pages.most);
    check_place(call, p, size);
    o->p = p;
    for (size_t at = 0; at < old && at < size; at++)
        CHECK(o->p[at] == byte_of(o, at), "%s: byte %u was 0x%02x and is 0x%02x: the contents are to be kept", call, (unsigned)at,
              byte_of(o, at), o->p[at]);
    o->size = size;
    fill(o);
}

CASE(resized) {
    start(0);
    for (size_t i = 0; i < SIZES; i++)
        for (size_t j = 0; j < SIZES; j++) {
            take(sizes[i]);
            resize(live - 1, sizes[j]);
            resize(live - 1, sizes[i]);
            drop(live - 1);
        }
    take(8);
    for (size_t size = 24; size < 3000; size += 16)
        resize(live - 1, size);
    drop(live - 1);
}

/* Each is resized with others all around it. */
CASE(resized_among_others) {
    static const size_t small[] = {8, 24, 40, 104, 216, 1000, 2008};
    start(FRAMES);
    for (unsigned i = 0; i < 200; i++)
        take(small[i % 7]);
    for (unsigned step = 0; step < 3000; step++) {
        resize(random_between(0, live), small[random_between(0, 7)]);
        if (step % 10 == 0)
            check_all("other objects were resized");
        if (step % 10 == 5) { /* leaves holes */
            drop(random_between(0, live));
            take(small[random_between(0, 7)]);
        }
    }
}

#define SCARCE 300u /* frames */

CASE(from_nothing_and_to_nothing) {
    start(SCARCE);
    for (unsigned i = 0; i < 20000; i++) {
        size_t size = i % 100 ? 104 : 20480;
        doing("krealloc(NULL, %u)", (unsigned)size);
        void *p = krealloc(NULL, size);
        CHECK(p || i == 0, "krealloc(NULL, %u) returns NULL after %u times: krealloc(p, 0) does not free", (unsigned)size, i);
        CHECK(p, "krealloc(NULL, %u) returns NULL: it is to allocate", (unsigned)size);
        adopt("krealloc(NULL, size)", p, size);
        live--;
        doing("krealloc(0x%08x, 0)", AS_NUMBER(p));
        CHECK(!krealloc(p, 0), "krealloc(p, 0) is not NULL: it is to free");
    }
}

CASE(the_old_place_is_freed) {
    static const size_t steps[] = {24, 104, 1000, 20480, 1000, 24};
    start(SCARCE);
    take(40);
    for (unsigned i = 0; i < 6000; i++) {
        doing("krealloc(p, %u)", (unsigned)steps[i % 6]);
        void *p = krealloc(objects[0].p, steps[i % 6]);
        CHECK(p, "krealloc returns NULL after %u times, with a single object live: the place that it moves away from is not freed", i);
        objects[0].p = p;
    }
}

/* Object 0 is as it was, and still an object. */
static void check_kept(const char *call) {
    const struct object *o = &objects[0];
    doing("kmalloc, after %s had returned NULL", call);
    for (unsigned i = 0; i < 100; i++)
        CHECK(kmalloc(o->size) != o->p, "%s returned NULL, so the object stays the caller's, but its place is handed out again: it was freed",
              call);
    for (size_t i = 0; i < o->size; i++)
        CHECK(o->p[i] == byte_of(o, i), "%s returned NULL, so the object stays as it was, but byte %u was 0x%02x and is 0x%02x", call, (unsigned)i,
              byte_of(o, i), o->p[i]);
}

CASE(memory_runs_out) {
    for (size_t i = 0; i < SIZES; i++) {
        char call[60];
        if (i == 0)
            start(FRAMES);
        pages.gets_left = ~0u;
        live = 0;
        take(sizes[i]);
        pages.gets_left = 0;
        snprintf(call, sizeof call, "krealloc from %u to 1000000 bytes", (unsigned)sizes[i]);
        doing("%s, memory having run out", call);
        CHECK(!krealloc(objects[0].p, 1000000), "%s succeeds, though memory has run out", call);
        check_kept(call);
        snprintf(call, sizeof call, "krealloc from %u to 0x40000000 bytes", (unsigned)sizes[i]);
        doing("%s", call);
        CHECK(!krealloc(objects[0].p, 0x40000000), "%s succeeds", call);
        check_kept(call);
        pages.gets_left = ~0u;
        resize(0, 24576);
        drop(0);
    }
}

/* ---- kmalloc_aligned ---- */

static void align_strangely(uintptr_t size, uintptr_t align) { kmalloc_aligned(size, align); }

CASE(aligned) {
    static const size_t strange[] = {0, 3, 24, 4097, 0xFFFFFFFF};
    char call[60];
    start(FRAMES);
    for (unsigned round = 0; round < 2; round++) {
        for (size_t align = 1; align <= 65536; align *= 2)
            for (size_t i = 0; i < SIZES - 1; i++) {
                snprintf(call, sizeof call, "kmalloc_aligned(%u, %u)", (unsigned)sizes[i], (unsigned)align);
                doing("%s", call);
                void *p = kmalloc_aligned(sizes[i], align);
                CHECK(p, "%s returns NULL, though memory is free", call);
                CHECK(align <= 16 || AS_NUMBER(p) % align == 0, "%s returns 0x%08x: that is no multiple of %u", call, AS_NUMBER(p),
                      (unsigned)align);
                adopt(call, p, sizes[i]);
            }
        check_all("aligned objects were written to");
        drop_all(ANY_ORDER);
    }
    doing("kmalloc_aligned(64, 0x80000000)");
    CHECK(!kmalloc_aligned(64, 0x80000000), "kmalloc_aligned(64, 0x80000000) is an object: no address of the heap is such a multiple");
    doing("kmalloc_aligned(0xfffff800, 65536)");
    CHECK(!kmalloc_aligned(0xFFFFF800, 65536), "kmalloc_aligned(0xfffff800, 65536) is an object: does size + align wrap around?");
    for (size_t i = 0; i < sizeof strange / sizeof strange[0]; i++)
        MUST_PANIC(align_strangely, 64, strange[i], "kmalloc_aligned(64, %u) takes %u for a power of two", (unsigned)strange[i],
                   (unsigned)strange[i]);
}
