/* Shared by the frame benchmarks: memory that is full to a given degree. */
#ifndef QUIRE_BENCH_FRAMES_H
#define QUIRE_BENCH_FRAMES_H

#include "random.h"
#include "types.h"

/* pm, or empty functions. */
struct frame_calls {
    paddr_t (*alloc)(void);
    void (*free)(paddr_t pa);
    paddr_t (*alloc_run)(size_t n);
    void (*free_run)(paddr_t pa, size_t n);
};

extern const struct frame_calls pm_calls, empty_calls;

/* The frames that a benchmark holds. FRAME has room for all frames of the machine. */
struct held {
    paddr_t *frame;
    size_t count;
};

/* The bytes that the FRAME array of a struct held takes. */
size_t held_bytes(void);

void held_take_all(struct held *held); /* every frame that is free */
void held_shuffle(struct held *held, struct random *random);
void held_give_from(struct held *held, size_t first); /* gives back all but the first FIRST */

/* Takes every frame, then gives random ones back, until PER_10000 ten-thousandths are held, and at least 1,000. */
void held_occupy(struct held *held, unsigned per_10000, struct random *random);

#endif
