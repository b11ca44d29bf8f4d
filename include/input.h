/* Input: the keys typed at the serial line and at the PC's keyboard, as one stream. */
#ifndef QUIRE_INPUT_H
#define QUIRE_INPUT_H

#include "types.h"

/* A key is a character (a byte; '\n' for Enter, whatever the terminal sends), or one of these. A terminal's
 * escape sequences and the keyboard's scan codes give the same keys. */
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

/* The next key typed, or -1 when none is waiting. */
int input_poll(void);

/* The next key typed. Halts with interrupts on while there is none; where no interrupt arrives, it polls. */
int input_read(void);

/* Like input_read, but gives up after PERIODS of the timer (TIMER_HZ) and returns -1. */
int input_wait(unsigned periods);

/* Unmasks the interrupts that a key or the timer raises, if that has not been done; true when the timer's arrives, so
 * that a halt ends. */
bool input_start_interrupts(void);

/* Halts until an interrupt; where none arrives, returns at once. */
void input_rest(void);

/* Calls REST instead of input_rest while input_read and input_wait wait, so that programs run meanwhile. */
void input_on_rest(void (*rest)(void));

/* True when a key waits to be read. */
bool input_waiting(void);

/* True when the last key read came from the PC's keyboard, false when it came over the serial line. */
bool input_from_keyboard(void);

/* True when Ctrl-C has been typed, which is then dropped. Every other key is kept for input_read. For long
 * output. */
bool input_interrupted(void);

/* Asks the serial line's other end what terminal it is. An answer that comes later than the kernel lives
 * would be typed into the user's shell, so leaving the machine waits for it, a second at most. */
void input_ask_terminal(void);

/* True once a terminal has said what it is, asked or not. A pipe or a file never does. */
bool input_terminal_answered(void);

/* True once something came over the serial line that a script does not send: the CR of an Enter key, or an
 * escape sequence. Only then is it worth asking, and a log file stays plain text. */
bool input_terminal_likely(void);

#endif
