/* The log.
 *
 * Logged text goes to every sink, and to a ring that keeps the latest RING_SIZE bytes. A sink that registers late
 * is first given the ring, from its first whole line on. While a capture is open it gets the text in place of both.
 * The log allocates nothing, and works from the kernel's first instruction on. */
#include "log.h"

#include "format.h"
#include "panic.h"
#include "string.h"

#define RING_SIZE 16384
#define CAPTURES_MAX 4u

static char ring[RING_SIZE];
static size_t ring_written; /* bytes in all: the next goes to ring[ring_written % RING_SIZE] */
extern struct log_sink *log_sinks; /* not static: tests/boot/test_fault_edges.py finds it by its name */
struct log_sink *log_sinks;
static void (*gate)(const char *text, size_t n);

static struct capture {
    char *text;
    size_t size, used;
} captures[CAPTURES_MAX];
static size_t captures_open;

static void ring_write(const char *text, size_t n) {
    while (n) {
        size_t at = ring_written % RING_SIZE, part = n < RING_SIZE - at ? n : RING_SIZE - at;

        memcpy(ring + at, text, part);
        ring_written += part;
        text += part;
        n -= part;
    }
}

/* Gives SINK the ring's text, without the line that the ring has cut. */
static void ring_replay(const struct log_sink *sink) {
    size_t from = 0;

    if (ring_written > RING_SIZE) {
        from = ring_written - RING_SIZE;
        while (from < ring_written && ring[from % RING_SIZE] != '\n')
            from++;
        from++;
    }
    while (from < ring_written) {
        size_t end = from - from % RING_SIZE + RING_SIZE;

        if (end > ring_written)
            end = ring_written;
        sink->write(ring + from % RING_SIZE, end - from);
        from = end;
    }
}

/* Registers SINK, and gives it the text so far. */
void log_add_sink(struct log_sink *sink) {
    ring_replay(sink);
    sink->next = log_sinks;
    log_sinks = sink;
}

static void capture_write(struct capture *capture, const char *text, size_t n) {
    size_t space = capture->size - 1 - capture->used;

    if (n > space)
        n = space;
    memcpy(capture->text + capture->used, text, n);
    capture->used += n;
    capture->text[capture->used] = '\0';
}

/* Sends N characters to the ring and the sinks, past the gate. */
void log_pass(const char *text, size_t n) {
    ring_write(text, n);
    for (struct log_sink *sink = log_sinks; sink; sink = sink->next)
        sink->write(text, n);
}

/* Sends logged text to NEW_GATE instead of the sinks; NULL: to the sinks. */
void log_set_gate(void (*new_gate)(const char *text, size_t n)) { gate = new_gate; }

/* Logs N characters. */
void log_write(const char *text, size_t n) {
    if (captures_open)
        capture_write(&captures[captures_open - 1], text, n);
    else if (gate)
        gate(text, n);
    else
        log_pass(text, n);
}

/* Ends the line that is still open. */
void log_fresh_line(void) {
    if (!captures_open && ring_written && ring[(ring_written - 1) % RING_SIZE] != '\n')
        log_write("\n", 1);
}

/* Logs TEXT, each of its lines led by PREFIX, and ends the last. */
void log_lines(const char *prefix, const char *text) {
    while (*text) {
        size_t n = 0;

        while (text[n] && text[n] != '\n')
            n++;
        kprintf("%s%.*s\n", prefix, (int)n, text);
        text += text[n] ? n + 1 : n;
    }
}

static void log_format_sink(void *context, const char *text, size_t n) {
    (void)context;
    log_write(text, n);
}

void kvprintf(const char *fmt, va_list args) { format(log_format_sink, NULL, fmt, args); }

/* Logs formatted text. */
void kprintf(const char *fmt, ...) {
    va_list args;

    va_start(args, fmt);
    kvprintf(fmt, args);
    va_end(args);
}

/* Sends logged text into BUF until log_capture_end. */
void log_capture(char *buf, size_t size) {
    ASSERT_OP(captures_open, <, CAPTURES_MAX);
    ASSERT(size > 0);
    buf[0] = '\0';
    captures[captures_open++] = (struct capture){buf, size, 0};
}

/* Ends the last capture; the length kept. */
size_t log_capture_end(void) {
    ASSERT(captures_open > 0);
    return captures[--captures_open].used;
}

size_t log_captures(void) { return captures_open; }
