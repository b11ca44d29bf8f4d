/* Exceptions and interrupts.
 *
 * Our own GDT: flat code and data, and two tasks. All the kernel runs in the main task, whose TSS is there
 * for one purpose: at a double fault, when the stack itself may be what is broken, a task gate switches to
 * the second task, on a stack of its own, and the processor saves all registers in the main TSS (SDM
 * vol. 3, 6.14.2). Every other vector is an interrupt gate: handlers run with interrupts off.
 *
 * A catch (trap_catch) is a way back to before: panic_finish goes there instead of stopping. From the
 * double-fault task the way back is the main TSS, rewritten, and a return through the task link.
 *
 * The PICs' lines are vectors 32 to 47. None is let through but those that irq_enable asks for, and
 * interrupts are on only while the kernel waits for input. */
#include "trap.h"

#include "cpu.h"
#include "last_look.h"
#include "log.h"
#include "machine.h"
#include "memlayout.h"
#include "options.h"
#include "panic.h"
#include "symbols.h"

/* trap.S */
extern const char trap_stubs[];
#define STUB_SIZE 16
void stray_interrupt(void);
void gdt_load(const struct descriptor_table *gdt);
void double_fault_task(void);
bool catch_call(void (*fn)(void *arg), void *arg);
void catch_land(void) __attribute__((noreturn));
void leave_stack(void (*fn)(void)) __attribute__((noreturn));
void trap_dispatch(struct trap_frame *frame);
void double_fault(void);

/* ---- descriptor tables ---- */

/* SDM vol. 3, figure 7-2: each selector is in the lower half of its word. */
struct tss {
    unsigned link, esp0, ss0, esp1, ss1, esp2, ss2;
    unsigned cr3, eip, eflags, eax, ecx, edx, ebx, esp, ebp, esi, edi;
    unsigned es, cs, ss, ds, fs, gs, ldt;
    uint16_t trap, io_map;
};
_Static_assert(sizeof(struct tss) == 104, "SDM vol. 3, 7.2.1");

struct descriptor { /* a segment's, a TSS's, or a gate's */
    unsigned low, high;
};

#define SEGMENT_CODE 0x9A /* present, ring 0, readable */
#define SEGMENT_DATA 0x92 /* present, ring 0, writable */
#define SEGMENT_TSS 0x89  /* present, ring 0, 32-bit, not busy */
#define SEGMENT_FLAT 0xC0 /* 32-bit; the limit counts pages */
#define GATE_INTERRUPT 0x8E
#define GATE_TASK 0x85

/* The part that a task switch reads and writes should not cross a page (SDM vol. 3, 7.2.1). */
static struct tss main_tss __attribute__((aligned(128)));
static struct tss fault_tss __attribute__((aligned(128)));
static struct descriptor gdt[FAULT_TSS / 8 + 1];
#define VECTORS 256
static struct descriptor idt[VECTORS];

static struct descriptor segment(uintptr_t base, unsigned limit, unsigned access, unsigned flags) {
    return (struct descriptor){
        (limit & 0xFFFF) | base << 16,
        (base >> 16 & 0xFF) | access << 8 | (limit & 0xF0000) | flags << 16 | (base & 0xFF000000),
    };
}

static struct descriptor gate(unsigned selector, uintptr_t offset, unsigned access) {
    return (struct descriptor){selector << 16 | (offset & 0xFFFF), (offset & 0xFFFF0000) | access << 8};
}

static void gdt_init(void) {
    gdt[KERNEL_CS / 8] = segment(0, 0xFFFFF, SEGMENT_CODE, SEGMENT_FLAT);
    gdt[KERNEL_DS / 8] = segment(0, 0xFFFFF, SEGMENT_DATA, SEGMENT_FLAT);
    gdt[MAIN_TSS / 8] = segment((uintptr_t)&main_tss, sizeof(main_tss) - 1, SEGMENT_TSS, 0);
    gdt[FAULT_TSS / 8] = segment((uintptr_t)&fault_tss, sizeof(fault_tss) - 1, SEGMENT_TSS, 0);
    gdt_load(&(struct descriptor_table){sizeof(gdt) - 1, (uintptr_t)gdt});
}

