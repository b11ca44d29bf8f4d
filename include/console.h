/* The consoles: where the log goes and where the monitor reads. */
#ifndef QUIRE_CONSOLE_H
#define QUIRE_CONSOLE_H

#include "types.h"

/* COM1, 115200 8N1, as a sink. False, and no sink, where no UART answers. Every wait is bounded. */
bool serial_init(void);

/* The next byte that COM1 has received, or -1. */
int serial_poll(void);

/* EGA text memory, 80 x 25, as a sink. The screen is cleared first. */
void ega_init(void);

/* The next character typed, at the serial line or at the keyboard, or -1 when none is waiting. '\n' for
 * Enter: a terminal's CR, LF or both. */
int console_poll(void);

/* The next character typed; halts with interrupts on while there is none (where no interrupt comes, it
 * polls). */
int console_read(void);

#endif
