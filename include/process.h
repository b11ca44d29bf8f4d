/* Programs: static ELF executables in ring 3, each in a space of its own (kernel/process/).
 *
 * The kernel's own code, the monitor included, is process 1; each program is another. Programs come as boot
 * modules and speak Linux's system calls for i386. Programs run with interrupts on and share the processor by the
 * timer; kernel code runs with interrupts off and is never preempted. */
#ifndef QUIRE_PROCESS_H
#define QUIRE_PROCESS_H

#include "types.h"

#define MONITOR_PID 1

/* Maps the boot modules, and makes the running code process 1. After space_init. */
void process_init(void);

/* Starts the module ARG[0] with N arguments, ARG[0] included. Its PID, or the negative of a Linux error number:
 * no such module, not a program, no memory. The program runs when the caller waits. */
int process_start(int n, char *const *arg);

/* Gives the terminal to program PID and waits for it; Ctrl-C goes to the program. Returns its wait status
 * (process_status_text). */
int process_wait_for(int pid);

/* Lets programs run until the next interrupt; none between process_enter and process_leave. For the monitor, while it
 * waits for input. */
void process_rest(void);

/* Calls HANDLER from process_rest when programs have printed meanwhile: a prompt must be shown again. */
void process_on_output(void (*handler)(void));

/* Ends program PID. False where there is none. */
bool process_kill(int pid);

/* A wait status in words, "exit status 3" or "signal 9"; "" for exit status 0. */
#define STATUS_TEXT 24
const char *process_status_text(int status, char text[STATUS_TEXT]);

/* What is wrong with starting a program, in words, from process_start's negative value. */
const char *process_error_text(int error);

/* A page fault that was mended. */
struct process_fault {
    const char *name; /* the program that runs; while a program is loaded, "monitor" */
    int pid;
    const void *va;
    bool write;
    paddr_t before, after; /* the page's frame before and after; PADDR_NONE: none */
};

/* Calls HANDLER after each page fault that was mended; NULL: no longer. */
void process_on_fault(void (*handler)(const struct process_fault *fault));

struct process_info {
    int pid, parent;
    const char *state, *name;
    size_t pages, shared, faults; /* pages present in the user part; of these, those with another owner */
};

/* Fills *OUT for the program with the lowest PID from PID on; false past the last. */
bool process_next(int pid, struct process_info *out);

/* Makes the space of program PID the current one until process_leave, and lets no program run meanwhile; false where
 * there is none. */
bool process_enter(int pid);
void process_leave(void);

/* What the page at VA, writable or not, is in the program that was entered, such as "text of hello". The
 * text stays until the next process_enter. NULL if no program was entered. */
const char *process_region(uintptr_t va, bool writable);

/* Whether the kernel is at work for a program, so that the monitor must not wait for a key. */
bool process_runs_program(void);

/* Adds a file, as if the boot loader had brought it: SIZE bytes at DATA, which lie in the identity map. NAME and DATA
 * stay the caller's, for ever. False where there is no room. For tests. */
bool process_add_file(const char *name, const void *data, size_t size);

/* The name of module I that the boot loader brought, counted from 0; NULL past the last. */
const char *process_module(size_t i);

#endif
