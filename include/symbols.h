/* The kernel's own symbols, functions and data, linked in by the second pass (tools/symbols.sh). */
#ifndef QUIRE_SYMBOLS_H
#define QUIRE_SYMBOLS_H

#include "types.h"

/* The symbol that holds ADDRESS, and the offset into it; NULL (offset untouched) where none does. */
const char *symbol_at(uintptr_t address, size_t *offset);

/* The address of NAME; false where there is none. */
bool symbol_address(const char *name, uintptr_t *address);

/* The name of symbol I, counted from 0 in the order of addresses; NULL past the last. */
const char *symbol_name(size_t i);

/* ADDRESS as "name+0x12", or "?" */
#define SYMBOL_TEXT 64
const char *symbol_text(uintptr_t address, char text[SYMBOL_TEXT]);

/* ADDRESS as "0x00101234 name+0x12". */
#define ADDRESS_TEXT 80
const char *address_text(uintptr_t address, char text[ADDRESS_TEXT]);

/* The same of a return address. The call before it is what counts: the address itself may be the next
 * function's, after one that never returns. */
const char *caller_text(uintptr_t eip, char text[ADDRESS_TEXT]);

#endif
