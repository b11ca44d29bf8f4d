/* EGA text memory: 80 x 25 cells that the adapter itself paints, and the 6845's cursor (IBM VGA technical
 * reference; FreeVGA). */
#include "ega.h"

#include "cpu.h"
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

#define GRAPHICS_INDEX 0x3CE
#define GRAPHICS_DATA 0x3CF
#define GRAPHICS_MISC 0x06
#define MISC_GRAPHICS 0x01 /* pixels, not characters */

#define INPUT_STATUS_1 0x3DA  /* a read makes the next write to the attribute controller an index */
#define ATTRIBUTE_WRITE 0x3C0 /* takes index and data in turn */
#define ATTRIBUTE_READ 0x3C1
#define ATTRIBUTE_MODE 0x10
#define ATTRIBUTE_VIDEO_ON 0x20 /* in the index: without it the screen goes dark */
#define MODE_BLINK 0x08

static void crtc_write(uint8_t index, unsigned value) {
    outb(CRTC_INDEX, index);
    outb(CRTC_DATA, (uint8_t)value);
}

static void place_cursor(unsigned position) {
    crtc_write(CRTC_CURSOR_HIGH, position >> 8);
    crtc_write(CRTC_CURSOR_LOW, position);
}

/* Makes bit 15 of a cell the paper's fourth bit, and not blink. */
static void stop_blinking(void) {
    inb(INPUT_STATUS_1);
    outb(ATTRIBUTE_WRITE, ATTRIBUTE_MODE | ATTRIBUTE_VIDEO_ON);
    uint8_t mode = inb(ATTRIBUTE_READ);
    outb(ATTRIBUTE_WRITE, mode & (uint8_t)~MODE_BLINK);
    inb(INPUT_STATUS_1);
}

static void ega_show(const struct screen *screen, unsigned first, unsigned end, unsigned cursor) {
    (void)screen, (void)first, (void)end; /* the adapter shows the cells themselves */
    place_cursor(cursor);
}

static bool cursor_holds(unsigned position) {
    place_cursor(position);
    outb(CRTC_INDEX, CRTC_CURSOR_LOW);
    return inb(CRTC_DATA) == position;
}

/* True where an adapter answers at the 6845's ports. (Its memory may be memory without one.) */
static bool present(void) { return cursor_holds(0x55) && cursor_holds(0xAA); }

/* True where the adapter shows pixels: text memory is not on the screen then. */
static bool shows_graphics(void) {
    outb(GRAPHICS_INDEX, GRAPHICS_MISC);
    return inb(GRAPHICS_DATA) & MISC_GRAPHICS;
}

/* Makes text memory the log's screen, where the adapter shows it. */
enum ega_state ega_init(void) {
    static const struct screen ega = {COLUMNS, ROWS, (cell_t *)EGA_TEXT, ega_show};

    if (!present())
        return EGA_ABSENT;
    if (shows_graphics())
        return EGA_GRAPHICS_MODE;
    crtc_write(CRTC_START_HIGH, 0); /* firmware may have scrolled by moving the start */
    crtc_write(CRTC_START_LOW, 0);
    crtc_write(CRTC_CURSOR_START, 14); /* an underline in a cell of 16 lines */
    crtc_write(CRTC_CURSOR_END, 15);
    stop_blinking();
    terminal_start(&ega);
    return EGA_TEXT_MODE;
}
