/* The Multiboot header and the kernel's entry.
 *
 * The loader leaves the processor in 32-bit protected mode with flat segments, paging off, interrupts off and A20
 * on. All else is undefined (Multiboot 0.6.96, 3.2). The GDT may be gone, so no segment register may be loaded
 * before trap_init has loaded ours; machine_init puts the rest in order. EFLAGS.TF, which is undefined too, no
 * kernel can survive: the first instruction would trap without an IDT. */

#include "memlayout.h"

#define MULTIBOOT_MAGIC 0x1BADB002
#define MULTIBOOT_PAGE_ALIGN 0x00000001  /* modules at page boundaries */
#define MULTIBOOT_MEMORY_INFO 0x00000002
#define MULTIBOOT_VIDEO_MODE 0x00000004
#define MULTIBOOT_FLAGS (MULTIBOOT_PAGE_ALIGN | MULTIBOOT_MEMORY_INFO | MULTIBOOT_VIDEO_MODE)

#define VIDEO_EGA_TEXT 1

    /* Multiboot 3.1.1. Within the first 8 KiB of the file: linker.ld puts it at the image's start. */
    .section .multiboot, "ax", @progbits
    .balign 4
    .globl multiboot_header
    .type multiboot_header, @object
multiboot_header:
    .long MULTIBOOT_MAGIC
    .long MULTIBOOT_FLAGS
    .long -(MULTIBOOT_MAGIC + MULTIBOOT_FLAGS)
    .long 0, 0, 0, 0, 0                  /* load addresses: taken from the ELF headers */
    .long VIDEO_EGA_TEXT, 80, 25, 0      /* mode_type, width, height, depth: a preference */
    .size multiboot_header, . - multiboot_header

    .text
    .globl _start
    .type _start, @function
_start:
    cli
    cld
    mov $boot_stack_top, %esp
    push $0                              /* clear EFLAGS: NT or AC may be set */
    popf
    xor %ebp, %ebp                       /* a backtrace ends here */
    sub $4, %esp                         /* keeps the call 16-byte aligned */
    push %ebx                            /* the Multiboot information's address */
    push %eax                            /* the magic value */
    call kmain
1:  cli
    hlt
    jmp 1b
    .size _start, . - _start

    /* vmem_init leaves the page below each stack absent, so that an overflow faults. */
    .section .stacks, "aw", @nobits
    .balign 4096

    .globl boot_stack_guard, boot_stack_bottom, boot_stack_top
    .type boot_stack_guard, @object
    .type boot_stack_bottom, @object
boot_stack_guard:
    .skip 4096
    .size boot_stack_guard, . - boot_stack_guard
boot_stack_bottom:
    .skip BOOT_STACK_SIZE
    .size boot_stack_bottom, . - boot_stack_bottom
boot_stack_top:

    .globl fault_stack_guard, fault_stack_bottom, fault_stack_top
    .type fault_stack_guard, @object
    .type fault_stack_bottom, @object
fault_stack_guard:
    .skip 4096
    .size fault_stack_guard, . - fault_stack_guard
fault_stack_bottom:
    .skip FAULT_STACK_SIZE
    .size fault_stack_bottom, . - fault_stack_bottom
fault_stack_top:

    .section .note.GNU-stack, "", @progbits