static void tasks_init(void) {
    main_tss = (struct tss){.io_map = sizeof(struct tss)};
    fault_tss = (struct tss){
        .eip = (uintptr_t)double_fault_task,
        .esp = (uintptr_t)fault_stack_top,
        .cs = KERNEL_CS,
        .ss = KERNEL_DS,
        .ds = KERNEL_DS,
        .es = KERNEL_DS,
        .fs = KERNEL_DS,
        .gs = KERNEL_DS,
        .io_map = sizeof(struct tss),
    };
    ltr(MAIN_TSS);
}

static void idt_init(void) {
    for (unsigned i = 0; i < TRAP_COUNT; i++)
        idt[i] = gate(KERNEL_CS, (uintptr_t)trap_stubs + i * STUB_SIZE, GATE_INTERRUPT);
    for (unsigned i = TRAP_COUNT; i < VECTORS; i++)
        idt[i] = gate(KERNEL_CS, (uintptr_t)stray_interrupt, GATE_INTERRUPT);
    idt[TRAP_DOUBLE_FAULT] = gate(FAULT_TSS, 0, GATE_TASK);
    lidt(&(struct descriptor_table){sizeof(idt) - 1, (uintptr_t)idt});
}

void trap_set_directory(paddr_t directory) {
    main_tss.cr3 = fault_tss.cr3 = directory; /* a task switch reads CR3 there and never saves it */
}

/* ---- interrupts: the two 8259A PICs ---- */

#define MASTER_COMMAND 0x20
#define MASTER_DATA 0x21
#define SLAVE_COMMAND 0xA0
#define SLAVE_DATA 0xA1
#define ICW1_INIT 0x11 /* edge-triggered, two PICs, ICW4 follows */
#define ICW4_8086 0x01
#define OCW2_EOI 0x20
#define OCW3_READ_ISR 0x0B
#define CASCADE 2 /* the slave's line at the master */
#define LINES 16u

static void (*irq_handlers[LINES])(void);
static unsigned interrupts_served; /* those being served now: 0 or 1 */

bool in_interrupt(void) { return interrupts_served > 0; }

static void pic_init(void) {
    outb(MASTER_COMMAND, ICW1_INIT);
    outb(SLAVE_COMMAND, ICW1_INIT);
    outb(MASTER_DATA, TRAP_IRQ);
    outb(SLAVE_DATA, TRAP_IRQ + 8);
    outb(MASTER_DATA, 1 << CASCADE);
    outb(SLAVE_DATA, CASCADE);
    outb(MASTER_DATA, ICW4_8086);
    outb(SLAVE_DATA, ICW4_8086);
    outb(MASTER_DATA, 0xFF);
    outb(SLAVE_DATA, 0xFF);
}

static void unmask(uint16_t port, unsigned line) { outb(port, (uint8_t)(inb(port) & ~(1u << line))); }

void irq_enable(unsigned line, void (*handler)(void)) {
    ASSERT_OP(line, <, LINES);
    irq_handlers[line] = handler;
    if (line >= 8) {
        unmask(SLAVE_DATA, line - 8);
        line = CASCADE;
    }
    unmask(MASTER_DATA, line);
}

static bool in_service(uint16_t command, unsigned line) {
    outb(command, OCW3_READ_ISR);
    return inb(command) >> line & 1;
}

/* A request that went away again is delivered as the PIC's line 7, not in service there: it gets no
 * end-of-interrupt. Of the slave's, the master knows nothing and gets its own. */
static bool spurious(unsigned line) {
    if (line == 7)
        return !in_service(MASTER_COMMAND, 7);
    if (line != 15 || in_service(SLAVE_COMMAND, 7))
        return false;
    outb(MASTER_COMMAND, OCW2_EOI);
    return true;
}

static void irq_dispatch(unsigned line) {
    if (spurious(line))
        return;
    if (line >= 8)
        outb(SLAVE_COMMAND, OCW2_EOI);
    outb(MASTER_COMMAND, OCW2_EOI);
    interrupts_served++;
    if (irq_handlers[line])
        irq_handlers[line]();
    interrupts_served--;
}

/* ---- catching, and stopping ---- */

static struct {
    bool armed;
    char *report;
    size_t size;
    int vector;
    size_t captures;     /* of the log, open when it was armed */
    unsigned interrupts; /* being served then */
} catch;

