/* What the build knows of an address: its symbol, function or data, and its source line. The second link adds
 * both tables (tools/symbols.sh, tools/lines.sh). */
#ifndef QUIRE_SYMBOLS_H
#define QUIRE_SYMBOLS_H

#include "types.h"

/* The symbol that holds ADDRESS, and the offset into it; NULL (offset untouched) where none does. */
const char *symbol_at(uintptr_t address, size_t *offset);

/* The address of NAME; false where there is none. */
bool symbol_address(const char *name, uintptr_t *address);

/* The name of symbol I, counted from 0 in the order of addresses; NULL past the last. */
const char *symbol_name(size_t i);

/* The source file of the code at ADDRESS, a path from the top of the source, and its *LINE; NULL, *LINE
 * untouched, where there is no code. */
const char *source_line(uintptr_t address, unsigned *line);

/* ADDRESS as "name+0x12", or "?" */
#define SYMBOL_TEXT 64
const char *symbol_text(uintptr_t address, char text[SYMBOL_TEXT]);

/* ADDRESS as "0x00101234 name+0x12". */
#define ADDRESS_TEXT 80
const char *address_text(uintptr_t address, char text[ADDRESS_TEXT]);

/* The same of a return address. The call before it is what counts: the address itself may be the next
 * function's, after one that never returns. */
const char *caller_text(uintptr_t eip, char text[ADDRESS_TEXT]);

/* The two above with the source line: "0x00101234 name+0x12, kernel/main.c:88". */
#define PLACE_TEXT 160
const char *place_text(uintptr_t address, char text[PLACE_TEXT]);
const char *caller_place_text(uintptr_t eip, char text[PLACE_TEXT]);

#endif
