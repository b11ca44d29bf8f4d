/* The benchmarks' clock, and the empty functions that are timed for comparison. All of it is assembly (clock.S), which
 * no compiler unrolls, copies or pads. */
#ifndef QUIRE_BENCH_CLOCK_H
#define QUIRE_BENCH_CLOCK_H

#include "types.h"

/* The time-stamp counter's ticks during FN(A, B), which takes at most two words and returns at most one: *RESULT,
 * unless RESULT is NULL. The clock itself takes a constant number of ticks; subtract the ticks of an empty
 * function. */
uint64_t clock_ticks(void *fn, uintptr_t a, uintptr_t b, uintptr_t *result);

/* The ticks of FN, a loop over the functions in CALLS. Subtract those of the same loop over empty functions. */
static inline uint64_t clock_loop(void *fn, const void *calls, const void *operations) {
    return clock_ticks(fn, (uintptr_t)calls, (uintptr_t)operations, NULL);
}

/* The ticks of one call. */
static inline unsigned clock_call(void *fn, uintptr_t argument, uintptr_t *result) {
    return (unsigned)clock_ticks(fn, argument, 0, result);
}

/* Empty functions: take their addresses only. returns_object's object is 16 bytes that may be written to. */
extern char returns_nothing[], returns_zero[], returns_first[], returns_object[];

/* A page provider that is timed: each function calls its counterpart below and adds the ticks of that, and its own
 * beyond an empty function's, to ticks_in_provider. */
int timed_get(void *va, size_t pages);
int timed_give(void *va, size_t pages);
int provider_get(void *va, size_t pages);  /* heap_worst.c */
int provider_give(void *va, size_t pages); /* heap_worst.c */
extern unsigned ticks_in_provider;         /* heap_worst.c */
extern unsigned provider_overhead; /* heap_worst.c: the ticks of timed_get and timed_give themselves */

#endif
