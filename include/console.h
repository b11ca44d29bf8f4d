/* The consoles: where the log goes and where the monitor reads. */
#ifndef QUIRE_CONSOLE_H
#define QUIRE_CONSOLE_H

#include "types.h"

/* COM1, 115200 8N1, as a sink. False, and no sink, where no UART answers. Every wait is bounded. */
bool serial_init(void);

bool serial_present(void);

/* The next byte that COM1 has received, or -1. */
int serial_poll(void);

/* EGA text memory, 80 x 25, as the log's screen (terminal.h), cleared first. False where there is none. */
bool ega_init(void);

/* The linear framebuffer that the boot loader set up, as the log's screen; false, and why in the log, where
 * it cannot be one. After boot_info_memory, with paging off. From vmem_init on nothing is drawn until
 * framebuffer_map has mapped it at DEVICES_START; that does nothing where there is none. */
bool framebuffer_init(void);
void framebuffer_map(void);

/* Whether there is a keyboard controller (8042). */
bool keyboard_present(void);

/* The next character typed, at the serial line or at the keyboard, or -1 when none is waiting. '\n' for
 * Enter: a terminal's CR, LF or both. */
int console_poll(void);

/* The next character typed; halts with interrupts on while there is none (where no interrupt comes, it
 * polls). */
int console_read(void);

#endif
