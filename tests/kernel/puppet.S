/* A program that makes system calls for ever: puppet.c puts in the registers of each what a test wants. After a call
 * it writes to the word at EBP if EDI is not 0, otherwise reads it; if EBP is 0, neither. */

#define BASE 0x08048000 /* PUPPET_BASE */
#define AT(symbol) (symbol - puppet_start + BASE)
#define BSS (16 * 4096) /* PUPPET_AREA_PAGES */

    .section .rodata
    .balign 4096
    .globl puppet_start, puppet_end
    .type puppet_start, @object
puppet_start:
    /* System V ABI, figure 4-3 */
    .ascii "\177ELF\1\1\1"
    .skip 9
    .short 2, 3                          /* ET_EXEC, EM_386 */
    .long 1, AT(start), segment - puppet_start, 0, 0
    .short 52, 32, 1, 40, 0, 0
segment:                                 /* figure 5-1: all of it, writable */
    .long 1, 0, BASE, BASE, puppet_end - puppet_start, puppet_end - puppet_start + BSS, 7, 4096
    .skip 0x80 - (. - puppet_start)
name:
    .asciz "puppet"                      /* PUPPET_NAME */
    .balign 16
    .long AT(start), 0x40000000, 0, 0, 0 /* PUPPET_ACTION: struct sigaction, SA_NODEFER */
    .balign 16
    .long AT(name), 0                    /* PUPPET_ARGUMENTS */
    .balign 16
start:
    int $0x80
    test %ebp, %ebp
    jz start
    test %edi, %edi
    jz 1f
    incl (%ebp)
1:  mov (%ebp), %eax
    jmp start
    .balign 4096
puppet_end:
    .size puppet_end, . - puppet_start

    .section .note.GNU-stack, "", @progbits
