/* What an instruction is about to do, as far as the tracer is interested. */
#ifndef QUIRE_DECODE_H
#define QUIRE_DECODE_H

#include "trap.h"

struct effect {
    uintptr_t written; /* the address of its memory operand, if the instruction may write it; else 0 */
    enum { FLUSHES_NOTHING, FLUSHES_PAGE, FLUSHES_ALL } flushes;
    uintptr_t operand; /* INVLPG's address, or what goes into CR3 */
};

/* The effect of the instruction at FRAME's EIP, which must lie in the kernel's text. */
struct effect decode(const struct trap_frame *frame);

#endif
