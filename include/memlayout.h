/* The address space, for C and assembly alike.
 *
 *   virtual address   what lies there                                              permission
 *
 *   0xFFFFFFFF  +--------------------------------------------------------------+
 *               | page directory, seen through its own last entry              |  rw
 *   0xFFFFF000  +--------------------------------------------------------------+
 *               | page tables: table i at 0xFFC00000 + i * 4096                |  rw, absent where
 *               | (the recursive window: PD[1023] = the directory itself)      |  the table is absent
 *   0xFFC00000  +--------------------------------------------------------------+
 *               | frame records: one word for each frame below 4 GiB           |  rw
 *   0xFF800000  +--------------------------------------------------------------+
 *               | the kernel stacks of programs, a guard page below each       |  rw
 *   0xFF400000  +--------------------------------------------------------------+
 *               | boot modules                                                 |  ro
 *   0xF8000000  +--------------------------------------------------------------+
 *               | devices (framebuffer, ...), mapped by physical address       |  rw
 *   0xF0000000  +--------------------------------------------------------------+
 *               | kernel heap: kmalloc                                         |  rw, page by page
 *   0xC0000000  +--------------------------------------------------------------+
 *               | the user part, of each space its own: programs               |  page by page
 *               | (the monitor's map and unmap work here, too)                 |
 *   0x00400000  +--------------------------------------------------------------+  <- identity map ends
 *               | scratch page: a new page table's frame, while it is cleared  |  absent otherwise
 *   0x003FF000  +--------------------------------------------------------------+
 *               | memory that pm hands out                                     |  rw
 *               +--------------------------------------------------------------+  <- kernel_end
 *               | symbol table                                                 |  ro
 *               | .bss; the stacks, an absent guard page below each            |  rw
 *               | .data                                                        |  rw
 *               | .rodata                                                      |  ro
 *               | .text                                                        |  ro
 *   0x00100000  +--------------------------------------------------------------+
 *               | the PC's first MiB: BIOS data, EGA text memory, ROMs         |  rw
 *   0x00001000  +--------------------------------------------------------------+
 *               | page 0: a null pointer faults                                |  absent
 *   0x00000000  +--------------------------------------------------------------+
 *
 * Below 0x00400000 virtual = physical, through page table 0. Page tables whose frames lie there can be
 * written through the identity map too, as well as through the window. "ro" holds because CR0.WP is set. */
#ifndef QUIRE_MEMLAYOUT_H
#define QUIRE_MEMLAYOUT_H

#define LOW_MEMORY_END 0x00100000 /* nothing below is ever handed out */
#define KERNEL_START 0x00100000
#ifndef QUIRE_UBSAN
#define KERNEL_LIMIT 0x002D0000 /* the image with .bss ends below; linker.ld asserts it */
#else
#define KERNEL_LIMIT 0x00380000 /* the sanitizer's checks make the code twice as long */
#endif
#define SCRATCH_PAGE 0x003FF000
#define IDENTITY_END 0x00400000
#define FREE_START 0x00400000
#define KHEAP_START 0xC0000000
#define KHEAP_END 0xF0000000
#define DEVICES_START 0xF0000000
#define MODULES_START 0xF8000000 /* boot modules, read-only */
#define KERNEL_STACKS 0xFF400000 /* of processes */
#define KERNEL_STACKS_END 0xFF800000
#define FRAMES_START 0xFF800000 /* linker.ld has it too */
#define WINDOW_START 0xFFC00000
#define DIRECTORY_WINDOW 0xFFFFF000 /* the directory, inside the window */
#define EGA_TEXT 0x000B8000

#define BOOT_STACK_SIZE 0x4000
#define FAULT_STACK_SIZE 0x2000 /* of the double-fault task, and of every report */

#define FRAMES_PDI 1022
#define RECURSIVE_PDI 1023

#ifndef __ASSEMBLER__
/* Placed by linker.ld; each is a page boundary. Take their addresses only. */
extern char kernel_start[], text_end[];   /* [kernel_start, text_end): Multiboot header and code */
extern char rodata_start[], rodata_end[]; /* constants */
extern char data_start[], data_end[];     /* .data and .bss, the stacks and their guards included */
extern char boot_stack_guard[], fault_stack_guard[]; /* the absent page below each stack */
extern char boot_stack_bottom[], boot_stack_top[];
extern char fault_stack_bottom[], fault_stack_top[];
extern char symtab_start[]; /* the symbol table, read-only, up to kernel_end */
extern char kernel_end[];
#endif

#endif
