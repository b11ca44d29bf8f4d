/* UTF-8 (RFC 3629) to code page 437, byte by byte. */
#include "utf8.h"

#define UNKNOWN '?'

static int glyph(unsigned code) {
    static const struct {
        unsigned short code;
        unsigned char glyph;
    } known[] = {
        {0x2580, 0xDF}, /* upper half block */
        {0x2584, 0xDC}, /* lower half block */
        {0x2588, 0xDB}, /* full block */
        {0x2592, 0xB1}, /* medium shade */
        {0x2500, 0xC4}, /* horizontal line */
        {0x2502, 0xB3}, /* vertical line */
        {0x00B7, 0xFA}, /* middle dot */
    };

    if (code < 0x80)
        return (int)code;
    for (size_t i = 0; i < ARRAY_SIZE(known); i++)
        if (known[i].code == code)
            return known[i].glyph;
    return UNKNOWN;
}

int utf8_glyph(struct utf8 *state, char byte) {
    unsigned c = (uint8_t)byte;

    if (c < 0x80) { /* a character that was cut short is dropped */
        state->missing = 0;
        return (int)c;
    }
    if (c >= 0xC0) {
        state->missing = c < 0xE0 ? 1 : c < 0xF0 ? 2 : 3;
        state->code = c & (0x3Fu >> state->missing);
        return -1;
    }
    if (!state->missing)
        return UNKNOWN;
    state->code = state->code << 6 | (c & 0x3F);
    return --state->missing ? -1 : glyph(state->code);
}
