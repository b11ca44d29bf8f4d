/* The processor's tables: GDT, IDT, and the two tasks (descriptors.c). */
#ifndef QUIRE_DESCRIPTORS_H
#define QUIRE_DESCRIPTORS_H

#include "types.h"

/* A task's registers, as a task switch saves and loads them. SDM vol. 3, figure 7-2: each selector is in the
 * lower half of its word. */
struct tss {
    unsigned link, esp0, ss0, esp1, ss1, esp2, ss2;
    unsigned cr3, eip, eflags, eax, ecx, edx, ebx, esp, ebp, esi, edi;
    unsigned es, cs, ss, ds, fs, gs, ldt;
    uint16_t trap, io_map;
};
_Static_assert(sizeof(struct tss) == 104, "SDM vol. 3, 7.2.1");

/* While paging is off. */
void descriptors_init(void);

/* In the double-fault task: what the main task was about when the double fault came. */
const struct tss *interrupted_task(void);

/* In the double-fault task: what follows is the main task, on this stack. The next double fault is then one
 * like the first; a switch to a task that is busy already would be a triple fault (SDM vol. 3, 7.2.2). */
void leave_fault_task(void);

/* What is wrong with the register that says where the IDT is, in words, or NULL; and that register again as
 * descriptors_init left it. */
#define IDTR_TEXT 80
const char *idtr_fault(char text[IDTR_TEXT]);
void idt_load(void);

#endif
