/* The PC's timer: channel 0 of the 8254 (Intel 8254 data sheet). It counts down and at its end starts again, so
 * it keeps time without interrupts too, for whoever reads it often enough. */
#include "timer.h"

#include "cpu.h"
#include "cpuid.h"
#include "interrupt.h"
#include "lab.h"

#define COUNTER 0x40
#define CONTROL 0x43
#define RATE 0x34  /* channel 0, low byte then high, mode 2, binary */
#define LATCH 0x00 /* channel 0 */
#define PERIOD (TIMER_CLOCK_HZ / TIMER_HZ)

#define STUCK_READS 10000 /* of an unchanged counter: it does not run */

/* ---- the other clocks ---- */

/* The high-precision timers (IA-PC HPET specification 1.0a, 2.3). */
#define HPET 0xFED00000u
#define HPET_ID 0x00
#define HPET_PERIOD 0x04
#define HPET_CONFIG 0x10
#define ID_REVISION 0x000000FFu
#define ID_HAS_LEGACY 0x00008000u
#define PERIOD_MOST 0x05F5E100u /* femtoseconds */
#define CONFIG_LEGACY 0x2u

static volatile uint32_t *hpet(unsigned reg) { return (volatile uint32_t *)(uintptr_t)(HPET + reg); }

/* Takes IRQ 0 and 8 from the HPET, which can replace the timer and the real-time clock there. Only a PC that
 * has a local APIC may have one. Where there is none, the registers read as all ones or zeros. */
static void silence_hpet(void) {
    if (!cpu_has_apic())
        return;
    uint32_t id = *hpet(HPET_ID), period = *hpet(HPET_PERIOD);

    if (id & ID_REVISION && id & ID_HAS_LEGACY && period && period <= PERIOD_MOST)
        *hpet(HPET_CONFIG) &= ~CONFIG_LEGACY;
}

#define CMOS_INDEX 0x70 /* bit 7 masks NMI; writing the index without it lets NMI through */
#define CMOS_DATA 0x71
#define CMOS_STATUS_B 0x0B
#define CMOS_STATUS_C 0x0C /* reading it acknowledges an interrupt */
#define CMOS_STATUS_D 0x0D
#define STATUS_B_INTERRUPTS 0x70 /* periodic, alarm, update ended */
#define CMOS_ABSENT 0xFF

static uint8_t cmos_read(uint8_t index) {
    outb(CMOS_INDEX, index);
    return inb(CMOS_DATA);
}

/* Stops the real-time clock's interrupts (Motorola MC146818A data sheet). */
static void silence_cmos_clock(void) {
    uint8_t control = cmos_read(CMOS_STATUS_B);

    if (control == CMOS_ABSENT)
        return;
    outb(CMOS_INDEX, CMOS_STATUS_B);
    outb(CMOS_DATA, control & (uint8_t)~STATUS_B_INTERRUPTS);
    cmos_read(CMOS_STATUS_C);
    cmos_read(CMOS_STATUS_D); /* a register that is only read stays selected */
}

/* ---- the timer ---- */

/* Starts the timer, and silences the other clocks. */
void timer_init(void) {
    silence_hpet();
    silence_cmos_clock();
    outb(CONTROL, RATE);
    outb(COUNTER, PERIOD & 0xFF);
    outb(COUNTER, PERIOD >> 8);
}

static volatile unsigned ticks;

static void tick(void) { ticks += lab_periods(); }

/* Unmasks the timer's interrupt. */
void timer_start_ticks(void) { irq_enable(TIMER_IRQ, tick); }

/* The timer's interrupts served since timer_start_ticks. */
unsigned timer_ticks(void) { return ticks; }

/* The counter now, from PERIOD down to 1. */
unsigned timer_count(void) {
    outb(CONTROL, LATCH);
    unsigned low = inb(COUNTER);
    return low | (unsigned)inb(COUNTER) << 8;
}

/* Calls DONE until it returns true; false when PERIODS periods pass first. */
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

/* Waits until COUNTS of the timer's clock have passed; how many have, or 0 where it does not run. */
unsigned timer_pass(unsigned counts) {
    unsigned passed = 0, last = timer_count();

    for (unsigned same = 0; passed < counts && same < STUCK_READS; same++) {
        unsigned now = timer_count(), step = now > last ? last + PERIOD - now : last - now;

        passed += step;
        last = now;
        if (step)
            same = 0;
    }
    return passed < counts ? 0 : passed;
}
