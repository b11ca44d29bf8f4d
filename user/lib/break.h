/* Instructions that a program may not use, or not like this (break.S). */
#ifndef QUIRE_BREAK_H
#define QUIRE_BREAK_H

void break_cli(void);
void break_hlt(void);
void break_in(void);
void break_out(void);
void break_cr0(void);
void break_cr3(void);
void break_lgdt(void);
void break_invlpg(void);
void break_int(void);           /* the page fault's vector, from ring 3 */
void break_call_gate(void);     /* a far call to the kernel's code segment */
void break_segment(void);       /* the kernel's data segment in DS */
void break_stack_segment(void); /* and in SS */
void break_nested_task(void);   /* IRET with EFLAGS.NT set */
void break_undefined(void);
void break_step(void); /* EFLAGS.TF */
void break_divide(void);
void break_popf(void); /* IOPL 3, interrupts off: both must stay as they were; exits with 42 if they do */

#endif
