/* The heap workloads W1 to W6, over any heap: the same code runs in the kernel and on the build machine.
 *
 *   W1  one 64-byte object, allocated and freed, over and over
 *   W2  10,000 objects of 32 bytes allocated, then freed in the same order, over and over
 *   W3  2,000 slots: pick one at random, free what is there, allocate anew; of the sizes 50% are 16 to 64
 *       bytes, 30% 65 to 256, 15% 257 to 2048, 5% 2049 to 8192
 *   W4  as W3, with 200 slots and sizes from 4 KiB to 64 KiB
 *   W5  2 MiB of payload in 32-byte objects; free every other live object and fill up again with objects of
 *       twice the size, until 4096 bytes; then free all
 *   W6  64 slots: pick one at random and grow it to 1.5 times its size plus 0 to 63 bytes; past 64 KiB free
 *       it and begin again at 16
 *
 * Each object's first byte is written when it is new: an object that nobody touches is no object. */
#ifndef QUIRE_BENCH_WORKLOADS_H
#define QUIRE_BENCH_WORKLOADS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* None of them fails, or returns NULL. */
struct heap {
    void *(*alloc)(size_t size);
    void (*free)(void *p);
    void *(*realloc)(void *p, size_t size);
};

/* A workload's operations, made before any clock starts. */
struct stream {
    size_t ops;      /* what a figure is divided by: pairs of alloc and free; of W6, reallocs */
    size_t payload;  /* the most bytes that are live at a time */
    void **slots;    /* the objects; all NULL before and after a run */
    uint32_t *words; /* the operations, for those workloads that have random ones */
    size_t count;
};

struct workload {
    const char *name;
    size_t scratch; /* bytes of memory, all zero, that PREPARE wants for the stream */
    void (*prepare)(struct stream *stream, void *scratch);
    void (*run)(const struct heap *heap, const struct stream *stream); /* nothing is live afterwards */
};

#define WORKLOADS 6
extern const struct workload workloads[WORKLOADS];

#endif
