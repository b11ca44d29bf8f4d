/* Exceptions and interrupts: where each vector goes.
 *
 *   descriptors.c   the GDT, the IDT, and the task of the double fault
 *   trap.S          a stub for each vector
 *   exception.c     the exceptions, in words; fault.c the page fault, double_fault.c the double fault
 *   report.c        how a report is made, and what comes after it
 *   pic.c           the vectors from TRAP_IRQ on: the PICs' lines
 *
 * Only an interrupt, a single step and an int3 go on where they came from: for them trap.S calls
 * trap_dispatch here. */
#include "trap.h"

#include "cpu.h"
#include "descriptors.h"
#include "interrupt.h"
#include "report.h"

void trap_dispatch(struct trap_frame *frame); /* for trap.S */

static void (*step_handler)(struct trap_frame *frame);

void trap_on_step(void (*handler)(struct trap_frame *frame)) { step_handler = handler; }

bool trap_stepping(void) { return step_handler != NULL; }

/* Without a handler the steps end here: TF may have been left set by what a report broke off. */
static void step(struct trap_frame *frame) {
    if (step_handler)
        step_handler(frame);
    else
        frame->eflags &= ~EFLAGS_TF;
}

void trap_dispatch(struct trap_frame *frame) {
    if (frame->vector >= TRAP_IRQ)
        irq_dispatch(frame->vector - TRAP_IRQ, (frame->cs & 3) == 0);
    else if (frame->vector == TRAP_DEBUG)
        step(frame);
    else
        breakpoint_report(frame);
}

void trap_init(void) {
    cli();
    descriptors_init();
    pic_init(TRAP_IRQ);
}
