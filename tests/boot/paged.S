/* A kernel that switches paging on, with 4 KiB pages and as the SDM has it (vol. 3, 9.9.1), and leaves by the
 * debug-exit port: the least that Quire asks of a processor. Without an IDT, any fault is a triple fault. */
    .set MAGIC, 0x1BADB002
    .set PRESENT_WRITABLE, 3

    .text
    .balign 4
    .long MAGIC, 0, -MAGIC

    .globl start
start:
    cli
    mov $table, %edi
    mov $PRESENT_WRITABLE, %eax
1:
    mov %eax, (%edi)                     /* the first 4 MiB, as they lie */
    add $4, %edi
    add $4096, %eax
    cmp $0x400000, %eax
    jb 1b
    movl $table + PRESENT_WRITABLE, directory
    mov $directory, %eax
    mov %eax, %cr3
    mov %cr0, %eax
    or $0x80000000, %eax
    mov %eax, %cr0
    jmp 2f
2:
    mov $0x10, %al
    out %al, $0xF4
3:
    hlt
    jmp 3b

    .bss
    .balign 4096
directory:
    .skip 4096
table:
    .skip 4096
