/* Catches: a way back from a report to before what it is about (catch.h).
 *
 * The catches that wait form a chain from the innermost out, on the stacks of the trap_catch calls. */
#include "catch.h"

#include "interrupt.h"
#include "log.h"
#include "memlayout.h"
#include "panic.h"

/* trap.S */
bool catch_call(void (*fn)(void *arg), void *arg, uintptr_t *stack);
void catch_land(uintptr_t stack) __attribute__((noreturn));

static struct catch {
    struct catch *outer;
    char *report;
    size_t size;
    size_t captures; /* of the log, open before FN */
    uint8_t irqs;    /* irqs_served before FN */
    uintptr_t stack; /* ESP where catch_land goes on */
    int vector;
}
*innermost;

/* Runs FN(ARG); true when a panic or an exception in it was caught, its report in REPORT. */
bool trap_catch(void (*fn)(void *arg), void *arg, char *report, size_t size, int *vector) {
    struct catch catch = {innermost, report, size, log_captures(), irqs_served, 0, -1};

    report[0] = '\0';
    innermost = &catch;
    bool caught = catch_call(fn, arg, &catch.stack);
    innermost = catch.outer;
    if (caught && vector)
        *vector = catch.vector;
    return caught;
}

/* Whether a catch waits. */
bool catch_waits(void) { return innermost != NULL; }

/* If a catch waits, sends the report into its buffer. Whether one waits. */
bool catch_takes_report(void) {
    if (innermost)
        log_capture(innermost->report, innermost->size);
    return catch_waits();
}

/* Leaves the innermost catch, as if neither the report nor FN had been. */
void catch_leave(int vector) {
    while (log_captures() > innermost->captures)
        log_capture_end();
    irqs_served = innermost->irqs;
    innermost->vector = vector;
    catch_land(innermost->stack);
}

/* Drops the catches that run on the fault stack, which is about to be overwritten. */
void catch_lose_fault_stack(void) {
    while (innermost && innermost->stack >= (uintptr_t)fault_stack_bottom &&
           innermost->stack < (uintptr_t)fault_stack_top)
        innermost = innermost->outer;
}
