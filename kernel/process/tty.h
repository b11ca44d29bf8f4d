/* The terminal: the console as programs see it. */
#ifndef QUIRE_TTY_H
#define QUIRE_TTY_H

#include "types.h"

/* Gives the terminal to session SESSION, whose first group has the same number; 0 takes it back. A new session finds
 * it in its usual mode. */
void tty_give(int session);

/* Takes what has been typed, while a session has the terminal. */
void tty_poll(void);

/* Before the current program prints: if it does not have the terminal, it begins a line of its own. */
void tty_begin_output(void);

/* Whether programs without the terminal have printed since this was last asked; then their last line is ended. */
bool tty_printed_beside(void);

#endif
