/* Instructions that a program may not use, or not like this. See break.h. */

    .text
    .macro begin name
    .globl break_\name
    .type break_\name, @function
break_\name:
    .endm

    .macro end name
    ret
    .size break_\name, . - break_\name
    .endm

    begin cli
    cli
    end cli

    begin hlt
    hlt
    end hlt

    begin in
    in $0x60, %al
    end in

    begin out
    mov $0xFE, %al
    out %al, $0x64
    end out

    begin cr0
    mov %cr0, %eax
    end cr0

    begin cr3
    xor %eax, %eax
    mov %eax, %cr3
    end cr3

    begin lgdt
    lgdt break_lgdt
    end lgdt

    begin invlpg
    invlpg break_invlpg
    end invlpg

    begin int
    int $14
    end int

    begin call_gate
    lcall $0x08, $0x00100000
    end call_gate

    begin segment
    mov $0x10, %eax
    mov %eax, %ds
    end segment

    begin stack_segment
    mov $0x10, %eax
    mov %eax, %ss
    end stack_segment

    begin nested_task
    pushf
    orl $0x4000, (%esp)
    popf
    iret
    end nested_task

    begin undefined
    ud2
    end undefined

    begin step
    pushf
    orl $0x100, (%esp)
    popf
    nop
    end step

    begin divide
    xor %ecx, %ecx
    div %ecx
    end divide

    begin popf
    pushf
    pop %ebx
    mov %ebx, %eax
    or $0x3000, %eax
    and $0xFFFFFDFF, %eax
    push %eax
    popf
    pushf
    pop %eax
    xor %ebx, %eax
    test $0x3200, %eax
    jnz 1f
    mov $42, %ebx
    mov $1, %eax
    int $0x80
1:
    end popf

    .section .note.GNU-stack, "", @progbits
