/* Where a program begins, and the ways into the kernel and to the clock. */

    .text
    .globl _start
    .type _start, @function
_start:
    mov %esp, %ecx                       /* argc, then argv (System V ABI, i386, figure 3-31) */
    xor %ebp, %ebp                       /* a backtrace ends here */
    and $-16, %esp
    sub $8, %esp
    lea 4(%ecx), %eax
    push %eax
    push (%ecx)
    call main
    mov %eax, %ebx
    mov $1, %eax                         /* exit */
    int $0x80
    .size _start, . - _start

    .globl system_call
    .type system_call, @function
system_call:
    push %ebp
    mov %esp, %ebp
    push %ebx
    push %esi
    push %edi
    mov 8(%ebp), %eax
    mov 12(%ebp), %ebx
    mov 16(%ebp), %ecx
    mov 20(%ebp), %edx
    mov 24(%ebp), %esi
    mov 28(%ebp), %edi
    xor %ebp, %ebp                       /* a sixth argument is always 0 */
    int $0x80
    pop %edi
    pop %esi
    pop %ebx
    pop %ebp
    ret
    .size system_call, . - system_call

    .globl read_clock
    .type read_clock, @function
read_clock:
    rdtsc
    ret
    .size read_clock, . - read_clock

    .section .note.GNU-stack, "", @progbits
