/* The choices of the models, and their frames (model.h). */
#include "kmalloc.h"
#include "memlayout.h"
#include "model.h"
#include "panic.h"
#include "pm.h"
#include "vmem.h"

/* ---- choices ---- */

static const uint8_t *data; /* NULL: random numbers */
static size_t data_left;
static unsigned state;

void model_seed(unsigned seed) {
    data = NULL;
    state = seed ? seed : 1;
}

void model_read(const uint8_t *bytes, size_t n) {
    data = bytes;
    data_left = n;
}

bool model_goes_on(void) { return !data || data_left; }

/* Marsaglia's xorshift, 32 bits: every number but 0, in turn. */
static unsigned next_random(void) {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

/* BYTES bytes of DATA as a number; 0 behind its end. */
static unsigned next_data(unsigned bytes) {
    unsigned word = 0;

    for (; bytes && data_left; bytes--, data_left--)
        word = word << 8 | *data++;
    return word;
}

unsigned model_word(void) { return data ? next_data(4) : next_random(); }

unsigned model_below(unsigned limit) {
    return (data ? next_data(limit <= 256 ? 1 : limit <= 65536 ? 2 : 4) : next_random()) % limit;
}

bool model_one_in(unsigned n) { return model_below(n) == 0; }

/* 32 pages are flushed at once, a word of a bitmap has 32 bits, a table 1,024 entries, the magazine 1,024 frames. */
size_t model_length(size_t most) {
    static const uint16_t border[] = {1, 2, 31, 32, 33, 64, 1023, 1024, 1025};
    size_t n;

    switch (model_below(4)) {
    case 0:
        n = 1 + model_below(8);
        break;
    case 1:
        n = 1 + model_below((unsigned)most);
        break;
    default:
        n = border[model_below(ARRAY_SIZE(border))];
    }
    return n < most ? n : most;
}

void model_choose(struct model_range *range, size_t size) {
    if (range->n && !model_one_in(3))
        return;
    size_t n = model_length(size), first = model_below((unsigned)size);

    if (model_one_in(4)) /* it begins or ends where the last one did */
        first = model_one_in(2) ? range->first : range->first + range->n;
    if (first >= size)
        first = 0;
    *range = (struct model_range){first, n < size - first ? n : size - first};
}

/* ---- beginning and ending, frames ---- */

static paddr_t *left; /* out of the pool: the first LEFTS */
static size_t lefts;

void *model_begin(size_t size) {
    left = model_take_memory(MODEL_POOL * sizeof(*left) + size);
    lefts = 0;
    kmalloc_trim();
    model_take_frames_but(MODEL_POOL);
    return left + MODEL_POOL;
}

void model_end(void) {
    model_release();
    model_give_frames();
    model_give_memory(left);
}

void model_leave(size_t n) {
    while (pm_count().free > n && lefts < MODEL_POOL)
        left[lefts++] = pm_alloc_page();
}

void model_release(void) {
    while (lefts)
        pm_free_page(left[--lefts]);
}

bool model_leaving(void) { return lefts > 0; }

/* ---- room ---- */

char *model_area(uintptr_t start, uintptr_t end, unsigned n) {
    struct vmem_walk walk;
    unsigned found = 0;

    for (uintptr_t va = start; va < end; va += TABLE_SPAN) {
        vmem_walk((void *)va, &walk);
        found = walk.pde & PTE_PRESENT ? 0 : found + 1;
        if (found == n)
            return (char *)va - (n - 1) * TABLE_SPAN;
    }
    return NULL;
}
