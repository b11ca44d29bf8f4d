/* The PC's timer: a period of a hundredth of a second, and its interrupt, IRQ 0. */
#ifndef QUIRE_TIMER_H
#define QUIRE_TIMER_H

#include "types.h"

#define TIMER_IRQ 0
#define TIMER_HZ 100
#define TIMER_CLOCK_HZ 1193182 /* what the timer counts */

/* Starts the timer, and silences the PC's other clocks: the HPET and the real-time clock. Its interrupt stays
 * masked until timer_start_ticks. With paging off. */
void timer_init(void);

/* Unmasks the timer's interrupt; timer_ticks counts those served since. They are served while the kernel waits
 * for input, and while a program runs. */
void timer_start_ticks(void);
unsigned timer_ticks(void);

/* The counter now: it counts down from TIMER_CLOCK_HZ / TIMER_HZ, and starts again. */
unsigned timer_count(void);

/* Calls DONE until it returns true; false when PERIODS periods pass first. With interrupts on or off. Always
 * ends: where the timer does not run, it soon gives up. */
bool timer_wait(bool (*done)(void), unsigned periods);

/* Waits until COUNTS of the timer's clock have passed; how many have, or 0 where the timer does not run. */
unsigned timer_pass(unsigned counts);

#endif
