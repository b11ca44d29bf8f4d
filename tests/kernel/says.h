/* Runs commands for the tests of the monitor, and catches what they print. */
#ifndef QUIRE_TESTS_SAYS_H
#define QUIRE_TESTS_SAYS_H

/* What the last command line printed, cut to fit. */
extern char said[8192];

/* Runs the command line FMT, and returns SAID. */
const char *says(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
