/* The scheduler. See schedule.h.
 *
 * Every process has a kernel stack; the monitor, process 1, has the boot stack. A process gives up the processor in
 * schedule: because it waits, because the timer has interrupted it in ring 3, or because it asked to. The ring of
 * processes is the order of turns.
 *
 * The monitor waits too, while programs run: it is woken by every interrupt, since any may bring a key. Where
 * nobody can run, schedule halts until an interrupt, on the stack of whoever came last.
 *
 * The x87 and SSE registers are saved and loaded at each switch: two instructions, and no exception 7. */
#include "process_inside.h"

#include "cpu.h"
#include "descriptors.h"
#include "input.h"
#include "memlayout.h"
#include "timer.h"
#include "vmem.h"

void context_switch(uintptr_t *save, uintptr_t load); /* switch.S */

struct process monitor;
struct process *current = &monitor;

/* ---- kernel stacks ---- */

#define SLOT_SIZE 0x4000u /* two pages left absent, then the stack */
#define STACK_PAGES 2

static bool slot_used[PROCESSES_MAX];

/* The initial contents of a new stack: what context_switch pops, and two return addresses. */
struct first_frame {
    unsigned edi, esi, ebx, ebp;
    void (*begin)(void);
    const char *back; /* trap_return */
    struct trap_frame frame;
};

static char *alloc_stack(void) {
    for (unsigned i = 0; i < PROCESSES_MAX; i++) {
        char *top = (char *)KERNEL_STACKS + (i + 1) * SLOT_SIZE, *bottom = top - STACK_PAGES * PAGE_SIZE;
        if (slot_used[i])
            continue;
        if (vmem_alloc_range(bottom, STACK_PAGES, VMEM_WRITE) < 0)
            return NULL;
        slot_used[i] = true;
        return bottom;
    }
    return NULL;
}

/* Gives PROCESS a kernel stack with FRAME at its top. The process first runs BEGIN, then goes to ring 3 with
 * FRAME. */
bool context_create(struct process *process, const struct trap_frame *frame, void (*begin)(void)) {
    char *bottom = alloc_stack(), *top;
    struct first_frame *first;

    if (!bottom)
        return false;
    top = bottom + STACK_PAGES * PAGE_SIZE;
    first = (struct first_frame *)(void *)top - 1;
    *first = (struct first_frame){.begin = begin, .back = trap_return, .frame = *frame};
    process->context.esp = (uintptr_t)first;
    process->context.stack = (struct stack){.name = process->name, .bottom = bottom, .top = top};
    stack_register(&process->context.stack);
    return true;
}

/* Gives back PROCESS's kernel stack. */
void context_destroy(struct process *process) {
    char *bottom = (char *)(uintptr_t)process->context.stack.bottom;

    stack_unregister(&process->context.stack);
    vmem_free_range(bottom, STACK_PAGES);
    slot_used[(uintptr_t)(bottom - (char *)KERNEL_STACKS) / SLOT_SIZE] = false;
}

/* ---- the change ---- */

/* Makes SPACE the current one. */
void enter_space(struct space *space) {
    if (space != space_current())
        space_switch(space);
}

static void switch_to(struct process *next) {
    struct process *before = current;

    fpu_save(&before->context.fpu);
    before->context.fs = read_fs();
    before->context.gs = read_gs();
    current = next;
    enter_space(next->space);
    trap_set_kernel_stack((void *)(uintptr_t)next->context.stack.top);
    trap_set_tls(next->context.tls);
    load_fs(next->context.fs);
    load_gs(next->context.gs);
    fpu_load(&next->context.fpu);
    context_switch(&before->context.esp, next->context.esp);
}

/* The next runnable process after the current one, which is considered last; NULL if there is none. */
static struct process *next_runnable(void) {
    struct process *process = current;

    do {
        process = process->next;
        if (process->state == RUNNABLE)
            return process;
    } while (process != current);
    return NULL;
}

/* Lets another process run, if one is runnable; returns at the caller's next turn. */
void schedule(void) {
    struct process *next;

    while (!(next = next_runnable())) {
        input_rest();
        schedule_interrupted();
    }
    if (next != current)
        switch_to(next);
}

/* ---- waiting ---- */

/* Waits until CHANNEL is woken, a signal comes, or tick *UNTIL (may be NULL) has come. */
void schedule_wait(const void *channel, const unsigned *until) {
    struct context *context = &current->context;

    context->channel = channel;
    if ((context->timed = until != NULL))
        context->wake_at = *until;
    current->state = WAITING;
    schedule();
}

/* Wakes PROCESS if it waits, whatever for. */
void schedule_wake_process(struct process *process) {
    if (process->state == WAITING)
        process->state = RUNNABLE;
}

/* Wakes every process that waits for CHANNEL. */
void schedule_wake(const void *channel) {
    struct process *process = current;

    do {
        if (process->context.channel == channel)
            schedule_wake_process(process);
        process = process->next;
    } while (process != current);
}

/* After an interrupt: wakes the monitor, and every process whose wait has timed out. */
void schedule_interrupted(void) {
    struct process *process = current;
    unsigned now = timer_ticks();

    do {
        if (process->context.timed && (int)(now - process->context.wake_at) >= 0)
            schedule_wake_process(process);
        process = process->next;
    } while (process != current);
    schedule_wake_process(&monitor);
}
