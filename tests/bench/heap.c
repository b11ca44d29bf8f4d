/* W1 to W6 in the kernel, over the heap as it ships: getting pages and mapping them is part of the figure. */
#include "cpu.h"
#include "format.h"
#include "kmalloc.h"
#include "measure.h"
#include "string.h"
#include "workloads.h"

static char object[16]; /* the one that empty functions know */

static void *empty_alloc(size_t size) {
    (void)size;
    return object;
}

static void empty_free(void *p) { (void)p; }

static void *empty_realloc(void *p, size_t size) {
    (void)size;
    return p;
}

static const struct heap quire = {kmalloc, kfree, krealloc}, empty = {empty_alloc, empty_free, empty_realloc};

static uint64_t ticks_of(const struct workload *workload, const struct heap *heap,
                         const struct stream *stream) {
    uint64_t start = rdtsc();
    workload->run(heap, stream);
    return rdtsc() - start;
}

static void measure(const struct workload *workload, const struct stream *stream) {
    char name[32];
    kmalloc_init(&vmem_provider); /* the peak starts afresh */
    uint64_t without = ticks_of(workload, &empty, stream), with = ticks_of(workload, &quire, stream);
    size_t peak = kmalloc_peak_pages();
    kmalloc_check();
    kmalloc_trim();
    figure_insns(workload->name, with - without, stream->ops);
    format_buffer(name, sizeof(name), "%s-footprint", workload->name);
    if (strcmp(workload->name, "W1") != 0) /* of a single object it would say nothing */
        figure_footprint(name, peak * PAGE_SIZE, stream->payload);
}

void bench_workload(const char *name) {
    const struct workload *workload = workloads;
    struct stream stream;
    while (strcmp(workload->name, name) != 0)
        workload++;
    void *scratch = area_get(name, workload->scratch);
    if (!scratch)
        return;
    workload->prepare(&stream, scratch);
    if (frames_suffice(name, 6 * pages_for(stream.payload)))
        measure(workload, &stream);
    area_give(workload->scratch);
}
