/* Lab faults, exercise arrival: exception_common of kernel/trap/trap.S, on a processor. The test has the tables, and what is called. */
#include "check.h"
#include "cpu.h"
#include "descriptors.h"
#include "memlayout.h"
#include "string.h"
#include "trap.h"

#define USER_PAGE 0x00400000u
#define ENTRY (1 | 2 | 4) /* present, writable, for programs too */

extern void (*const check_exceptions[32])(void);
void gdt_load(const struct descriptor_table *gdt);

char fault_stack_bottom[FAULT_STACK_SIZE] __attribute__((aligned(4096)));
__asm__(".globl fault_stack_top\n.set fault_stack_top, fault_stack_bottom + 0x2000");

static unsigned directory[1024] __attribute__((aligned(4096))), low[1024] __attribute__((aligned(4096)));
static unsigned user[1024] __attribute__((aligned(4096))), page[1024] __attribute__((aligned(4096)));
static char kernel_stack[4096] __attribute__((aligned(16))), user_stack[4096] __attribute__((aligned(16)));

/* ---- what has arrived ---- */

static struct arrival {
    unsigned times;
    struct trap_frame frame;
    uintptr_t address, frame_at, esp;
    unsigned eflags, ds;
} asked, reported;
unsigned depth; /* exceptions that have arrived, and none of C's functions was called */
unsigned ebp_before;
static bool mended;
static bool (*mend)(struct trap_frame *frame, uintptr_t address);
static void *back[5];

static unsigned read_ds(void) {
    unsigned value;
    __asm__ volatile("mov %%ds, %0" : "=r"(value));
    return value & 0xFFFF;
}

/* WHAT, a function of C, is given FRAME and ADDRESS. */
static void check_arguments(const char *what, const struct trap_frame *frame, uintptr_t address) {
    uintptr_t at = (uintptr_t)frame;
    __asm__ volatile("cld; mov %0, %%ds; mov %0, %%es" : : "r"(KERNEL_DS));
    CHECK(at >= KERNEL_START && at < IDENTITY_END, "%s's first argument is to be the frame, on the stack, but is 0x%08x, the second 0x%08x: the "
          "last one is pushed first", what, (unsigned)at, (unsigned)address);
}

static void record(struct arrival *arrival, const struct trap_frame *frame, uintptr_t address) {
    unsigned eflags = read_eflags(), ds = read_ds();
    check_arguments(arrival == &asked ? "exception_handled" : "exception", frame, address);
    arrival->times++;
    arrival->frame_at = (uintptr_t)frame;
    arrival->frame = *frame;
    arrival->address = address;
    arrival->esp = (uintptr_t)&eflags; /* cppcheck-suppress autoVariables ; a number: where the stack is */
    arrival->eflags = eflags;
    arrival->ds = ds;
}

bool handled(struct trap_frame *frame, uintptr_t address);
void exception(const struct trap_frame *frame, uintptr_t address);
void trap_dispatch(struct trap_frame *frame);
void panic(const struct trap_frame *frame);
void double_fault(void);
void (*system_call_handler)(struct trap_frame *frame) = trap_dispatch;

/* exception_handled calls this, and leaves garbage where a C function may: a bool is AL alone. */
bool handled(struct trap_frame *frame, uintptr_t address) {
    record(&asked, frame, address);
    CHECK(!(asked.eflags & EFLAGS_IF), "interrupts are on in C: Quire's kernel runs with them off, as the processor has left them");
    CHECK(asked.times < 8 || mended, "exception_handled returns false, but the instruction is tried again, and again: the answer is in AL alone, the rest of "
          "EAX is garbage");
    CHECK(asked.times < 8, "exception_handled returns true, the page is there by now, and the same instruction faults again, and again: its registers are not "
          "what they were");
    return mended = mend && mend(frame, address);
}

void exception(const struct trap_frame *frame, uintptr_t address) {
    depth = 0;
    record(&reported, frame, address);
    __builtin_longjmp(back, 1);
}

void trap_dispatch(struct trap_frame *frame) { wrong("vector %u goes to trap_dispatch", frame->vector); }
void panic(const struct trap_frame *frame) { wrong("a panic"); }
void double_fault(void) { wrong("a double fault"); }

/* ---- the way there ---- */

extern const char touch_at[], illegal_at[];

void arrive_14(void), arrive_6(void), arrive_13(void);
void entry_faults(unsigned vector, unsigned error, uintptr_t eip);

