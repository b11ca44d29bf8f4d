/* The x87 and SSE registers of a program. The kernel itself uses neither. */
#ifndef QUIRE_FPU_H
#define QUIRE_FPU_H

#include "types.h"

/* As FXSAVE stores them (SDM vol. 1, 10.5.1), or, without FXSR, FNSAVE. */
struct fpu_state {
    uint8_t bytes[512];
} __attribute__((aligned(16)));
_Static_assert(sizeof(struct fpu_state) == 512, "FXSAVE's area, which signal handlers are given too");

/* Lets programs use SSE where the processor has it, and keeps the state that they begin with. Before the first
 * one. */
void fpu_init(void);

void fpu_save(struct fpu_state *state); /* the registers stay as they are */
void fpu_load(const struct fpu_state *state);

/* Makes STATE what a program begins with. */
void fpu_reset(struct fpu_state *state);

/* Clears what would fault in fpu_load. */
void fpu_sanitize(struct fpu_state *state);

#endif
