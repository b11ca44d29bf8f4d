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
    unsigned faulted; /* the signal that a fault has sent, and that has not been delivered; 0: none */
    struct sigaction action[SIGNALS];
};

struct process;

/* Makes SIGNAL pending for PROCESS, and wakes it unless it ignores or blocks SIGNAL. */
void signal_send(struct process *process, unsigned signal);

/* Sends SIGNAL, raised by a fault at ADDRESS, to the current process. False if it has no handler and must
 * end. */
bool signal_fault(unsigned signal, uintptr_t address);

/* Whether the current process has a signal to act on. */
bool signal_pending(void);

/* On the way back to ring 3: ends the program or makes it run a handler. NUMBER is the system call that
 * FRAME came with, which may have to be repeated; -1 for none. */
void signals_deliver(struct trap_frame *frame, int number);

/* Resets handlers to the default action; ignored signals stay ignored. */
void signals_reset(struct signals *signals);

#endif
