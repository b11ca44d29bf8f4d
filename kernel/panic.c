/* Panic: the report of panic_at, which stands in trap.S so that it can keep its caller's registers. */
#include "panic.h"

#include "log.h"
#include "trap.h"

static const void *about;

void panic_about(const void *address) { about = address; }

void print_advice(unsigned eip, const char *command, uintptr_t address) {
    kprintf("  try      make debug, there break *0x%08x", eip);
    if (command)
        kprintf("; at the prompt that panic=stay leaves, %s 0x%08x", command, (unsigned)address);
    kprintf("\n");
}

void panic_report(const struct trap_frame *frame, const char *file, int line, const char *fmt, va_list args)
    __attribute__((noreturn));

void panic_report(const struct trap_frame *frame, const char *file, int line, const char *fmt, va_list args) {
    char where[ADDRESS_TEXT];

    report_begin("panic", frame->eip);
    kprintf("PANIC: ");
    kvprintf(fmt, args);
    kprintf("\n  at       %s:%d, %s\n", file, line, address_text(frame->eip, where));
    print_registers(frame);
    print_backtrace(frame->eip, frame->ebp);
    print_advice(frame->eip, about ? "peek" : NULL, (uintptr_t)about);
    about = NULL;
    panic_finish(-1);
}
