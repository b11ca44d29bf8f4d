/* The exceptions in words: the report of each. The page fault's first lines are page_fault.c's; the double
 * fault comes by another way, and double_fault.c reports it. */
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

/* SDM vol. 3, table 6-1, and what mostly leads to it: in the kernel, and in a program where that differs. The
 * page fault and the double fault have reports of their own; the debug exception and the breakpoint end only
 * programs. */
static const struct {
    const char *name, *cause, *program_cause;
} exceptions[] = {
    {"divide error", "a division by zero, or a quotient too large for its register", NULL},
    {"debug exception", NULL, "a single step, or a debug register's breakpoint"},
    {"non-maskable interrupt", NULL, NULL},
    {"breakpoint", NULL, "int3, which is for debuggers"},
    {"overflow", "INTO: no compiler makes one, so this was a jump into data", NULL},
    {"bound range exceeded", "BOUND: no compiler makes one, so this was a jump into data", NULL},
    {"invalid opcode", NULL, "UD2 (abort, __builtin_trap), or an instruction this processor lacks"},
    {"no coprocessor", "floating point: the kernel is built without; or a jump into data", "floating point"},
    {"double fault", NULL, NULL},
    {"coprocessor segment overrun", NULL, NULL},
    {"invalid TSS", "a task switch to a damaged or missing TSS", NULL},
    {"segment not present", "a selector whose descriptor is not marked present", NULL},
    {"stack-segment fault", "the stack segment's limit, or an invalid selector for SS", NULL},
    {"general protection fault", "an instruction, operand or selector that is not allowed", NULL},
    {"page fault", NULL, NULL},
    {"reserved exception 15", NULL, NULL},
    {"x87 floating-point error", "floating point: the kernel is built without", "a floating-point operation"},
    {"alignment check", "a misaligned access, and EFLAGS.AC set, which it should not be",
     "a misaligned access, with EFLAGS.AC set"},
    {"machine check", "a hardware error: memory, cache or bus", NULL},
    {"SIMD floating-point error", "floating point: the kernel is built without",
     "a floating-point operation"},
    {"virtualization exception", NULL, NULL},
    {"control protection exception", NULL, NULL},
};

/* For trap.S: ADDRESS is CR2. */
void exception(const struct trap_frame *frame, uintptr_t address) __attribute__((noreturn));

/* The name of exception VECTOR, as the SDM gives it. */
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
        print_cause("memory parity, or the chipset's SERR");
    else if (reason & CHANNEL_CHECK)
        print_cause("an extension card's IOCHK");
    else
        print_cause("none in port 0x61: a watchdog, a button, or the emulator");
    kprintf("  port     0x61 reads 0x%02x\n", reason);
}

/* Compilers put UD2 (0F 0B) where control should never come. */
static void print_invalid_opcode_cause(unsigned eip) {
    const uint8_t *code = (const uint8_t *)eip;

    if (!in_text(eip) || !in_text(eip + 3)) {
        print_cause("eip is outside the kernel's code: a bad function pointer or return");
    } else if (code[0] == 0x0F && code[1] == 0x0B) {
        print_cause("UD2, at a place that control should never reach (__builtin_trap)");
    } else {
        print_cause("an instruction this processor lacks, or a jump into the middle of one");
        kprintf("  code     %02x %02x %02x %02x\n", code[0], code[1], code[2], code[3]);
    }
}

static const char *table_cause(const struct trap_frame *frame) {
    if (frame->vector >= ARRAY_SIZE(exceptions))
        return NULL;
    if (trap_from_user(frame) && exceptions[frame->vector].program_cause)
        return exceptions[frame->vector].program_cause;
    return exceptions[frame->vector].cause;
}

static void print_likely_cause(const struct trap_frame *frame) {
    const char *cause = table_cause(frame);

    if (cause)
        print_cause(cause);
    else if (frame->vector == TRAP_NMI)
        print_nmi_cause();
    else if (frame->vector == TRAP_INVALID_OPCODE)
        print_invalid_opcode_cause(frame->eip);
}

/* ---- the report's first lines ---- */

/* The error code of a selector, or of a vector of the IDT (SDM vol. 3, figure 6-7). */
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
    char where[PLACE_TEXT];

    kprintf("%s (exception %u)\n", exception_name(frame->vector), frame->vector);
    if (trap_from_user(frame))
        kprintf("  at       0x%08x, in the program\n", frame->eip);
    else
        kprintf("  at       %s\n", place_text(frame->eip, where));
    if (error_is_selector(frame->vector))
        print_error_code(frame->error);
    print_likely_cause(frame);
}

static void print_page_fault(const struct trap_frame *frame, uintptr_t address) {
    struct page_fault fault = page_fault_at(frame, address);

    page_fault_print(&fault);
}

/* ---- the reports ---- */

/* The frame itself was pushed where ESP pointed to, so the stack pointer was usable, but it may have been
 * wrong. */
static void print_stray_stack(const struct trap_frame *frame) {
    unsigned esp = frame_esp(frame);
    const struct stack *stack = stack_overflowed(esp);

    if (trap_from_user(frame))
        return;
    if (stack)
        kprintf("  stack    esp 0x%08x lies below the %s stack, %p to %p:\n           a stack overflow\n",
                esp, stack->name, (const void *)stack->bottom, (const void *)stack->top);
    else if (!stack_end(esp - 1))
        kprintf("  stack    esp 0x%08x lies in no kernel stack: a damaged stack pointer\n", esp);
}

/* Where to set a breakpoint: for a jump to nowhere, at the call that made it, if that is known. */
static unsigned where_to_break(const struct trap_frame *frame) {
    uintptr_t call = in_text(frame->eip) ? 0 : call_before(hidden_caller(frame));

    return call ? call : frame->eip;
}

static void print_page_fault_advice(const struct trap_frame *frame, uintptr_t address) {
    if (address >= KHEAP_START && address < KHEAP_END && heap_mode() == HEAP_NORMAL)
        kprintf("  try      %s\n", HEAP_DEBUG_ADVICE);
    print_advice(where_to_break(frame), "walk", address);
}

/* Reports the exception at FRAME. */
void exception(const struct trap_frame *frame, uintptr_t address) {
    bool page_fault = frame->vector == TRAP_PAGE_FAULT;

    report_begin(exception_name(frame->vector), frame->eip);
    if (page_fault) {
        print_page_fault(frame, address);
    } else {
        kprintf("PANIC: ");
        print_exception(frame);
    }
    print_stray_stack(frame);
    print_registers(frame);
    print_backtrace(frame);
    if (page_fault)
        print_page_fault_advice(frame, address);
    else
        print_advice(where_to_break(frame), NULL, 0);
    report_end((int)frame->vector);
}

/* Reports an exception in ring 3, each line led by PREFIX. */
void exception_report_program(const struct trap_frame *frame, uintptr_t address, const char *prefix) {
    static char text[2048];

    log_capture(text, sizeof(text));
    if (frame->vector == TRAP_PAGE_FAULT)
        print_page_fault(frame, address);
    else
        print_exception(frame);
    print_registers(frame);
    log_capture_end();
    log_lines(prefix, text);
}

/* int3 is not an error: prints where it is, and the kernel continues behind it. */
void breakpoint_report(const struct trap_frame *frame) {
    char where[PLACE_TEXT];

    kprintf("breakpoint: int3 before %s\n", place_text(frame->eip, where));
    print_registers(frame);
    print_backtrace(frame);
}
