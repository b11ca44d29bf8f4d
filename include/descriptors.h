/* The processor's tables: the GDT, the IDT, and two tasks (kernel/trap/descriptors.c). */
#ifndef QUIRE_DESCRIPTORS_H
#define QUIRE_DESCRIPTORS_H

#define KERNEL_CS 0x08
#define KERNEL_DS 0x10
#define MAIN_TSS 0x18
#define FAULT_TSS 0x20
#define USER_CS 0x2B  /* ring 3, flat as the kernel's */
#define USER_DS 0x33  /* DS, ES and SS of every program */
#define USER_TLS 0x3B /* thread-local storage: see trap_set_tls */

#define IDT_VECTORS 256

#ifndef __ASSEMBLER__

#include "types.h"

/* A task's registers, as a task switch saves and loads them (SDM vol. 3, figure 7-2). Each selector is the
 * lower half of its word. */
struct tss {
    unsigned link, esp0, ss0, esp1, ss1, esp2, ss2;
    unsigned cr3, eip, eflags, eax, ecx, edx, ebx, esp, ebp, esi, edi;
    unsigned es, cs, ss, ds, fs, gs, ldt;
    uint16_t trap, io_map;
};
_Static_assert(sizeof(struct tss) == 104, "SDM vol. 3, 7.2.1");

/* Builds and loads the tables. Paging is still off. */
void descriptors_init(void);

/* Tells both tasks the current directory: a task switch loads CR3. Call it after each load of CR3. */
void trap_set_directory(paddr_t directory);

/* Sets where the processor puts its stack pointer when it comes from ring 3. Call it before ring 3 runs. */
void trap_set_kernel_stack(void *top);

/* Gives USER_TLS the base address BASE (4 GiB, writable, ring 3). A program's GS keeps the old base until it
 * is loaded again. */
void trap_set_tls(uintptr_t base);

/* In the double-fault task: the main task's registers when the double fault came. */
const struct tss *interrupted_task(void);

/* In the double-fault task: makes what follows the main task, on this stack. Otherwise the next double fault
 * would switch to a busy task, a triple fault (SDM vol. 3, 7.2.2). */
void leave_fault_task(void);

/* Describes what is wrong with IDTR, or NULL when it is as descriptors_init left it. */
#define IDTR_TEXT 80
const char *idtr_fault(char text[IDTR_TEXT]);

/* Loads IDTR again. */
void idt_load(void);

#endif
#endif
