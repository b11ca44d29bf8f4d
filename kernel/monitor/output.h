/* What commands print, on its way to the log: pages, Ctrl-C, colours. */
#ifndef QUIRE_OUTPUT_H
#define QUIRE_OUTPUT_H

#include "types.h"

enum from { NOBODY, LISTED, SERIAL, KEYBOARD }; /* who gave a command: a test, the command line, a person */

/* Before and after a command line that WHO gave. */
void output_begin(enum from who);
void output_end(void);

/* Before a command that runs though the one before never ended, as after a panic: a Ctrl-C was for that one. */
void output_restart(void);

/* Who gave the running command line. */
enum from output_from(void);

/* True once the command should end: nothing it prints is shown any more. Long listings ask. */
bool output_stopped(void);

/* Begins a new page without waiting for a key. */
void output_new_page(void);

/* From here on what is printed goes into BUFFER, cut to SIZE bytes; output_held ends that, and returns how many
 * bytes there are. */
void output_hold(char *buffer, size_t size);
size_t output_held(void);

/* The size of what the reader looks at: the PC's screen at its keyboard, else a terminal of 80 columns. */
unsigned output_columns(void);
unsigned output_rows(void);

/* True when somebody can press a key: at the prompt, and at a terminal while the command line's commands run. */
bool output_attended(void);

/* From here on only LINES lines are shown (0: all); output_uncut ends that and returns how many were left out. */
void output_cut(unsigned lines);
unsigned output_uncut(void);

/* Waits for a key if somebody can press one; true when it was a key that ends things. */
bool output_pause(const char *prompt);

/* Prints the paragraph TEXT in lines of at most 78 columns, each indented by INDENT, in the colour CODE (from ink). */
void output_wrapped(const char *text, unsigned indent, const char *code);

/* CODE where colours are shown, else "". */
const char *ink(const char *code);

/* True where the reader can be shown drawings of coloured blocks, not only letters. */
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

#endif
