/* Panic: the report that panic_at asks for. panic_at itself stands in trap.S, where it can keep its caller's
 * registers. */
#include "panic.h"

#include "backtrace.h"
#include "format.h"
#include "log.h"
#include "report.h"
#include "symbols.h"

/* What panic_at has on its stack, above the frame. */
struct panic_call {
    unsigned return_address;
    const char *file;
    int line;
    const char *fmt;
    unsigned arguments[]; /* a va_list points to the next (System V ABI, i386) */
};

void panic(const struct trap_frame *frame) __attribute__((noreturn)); /* for trap.S */

static const void *about;
static const char *advice;

/* The next panic is about the object at ADDRESS: its last line tells how to look at it. */
void panic_about(const void *address) { about = address; }

/* The next panic also advises to try TEXT. */
void panic_advise(const char *text) { advice = text; }

static void print_last_lines(unsigned eip) {
    if (advice)
        kprintf("  try      %s\n", advice);
    print_advice(eip, about ? "peek" : NULL, (uintptr_t)about);
    about = NULL;
    advice = NULL;
}

static char reason[1024];

static void read_reason(const struct panic_call *call) {
    vformat_buffer(reason, sizeof(reason), call->fmt, (va_list)call->arguments);
}

/* The first line is the cause; a reason may have further lines, with details. */
static size_t first_line(void) {
    size_t n = 0;

    while (reason[n] && reason[n] != '\n')
        n++;
    return n;
}

/* What a report that is being made already says of this panic. */
static const char *reason_in_short(const struct panic_call *call) {
    read_reason(call);
    reason[first_line()] = '\0';
    return reason;
}

/* Reports the panic at FRAME. */
void panic(const struct trap_frame *frame) {
    const struct panic_call *call = (const void *)((const char *)frame + FRAME_KERNEL_SIZE);
    char where[ADDRESS_TEXT];

    report_begin(report_begun() ? reason_in_short(call) : "panic", frame->eip);
    read_reason(call);
    kprintf("PANIC: " CAUSE_INK "%.*s" PLAIN_INK "%s\n", (int)first_line(), reason, reason + first_line());
    kprintf("  at       %s:%d, %s\n", call->file, call->line, address_text(frame->eip, where));
    print_registers(frame);
    print_backtrace(frame);
    print_last_lines(frame->eip);
    report_end(-1);
}
