/* bench_heap HEAP WORKLOAD: runs one of W1 to W6 over a heap on the build machine, and prints two figures.
 *
 *   time       nanoseconds of processor time per op, loop and calls included: the median of several runs, after a
 *              warm-up. (Subtracting the time of empty functions would mean nothing: the processor overlaps most of
 *              it with the heap's work.)
 *   footprint  peak footprint / peak payload. The footprint is the memory that the process has written since before
 *              the first object, sampled often; each page of each object is written.
 *
 * HEAP is
 *
 *   kernel  kmalloc over mm/'s own vmem and pm, which edit page tables in plain memory (include/cpu.h): all that the
 *           kernel does, except flushes. No footprint, since it gives no memory back to the system.
 *   pages   kmalloc over tests/host/pages.c: pages come from the system and go back to it, with a page fault at the
 *           first access
 *   malloc  the process's malloc, free and realloc: the C library's, or those of a preloaded library
 *
 * All are called through pointers. kmalloc has no lock, as in the kernel. Copying is the C library's in all of
 * them. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "../../host/pages.h"
#include "../workloads.h"
#include "cpu.h"
#include "frames.h"
#include "interrupt.h"
#include "kmalloc.h"
#include "panic.h"
#include "vmem.h"

#define FRAMES (1u << 16) /* of the machine that pm is told of: 256 MiB */
#define LOOKS 1000
#define RUNS_MAX 25
#define TIME_ENOUGH 100000000 /* ns */

unsigned bench_window[1 << 20], bench_scratch[1024];

/* ---- what mm/ needs from a kernel (mm/imports.txt) ---- */

/* linker.ld's symbols. */
char kernel_start[1], rodata_end[1], symtab_start[1], kernel_end[1], boot_stack_guard[1],
    fault_stack_guard[1];

/* mm/ is built with the kernel's stack protector. */
extern uintptr_t __stack_chk_guard;
uintptr_t __stack_chk_guard = 0x00DEAD0A;

paddr_t get_page_directory(void) { return PADDR_NONE; }
void set_page_directory(paddr_t directory) { (void)directory; }
void enable_paging(void) {}
uint8_t irqs_served;

static _Noreturn void fail(const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    fprintf(stderr, "bench_heap: ");
    vfprintf(stderr, fmt, args);
    fprintf(stderr, "\n");
    va_end(args);
    exit(1);
}

void panic_about(const void *address) { (void)address; }
void panic_advise(const char *advice) { (void)advice; }

void panic_at(const char *file, int line, const char *fmt, ...) {
    char text[256];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    fail("PANIC: %s (%s:%d)", text, file, line);
}

/* ---- heaps ---- */

static const struct heap quire = {kmalloc, kfree, krealloc}, libc = {malloc, free, realloc};

static void reserve(void) {
    if (!host_pages_reserve(false))
        fail("0x%08x to 0x%08x is not free here; try setarch -R", KHEAP_START, KHEAP_END);
}

static void start_kernel(void) {
    static memmap_frames frames;
    reserve();
    bitmap_fill(frames, pa_to_pfn(LOW_MEMORY_END), FRAMES, true);
    pm_init(frames);
    pm_record_frames();
    kmalloc_init(&vmem_provider);
}

static void start_pages(void) {
    reserve();
    kmalloc_init(&host_pages);
}

static void start_nothing(void) {}

static const struct {
    const char *name;
    const struct heap *heap;
    void (*start)(void);
    bool gives_back;
} heaps[] = {
    {"kernel", &quire, start_kernel, false},
    {"pages", &quire, start_pages, true},
    {"malloc", &libc, start_nothing, true},
};

/* ---- time ---- */

static long long nanoseconds(const struct workload *workload, const struct heap *heap,
                             const struct stream *stream) {
    struct timespec from, to;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
    workload->run(heap, stream);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
    return (to.tv_sec - from.tv_sec) * 1000000000ll + (to.tv_nsec - from.tv_nsec);
}

static int compare(const void *a, const void *b) {
    long long x = *(const long long *)a, y = *(const long long *)b;
    return (x > y) - (x < y);
}

static long long median_run(const struct workload *workload, const struct heap *heap,
                            const struct stream *stream) {
    long long run[RUNS_MAX], total = nanoseconds(workload, heap, stream);
    int runs = 0;
    while (runs < 3 || (runs < RUNS_MAX && total < TIME_ENOUGH))
        total += run[runs++] = nanoseconds(workload, heap, stream);
    qsort(run, (size_t)runs, sizeof(*run), compare);
    return run[runs / 2];
}

/* ---- footprint ---- */

static const struct heap *watched;
static unsigned allocations, between_looks;
static long base_kib, peak_kib;

/* The process's private dirty pages, in KiB. Read without stdio, whose buffers come from malloc. */
static long written_kib(void) {
    static char text[4096];
    int file = open("/proc/self/smaps_rollup", O_RDONLY);
    ssize_t n = file < 0 ? -1 : read(file, text, sizeof(text) - 1);
    close(file);
    text[n > 0 ? n : 0] = '\0';
    const char *line = strstr(text, "Private_Dirty:");
    return line ? atol(line + strlen("Private_Dirty:")) : 0;
}

static void look(void) {
    long now = written_kib();
    if (now > peak_kib)
        peak_kib = now;
}

static void *written(volatile char *p, size_t size) {
    for (size_t i = 0; i < size; i += PAGE_SIZE)
        p[i] = 1;
    p[size - 1] = 1;
    if (++allocations % between_looks == 0)
        look();
    return (void *)p;
}

static void *watched_alloc(size_t size) { return written(watched->alloc(size), size); }
static void watched_free(void *p) { watched->free(p); }
static void *watched_realloc(void *p, size_t size) { return written(watched->realloc(p, size), size); }

static double footprint(const struct workload *workload, const struct heap *heap,
                        const struct stream *stream) {
    static const struct heap watching = {watched_alloc, watched_free, watched_realloc};
    watched = heap;
    between_looks = stream->ops / LOOKS;
    written_kib(); /* touches its own buffer first */
    base_kib = peak_kib = written_kib();
    workload->run(&watching, stream);
    return (double)(peak_kib - base_kib) * 1024 / stream->payload;
}

/* ---- the program ---- */

static void *memory(size_t bytes) {
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (p == MAP_FAILED)
        fail("memory has run out");
    return p;
}

int main(int argc, char **argv) {
    size_t w = 0, h = 0;
    while (argc == 3 && h < ARRAY_SIZE(heaps) && strcmp(heaps[h].name, argv[1]) != 0)
        h++;
    while (argc == 3 && w < WORKLOADS && strcmp(workloads[w].name, argv[2]) != 0)
        w++;
    if (argc != 3 || h == ARRAY_SIZE(heaps) || w == WORKLOADS) {
        fprintf(stderr, "usage: bench_heap kernel|pages|malloc W1|W2|W3|W4|W5|W6\n");
        return 2;
    }
    struct stream stream;
    heaps[h].start();
    workloads[w].prepare(&stream, memory(workloads[w].scratch));
    double peak = heaps[h].gives_back ? footprint(&workloads[w], heaps[h].heap, &stream) : 0;
    printf("%.2f %.3f\n", (double)median_run(&workloads[w], heaps[h].heap, &stream) / stream.ops, peak);
    return 0;
}
