/* kernel/process/process.c, and how to make PIDs begin anew: an input does the same whatever was run before. */
#include "../../../kernel/process/process.c"

#include "kernel.h"

void pids_begin(void) { last_pid = MONITOR_PID; }
