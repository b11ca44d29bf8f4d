/* Faults that are a program's own. */
#ifndef QUIRE_FAULT_H
#define QUIRE_FAULT_H

#include "trap.h"

/* Handles an exception of the current program; ADDRESS is CR2. Sends a signal if the program handles it;
 * otherwise prints a report and ends the program. */
void fault_in_program(struct trap_frame *frame, uintptr_t address);

#endif
