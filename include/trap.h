/* Exceptions and interrupts: the GDT, the IDT, the double-fault task, and what happens when one comes. */
#ifndef QUIRE_TRAP_H
#define QUIRE_TRAP_H

#define KERNEL_CS 0x08
#define KERNEL_DS 0x10
#define MAIN_TSS 0x18
#define FAULT_TSS 0x20

#define TRAP_DIVIDE 0
#define TRAP_DEBUG 1 /* a single step: EFLAGS.TF */
#define TRAP_NMI 2
#define TRAP_BREAKPOINT 3
#define TRAP_INVALID_OPCODE 6
#define TRAP_DOUBLE_FAULT 8
#define TRAP_GENERAL_PROTECTION 13
#define TRAP_PAGE_FAULT 14
#define TRAP_IRQ 32          /* the two PICs' lines, remapped: 32 to 47 */
#define TRAP_NONE 0xFFFFFFFF /* a panic's frame */
#define TRAP_COUNT 48        /* vectors with a stub in kernel/trap.S */
#define IDT_VECTORS 256

#ifndef __ASSEMBLER__

#include "types.h"

/* What kernel/trap.S leaves on the stack, lowest address first. Kernel only: no ESP and SS from the CPU. */
struct trap_frame {
    unsigned edi, esi, ebp, esp_at_pusha, ebx, edx, ecx, eax; /* PUSHA's order */
    unsigned vector, error;                                   /* error 0 where the CPU pushes none */
    unsigned eip, cs, eflags;
};

/* Loads our GDT, IDT and task register: from here on an exception is a report. Before paging. The PICs' lines
 * are all masked. */
void trap_init(void);

/* Once the directory is loaded: a task switch loads CR3, so both tasks must know it. */
void trap_set_directory(paddr_t directory);

/* Runs FN(ARG); a panic or an exception in it, a double fault too, is caught: its whole report goes into
 * REPORT (NUL-ended, cut to SIZE) in place of the log, and everything that FN was doing is abandoned. True
 * when it was caught, with *VECTOR (may be NULL) the exception's, or -1 for a panic. An int3 reports and goes
 * on, here as anywhere. Does not nest. For tests. */
bool trap_catch(void (*fn)(void *arg), void *arg, char *report, size_t size, int *vector);

/* Calls HANDLER before each instruction that is run with EFLAGS.TF set, EIP's, whatever FRAME then says being
 * what goes on. NULL: none, and TF is taken away. A report takes the handler away. */
void trap_on_step(void (*handler)(struct trap_frame *frame));
bool trap_stepping(void); /* there is a handler */

/* ESP before FRAME was pushed. */
static inline unsigned frame_esp(const struct trap_frame *frame) {
    return frame->esp_at_pusha + 5 * 4; /* vector to EFLAGS */
}

#endif
#endif
