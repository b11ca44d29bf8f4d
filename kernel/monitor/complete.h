/* Completion: what Tab may add to a line. */
#ifndef QUIRE_COMPLETE_H
#define QUIRE_COMPLETE_H

#include "types.h"

/* Completes the last word of TEXT[0..END). REST gets what may follow: for CHOICE 0 what all candidates share
 * (and a blank, if there is only one), for CHOICE 1 and up the rest of that candidate. False, and "", past the
 * last candidate. */
#define COMPLETION_MAX 64
bool complete_word(const char *text, size_t end, unsigned choice, char rest[COMPLETION_MAX]);

#endif
