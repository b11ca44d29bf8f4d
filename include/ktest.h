/* Tests that run inside the kernel (tests/kernel/), reported as KTAP (ktest.c).
 *
 *     KTEST(pm_gives_each_frame_once)
 *     {
 *         KCHECK_EQ(pm_alloc_pages(0), PADDR_NONE);
 *     }
 *
 * A check that fails says why and leaves the test; what the test held is lost. A panic or a fault fails the
 * test with its report, and the run goes on. After each test the memory system's invariants are checked, and
 * the free frames compared with before: a test that leaks fails.
 *
 * A test whose name begins with broken_ fails on purpose; only a pattern that begins so chooses it. */
#ifndef QUIRE_KTEST_H
#define QUIRE_KTEST_H

#include "types.h"

struct ktest {
    const char *name;
    void (*run)(void);
};

/* A file's tests run in the order that they are written in; clang keeps it unasked. */
#ifdef __clang__
#define KTEST_IN_ORDER
#else
#define KTEST_IN_ORDER __attribute__((no_reorder))
#endif

/* Registers a test: its record lies in the section "ktests", which linker.ld bounds. */
#define KTEST(name) KTEST_NAMED(name, #name)

/* The same for a TEXT that is no identifier, such as "model.pm". */
#define KTEST_NAMED(name, text) \
    static void ktest_##name(void); \
    KTEST_IN_ORDER static const struct ktest ktest_record_##name \
        __attribute__((used, section("ktests"), aligned(4))) = {text, ktest_##name}; \
    static void ktest_##name(void)

#define KCHECK(condition) \
    do { \
        if (!(condition)) { \
            ktest_fail(__FILE__, __LINE__, "%s", #condition); \
            return; \
        } \
    } while (0)

/* Both values are printed; integers or pointers of 32 bits. */
#define KCHECK_EQ(a, b) \
    do { \
        unsigned long a_ = (unsigned long)(a), b_ = (unsigned long)(b); \
        if (a_ != b_) { \
            ktest_fail(__FILE__, __LINE__, "%s is 0x%lx, %s is 0x%lx", #a, a_, #b, b_); \
            return; \
        } \
    } while (0)

/* Runs a helper that checks; leaves when one of its checks failed. */
#define KCHECK_CALL(...) \
    do { \
        __VA_ARGS__; \
        if (ktest_failing()) \
            return; \
    } while (0)

/* Ends the test as not run here. */
#define KSKIP(why) \
    do { \
        ktest_skip(why); \
        return; \
    } while (0)

/* FN(ARG) must panic or fault, and its report must have TEXT in it, as must more of it: KCHECK_REPORTED. */
#define KCHECK_TRAPS(fn, arg, text) \
    do { \
        if (!ktest_traps(fn, arg, text, __FILE__, __LINE__)) \
            return; \
    } while (0)

#define KCHECK_REPORTED(text) \
    do { \
        if (!ktest_reported(text, __FILE__, __LINE__)) \
            return; \
    } while (0)

void ktest_fail(const char *file, int line, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void ktest_skip(const char *why);
bool ktest_failing(void);
bool ktest_whole_suite(void); /* true while every test runs, not a few chosen by a pattern */
bool ktest_traps(void (*fn)(void *), void *arg, const char *text, const char *file, int line);
bool ktest_reported(const char *text, const char *file, int line);

/* The last report that ktest_traps caught, and its vector; -1 for a panic. */
extern char ktest_report[4096];
extern int ktest_vector;

/* What a run gives to the tests that go by chance (random_rounds in tests/kernel/support.h). */
struct ktest_chance {
    bool seeded;   /* begin with SEED; 0: with a new one */
    unsigned seed;
    unsigned rounds; /* how many; 0: as many as the test takes by itself */
};
extern struct ktest_chance ktest_chance;

/* Runs the tests that PATTERN (shell-style *) chooses; true when at least one ran and all passed. */
bool ktest_run(const char *pattern, const struct ktest_chance *chance);

/* NAME matches PATTERN, in which * stands for any text. */
bool pattern_matches(const char *pattern, const char *name);

#endif
