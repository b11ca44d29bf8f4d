/* What the tests of the labs share. A test is a file with cases, on the build machine (host.c) or in a small kernel of
 * its own under an emulator (kernel.c). Each case runs alone, in a fresh process or machine, for lab.ini's seconds.
 *
 * A case that returns is passed. Whatever else happens (wrong, a panic, a crash, no end) is told to the reader. */
#ifndef QUIRE_LABS_CHECK_H
#define QUIRE_LABS_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct check_case {
    const char *name;
    void (*run)(void);
};

/* CASE(name) { ... }: named for what is shown. lab.ini gives its points. */
#define CASE(name) \
    static void case_##name(void); \
    static const struct check_case check_##name __attribute__((section("check_cases"), used, aligned(8))) = { \
        #name, case_##name}; \
    static void case_##name(void)

/* Ends the case. The text names the mistake to whoever made it. */
void wrong(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));

#define CHECK(condition, ...) \
    do { \
        if (!(condition)) \
            wrong(__VA_ARGS__); \
    } while (0)

/* What is being done, which is told should it crash. */
void doing(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#ifndef CHECK_KERNEL
/* FN(A, B) must panic; if it returns, wrong(...). A stub's panic is none. */
#define MUST_PANIC(fn, a, b, ...) \
    CHECK(check_panics(fn, (uintptr_t)(a), (uintptr_t)(b)), __VA_ARGS__)
typedef void check_call(uintptr_t a, uintptr_t b);
bool check_panics(check_call *fn, uintptr_t a, uintptr_t b);

/* The same numbers on every run. */
unsigned random_word(void);
unsigned random_between(unsigned low, unsigned high); /* in [LOW, HIGH) */
#endif

#endif
