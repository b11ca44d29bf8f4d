/* Mappings: one op is a page mapped and unmapped, flushes included.
 *
 *   map1, map16, map256           so many pages at once, to frames that the caller has
 *   map1new, map16new, map256new  so many pages at once, with frames from pm
 *   maptable                      one page, where no page table is: it comes and goes with the page
 *
 * All but the last have a neighbour, which keeps their page table. */
#include "cpu.h"
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

static int empty_map(void *va, paddr_t pa, unsigned flags) {
    (void)va, (void)pa, (void)flags;
    return 0;
}

static int empty_unmap(void *va) {
    (void)va;
    return 0;
}

static int empty_map_range(void *va, paddr_t pa, size_t pages, unsigned flags) {
    (void)va, (void)pa, (void)pages, (void)flags;
    return 0;
}

static int empty_unmap_range(void *va, size_t pages) {
    (void)va, (void)pages;
    return 0;
}

static int empty_alloc_range(void *va, size_t pages, unsigned flags) {
    (void)va, (void)pages, (void)flags;
    return 0;
}

static const struct map_calls vmem_calls = {vmem_map,         vmem_unmap,       vmem_map_range,
                                            vmem_unmap_range, vmem_alloc_range, vmem_free_range},
                              empty_calls = {empty_map,         empty_unmap,       empty_map_range,
                                             empty_unmap_range, empty_alloc_range, empty_unmap_range};

/* Where they are mapped, so that no table is left over at either end; the neighbour comes before. */
#define NEIGHBOUR ((char *)BENCH_MAPPINGS)
#define PAGES (NEIGHBOUR + PAGE_SIZE)

static void one(const struct map_calls *volatile calls, paddr_t frames, size_t pages) {
    (void)pages;
    calls->map(PAGES, frames, VMEM_WRITE);
    calls->unmap(PAGES);
}

static void given(const struct map_calls *volatile calls, paddr_t frames, size_t pages) {
    calls->map_range(PAGES, frames, pages, VMEM_WRITE);
    calls->unmap_range(PAGES, pages);
}

static void with_frames(const struct map_calls *volatile calls, paddr_t frames, size_t pages) {
    (void)frames;
    calls->alloc_range(PAGES, pages, VMEM_WRITE);
    calls->free_range(PAGES, pages);
}

static const struct setting {
    const char *name;
    size_t pages;
    unsigned rounds;
    void (*round)(const struct map_calls *volatile calls, paddr_t frames, size_t pages);
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

__attribute__((noinline)) static uint64_t ticks_of(const struct setting *setting,
                                                   const struct map_calls *volatile calls, paddr_t frames) {
    uint64_t start = rdtsc();
    for (unsigned i = 0; i < setting->rounds; i++)
        setting->round(calls, frames, setting->pages);
    return rdtsc() - start;
}

void bench_mappings(const char *name) {
    const struct setting *setting = settings;
    while (strcmp(setting->name, name) != 0)
        setting++;
    paddr_t frames = pm_alloc_pages(setting->pages);
    if (frames == PADDR_NONE || !frames_suffice(name, setting->pages + 4)) {
        bench_fails(name, "memory has no %zu adjacent frames and as many more", setting->pages);
        return;
    }
    if (setting->neighbour)
        vmem_map(NEIGHBOUR, frames, 0);
    uint64_t without = ticks_of(setting, &empty_calls, frames), with = ticks_of(setting, &vmem_calls, frames);
    figure_insns(name, with - without, setting->rounds * setting->pages);
    if (setting->neighbour)
        vmem_unmap(NEIGHBOUR);
    pm_free_pages(frames, setting->pages);
    vmem_check();
}
