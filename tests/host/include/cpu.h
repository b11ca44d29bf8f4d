/* include/cpu.h's place on the build machine: what mm/ uses of the processor, over the simulated MMU; and what
 * kernel/process/fpu.c uses, which test_fpu.c simulates. */
#ifndef QUIRE_CPU_H
#define QUIRE_CPU_H

#include "types.h"

unsigned read_entry(const volatile unsigned *entry);
void write_entry(volatile unsigned *entry, unsigned value);
void flush_page(const void *va);

/* Through the simulated MMU, word by word. */
void store_words(void **to, unsigned word, size_t words);
void copy_words(void **to, const void **from, size_t words);
size_t zero_words(const void *at, size_t words);

/* In plain memory: vmem asks it of the frame records only. */
static inline bool words_are(const void *at, unsigned word, size_t words) {
    const unsigned *next = at;
    while (words && *next == word)
        words--, next++;
    return words == 0;
}

/* ---- the x87 and SSE registers ---- */

#define CR4_OSFXSR 0x00000200u
#define CR4_OSXMMEXCPT 0x00000400u

unsigned read_cr4(void);
void write_cr4(unsigned value);
void fninit(void);
void fnclex(void);
void fxsave(void *state);
void fxrstor(const void *state);
void fnsave(void *state);
void frstor(const void *state);

#endif
