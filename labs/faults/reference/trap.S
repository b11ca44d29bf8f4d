/* Lab faults, a plain solution: an exception's way into C. */

    .globl exception_common
    .type exception_common, @function
exception_common:
    stub_entered
    push_registers
    enter_kernel
    end_frames
    mov %cr2, %ebx
    testb $3, FRAME_CS(%esp)
    jnz 3f
    cmpl $TRAP_PAGE_FAULT, FRAME_VECTOR(%esp)
    jne 4f
    cmp $FREE_START, %ebx
    jb 4f
    cmp $KHEAP_START, %ebx
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
