/* A loop to measure the time-stamp counter with. In assembly, so that its length is known. */

    /* uint64_t spin_ticks(unsigned n): the ticks of 8 * N instructions, N > 0, and of a constant few. Eight, so
     * that no processor that takes several at once, or one a cycle, has as many ticks as instructions. */
    .text
    .globl spin_ticks
    .type spin_ticks, @function
spin_ticks:
    push %ebx
    push %esi
    mov 12(%esp), %ecx
    rdtsc
    mov %eax, %ebx
    mov %edx, %esi
1:  nop
    nop
    nop
    nop
    nop
    nop
    dec %ecx
    jnz 1b
    rdtsc
    sub %ebx, %eax
    sbb %esi, %edx
    pop %esi
    pop %ebx
    ret
    .size spin_ticks, . - spin_ticks

    .section .note.GNU-stack, "", @progbits