void entry_faults(unsigned vector, unsigned error, uintptr_t eip) {
    CHECK(eip != (uintptr_t)touch_at && eip != (uintptr_t)illegal_at,
          "the instruction at 0x%08x is tried again, and again, though nobody has said that it can go on: report it (report_by)", (unsigned)eip);
    wrong("exception_common faults itself, at 0x%08x (exception %u, error code 0x%x; CR2 is 0x%08x), and so does what follows, without end. Does an "
          "immediate lack its $?", (unsigned)eip, vector, error, read_cr2());
}

__asm__(".text\n"
        ".irp vector, 6, 13, 14\n"
        "arrive_\\vector:\n"
        "    incl %ss:depth; cmpl $8, %ss:depth\n"
        "    jbe trap_stubs + 16 * \\vector\n"
        "    cld; push $\\vector; call entry_faults\n"
        ".endr\n"
        ".globl exception_handled\n"
        "exception_handled:\n"
        "    movl $0, depth\n"
        "    push %ebp; mov %esp, %ebp; push 12(%ebp); push 8(%ebp)\n"
        "    mov (%ebp), %eax; mov %eax, ebp_before\n"
        "    call handled\n"
        "    and $1, %eax; or $0x5A5A5A00, %eax; mov $0x5A5A5A5A, %ecx; mov $0x5A5A5A5A, %edx\n"
        "    leave; ret\n");
/* ---- code that faults ---- */

/* touch(at): writes to AT with known values in the registers, and keeps what is in them afterwards in after_touch: EAX, ECX, EDX, EBX,
 * ESP, EBP, ESI, EDI, EFLAGS. */
void touch(uintptr_t at);
extern const char program[], program_after[];
unsigned before_touch_esp, after_touch[9];
__asm__(".text\n"
        "touch:\n"
        "    push %ebp; push %ebx; push %esi; push %edi\n"
        "    mov 20(%esp), %eax\n"
        "    mov $0xC1C1C1C1, %ecx; mov $0xD2D2D2D2, %edx; mov $0xB3B3B3B3, %ebx\n"
        "    mov $0xE5E5E5E5, %ebp; mov $0x56565656, %esi; mov $0xD7D7D7D7, %edi\n"
        "    mov %esp, before_touch_esp\n"
        "    std; stc\n"
        "touch_at:\n"
        "    movl $0x5EED, (%eax)\n"
        "    mov %eax, after_touch; mov %ecx, after_touch + 4; mov %edx, after_touch + 8; mov %ebx, after_touch + 12\n"
        "    mov %esp, after_touch + 16; mov %ebp, after_touch + 20; mov %esi, after_touch + 24; mov %edi, after_touch + 28\n"
        "    mov before_touch_esp, %esp\n"
        "    pushf; popl after_touch + 32\n"
        "    cld\n"
        "    pop %edi; pop %esi; pop %ebx; pop %ebp\n"
        "    ret\n"
        "illegal:\n"
        "    push %ebp\n"
        "    mov %esp, %ebp\n"
        "illegal_at:\n"
        "    ud2\n"
        "program:\n" /* runs in ring 3 */
        "    movl $0x5EED, (%eax)\n"
        "program_after:\n"
        "    hlt\n"); /* a general protection fault there */
void illegal(void);

/* ---- the machine ---- */

static void load_descriptors(void) {
    static struct tss tss = {.ss0 = KERNEL_DS, .io_map = sizeof tss};
    static uint64_t gdt[8] __attribute__((aligned(8))) = {0, 0x00CF9A000000FFFF, 0x00CF92000000FFFF, 0, 0, 0x00CFFA000000FFFF,
                                                          0x00CFF2000000FFFF, 0};
    static unsigned idt[32][2] __attribute__((aligned(8)));
    uintptr_t at = (uintptr_t)&tss;
    tss.esp0 = (uintptr_t)(kernel_stack + sizeof kernel_stack);
    gdt[MAIN_TSS / 8] = (sizeof tss - 1) | (uint64_t)(at & 0xFFFFFF) << 16 | (uint64_t)0x89 << 40 | (uint64_t)(at >> 24) << 56;
    gdt_load(&(struct descriptor_table){sizeof gdt - 1, (uintptr_t)gdt});
    ltr(MAIN_TSS);
    for (unsigned i = 0; i < 32; i++) {
        uintptr_t to = (uintptr_t)(i == TRAP_PAGE_FAULT           ? arrive_14
                                   : i == TRAP_INVALID_OPCODE     ? arrive_6
                                   : i == TRAP_GENERAL_PROTECTION ? arrive_13
                                                                  : check_exceptions[i]);
        idt[i][0] = KERNEL_CS << 16 | (to & 0xFFFF);
        idt[i][1] = (to & 0xFFFF0000) | 0x8E00;
    }
    lidt(&(struct descriptor_table){sizeof idt - 1, (uintptr_t)idt});
}

