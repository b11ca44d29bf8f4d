/* Random numbers for the benchmarks: xorshift64, from a fixed seed. */
#ifndef QUIRE_BENCH_RANDOM_H
#define QUIRE_BENCH_RANDOM_H

#include <stdint.h>

struct random {
    uint64_t state; /* not 0 */
};

#define RANDOM_SEED \
    { 88172645463325252ull }

/* The upper half, which is more random. */
static inline uint32_t random_next(struct random *r) {
    r->state ^= r->state << 13;
    r->state ^= r->state >> 7;
    r->state ^= r->state << 17;
    return (uint32_t)(r->state >> 32);
}

/* One of [0, N), N > 0. */
/* NOLINTNEXTLINE(clang-analyzer-core.DivideZero): N is not 0 */
static inline uint32_t random_below(struct random *r, uint32_t n) { return random_next(r) % n; }

/* One of [FIRST, LAST]. */
static inline uint32_t random_between(struct random *r, uint32_t first, uint32_t last) {
    return first + random_below(r, last - first + 1);
}

#endif
