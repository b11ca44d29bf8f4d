/* Ring 3: programs of a few bytes run there, and what they raise reaches the handlers. */
#include "trap.h"

#include "catch.h"
#include "cpu.h"
#include "descriptors.h"
#include "exception.h"
#include "interrupt.h"
#include "ktest.h"
#include "log.h"
#include "memlayout.h"
#include "panic.h"
#include "stack.h"
#include "string.h"
#include "support.h"
#include "timer.h"
#include "vmem.h"

/* The program's code page; its stack page follows, and after that an absent page. */
static char *program;
#define STACK_PAGE (program + PAGE_SIZE)
#define ABSENT_PAGE (program + 2 * PAGE_SIZE)

static char kernel_stack[8192] __attribute__((aligned(16)));

/* What the last handler saw. */
static struct trap_frame seen;
static uintptr_t seen_address;
static unsigned calls;

/* ---- the program ---- */

static bool make_program(const uint8_t *code, size_t size) {
    program = spare_area(1);
    if (!program || vmem_alloc_range(program, 2, VMEM_WRITE | VMEM_USER))
        return false;
    memcpy(program, code, size);
    calls = 0;
    trap_set_kernel_stack(kernel_stack + sizeof(kernel_stack));
    return true;
}

static void enter(void *eflags) {
    struct trap_frame frame = {
        .eax = 0x1001,
        .ebx = 0x1002,
        .ecx = 0x1003,
        .edx = 0x1004,
        .esi = 0x1005,
        .edi = 0x1006,
        .ebp = 0x1007,
        .eip = (uintptr_t)program,
        .cs = USER_CS,
        .eflags = (uintptr_t)eflags,
        .user_esp = (uintptr_t)ABSENT_PAGE, /* the end of the stack page */
        .user_ss = USER_DS,
    };

    trap_resume(&frame);
}

/* Runs the program with HANDLERS until one panics; what it panicked with is in ktest_report. */
static bool run(const struct trap_handlers *handlers, unsigned eflags) {
    static struct stack stack = {"test", kernel_stack, kernel_stack + sizeof(kernel_stack), NULL};
    const struct trap_handlers *before = trap_set_handlers(handlers);

    stack_register(&stack);
    bool ended =
        trap_catch(enter, (void *)(uintptr_t)eflags, ktest_report, sizeof(ktest_report), &ktest_vector);
    stack_unregister(&stack);
    trap_set_handlers(before);
    return ended && vmem_free_range(program, 2) == 0;
}

#define RUN(handlers, ...) \
    do { \
        static const uint8_t code[] = {__VA_ARGS__}; \
        KCHECK(make_program(code, sizeof(code))); \
        KCHECK(run(handlers, 0)); \
    } while (0)

#define INT_0x80 0xCD, 0x80
#define HLT 0xF4
#define POP 0x58 /* pop %eax: at first where the stack ends */

static void end(void) { PANIC("the program ends"); }

static void end_at_fault(struct trap_frame *frame, uintptr_t address) {
    seen = *frame;
    seen_address = address;
    end();
}

/* ---- system calls ---- */

/* Answers the first, and ends at the second. */
static void answer_once(struct trap_frame *frame) {
    if (calls++)
        end();
    seen = *frame;
    frame->eax = 0xA45;
}

static void keep_both(struct trap_frame *frame) {
    seen = *frame;
    answer_once(frame);
}

KTEST(trap_system_call_sees_the_programs_registers)
{
    static const struct trap_handlers handlers = {.system_call = answer_once};

    RUN(&handlers, INT_0x80, INT_0x80);
    KCHECK_REPORTED("the program ends");
    KCHECK_EQ(calls, 2);
    KCHECK_EQ(seen.vector, TRAP_SYSCALL);
    KCHECK(trap_from_user(&seen));
    KCHECK(seen.eax == 0x1001 && seen.ebx == 0x1002 && seen.ecx == 0x1003 && seen.edx == 0x1004);
    KCHECK(seen.esi == 0x1005 && seen.edi == 0x1006 && seen.ebp == 0x1007);
    KCHECK_EQ(seen.eip, program + 2);
    KCHECK_EQ(frame_esp(&seen), ABSENT_PAGE);
    KCHECK_EQ(seen.cs, USER_CS);
    KCHECK_EQ(seen.user_ss, USER_DS);
}

