/* The ways into the kernel from below: a stub for each vector, the double-fault task, and panic_at, which
 * keeps the registers of its caller. And the jumps that C has no word for: loading the GDT, abandoning what
 * trap_catch runs, and changing to the fault stack. */

#include "trap.h"

/* The vectors for which the processor pushes an error code (SDM vol. 3, table 6-1): 8, 10 to 14, 17, 21, 29,
 * 30. */
#define HAS_ERROR_CODE 0x60227D00

    .text

    /* For debuggers: where a stub finds itself, the vector and the error code being on the stack; and then where
     * PUSHA has put what was in the registers, counted down from ESP as it was before. */
    .cfi_sections .debug_frame
    .macro stub_entered
    .cfi_startproc
    .cfi_signal_frame
    .cfi_def_cfa %esp, 20
    .cfi_offset %eip, -12
    .endm

    .macro push_registers
    pusha
    .cfi_adjust_cfa_offset 32
    .cfi_offset %eax, -24
    .cfi_offset %ecx, -28
    .cfi_offset %edx, -32
    .cfi_offset %ebx, -36
    .cfi_offset %ebp, -44
    .cfi_offset %esi, -48
    .cfi_offset %edi, -52
    .endm

    /* At ESP lies a struct trap_frame: has FUNCTION make the report of it, on the fault stack, from its top
     * unless it is in use already. FUNCTION does not return. */
    .macro report_by function
    mov %esp, %ebp                       /* for debuggers: the frame is found from here */
    .cfi_def_cfa_register %ebp
    cmp $fault_stack_bottom, %esp
    jbe 1f
    cmp $fault_stack_top, %esp
    jbe 2f
1:  mov $fault_stack_top, %esp
2:  sub $12, %esp                        /* 16-byte aligned at the call (System V ABI, i386) */
    push %ebp
    call \function
    ud2                                  /* the return address is still in here */
    .endm

    /* trap_stubs[i] is vector i's, 16 bytes each. All make the same frame: struct trap_frame. Of an exception
     * comes a report; the others may return. */
    .balign 16
    .globl trap_stubs
    .type trap_stubs, @function
trap_stubs:
    .irp vector, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, \
                 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, \
                 46, 47
    .balign 16
    .if \vector >= 32 || !(HAS_ERROR_CODE >> \vector & 1)
    push $0
    .endif
    push $\vector
    .if \vector >= TRAP_IRQ || \vector == TRAP_DEBUG || \vector == TRAP_BREAKPOINT
    jmp trap_common
    .else
    jmp exception_common
    .endif
    .endr
    .size trap_stubs, . - trap_stubs

    .type trap_common, @function
trap_common:
    stub_entered
    push_registers
    cld                                  /* C code expects it */
    push %esp
    .cfi_adjust_cfa_offset 4
    call trap_dispatch
    add $4, %esp
    popa
    add $8, %esp                         /* the vector and the error code */
    iret
    .cfi_endproc
    .size trap_common, . - trap_common

    .globl exception_common
    .type exception_common, @function
exception_common:
    stub_entered
    push_registers
    cld
    report_by exception
    .cfi_endproc
    .size exception_common, . - exception_common

    .globl trap_stubs_end
trap_stubs_end:

    /* A vector that nobody asked for: what firmware left behind (a local APIC's timer, a device's message) may
     * still come once interrupts are on. It is passed over. */
    .globl stray_interrupt
    .type stray_interrupt, @function
stray_interrupt:
    iret
    .size stray_interrupt, . - stray_interrupt

    /* The double-fault task: the processor has saved the main task in its TSS. The error code, always 0, is on
     * the stack (SDM vol. 3, 6.15). */
    .globl double_fault_task
    .type double_fault_task, @function
double_fault_task:
    xor %ebp, %ebp                       /* a backtrace ends here */
    call double_fault
    .size double_fault_task, . - double_fault_task

    /* void gdt_load(const struct descriptor_table *gdt): and all segment registers from it. */
    .globl gdt_load
    .type gdt_load, @function
gdt_load:
    mov 4(%esp), %eax
    lgdt (%eax)
    ljmp $KERNEL_CS, $1f
1:  mov $KERNEL_DS, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %fs
    mov %eax, %gs
    mov %eax, %ss
    ret
    .size gdt_load, . - gdt_load

    /* bool catch_call(void (*fn)(void *), void *arg): runs FN(ARG), and returns false. catch_land, from
     * however deep inside and on whatever stack, makes that call return true. */
    .globl catch_call
    .type catch_call, @function
catch_call:
    push %ebp
    mov %esp, %ebp
    push %ebx
    push %esi
    push %edi
    push 12(%ebp)
    mov %esp, catch_stack
    call *8(%ebp)
    xor %eax, %eax
.Lcatch_return:
    add $4, %esp
    pop %edi
    pop %esi
    pop %ebx
    pop %ebp
    ret
    .size catch_call, . - catch_call

    .globl catch_land
    .type catch_land, @function
catch_land:
    mov catch_stack, %esp
    push $0                              /* EFLAGS as everywhere in the kernel */
    popf
    mov $1, %eax
    jmp .Lcatch_return
    .size catch_land, . - catch_land

    /* void run_on_fault_stack(void (*fn)(void)): runs FN there, from its top, and leaves the present stack as
     * it is. FN does not return. */
    .globl run_on_fault_stack
    .type run_on_fault_stack, @function
run_on_fault_stack:
    mov 4(%esp), %eax
    mov $fault_stack_top, %esp
    xor %ebp, %ebp                       /* a backtrace ends here */
    call *%eax
    .size run_on_fault_stack, . - run_on_fault_stack

    /* void panic_at(const char *file, int line, const char *fmt, ...): makes a struct trap_frame of its
     * caller and calls panic with it. Above the frame's 52 bytes lie the return address and the
     * arguments: struct panic_call. */
    .globl panic_at
    .type panic_at, @function
panic_at:
    .cfi_startproc
    pushf
    cli
    cld
    push %cs
    push 8(%esp)                         /* the return address */
    subl $5, (%esp)                      /* EIP: the call itself, which may be its function's last word */
    push $0                              /* error code */
    push $TRAP_NONE
    pusha
    .cfi_adjust_cfa_offset 52
    .cfi_offset %ebp, -48
    report_by panic
    .cfi_endproc
    .size panic_at, . - panic_at

    .section .rodata
    .balign 8
    .globl idt
    .type idt, @object
idt:
    .skip IDT_VECTORS * 8                /* descriptors.c */
    .size idt, . - idt

    .section .bss
    .balign 4
    .globl catch_stack
    .type catch_stack, @object
catch_stack:
    .skip 4
    .size catch_stack, . - catch_stack

    .section .note.GNU-stack, "", @progbits
