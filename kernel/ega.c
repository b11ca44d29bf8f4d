/* EGA text memory: 80 x 25 cells of a character (code page 437) and an attribute, and the 6845's cursor.
 *
 * Of the ANSI escape sequences (ECMA-48) these have an effect: SGR, ESC [ ... m, with the eight colours, their
 * bright forms, bold as bright, and reverse; ESC [ H, home; ESC [ J and ESC [ K, clear to the end of the
 * screen and of the line. Every other sequence is dropped whole. */
#include "console.h"
#include "cpu.h"
#include "log.h"
#include "memlayout.h"
#include "string.h"
#include "utf8.h"

#define COLUMNS 80
#define ROWS 25
#define TAB 8

#define CRTC_INDEX 0x3D4
#define CRTC_DATA 0x3D5
#define CRTC_CURSOR_START 0x0A /* bit 5 hides the cursor */
#define CRTC_CURSOR_END 0x0B
#define CRTC_START_HIGH 0x0C
#define CRTC_START_LOW 0x0D
#define CRTC_CURSOR_HIGH 0x0E
#define CRTC_CURSOR_LOW 0x0F

#define DEFAULT_FOREGROUND 7
#define DEFAULT_BACKGROUND 0
#define BRIGHT 8
#define PARAMETERS_MAX 8

static uint16_t *const cells = (uint16_t *)EGA_TEXT;
static unsigned row, column;

static struct {
    unsigned foreground, background;
    bool bold, reverse;
} style;

static enum { TEXT, ESCAPE, CONTROL_SEQUENCE } state;
static unsigned parameter[PARAMETERS_MAX], parameters;

static void crtc_write(uint8_t index, unsigned value) {
    outb(CRTC_INDEX, index);
    outb(CRTC_DATA, (uint8_t)value);
}

static void place_cursor(void) {
    unsigned position = row * COLUMNS + column;

    crtc_write(CRTC_CURSOR_HIGH, position >> 8);
    crtc_write(CRTC_CURSOR_LOW, position);
}

static uint16_t cell(char c) {
    unsigned ink = style.foreground | (style.bold ? BRIGHT : 0), paper = style.background;

    if (style.reverse) {
        unsigned swap = ink & 7; /* bit 3 of the background would blink */
        ink = paper;
        paper = swap;
    }
    return (uint16_t)(paper << 12 | ink << 8 | (uint8_t)c);
}

static void clear_cells(unsigned from, unsigned to) {
    uint16_t blank = cell(' ');

    while (from < to)
        cells[from++] = blank;
}

static void clear_row(unsigned which) { clear_cells(which * COLUMNS, (which + 1) * COLUMNS); }

static void next_row(void) {
    column = 0;
    if (++row < ROWS)
        return;
    row = ROWS - 1;
    memmove(cells, cells + COLUMNS, (ROWS - 1) * COLUMNS * sizeof(cells[0]));
    clear_row(ROWS - 1);
}

static void put_visible(char c) {
    if (column == COLUMNS)
        next_row();
    cells[row * COLUMNS + column++] = cell(c);
}

static void reset_style(void) {
    style.foreground = DEFAULT_FOREGROUND;
    style.background = DEFAULT_BACKGROUND;
    style.bold = style.reverse = false;
}

/* ANSI counts colours in red, green, blue bits; EGA in blue, green, red. */
static unsigned ega_colour(unsigned ansi) { return (ansi & 1) << 2 | (ansi & 2) | (ansi & 4) >> 2; }

static void select_rendition(unsigned p) {
    if (p == 0)
        reset_style();
    else if (p == 1 || p == 22)
        style.bold = p == 1;
    else if (p == 7 || p == 27)
        style.reverse = p == 7;
    else if (p >= 30 && p <= 37)
        style.foreground = ega_colour(p - 30);
    else if (p == 39)
        style.foreground = DEFAULT_FOREGROUND;
    else if (p >= 40 && p <= 47)
        style.background = ega_colour(p - 40);
    else if (p == 49)
        style.background = DEFAULT_BACKGROUND;
    else if (p >= 90 && p <= 97)
        style.foreground = ega_colour(p - 90) | BRIGHT;
}

/* ESC [ is behind us: parameters, ';' between them, up to a letter (0x40 to 0x7E). */
static void put_sequence(char c) {
    if (c >= '0' && c <= '9') {
        parameter[parameters] = parameter[parameters] * 10 + (unsigned)(c - '0');
    } else if (c == ';' && parameters + 1 < PARAMETERS_MAX) {
        parameter[++parameters] = 0;
    } else if (c >= 0x40 && c <= 0x7E) {
        for (unsigned i = 0; c == 'm' && i <= parameters; i++)
            select_rendition(parameter[i]);
        if (c == 'H')
            row = column = 0;
        else if (c == 'J')
            clear_cells(row * COLUMNS + column, ROWS * COLUMNS);
        else if (c == 'K')
            clear_cells(row * COLUMNS + column, (row + 1) * COLUMNS);
        state = TEXT;
    }
}

static void put_glyph(char c) {
    static struct utf8 utf8;
    int glyph = utf8_glyph(&utf8, c);

    if (glyph >= ' ')
        put_visible((char)glyph);
}

static void put_text(char c) {
    switch (c) {
    case '\n':
        next_row();
        break;
    case '\r':
        column = 0;
        break;
    case '\b':
        if (column)
            column--;
        break;
    case '\t':
        do
            put_visible(' ');
        while (column % TAB);
        break;
    case '\033':
        state = ESCAPE;
        break;
    default:
        put_glyph(c);
    }
}

static void put(char c) {
    if (state == TEXT) {
        put_text(c);
    } else if (state == CONTROL_SEQUENCE) {
        put_sequence(c);
    } else {
        state = c == '[' ? CONTROL_SEQUENCE : TEXT;
        parameters = 0;
        parameter[0] = 0;
    }
}

static void ega_write(const char *text, size_t n) {
    for (; n; n--)
        put(*text++);
    place_cursor();
}

void ega_init(void) {
    static struct log_sink sink = {ega_write, NULL};

    reset_style();
    for (unsigned i = 0; i < ROWS; i++)
        clear_row(i);
    crtc_write(CRTC_START_HIGH, 0); /* firmware may have scrolled by moving the start */
    crtc_write(CRTC_START_LOW, 0);
    crtc_write(CRTC_CURSOR_START, 14); /* an underline in a cell of 16 lines */
    crtc_write(CRTC_CURSOR_END, 15);
    log_add_sink(&sink);
}
