/* The tracer, as the commands that run others use it. */
#ifndef QUIRE_TRACE_H
#define QUIRE_TRACE_H

#include "command.h"

/* Runs C under the tracer when `trace on` or `trace CMD` asks for it; false, and nothing run, otherwise. */
bool trace_command(const struct command *c, int n, char **arg);

/* Whether `trace on` or `trace CMD` asks for the command that runs to be traced. */
bool trace_wanted(void);

/* While ASIDE, nothing is traced that is not asked for meanwhile; afterwards all is as before. Not nested. */
void trace_set_aside(bool aside);

#endif
