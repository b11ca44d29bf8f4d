/* Making a report, whatever it is about (kernel/trap/report.c). */
#ifndef QUIRE_REPORT_H
#define QUIRE_REPORT_H

#include "types.h"

/* The cause stands out where colours are shown: sinks without colours leave escape sequences out
 * (ECMA-48). */
#define CAUSE_INK "\033[1;91m"
#define PLAIN_INK "\033[0m"

/* Comes first: takes the log, or the buffer of the catch that waits. If a report is being made already, it
 * prints one line about WHAT at EIP instead, and stops. */
void report_begin(const char *what, unsigned eip);

/* Whether a report is being made. */
bool report_begun(void);

/* Comes last: goes back to the catch that waits, or stops. Stopping writes failure to the exit port; where
 * there is none, or panic=stay was given, it starts the last look. */
void report_end(int vector) __attribute__((noreturn));

/* Registers LOOK, the last look: what a report that stays offers before it halts. LOOK does not return. */
void report_set_last_look(void (*look)(void));

/* Prints the line that gives the likely cause. */
void print_cause(const char *text);

/* The report's last lines, what to try next: a breakpoint at EIP, and COMMAND (NULL: none), the monitor's
 * that shows ADDRESS. */
void print_advice(unsigned eip, const char *command, uintptr_t address);

#endif
