/* The last look: after a panic that stays, the monitor's commands that only read.
 *
 * The kernel is as the panic left it, so this relies on little. It runs on the double-fault stack, so the stack
 * that panicked can still be read. It polls for keys with interrupts off, and reads lines by itself. A command that
 * panics or faults, because the memory system is broken, is caught. */
#include "last_look.h"

#include "catch.h"
#include "command.h"
#include "input.h"
#include "keyboard.h"
#include "line.h"
#include "log.h"
#include "machine.h"
#include "monitor.h"
#include "output.h"
#include "string.h"

#define LINE_MAX 100u

enum { BACKSPACE = 8, KILL_LINE = 21, DELETE = 127 };

static int next_key(void) {
    int c;

    while ((c = input_poll()) < 0)
        ;
    return c;
}

static void read_line(char line[LINE_MAX + 1]) {
    size_t n = 0;

    for (int c; (c = next_key()) != '\n';) {
        if (c >= ' ' && c < DELETE && n < LINE_MAX) {
            line[n++] = (char)c;
            kprintf("%c", c);
        }
        size_t gone = n && (c == BACKSPACE || c == DELETE) ? 1 : c == KILL_LINE ? n : 0;
        for (n -= gone; gone; gone--)
            kprintf("\b \b");
    }
    kprintf("\n");
    line[n] = '\0';
}

static bool first_word_is(const char *line, const char *word) {
    size_t n = strlen(word);

    while (*line == ' ')
        line++;
    /* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): WORD's end is not before LINE's */
    return strncmp(line, word, n) == 0 && (line[n] == ' ' || line[n] == '\0');
}

static bool is_blank(const char *line) {
    while (*line == ' ')
        line++;
    return !*line;
}

static void run_command(void *line) { command_run(line); }

static void run(char *line) {
    static char report[256];

    output_restart();
    if (!trap_catch(run_command, line, report, sizeof(report), NULL))
        return;
    for (char *c = report; *c; c++)
        if (*c == '\n')
            *c = '\0'; /* the first line is enough */
    command_error("this led to: %s", report);
}

static void print_help(void) {
    kprintf("quire: stopped by a panic, interrupts off. A last look, which changes nothing:\nquire: ");
    for (const struct command *c = commands_start; c < commands_end; c++)
        if (c->flags & READS)
            kprintf("%s%s%s, ", c->name, *c->arguments ? " " : "", c->arguments);
    kprintf("then exit or reboot\n");
}

/* Runs the commands that only read, typed at the serial line or the keyboard, until exit or reboot. */
void last_look(void) {
    char line[LINE_MAX + 1];

    input_on_rest(input_rest); /* no program runs any more */
    keyboard_init();           /* the panic may have come before kmain did this, or between two scan codes */
    print_help();
    for (;;) {
        kprintf(PROMPT);
        read_line(line);
        const struct command *c = command_first(line);
        if (first_word_is(line, "exit"))
            machine_exit(false);
        if (first_word_is(line, "reboot"))
            machine_reset();
        if (c && c->flags & READS)
            run(line);
        else if (first_word_is(line, "help"))
            print_help();
        else if (!is_blank(line))
            command_error("after a panic only the commands that help lists are left");
    }
}
