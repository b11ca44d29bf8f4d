/* A kernel that looks and halts. EBX is left as the boot loader gave it, so that the test finds the Multiboot
 * information there; EAX is the time-stamp counter's ticks over a loop of 2,000,000 instructions. */
    .set MAGIC, 0x1BADB002
    .set MEMORY_INFORMATION, 1 << 1

    .text
    .balign 4
    .long MAGIC, MEMORY_INFORMATION, -(MAGIC + MEMORY_INFORMATION)

    .globl start
start:
    cli
    rdtsc
    mov %eax, %esi
    mov $1000000, %ecx
1:
    dec %ecx
    jnz 1b
    rdtsc
    sub %esi, %eax
2:
    hlt
    jmp 2b
