/* The monitor: the prompt (README, "The monitor"). */
#ifndef QUIRE_MONITOR_H
#define QUIRE_MONITOR_H

#include <stdbool.h>

/* Runs the commands in LIST (separated by ';'; may be NULL), each shown as typed, then the prompt, for
 * ever. */
void monitor_run(const char *list) __attribute__((noreturn));

/* Runs the command NAME with ARGUMENT, as the boot options test and bench ask for it; false when it fails, or
 * when this kernel was built without it. */
bool monitor_command(const char *name, const char *argument);

/* Runs the commands in LINE, with ';' between them. A command that fails prints one line that starts with
 * "error: ". */
void monitor_execute(const char *line);

/* Ctrl-C has been typed since the running command began: what takes long should end. */
bool monitor_stopped(void);

#endif
