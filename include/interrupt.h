/* The two interrupt controllers (pic.c). irq_enable is in trap.h, irqs_served in panic.h. */
#ifndef QUIRE_PIC_H
#define QUIRE_PIC_H

/* All lines are masked, and remapped to TRAP_IRQ and up. */
void pic_init(void);

/* Serves an interrupt of LINE. */
void irq_dispatch(unsigned line);

/* Calls HANDLER with interrupts off at each interrupt of LINE (0 to 15), and lets the line through. */
void irq_enable(unsigned line, void (*handler)(void));

#endif
