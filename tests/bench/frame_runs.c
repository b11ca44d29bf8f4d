/* Runs of adjacent frames.
 *
 *   run16, run256         32 live runs, replaced at random; memory half full, in clusters
 *   run16-shuffled, ...   32 runs allocated, then freed in random order; memory as before
 *   run4-scattered, ...   4 live runs, replaced at random; memory half full with random holes, most of them too
 *                         short
 *
 * A small memory has fewer than 32 runs. Only frames from a multiple of 4 MiB on are used, so that the figures
 * depend little on where the kernel ends. */
#include "clock.h"
#include "frames.h"
#include "measure.h"
#include "pm.h"
#include "string.h"

#define LIVE 32u
#define OPS 20000u
#define CLUSTER_MAX 1024u

/* Sorts HELD by frame number; MAP has a bit for each frame. */
static void sort(struct held *held, uint32_t *map) {
    size_t count = 0;
    memset(map, 0, FRAMES_MAX / 8);
    for (size_t i = 0; i < held->count; i++)
        map[pa_to_pfn(held->frame[i]) / 32] |= 1u << (pa_to_pfn(held->frame[i]) % 32);
    for (pfn_t pfn = 0; pfn < FRAMES_MAX; pfn++)
        if (bitmap_test(map, pfn))
            held->frame[count++] = pfn_to_pa(pfn);
}

/* The index of the first frame to use in HELD, which is sorted. */
static size_t first_in_play(const struct held *held) {
    size_t i = 0;
    while (i < held->count && pa_to_pfn(held->frame[i]) % CLUSTER_MAX)
        i++;
    return i;
}

/* Frees clusters of frames and keeps those between. */
static void make_clusters(struct held *held, struct random *random) {
    size_t kept = 0, i = 0;
    while (i < held->count) {
        size_t taken = random_between(random, 1, CLUSTER_MAX), given = random_between(random, 1, CLUSTER_MAX);
        for (; taken && i < held->count; taken--)
            held->frame[kept++] = held->frame[i++];
        for (; given && i < held->count; given--)
            pm_free_page(held->frame[i++]);
    }
    held->count = kept;
}

struct runs {
    size_t n;     /* frames in a run */
    size_t count; /* runs */
    paddr_t first[LIVE];
};

/* Allocates WANT runs. When memory has fewer, frees half of them again, so that pm has a choice. */
static void fill(struct runs *runs, size_t want) {
    paddr_t pa;
    runs->count = 0;
    while (runs->count < want && (pa = pm_alloc_pages(runs->n)) != PADDR_NONE)
        runs->first[runs->count++] = pa;
    for (size_t keep = runs->count < want ? (runs->count + 1) / 2 : want; runs->count > keep;)
        pm_free_pages(runs->first[--runs->count], runs->n);
}

/* OPS operations on RUNS: each frees one and allocates another in its place. */
struct stream {
    struct runs *runs;
    const uint32_t *picks; /* an op's run; a batch's are a permutation of all */
    unsigned ops;
};

static void replace(const struct frame_calls *calls, const struct stream *stream) {
    struct runs *runs = stream->runs;
    for (unsigned i = 0; i < stream->ops; i++) {
        paddr_t *run = &runs->first[stream->picks[i]];
        calls->free_run(*run, runs->n);
        *run = calls->alloc_run(runs->n);
    }
}

static void replace_in_batches(const struct frame_calls *calls, const struct stream *stream) {
    struct runs *runs = stream->runs;
    for (unsigned i = 0; i < stream->ops; i += runs->count) {
        for (unsigned j = 0; j < runs->count; j++)
            calls->free_run(runs->first[stream->picks[i + j]], runs->n);
        for (unsigned j = 0; j < runs->count; j++)
            runs->first[j] = calls->alloc_run(runs->n);
    }
}

static void choose(uint32_t *picks, unsigned ops, const struct runs *runs, bool shuffled,
                   struct random *random) {
    if (!shuffled) {
        for (unsigned i = 0; i < ops; i++)
            picks[i] = random_below(random, runs->count);
        return;
    }
    for (unsigned i = 0; i < ops; i += runs->count) {
        struct held round = {picks + i, runs->count};
        for (unsigned j = 0; j < runs->count; j++)
            picks[i + j] = j;
        held_shuffle(&round, random);
    }
}

static const struct setting {
    const char *name;
    size_t n;
    unsigned ops;
    bool shuffled, scattered;
} settings[] = {
    {"run16", 16, OPS, false, false},         {"run256", 256, OPS, false, false},
    {"run16-shuffled", 16, OPS, true, false}, {"run256-shuffled", 256, OPS, true, false},
    {"run4-scattered", 4, OPS, false, true},  {"run8-scattered", 8, OPS, false, true},
};

static void measure(const struct setting *setting, uint32_t *picks, struct random *random) {
    struct runs runs = {.n = setting->n}, pretended;
    void *run = setting->shuffled ? replace_in_batches : replace;
    fill(&runs, setting->scattered ? 4 : LIVE);
    if (runs.count == 0) {
        bench_fails(setting->name, "memory has no %zu adjacent frames", setting->n);
        return;
    }
    unsigned ops = setting->ops / runs.count * runs.count;
    choose(picks, ops, &runs, setting->shuffled, random);
    pretended = runs;
    struct stream on_pretended = {&pretended, picks, ops}, on_real = {&runs, picks, ops};
    uint64_t without = clock_loop(run, &empty_calls, &on_pretended);
    uint64_t with = clock_loop(run, &pm_calls, &on_real);
    figure_insns(setting->name, with - without, ops);
    while (runs.count)
        pm_free_pages(runs.first[--runs.count], runs.n);
}

void bench_runs(const char *name) {
    const struct setting *setting = settings;
    struct random random = RANDOM_SEED;
    struct held held;
    while (strcmp(setting->name, name) != 0)
        setting++;
    size_t bytes = held_bytes() + FRAMES_MAX / 8 + OPS * sizeof(uint32_t);
    uint32_t *area = area_get(name, bytes);
    if (!area)
        return;
    held.frame = area + FRAMES_MAX / 32 + OPS;
    held_take_all(&held);
    sort(&held, area);
    size_t aside = first_in_play(&held);
    struct held play = {held.frame + aside, held.count - aside};
    if (setting->scattered) {
        held_shuffle(&play, &random);
        held_give_from(&play, play.count / 2);
    } else {
        make_clusters(&play, &random);
    }
    held.count = aside + play.count;
    measure(setting, area + FRAMES_MAX / 32, &random);
    held_give_from(&held, 0);
    pm_check();
    area_give(bytes);
}
