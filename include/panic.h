/* Panic: for a caller's bug, or a machine on which Quire cannot go on. It prints the reason with its values,
 * the registers and a backtrace, and stops. A test may catch it (catch.h). Every room may panic. */
#ifndef QUIRE_PANIC_H
#define QUIRE_PANIC_H

#include <stdbool.h>

#define PANIC(...) panic_at(__FILE__, __LINE__, __VA_ARGS__)

void panic_at(const char *file, int line, const char *fmt, ...)
    __attribute__((noreturn, cold, format(printf, 3, 4)));

/* The next panic is about the object at ADDRESS: its last line tells how to look at it. */
void panic_about(const void *address);

/* The next panic also advises to try ADVICE, one line; NULL: nothing. */
void panic_advise(const char *advice);

/* Always on. The second form prints both values (integers or pointers of 32 bits). */
#define ASSERT(condition) \
    do { \
        if (__builtin_expect(!(condition), 0)) \
            PANIC("assertion failed: %s", #condition); \
    } while (0)

#define ASSERT_OP(a, op, b) \
    do { \
        __typeof__(a) a_ = (a); \
        __typeof__(b) b_ = (b); \
        if (__builtin_expect(!(a_ op b_), 0)) \
            PANIC("assertion failed: %s %s %s (0x%lx, 0x%lx)", #a, #op, #b, (unsigned long)a_, \
                  (unsigned long)b_); \
    } while (0)

#endif