KTEST(trap_system_calls_result_reaches_the_program)
{
    static const struct trap_handlers handlers = {.system_call = keep_both};

    RUN(&handlers, INT_0x80, 0x89, 0xC3 /* mov %eax, %ebx */, INT_0x80);
    KCHECK_EQ(seen.ebx, 0xA45);
    KCHECK_EQ(seen.ecx, 0x1003);
}

/* The program's EBP is 0x1007: no frame of the kernel's. */
KTEST(trap_kernels_backtrace_ends_where_the_program_came_in)
{
    static const struct trap_handlers handlers = {.system_call = answer_once, .program_fault = end_at_fault};

    RUN(&handlers, INT_0x80, INT_0x80);
    KCHECK_REPORTED("answer_once");
    KCHECK_REPORTED("system_call_stub");
    KCHECK(!find_text(ktest_report, "frames breaks"));
    RUN(&handlers, HLT);
    KCHECK_REPORTED("end_at_fault");
    KCHECK_REPORTED("exception_common");
    KCHECK(!find_text(ktest_report, "frames breaks"));
}

KTEST(trap_exception_that_nobody_handles_is_reported_as_the_programs)
{
    RUN(NULL, HLT);
    KCHECK_EQ(ktest_vector, TRAP_GENERAL_PROTECTION);
    KCHECK_REPORTED("PANIC: general protection fault");
    KCHECK_REPORTED("in the program");
    KCHECK(!find_text(ktest_report, "frames breaks"));
    KCHECK(!find_text(ktest_report, "  stack    "));
    RUN(NULL, POP);
    KCHECK_REPORTED("not present (user, error code 0x4)");
}

static void keep_flags(struct trap_frame *frame) {
    seen.eflags = read_eflags();
    answer_once(frame);
}

/* A program may load a null selector and set DF: the kernel must run with neither. */
KTEST(trap_programs_segments_and_flags_stay_outside_the_kernel)
{
    static const struct trap_handlers handlers = {.system_call = keep_flags};

    RUN(&handlers, 0x31, 0xC0, /* xor %eax, %eax */
        0x8E, 0xD8,            /* mov %ax, %ds */
        0x8E, 0xC0,            /* mov %ax, %es */
        0xFD,                  /* std */
        INT_0x80,              /* and from now on DS is USER_DS again */
        0xE8, 0, 0, 0, 0,      /* call the next instruction */
        0x58,                  /* pop %eax */
        0x8B, 0x18,            /* mov (%eax), %ebx */
        INT_0x80);
    KCHECK_REPORTED("the program ends");
    KCHECK_EQ(calls, 2);
    KCHECK_EQ(seen.eflags & EFLAGS_DF, 0);
}

KTEST(trap_system_call_without_a_handler_is_ignored)
{
    static const struct trap_handlers handlers = {.program_fault = end_at_fault};

    RUN(&handlers, INT_0x80, HLT);
    KCHECK_EQ(seen.vector, TRAP_GENERAL_PROTECTION);
    KCHECK_EQ(seen.eax, 0x1001);
}

/* ---- faults ---- */

static const struct trap_handlers faults = {.program_fault = end_at_fault};

KTEST(trap_privileged_instruction_is_the_programs_fault)
{
    RUN(&faults, HLT);
    KCHECK_EQ(seen.vector, TRAP_GENERAL_PROTECTION);
    KCHECK_EQ(seen.eip, program);
    RUN(&faults, 0xE4, 0x60); /* in $0x60, %al */
    KCHECK_EQ(seen.vector, TRAP_GENERAL_PROTECTION);
    RUN(&faults, 0xFA); /* cli */
    KCHECK_EQ(seen.vector, TRAP_GENERAL_PROTECTION);
    RUN(&faults, 0xCD, 0x20); /* int $32, the timer's vector */
    KCHECK_EQ(seen.vector, TRAP_GENERAL_PROTECTION);
}

