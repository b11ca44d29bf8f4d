/* COM1: a 16550 UART or one of its ancestors (National PC16550D data sheet; its names are used here).
 *
 * A byte takes 87 microseconds, but an emulator waits for whoever reads its output, and that can take long. A
 * transmitter that stays busy past LONG_WAIT gets only SHORT_WAIT from then on, until it answers again: the
 * kernel is held up once, not at every character. */
#include "serial.h"

#include "cpu.h"
#include "log.h"
#include "timer.h"

#define COM1 0x3F8
#define DATA (COM1 + 0) /* receiver buffer, transmitter holding register */
#define DIVISOR_LOW (COM1 + 0)
#define IER (COM1 + 1)
#define DIVISOR_HIGH (COM1 + 1)
#define FCR (COM1 + 2)
#define LCR (COM1 + 3)
#define MCR (COM1 + 4)
#define LSR (COM1 + 5)
#define SCRATCH (COM1 + 7)

#define IER_RECEIVED 0x01
#define FCR_ENABLE_AND_CLEAR 0x07 /* interrupt at the first byte received */
#define LCR_8N1 0x03
#define LCR_DIVISOR 0x80 /* the first two registers are the divisor */
#define MCR_DTR_RTS 0x03
#define MCR_OUT2 0x08 /* on a PC, lets the interrupt line through */
#define MCR_LOOP 0x10
#define LSR_RECEIVED 0x01
#define LSR_TRANSMIT_EMPTY 0x20

#define SHORT_WAIT 2000 /* reads of LSR, each about a microsecond on hardware */
#define LONG_WAIT (30u * TIMER_HZ)

static bool present;
static bool patient = true;

/* True when BIT of the line status is set soon. */
static bool wait_for(uint8_t bit) {
    for (unsigned n = 0; n < SHORT_WAIT; n++)
        if (inb(LSR) & bit)
            return true;
    return false;
}

static bool transmitter_empty(void) { return inb(LSR) & LSR_TRANSMIT_EMPTY; }

static void set_up(void) {
    outb(IER, 0);
    outb(LCR, LCR_DIVISOR);
    outb(DIVISOR_LOW, 1); /* 115200 / 1 */
    outb(DIVISOR_HIGH, 0);
    outb(LCR, LCR_8N1);
    outb(FCR, FCR_ENABLE_AND_CLEAR);
}

static bool scratch_holds(uint8_t value) {
    outb(SCRATCH, value);
    return inb(SCRATCH) == value;
}

/* Turned back on itself, the UART receives what it sends. */
static bool loopback_works(void) {
    outb(MCR, MCR_LOOP);
    outb(DATA, 0xA5);
    return wait_for(LSR_RECEIVED) && inb(DATA) == 0xA5;
}

static void put_byte(char c) {
    bool empty = wait_for(LSR_TRANSMIT_EMPTY) || (patient && timer_wait(transmitter_empty, LONG_WAIT));

    patient = empty;
    if (empty)
        outb(DATA, (uint8_t)c);
}

static bool sequences_sent;

/* True when C, the next character of the text, is sent. A control sequence (ECMA-48 5.4) is ESC [, parameters, and
 * a byte from 0x40 up. */
static bool passes(char c) {
    static enum { TEXT, ESCAPED, SEQUENCE } state;
    bool was_text = state == TEXT;

    if (c == '\033')
        state = ESCAPED;
    else if (state == ESCAPED)
        state = c == '[' ? SEQUENCE : TEXT;
    else if (c >= 0x40)
        state = TEXT;
    return sequences_sent || (was_text && state == TEXT);
}

/* Sends N characters of text, without escape sequences unless serial_sequences allows them. */
void serial_write(const char *text, size_t n) {
    for (; present && n; n--, text++) {
        if (!passes(*text))
            continue;
        if (*text == '\n')
            put_byte('\r');
        put_byte(*text);
    }
}

/* Sends the string BYTES as it is. */
void serial_send(const char *bytes) {
    for (; present && *bytes; bytes++)
        put_byte(*bytes);
}

/* Sets COM1 up and makes it a sink of the log; false where no UART answers. */
bool serial_init(void) {
    static struct log_sink sink = {serial_write, NULL};

    if (!scratch_holds(0x55) || !scratch_holds(0xAA))
        return false;
    set_up();
    if (!loopback_works())
        return false;
    outb(MCR, MCR_DTR_RTS | MCR_OUT2);
    outb(IER, IER_RECEIVED); /* has an effect once input_read unmasks the line */
    present = true;
    log_add_sink(&sink);
    return true;
}

bool serial_present(void) { return present; }

void serial_sequences(bool sent) { sequences_sent = sent; }

/* The next byte received, or -1. */
int serial_poll(void) {
    if (!present || !(inb(LSR) & LSR_RECEIVED))
        return -1;
    return inb(DATA);
}
