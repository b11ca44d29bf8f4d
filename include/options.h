/* The options on the Multiboot command line (README, "Options"). */
#ifndef QUIRE_OPTIONS_H
#define QUIRE_OPTIONS_H

#include "heap_debug.h"

#include <stdbool.h>

struct options {
    const char *test;     /* the pattern of the tests to run ("*" for all), or NULL */
    const char *bench;    /* the pattern of the benchmarks to run, or NULL */
    bool diagnose;        /* say early what machine this is */
    bool panic_stay;      /* after a panic stop at the last look, even where the exit port is present */
    enum heap_mode heap;  /* debug, guard, or the normal heap */
    const char *colour;   /* "on", "off" or "auto" as for the command `colour`, or NULL */
    const char *commands; /* the monitor commands after "--", separated by ';', or NULL */
};

extern struct options options;

/* Reads boot_info.cmdline, in place; what it does not know it reports and passes over. */
void options_parse(void);

#endif