/* Page 0 is absent, and all from 4 MiB up. */
static void start(void) {
    outb(0x21, 0xFF); /* the interrupt controllers' lines, all of them */
    outb(0xA1, 0xFF);
    for (unsigned i = 1; i < 1024; i++)
        low[i] = i << 12 | ENTRY;
    directory[0] = (unsigned)low | ENTRY;
    directory[1] = (unsigned)user | ENTRY;
    __asm__ volatile("mov %0, %%cr3" : : "r"(directory) : "memory");
    write_cr0(read_cr0() | CR0_PG | CR0_WP);
    load_descriptors();
}

static bool give_page(struct trap_frame *frame, uintptr_t address) {
    (void)frame, (void)address;
    user[0] = (unsigned)page | ENTRY;
    return true;
}

/* A fault was mended, and what is reported is another that came of it. */
static void check_gone_on(uintptr_t eip) {
    if (reported.times && asked.times && reported.frame.eip != eip && reported.frame.cs == KERNEL_CS)
        wrong("exception_handled returned true, and then exception %u came at 0x%08x: the frame is not whole where the instruction is to be tried again; "
              "ESP is to point to it at trap_return, which pops all of it", reported.frame.vector, reported.frame.eip);
}

/* Writes to AT; true when the fault was reported, false when the write was done. */
static bool touch_and_see(uintptr_t at) {
    asked = reported = (struct arrival){0};
    doing("a page fault in the kernel, at 0x%08x", (unsigned)at);
    depth = 0;
    if (!__builtin_setjmp(back)) {
        touch(at);
        return false;
    }
    return true;
}

static void check_register(const char *name, unsigned is, unsigned says) {
    CHECK(is == says, "%s was 0x%08x when the exception came, but the frame says 0x%08x: the frame is not where it should be, or a register "
          "was changed before it was saved (push_registers)", name, is, says);
}

CASE(the_frame_is_whole) {
    start();
    CHECK(touch_and_see(0x10), "a null pointer was written to, and nothing was reported");
    const struct trap_frame *frame = &reported.frame;
    CHECK(reported.frame_at == before_touch_esp - FRAME_KERNEL_SIZE, "the frame lies at 0x%08x, but exception is given 0x%08x for it",
          before_touch_esp - FRAME_KERNEL_SIZE, (unsigned)reported.frame_at);
    CHECK(frame->vector == TRAP_PAGE_FAULT, "the frame's vector is %u", frame->vector);
    CHECK(frame->error == 2, "the error code is 0x2, but the frame says 0x%x", frame->error);
    CHECK(frame->eip == (uintptr_t)touch_at, "EIP was 0x%08x, but the frame says 0x%08x", (unsigned)(uintptr_t)touch_at, frame->eip);
    check_register("EAX", 0x10, frame->eax);
    check_register("ECX", 0xC1C1C1C1, frame->ecx);
    check_register("EDX", 0xD2D2D2D2, frame->edx);
    check_register("EBX", 0xB3B3B3B3, frame->ebx);
    check_register("EBP", 0xE5E5E5E5, frame->ebp);
    check_register("ESI", 0x56565656, frame->esi);
    check_register("EDI", 0xD7D7D7D7, frame->edi);
    CHECK(!(reported.eflags & EFLAGS_DF), "the direction flag was set when the exception came, and still is in C, which copies backwards then "
          "(enter_kernel)");
    CHECK(reported.esp >= (uintptr_t)fault_stack_bottom && reported.esp < (uintptr_t)fault_stack_top,
          "the report is not made on the fault stack, but on the one that has faulted (report_by)");
}

CASE(the_address_comes_along) {
    start();
    static const uintptr_t addresses[] = {0x10, 0xFFC, 0xC0000000, 0xD0001230, 0xFFFFFF00};
    for (unsigned i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
        CHECK(touch_and_see(addresses[i]), "0x%08x was written to, and nothing was reported", (unsigned)addresses[i]);
        CHECK(reported.address == addresses[i], "CR2 was 0x%08x, but the report is about 0x%08x: CR2 goes into EBX, which report_by passes on",
              (unsigned)addresses[i], (unsigned)reported.address);
    }
}

