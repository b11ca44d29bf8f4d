/* The monitor's ears: the serial line and the PC's keyboard, both polled.
 *
 * While nothing is typed console_read halts; the timer's, the keyboard's and the serial line's interrupts
 * wake it, and it polls again. The timer alone would do: it wakes a hundred times a second, so that a
 * device whose line is not wired is heard too. Whether its interrupts come at all is found out the first
 * time; where they do not, console_read polls without a rest. The handlers read nothing: what was typed is
 * read outside.
 *
 * What is typed while nobody reads stays in the devices, until someone who prints asks whether it was
 * Ctrl-C: then it moves to the queue. When that is full nothing more is taken, so that nothing is lost. */
#include "input.h"

#include "cpu.h"
#include "timer.h"
#include "interrupt.h"

#define IRQ_KEYBOARD 1
#define IRQ_SERIAL 4

/* ---- the serial line's terminal: characters, and keys as escape sequences (ECMA-48 5.4) ---- */

static struct {
    enum { TEXT, ESCAPED, SEQUENCE, SHIFTED } state; /* after nothing, ESC, ESC [, ESC O */
    unsigned parameter;                              /* the one being read */
    bool after_cr;
    bool private;  /* the sequence has a '?' */
    bool answered; /* that it is a terminal */
} terminal;

/* The key of a sequence that FINAL ends, or -1. A VT100 sends letters, and numbers with ~ for some. The
 * second parameter 5 is Ctrl. */
static int sequence_key(int final) {
    static const short numbered[] = {
        [1] = KEY_HOME, [3] = KEY_DELETE, [4] = KEY_END, [7] = KEY_HOME, [8] = KEY_END};
    bool control = terminal.parameter == 5;

    switch (final) {
    case 'A':
        return KEY_UP;
    case 'B':
        return KEY_DOWN;
    case 'C':
        return control ? KEY_WORD_RIGHT : KEY_RIGHT;
    case 'D':
        return control ? KEY_WORD_LEFT : KEY_LEFT;
    case 'H':
        return KEY_HOME;
    case 'F':
        return KEY_END;
    case 'c': /* ESC [ ? 6 c and the like answer serial_ask */
        terminal.answered |= terminal.private;
        return -1;
    case '~':
        if (terminal.parameter < ARRAY_SIZE(numbered) && numbered[terminal.parameter])
            return numbered[terminal.parameter];
        return -1;
    default:
        return -1;
    }
}

/* The key behind ESC and one character, or -1. */
static int escaped_key(int c) {
    return c == 'b' ? KEY_WORD_LEFT : c == 'f' ? KEY_WORD_RIGHT : c == 127 || c == 8 ? KEY_KILL_WORD : -1;
}

/* C is no part of a sequence. A CR is Enter, and the LF that may follow it is not another. */
static int text_key(int c) {
    bool pair = c == '\n' && terminal.after_cr;

    terminal.after_cr = c == '\r';
    if (pair || c == 0)
        return -1;
    if (c == KEY_ESCAPE) {
        terminal.state = ESCAPED;
        return -1;
    }
    return c == '\r' ? '\n' : c;
}

/* The key that C completes, or -1. A control character, a line's end above all, breaks any sequence off. */
static int terminal_key(int c) {
    int state = terminal.state;

    terminal.state = TEXT;
    if (state == TEXT || (c < ' ' && c != 8))
        return text_key(c);
    if (state == ESCAPED && (c == '[' || c == 'O')) {
        terminal.state = c == '[' ? SEQUENCE : SHIFTED;
        terminal.parameter = 0;
        terminal.private = false;
        return -1;
    }
    if (state == ESCAPED)
        return escaped_key(c);
    if (c < '@') { /* parameters, ';' between them */
        terminal.state = state;
        if (c == ';')
            terminal.parameter = 0;
        else if (c >= '0' && c <= '9')
            terminal.parameter = terminal.parameter * 10 + (unsigned)(c - '0');
        terminal.private |= c == '?';
        return -1;
    }
    return sequence_key(c);
}

/* A byte that completes no key does not wake anybody again: all that have come are looked at. */
static int serial_key(void) {
    int c, key;

    while ((c = serial_poll()) >= 0)
        if ((key = terminal_key(c)) >= 0)
            return key;
    return -1;
}

bool console_terminal(void) { return terminal.answered; }

/* ---- the queue ---- */

#define QUEUE_MAX 1024
#define AT_KEYBOARD 0x1000 /* marks a key that came from there */

static short queue[QUEUE_MAX]; /* a ring */
static unsigned queue_first, queue_length;
static bool at_keyboard;

/* The next key that a device has, marked; or -1. */
static int device_poll(void) {
    int key = serial_key();

    if (key >= 0)
        return key;
    key = keyboard_poll();
    return key >= 0 ? key | AT_KEYBOARD : -1;
}

int console_poll(void) {
    int key;

    if (queue_length) {
        key = queue[queue_first];
        queue_first = (queue_first + 1) % QUEUE_MAX;
        queue_length--;
    } else if ((key = device_poll()) < 0) {
        return -1;
    }
    at_keyboard = key & AT_KEYBOARD;
    return key & ~AT_KEYBOARD;
}

static void enqueue(int key) { queue[(queue_first + queue_length++) % QUEUE_MAX] = (short)key; }

bool console_waiting(void) {
    int key;

    if (!queue_length && (key = device_poll()) >= 0)
        enqueue(key);
    return queue_length > 0;
}

bool console_at_keyboard(void) { return at_keyboard; }

bool console_interrupted(void) {
    bool interrupted = false;
    int key;

    while (queue_length < QUEUE_MAX && (key = device_poll()) >= 0) {
        if ((key & ~AT_KEYBOARD) == KEY_CTRL_C)
            interrupted = true;
        else
            enqueue(key);
    }
    return interrupted;
}

/* ---- waiting ---- */

static volatile unsigned ticks;

static void tick(void) { ticks++; }

static void woken(void) {}

static bool has_ticked(void) { return ticks > 0; }

static bool timer_wakes(void) {
    static bool asked;

    if (!asked) {
        asked = true;
        irq_enable(TIMER_IRQ, tick);
        irq_enable(IRQ_KEYBOARD, woken);
        irq_enable(IRQ_SERIAL, woken);
        sti();
        timer_wait(has_ticked, 2);
        cli();
    } else if (!has_ticked()) {
        serve_interrupts(); /* the first may come late, on a machine that others use too */
    }
    return has_ticked();
}

int console_read(void) {
    for (;;) {
        int key = console_poll();

        if (key >= 0)
            return key;
        if (timer_wakes())
            wait_for_interrupt();
    }
}

static int awaited; /* the key that console_wait has found, or -1 */

static bool key_came(void) { return (awaited = console_poll()) >= 0; }

int console_wait(unsigned periods) {
    if (!timer_wakes()) {
        timer_wait(key_came, periods);
        return awaited;
    }
    unsigned start = ticks;

    while (!key_came() && ticks - start < periods)
        wait_for_interrupt();
    return awaited;
}