KTEST(trap_other_exceptions_are_the_programs_fault)
{
    RUN(&faults, 0x0F, 0x0B); /* ud2 */
    KCHECK_EQ(seen.vector, TRAP_INVALID_OPCODE);
    RUN(&faults, 0x31, 0xC9, 0xF7, 0xF1); /* xor %ecx, %ecx; div %ecx */
    KCHECK_EQ(seen.vector, TRAP_DIVIDE);
    RUN(&faults, 0xCC); /* int3 */
    KCHECK_EQ(seen.vector, TRAP_BREAKPOINT);
    KCHECK_EQ(seen.eip, program + 1);
}

KTEST(trap_kernel_memory_is_closed_to_programs)
{
    RUN(&faults, 0xA1, 0, 0, 0x10, 0); /* mov 0x00100000, %eax */
    KCHECK_EQ(seen.vector, TRAP_PAGE_FAULT);
    KCHECK_EQ(seen.error, 5); /* present, read, user */
    KCHECK_EQ(seen_address, KERNEL_START);
    RUN(&faults, 0xA3, 0, 0xF0, 0xFF, 0xFF); /* mov %eax, 0xFFFFF000 */
    KCHECK_EQ(seen.error, 7);
    KCHECK_EQ(seen_address, DIRECTORY_WINDOW);
}

static bool map_absent_page(const void *va, unsigned error) {
    calls++;
    seen_address = (uintptr_t)va;
    seen.error = error;
    return vmem_alloc_range((void *)((uintptr_t)va & ~PAGE_MASK), 1, VMEM_WRITE | VMEM_USER) == 0;
}

static bool refuse(const void *va, unsigned error) {
    (void)va, (void)error;
    calls++;
    return false;
}

KTEST(trap_page_fault_is_mended_and_the_program_goes_on)
{
    static const struct trap_handlers handlers = {.page_fault = map_absent_page,
                                                  .program_fault = end_at_fault};

    RUN(&handlers, POP, HLT);
    KCHECK_EQ(calls, 1);
    KCHECK_EQ(seen.vector, TRAP_GENERAL_PROTECTION);
    KCHECK_EQ(seen.user_esp, ABSENT_PAGE + 4);
    KCHECK_EQ(vmem_free_range(ABSENT_PAGE, 1), 0);
}

KTEST(trap_page_fault_that_is_not_mended_is_the_programs)
{
    static const struct trap_handlers handlers = {.page_fault = refuse, .program_fault = end_at_fault};

    RUN(&handlers, POP, HLT);
    KCHECK_EQ(calls, 1);
    KCHECK_EQ(seen.vector, TRAP_PAGE_FAULT);
    KCHECK_EQ(seen_address, ABSENT_PAGE);
    RUN(&handlers, 0xA1, 0, 0, 0, 0xC0); /* mov 0xC0000000, %eax: no address that could be mended */
    KCHECK_EQ(calls, 0);
    KCHECK_EQ(seen_address, KHEAP_START);
}

/* ---- the kernel's own page faults ---- */

static void write_word(void *va) { *(volatile unsigned *)va = 0x12345678; }

KTEST(trap_kernels_page_fault_in_the_user_part_is_mended)
{
    static const struct trap_handlers mend = {.page_fault = map_absent_page};
    char *va = spare_area(1);

    KCHECK(va);
    calls = 0;
    const struct trap_handlers *before = trap_set_handlers(&mend);
    bool caught = trap_catch(write_word, va + 8, ktest_report, sizeof(ktest_report), NULL);
    bool caught_null = trap_catch(write_word, NULL, ktest_report, sizeof(ktest_report), NULL);
    trap_set_handlers(before);
    KCHECK(!caught && caught_null);
    KCHECK_EQ(calls, 1); /* the null pointer is not asked about */
    KCHECK_EQ(seen_address, va + 8);
    KCHECK_EQ(seen.error, 2); /* write, kernel */
    KCHECK_EQ(*(volatile unsigned *)(void *)(va + 8), 0x12345678);
    KCHECK_EQ(vmem_free_range(va, 1), 0);
}

