/* Commands run for the tests (says.h). */
#include "says.h"

#include "command.h"
#include "format.h"
#include "log.h"
#include "monitor.h"

char said[8192];

const char *says(const char *fmt, ...) {
    char line[200];
    va_list args;

    va_start(args, fmt);
    vformat_buffer(line, sizeof(line), fmt, args);
    va_end(args);
    unsigned errors = command_errors(); /* a command may fail without the test having failed */
    log_capture(said, sizeof(said));
    monitor_execute(line);
    log_capture_end();
    command_forgive(errors);
    return said;
}
