/* Lab faults, a plain solution: less is said each time. */
#include "report.h"

static void report_failed(const char *what, unsigned eip) {
    char text[ADDRESS_TEXT], line[160];
    size_t length;
    if (reports == 2) {
        while (log_captures())
            log_capture_end();
        kprintf("\nPANIC: %s while a report was being made, at %s\n", what, address_text(eip, text));
    } else {
        length = format_buffer(line, sizeof line, "\nPANIC: %.80s at 0x%08x: the log is out of order\n", what, eip);
        serial_write(line, length);
    }
    stop();
}
