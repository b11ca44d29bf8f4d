/* What the benchmarks in the kernel share.
 *
 * A benchmark runs the same operations twice, over the memory system and over empty functions of the same
 * signatures, which it reaches alike through pointers; the difference is what the memory system costs. */
#ifndef QUIRE_BENCH_MEASURE_H
#define QUIRE_BENCH_MEASURE_H

#include "types.h"

/* A function with a clock in it stays whole: what the compiler would mix into it would be measured too. The
 * functions that it calls are volatile arguments, so that empty ones are called all the same. */
#define CLOCK __attribute__((noinline)) static unsigned

/* Where the streams of operations lie: of what is left free for what is built on top. */
#define BENCH_AREA 0x40000000u
#define BENCH_MAPPINGS 0x80000000u

/* Says why BENCHMARK (NULL: any) cannot run, in one line; bench_run will return false. */
void bench_fails(const char *benchmark, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* That so many frames are free; otherwise BENCHMARK fails. */
bool frames_suffice(const char *benchmark, size_t frames);

/* Maps pages for BYTES bytes at BENCH_AREA, all zero; NULL, and BENCHMARK fails, where memory is short of
 * that. area_give unmaps them. */
void *area_get(const char *benchmark, size_t bytes);
void area_give(size_t bytes);

/* Prints a figure's line, and keeps it for the table. The first: TICKS / OPS. The second: the most TICKS that
 * a single one of OPS calls took. The third: PART / WHOLE. */
void figure_insns(const char *name, uint64_t ticks, unsigned ops);
void figure_worst(const char *name, unsigned ticks, unsigned ops);
void figure_footprint(const char *name, size_t part, size_t whole);

/* N / D, rounded; the quotient must fit. (The compilers' own 64-bit division is a library's.) */
unsigned divide(uint64_t n, unsigned d);

/* The benchmarks. NAME is one that bench.c lists. */
void bench_workload(const char *name);    /* heap.c */
void bench_worst_heap(const char *name);  /* heap_worst.c */
void bench_frames(const char *name);      /* frames.c */
void bench_runs(const char *name);        /* frame_runs.c */
void bench_worst_frame(const char *name); /* frame_worst.c */
void bench_mappings(const char *name);    /* mappings.c */

#endif
