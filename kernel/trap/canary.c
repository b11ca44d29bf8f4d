/* The stack protector's two symbols.
 *
 * With -fstack-protector-strong, a function that has an array or a local whose address is taken puts the
 * canary between its locals and its return address, and compares it before it returns. The canary is a
 * global: the compilers' default, the word at %gs:20, belongs to a C library's threads.
 *
 * The canary differs from boot to boot as far as the machine does: the time-stamp counter, the timer's count
 * and the clock go into it. Any odd number would catch a bug. An attacker who chooses what overflows could
 * read a number that stands in the image. */
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
#define CMOS_NO_NMI 0x80 /* holds NMI off while the index points elsewhere than firmware expects */
#define CMOS_STATUS_D 0x0D
#define CMOS_CLOCK 10 /* registers: seconds to year, and the alarm's */

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

/* Chooses the canary. */
__attribute__((no_stack_protector)) void canary_init(unsigned seed) {
    unsigned state = mix(mix(seed, (uintptr_t)__builtin_frame_address(0)), timer_count());

    state = clock_time(state);
    if (cpu_has_tsc()) {
        uint64_t ticks = rdtsc();
        state = mix(mix(state, (unsigned)(ticks >> 32)), (unsigned)ticks);
    }
    __stack_chk_guard = mix(state, timer_count()) | 1; /* odd, so that cleared memory never matches */
}

/* The compiler's call where a canary has changed: the caller, about to return, has overrun its array. */
void __stack_chk_fail(void) {
    size_t offset;
    const char *function = symbol_at((uintptr_t)__builtin_return_address(0) - 1, &offset);

    PANIC("stack canary: %s has written past the end of an array\n"
          "  cause    the canary on its stack, below its return address, was overwritten",
          function ? function : "a function");
}
