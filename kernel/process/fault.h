/* Faults that are a program's own. */
#ifndef QUIRE_FAULT_H
#define QUIRE_FAULT_H

#include "trap.h"

/* The current program's exception, ADDRESS being CR2: a signal, if the program handles it; otherwise a report, and
 * the program ends. */
void fault_in_program(struct trap_frame *frame, uintptr_t address);

#endif
