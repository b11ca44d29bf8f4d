/* The terminal: the console as programs see it. */
#ifndef QUIRE_TTY_H
#define QUIRE_TTY_H

#include "types.h"

/* Gives the terminal to session SESSION, whose first group has the same number; 0 takes it back. A new session finds
 * it in its usual mode. */
void tty_give(int session);

/* Processes the keys typed, if a session has the terminal. */
void tty_poll(void);

/* Call before the current program prints. A program without the terminal starts on a new line. */
void tty_begin_output(void);

/* Whether programs without the terminal have printed since the last call; if so, ends their last line. */
bool tty_printed_beside(void);

#endif
