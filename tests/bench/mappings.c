/* Mappings: an op is one page mapped and unmapped, flushes included.
 *
 *   map1, map16, map256           N pages at once, to the caller's frames
 *   map1new, map16new, map256new  N pages at once, with frames from pm
 *   maptable                      one page whose page table comes and goes with it
 *
 * In all but maptable a neighbouring page keeps the page table. */
#include "clock.h"
#include "measure.h"
#include "pm.h"
#include "string.h"
#include "vmem.h"

struct map_calls {
    int (*map)(void *va, paddr_t pa, unsigned flags);
    int (*unmap)(void *va);
    int (*map_range)(void *va, paddr_t pa, size_t pages, unsigned flags);
    int (*unmap_range)(void *va, size_t pages);
    int (*alloc_range)(void *va, size_t pages, unsigned flags);
    int (*free_range)(void *va, size_t pages);
};

static const struct map_calls vmem_calls = {vmem_map,         vmem_unmap,       vmem_map_range,
                                            vmem_unmap_range, vmem_alloc_range, vmem_free_range};
static const struct map_calls empty_calls = {(void *)returns_zero, (void *)returns_zero,
                                             (void *)returns_zero, (void *)returns_zero,
                                             (void *)returns_zero, (void *)returns_zero};

/* The neighbour, and behind it the pages: all in one page table. */
#define NEIGHBOUR ((char *)BENCH_MAPPINGS)
#define PAGES (NEIGHBOUR + PAGE_SIZE)

static void one(const struct map_calls *calls, paddr_t frames, size_t pages) {
    (void)pages;
    calls->map(PAGES, frames, VMEM_WRITE);
    calls->unmap(PAGES);
}

static void given(const struct map_calls *calls, paddr_t frames, size_t pages) {
    calls->map_range(PAGES, frames, pages, VMEM_WRITE);
    calls->unmap_range(PAGES, pages);
}

static void with_frames(const struct map_calls *calls, paddr_t frames, size_t pages) {
    (void)frames;
    calls->alloc_range(PAGES, pages, VMEM_WRITE);
    calls->free_range(PAGES, pages);
}

static const struct setting {
    const char *name;
    size_t pages;
    unsigned rounds;
    void (*round)(const struct map_calls *calls, paddr_t frames, size_t pages);
    bool neighbour;
} settings[] = {
    {"map1", 1, 100000, one, true},
    {"map16", 16, 10000, given, true},
    {"map256", 256, 1000, given, true},
    {"map1new", 1, 100000, with_frames, true},
    {"map16new", 16, 10000, with_frames, true},
    {"map256new", 256, 1000, with_frames, true},
    {"maptable", 1, 1000, one, false},
};

struct rounds {
    const struct setting *setting;
    paddr_t frames;
};

static void run(const struct map_calls *calls, const struct rounds *rounds) {
    const struct setting *setting = rounds->setting;
    for (unsigned i = 0; i < setting->rounds; i++)
        setting->round(calls, rounds->frames, setting->pages);
}

void bench_mappings(const char *name) {
    const struct setting *setting = settings;
    while (strcmp(setting->name, name) != 0)
        setting++;
    if (!frames_suffice(name, 2 * setting->pages + 4))
        return;
    paddr_t frames = pm_alloc_pages(setting->pages);
    if (frames == PADDR_NONE) {
        bench_fails(name, "memory has no %zu adjacent frames", setting->pages);
        return;
    }
    if (setting->neighbour)
        vmem_map(NEIGHBOUR, frames, 0);
    struct rounds rounds = {setting, frames};
    uint64_t without = clock_loop(run, &empty_calls, &rounds);
    uint64_t with = clock_loop(run, &vmem_calls, &rounds);
    figure_insns(name, with - without, setting->rounds * setting->pages);
    if (setting->neighbour)
        vmem_unmap(NEIGHBOUR);
    pm_free_pages(frames, setting->pages);
    vmem_check();
}
