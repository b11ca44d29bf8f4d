/* Searches for the worst single call of pm_alloc_page and of pm_free_page.
 *
 * Each call is timed by itself: while memory is filled and emptied in every order; while all but a few frames far
 * apart are taken, so that no hint left by earlier calls leads to one; and between runs that come and go. */
#include "clock.h"
#include "frames.h"
#include "log.h"
#include "measure.h"
#include "pm.h"
#include "string.h"

#define FEW 64u
#define STEPS 100000u

struct call {
    unsigned ticks, count;
    const char *pattern;
};

static struct call allocs, frees;
static unsigned overhead_alloc, overhead_free;
static const char *pattern;
static struct random chance;

static void note(struct call *call, unsigned ticks) {
    call->count++;
    if (ticks > call->ticks)
        *call = (struct call){ticks, call->count, pattern};
}

static paddr_t take(void) {
    uintptr_t pa;
    note(&allocs, clock_call(pm_alloc_page, 0, &pa) - overhead_alloc);
    return (paddr_t)pa;
}

static void give(paddr_t pa) { note(&frees, clock_call(pm_free_page, pa, NULL) - overhead_free); }

/* HELD has room for every frame. */
static void fill(struct held *held) {
    paddr_t pa;
    while ((pa = take()) != PADDR_NONE)
        held->frame[held->count++] = pa;
}

/* ---- patterns: each starts and ends with every frame held ---- */

static void forward(struct held *held) {
    size_t count = held->count;
    for (held->count = 0; held->count < count; held->count++)
        give(held->frame[held->count]);
    held->count = 0;
    fill(held);
}

static void backward(struct held *held) {
    while (held->count)
        give(held->frame[--held->count]);
    fill(held);
}

static void shuffled(struct held *held) {
    held_shuffle(held, &chance);
    backward(held);
}

/* Two holes: pm finds the one freed last at once, then has to search for the other. */
static void two_holes(struct held *held) {
    for (size_t a = 0; a < held->count; a += held->count / 97 + 1)
        for (size_t b = 1; b < held->count; b += held->count / 89 + 1) {
            if (a == b)
                continue;
            give(held->frame[a]);
            give(held->frame[b]);
            held->frame[b] = take();
            held->frame[a] = take();
        }
}

/* Up to 64 holes, far apart. */
static void few_holes(struct held *held) {
    size_t full = held->count;
    for (unsigned step = 0; step < STEPS; step++) {
        bool growing = random_below(&chance, FEW) < full - held->count;
        if (growing) {
            held->frame[held->count++] = take();
        } else {
            size_t i = random_below(&chance, held->count);
            give(held->frame[i]);
            held->frame[i] = held->frame[--held->count];
        }
    }
    fill(held);
}

/* Half of memory is free, in runs of every length; runs and single frames are allocated in turn. */
static void between_runs(struct held *held) {
    held_shuffle(held, &chance);
    held_give_from(held, held->count / 2);
    for (unsigned step = 0; step < STEPS / 10; step++) {
        size_t n = 1 + random_below(&chance, 8);
        paddr_t run = pm_alloc_pages(n), pa = take();
        if (pa != PADDR_NONE)
            held->frame[held->count++] = pa;
        for (size_t i = 0; run != PADDR_NONE && i < n; i++)
            if (random_below(&chance, 3) == 0)
                held->frame[held->count++] = run + i * PAGE_SIZE;
            else
                give(run + i * PAGE_SIZE);
        if (step % 4 == 0) {
            size_t i = random_below(&chance, held->count);
            pm_free_pages(held->frame[i], 1);
            held->frame[i] = held->frame[--held->count];
        }
    }
    fill(held);
}

static const struct {
    const char *name;
    void (*run)(struct held *held);
} patterns[] = {
    {"forward", forward},     {"backward", backward},   {"shuffled", shuffled},
    {"two holes", two_holes}, {"few holes", few_holes}, {"between runs", between_runs},
};

static void search(struct held *held) {
    for (size_t i = 0; i < ARRAY_SIZE(patterns); i++) {
        pattern = patterns[i].name;
        patterns[i].run(held);
    }
    held_shuffle(held, &chance);
    for (size_t i = 0; i < ARRAY_SIZE(patterns); i++) { /* again, with the frames shuffled */
        pattern = patterns[i].name;
        patterns[i].run(held);
    }
}

static void print_call(const char *figure, const struct call *call) {
    figure_worst(figure, call->ticks, call->count);
    kprintf("    pattern \"%s\"\n", call->pattern);
}

void bench_worst_frame(const char *name) {
    struct held held;
    size_t bytes = held_bytes();
    held.frame = area_get(name, bytes);
    if (!held.frame)
        return;
    chance = (struct random)RANDOM_SEED;
    allocs = frees = (struct call){0};
    overhead_alloc = clock_call(returns_zero, 0, NULL);
    overhead_free = clock_call(returns_nothing, 0, NULL);
    held_take_all(&held);
    search(&held);
    held_give_from(&held, 0);
    pm_check();
    print_call("pm_alloc_page-worst", &allocs);
    print_call("pm_free_page-worst", &frees);
    area_give(bytes);
}
