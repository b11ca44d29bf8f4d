/* The log: text for every registered sink (the serial line, the screen), and for a ring in memory. */
#ifndef QUIRE_LOG_H
#define QUIRE_LOG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct log_sink {
    void (*write)(const char *text,
                  size_t n); /* '\n' ends a line; the sink adds the CR its device may need */
    struct log_sink *next;   /* the log's own */
};

/* Registers SINK, which must live for ever. It gets everything logged from now on, and at once the earlier text
 * that the ring still holds. */
void log_add_sink(struct log_sink *sink);

/* Logs formatted text (format.h). */
void kprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void kvprintf(const char *fmt, va_list args);

/* Logs N characters. */
void log_write(const char *text, size_t n);

/* Logs TEXT, each of its lines led by PREFIX, and ends the last. */
void log_lines(const char *prefix, const char *text);

/* Ends the line that is still open, if one is. */
void log_fresh_line(void);

/* Sends logged text to GATE (NULL: no gate) instead of the sinks; GATE passes on what it wants shown by log_pass.
 * The monitor uses it to stop at a full page and at Ctrl-C. A capture comes before the gate. */
void log_set_gate(void (*gate)(const char *text, size_t n));
void log_pass(const char *text, size_t n);

/* Sends logged text into BUF (NUL-ended, cut to SIZE > 0) instead, until log_capture_end, which returns the length
 * kept. For tests, and for reports that are printed elsewhere. Captures nest, up to 4 deep: the last one gets the
 * text. */
void log_capture(char *buf, size_t size);
size_t log_capture_end(void);

/* The number of open captures. */
size_t log_captures(void);

static inline bool log_capturing(void) { return log_captures() > 0; }

#endif
