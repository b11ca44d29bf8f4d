/* The framebuffer's fonts. tools/font.sh makes them when the kernel is built. */
#ifndef QUIRE_FONT_H
#define QUIRE_FONT_H

#include "types.h"

/* 256 glyphs, those of code page 437, one after the other. Each has HEIGHT lines of whole bytes; the leftmost pixel
 * is the first byte's highest bit. */
struct font {
    unsigned width, height;
    const uint8_t *glyphs;
};

/* From the smallest to the largest. A font of width 0 ends the list. */
extern const struct font fonts[];

#endif
