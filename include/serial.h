/* The serial line COM1, 115200 8N1: a log sink, and a source of bytes. Every wait is bounded. */
#ifndef QUIRE_SERIAL_H
#define QUIRE_SERIAL_H

#include "types.h"

/* Sets COM1 up and makes it a sink of the log. False, and no sink, where no UART answers. */
bool serial_init(void);

bool serial_present(void);

/* Whether escape sequences in the text are sent too. They are not at first, so that a file gets plain text. */
void serial_sequences(bool sent);

/* Sends N characters of text as the log does. Bypasses the log, for use when the log is broken. */
void serial_write(const char *text, size_t n);

/* Sends the string BYTES as it is, escape sequences included. */
void serial_send(const char *bytes);

/* The next byte received, or -1 when none is waiting. */
int serial_poll(void);

#endif
