/* The stack protector's two symbols.
 *
 * A function that holds an array, or a local whose address is taken, puts the canary between its locals and
 * its return address, and compares before it returns (-fstack-protector-strong). The canary is a global:
 * the compilers' default, a word at %gs:20, belongs to a C library's threads and in a kernel to nobody.
 *
 * It differs from boot to boot as far as the machine has anything that does: the time-stamp counter, the
 * timer's count, the clock's time. Against a bug any odd number would do; against somebody who can choose
 * what overflows, a number that stands in the image is no secret. */
#include "canary.h"

#include "cpu.h"
#include "cpuid.h"
#include "panic.h"
#include "symbols.h"
#include "timer.h"

extern uintptr_t __stack_chk_guard;
void __stack_chk_fail(void) __attribute__((noreturn));

uintptr_t __stack_chk_guard;

#define CMOS_INDEX 0x70
#define CMOS_DATA 0x71
#define CMOS_NO_NMI 0x80 /* while the index does not point where firmware expects it */
#define CMOS_STATUS_D 0x0D
#define CMOS_CLOCK 10 /* registers: seconds to year, with the alarm's between */

static unsigned mix(unsigned state, unsigned value) {
    state = (state ^ value) * 0x9E3779B1u; /* 2^32 / the golden ratio */
    return state ^ state >> 15;
}

static unsigned clock_time(unsigned state) {
    for (unsigned i = 0; i < CMOS_CLOCK; i++) {
        outb(CMOS_INDEX, (uint8_t)(CMOS_NO_NMI | i));
        state = mix(state, inb(CMOS_DATA));
    }
    outb(CMOS_INDEX, CMOS_STATUS_D);
    inb(CMOS_DATA);
    return state;
}

__attribute__((no_stack_protector)) void canary_init(unsigned seed) {
    unsigned state = mix(mix(seed, (uintptr_t)__builtin_frame_address(0)), timer_count());

    state = clock_time(state);
    if (cpu_has_tsc()) {
        uint64_t ticks = rdtsc();
        state = mix(mix(state, (unsigned)(ticks >> 32)), (unsigned)ticks);
    }
    __stack_chk_guard = mix(state, timer_count()) | 1; /* never 0, what .bss and cleared memory hold */
}

/* The function that calls this, about to return, is the one whose array was overrun. */
void __stack_chk_fail(void) {
    size_t offset;
    const char *function = symbol_at((uintptr_t)__builtin_return_address(0) - 1, &offset);

    PANIC("stack canary: %s has written past the end of an array\n"
          "  cause    the canary on its stack, below its return address, was overwritten",
          function ? function : "a function");
}
