/* The tracer, as the commands that run others use it. */
#ifndef QUIRE_TRACE_H
#define QUIRE_TRACE_H

#include "command.h"

/* Runs C under the tracer when `trace on` or `trace CMD` asks for it; false, and nothing run, otherwise. */
bool trace_command(const struct command *c, int n, char **arg);

/* Whether `trace on` or `trace CMD` asks for the command that runs to be traced. */
bool trace_wanted(void);

/* Sets whether every command is traced, as `trace on` and `trace off` do; returns what it was. */
bool trace_all(bool on);

#endif
