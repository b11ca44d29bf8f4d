/* The terminal: text with ECMA-48 escape sequences becomes cells of characters on a screen. */
#ifndef QUIRE_TERMINAL_H
#define QUIRE_TERMINAL_H

#include "types.h"

/* A cell, as in EGA text memory: a character of code page 437 in the low byte, the ink's colour in bits 8 to 11,
 * the paper's in bits 12 to 15. In a colour blue is 1, green 2, red 4, bright 8. */
typedef uint16_t cell_t;

static inline uint8_t cell_character(cell_t cell) { return (uint8_t)cell; }
static inline unsigned cell_ink(cell_t cell) { return cell >> 8 & 15; }
static inline unsigned cell_paper(cell_t cell) { return cell >> 12; }

/* A screen paints cells. It owns them, COLUMNS * ROWS, row by row; the terminal writes them. */
struct screen {
    unsigned columns, rows;
    cell_t *cells;

    /* Shows the cells [FIRST, END), which may have changed, and the cursor at cell CURSOR. */
    void (*show)(const struct screen *screen, unsigned first, unsigned end, unsigned cursor);
};

/* Clears SCREEN, which must live for ever, and makes it a sink of the log. There is one screen at most. */
void terminal_start(const struct screen *screen);

/* The screen, or NULL where there is none. */
const struct screen *terminal_screen(void);

#endif
