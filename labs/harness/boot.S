/* The entry of the small kernel: flat segments, a stack, a gate for each exception; then kernel.c. */

    .section .multiboot, "ax", @progbits
    .balign 4
    .long 0x1BADB002, 0, -0x1BADB002

    .text
    .globl _start
_start:
    cli
    cld
    mov $stack_top, %esp
    lgdt gdt_pointer
    ljmp $8, $1f
1:  mov $16, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    push %ebx
    call check_main
2:  hlt
    jmp 2b

/* bool check_preserved(unsigned (*fn)(unsigned), unsigned argument, unsigned *result): calls FN, and tells whether EBX,
 * ESI, EDI, EBP and ESP are what they were. */
    .globl check_preserved
check_preserved:
    push %ebp
    push %ebx
    push %esi
    push %edi
    mov 20(%esp), %eax
    mov 24(%esp), %ecx
    mov %esp, saved_esp
    mov $0x11111111, %ebx
    mov $0x22222222, %esi
    mov $0x33333333, %edi
    mov $0x44444444, %ebp
    push %ecx
    call *%eax
    pop %ecx
    xor %edx, %edx
    cmp $0x11111111, %ebx
    jne 1f
    cmp $0x22222222, %esi
    jne 1f
    cmp $0x33333333, %edi
    jne 1f
    cmp $0x44444444, %ebp
    jne 1f
    cmp saved_esp, %esp
    jne 1f
    inc %edx
1:  mov saved_esp, %esp
    mov 28(%esp), %ecx
    mov %eax, (%ecx)
    mov %edx, %eax
    pop %edi
    pop %esi
    pop %ebx
    pop %ebp
    ret

/* Exceptions: each pushes its number, and an error code where the processor does not. */
    .altmacro
    .macro entry number
exception_\number:
    .if \number != 8 && (\number < 10 || \number > 14) && \number != 17
    push $0
    .endif
    push $\number
    jmp exception
    .endm
    .macro address number
    .long exception_\number
    .endm

    .set i, 0
    .rept 32
    entry %i
    .set i, i + 1
    .endr

exception: /* number, error code, EIP */
    cld
    call check_exception

    .section .rodata
    .globl check_exceptions
check_exceptions:
    .set i, 0
    .rept 32
    address %i
    .set i, i + 1
    .endr

    .balign 8
gdt:
    .quad 0, 0x00CF9A000000FFFF, 0x00CF92000000FFFF
gdt_pointer:
    .word . - gdt - 1
    .long gdt

    .bss
saved_esp:
    .skip 4
    .balign 16
    .skip 16384
stack_top:

    .section .note.GNU-stack, "", @progbits
