/* Stand-ins for the rooms of the kernel that kernel/process/ calls: traps, the timer, the keyboard, the log. Each process
 * has its turns on a stack of the host's own. */
#ifndef QUIRE_FUZZ_KERNEL_H
#define QUIRE_FUZZ_KERNEL_H

#include "trap.h"

/* What process/ has registered. */
extern const struct trap_handlers *handlers;

/* What a process does once it is in ring 3, from FRAME on. It never returns. */
void run_program(struct trap_frame *frame) __attribute__((noreturn));

/* The timer's tick. */
extern unsigned ticks;

/* The key that input_poll finds, once; -1: none. */
extern int key;

/* Any key, often one that means something to a program. */
int any_key(void);

/* How many kernel stacks there are. */
size_t kernel_stacks(void);

/* Clears what outlives a process. */
void kernel_begin(void);

/* PIDs begin anew (pids.c). */
void pids_begin(void);

/* ---- lines.c ---- */

/* The monitor runs any line, as if it had been typed, as one of the boot command line's, or as a test does. */
void type_line(void);

/* Before the first line of an input; after the last, gives back all that lines have mapped and allocated. */
void lines_begin(void);
void lines_end(void);

/* Whether the monitor runs a line, and no program does: it may look at any page that is there. */
bool monitor_looks(void);

#endif
