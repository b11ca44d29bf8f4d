/* Registers and backtraces (backtrace.c). */
#ifndef QUIRE_BACKTRACE_H
#define QUIRE_BACKTRACE_H

#include "trap.h"

/* Prints the registers of FRAME, and the control registers. */
void print_registers(const struct trap_frame *frame);

/* Prints the functions that were running at FRAME, innermost first. */
void print_backtrace(const struct trap_frame *frame);

/* Prints which function's frames, from FRAME on, take most of the stack. */
void print_most_used(const struct trap_frame *frame);

/* The return address to the caller of what ran at FRAME, when the chain of frames does not have it: FRAME is
 * in a function without a frame of its own, or outside the kernel's text. Otherwise 0. */
unsigned hidden_caller(const struct trap_frame *frame);

/* The address of the call that returns to EIP, or 0. */
uintptr_t call_before(uintptr_t eip);

/* Whether ADDRESS lies in the kernel's text. */
bool in_text(uintptr_t address);

#endif
