/* The PC's keyboard behind its 8042 controller. */
#ifndef QUIRE_KEYBOARD_H
#define QUIRE_KEYBOARD_H

#include "types.h"

/* True where there is a keyboard controller. */
bool keyboard_present(void);

/* Brings the controller and the keyboard to a known state, with no key held; a byte that was waiting is
 * dropped. Keys typed from then on are kept until keyboard_poll reads them. Always ends; does nothing where
 * there is no controller. */
void keyboard_init(void);

/* The next key (input.h) typed, or -1 when none is waiting. Always -1 before keyboard_init. */
int keyboard_poll(void);

#endif
