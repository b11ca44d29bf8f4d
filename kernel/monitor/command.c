/* Commands: found in their section, cut into words, checked, and run. */
#include "command.h"

#include "args.h"
#include "log.h"
#include "objects.h"
#include "output.h"
#include "process.h"
#include "string.h"
#include "trace.h"

#define WORDS_MAX 8 /* more than any command takes: words beyond it are only counted */

static unsigned errors;

/* How many errors there have been. */
unsigned command_errors(void) { return errors; }

/* Sets that count back to BEFORE: for a command that shows errors on purpose. */
void command_forgive(unsigned before) { errors = before; }

/* Prints "error: ", the text and a line end. */
void command_error(const char *fmt, ...) {
    va_list args;

    errors++;
    va_start(args, fmt);
    kprintf("error: ");
    kvprintf(fmt, args);
    kprintf("\n");
    va_end(args);
}

/* ---- finding ---- */

/* The command that the N bytes at NAME name, or NULL. */
const struct command *command_find(const char *name, size_t n) {
    for (const struct command *c = commands_start; c < commands_end; c++)
        if (strlen(c->name) == n && !strncmp(c->name, name, n))
            return c;
    return NULL;
}

/* The tests and benchmarks stand outside the kernel's rooms: TESTS=0 leaves them out. */
static void unknown_command(const char *name) {
    if (!strcmp(name, "test") || !strcmp(name, "bench"))
        command_error("this kernel was built without its %s (TESTS=0)",
                      name[0] == 't' ? "tests" : "benchmarks");
    else
        command_error("there is no command \"%.40s\": help lists them all", name);
}

/* The command NAME; NULL after an error line when there is none. */
const struct command *command_named(const char *name) {
    const struct command *c = command_find(name, strlen(name));

    if (!c)
        unknown_command(name);
    return c;
}

/* Whether C's argument is a command: its usage says so. */
bool command_runs_another(const struct command *c) {
    size_t n = strlen(c->arguments);

    return c->flags & TAKES_LINE && n >= 3 && !strcmp(c->arguments + n - 3, "CMD");
}

/* ---- words ---- */

static bool is_blank(char c) { return c == ' ' || c == '\t'; }

/* The command that TEXT begins with, or NULL. */
const struct command *command_first(const char *text) {
    size_t n = 0;

    while (is_blank(*text))
        text++;
    while (text[n] && text[n] != ';' && !is_blank(text[n]))
        n++;
    return command_find(text, n);
}

/* The length of the first command in LIST, up to ';' or the end. A command that takes a list goes to the end. */
size_t command_length(const char *list) {
    const struct command *c = command_first(list);
    const char *end = c && c->flags & TAKES_LIST ? NULL : strchr(list, ';');

    return end ? (size_t)(end - list) : strlen(list);
}

/* Cuts LINE into words at its blanks, or only the first word off when REST is one argument. Returns the number of
 * words; WORD gets the first WORDS_MAX. */
static unsigned split(char *line, bool rest, char *word[WORDS_MAX]) {
    unsigned n = 0;

    for (;;) {
        while (is_blank(*line))
            *line++ = '\0';
        if (!*line)
            return n;
        if (n < WORDS_MAX)
            word[n] = line;
        n++;
        if (rest && n == 2)
            return n;
        while (*line && !is_blank(*line))
            line++;
    }
}

static void trim_end(char *line) {
    char *end = line + strlen(line);

    while (end > line && is_blank(end[-1]))
        *--end = '\0';
}

/* ---- running ---- */

/* Runs C with no pages, no keys, no trace, and names of its own for objects. */
static void run_unattended(const struct command *c, int n, char **arg) {
    enum from from = output_from();

    output_end();
    trace_set_aside(true);
    objects_set_aside(true);
    c->run(n, arg);
    objects_set_aside(false);
    trace_set_aside(false);
    output_begin(from);
}

/* If the first of N ARG begins with PID:, enters that program's space and takes the PID off, and the argument too if
 * nothing follows. False after an error line. */
static bool enter_space(unsigned *n, char ***arg) {
    char **first = *arg, *colon = *n ? strchr(*first, ':') : NULL;
    unsigned pid;

    if (!colon)
        return true;
    *colon = '\0';
    if (!argument_number("PID", *first, &pid))
        return false;
    if (!process_enter((int)pid)) {
        command_error("there is no program %u: ps lists them", pid);
        return false;
    }
    if (!*(*first = colon + 1)) {
        ++*arg;
        --*n;
    }
    return true;
}

static void run(const struct command *c, int n, char **arg) {
    if (c->flags & UNATTENDED)
        run_unattended(c, n, arg);
    else if (!trace_command(c, n, arg))
        c->run(n, arg);
}

/* Runs the one command in LINE, which it cuts into words. */
void command_run(char *line) {
    const struct command *c = command_first(line);
    char *word[WORDS_MAX] = {NULL}, **arg = word + 1;

    trim_end(line);
    unsigned n = split(line, c && c->flags & TAKES_LINE, word);
    if (!n-- || !(c = command_named(word[0])))
        return;
    if (c->flags & IN_SPACE && !enter_space(&n, &arg))
        return;
    if (n < c->least || n > c->most)
        command_error("expected: %s%s%s", c->name, *c->arguments ? " " : "", c->arguments);
    else
        run(c, (int)n, arg);
    process_leave();
}