static void check_kept(void) {
    static const char *const names[] = {"EAX", "ECX", "EDX", "EBX", "ESP", "EBP", "ESI", "EDI"};
    unsigned were[] = {USER_PAGE + 8, 0xC1C1C1C1, 0xD2D2D2D2, 0xB3B3B3B3, before_touch_esp, 0xE5E5E5E5, 0x56565656, 0xD7D7D7D7};
    for (unsigned i = 0; i < 8; i++)
        CHECK(after_touch[i] == were[i], "the fault is mended, and the instruction was done, but %s was 0x%08x and is 0x%08x: what was "
              "interrupted must not notice", names[i], were[i], after_touch[i]);
    CHECK((after_touch[8] & (EFLAGS_DF | EFLAGS_CF)) == (EFLAGS_DF | EFLAGS_CF), "the fault is mended, but the flags are not as they were: 0x%08x",
          after_touch[8]);
}

CASE(a_mended_fault_goes_on) {
    start();
    mend = give_page;
    bool was_reported = touch_and_see(USER_PAGE + 8);
    check_gone_on((uintptr_t)touch_at);
    CHECK(!was_reported, "exception_handled %s",
          asked.times ? "returned true, but the fault was reported: true means that it can go on (trap_return)"
                      : "was not called for a page fault in the user part");
    CHECK(asked.times == 1, "exception_handled was called %u times", asked.times);
    CHECK(asked.address == USER_PAGE + 8, "CR2 was 0x%08x, but exception_handled's second argument is 0x%08x", USER_PAGE + 8,
          (unsigned)asked.address);
    CHECK(asked.frame_at == before_touch_esp - FRAME_KERNEL_SIZE && asked.frame.vector == TRAP_PAGE_FAULT,
          "exception_handled's first argument is to be the frame, at 0x%08x, but is 0x%08x", before_touch_esp - FRAME_KERNEL_SIZE,
          (unsigned)asked.frame_at);
    CHECK(!(asked.eflags & EFLAGS_DF), "the direction flag is still set in C, which copies backwards then (enter_kernel)");
    CHECK(page[2] == 0x5EED, "the fault is mended, but the instruction was not done again");
    check_kept();
}

CASE(what_is_not_mended_is_reported) {
    start();
    CHECK(touch_and_see(USER_PAGE + 8), "exception_handled returned false, but nothing was reported");
    CHECK(asked.times == 1, "exception_handled was called %u times", asked.times);
    CHECK(reported.address == USER_PAGE + 8, "CR2 was 0x%08x, but the report is about 0x%08x: of the registers, a C function keeps EBX, ESI, EDI and EBP",
          USER_PAGE + 8, (unsigned)reported.address);
    CHECK(reported.frame_at == before_touch_esp - FRAME_KERNEL_SIZE && reported.frame.eip == (uintptr_t)touch_at,
          "the frame lies at 0x%08x, but exception is given 0x%08x: take the arguments of exception_handled off the stack again",
          before_touch_esp - FRAME_KERNEL_SIZE, (unsigned)reported.frame_at);
}

/* The handler itself faults, and that is mended; CR2 is another then. */
static bool fault_in_the_handler(struct trap_frame *frame, uintptr_t address) {
    if (asked.times > 1)
        return give_page(frame, address);
    *(volatile unsigned *)(USER_PAGE + 0x10) = 1;
    return false;
}

CASE(cr2_is_read_before_it_changes) {
    start();
    mend = fault_in_the_handler;
    CHECK(touch_and_see(USER_PAGE + 0x5008), "exception_handled returned false, but nothing was reported");
    CHECK(asked.times == 2, "the handler of a page fault faulted itself, which could be mended, but exception_handled was called %u times",
          asked.times);
    check_gone_on((uintptr_t)touch_at);
    CHECK(reported.address == USER_PAGE + 0x5008 || reported.address == USER_PAGE + 0x10,
          "the handler of the fault at 0x%08x faulted itself, and the report is about 0x%08x: of the registers, a C function keeps EBX, ESI, EDI and EBP",
          USER_PAGE + 0x5008, (unsigned)reported.address);
    CHECK(reported.address == USER_PAGE + 0x5008,
          "the handler of the fault at 0x%08x faulted itself, at 0x%08x, and the report is about 0x%08x: CR2 was read too late; it is to be read once, "
          "before anything that may fault, and kept", USER_PAGE + 0x5008, USER_PAGE + 0x10, (unsigned)reported.address);
}

