/* Commands run for the tests (says.h). */
#include "says.h"

#include "command.h"
#include "format.h"
#include "log.h"
#include "monitor.h"
#include "string.h"
#include "support.h"

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

/* How often SAID has TEXT in it. */
unsigned times_said(const char *text) {
    unsigned times = 0;

    for (const char *at = said; (at = find_text(at, text)); at++)
        times++;
    return times;
}

/* The number behind the first PREFIX in TEXT, in BASE; 0 when TEXT is NULL or has no PREFIX. */
unsigned number_in(const char *text, const char *prefix, unsigned base) {
    const char *digit = text ? find_text(text, prefix) : NULL;
    unsigned value = 0;

    if (!digit)
        return 0;
    for (digit += strlen(prefix); (*digit >= '0' && *digit <= '9') || (*digit >= 'a' && *digit <= 'f');
         digit++)
        value = value * base + (unsigned)(*digit <= '9' ? *digit - '0' : *digit - 'a' + 10);
    return value;
}

unsigned number_behind(const char *prefix, unsigned base) { return number_in(said, prefix, base); }

/* The line that names a new object, "$K = 0xVA": alloc's first, or behind its trace. NULL when there is none. */
const char *naming_line(void) { return *said == '$' ? said : find_text(said, "\n$"); }
