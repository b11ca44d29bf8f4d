/* Shared by the benchmarks in the kernel.
 *
 * A benchmark runs the same loop twice, over the memory system and over empty functions (clock.h), both called
 * through pointers. The difference is what the memory system costs. */
#ifndef QUIRE_BENCH_MEASURE_H
#define QUIRE_BENCH_MEASURE_H

#include "types.h"

/* The streams of operations, and the pages that the mapping benchmarks map: in the part of the address space
 * that the kernel leaves free. */
#define BENCH_AREA 0x40000000u
#define BENCH_MAPPINGS 0x80000000u

/* Prints why BENCHMARK (NULL: all of them) cannot run, as one line, and makes bench_run return false. */
void bench_fails(const char *benchmark, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* True when FRAMES frames are free; otherwise BENCHMARK fails. */
bool frames_suffice(const char *benchmark, size_t frames);

/* Maps zeroed pages for BYTES bytes at BENCH_AREA; NULL, and BENCHMARK fails, when memory does not suffice.
 * area_give unmaps them. */
void *area_get(const char *benchmark, size_t bytes);
void area_give(size_t bytes);

/* Each prints a figure and keeps it for the table: TICKS / OPS; the TICKS of the worst of OPS calls; PART / WHOLE. */
void figure_insns(const char *name, uint64_t ticks, unsigned ops);
void figure_worst(const char *name, unsigned ticks, unsigned ops);
void figure_footprint(const char *name, size_t part, size_t whole);

/* N / D, rounded; the quotient must fit in 32 bits. (For 64-bit division the compiler calls libgcc, which the
 * kernel does not link.) */
unsigned divide(uint64_t n, unsigned d);

/* The benchmarks. NAME is one of bench.c's list. */
void bench_workload(const char *name);    /* heap.c */
void bench_worst_heap(const char *name);  /* heap_worst.c */
void bench_frames(const char *name);      /* frames.c */
void bench_runs(const char *name);        /* frame_runs.c */
void bench_worst_frame(const char *name); /* frame_worst.c */
void bench_mappings(const char *name);    /* mappings.c */

#endif
