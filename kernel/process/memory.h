/* A program's address space: where what lies, the memory calls, and faults.
 *
 *   0xC0000000  +-------------------------------------------------+ USER_END
 *               | mmap, while there is room, from the top down:   |
 *               | a small program's mappings need no table more   |
 *   0xBFE00000  +-------------------------------------------------+ STACK_TOP
 *               | the stack; its pages come as they are touched   |
 *               +-------------------------------------------------+ STACK_END: 8 MiB
 *               | the stack's guard: never mapped                 |
 *               +-------------------------------------------------+ MAPPINGS_END
 *               | mmap, from the top down                         |
 *               +- - - - - - - - - - - - - - - - - - - - - - - - -+
 *               | free                                            |
 *               +- - - - - - - - - - - - - - - - - - - - - - - - -+ brk
 *               | the heap that brk moves; the executable         |
 *   0x00400000  +-------------------------------------------------+ USER_START
 */
#ifndef QUIRE_MEMORY_H
#define QUIRE_MEMORY_H

#include "memlayout.h"
#include "module.h"
#include "space.h"

#define USER_START FREE_START
#define USER_END KHEAP_START
#define STACK_SIZE (8u << 20)
#define STACK_TOP 0xBFE00000
#define STACK_END (STACK_TOP - STACK_SIZE)
#define MAPPINGS_END (STACK_END - (1u << 20))

struct memory {
    uintptr_t brk_start, brk; /* brk_start is a page's start */
    uintptr_t lowest;         /* nothing is mapped between the page of brk and here, */
    uintptr_t lowest_high;    /* nor between STACK_TOP and here */
};

/* The initial layout of a program whose segments end at END. */
struct memory memory_of(uintptr_t end);

/* Makes VA accessible for the access that ERROR describes, if the program may do it; false if not, or when memory
 * has run out. Counts the faults that it mends. */
bool memory_fault(const void *va, unsigned error);

/* Whether the program may make the access that ERROR describes: if it still faulted, memory had run out. */
bool memory_wanting(const void *va, unsigned error);

/* Maps BYTES bytes at OFFSET of MODULE at VA, whole pages shared until they are written to; what the last page has
 * beyond them is clear. VA and OFFSET are page-aligned. 0 or -ENOMEM, with a part mapped. */
int memory_map_file(char *va, const struct module *module, size_t offset, size_t bytes, unsigned flags);

#endif
