/* What the benchmarks of frames share: memory that is full to a given degree. */
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

/* Frames held by a benchmark; FRAME has room for every one there is. */
struct held {
    paddr_t *frame;
    size_t count;
};

/* Bytes of memory that a struct held wants for its frames. */
size_t held_bytes(void);

void held_take_all(struct held *held); /* every frame that is free */
void held_shuffle(struct held *held, struct random *random);
void held_give_from(struct held *held, size_t first); /* gives back all but the first FIRST */

/* Gives back all but so many hundredths of a percent, but never all but 1,000: what is left are holes at
 * random. */
void held_occupy(struct held *held, unsigned per_10000, struct random *random);

#endif
