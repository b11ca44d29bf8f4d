/* A boot loader of the tests' own. QEMU starts it as a Multiboot kernel; it starts Quire, which QEMU's
 * "loader" device has put in place, in the same machine state (Multiboot 0.6.96, section 3.2), with whatever
 * EAX and EBX the test wants, and more of what the specification leaves open. The test writes the words after
 * the mark into the file. */
    .set MAGIC, 0x1BADB002

    .text
    .balign 4
    .long MAGIC, 0, -MAGIC

    .ascii "PATCH ME"
magic:
    .long 0
information:
    .long 0
entry:
    .long 0
eflags:                                  /* 0: as it is. The same for the next two */
    .long 0
cr0:                                     /* these bits are set */
    .long 0
cr4:                                     /* these are what it is */
    .long 0

    .globl start
start:
    mov cr4, %eax
    test %eax, %eax
    jz 1f
    mov %eax, %cr4
1:  mov eflags, %eax
    test %eax, %eax
    jz 2f
    .rept 9
    fld1                                 /* more than the x87 holds: an exception is pending */
    .endr
    mov $stack, %esp
    push %eax
    popf
    mov $0xFFFFFFFF, %esp
2:  mov %cr0, %eax
    or cr0, %eax
    mov %eax, %cr0
    mov magic, %eax
    mov information, %ebx
    jmp *entry

    .skip 64
stack:
