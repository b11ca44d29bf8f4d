/* Runs commands for the tests of the monitor, and catches what they print. */
#ifndef QUIRE_TESTS_SAYS_H
#define QUIRE_TESTS_SAYS_H

/* What the last command line printed, cut to fit. */
extern char said[8192];

/* Runs the command line FMT, and returns SAID. */
const char *says(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* How often SAID has TEXT in it. */
unsigned times_said(const char *text);

/* The number in BASE behind the first PREFIX in TEXT, or in SAID; 0 when there is none. TEXT may be NULL. */
unsigned number_in(const char *text, const char *prefix, unsigned base);
unsigned number_behind(const char *prefix, unsigned base);

/* The line in SAID that names a new object, "$K = 0xVA": alloc's first, or behind its trace; NULL when there is
 * none. */
const char *naming_line(void);

#endif
