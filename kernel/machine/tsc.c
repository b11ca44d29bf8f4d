/* The time-stamp counter (SDM vol. 3, 17.17). What it counts differs: cycles of some clock, or, under an emulator
 * that is told to, instructions. */
#include "tsc.h"

#include "cpu.h"
#include "cpuid.h"
#include "timer.h"

uint64_t spin_ticks(unsigned n); /* spin.S */

#define SPINS 500u
#define SPIN_INSTRUCTIONS 8
#define TRIES 3

#define MEASURED_COUNTS (TIMER_CLOCK_HZ / 200) /* 5 ms */

static uint64_t start, latest;

void tsc_init(void) { start = cpu_has_tsc() ? rdtsc() : 0; }

/* Ticks since tsc_init; never less than before. */
uint64_t tsc_ticks(void) {
    if (!cpu_has_tsc())
        return 0;
    uint64_t now = rdtsc();

    if (now > start && now - start > latest)
        latest = now - start;
    return latest;
}

/* True where each of several spins takes a tick an instruction, exactly. */
bool tsc_counts_instructions(void) {
    if (!cpu_has_tsc())
        return false;
    bool exact = true;

    for (unsigned i = 0; i < TRIES; i++)
        exact &= spin_ticks(SPINS + 1) - spin_ticks(1) == (uint64_t)SPINS * SPIN_INSTRUCTIONS;
    return exact;
}

/* Ticks in a millisecond, or 0. */
static unsigned ticks_per_millisecond(void) {
    uint64_t before = rdtsc();
    unsigned counts = timer_pass(MEASURED_COUNTS);
    uint64_t after = rdtsc(), ticks = after > before ? after - before : 0;

    return counts && ticks >> 32 == 0 ? (unsigned)ticks / counts * (TIMER_CLOCK_HZ / 1000) : 0;
}

/* TICKS in milliseconds, or 0. */
unsigned tsc_milliseconds(uint64_t ticks) {
    unsigned per_millisecond = cpu_has_tsc() ? ticks_per_millisecond() : 0;

    while (ticks >> 32) { /* a 64-bit division would need the compiler's library */
        ticks >>= 1;
        per_millisecond >>= 1;
    }
    return per_millisecond ? (unsigned)ticks / per_millisecond : 0;
}
