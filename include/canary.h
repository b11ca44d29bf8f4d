/* The stack's canary (kernel/trap/canary.c). */
#ifndef QUIRE_CANARY_H
#define QUIRE_CANARY_H

/* Chooses the canary; SEED is anything that differs from boot to boot. kmain calls it first: no protected
 * function may be running. */
void canary_init(unsigned seed);

#endif
