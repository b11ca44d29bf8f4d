/* What the proofs share. A proof is a main that the model checker CBMC goes through for every value at once: of what
 * nondet_* return, and of what is havocked. GIVEN narrows that down, PROVE is what must then hold. CBMC also proves that
 * no access is out of bounds, no shift or signed sum undefined, and no loop longer than the bound that it was given. */
#ifndef QUIRE_PROOF_H
#define QUIRE_PROOF_H

#include "types.h"

bool nondet_bool(void);
uint8_t nondet_byte(void);
unsigned nondet_word(void);
uint64_t nondet_long(void);

#define GIVEN(condition) __CPROVER_assume(condition)
#define PROVE(condition) __CPROVER_assert(condition, #condition)
#define HAVOC(object) __CPROVER_havoc_object(&(object))

/* A state that the proof must meet, in one of its cases at least. (Of a state that nothing leads to, all is true.) Each
 * case must also reach its end, or a panic: make prove REACH=1. */
#ifdef REACHING
#define REACH(condition) __CPROVER_cover(condition)
#else
#define REACH(condition) ((void)0)
#endif

int prove_all(void); /* the proof's own main */

int main(void) {
    prove_all();
    REACH(true);
    return 0;
}
#define main prove_all

/* A number below N. */
static inline unsigned any_below(unsigned n) {
    unsigned i = nondet_word();
    GIVEN(i < n);
    return i;
}

/* What the proof says of a panic; nothing comes after it. */
static void at_panic(void);

void panic_at(const char *file, int line, const char *fmt, ...) {
    (void)file, (void)line, (void)fmt;
    at_panic();
    REACH(true);
    GIVEN(false);
}

#define NO_PANIC \
    static void at_panic(void) { __CPROVER_assert(false, "no panic"); }

#ifndef OWN_MEMSET
/* Of whole words. */
void *memset(void *to, int byte, size_t n) {
    uint32_t *word = to;
    PROVE(n % sizeof(*word) == 0);
    for (size_t i = 0; i < n / sizeof(*word); i++)
        word[i] = (uint8_t)byte * 0x01010101u;
    return to;
}
#endif

uint8_t irqs_served; /* no proof is about interrupt handlers */

#endif
