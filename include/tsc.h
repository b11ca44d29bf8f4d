/* The time-stamp counter as a clock. All of these give 0 or false where there is none (cpu_has_tsc). */
#ifndef QUIRE_TSC_H
#define QUIRE_TSC_H

#include "types.h"

/* Starts counting. */
void tsc_init(void);

/* Ticks since tsc_init. Never less than before, even where the counter runs backwards. */
uint64_t tsc_ticks(void);

/* True where a tick is an instruction, as under QEMU's -icount shift=0. Takes 13,000 instructions. */
bool tsc_counts_instructions(void);

/* TICKS in milliseconds, calibrated against the PC's timer, which takes 5 ms; 0 when the timer does not run. */
unsigned tsc_milliseconds(uint64_t ticks);

#endif
