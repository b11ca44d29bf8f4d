/* Exceptions, interrupts and system calls: where each vector goes.
 *
 *   descriptors.c   the GDT, the IDT, and the task of the double fault
 *   trap.S          a stub for each vector
 *   exception.c     the report of an exception; page_fault.c and double_fault.c have parts of their own
 *   cause.c         why a page fault came; explain.c says it in words
 *   report.c        how a report is made, and what comes after it
 *   machine/pic.c   the vectors from TRAP_IRQ on: the PICs' lines
 *
 * Interrupts, single steps and int3 go on where they came from: trap.S calls trap_dispatch for them.
 * Exceptions that may concern a program come to exception_handled. */
#include "trap.h"

#include "cpu.h"
#include "descriptors.h"
#include "exception.h"
#include "interrupt.h"
#include "memlayout.h"

/* For trap.S. */
void trap_dispatch(struct trap_frame *frame);
bool exception_handled(struct trap_frame *frame, uintptr_t address);
extern void (*system_call_handler)(struct trap_frame *frame);

/* ---- single steps ---- */

static void (*step_handler)(struct trap_frame *frame);

/* Calls HANDLER before each instruction that runs with EFLAGS.TF set; NULL: no handler. */
void trap_on_step(void (*handler)(struct trap_frame *frame)) { step_handler = handler; }

/* Whether there is a handler of steps. */
bool trap_stepping(void) { return step_handler != NULL; }

/* Without a handler whatever causes debug exceptions ends here: TF, which a report that abandoned the stepped
 * code may have left set, and breakpoints that a boot loader has left in the debug registers. */
static void step(struct trap_frame *frame) {
    if (step_handler) {
        step_handler(frame);
    } else {
        frame->eflags &= ~EFLAGS_TF;
        write_dr7(0);
    }
}

/* ---- programs ---- */

static void ignore(struct trap_frame *frame) { (void)frame; }

static const struct trap_handlers nobody, *handlers = &nobody;
void (*system_call_handler)(struct trap_frame *frame) = ignore;

/* Registers HANDLERS (NULL: none); returns those before. */
const struct trap_handlers *trap_set_handlers(const struct trap_handlers *new_handlers) {
    const struct trap_handlers *before = handlers;

    handlers = new_handlers ? new_handlers : &nobody;
    system_call_handler = handlers->system_call ? handlers->system_call : ignore;
    return before;
}

static bool in_user_part(uintptr_t address) { return address >= FREE_START && address < KHEAP_START; }

/* In an interrupt handler nothing may be mended: it is a bug. */
static bool page_fault_mended(const struct trap_frame *frame, uintptr_t address) {
    return frame->vector == TRAP_PAGE_FAULT && in_user_part(address) && !in_interrupt() && handlers->page_fault &&
           handlers->page_fault((const void *)address, frame->error);
}

/* The exceptions that are the machine's, whatever it was running. */
static bool is_programs(unsigned vector) {
    return vector != TRAP_NMI && vector != TRAP_DOUBLE_FAULT && vector != TRAP_MACHINE_CHECK;
}

/* True when the exception at FRAME, CR2 being ADDRESS, is dealt with, and FRAME can go on. */
bool exception_handled(struct trap_frame *frame, uintptr_t address) {
    if (page_fault_mended(frame, address))
        return true;
    if (!trap_from_user(frame) || !is_programs(frame->vector) || !handlers->program_fault)
        return false;
    handlers->program_fault(frame, address);
    return true;
}

/* ---- what goes on where it came from ---- */

static void serve_interrupt(struct trap_frame *frame) {
    irq_dispatch(frame->vector - TRAP_IRQ, !trap_from_user(frame));
    if (trap_from_user(frame) && handlers->interrupted)
        handlers->interrupted(frame);
}

/* Serves the interrupt, single step or int3 at FRAME. */
void trap_dispatch(struct trap_frame *frame) {
    if (frame->vector >= TRAP_IRQ)
        serve_interrupt(frame);
    else if (trap_from_user(frame) && handlers->program_fault)
        handlers->program_fault(frame, 0);
    else if (frame->vector == TRAP_DEBUG)
        step(frame);
    else
        breakpoint_report(frame);
}

/* Loads the GDT, the IDT and the task register, and masks every line of the PICs. */
void trap_init(void) {
    cli();
    descriptors_init();
    pic_init(TRAP_IRQ);
}
