/* Single frames.
 *
 *   R  frees a random live frame, then allocates one
 *   B  allocates 100 frames (B1000: 1,000), then frees them in the same or in random order; fewer when fewer
 *      are free
 *
 * The number behind R, B and the hyphen is how full memory is, in percent (B1000: 50), with random holes. At 0, 1,000
 * frames are live. Every frame of the machine takes part. */
#include "frames.h"

#include "clock.h"
#include "measure.h"
#include "pm.h"
#include "string.h"

#define R_OPS 200000u
#define B_OPS 200000u
#define BATCH_MAX 1000u

const struct frame_calls pm_calls = {pm_alloc_page, pm_free_page, pm_alloc_pages, pm_free_pages};
const struct frame_calls empty_calls = {(void *)returns_zero, (void *)returns_nothing, (void *)returns_zero,
                                        (void *)returns_nothing};

/* ---- memory that is full to a given degree ---- */

size_t held_bytes(void) { return pm_count().free * sizeof(paddr_t); }

void held_take_all(struct held *held) {
    paddr_t pa;
    for (held->count = 0; (pa = pm_alloc_page()) != PADDR_NONE; held->count++)
        held->frame[held->count] = pa;
}

void held_shuffle(struct held *held, struct random *random) {
    for (size_t i = 0; i < held->count; i++) {
        size_t other = i + random_below(random, held->count - i);
        paddr_t pa = held->frame[i];
        held->frame[i] = held->frame[other];
        held->frame[other] = pa;
    }
}

void held_give_from(struct held *held, size_t first) {
    while (held->count > first)
        pm_free_page(held->frame[--held->count]);
}

void held_occupy(struct held *held, unsigned per_10000, struct random *random) {
    held_take_all(held);
    held_shuffle(held, random);
    size_t keep = divide((uint64_t)held->count * per_10000, 10000);
    if (keep >= held->count)
        keep = held->count - 1;
    held_give_from(held, keep > 1000 ? keep : 1000);
}

/* ---- R ---- */

struct picked {
    paddr_t *frames;
    const uint32_t *picks;
};

static void run_r(const struct frame_calls *calls, const struct picked *picked) {
    for (unsigned i = 0; i < R_OPS; i++) {
        paddr_t *frame = &picked->frames[picked->picks[i]];
        calls->free(*frame);
        *frame = calls->alloc();
    }
}

/* WORDS holds the picks; behind them lie words that the empty functions take for frames. */
static void measure_r(const char *name, struct held *held, uint32_t *words, struct random *random) {
    for (unsigned i = 0; i < R_OPS; i++)
        words[i] = random_below(random, held->count);
    struct picked pretended = {words + R_OPS, words}, real = {held->frame, words};
    uint64_t without = clock_loop(run_r, &empty_calls, &pretended);
    uint64_t with = clock_loop(run_r, &pm_calls, &real);
    figure_insns(name, with - without, R_OPS);
}

/* ---- B ---- */

struct batches {
    unsigned size;
    const uint32_t *order; /* in which a batch's frames are freed */
};

static void run_b(const struct frame_calls *calls, const struct batches *batches) {
    static paddr_t frames[BATCH_MAX];
    for (unsigned round = 0; round < B_OPS / batches->size; round++) {
        for (unsigned i = 0; i < batches->size; i++)
            frames[i] = calls->alloc();
        for (unsigned i = 0; i < batches->size; i++)
            calls->free(frames[batches->order[i]]);
    }
}

static void measure_b(const char *name, unsigned batch, bool shuffled, uint32_t *order,
                      struct random *random) {
    if (batch > pm_count().free)
        batch = pm_count().free;
    struct held numbers = {order, batch};
    for (unsigned i = 0; i < batch; i++)
        order[i] = i;
    if (shuffled)
        held_shuffle(&numbers, random);
    struct batches batches = {batch, order};
    uint64_t without = clock_loop(run_b, &empty_calls, &batches);
    uint64_t with = clock_loop(run_b, &pm_calls, &batches);
    figure_insns(name, with - without, B_OPS / batch * batch); /* NOLINT(clang-analyzer-core.DivideZero): a frame is free */
}

static const struct setting {
    const char *name;
    unsigned per_10000; /* how full memory is */
    unsigned batch;     /* 0: R */
    bool shuffled;
} settings[] = {
    {"R0", 0, 0, false},
    {"R50", 5000, 0, false},
    {"R99", 9900, 0, false},
    {"R99.99", 9999, 0, false},
    {"B0", 0, 100, false},
    {"B50", 5000, 100, false},
    {"B99", 9900, 100, false},
    {"B1000", 5000, 1000, false},
    {"B1000-99", 9900, 1000, false},
    {"B1000-shuffled", 5000, 1000, true},
};

void bench_frames(const char *name) {
    const struct setting *setting = settings;
    struct random random = RANDOM_SEED;
    struct held held;
    while (strcmp(setting->name, name) != 0)
        setting++;
    size_t bytes = held_bytes();
    uint32_t *area = area_get(name, 2 * bytes + R_OPS * sizeof(uint32_t));
    if (!area)
        return;
    held.frame = area;
    uint32_t *words = area + bytes / sizeof(uint32_t);
    held_occupy(&held, setting->per_10000, &random);
    if (setting->batch)
        measure_b(name, setting->batch, setting->shuffled, words, &random);
    else
        measure_r(name, &held, words, &random);
    held_give_from(&held, 0);
    pm_check();
    area_give(2 * bytes + R_OPS * sizeof(uint32_t));
}
