/* The x87 and SSE registers. See fpu.h. */
#include "fpu.h"

#include "cpu.h"
#include "cpuid.h"

#define CPUID_FXSR (1u << 24)
#define CPUID_SSE (1u << 25)

#define MXCSR_AT 24
#define MXCSR_MASK_AT 28 /* 0: MXCSR_MASK_DEFAULT (SDM vol. 1, 11.6.6) */
#define MXCSR_MASK_DEFAULT 0xFFBFu
#define MXCSR_RESET 0x1F80u

static bool has_fxsr;
static struct fpu_state initial;

static unsigned *word(struct fpu_state *state, unsigned at) { return (unsigned *)(void *)&state->bytes[at]; }

/* Lets programs use SSE where the processor has it, and keeps the state that programs begin with. */
void fpu_init(void) {
    static bool done;

    if (done)
        return;
    done = true;
    if ((has_fxsr = cpu_features() & CPUID_FXSR))
        write_cr4(read_cr4() | CR4_OSFXSR | (cpu_features() & CPUID_SSE ? CR4_OSXMMEXCPT : 0));
    fninit();
    fpu_save(&initial);
    if (has_fxsr)
        *word(&initial, MXCSR_AT) = MXCSR_RESET;
}

/* The registers stay as they are. */
void fpu_save(struct fpu_state *state) {
    if (has_fxsr) {
        fxsave(state);
    } else {
        fnsave(state); /* which resets the registers */
        frstor(state);
    }
}

void fpu_load(const struct fpu_state *state) {
    if (has_fxsr) {
        fxrstor(state);
    } else {
        fnclex(); /* else FRSTOR would raise the exception that the last program left pending */
        frstor(state);
    }
}

/* Makes STATE what a program begins with. */
void fpu_reset(struct fpu_state *state) { *state = initial; }

/* Clears what would fault in fpu_load. */
void fpu_sanitize(struct fpu_state *state) {
    unsigned mask = *word(&initial, MXCSR_MASK_AT);

    if (has_fxsr)
        *word(state, MXCSR_AT) &= mask ? mask : MXCSR_MASK_DEFAULT;
}
