/* Lab heap, exercise allocate: kmalloc. Nothing is freed here. */
#include "heap.h"

static void start(void) {
    whole = true;
    start_with(FRAMES);
}

CASE(an_object) {
    start();
    take(100);
    take(1);
    take(100);
    check_all("kmalloc was called three times");
    CHECK(objects[0].p != objects[2].p && objects[0].p != objects[1].p, "two objects have the same address, 0x%08x", AS_NUMBER(objects[0].p));
}

CASE(aligned) {
    static const size_t larger[] = {2000, 3000, 4000, 4080, 4096, 4097, 5000, 20000, 65536, 100000};
    start();
    for (size_t i = 1; i <= 600 + sizeof larger / sizeof larger[0]; i++) {
        size_t size = i <= 600 ? i : larger[i - 601];
        unsigned char *p = take(size)->p;
        CHECK(AS_NUMBER(p) % 8 == 0, "kmalloc(%u) returns 0x%08x: no multiple of 8", (unsigned)size, AS_NUMBER(p));
        CHECK(size < 16 || AS_NUMBER(p) % 16 == 0, "kmalloc(%u) returns 0x%08x: an object of 16 bytes or more lies at a multiple of 16",
              (unsigned)size, AS_NUMBER(p));
    }
}

/* The object that came last lies in no other. */
static void check_apart(void) {
    const struct object *o = &objects[live - 1];
    for (size_t i = 0; i < live - 1; i++)
        CHECK(objects[i].p + objects[i].size <= o->p || o->p + o->size <= objects[i].p,
              "kmalloc(%u) returns 0x%08x, but the object of %u bytes at 0x%08x ends at 0x%08x: the two overlap", (unsigned)o->size,
              AS_NUMBER(o->p), (unsigned)objects[i].size, AS_NUMBER(objects[i].p), AS_NUMBER(objects[i].p + objects[i].size));
}

CASE(each_byte_is_its_own) {
    char after[80];
    start();
    for (size_t i = 1; i <= 500; i++) {
        size_t size = i <= 200 ? i : random_between(1, 3000);
        take(size);
        check_apart();
        snprintf(after, sizeof after, "kmalloc(%u), and writing to each of its bytes", (unsigned)size);
        for (size_t back = 2; back < 5 && back <= live; back++)
            check_bytes(&objects[live - back], objects[live - back].size, after);
        if (i % 50 == 0)
            check_all(after);
    }
    check_heap();
}

CASE(larger_than_a_page) {
    static const size_t sizes[] = {4000, 4080, 4081, 4095, 4096, 4097, 5000, 8176, 8192, 8193, 12289, 65536, 100000, 1 << 20};
    start();
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        take(sizes[i]);
        check_apart();
        take(40);
        check_apart();
    }
    check_all("objects of a page and more were written to");
    check_heap();
}

CASE(nothing_is_no_object) {
    start();
    take(40);
    size_t before = pages.count;
    doing("kmalloc(0)");
    for (unsigned i = 0; i < 1000; i++)
        CHECK(!kmalloc(0), "kmalloc(0) is an address: no bytes are no object, but NULL");
    CHECK(pages.count == before, "kmalloc(0) takes memory");
    take(40);
    check_apart();
}

static void refuse(size_t size) {
    size_t before = pages.count;
    doing("kmalloc(0x%08x)", (unsigned)size);
    void *p = kmalloc(size);
    CHECK(!p, "kmalloc(0x%08x) returns 0x%08x, though there are only 4096 frames: does a sum with the size wrap around?", (unsigned)size,
          AS_NUMBER(p));
    CHECK(pages.count <= before, "kmalloc(0x%08x) returns NULL, and keeps %u pages", (unsigned)size, (unsigned)(pages.count - before));
}

CASE(too_much_is_refused) {
    static const size_t sizes[] = {4097 * PAGE_SIZE, 0x2FFFFFFF, 0x30000000, 0x40000000, 0x7FFFFFFF, 0x80000000, 0xC0000000, 0xFFFF0000};
    start();
    take(40);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        refuse(sizes[i]);
    for (size_t i = 1; i <= 80; i++)
        refuse(-i);
    for (size_t i = 1; i <= 16; i++) {
        refuse(-i * 256);
        refuse(-(i - 1) * PAGE_SIZE - 4095);
    }
    take(40);
    check_apart();
    check_all("too much was asked for");
    check_heap();
}

static void share(size_t n, size_t size, size_t most) {
    size_t before = pages.count;
    for (size_t i = 0; i < n; i++)
        take(size);
    CHECK(pages.count - before <= most, "%u objects of %u bytes take %u pages: %u would be plenty", (unsigned)n, (unsigned)size,
          (unsigned)(pages.count - before), (unsigned)most);
}

CASE(small_objects_share_pages) {
    start();
    share(1000, 32, 60); /* with all that one may know of an object, and more */
    share(500, 200, 120);
    share(10, 20000, 100);
}
