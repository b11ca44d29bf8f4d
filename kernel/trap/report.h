/* Making a report, whatever it is about (report.c). */
#ifndef QUIRE_REPORT_H
#define QUIRE_REPORT_H

#include "types.h"

/* Comes first: takes the log, or the buffer of the catch that waits. If a report is being made already, it
 * prints one line about WHAT at EIP instead, and stops. */
void report_begin(const char *what, unsigned eip);

/* Comes last: goes back to the catch that waits, or stops. Stopping writes failure to the exit port; where
 * there is none, or panic=stay was given, it starts the last look. */
void report_end(int vector) __attribute__((noreturn));

/* The report's last lines, what to try next: a breakpoint at EIP, and COMMAND (NULL: none), the monitor's that
 * shows ADDRESS. */
void print_advice(unsigned eip, const char *command, uintptr_t address);

#endif
