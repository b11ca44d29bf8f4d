/* The monitor: the commands of the boot command line, and then the prompt.
 *
 * Each command stands in a file of its subject, and reaches memory through the public headers of mm/. It checks
 * its arguments before it calls: where mm/ would panic on a caller's bug, a person at the prompt gets a line
 * that starts with "error: ". Only poke can break the system, and fault! ends it; their help says so. */
#include "monitor.h"

#include "args.h"
#include "command.h"
#include "input.h"
#include "line.h"
#include "log.h"
#include "machine.h"
#include "output.h"
#include "string.h"

/* Ctrl-C has been typed since the running command began. */
bool monitor_stopped(void) { return output_stopped(); }

static bool listed_failed; /* a command of the boot command line */

COMMAND(PROMPT_AND_MACHINE, 5, reboot, .arguments = "", .flags = LEAVES, .help = "reset the machine",
        .example = "reboot")
{ machine_reset(); }

COMMAND(PROMPT_AND_MACHINE, 6, exit, .arguments = "[N]", .most = 1, .flags = LEAVES,
        .help = "leave QEMU: 0 means success, any other N failure",
        .detail = "Without N: failure if a command of the boot command line failed, else success.",
        .example = "exit 1")
{
    unsigned code = listed_failed;

    if (!n || argument_number("N", arg[0], &code))
        machine_exit(code == 0);
}

/* Runs a copy of the N bytes at TEXT, one command. */
static void execute(const char *text, size_t n) {
    char line[LINE_BYTES + 1];

    if (n > LINE_BYTES) {
        command_error("a line has at most %d bytes", LINE_BYTES);
        return;
    }
    memcpy(line, text, n);
    line[n] = '\0';
    command_run(line);
}

/* Runs the commands in LINE, with ';' between them. */
void monitor_execute(const char *line) {
    for (;;) {
        size_t n = command_length(line);
        execute(line, n);
        if (!line[n])
            return;
        line += n + 1;
    }
}

/* Runs the command NAME with ARGUMENT; false when it fails. */
bool monitor_command(const char *name, const char *argument) {
    const struct command *c = command_named(name);
    unsigned before = command_errors();
    char *arg[] = {(char *)(uintptr_t)argument};

    if (c)
        c->run(1, arg);
    return c && command_errors() == before;
}

/* Prints the command TEXT, of N bytes, as if it had been typed, and runs it. */
static void run_listed(const char *text, size_t n) {
    kprintf(PROMPT "%.*s\n", (int)(n < LINE_BYTES ? n : LINE_BYTES), text);
    unsigned before = command_errors();
    output_begin(LISTED);
    execute(text, n);
    output_end();
    listed_failed |= command_errors() != before;
}

static void run_list(const char *list) {
    for (;;) {
        const char *end = list + command_length(list), *last = end;
        while (*list == ' ')
            list++;
        while (last > list && last[-1] == ' ')
            last--;
        if (last > list)
            run_listed(list, (size_t)(last - list));
        if (!*end)
            return;
        list = end + 1;
    }
}

static void prompt(void) {
    static char line[LINE_BYTES + 1];

    kprintf(PROMPT);
    if (line_read(line)) {
        output_begin(input_from_keyboard() ? KEYBOARD : SERIAL);
        monitor_execute(line);
        output_end();
    } else {
        command_error("a line has at most %d bytes", LINE_BYTES);
    }
}

/* Runs the commands in LIST (may be NULL), each shown as typed, then the prompt, for ever. */
void monitor_run(const char *list) {
    if (list)
        run_list(list);
    for (;;)
        prompt();
}
