/* Formatted text, without a libc.
 *
 * Conversions: %c %s %d %i %u %x %X %p %%; flags: '-' '0' '+'; a width and, for %s, a precision (either may be *);
 * lengths: h hh l ll z. %p prints 0x and 8 digits. */
#ifndef QUIRE_FORMAT_H
#define QUIRE_FORMAT_H

#include <stdarg.h>
#include <stddef.h>

/* Takes the N characters at TEXT. */
typedef void format_sink(void *context, const char *text, size_t n);

/* Sends the text that FMT and ARGS make to SINK, in pieces, with CONTEXT. */
void format(format_sink *sink, void *context, const char *fmt, va_list args);

/* Writes the text to BUF, NUL-ended and cut to SIZE > 0. Returns the length of the whole text. */
size_t format_buffer(char *buf, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
size_t vformat_buffer(char *buf, size_t size, const char *fmt, va_list args);

#endif
