/* Models: long sequences of random calls to a module of mm/, each answer compared with a simple model's.
 *
 * The same source runs in the kernel (tests/kernel/test_model.c), on the build machine over the simulated MMU
 * (tests/host/test_model.c), and under a fuzzer that makes the choices (tests/fuzz/). A difference is a panic with the
 * values. Lengths are drawn near the borders of what is tested, over ranges that meet again, and frames run out at
 * random: only in a pool of MODEL_POOL frames, or taking all others would take too long.
 *
 * Each model_ function takes STEPS steps, or as many as the choices last, and gives everything back. */
#ifndef QUIRE_TESTS_MODEL_H
#define QUIRE_TESTS_MODEL_H

#include "types.h"

void model_pm(unsigned steps);
void model_vmem(unsigned steps);
void model_space(unsigned steps);
void model_kmalloc(unsigned steps);

/* ---- choices ---- */

/* Where they come from: random numbers from SEED on, or the N bytes at DATA, which must stay where they are. */
void model_seed(unsigned seed);
void model_read(const uint8_t *data, size_t n);

/* Whether the choices last. */
bool model_goes_on(void);

unsigned model_word(void);
unsigned model_below(unsigned limit); /* in [0, LIMIT), LIMIT not 0 */
bool model_one_in(unsigned n);

/* A length in [1, MOST], often one at a border. */
size_t model_length(size_t most);

/* A part of [0, SIZE), often the last one of RANGE once more. */
struct model_range {
    size_t first, n;
};
void model_choose(struct model_range *range, size_t size);

/* ---- beginning and ending ---- */

#define MODEL_POOL 2560 /* the only frames that are free while a model runs */

/* SIZE bytes, clear, for what the model knows. From here on all frames but the pool are taken. */
void *model_begin(size_t size);
void model_end(void);

/* Takes frames out of the pool until at most N are free; puts them back. */
void model_leave(size_t n);
void model_release(void);
bool model_leaving(void);

/* ---- the surroundings: each place where models run has its own ---- */

/* An access that the tables allow. */
unsigned model_load(const void *va);
void model_store(void *va, unsigned word);

/* Fails unless CALL(ARG) panics with TEXT in its message. */
void model_refuses(const char *text, void (*call)(void *arg), void *arg);

/* Clear memory for the model itself; never NULL. One piece at a time. */
void *model_take_memory(size_t size);
void model_give_memory(void *memory);

/* Frames that nobody else has: all but N (or fewer) of the free ones are taken; given back. */
void model_take_frames_but(size_t n);
void model_give_frames(void);

/* Whether a heap call that finds no memory gives back all that it took. The debugging heaps keep pages of records. */
bool model_heap_is_exact(void);

/* After each step: what the surroundings can see besides. */
void model_look(void);

/* ---- what the models share ---- */

/* N adjacent 4 MiB areas without page tables, in [START, END); NULL where there are none. */
char *model_area(uintptr_t start, uintptr_t end, unsigned n);

#endif
