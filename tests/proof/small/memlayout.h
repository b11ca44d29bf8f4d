/* include/memlayout.h for a small processor: a table has 4 entries, so there are 4 tables, of 4 pages each. The last
 * one is the window, where table I is seen at WINDOW_START + I * 16: a page there has no more than its entries. */
#ifndef QUIRE_MEMLAYOUT_H
#define QUIRE_MEMLAYOUT_H

#define LOW_MEMORY_END 0x1000
#define SCRATCH_PAGE 0x3000
#define FREE_START 0x4000   /* table 1: the user part */
#define KHEAP_START 0x8000  /* table 2: the kernel's */
#define FRAMES_START 0xC000 /* the frame records are no mapped memory here */
#define WINDOW_START 0xC000
#define DIRECTORY_WINDOW 0xC030

#define FRAMES_PDI 3
#define RECURSIVE_PDI 3

extern char kernel_start[], rodata_end[], boot_stack_guard[], fault_stack_guard[], symtab_start[], kernel_end[];

#endif
