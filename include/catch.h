/* Catches: a way back from a panic or an exception, for tests and for the monitor (kernel/trap/catch.c). */
#ifndef QUIRE_CATCH_H
#define QUIRE_CATCH_H

#include "types.h"

/* Runs FN(ARG). A panic or an exception in it, a double fault included, is caught: its whole report goes into
 * REPORT (NUL-ended, cut to SIZE) instead of the log, and FN is abandoned where it was. True when something
 * was caught, with *VECTOR (may be NULL) the exception's vector, or -1 for a panic. An int3 reports and goes
 * on, here as anywhere. Catches nest. */
bool trap_catch(void (*fn)(void *arg), void *arg, char *report, size_t size, int *vector);

/* For the report: if a catch waits, sends the report into its buffer. Whether one waits. */
bool catch_takes_report(void);

/* Whether a catch waits. */
bool catch_waits(void);

/* For the report's end: leaves the innermost catch, as if neither the report nor FN had been. */
void catch_leave(int vector) __attribute__((noreturn));

/* For the double fault: drops the catches that run on the fault stack, which is about to be overwritten. */
void catch_lose_fault_stack(void);

#endif
