/* What the host tests share: cmocka, caught panics, random numbers, and a main that runs each test in a
 * process of its own, so that a crash in one loses no other and each finds its module untouched. */
#ifndef QUIRE_HOST_SUPPORT_H
#define QUIRE_HOST_SUPPORT_H

/* cmocka.h wants these before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "types.h"

/* FN(A, B) must panic, with TEXT in its message; anything else fails the test. */
#define EXPECT_PANIC(text, fn, a, b) \
    expect_panic(__FILE__, __LINE__, text, fn, (uintptr_t)(a), (uintptr_t)(b))

typedef void host_call(uintptr_t a, uintptr_t b);
void expect_panic(const char *file, int line, const char *text, host_call *fn, uintptr_t a, uintptr_t b);

/* What the next panic, or the last one, advises to try; or NULL. */
extern const char *panic_advice;

/* The same numbers on every run, unless QUIRE_SEED says otherwise. */
unsigned random_word(void);

/* A number in [LOW, HIGH). */
unsigned random_between(unsigned low, unsigned high);

/* With --list prints the tests' names; with a name runs that one here; with nothing runs each in a child. */
int host_main(const struct CMUnitTest *tests, size_t count, int argc, char **argv);

/* The exit status of a test that cannot run here. */
#define HOST_SKIP 77

#define HOST_MAIN(tests) \
    int main(int argc, char **argv) { return host_main(tests, sizeof(tests) / sizeof(tests[0]), argc, argv); }

/* All files NAME.map of tests/memmaps (or of QUIRE_MEMMAPS), in the order of their names. */
struct memmap_entry;
struct host_map {
    char name[128];
    struct memmap_entry *entries;
    size_t count;
};
size_t host_maps(const struct host_map **maps);

/* Calls VISIT with every map. */
void each_host_map(void (*visit)(const struct host_map *map));

/* The reader for memmap_build over COUNT entries; one at a time. */
void host_reader_set(const struct memmap_entry *entries, size_t count);
bool host_reader(uint32_t *cursor, struct memmap_entry *entry);

#endif
