/* The terminal: logged text as cells on a screen.
 *
 * Text is UTF-8. A character that code page 437 lacks, and a byte that is not UTF-8, is shown as '?'. Escape
 * sequences (ECMA-48) move the cursor, erase, and choose a rendition: eight colours and their bright forms, bold
 * (shown as bright) and reverse. Every other control sequence is dropped whole.
 *
 * The last column works like a VT100's: a character there leaves the cursor behind it, and the next one begins a
 * new row. The screen is told once a write which cells may have changed. */
#include "terminal.h"

#include "cp437.h"
#include "log.h"
#include "string.h"

#define TAB 8
#define ESCAPE_CHARACTER 27
#define UNKNOWN '?'

#define DEFAULT_INK 7
#define DEFAULT_PAPER 0
#define BRIGHT 8
#define PARAMETERS_MAX 16
#define PARAMETER_LIMIT 9999

static const struct screen *screen;
static unsigned row, column; /* column is screen->columns behind the last one */
static unsigned saved_row, saved_column;
static unsigned changed_first, changed_end; /* cells, since the screen was last told */

static struct {
    unsigned ink, paper;
    bool bold, reverse;
} style;
static cell_t rendition; /* the style, as a cell without its character */

static enum { TEXT, ESCAPE, CONTROL_SEQUENCE } state;
static unsigned parameter[PARAMETERS_MAX], parameters; /* parameter[parameters] is being read */
static bool private_sequence;

static uint32_t code_point;    /* of the UTF-8 sequence being read */
static unsigned bytes_to_come; /* of it */

/* ---- cells ---- */

static unsigned minimum(unsigned a, unsigned b) { return a < b ? a : b; }

static void style_changed(void) {
    unsigned ink = style.ink | (style.bold ? BRIGHT : 0), paper = style.paper;

    rendition = (cell_t)(style.reverse ? ink << 12 | paper << 8 : paper << 12 | ink << 8);
}

static void changed(unsigned first, unsigned end) {
    if (first < changed_first)
        changed_first = first;
    if (end > changed_end)
        changed_end = end;
}

static void clear_cells(unsigned first, unsigned end) {
    cell_t *cell = screen->cells + first, *behind = screen->cells + end;
    cell_t blank = rendition | ' ';

    changed(first, end);
    while (cell < behind)
        *cell++ = blank;
}

static unsigned row_start(unsigned which) { return which * screen->columns; }

static unsigned cursor(void) { return row_start(row) + minimum(column, screen->columns - 1); }

static void next_row(void) {
    column = 0;
    if (row + 1 < screen->rows) {
        row++;
        return;
    }
    memmove(screen->cells, screen->cells + screen->columns, row_start(row) * sizeof(cell_t));
    changed(0, row_start(row));
    clear_cells(row_start(row), row_start(row + 1));
}

static void put_visible(uint8_t character) {
    if (column == screen->columns)
        next_row();
    unsigned at = row_start(row) + column++;

    changed(at, at + 1);
    screen->cells[at] = rendition | character;
}

/* ---- control sequences ---- */

static void reset_style(void) {
    style.ink = DEFAULT_INK;
    style.paper = DEFAULT_PAPER;
    style.bold = style.reverse = false;
}

/* ANSI's colours have red in bit 0 and blue in bit 2; EGA's the other way round. */
static unsigned ega_colour(unsigned ansi) { return (ansi & 1) << 2 | (ansi & 2) | (ansi & 4) >> 2; }

static void select_rendition(unsigned p) {
    if (p == 0)
        reset_style();
    else if (p == 1 || p == 22)
        style.bold = p == 1;
    else if (p == 7 || p == 27)
        style.reverse = p == 7;
    else if (p >= 30 && p <= 37)
        style.ink = ega_colour(p - 30);
    else if (p == 39)
        style.ink = DEFAULT_INK;
    else if (p >= 40 && p <= 47)
        style.paper = ega_colour(p - 40);
    else if (p == 49)
        style.paper = DEFAULT_PAPER;
    else if (p >= 90 && p <= 97)
        style.ink = ega_colour(p - 90) | BRIGHT;
    else if (p >= 100 && p <= 107)
        style.paper = ega_colour(p - 100) | BRIGHT;
}

static void select_renditions(void) {
    for (unsigned i = 0; i <= parameters; i++)
        select_rendition(parameter[i]);
    style_changed();
}

/* Erases from the cursor to END (WHAT is 0), from START to the cursor (1), or all (2). */
static void erase(unsigned what, unsigned start, unsigned end) {
    if (what <= 2)
        clear_cells(what == 0 ? cursor() : start, what == 1 ? cursor() + 1 : end);
}

static void move_to(unsigned new_row, unsigned new_column) {
    row = minimum(new_row, screen->rows - 1);
    column = minimum(new_column, screen->columns - 1);
}

