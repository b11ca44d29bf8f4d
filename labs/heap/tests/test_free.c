/* Lab heap, exercise free: kfree, of what kmalloc returned. Memory is short here, so what was freed must be used again.
 *
 * How large objects are, and which pages go back, are other exercises: of each object only the first half is used here. */
#include "heap.h"

#define SCARCE 300u /* frames */

static void start(size_t frames) {
    pages.forgiving = true;
    start_with(frames);
    doing("kfree(NULL)");
    kfree(NULL);
}

static void take_again(size_t size, unsigned times) {
    doing("kmalloc(%u)", (unsigned)size);
    void *p = kmalloc(size);
    CHECK(p || times, "kmalloc(%u) returns NULL, though memory is free", (unsigned)size);
    CHECK(p, "kmalloc(%u) returns NULL, with %u objects live: %u were freed before, and their memory is not used again", (unsigned)size,
          (unsigned)live, times);
    adopt("kmalloc", p, size);
}

CASE(its_neighbours_stay) {
    static const size_t sizes[] = {40, 104, 1000, 5000};
    start(SCARCE);
    for (size_t i = 0; i < 4; i++)
        for (unsigned round = 0; round < 3; round++) {
            for (unsigned n = 0; n < 9; n++)
                take(sizes[i]);
            for (unsigned n = 7; n < 9; n -= 2) { /* every other one, the last one first */
                doing("kfree of an object of %u bytes, whose neighbours are live", (unsigned)sizes[i]);
                unsigned char *p = objects[n].p;
                objects[n] = objects[--live];
                kfree(p);
                check_all("its neighbour was freed");
            }
            for (unsigned n = 0; n < 4; n++)
                take(sizes[i]);
            check_all("objects came where others were freed");
            drop_all(round);
        }
    CHECK(pages.peak <= 60, "9 objects at a time, of 5000 bytes at most, took %u pages: what is freed is not used again", (unsigned)pages.peak);
}

CASE(one_comes_and_goes) {
    static const size_t sizes[] = {1, 40, 300, 2000};
    start(SCARCE);
    for (size_t i = 0; i < 4; i++) {
        take(sizes[i]);
        for (unsigned times = 0; times < 40000 && times * sizes[i] < 8000000; times++) {
            take_again(sizes[i], times);
            drop(live - 1);
        }
    }
}

CASE(many_come_and_go) {
    static const size_t sizes[] = {24, 100, 700};
    unsigned times = 0;
    start(SCARCE);
    for (size_t i = 0; i < 3; i++) {
        for (unsigned round = 0; round < 4 * ORDERS; round++) {
            for (unsigned n = 0; n < 400; n++)
                take_again(sizes[i], times++);
            drop_all(round % ORDERS);
        }
    }
    check_heap();
    CHECK(pages.peak < 200, "400 objects of 700 bytes at a time took %u pages: 80 would do", (unsigned)pages.peak);
}

CASE(large_ones_too) {
    static const size_t sizes[] = {5000, 20000, 100000};
    unsigned times = 0;
    start(SCARCE);
    for (size_t i = 0; i < 3; i++)
        for (unsigned round = 0; round < 50 * ORDERS; round++) {
            for (unsigned n = 0; n < 3; n++)
                take_again(sizes[i], times++);
            drop_all(round % ORDERS);
        }
}

CASE(the_others_keep_their_contents) {
    unsigned times = 0;
    start(200);
    for (unsigned step = 0; step < 12000; step++) {
        if (live < 20 || (live < 150 && random_between(0, 2))) {
            take_again(random_between(1, random_between(0, 4) ? 200 : 1500), times);
        } else {
            drop(random_between(0, live));
            times++;
        }
        if (step % 500 == 0)
            check_all("other objects came and went");
    }
    check_heap();
}
