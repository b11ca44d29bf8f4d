/* The heap workloads W1 to W6, over any heap, in the kernel and on the build machine.
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
 * The first byte of each new object is written, so that every object is really there. */
#ifndef QUIRE_BENCH_WORKLOADS_H
#define QUIRE_BENCH_WORKLOADS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Functions that never fail. */
struct heap {
    void *(*alloc)(size_t size);
    void (*free)(void *p);
    void *(*realloc)(void *p, size_t size);
};

/* A workload's operations, prepared before the clock starts. */
struct stream {
    size_t ops;      /* a figure is per op: a pair of alloc and free; in W6 a realloc */
    size_t payload;  /* the most bytes ever live */
    void **slots;    /* the objects; all NULL before and after a run */
    uint32_t *words; /* the operations, where they are random */
    size_t count;
};

struct workload {
    const char *name;
    size_t scratch; /* zeroed bytes that PREPARE takes for the stream */
    void (*prepare)(struct stream *stream, void *scratch);
    void (*run)(const struct heap *heap, const struct stream *stream); /* frees everything */
};

#define WORKLOADS 6
extern const struct workload workloads[WORKLOADS];

#endif
