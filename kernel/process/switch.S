/* The change from one kernel stack to another. */

    .text

    /* void context_switch(uintptr_t *save, uintptr_t load): stores ESP at SAVE and goes on where ESP was LOAD. The
     * registers that a function keeps (System V ABI, i386) lie on the stack. */
    .globl context_switch
    .type context_switch, @function
context_switch:
    mov 4(%esp), %eax
    mov 8(%esp), %edx
    push %ebp
    push %ebx
    push %esi
    push %edi
    mov %esp, (%eax)
    mov %edx, %esp
    pop %edi
    pop %esi
    pop %ebx
    pop %ebp
    ret
    .size context_switch, . - context_switch

    .section .note.GNU-stack, "", @progbits