KTEST(trap_kernels_page_fault_that_is_not_mended_is_reported)
{
    static const struct trap_handlers handlers = {.page_fault = refuse};
    char *va = spare_area(1);

    KCHECK(va);
    const struct trap_handlers *before = trap_set_handlers(&handlers);
    bool caught = trap_catch(write_word, va, ktest_report, sizeof(ktest_report), NULL);
    trap_set_handlers(before);
    KCHECK(caught);
    KCHECK_REPORTED("page fault: write to 0x");
}

/* ---- a program's report ---- */

static char report[2048];

static void report_and_end(struct trap_frame *frame, uintptr_t address) {
    log_capture(report, sizeof(report));
    exception_report_program(frame, address, "test[7] ");
    log_capture_end();
    end();
}

static bool every_line_is_led(void) {
    for (const char *line = report; *line; line++) {
        if (strncmp(line, "test[7] ", 8))
            return false;
        while (*line != '\n')
            line++;
    }
    return report[0];
}

KTEST(trap_programs_report_has_the_kernels_form)
{
    static const struct trap_handlers handlers = {.program_fault = report_and_end};

    RUN(&handlers, POP);
    KCHECK(find_text(report, "test[7] page fault: read of 0x"));
    KCHECK(find_text(report, "not present (user, error code 0x4)"));
    KCHECK(find_text(report, "in the program"));
    KCHECK(find_text(report, "test[7]   PT[2]    0x00000000: absent"));
    KCHECK(find_text(report, "past the end of an array or a stack"));
    KCHECK(find_text(report, "ebx=0x00001002"));
    KCHECK(every_line_is_led());
    RUN(&handlers, 0xA1, 0, 0, 0x10, 0); /* mov 0x00100000, %eax */
    KCHECK(find_text(report, "kernel memory: closed to programs"));
    RUN(&handlers, 0xA1, 4, 0, 0, 0); /* mov 4, %eax */
    KCHECK(find_text(report, "null pointer: a field at +0x4"));
    RUN(&handlers, 0x31, 0xC9, 0xF7, 0xF1); /* xor %ecx, %ecx; div %ecx */
    KCHECK(find_text(report, "test[7] divide error (exception 0)"));
    KCHECK(every_line_is_led());
    RUN(&handlers, HLT);
    KCHECK(find_text(report, "test[7] general protection fault (exception 13)"));
}

/* ---- interrupts ---- */

#define MASTER_DATA 0x21 /* the first PIC's mask (8259A data sheet) */

static void end_at_interrupt(struct trap_frame *frame) {
    calls = in_interrupt();
    seen = *frame;
    end();
}

KTEST(trap_interrupt_in_ring_3_is_served_and_then_handled)
{
    static const struct trap_handlers handlers = {.interrupted = end_at_interrupt};
    static const uint8_t code[] = {0xEB, 0xFE}; /* jmp . */
    uint8_t mask = inb(MASTER_DATA);

    KCHECK(make_program(code, sizeof(code)));
    calls = 77;
    outb(MASTER_DATA, (uint8_t)(mask & ~(1u << TIMER_IRQ)));
    bool ended = run(&handlers, EFLAGS_IF);
    outb(MASTER_DATA, mask);
    KCHECK(ended);
    KCHECK_REPORTED("the program ends");
    KCHECK_EQ(calls, 0); /* served already: a handler may call mm/ */
    KCHECK_EQ(seen.vector, TRAP_IRQ + TIMER_IRQ);
    KCHECK_EQ(seen.eip, program);
    KCHECK_EQ(seen.cs, USER_CS);
    KCHECK_EQ(read_eflags() & EFLAGS_IF, 0);
}
