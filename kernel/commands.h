/* The monitor's inside: what its commands share. */
#ifndef QUIRE_COMMANDS_H
#define QUIRE_COMMANDS_H

#include "types.h"

#define PROMPT "quire> "
#define LINE_BYTES 1023 /* the longest line; a longer one is an error */

struct command {
    const char *name;
    const char *arguments;          /* as help shows them */
    unsigned least, most;           /* how many arguments there may be */
    void (*run)(int n, char **arg); /* N arguments, ARG[0] the first; those left out are NULL */
    const char *help;               /* one line */
    const char *example;
};

/* monitor.c: prints "error: ", the text and the line's end. */
void command_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* monitor_line.c: a line from the console, echoed, without its end. False, and nothing in TEXT, when it
 * was too long. */
bool line_read(char text[LINE_BYTES + 1]);

/* monitor_args.c: TEXT as a number (decimal, 0x, K/M/G), or as an address: a number, an object of alloc
 * ($0), a symbol (kmain, kmain+0x10). False after an error line that says what NAME must be. */
bool argument_number(const char *name, const char *text, unsigned *value);
bool argument_address(const char *name, char *text, uintptr_t *va);

/* monitor_heap.c: what $K stands for; false where alloc has not named it, or too long ago. */
bool object_named(unsigned k, uintptr_t *va);

/* monitor_memory.c: what lies at VA, as in maps. */
const char *region_name(uintptr_t va);

/* "PD[1] absent" or "PT[0] absent" when VA is not mapped, NULL when it is. */
#define ABSENT_TEXT 20
const char *absent_level(uintptr_t va, char text[ABSENT_TEXT]);

void command_mem(int n, char **arg);
void command_maps(int n, char **arg);
void command_walk(int n, char **arg);
void command_pd(int n, char **arg);

/* monitor_edit.c */
void command_map(int n, char **arg);
void command_unmap(int n, char **arg);
void command_peek(int n, char **arg);
void command_poke(int n, char **arg);

/* monitor_heap.c */
void command_alloc(int n, char **arg);
void command_free(int n, char **arg);
void command_heap(int n, char **arg);

/* monitor_leaks.c */
void command_heap_leaks(void);

/* monitor_fault.c */
void command_fault(int n, char **arg);

#endif
