/* The monitor as its tests use it: a command goes in, and what it prints comes out. */
#ifndef QUIRE_TESTS_SAYS_H
#define QUIRE_TESTS_SAYS_H

/* What the last command printed, cut to the room there is. */
extern char said[8192];

/* Runs the command line FMT; SAID. */
const char *says(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
