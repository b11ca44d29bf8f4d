/* An ELF executable, as the boot loader would bring it: test_process.c runs it. It uses every way to get memory
 * (its own pages, brk, mmap, the stack, a pipe, fork, execve) and exits with 0 if all of them worked, otherwise
 * with 1. With an argument it exits at once, with 0. */

#define BASE 0x08048000
#define AT(symbol) (symbol - program_start + BASE)
#define BSS (4 * 4096)
#define MAPPED 6 /* pages */

    .macro call_kernel number
    mov $\number, %eax
    int $0x80
    cmp $-4096, %eax
    ja fail
    .endm

    .section .rodata
    .balign 4096
    .globl program_start, program_end
    .type program_start, @object
program_start:
    /* System V ABI, figure 4-3 */
    .ascii "\177ELF\1\1\1"
    .skip 9
    .short 2, 3                          /* ET_EXEC, EM_386 */
    .long 1, AT(start), segment - program_start, 0, 0
    .short 52, 32, 1, 40, 0, 0
segment:                                 /* figure 5-1: all of it, writable */
    .long 1, 0, BASE, BASE, program_end - program_start, program_end - program_start + BSS, 7, 4096

start:
    cmpl $1, (%esp)                      /* the number of arguments, the name included */
    jne succeed
    incl AT(word)                        /* shared with the file: a copy */
    incl AT(last_word)                   /* on the page that was copied when it was loaded */
    incl AT(program_end) + BSS - 4
    cmpl $2, AT(word)
    jne fail
    decl -3 * 4096(%esp)                 /* the stack */

    xor %ebx, %ebx
    call_kernel 45                       /* brk */
    lea 3 * 4096(%eax), %ebx
    call_kernel 45
    cmp %eax, %ebx
    jne fail
    incl -4(%ebx)

    mov $192, %eax                       /* mmap2 */
    xor %ebx, %ebx
    mov $MAPPED * 4096, %ecx
    mov $3, %edx                         /* PROT_READ | PROT_WRITE */
    mov $0x22, %esi                      /* MAP_PRIVATE | MAP_ANONYMOUS */
    or $-1, %edi
    xor %ebp, %ebp
    int $0x80
    cmp $-4096, %eax
    ja fail
    mov %eax, %ebp
    call touch

    mov $AT(pipe), %ebx
    call_kernel 42                       /* pipe */
    call_kernel 2                        /* fork */
    test %eax, %eax
    jz child
    mov %eax, %ebx
    mov $AT(status), %ecx
    xor %edx, %edx
    call_kernel 7                        /* waitpid */
    cmpl $0, AT(status)
    jne fail
    mov AT(pipe), %ebx
    mov $AT(word), %ecx
    mov $1, %edx
    call_kernel 3                        /* read: what the child wrote */
    cmp $1, %eax
    jne fail
    call touch
    cmpl $2, (%ebp)                      /* the child's writes are not seen here */
    jne fail
succeed:
    xor %ebx, %ebx
    mov $1, %eax
    int $0x80
fail:
    mov $1, %ebx
    mov $1, %eax
    int $0x80

child:
    call touch
    mov AT(pipe) + 4, %ebx
    mov $AT(word), %ecx
    mov $1, %edx
    call_kernel 4                        /* write */
    mov $AT(name), %ebx
    mov $AT(arguments), %ecx
    xor %edx, %edx
    call_kernel 11                       /* execve */
    jmp fail

    /* Adds 1 to the first word of each of the pages at EBP. */
touch:
    mov %ebp, %eax
    mov $MAPPED, %ecx
1:  incl (%eax)
    add $4096, %eax
    loop 1b
    ret

name:
    .asciz "test"
    .balign 4
arguments:
    .long AT(name), AT(name), 0
word:
    .long 1
pipe:
    .long 0, 0
status:
    .long 0
    .balign 4096                         /* from here on: not a whole page */
last_word:
    .long 0
program_end:
    .size program_start, . - program_start

    .section .note.GNU-stack, "", @progbits
