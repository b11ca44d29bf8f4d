/* Hardware interrupts: the 16 lines of the two 8259A interrupt controllers (pic.c).
 *
 * Every line starts masked. The kernel runs with interrupts off; it lets them in only while it waits for
 * input, and while a program runs in ring 3. So a handler finds either no kernel code half-way (a program was
 * interrupted: the handler may do what a system call may), or the kernel's waiting loop (the handler is "in an
 * interrupt": mm/ refuses to be called). */
#ifndef QUIRE_INTERRUPT_H
#define QUIRE_INTERRUPT_H

#include "types.h"

#define IRQ_LINES 16u

/* Masks every line, and makes the lines vectors BASE to BASE + 15; BASE is a multiple of 8. */
void pic_init(uint8_t base);

/* Calls HANDLER, with interrupts off, at each interrupt of LINE (below IRQ_LINES), and unmasks the line. */
void irq_enable(unsigned line, void (*handler)(void));

/* Serves an interrupt of LINE. FROM_KERNEL: it interrupted kernel code, not a program. */
void irq_dispatch(unsigned line, bool from_kernel);

/* Handlers running on top of kernel code: 0 or 1. Only irq_dispatch counts; a catch that abandons a handler
 * (trap_catch) sets it back. */
extern uint8_t irqs_served;

/* True in a handler that interrupted kernel code. */
static inline bool in_interrupt(void) { return irqs_served != 0; }

#endif
