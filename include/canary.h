/* The stack's canary (kernel/canary.c). */
#ifndef QUIRE_CANARY_H
#define QUIRE_CANARY_H

/* Chooses the canary, with SEED whatever the boot loader gave. No function that is protected may be running:
 * for kmain, before all else. */
void canary_init(unsigned seed);

#endif
