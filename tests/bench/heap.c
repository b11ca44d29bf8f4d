/* W1 to W6 in the kernel, over the heap as it ships: a figure includes getting pages and mapping them. */
#include "clock.h"
#include "format.h"
#include "kmalloc.h"
#include "measure.h"
#include "string.h"
#include "workloads.h"

static const struct heap quire = {kmalloc, kfree, krealloc};
static const struct heap empty = {(void *)returns_object, (void *)returns_nothing, (void *)returns_first};

static uint64_t ticks_of(const struct workload *workload, const struct heap *heap,
                         const struct stream *stream) {
    return clock_loop(workload->run, heap, stream);
}

static void measure(const struct workload *workload, const struct stream *stream) {
    char name[32];
    kmalloc_init(&vmem_provider); /* resets the peak */
    uint64_t without = ticks_of(workload, &empty, stream), with = ticks_of(workload, &quire, stream);
    size_t peak = kmalloc_peak_pages();
    kmalloc_check();
    kmalloc_trim();
    figure_insns(workload->name, with - without, stream->ops);
    format_buffer(name, sizeof(name), "%s-footprint", workload->name);
    if (strcmp(workload->name, "W1") != 0) /* W1 has a single object */
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
