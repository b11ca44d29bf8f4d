/* Exceptions in words (exception.c). */
#ifndef QUIRE_EXCEPTION_H
#define QUIRE_EXCEPTION_H

#include "trap.h"

/* The name of exception VECTOR, as the SDM gives it. */
const char *exception_name(unsigned vector);

/* Reports an int3; the kernel goes on behind it. */
void breakpoint_report(const struct trap_frame *frame);

#endif
