/* The ways into the kernel from below: a stub for each vector, the double-fault task, and panic_at, which
 * keeps its caller's registers. Also the jumps that C has no word for: going on with a frame, loading the
 * GDT, leaving what trap_catch runs, and changing to the fault stack. */

#include "descriptors.h"
#include "lab.h"
#include "memlayout.h"
#include "trap.h"

/* The vectors for which the processor pushes an error code (SDM vol. 3, table 6-1): 8, 10 to 14, 17, 21, 29,
 * 30. */
#define HAS_ERROR_CODE 0x60227D00

    .text

    /* For debuggers: where a stub finds itself, the vector and the error code being on the stack; and then
     * where PUSHA has put what was in the registers, counted down from ESP as it was before. */
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

    /* Ring 3 may have left anything in DS and ES, and DF set. They are put right whatever CS says: an NMI may
     * have interrupted this very code. FS and GS stay the program's: the kernel uses neither. */
    .macro enter_kernel
    cld
    mov $KERNEL_DS, %eax
    mov %eax, %ds
    mov %eax, %es
    .endm

    /* If ESP points to a program's frame, EBP is no frame of the kernel's: a backtrace ends here. */
    .macro end_frames
    testb $3, FRAME_CS(%esp)
    jz 1f
    xor %ebp, %ebp
1:
    .endm

    /* ESP points to a struct trap_frame: FUNCTION(frame, EBX) makes the report of it, and does not return. It
     * runs on the fault stack, from the top unless that stack is in use already. */
    .macro report_by function
    mov %esp, %ebp                       /* for debuggers: the frame is found from here */
    .cfi_def_cfa_register %ebp
    cmp $fault_stack_bottom, %esp
    jbe 1f
    cmp $fault_stack_top, %esp
    jbe 2f
1:  mov $fault_stack_top, %esp
2:  sub $8, %esp                         /* 16-byte aligned at the call (System V ABI, i386) */
    push %ebx
    push %ebp
    call \function
    ud2                                  /* keeps the return address inside this function */
    .endm

    /* trap_stubs[i] is vector i's, 16 bytes each. All make the same struct trap_frame. */
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

    /* Interrupts, single steps and int3: they go on where they came from. */
    .type trap_common, @function
trap_common:
    stub_entered
    push_registers
    enter_kernel
    end_frames
    push %esp
    .cfi_adjust_cfa_offset 4
    call trap_dispatch
    add $4, %esp
    jmp trap_return
    .cfi_endproc
    .size trap_common, . - trap_common

    .globl system_call_stub
    .type system_call_stub, @function
system_call_stub:
    push $0
    push $TRAP_SYSCALL
    stub_entered
    push_registers
    enter_kernel
    xor %ebp, %ebp                       /* a backtrace ends here */
    push %esp
    .cfi_adjust_cfa_offset 4
    call *system_call_handler
    add $4, %esp
    .cfi_endproc                         /* and falls into trap_return */
    .size system_call_stub, . - system_call_stub

    /* ESP points to a struct trap_frame: goes on with it. */
    .globl trap_return
    .type trap_return, @function
trap_return:
    testb $3, FRAME_CS(%esp)
    jz 1f
    mov $USER_DS, %eax
    mov %eax, %ds
    mov %eax, %es
1:  popa
    add $8, %esp                         /* the vector and the error code */
    iret
    .size trap_return, . - trap_return

    /* An exception is reported, unless it came from ring 3 or is a page fault in the user part and
     * exception_handled says that it is dealt with. No other page fault uses more of the stack it came on
     * than the frame: near the stack's end, that could turn the report into one of an overflow. */
    .globl exception_common
    .type exception_common, @function
exception_common:
    stub_entered
    push_registers
    enter_kernel
    end_frames
    mov %cr2, %ebx                       /* before another page fault can change it */
#ifdef QUIRE_LAB
    cmpl $TRAP_PAGE_FAULT, FRAME_VECTOR(%esp)
    jne 1f
    mov FRAME_EIP(%esp), %eax            /* the lab is told of every page fault, whoever deals with it */
    tell LAB_FAULT_BY
    mov FRAME_ERROR(%esp), %eax
    tell LAB_FAULT
1:
#endif
    testb $3, FRAME_CS(%esp)
    jnz 3f
    cmpl $TRAP_PAGE_FAULT, FRAME_VECTOR(%esp)
    jne 4f
    lea -FREE_START(%ebx), %eax
    cmp $KHEAP_START - FREE_START, %eax
    jae 4f
3:  mov %esp, %eax
    push %ebx
    push %eax
    call exception_handled
    add $8, %esp
    test %al, %al
    jnz trap_return
4:  report_by exception
    .cfi_endproc
    .size exception_common, . - exception_common

    .globl trap_stubs_end
trap_stubs_end:

    /* A vector that nobody asked for. What firmware left running (a local APIC's timer, a device's message)
     * may still interrupt once interrupts are on; it is ignored. */
    .globl stray_interrupt
    .type stray_interrupt, @function
stray_interrupt:
    iret
    .size stray_interrupt, . - stray_interrupt

    /* The double-fault task. The processor has saved the main task in its TSS, and pushed the error code,
     * which is always 0 (SDM vol. 3, 6.15). */
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

    /* void trap_resume(const struct trap_frame *frame) */
    .globl trap_resume
    .type trap_resume, @function
trap_resume:
    mov 4(%esp), %esp
    jmp trap_return
    .size trap_resume, . - trap_resume

    /* bool catch_call(void (*fn)(void *), void *arg, uintptr_t *stack): runs FN(ARG) and returns false.
     * catch_land(*STACK), from however deep inside and on whatever stack, makes that call return true. */
    .globl catch_call
    .type catch_call, @function
catch_call:
    push %ebp
    mov %esp, %ebp
    push %ebx
    push %esi
    push %edi
    push 12(%ebp)
    mov 16(%ebp), %eax
    mov %esp, (%eax)
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
    mov 4(%esp), %esp
    push $0                              /* EFLAGS as everywhere in the kernel */
    popf
    mov $1, %eax
    jmp .Lcatch_return
    .size catch_land, . - catch_land

    /* void run_on_fault_stack(void (*fn)(void)): runs FN there, from the top. The stack in use stays as it
     * is. FN does not return. */
    .globl run_on_fault_stack
    .type run_on_fault_stack, @function
run_on_fault_stack:
    mov 4(%esp), %eax
    mov $fault_stack_top, %esp
    xor %ebp, %ebp                       /* a backtrace ends here */
    call *%eax
    .size run_on_fault_stack, . - run_on_fault_stack

    /* void panic_at(const char *file, int line, const char *fmt, ...): makes a struct trap_frame of its
     * caller and calls panic with it. Above the frame's FRAME_KERNEL_SIZE bytes lie the return address and
     * the arguments: struct panic_call. */
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

    .section .note.GNU-stack, "", @progbits
