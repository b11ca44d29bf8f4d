/* The log: text to every sink that has registered, and to a ring in memory. */
#ifndef QUIRE_LOG_H
#define QUIRE_LOG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct log_sink {
    void (*write)(const char *text, size_t n); /* '\n' ends a line; the sink adds what its device needs */
    struct log_sink *next;                     /* the log's */
};

/* From now on SINK, which must live for ever, gets all that is logged; what the ring still holds of
 * earlier text it is given at once. */
void log_add_sink(struct log_sink *sink);

void kprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void kvprintf(const char *fmt, va_list args);
void log_write(const char *text, size_t n);

/* Logs TEXT, each of its lines led by PREFIX, and ends the last. */
void log_lines(const char *prefix, const char *text);

/* Ends a line that is still open, so that what follows begins one. */
void log_fresh_line(void);

/* From now on what is logged (and not captured) goes to GATE instead, NULL for none, which hands on what it
 * lets through to log_pass. The monitor's, for pages and for Ctrl-C. */
void log_set_gate(void (*gate)(const char *text, size_t n));
void log_pass(const char *text, size_t n);

/* Sends what is logged into BUF (NUL-ended, cut to SIZE > 0) instead, until log_capture_end, which returns
 * the length kept. For tests that read a report. A capture inside another takes over until its own end, up
 * to 4 deep. */
void log_capture(char *buf, size_t size);
size_t log_capture_end(void);

/* How many captures are open. */
size_t log_captures(void);

static inline bool log_capturing(void) { return log_captures() > 0; }

#endif
