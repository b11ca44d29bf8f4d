/* The last look: what a panic that stays offers. */
#ifndef QUIRE_LAST_LOOK_H
#define QUIRE_LAST_LOOK_H

/* Runs the monitor's read-only commands, typed at the serial line or the keyboard, until exit or reboot.
 * Needs paging. Interrupts are off and stay off. */
void last_look(void) __attribute__((noreturn));

#endif
