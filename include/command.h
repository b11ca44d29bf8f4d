/* The monitor's inside: what its commands share. */
#ifndef QUIRE_COMMANDS_H
#define QUIRE_COMMANDS_H

#include "types.h"

#define PROMPT "quire> "
#define LINE_BYTES 1023        /* the longest line; a longer one is an error */
#define PAGES_START FREE_START /* where map, unmap and protect work */
#define PAGES_END KHEAP_START

/* ---- the commands: monitor.c ---- */

enum group { LOOK, EDIT, HEAP, LEARN, CHECK, MACHINE, GROUPS };

enum {
    TAKES_LINE = 1, /* what follows its name is one argument, blanks and all */
    UNTRACED = 2,   /* `trace on` leaves it alone */
    LEAVES = 4,     /* ends the monitor: one letter and Tab are not enough to call it */
};

struct command {
    enum group group;
    const char *name;
    const char *arguments;          /* as help shows them, and as Tab reads them */
    unsigned least, most;           /* how many arguments there may be */
    void (*run)(int n, char **arg); /* N arguments, ARG[0] the first; those left out are NULL */
    const char *help;               /* one line */
    const char *example;
    unsigned flags;
};

/* Command I, counted from 0; NULL past the last. */
const struct command *command_number(size_t i);

/* Prints "error: ", the text and the line's end. */
void command_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Runs a copy of LINE, the line of a command inside a command. */
void execute_copy(const char *line);

/* ---- reading a line: monitor_line.c, monitor_complete.c ---- */

/* A line from the console, echoed, without its end. False, and nothing in TEXT, when it was too long. */
bool line_read(char text[LINE_BYTES + 1]);

/* What may follow TEXT[0..END) to complete its last word: for CHOICE 0 what all candidates share (and a
 * blank, where there is but one), from 1 on the rest of that candidate. False, and "", past the last. */
#define COMPLETION_MAX 64
bool complete_word(const char *text, size_t end, unsigned choice, char rest[COMPLETION_MAX]);

/* ---- printing: monitor_output.c ---- */

enum from { NOBODY, LISTED, SERIAL, KEYBOARD }; /* who gave a command: a test, the command line, a person */

/* Around all that a command prints: pages where FROM asks for them, and Ctrl-C. */
void output_begin(enum from from);
void output_end(void);
enum from output_from(void);

/* The command is to end: nothing that it prints is shown any more. Long listings ask. */
bool output_stopped(void);

/* Begins a new page, without waiting. */
void output_new_page(void);

/* From now on LINES lines are shown, and no more until output_uncut, which tells how many were left out. */
void output_cut(unsigned lines);
unsigned output_uncut(void);

/* Waits for a key, where somebody is there to press one; then true when it was one that ends things. */
bool output_pause(const char *prompt);

/* CODE where colours are shown, else "". */
const char *ink(const char *code);

/* Whoever reads the output can be shown drawings of coloured blocks, and not only letters. */
bool output_draws(void);
#define PLAIN "\033[0m"
#define BOLD "\033[1m"
#define REVERSE "\033[7m"
#define RED "\033[91m"
#define GREEN "\033[92m"
#define YELLOW "\033[93m"
#define BLUE "\033[94m"
#define MAGENTA "\033[95m"
#define CYAN "\033[96m"
#define GREY "\033[90m"

void command_page(int n, char **arg);
void command_colour(int n, char **arg);
void command_clear(int n, char **arg);

/* ---- arguments: monitor_args.c ---- */

/* TEXT as a number (decimal, 0x, K/M/G), or as an address: a number, an object of alloc ($0), a place
 * (page_directory), a symbol (kmain), each also with an offset (kmain+0x10). False after an error line that
 * says what NAME must be. */
bool argument_number(const char *name, const char *text, unsigned *value);
bool argument_address(const char *name, char *text, uintptr_t *va);

/* TEXT is WORDS's first or second word ("ro|rw"): *SECOND says which. False after an error line. */
bool argument_either(const char *words, const char *text, bool *second);

/* The name of place I, which stands for an address as a symbol does; NULL past the last. */
const char *place_name(size_t i);

/* ---- the commands' own files ---- */

/* monitor_memory.c: what lies at VA, as in maps; where its part of memory ends. */
const char *region_name(uintptr_t va);

/* "PD[1] absent" or "PT[0] absent" when VA is not mapped, NULL when it is. */
#define ABSENT_TEXT 20
const char *absent_level(uintptr_t va, char text[ABSENT_TEXT]);

void command_maps(int n, char **arg);
void command_walk(int n, char **arg);

/* monitor_mem.c */
void command_mem(int n, char **arg);

/* monitor_grid.c */
void command_pd(int n, char **arg);

/* monitor_edit.c */
void command_map(int n, char **arg);
void command_unmap(int n, char **arg);
void command_protect(int n, char **arg);
void command_peek(int n, char **arg);
void command_poke(int n, char **arg);
void command_fill(int n, char **arg);

/* monitor_heap.c: what $K stands for; false where alloc has not named it, or too long ago. The latest name,
 * where there is one. An object that alloc named, and that lives, holds [VA, VA + BYTES); the one that VA
 * lies in, how far, and how large it is. */
bool object_named(unsigned k, uintptr_t *va);
bool object_latest(unsigned *k);
bool object_lives(unsigned k);
bool object_holds(uintptr_t va, size_t bytes);
bool object_at(uintptr_t va, unsigned *k, size_t *offset, size_t *size);

void command_alloc(int n, char **arg);
void command_free(int n, char **arg);
void command_heap(int n, char **arg);

/* monitor_leaks.c */
void command_heap_leaks(void);

/* monitor_fault.c */
void command_fault(int n, char **arg);

/* The name of kind I, counted from 0; NULL past the last. */
const char *fault_name(size_t i);

/* monitor_trace.c: runs C under the tracer, when `trace on` or `trace CMD` asks for it; false otherwise. */
bool trace_command(const struct command *c, int n, char **arg);
void command_trace(int n, char **arg);

/* Whether every command is traced, as `trace on` and `trace off` set it; what it was. */
bool trace_all(bool on);

/* monitor_tour.c */
void command_tour(int n, char **arg);

#endif
