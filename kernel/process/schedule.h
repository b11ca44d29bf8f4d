/* The scheduler: kernel stacks, turns, and waiting. */
#ifndef QUIRE_SCHEDULE_H
#define QUIRE_SCHEDULE_H

#include "fpu.h"
#include "stack.h"
#include "types.h"

/* The state of the processor for a process that is not running. */
struct context {
    uintptr_t esp;      /* of the kernel stack */
    struct stack stack; /* the kernel stack; unused for the monitor, which has the boot stack */
    uintptr_t tls;      /* the base of segment USER_TLS */
    uint16_t fs, gs;
    const void *channel; /* what it waits for; NULL: nothing but the clock or a signal */
    bool timed;
    unsigned wake_at; /* the timer's tick, where TIMED */
    struct fpu_state fpu;
};

struct process;

struct trap_frame;

/* Gives PROCESS a kernel stack with FRAME at its top. The process first runs BEGIN, then goes to ring 3
 * with FRAME. False when memory has run out. */
bool context_create(struct process *process, const struct trap_frame *frame, void (*begin)(void));
void context_destroy(struct process *process);

/* Lets another process run, if one is runnable; returns at the caller's next turn. An idle machine halts
 * here. */
void schedule(void);

/* Waits until CHANNEL is woken, a signal comes, or tick *UNTIL (may be NULL) has come. */
void schedule_wait(const void *channel, const unsigned *until);

/* Wakes every process that waits for CHANNEL. */
void schedule_wake(const void *channel);

/* Wakes PROCESS if it waits, whatever for. */
void schedule_wake_process(struct process *process);

/* After an interrupt: wakes the monitor, and every process whose wait has timed out. */
void schedule_interrupted(void);

#endif
