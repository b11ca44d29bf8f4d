/* The few characters beyond ASCII that Quire prints, as a screen with code page 437 shows them.
 *
 * The log is UTF-8, as terminals on the serial line expect it. */
#ifndef QUIRE_UTF8_H
#define QUIRE_UTF8_H

#include "types.h"

struct utf8 { /* all zero at the start */
    unsigned code, missing;
};

/* Takes the next BYTE of a text; the character of code page 437 that it completes ('?' for what Quire does
 * not print, and for what is no UTF-8), or -1 when there is more to come. */
int utf8_glyph(struct utf8 *state, char byte);

#endif
