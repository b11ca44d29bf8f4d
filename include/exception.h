/* Exceptions in words (kernel/trap/exception.c). */
#ifndef QUIRE_EXCEPTION_H
#define QUIRE_EXCEPTION_H

#include "trap.h"

/* The name of exception VECTOR, as the SDM gives it. */
const char *exception_name(unsigned vector);

/* Reports an exception in ring 3, in the form of the kernel's reports, each line led by PREFIX. ADDRESS is
 * CR2. The program is the caller's to end. */
void exception_report_program(const struct trap_frame *frame, uintptr_t address, const char *prefix);

/* Reports an int3; the kernel goes on behind it. */
void breakpoint_report(const struct trap_frame *frame);

#endif
