/* The benchmarks (tests/bench/): what the memory system costs, in instructions. */
#ifndef QUIRE_BENCH_H
#define QUIRE_BENCH_H

#include <stdbool.h>
#include <stddef.h>

/* Runs the benchmarks whose name, or one of whose figures' names, matches PATTERN (shell-style *), and prints
 * a line for each figure:
 *
 *     bench NAME: N.N insns/op (ops OPS)
 *     bench NAME-footprint: N.NN peak/payload
 *
 * and then the table of all. False where there is no time-stamp counter, where nothing matches, and where
 * one of them could not run. The heap must be empty, and is so afterwards. */
bool bench_run(const char *pattern);

/* The name of benchmark I, counted from 0; NULL past the last. */
const char *bench_name(size_t i);

#endif
