/* A command's arguments. Each function prints an error line when it returns false. */
#ifndef QUIRE_ARGS_H
#define QUIRE_ARGS_H

#include "types.h"

/* TEXT as a number below 2^32: decimal or 0x..., with K, M or G. NAME stands in the error line. */
bool argument_number(const char *name, const char *text, unsigned *value);

/* TEXT as an address: a number, an object of alloc ($0), a place (page_directory) or a symbol (kmain), each
 * also with an offset (kmain+0x10). */
bool argument_address(const char *name, char *text, uintptr_t *va);

/* TEXT is one of the two words in WORDS ("ro|rw"); *SECOND tells which. */
bool argument_either(const char *words, const char *text, bool *second);

/* The name of place I, counted from 0; NULL past the last. */
const char *place_name(size_t i);

#endif
