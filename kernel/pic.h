/* The two interrupt controllers (pic.c). irq_enable is in trap.h, in_interrupt in panic.h. */
#ifndef QUIRE_PIC_H
#define QUIRE_PIC_H

/* All lines are masked, and remapped to TRAP_IRQ and up. */
void pic_init(void);

/* Serves an interrupt of LINE. */
void irq_dispatch(unsigned line);

/* How many are being served, 0 or 1; and what a catch sets that to, when it has abandoned one. */
unsigned irqs_served(void);
void irqs_set_served(unsigned n);

#endif
