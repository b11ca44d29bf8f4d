/* stack: grows its stack, page by page, until it reaches the guard below; the kernel then ends it with a report. */
#include "user.h"

#define STEP (1024u * 1024)

static unsigned start, told;
static volatile unsigned deepest = -1u; /* which is never reached */

/* Calls itself, with a page of locals each time. */
static unsigned grow(unsigned depth) {
    volatile char local[PAGE];
    unsigned used = start - (unsigned)local;

    local[0] = (char)depth;
    if (used / STEP > told / STEP)
        print("%u MiB of stack, %u pages came as they were touched\n", used / STEP, count_faults());
    told = used;
    return depth == deepest ? 0 : grow(depth + 1) + (unsigned)local[0];
}

int main(int argc, char **argv) {
    (void)argv;
    start = (unsigned)&argc;
    return (int)grow(0); /* NOLINT(clang-analyzer-core.StackAddressEscape): START is only compared with */
}
