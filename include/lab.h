/* The lab: Quire in a browser (web/). Built with LAB=1, the kernel tells the page that it runs in, on I/O ports that no
 * machine has, what it does to its page tables. In any other kernel nothing of this is left.
 *
 * A port takes one word. The page reads the rest, from the machine's memory, before OUT returns: so an entry's address is
 * told before the store, for its old value, and the new value after.
 *
 * Memory that is filled or copied in blocks (clear_frame, the kernel's part of a directory) is told as a block, whatever
 * it is: the page knows which frames are tables. Accessed and dirty bits, and stores that go past mm/, no kernel can tell;
 * the page looks for those itself. */
#ifndef QUIRE_LAB_H
#define QUIRE_LAB_H

#define LAB_ENTRY 0x51E0     /* the address of an entry that is about to be stored */
#define LAB_VALUE 0x51E4     /* its new value, which it has now */
#define LAB_FLUSH 0x51E8     /* INVLPG of this address comes next */
#define LAB_CR3 0x51EC       /* CR3 is about to be loaded with this */
#define LAB_BLOCK 0x51F0     /* the address of a block that has been stored */
#define LAB_WORDS 0x51F4     /* how many words it has */
#define LAB_SPACE 0x51F8     /* the struct space that the next is about */
#define LAB_DIRECTORY 0x51FC /* its directory; 0: it is about to be given back */
#define LAB_NAME 0x5200      /* the address of its program's name */
#define LAB_PID 0x5204       /* its program's PID */
#define LAB_FAULT_BY 0x5208  /* EIP of the instruction that caused a page fault */
#define LAB_FAULT 0x520C     /* its error code; CR2 has the address */

/* Read at a tick of the timer: how many periods have passed since the last. The page does not wake a halted kernel for each. */
#define LAB_PERIODS 0x5210
#define LAB_PERIODS_MAX 6000 /* more, all ones: nobody is there who would know */

#ifdef __ASSEMBLER__
/* clang-format off */

/* Tells eax on PORT; changes edx. */
.macro tell port
#ifdef QUIRE_LAB
    mov $\port, %edx
    out %eax, %dx
#endif
.endm

/* clang-format on */
#else
#include "types.h"

/* A line of C. */
struct lab_place {
    const char *function, *file;
    int line;
};

#ifdef QUIRE_LAB
/* Called with each word that is told; NULL: nobody. `trace` listens where the processor takes no single steps. */
extern void (*lab_listener)(unsigned port, unsigned value);

/* The one that stores an entry, flushes a page or loads CR3, for who listens. */
extern struct lab_place lab_place;

#define LAB_HERE ((struct lab_place){__func__, __FILE__, __LINE__})

static inline void outl(uint16_t port, unsigned value); /* cpu.h */
static inline unsigned inl(uint16_t port);

static inline void lab(unsigned port, uintptr_t value) {
    outl((uint16_t)port, (unsigned)value);
    if (lab_listener)
        lab_listener(port, (unsigned)value);
}

static inline unsigned lab_periods(void) {
    unsigned periods = inl(LAB_PERIODS);
    return periods <= LAB_PERIODS_MAX ? periods : 1;
}

#include "cpu.h"
#else
static inline void lab(unsigned port, uintptr_t value) { (void)port, (void)value; }
static inline unsigned lab_periods(void) { return 1; }
#endif
#endif

#endif
