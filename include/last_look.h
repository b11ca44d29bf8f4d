/* What a panic that stays offers (kernel/last_look.c). */
#ifndef QUIRE_LAST_LOOK_H
#define QUIRE_LAST_LOOK_H

/* Runs the monitor's read-only commands, typed at the serial line or the keyboard, until exit or reboot.
 * Interrupts are off and stay off. Paging is on. */
void last_look(void) __attribute__((noreturn));

#endif
