/* The monitor's watch: a list of commands, once a second, until a key is pressed. */
#include "command.h"
#include "input.h"
#include "log.h"
#include "monitor.h"
#include "output.h"
#include "timer.h"

/* Runs only once where nobody can press a key, and when a command fails. */
COMMAND(LEARN, 4, watch, .arguments = "CMD", .least = 1, .most = 1, .flags = TAKES_LINE | TAKES_LIST,
        .help = "CMD once a second, until a key", .example = "watch heap")
{
    static bool watching;
    unsigned errors_before = command_errors();

    if (watching) {
        command_error("watch cannot watch itself");
        return;
    }
    watching = true;
    do {
        output_new_page();
        if (output_from() != NOBODY)
            kprintf("%s%s%s, once a second; any key ends it%s\n", ink("\033[H\033[J"), ink(BOLD), arg[0],
                    ink(PLAIN));
        monitor_execute(arg[0]);
    } while (output_from() != NOBODY && command_errors() == errors_before && !output_stopped() &&
             input_wait(TIMER_HZ) < 0);
    watching = false;
}
