/* Formatted text, without a libc.
 *
 * Conversions: %c %s %d %i %u %x %X %p %% with the flags '-' '0' '+', a width and, for %s, a precision
 * (either may be *), and the lengths h hh l ll z. %p is 0x and 8 digits. */
#ifndef QUIRE_FORMAT_H
#define QUIRE_FORMAT_H

#include <stdarg.h>
#include <stddef.h>

/* Takes the N characters at TEXT. */
typedef void format_sink(void *context, const char *text, size_t n);

void format(format_sink *sink, void *context, const char *fmt, va_list args);

/* Into BUF, cut to SIZE with its NUL (SIZE > 0); the length that the whole text would have had. */
size_t format_buffer(char *buf, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
size_t vformat_buffer(char *buf, size_t size, const char *fmt, va_list args);

#endif
