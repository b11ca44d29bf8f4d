/* The benchmarks' clock (clock.h). */

    .text

    /* uint64_t clock_ticks(void *fn, uintptr_t a, uintptr_t b, uintptr_t *result) */
    .globl clock_ticks
    .type clock_ticks, @function
clock_ticks:
    push %ebp
    mov %esp, %ebp
    push %ebx
    push %esi
    push 16(%ebp)                        /* b */
    push 12(%ebp)                        /* a */
    rdtsc
    mov %eax, %ebx
    mov %edx, %esi
    call *8(%ebp)
    mov %eax, %ecx                       /* fn's result */
    rdtsc
    sub %ebx, %eax
    sbb %esi, %edx
    mov 20(%ebp), %ebx
    test %ebx, %ebx
    jz 1f
    mov %ecx, (%ebx)
1:  lea -8(%ebp), %esp
    pop %esi
    pop %ebx
    pop %ebp
    ret
    .size clock_ticks, . - clock_ticks

    .globl returns_nothing, returns_zero, returns_first, returns_object
    .type returns_nothing, @function
returns_nothing:
    ret
    .size returns_nothing, . - returns_nothing

    .type returns_zero, @function
returns_zero:
    xor %eax, %eax
    ret
    .size returns_zero, . - returns_zero

    .type returns_first, @function
returns_first:
    mov 4(%esp), %eax
    ret
    .size returns_first, . - returns_first

    .type returns_object, @function
returns_object:
    mov $object, %eax
    ret
    .size returns_object, . - returns_object

    /* int NAME(void *va, size_t pages): times INNER. */
    .macro provider name, inner
    .globl \name
    .type \name, @function
\name:
    push %ebx
    rdtsc
    mov %eax, %ebx
    push 12(%esp)                        /* pages */
    push 12(%esp)                        /* va */
    call \inner
    add $8, %esp
    mov %eax, %ecx
    rdtsc
    sub %ebx, %eax
    add provider_overhead, %eax
    add %eax, ticks_in_provider
    mov %ecx, %eax
    pop %ebx
    ret
    .size \name, . - \name
    .endm

    provider timed_get, provider_get
    provider timed_give, provider_give

    .bss
    .balign 16
    .type object, @object
object:
    .skip 16
    .size object, . - object

    .section .note.GNU-stack, "", @progbits
