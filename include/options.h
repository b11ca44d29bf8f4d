/* The options on the Multiboot command line. */
#ifndef QUIRE_OPTIONS_H
#define QUIRE_OPTIONS_H

#include "heap_debug.h"

#include <stdbool.h>

struct options {
    const char *test;     /* the pattern of the tests to run ("*" for all), or NULL */
    const char *seed;     /* N of seed=N, for tests that go by chance, or NULL */
    const char *rounds;   /* N of rounds=N, for the same, or NULL */
    const char *bench;    /* the pattern of the benchmarks to run, or NULL */
    bool diagnose;        /* print the diagnosis early in the boot */
    bool panic_stay;      /* after a panic offer the last look even where the exit port is present */
    enum heap_mode heap;  /* which heap to use */
    const char *colour;   /* "on", "off" or "auto" as for the command `colour`, or NULL */
    const char *commands; /* the monitor's commands after "--", with ';' between them, or NULL */
};

extern struct options options;

/* boot_info.cmdline without the kernel's own path, which some loaders put in front. Valid until options_parse. */
const char *options_text(void);

/* Reads boot_info.cmdline, in place. Logs and ignores unknown words. */
void options_parse(void);

#endif