static void (*step_handler)(struct trap_frame *frame);

void trap_on_step(void (*handler)(struct trap_frame *frame)) { step_handler = handler; }

bool trap_stepping(void) { return step_handler != NULL; }

/* Without a handler the steps end here: TF may have been left set by what a report broke off. */
static void step(struct trap_frame *frame) {
    if (step_handler)
        step_handler(frame);
    else
        frame->eflags &= ~EFLAGS_TF;
}

/* Begun and not finished. The first is printed whole, its own fault in a line. Where even that faults the
 * machine is left without a word; and when leaving it faults too, it is halted. */
static unsigned reports;
#define REPORTS_MAX 4

static bool stays(void) { return options.panic_stay || !machine_has_exit_port(); }

/* A last look needs paging; and what has gone wrong in one is not looked at. */
static bool can_look(void) {
    static bool looked;
    bool first = !looked;

    looked = true;
    return first && reports == 1 && read_cr0() & CR0_PG;
}

static void begin_look(void) __attribute__((noreturn));
static void begin_look(void) {
    reports = 0;
    last_look();
}

/* The end: the machine is left, or stays for a last look, or is halted. */
static void stop(void) __attribute__((noreturn));
static void stop(void) {
    if (!stays() && reports < REPORTS_MAX)
        machine_exit(false);
    if (can_look())
        leave_stack(begin_look);
    if (reports < REPORTS_MAX)
        kprintf("quire: halted\n");
    for (;;) {
        cli();
        halt();
    }
}

static void report_failed(const char *what, unsigned eip) __attribute__((noreturn));
static void report_failed(const char *what, unsigned eip) {
    char where[ADDRESS_TEXT];

    if (reports == 2) {
        while (log_capturing())
            log_capture_end();
        kprintf("\nPANIC: %s while a report was being made, at %s\n", what, address_text(eip, where));
    }
    stop();
}

void report_begin(const char *what, unsigned eip) {
    cli();
    if (reports++)
        report_failed(what, eip);
    if (catch.armed) {
        log_capture(catch.report, catch.size);
    } else {
        while (log_capturing())
            log_capture_end();
        log_set_gate(NULL);
        log_fresh_line();
    }
    step_handler = NULL;
}

/* Leaves the report, and what the catch ran, as if neither had been. */
static void catch_close(int vector) {
    while (log_captures() > catch.captures)
        log_capture_end();
    catch.armed = false;
    catch.vector = vector;
    interrupts_served = catch.interrupts;
    reports = 0;
}

void panic_finish(int vector) {
    if (!catch.armed)
        stop();
    catch_close(vector);
    catch_land();
}

bool trap_catch(void (*fn)(void *arg), void *arg, char *report, size_t size, int *vector) {
    ASSERT(!catch.armed);
    report[0] = '\0';
    catch.report = report;
    catch.size = size;
    catch.captures = log_captures();
    catch.interrupts = interrupts_served;
    catch.armed = true;
    if (!catch_call(fn, arg)) {
        catch.armed = false;
        return false;
    }
    write_cr0(read_cr0() & ~CR0_TS); /* a task switch sets it */
    if (vector)
        *vector = catch.vector;
    return true;
}

/* ---- exceptions ---- */

static const char *const exception_names[] = {
    /* SDM vol. 3, table 6-1 */
    "divide error",
    "debug exception",
    "non-maskable interrupt",
    "breakpoint",
    "overflow",
    "bound range exceeded",
    "invalid opcode",
    "no coprocessor",
    "double fault",
    "coprocessor segment overrun",
    "invalid TSS",
    "segment not present",
    "stack-segment fault",
    "general protection fault",
    "page fault",
    "reserved exception 15",
    "x87 floating-point error",
    "alignment check",
    "machine check",
    "SIMD floating-point error",
    "virtualization exception",
    "control protection exception",
};

static const char *exception_name(unsigned vector) {
    return vector < ARRAY_SIZE(exception_names) ? exception_names[vector] : "reserved exception";
}

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

