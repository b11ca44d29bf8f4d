/* Reading a line at the prompt: editing, history, completion. */
#ifndef QUIRE_LINE_H
#define QUIRE_LINE_H

#include "types.h"

#define PROMPT "quire> "
#define LINE_BYTES 1023 /* the longest line; a longer one is an error */

/* A line from the console, echoed, without its end. False, with an empty TEXT, when it was too long. */
bool line_read(char text[LINE_BYTES + 1]);

#endif
