/* The fonts of the framebuffer console, made by tools/font.sh when the kernel is built. */
#ifndef QUIRE_FONT_H
#define QUIRE_FONT_H

#include "types.h"

/* The glyphs of code page 437, 256 of them, one after the other: HEIGHT lines each, a line in whole bytes,
 * its leftmost pixel in the first byte's highest bit. */
struct font {
    unsigned width, height;
    const uint8_t *glyphs;
};

/* From the smallest to the largest; one of width 0 ends them. */
extern const struct font fonts[];

#endif
