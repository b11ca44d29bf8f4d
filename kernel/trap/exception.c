/* The exceptions in words: the report of each, but for the page fault's middle (fault.c) and the double fault
 * (double_fault.c), which comes by another way. */
#include "exception.h"

#include "backtrace.h"
#include "cpu.h"
#include "heap_debug.h"
#include "log.h"
#include "memlayout.h"
#include "page_fault.h"
#include "report.h"
#include "stack.h"
#include "symbols.h"

/* SDM vol. 3, table 6-1; and what mostly leads to it. The debug exception and the breakpoint are never the
 * end; the double fault and the page fault have reports of their own. */
static const struct {
    const char *name, *cause;
} exceptions[] = {
    {"divide error", "a division by zero, or a quotient too large for its register"},
    {"debug exception", NULL},
    {"non-maskable interrupt", NULL},
    {"breakpoint", NULL},
    {"overflow", "INTO: no compiler makes one, so this was a jump into data"},
    {"bound range exceeded", "BOUND: no compiler makes one, so this was a jump into data"},
    {"invalid opcode", NULL},
    {"no coprocessor", "floating point: the kernel is built without; or a jump into data"},
    {"double fault", NULL},
    {"coprocessor segment overrun", NULL},
    {"invalid TSS", "a switch to a task whose TSS is damaged, or is none"},
    {"segment not present", "a selector whose descriptor is not marked present"},
    {"stack-segment fault", "the stack segment's limit, or a selector for SS that is none"},
    {"general protection fault", "an instruction, operand or selector that is not allowed"},
    {"page fault", NULL},
    {"reserved exception 15", NULL},
    {"x87 floating-point error", "floating point: the kernel is built without"},
    {"alignment check", "a misaligned access, and EFLAGS.AC set, which it should not be"},
    {"machine check", "the hardware has found itself at fault: memory, cache or bus"},
    {"SIMD floating-point error", "floating point: the kernel is built without"},
    {"virtualization exception", NULL},
    {"control protection exception", NULL},
};

/* For trap.S: ADDRESS is CR2. */
void exception(const struct trap_frame *frame, uintptr_t address) __attribute__((noreturn));

const char *exception_name(unsigned vector) {
    return vector < ARRAY_SIZE(exceptions) ? exceptions[vector].name : "reserved exception";
}

/* ---- causes ---- */

#define SYSTEM_CONTROL_B 0x61 /* the PC's port B: why the NMI line was pulled */
#define PARITY_ERROR 0x80
#define CHANNEL_CHECK 0x40

static void print_nmi_cause(void) {
    uint8_t reason = inb(SYSTEM_CONTROL_B);

    if (reason & PARITY_ERROR)
        kprintf("  cause    memory parity, or the chipset's SERR (port 0x61: 0x%02x)\n", reason);
    else if (reason & CHANNEL_CHECK)
        kprintf("  cause    an extension card's IOCHK (port 0x61: 0x%02x)\n", reason);
    else
        kprintf("  cause    none in port 0x61 (0x%02x): a watchdog, a button, or the emulator\n", reason);
}

/* UD2 (0F 0B) is what compilers put where the program must never come. */
static void print_invalid_opcode_cause(unsigned eip) {
    const uint8_t *code = (const uint8_t *)eip;

    if (!in_text(eip) || !in_text(eip + 3))
        kprintf("  cause    this is not the kernel's code: a bad function pointer or return\n");
    else if (code[0] == 0x0F && code[1] == 0x0B)
        kprintf("  cause    UD2, put where the program must never come (__builtin_trap)\n");
    else
        kprintf("  cause    no instruction of this processor: %02x %02x %02x %02x; or a jump into one\n",
                code[0], code[1], code[2], code[3]);
}

static void print_cause(const struct trap_frame *frame) {
    if (frame->vector == TRAP_NMI)
        print_nmi_cause();
    else if (frame->vector == TRAP_INVALID_OPCODE)
        print_invalid_opcode_cause(frame->eip);
    else if (frame->vector < ARRAY_SIZE(exceptions) && exceptions[frame->vector].cause)
        kprintf("  cause    %s\n", exceptions[frame->vector].cause);
}

/* ---- the report ---- */

/* SDM vol. 3, figure 6-7: a selector, or a vector of the IDT. */
static void print_error_code(unsigned error) {
    kprintf("  error    0x%04x: ", error);
    if (error & 2)
        kprintf("IDT, vector %u", error >> 3);
    else if (error >> 2)
        kprintf("selector 0x%02x, entry %u of the %s", error & 0xFFFC, error >> 3, error & 4 ? "LDT" : "GDT");
    else
        kprintf("no selector");
    kprintf("%s\n", error & 1 ? ", in an external event" : "");
}

static bool error_is_selector(unsigned vector) { return vector >= 10 && vector <= TRAP_GENERAL_PROTECTION; }

static void print_exception(const struct trap_frame *frame) {
    char where[ADDRESS_TEXT];

    kprintf("PANIC: %s (exception %u)\n", exception_name(frame->vector), frame->vector);
    kprintf("  at       %s\n", address_text(frame->eip, where));
    if (error_is_selector(frame->vector))
        print_error_code(frame->error);
    print_cause(frame);
}

/* The frame itself was pushed where ESP pointed to. */
static void print_stray_stack(const struct trap_frame *frame) {
    if (!stack_end(frame_esp(frame) - 1))
        kprintf("  stack    esp 0x%08x lies in no kernel stack: a damaged stack pointer\n", frame_esp(frame));
}

/* Of a jump to nowhere, the call that made it, if that is known. */
static unsigned where_to_break(const struct trap_frame *frame) {
    uintptr_t call = in_text(frame->eip) ? 0 : call_before(hidden_caller(frame));

    return call ? call : frame->eip;
}

/* Reports the exception at FRAME. */
void exception(const struct trap_frame *frame, uintptr_t address) {
    report_begin(exception_name(frame->vector), frame->eip);
    if (frame->vector == TRAP_PAGE_FAULT)
        page_fault_report(frame, address);
    else
        print_exception(frame);
    print_stray_stack(frame);
    print_registers(frame);
    print_backtrace(frame);
    if (frame->vector == TRAP_PAGE_FAULT && address >= KHEAP_START && address < KHEAP_END &&
        heap_mode() == HEAP_NORMAL)
        kprintf("  try      %s\n", HEAP_DEBUG_ADVICE);
    print_advice(where_to_break(frame), frame->vector == TRAP_PAGE_FAULT ? "walk" : NULL, address);
    report_end((int)frame->vector);
}

/* An int3 is a question, not a mistake: it is answered, and the kernel goes on behind it. */
void breakpoint_report(const struct trap_frame *frame) {
    char where[ADDRESS_TEXT];

    kprintf("breakpoint: int3 before %s\n", address_text(frame->eip, where));
    print_registers(frame);
    print_backtrace(frame);
}
