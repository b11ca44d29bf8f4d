/* The consoles: where the log goes and where the monitor reads. */
#ifndef QUIRE_CONSOLE_H
#define QUIRE_CONSOLE_H

#include "types.h"

/* COM1, 115200 8N1, as a sink. False, and no sink, where no UART answers. Every wait is bounded. */
bool serial_init(void);

bool serial_present(void);

/* Whether escape sequences in what is logged go out over COM1; at first they do not. */
void serial_sequences(bool sent);

/* Asks what terminal is at COM1's other end (ECMA-48 DA, device attributes); console_terminal tells whether
 * one has answered, now or earlier. Every terminal since the VT100 does; a pipe or a file does not. */
void serial_ask(void);
bool console_terminal(void);

/* Past the log: for what can no longer trust it. */
void serial_write(const char *text, size_t n);

/* The next byte that COM1 has received, or -1. */
int serial_poll(void);

/* EGA text memory, 80 x 25, as the log's screen (terminal.h), cleared first. False where there is none. */
bool ega_init(void);

/* The linear framebuffer that the boot loader set up, as the log's screen; false, and why in the log, where
 * it cannot be one. After boot_info_read, with paging off. From vmem_init on nothing is drawn until
 * framebuffer_map has mapped it at DEVICES_START; that does nothing where there is none. */
bool framebuffer_init(void);
void framebuffer_map(void);

/* Whether there is a keyboard controller (8042). */
bool keyboard_present(void);

/* Brings the keyboard to a known state, no key held. What is typed from then on is kept until keyboard_poll
 * reads it; a byte that was waiting is dropped. Always ends; does nothing where there is no controller. */
void keyboard_init(void);

/* What is typed is a key: a character (a byte, '\n' for Enter whatever the terminal sends), or one of these.
 * A terminal's escape sequences and the keyboard's scan codes come to the same. */
enum key {
    KEY_CTRL_C = 3,
    KEY_KILL_WORD = 23, /* Ctrl-W, Alt-Backspace */
    KEY_ESCAPE = 27,
    KEY_UP = 0x100,
    KEY_DOWN,
    KEY_LEFT,
    KEY_RIGHT,
    KEY_HOME,
    KEY_END,
    KEY_DELETE,
    KEY_WORD_LEFT, /* Ctrl-Left, Alt-B */
    KEY_WORD_RIGHT,
};

/* The next key from the PC's keyboard, or -1: always -1 before keyboard_init. */
int keyboard_poll(void);

/* The next key typed, at the serial line or at the keyboard, or -1 when none is waiting. */
int console_poll(void);

/* The next key typed; halts with interrupts on while there is none (where no interrupt comes, it polls).
 * console_wait gives up, with -1, after PERIODS of the timer (TIMER_HZ). */
int console_read(void);
int console_wait(unsigned periods);

/* A key has been typed, and waits to be read. */
bool console_waiting(void);

/* The last key that was read came from the PC's keyboard, and not over the serial line. */
bool console_at_keyboard(void);

/* For whoever prints much: true when Ctrl-C has been typed, which is then dropped. What else is typed
 * meanwhile waits for console_read. */
bool console_interrupted(void);

#endif
