/* Interrupts: what a handler may assume. */
#include "interrupt.h"

#include "ktest.h"

#define UNUSED_LINE 5 /* on a PC, a second parallel port's */

static bool seen_in_interrupt;

static void look(void) { seen_in_interrupt = in_interrupt(); }

KTEST(irq_handler_is_in_an_interrupt_only_over_kernel_code)
{
    irq_enable(UNUSED_LINE, look);
    irq_dispatch(UNUSED_LINE, true);
    KCHECK(seen_in_interrupt);
    KCHECK(!in_interrupt());
    irq_dispatch(UNUSED_LINE, false);
    KCHECK(!seen_in_interrupt);
}
