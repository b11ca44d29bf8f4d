/* EGA text memory: a screen of 80 x 25 cells, which the adapter itself paints, and the 6845's cursor. */
#include "input.h"
#include "cpu.h"
#include "log.h"
#include "memlayout.h"
#include "terminal.h"

#define COLUMNS 80
#define ROWS 25

#define CRTC_INDEX 0x3D4
#define CRTC_DATA 0x3D5
#define CRTC_CURSOR_START 0x0A /* bit 5 hides the cursor */
#define CRTC_CURSOR_END 0x0B
#define CRTC_START_HIGH 0x0C
#define CRTC_START_LOW 0x0D
#define CRTC_CURSOR_HIGH 0x0E
#define CRTC_CURSOR_LOW 0x0F

#define INPUT_STATUS_1 0x3DA  /* reading it makes the next write to the attribute controller an index */
#define ATTRIBUTE_WRITE 0x3C0 /* index and data in turn */
#define ATTRIBUTE_READ 0x3C1
#define ATTRIBUTE_MODE 0x10
#define ATTRIBUTE_VIDEO_ON 0x20 /* in the index: else the screen goes dark */
#define MODE_BLINK 0x08

static void crtc_write(uint8_t index, unsigned value) {
    outb(CRTC_INDEX, index);
    outb(CRTC_DATA, (uint8_t)value);
}

static void place_cursor(unsigned position) {
    crtc_write(CRTC_CURSOR_HIGH, position >> 8);
    crtc_write(CRTC_CURSOR_LOW, position);
}

/* Bit 15 of a cell is then the paper's fourth bit, as everywhere, and does not blink. */
static void stop_blinking(void) {
    inb(INPUT_STATUS_1);
    outb(ATTRIBUTE_WRITE, ATTRIBUTE_MODE | ATTRIBUTE_VIDEO_ON);
    uint8_t mode = inb(ATTRIBUTE_READ);
    outb(ATTRIBUTE_WRITE, mode & (uint8_t)~MODE_BLINK);
    inb(INPUT_STATUS_1);
}

static void ega_show(const struct screen *screen, unsigned first, unsigned end, unsigned cursor) {
    (void)screen, (void)first, (void)end; /* the cells are what is shown */
    place_cursor(cursor);
}

static bool cursor_holds(unsigned position) {
    place_cursor(position);
    outb(CRTC_INDEX, CRTC_CURSOR_LOW);
    return inb(CRTC_DATA) == position;
}

/* Where there is no adapter its memory may still be memory; but nothing answers at the 6845's ports. */
static bool present(void) { return cursor_holds(0x55) && cursor_holds(0xAA); }

bool ega_init(void) {
    static const struct screen ega = {COLUMNS, ROWS, (cell_t *)EGA_TEXT, ega_show};

    if (!present())
        return false;
    crtc_write(CRTC_START_HIGH, 0); /* firmware may have scrolled by moving the start */
    crtc_write(CRTC_START_LOW, 0);
    crtc_write(CRTC_CURSOR_START, 14); /* an underline in a cell of 16 lines */
    crtc_write(CRTC_CURSOR_END, 15);
    stop_blinking();
    terminal_start(&ega);
    return true;
}
