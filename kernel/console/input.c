/* Input: the serial line and the PC's keyboard, both polled.
 *
 * While nothing is typed, input_read halts. The timer's, the keyboard's and the serial line's interrupts wake
 * it, and it polls again; their handlers read nothing. The timer alone would do: it wakes the processor a
 * hundred times a second, so a device whose line is not wired is heard too. The first wait finds out whether
 * the timer's interrupt arrives at all; where it does not, input_read polls without a rest.
 *
 * Keys typed while nobody reads stay in the devices, until input_interrupted looks for Ctrl-C: it moves them
 * to the queue. When the queue is full it takes nothing more, so no key is lost. */
#include "input.h"

#include "cpu.h"
#include "interrupt.h"
#include "keyboard.h"
#include "machine.h"
#include "serial.h"
#include "terminal_keys.h"
#include "timer.h"

#define IRQ_KEYBOARD 1
#define IRQ_SERIAL 4

#define ANSWER_PERIODS TIMER_HZ /* how long an answer may take: a second */

/* ---- devices ---- */

static struct terminal_keys terminal;

/* The serial line's next key, or -1. Bytes that complete no key cause no further interrupt, so all are read. */
static int serial_key(void) {
    int byte, key;

    while ((byte = serial_poll()) >= 0)
        if ((key = terminal_key(&terminal, (uint8_t)byte)) >= 0)
            return key;
    return -1;
}

/* ---- the queue ---- */

#define QUEUE_MAX 1024
#define AT_KEYBOARD 0x1000 /* marks a key of the PC's keyboard */

static short queue[QUEUE_MAX]; /* a ring */
static unsigned queue_first, queue_length;
static bool from_keyboard; /* the last key read */

/* The next key that a device has, marked, or -1. */
static int device_poll(void) {
    int key = serial_key();

    if (key >= 0)
        return key;
    key = keyboard_poll();
    return key >= 0 ? key | AT_KEYBOARD : -1;
}

/* The next key typed, or -1. */
int input_poll(void) {
    int key;

    if (queue_length) {
        key = queue[queue_first];
        queue_first = (queue_first + 1) % QUEUE_MAX;
        queue_length--;
    } else if ((key = device_poll()) < 0) {
        return -1;
    }
    from_keyboard = key & AT_KEYBOARD;
    return key & ~AT_KEYBOARD;
}

static void enqueue(int key) { queue[(queue_first + queue_length++) % QUEUE_MAX] = (short)key; }

/* True when a key waits to be read. */
bool input_waiting(void) {
    int key;

    if (!queue_length && (key = device_poll()) >= 0)
        enqueue(key);
    return queue_length > 0;
}

/* True when the last key read came from the PC's keyboard. */
bool input_from_keyboard(void) { return from_keyboard; }

/* True when Ctrl-C has been typed, which is then dropped. Other keys are queued. */
bool input_interrupted(void) {
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

static void woken(void) {}

static bool has_ticked(void) { return timer_ticks() > 0; }

/* Unmasks the interrupts that a key or the timer raises; true when the timer's arrives, which ends any halt. */
bool input_start_interrupts(void) {
    static bool asked;

    if (!asked) {
        asked = true;
        timer_start_ticks();
        irq_enable(IRQ_KEYBOARD, woken);
        irq_enable(IRQ_SERIAL, woken);
        sti();
        timer_wait(has_ticked, 2);
        cli();
    } else if (!has_ticked()) {
        serve_interrupts(); /* on a busy host the first tick may come late */
    }
    return has_ticked();
}

/* Halts until an interrupt; where none arrives, returns at once. */
void input_rest(void) {
    if (input_start_interrupts())
        wait_for_interrupt();
}

static void (*on_rest)(void) = input_rest;

/* Calls REST instead of input_rest while input_read and input_wait wait. */
void input_on_rest(void (*rest)(void)) { on_rest = rest; }

/* The next key typed; halts while there is none. */
int input_read(void) {
    for (;;) {
        int key = input_poll();

        if (key >= 0)
            return key;
        on_rest();
    }
}

static int awaited; /* the key that key_came found, or -1 */

static bool key_came(void) { return (awaited = input_poll()) >= 0; }

/* The next key typed, or -1 after PERIODS of the timer. */
int input_wait(unsigned periods) {
    if (!input_start_interrupts()) {
        timer_wait(key_came, periods);
        return awaited;
    }
    unsigned start = timer_ticks();

    while (!key_came() && timer_ticks() - start < periods)
        on_rest();
    return awaited;
}

/* ---- what terminal it is ---- */

static bool asked;
static unsigned asked_at; /* in ticks, which pass while the kernel waits for input */

/* Takes the terminal's answer, for it or for nobody: keys typed meanwhile are dropped. */
static bool answer_came(void) {
    serial_key();
    return terminal.answered;
}

/* Waits for an answer that may still be on its way. */
static void await_answer(void) {
    if (!terminal.answered && timer_ticks() - asked_at < ANSWER_PERIODS)
        timer_wait(answer_came, ANSWER_PERIODS);
}

/* Asks for the device attributes (ECMA-48 8.3.24); every terminal since the VT100 answers. */
void input_ask_terminal(void) {
    if (asked)
        return;
    asked = true;
    asked_at = timer_ticks();
    machine_before_exit(await_answer);
    serial_send("\033[c");
}

/* True once a terminal has said what it is. */
bool input_terminal_answered(void) { return terminal.answered; }

/* True once a CR or an escape sequence has come over the serial line. */
bool input_terminal_likely(void) { return terminal.likely; }
