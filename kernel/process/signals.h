/* Signals, as Linux has them: without queues, stops and alternative stacks. */
#ifndef QUIRE_SIGNALS_H
#define QUIRE_SIGNALS_H

#include "linux.h"
#include "trap.h"

struct signals {
    unsigned pending, blocked; /* bit N - 1 is signal N */
    unsigned before_suspend;   /* sigsuspend's: what BLOCKED was */
    bool suspended;
    uintptr_t fault_address;
    struct sigaction action[SIGNALS];
};

struct process;

/* Makes SIGNAL pending for PROCESS, and wakes it unless it ignores or blocks SIGNAL. */
void signal_send(struct process *process, unsigned signal);

/* Sends SIGNAL, a fault's, to the current process. False if the program does not handle it and must end. */
bool signal_fault(unsigned signal, uintptr_t address);

/* Whether the current process has a signal to act on. */
bool signal_pending(void);

/* On the way back to ring 3: ends the program, or has it run a handler. NUMBER is the system call that FRAME came
 * with, to be made again if a signal broke it off; -1 for none. */
void signals_deliver(struct trap_frame *frame, int number);

/* What an executable begins with: handlers are gone. */
void signals_reset(struct signals *signals);

#endif
