/* What the fuzz targets share. A target is a file NAME.c with LLVMFuzzerTestOneInput: it gives the input to the kernel's
 * own code, and stops at an answer that its oracle does not give. */
#ifndef QUIRE_FUZZ_H
#define QUIRE_FUZZ_H

#include "types.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Calls FN(ARG); whether it panicked, which is allowed here. */
bool fuzz_panics(void (*fn)(void *arg), void *arg);

/* Stops with a finding unless the condition holds. */
#define EXPECT(condition) \
    do { \
        if (!(condition)) \
            fuzz_finding(__FILE__, __LINE__, #condition); \
    } while (0)

void fuzz_finding(const char *file, int line, const char *what) __attribute__((noreturn));

#endif
