/* The PC's timer: a period of a hundredth of a second, and its interrupt, IRQ 0. */
#ifndef QUIRE_TIMER_H
#define QUIRE_TIMER_H

#include "types.h"

#define TIMER_IRQ 0
#define TIMER_HZ 100

/* Starts it. Its interrupt stays masked until timer_start_ticks. */
void timer_init(void);

/* Lets the timer's interrupt through; timer_ticks counts those that were served since. They are served while the
 * kernel waits for input, and while a program runs. */
void timer_start_ticks(void);
unsigned timer_ticks(void);

/* The timer's counter: it counts down from 1193182 / TIMER_HZ, and starts again. */
unsigned timer_count(void);

/* Asks DONE until it says true; false when PERIODS periods have gone by first. With interrupts on or off.
 * Always ends: where the timer does not run it soon gives up. */
bool timer_wait(bool (*done)(void), unsigned periods);

#endif
