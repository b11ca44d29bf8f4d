/* The monitor's line reader: bytes from the console, one at a time, become a line.
 *
 * Whatever comes is coped with: a line that grows too long is dropped whole, an escape sequence (a cursor
 * key: ECMA-48 section 5.4) is passed over, and a byte that is no text stands as '?', so that a line of
 * garbage is a line with an error and never a surprise. The prompt is the caller's: it is
 * printed once, and nothing here prints it again. */
#include "commands.h"
#include "console.h"
#include "log.h"

enum {
    CTRL_C = 3,
    BACKSPACE = 8,
    KILL_LINE = 21, /* Ctrl-U */
    ESCAPE = 27,
    DELETE = 127,
};

struct line {
    char *text;    /* LINE_BYTES of room and a NUL */
    size_t length; /* may pass LINE_BYTES: then the rest is only counted */
};

static void add(struct line *line, char c) {
    if (line->length++ < LINE_BYTES) {
        line->text[line->length - 1] = c;
        log_write(&c, 1);
    }
}

static void erase(struct line *line) {
    if (line->length && line->length-- <= LINE_BYTES)
        kprintf("\b \b");
}

static void erase_all(struct line *line) {
    while (line->length)
        erase(line);
}

static bool ends_line(int c) { return c == '\r' || c == '\n'; }

/* Passes over the rest of an escape sequence: ESC [ parameters final, ESC O final, or ESC and a key.
 * Returns the line's end where that came first, else 0. */
static int skip_escape(void) {
    int c = console_read();

    if (c == '[' || c == 'O') {
        do
            c = console_read();
        while (c >= 0x20 && c < 0x40); /* parameters; the final byte is from 0x40 up */
    }
    return ends_line(c) ? c : 0;
}

/* The next byte that matters: an LF right after a CR does not, nor does NUL or an escape sequence. */
static int next_byte(void) {
    static int before;

    for (;;) {
        int c = console_read();
        if (c == ESCAPE)
            c = skip_escape();
        bool pair = before == '\r' && c == '\n';
        before = c;
        if (c && !pair)
            return c;
    }
}

static void edit(struct line *line, int c) {
    if (c == BACKSPACE || c == DELETE)
        erase(line);
    else if (c == KILL_LINE || c == CTRL_C)
        erase_all(line);
    else if (c == '\t')
        add(line, ' ');
    else
        add(line, c >= ' ' && c < DELETE ? (char)c : '?');
}

bool line_read(char text[LINE_BYTES + 1]) {
    struct line line = {text, 0};
    int c;

    while (!ends_line(c = next_byte()))
        edit(&line, c);
    log_write("\n", 1);
    bool fits = line.length <= LINE_BYTES;
    text[fits ? line.length : 0] = '\0';
    return fits;
}
