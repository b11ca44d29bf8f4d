/* The GDT, the IDT, and the two tasks.
 *
 * Segments are flat: code and data for ring 0 and ring 3, and one for a program's thread-local storage.
 *
 * Everything runs in the main task. Its TSS has two uses. It holds the stack pointer for the way from ring 3
 * into the kernel. And at a double fault, when the stack itself may be what is broken, a task gate switches
 * to the second task, on a stack of its own, and the processor saves all registers in the main TSS (SDM vol.
 * 3, 6.14.2). The second task reads them there and then takes the main task's place, so its own TSS is never
 * saved to and each double fault finds it as it was made. Every other vector is an interrupt gate: handlers
 * run with interrupts off.
 *
 * The IDT is filled while paging is off and read-only from then on: no stray write can break the way into a
 * report. The GDT must stay writable, because the processor marks in it which task is busy. */
#include "descriptors.h"

#include "cpu.h"
#include "format.h"
#include "memlayout.h"
#include "trap.h"

/* trap.S */
extern const char trap_stubs[];
#define STUB_SIZE 16
void stray_interrupt(void);
void system_call_stub(void);
void gdt_load(const struct descriptor_table *gdt);
void double_fault_task(void);

struct descriptor { /* a segment's, a TSS's, or a gate's */
    unsigned low, high;
};
_Static_assert(sizeof(struct descriptor) == 8, "SDM vol. 3, 3.4.5");

extern struct descriptor idt[]; /* trap.S: among the constants */

#define SEGMENT_CODE 0x9A /* present, ring 0, readable */
#define SEGMENT_DATA 0x92 /* present, ring 0, writable */
#define SEGMENT_TSS 0x89  /* present, ring 0, 32-bit, not busy */
#define SEGMENT_FLAT 0xC0 /* 32-bit; the limit counts pages */
#define RING_3 0x60       /* of a segment or a gate */
#define GATE_INTERRUPT 0x8E
#define GATE_TASK 0x85
#define TSS_BUSY 0x200u /* in the upper half */

/* The part that a task switch reads and writes should not cross a page (SDM vol. 3, 7.2.1). */
static struct tss main_tss __attribute__((aligned(128)));
static struct tss fault_tss __attribute__((aligned(128)));
static struct descriptor gdt[USER_TLS / 8 + 1];

static struct descriptor segment(uintptr_t base, unsigned limit, unsigned access, unsigned flags) {
    return (struct descriptor){
        (limit & 0xFFFF) | base << 16,
        (base >> 16 & 0xFF) | access << 8 | (limit & 0xF0000) | flags << 16 | (base & 0xFF000000),
    };
}

static void gdt_init(void) {
    gdt[KERNEL_CS / 8] = segment(0, 0xFFFFF, SEGMENT_CODE, SEGMENT_FLAT);
    gdt[KERNEL_DS / 8] = segment(0, 0xFFFFF, SEGMENT_DATA, SEGMENT_FLAT);
    gdt[USER_CS / 8] = segment(0, 0xFFFFF, SEGMENT_CODE | RING_3, SEGMENT_FLAT);
    gdt[USER_DS / 8] = segment(0, 0xFFFFF, SEGMENT_DATA | RING_3, SEGMENT_FLAT);
    trap_set_tls(0);
    gdt[MAIN_TSS / 8] = segment((uintptr_t)&main_tss, sizeof(main_tss) - 1, SEGMENT_TSS, 0);
    gdt[FAULT_TSS / 8] = segment((uintptr_t)&fault_tss, sizeof(fault_tss) - 1, SEGMENT_TSS, 0);
    gdt_load(&(struct descriptor_table){sizeof(gdt) - 1, (uintptr_t)gdt});
}

/* Gives USER_TLS the base address BASE. */
void trap_set_tls(uintptr_t base) {
    gdt[USER_TLS / 8] = segment(base, 0xFFFFF, SEGMENT_DATA | RING_3, SEGMENT_FLAT);
}

/* ---- tasks ---- */

static void tasks_init(void) {
    main_tss = (struct tss){.ss0 = KERNEL_DS, .io_map = sizeof(struct tss)};
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

/* Tells both tasks the current directory: a task switch loads CR3. */
void trap_set_directory(paddr_t directory) {
    main_tss.cr3 = fault_tss.cr3 = (unsigned)directory; /* a task switch never saves CR3 */
}

/* Sets where the processor puts its stack pointer when it comes from ring 3. */
void trap_set_kernel_stack(void *top) { main_tss.esp0 = (uintptr_t)top; }

/* The main task's registers when the double fault came. */
const struct tss *interrupted_task(void) { return &main_tss; }

/* Makes what follows the main task, on this stack. */
void leave_fault_task(void) {
    gdt[FAULT_TSS / 8].high &= ~TSS_BUSY;
    gdt[MAIN_TSS / 8].high &= ~TSS_BUSY;
    ltr(MAIN_TSS);                   /* which marks it busy */
    write_eflags(0);                 /* the task switch set NT */
    write_cr0(read_cr0() & ~CR0_TS); /* and TS */
}

/* ---- gates ---- */

static struct descriptor gate(unsigned selector, uintptr_t offset, unsigned access) {
    return (struct descriptor){selector << 16 | (offset & 0xFFFF), (offset & 0xFFFF0000) | access << 8};
}

/* Ring 3 may raise int3, INTO and the system call; any other INT n of its is a general protection fault. */
static struct descriptor gate_of(unsigned vector) {
    uintptr_t stub = (uintptr_t)trap_stubs + vector * STUB_SIZE;

    if (vector == TRAP_DOUBLE_FAULT)
        return gate(FAULT_TSS, 0, GATE_TASK);
    if (vector == TRAP_SYSCALL)
        return gate(KERNEL_CS, (uintptr_t)system_call_stub, GATE_INTERRUPT | RING_3);
    if (vector >= TRAP_COUNT)
        return gate(KERNEL_CS, (uintptr_t)stray_interrupt, GATE_INTERRUPT);
    if (vector == TRAP_BREAKPOINT || vector == TRAP_OVERFLOW)
        return gate(KERNEL_CS, stub, GATE_INTERRUPT | RING_3);
    return gate(KERNEL_CS, stub, GATE_INTERRUPT);
}

#define IDT_LIMIT (IDT_VECTORS * sizeof(struct descriptor) - 1)

/* Loads IDTR. */
void idt_load(void) { lidt(&(struct descriptor_table){IDT_LIMIT, (uintptr_t)idt}); }

/* Describes what is wrong with IDTR, or NULL. */
const char *idtr_fault(char text[IDTR_TEXT]) {
    struct descriptor_table now;

    sidt(&now);
    if (now.base == (uintptr_t)idt && now.limit == IDT_LIMIT)
        return NULL;
    format_buffer(text, IDTR_TEXT, "IDTR is 0x%08x, limit 0x%x; it should be 0x%08x, limit 0x%x", now.base,
                  now.limit, (unsigned)(uintptr_t)idt, (unsigned)IDT_LIMIT);
    return text;
}

static void idt_init(void) {
    for (unsigned vector = 0; vector < IDT_VECTORS; vector++)
        idt[vector] = gate_of(vector);
    idt_load();
}

/* Builds and loads the tables. Paging is still off. */
void descriptors_init(void) {
    gdt_init();
    tasks_init();
    idt_init();
}