/* Parameter I as a count or a position: 1 where it is 0 or left out. */
static unsigned count(unsigned i) { return i <= parameters && parameter[i] ? parameter[i] : 1; }

static unsigned less(unsigned from, unsigned n) { return from > n ? from - n : 0; }

static void end_sequence(char final) {
    unsigned here = minimum(column, screen->columns - 1);

    switch (final) {
    case 'A':
        move_to(less(row, count(0)), here);
        break;
    case 'B':
        move_to(row + count(0), here);
        break;
    case 'C':
        move_to(row, here + count(0));
        break;
    case 'D':
        move_to(row, less(here, count(0)));
        break;
    case 'G':
        move_to(row, count(0) - 1);
        break;
    case 'H':
    case 'f':
        move_to(count(0) - 1, count(1) - 1);
        break;
    case 'J':
        erase(parameter[0], 0, row_start(screen->rows));
        break;
    case 'K':
        erase(parameter[0], row_start(row), row_start(row + 1));
        break;
    case 'm':
        select_renditions();
        break;
    case 's':
        saved_row = row;
        saved_column = column;
        break;
    case 'u':
        move_to(saved_row, saved_column);
        break;
    }
}

/* After ESC [: parameters with ';' between them, up to a final byte (0x40 to 0x7E). */
static void put_sequence(uint8_t c) {
    if (c >= '0' && c <= '9') {
        if (parameter[parameters] <= PARAMETER_LIMIT)
            parameter[parameters] = parameter[parameters] * 10 + (unsigned)(c - '0');
    } else if (c == ';') {
        if (parameters + 1 < PARAMETERS_MAX)
            parameter[++parameters] = 0;
    } else if (c >= 0x40 && c <= 0x7E) {
        state = TEXT;
        if (!private_sequence)
            end_sequence((char)c);
    } else if (c == ESCAPE_CHARACTER) {
        state = ESCAPE;
    } else if (c > ' ') {
        private_sequence = true; /* '?' and its like: not supported */
    }
}

static void put_escape(uint8_t c) {
    state = c == '[' ? CONTROL_SEQUENCE : TEXT;
    private_sequence = false;
    parameters = 0;
    parameter[0] = 0;
}

/* ---- characters ---- */

/* Unicode's POINT as a character of code page 437. */
static uint8_t character_of(uint32_t point) {
    static const uint16_t code_page[256] = CP437;

    if (point >= ' ' && point <= '~')
        return (uint8_t)point;
    for (unsigned i = 1; i < 256; i++)
        if (code_page[i] == point)
            return (uint8_t)i;
    return UNKNOWN;
}

/* A byte from 0x80 up (RFC 3629, section 3). */
static void put_utf8(uint8_t c) {
    if (c >= 0xC2 && c <= 0xF4) {
        if (bytes_to_come)
            put_visible(UNKNOWN); /* the sequence before it is incomplete */
        bytes_to_come = c >= 0xF0 ? 3 : c >= 0xE0 ? 2 : 1;
        code_point = c & (0x3Fu >> bytes_to_come);
    } else if (c < 0xC0 && bytes_to_come) {
        code_point = code_point << 6 | (c & 0x3F);
        if (--bytes_to_come == 0)
            put_visible(character_of(code_point));
    } else {
        bytes_to_come = 0;
        put_visible(UNKNOWN);
    }
}

static void put_text(uint8_t c) {
    if (c >= 0x80) {
        put_utf8(c);
        return;
    }
    if (bytes_to_come) {
        bytes_to_come = 0;
        put_visible(UNKNOWN);
    }
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
        while (column % TAB && column < screen->columns);
        break;
    case ESCAPE_CHARACTER:
        state = ESCAPE;
        break;
    default:
        if (c >= ' ' && c <= '~')
            put_visible(c);
    }
}

static void put(uint8_t c) {
    if (state == TEXT)
        put_text(c);
    else if (state == ESCAPE)
        put_escape(c);
    else
        put_sequence(c);
}

static void show_changes(void) {
    screen->show(screen, changed_first, changed_end, cursor());
    changed_first = row_start(screen->rows);
    changed_end = 0;
}

static void terminal_write(const char *text, size_t n) {
    for (; n; n--)
        put((uint8_t)*text++);
    show_changes();
}

/* The screen, or NULL where there is none. */
const struct screen *terminal_screen(void) { return screen; }

/* Clears NEW_SCREEN and makes it a sink of the log. */
void terminal_start(const struct screen *new_screen) {
    static struct log_sink sink = {terminal_write, NULL};

    screen = new_screen;
    row = column = 0;
    reset_style();
    style_changed();
    clear_cells(0, row_start(screen->rows));
    show_changes();
    log_add_sink(&sink);
}
