/* A command of the monitor. It stands where it is implemented, with its help:
 *
 *     COMMAND(LOOK, 3, walk, .arguments = "VA", .least = 1, .most = 1, .flags = READS,
 *             .help = "translate VA in four steps, with the live entries", .example = "walk kmain")
 *     {
 *         ...
 *     }
 *
 * `help` lists it third in the group LOOK. The body gets N words in ARG, as many as .least to .most allow; the
 * words left out are NULL. It prints with kprintf, and reports a failure with command_error. */
#ifndef QUIRE_COMMAND_H
#define QUIRE_COMMAND_H

#include "types.h"

enum group { LOOK, EDIT, HEAP, LEARN, PROGRAMS, CHECK, PROMPT_AND_MACHINE, GROUPS };

enum {
    READS = 1,         /* changes nothing: the last look after a panic offers it */
    TRACED = 2,        /* changes memory or mappings: `trace` follows it */
    TAKES_LINE = 4,    /* all that follows its name is one argument, blanks included */
    TAKES_LIST = 8,    /* with TAKES_LINE: ';' included, too */
    UNATTENDED = 16,   /* runs commands of its own, as the tests do: nobody is asked for a key */
    LEAVES = 32,       /* leaves the monitor: one letter and Tab do not complete it */
    IN_SPACE = 64,     /* PID: may stand before its first argument: it then looks at that program's space */
    SELF_TRACED = 128, /* shows by itself what it does when trace_wanted says so */
};

struct command {
    enum group group;
    const char *name;
    void (*run)(int n, char **arg);
    const char *arguments; /* the usage, which help prints and Tab reads: "VA PA [ro]", "on|off|CMD" */
    unsigned least, most;  /* how many arguments it takes */
    unsigned flags;
    const char *help;                   /* one line */
    const char *detail;                 /* a paragraph more, for `help NAME`; may be NULL */
    const char *example;                /* a command line */
    const char *(*candidate)(size_t i); /* what Tab offers for KIND, PATTERN, PROGRAM: name I, NULL past the
                                           last; may be NULL */
};

/* Registers the command WORD. Its record lies in a section of its own, which linker.ld sorts by name: by group,
 * PLACE (one digit) and word, whatever the compiler and the order of the files. */
#define COMMAND(which, place, word, ...) COMMAND_NAMED(which, place, word, #word, __VA_ARGS__)

/* The same for a TEXT that is no identifier, such as "fault!". */
#define COMMAND_NAMED(which, place, word, text, ...) \
    static void command_##word(int n, char **arg); \
    static const struct command command_record_##word \
        __attribute__((used, section("commands." #which "." #place "." #word), aligned(4))) = { \
            .group = which, .name = text, .run = command_##word, __VA_ARGS__}; \
    static void command_##word(int n __attribute__((unused)), char **arg __attribute__((unused)))

extern const struct command commands_start[], commands_end[]; /* linker.ld */

/* Prints "error: ", the text and a line end. */
void command_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* How many errors there have been. command_forgive sets the count back to BEFORE: for a command that shows errors
 * on purpose. */
unsigned command_errors(void);
void command_forgive(unsigned before);

/* The command that the N bytes at NAME name, or NULL. */
const struct command *command_find(const char *name, size_t n);

/* The same of a whole word, with an error line when there is none. */
const struct command *command_named(const char *name);

/* The command that TEXT begins with, or NULL. */
const struct command *command_first(const char *text);

/* Whether C's argument is a command, as trace's and watch's is. */
bool command_runs_another(const struct command *c);

/* The length of the first command in LIST, up to ';' or the end. A command that takes a list goes to the end. */
size_t command_length(const char *list);

/* Runs the one command in LINE, which it cuts into words. */
void command_run(char *line);

#endif
