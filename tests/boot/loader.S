/* A boot loader of the tests' own. QEMU starts it as a Multiboot kernel; it starts Quire, which QEMU's
 * "loader" device has put in place, in the same machine state (Multiboot 0.6.96, section 3.2), with whatever
 * EAX and EBX the test wants. The test writes the three words after the mark into the file. */
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

    .globl start
start:
    mov magic, %eax
    mov information, %ebx
    jmp *entry
