/* Panic: the report of panic_at, which stands in trap.S so that it can keep its caller's registers. */
#include "panic.h"

#include "heap_debug.h"
#include "log.h"
#include "report.h"
#include "symbols.h"
#include "string.h"

/* What panic_at has on its stack, lowest address first. */
struct panic_call {
    struct trap_frame frame;
    unsigned return_address;
    const char *file;
    int line;
    const char *fmt;
    unsigned arguments[]; /* a va_list points to the next (System V ABI, i386) */
};
_Static_assert(sizeof(struct trap_frame) == 52, "nothing lies between the frame and the return address");

void panic(const struct trap_frame *frame) __attribute__((noreturn)); /* for trap.S */

static const void *about;

void panic_about(const void *address) { about = address; }

void print_advice(unsigned eip, const char *command, uintptr_t address) {
    kprintf("  try      make debug, there break *0x%08x\n", eip);
    if (command)
        kprintf("  try      %s 0x%08x, at the prompt %s\n", command, (unsigned)address,
                panic_stays() ? "below" : "that panic=stay leaves");
}

void print_heap_advice(void) {
    if (heap_mode() == HEAP_NORMAL)
        kprintf("  try      heap=debug or heap=guard as an option: it names the object's callers\n");
}

static bool is_about_heap(const char *file) {
    static const char kmalloc[] = "mm/kmalloc";

    return strncmp(file, kmalloc, sizeof(kmalloc) - 1) == 0;
}

void panic(const struct trap_frame *frame) {
    const struct panic_call *call = (const struct panic_call *)frame;
    char where[ADDRESS_TEXT];

    report_begin("panic", frame->eip);
    kprintf("PANIC: ");
    kvprintf(call->fmt, (va_list)call->arguments);
    kprintf("\n  at       %s:%d, %s\n", call->file, call->line, address_text(frame->eip, where));
    print_registers(frame);
    print_backtrace(frame);
    if (is_about_heap(call->file))
        print_heap_advice();
    print_advice(frame->eip, about ? "peek" : NULL, (uintptr_t)about);
    about = NULL;
    panic_finish(-1);
}