CASE(only_the_user_part_is_asked_about) {
    static const struct {
        uintptr_t address;
        bool asked;
    } places[] = {{0x10, false}, {0x003FF000, false}, {0x00400000, true}, {0xBFFFFFF0, true}, {0xC0000000, false}, {0xFFC00000, false}};
    start();
    low[0x3FF] = 0;
    for (unsigned i = 0; i < sizeof places / sizeof places[0]; i++) {
        CHECK(touch_and_see(places[i].address), "0x%08x was written to, and nothing was reported", (unsigned)places[i].address);
        CHECK(asked.times == places[i].asked, "a page fault in the kernel, at 0x%08x: exception_handled was %s, but the user part is "
              "[FREE_START, KHEAP_START)", (unsigned)places[i].address, asked.times ? "called" : "not called");
    }
    asked = reported = (struct arrival){0};
    touch_and_see(USER_PAGE); /* CR2 lies in the user part from here on */
    asked = reported = (struct arrival){0};
    doing("an instruction that does not exist, in the kernel");
    if (!__builtin_setjmp(back))
        illegal();
    CHECK(reported.times == 1 && reported.frame.vector == TRAP_INVALID_OPCODE && reported.frame.eip == (uintptr_t)illegal_at,
          "an invalid opcode in the kernel is not reported as what it is");
    CHECK(asked.times == 0, "an invalid opcode in the kernel, while CR2 lies in the user part: exception_handled was called, but CR2 is left from "
          "an earlier page fault; the vector tells (FRAME_VECTOR)");
}

/* ---- ring 3 ---- */

static struct trap_frame first;

/* Mends the first fault, and leaves the program at the next. */
static bool see_program(struct trap_frame *frame, uintptr_t address) {
    if (asked.times == 1) {
        first = *frame;
        CHECK(asked.ds == KERNEL_DS, "DS is 0x%02x in C, as the program had it (enter_kernel)", asked.ds);
        CHECK(!(asked.eflags & EFLAGS_DF), "the direction flag is set in C, as the program had it (enter_kernel)");
        CHECK(ebp_before == 0, "EBP is 0x%08x in C, as the program had it: a backtrace would follow a program's frames (end_frames)",
              ebp_before);
        CHECK(address == USER_PAGE + 8, "CR2 was 0x%08x, but exception_handled is given 0x%08x", USER_PAGE + 8,
              (unsigned)address);
        return give_page(frame, address);
    }
    __builtin_longjmp(back, 1);
}

static bool leave_program(struct trap_frame *frame, uintptr_t address) {
    (void)frame, (void)address;
    __builtin_longjmp(back, 1);
}

/* Runs the program with AT in EAX. */
static void run_program(uintptr_t at) {
    struct trap_frame frame = {.eax = at, .ebx = 0xB3B3B3B3, .ebp = 0xE5E5E5E5, .eip = (uintptr_t)program, .cs = USER_CS, .eflags = 2 | EFLAGS_DF,
                               .user_esp = (uintptr_t)(user_stack + sizeof user_stack), .user_ss = USER_DS};
    asked = reported = (struct arrival){0};
    if (!__builtin_setjmp(back))
        trap_resume(&frame);
    __asm__ volatile("cld; mov %0, %%ds; mov %0, %%es" : : "r"(KERNEL_DS));
}

CASE(programs_are_always_asked_about) {
    start();
    mend = see_program;
    doing("a page fault in a program");
    run_program(USER_PAGE + 8);
    check_gone_on((uintptr_t)program_after);
    CHECK(!reported.times, "a program's exception (vector %u) was reported as the kernel's: exception_handled is to be asked, whatever it is",
          reported.frame.vector);
    CHECK(asked.times == 2, "exception_handled was called %u times, for two exceptions in a program", asked.times);
    CHECK(page[2] == 0x5EED && asked.frame.eip == (uintptr_t)program_after, "a program's fault was mended, but it did not go on");
    CHECK(asked.frame.vector == TRAP_GENERAL_PROTECTION, "the program's next exception is a general protection fault, but the frame's vector is %u",
          asked.frame.vector);
    CHECK(asked.frame.ebx == 0xB3B3B3B3 && asked.frame.ebp == 0xE5E5E5E5 && asked.frame.user_esp == (uintptr_t)(user_stack + sizeof user_stack),
          "the program's registers have changed: EBX 0x%08x, EBP 0x%08x, ESP 0x%08x", asked.frame.ebx, asked.frame.ebp, asked.frame.user_esp);
    mend = leave_program;
    doing("a page fault in a program, at a kernel address");
    run_program(0xC0000000);
    CHECK(asked.times == 1 && asked.address == 0xC0000000, "a program's page fault at 0xc0000000: exception_handled is to be asked, wherever the "
          "address lies: the program ends, not the kernel");
}