static void exception(const struct trap_frame *frame) {
    unsigned address = read_cr2(); /* before another page fault can change it */
    char where[ADDRESS_TEXT];

    report_begin(exception_name(frame->vector), frame->eip);
    if (frame->vector == TRAP_PAGE_FAULT) {
        page_fault_report(frame, address);
    } else {
        kprintf("PANIC: %s (exception %u)\n", exception_name(frame->vector), frame->vector);
        kprintf("  at       %s\n", address_text(frame->eip, where));
        if (error_is_selector(frame->vector))
            print_error_code(frame->error);
    }
    print_registers(frame);
    print_backtrace_of(frame);
    print_advice(frame->eip, frame->vector == TRAP_PAGE_FAULT ? "walk" : NULL, address);
    panic_finish((int)frame->vector);
}

/* An int3 is a question, not a mistake: it is answered, and the kernel goes on behind it. */
static void breakpoint_report(const struct trap_frame *frame) {
    char where[ADDRESS_TEXT];

    kprintf("breakpoint: int3 before %s\n", address_text(frame->eip, where));
    print_registers(frame);
    print_backtrace_of(frame);
}

void trap_dispatch(struct trap_frame *frame) {
    if (frame->vector >= TRAP_IRQ)
        irq_dispatch(frame->vector - TRAP_IRQ);
    else if (frame->vector == TRAP_DEBUG)
        step(frame);
    else if (frame->vector == TRAP_BREAKPOINT)
        breakpoint_report(frame);
    else
        exception(frame);
}

/* ---- the double fault ---- */

/* What the processor needs to push for an exception: on less stack than that it comes to a double fault,
 * although ESP has not yet passed the end. */
#define EXCEPTION_WORDS 4

/* ESP lies in the boot stack's guard page, at its very top, or a little below it. */
static bool stack_overflowed(uintptr_t esp) {
    return esp >= (uintptr_t)boot_stack_guard - PAGE_SIZE &&
           esp < (uintptr_t)boot_stack_bottom + EXCEPTION_WORDS * 4;
}

/* The main task as it was, as a frame: for what prints frames. */
static struct trap_frame interrupted_frame(void) {
    const struct tss *tss = &main_tss;

    return (struct trap_frame){
        .edi = tss->edi,
        .esi = tss->esi,
        .ebp = tss->ebp,
        .esp_at_pusha = tss->esp - 5 * 4,
        .ebx = tss->ebx,
        .edx = tss->edx,
        .ecx = tss->ecx,
        .eax = tss->eax,
        .vector = TRAP_DOUBLE_FAULT,
        .eip = tss->eip,
        .cs = tss->cs,
        .eflags = tss->eflags,
    };
}

static void print_double_fault(void) {
    char where[ADDRESS_TEXT];
    size_t offset;
    const char *function = symbol_at(main_tss.eip, &offset);

    if (stack_overflowed(main_tss.esp))
        kprintf("PANIC: double fault: kernel stack overflow in %s\n", function ? function : "?");
    else
        kprintf("PANIC: double fault: an exception could not be delivered\n");
    kprintf("  at       %s\n", address_text(main_tss.eip, where));
    kprintf("  stack    %p to %p, a guard page below; esp 0x%08x\n", (void *)boot_stack_bottom,
            (void *)boot_stack_top, main_tss.esp);
}

/* The main task goes on at EIP, on the double-fault stack, which is empty once this task has left. */
static void resume_main(uintptr_t eip) {
    main_tss.eip = eip;
    main_tss.esp = (uintptr_t)fault_stack_top - EXCEPTION_WORDS * 4;
    main_tss.ebp = 0;
    main_tss.eflags = 0;
}

void double_fault(void) {
    struct trap_frame frame = interrupted_frame();

    idt_init(); /* a damaged one may be what kept the first exception from being delivered */
    report_begin(exception_name(TRAP_DOUBLE_FAULT), frame.eip);
    print_double_fault();
    print_registers(&frame);
    print_backtrace_of(&frame);
    print_advice(frame.eip, "walk", frame_esp(&frame));
    if (catch.armed) {
        catch_close(TRAP_DOUBLE_FAULT);
        resume_main((uintptr_t)catch_land); /* which loads its own ESP */
    } else if (stays() && can_look()) {
        resume_main((uintptr_t)begin_look);
    } else {
        panic_finish(TRAP_DOUBLE_FAULT);
    }
}

void trap_init(void) {
    cli();
    gdt_init();
    tasks_init();
    idt_init();
    pic_init();
}
