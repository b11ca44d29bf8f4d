/* Reports: what a panic and the exceptions share (report.c), and what they are put together from. */
#ifndef QUIRE_REPORT_H
#define QUIRE_REPORT_H

#include "trap.h"

/* Comes first: takes the log, or the report that a catch wants. Of WHAT at EIP while a report is being made
 * it prints one line, and stops. */
void report_begin(const char *what, unsigned eip);

/* Comes last: goes back to an armed catch, or stops: the exit port says failure, or, where there is none or
 * panic=stay was asked for, there is a last look (last_look.h). */
void panic_finish(int vector) __attribute__((noreturn));

/* Whether there is to be a last look. */
bool panic_stays(void);

/* A catch that runs on the fault stack is lost: its frames are about to be written over. */
void catch_lose_fault_stack(void);

/* panic.c. A report's last lines: what to try next. COMMAND, the monitor's that shows ADDRESS, may be
 * NULL. */
void print_advice(unsigned eip, const char *command, uintptr_t address);

/* The line before them: what the debugging heap, where it is not in use, would find out. */
void print_heap_advice(void);

/* exception.c. */
const char *exception_name(unsigned vector);
void breakpoint_report(const struct trap_frame *frame);

/* fault.c: the page fault at ADDRESS, in words. */
void page_fault_report(const struct trap_frame *frame, unsigned address);

/* backtrace.c: the registers of FRAME, and the control registers. */
void print_registers(const struct trap_frame *frame);

/* The functions that were being run at FRAME, innermost first. */
void print_backtrace(const struct trap_frame *frame);

/* The function whose frames, from FRAME on, take most of the stack. */
void print_most_used(const struct trap_frame *frame);

/* Where the code that was run at FRAME was called from, as far as FRAME tells without the chain of frames: in
 * a function without a frame of its own, or nowhere in the kernel's text. Otherwise 0. */
unsigned hidden_caller(const struct trap_frame *frame);

/* The call that returns to EIP, or 0. */
uintptr_t call_before(uintptr_t eip);

/* The end of the kernel stack that holds ADDRESS, or 0. */
uintptr_t stack_end(uintptr_t address);

/* ADDRESS lies in the kernel's text. */
bool in_text(uintptr_t address);

#endif
