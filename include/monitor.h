/* The monitor: the prompt (README, "The monitor"). */
#ifndef QUIRE_MONITOR_H
#define QUIRE_MONITOR_H

#include <stdbool.h>

/* Runs the commands in COMMANDS (separated by ';'; may be NULL), each shown as typed, then the prompt, for
 * ever. */
void monitor_run(const char *commands) __attribute__((noreturn));

/* Runs one command line, which is cut into words in place. A command that fails prints one line that
 * starts with "error: ". */
void monitor_execute(char *line);

/* Ctrl-C has been typed since the command began that is running: what takes long is to end. */
bool monitor_stopped(void);

#endif
