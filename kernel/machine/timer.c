/* The PC's timer: channel 0 of the 8254 (Intel 8254 data sheet). It counts down, and at its end starts again:
 * so it keeps time without interrupts too, for whoever reads it often enough. */
#include "timer.h"

#include "cpu.h"
#include "interrupt.h"

#define COUNTER 0x40
#define CONTROL 0x43
#define RATE 0x34  /* channel 0, low byte then high, mode 2 */
#define LATCH 0x00 /* channel 0 */
#define CLOCK_HZ 1193182
#define PERIOD (CLOCK_HZ / TIMER_HZ)

#define STUCK_READS 10000 /* of an unchanged counter: it does not run */

void timer_init(void) {
    outb(CONTROL, RATE);
    outb(COUNTER, PERIOD & 0xFF);
    outb(COUNTER, PERIOD >> 8);
}

static volatile unsigned ticks;

static void tick(void) { ticks++; }

/* Lets the timer's interrupt through. */
void timer_start_ticks(void) { irq_enable(TIMER_IRQ, tick); }

/* The timer's interrupts served since then. */
unsigned timer_ticks(void) { return ticks; }

/* The counter's present value, from PERIOD down to 1. */
unsigned timer_count(void) {
    outb(CONTROL, LATCH);
    unsigned low = inb(COUNTER);
    return low | (unsigned)inb(COUNTER) << 8;
}

bool timer_wait(bool (*done)(void), unsigned periods) {
    unsigned last = timer_count(), same = 0;

    while (!done()) {
        unsigned now = timer_count();

        if (now > last)
            periods--;
        same = now == last ? same + 1 : 0;
        if (periods == 0 || same == STUCK_READS)
            return false;
        last = now;
    }
    return true;
}
