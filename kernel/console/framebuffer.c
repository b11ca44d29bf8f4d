/* A linear framebuffer as a screen: cells are drawn with the built-in font.
 *
 * The screen exists twice in memory: the cells as the terminal wants them, and as they have been drawn. Only
 * cells that differ are drawn. So the framebuffer, which is slow to read, is never read, and scrolling draws
 * only the characters that changed.
 *
 * Until paging is on, the framebuffer is written where it lies. From then on nothing is drawn until
 * framebuffer_map has mapped it; text logged meanwhile is drawn then. The boot loader's fields (Multiboot
 * 0.6.96 section 3.3, framebuffer_*) are not trusted: a framebuffer that the memory map calls memory is never
 * drawn to. */
#include "framebuffer.h"

#include "boot_info.h"
#include "cpu.h"
#include "font.h"
#include "log.h"
#include "machine.h"
#include "memlayout.h"
#include "terminal.h"
#include "vmem.h"

#define COLUMNS_MAX 240
#define ROWS_MAX 80

/* The largest font is used that leaves at least this many characters. */
#define COLUMNS_WANTED 100
#define ROWS_WANTED 30
#define COLUMNS_LEAST 40
#define ROWS_LEAST 10
#define SCALE_MAX 8

/* Not static: tests/boot/test_screens.py finds them by their names, and a compiler may drop a static one. */
extern cell_t fb_cells[];
extern struct screen fb_screen;
extern unsigned fb_cursor, fb_scale;
extern const struct font *fb_font;

cell_t fb_cells[COLUMNS_MAX * ROWS_MAX];
struct screen fb_screen;
unsigned fb_cursor; /* the cell with the cursor, redrawn when the cursor leaves */
const struct font *fb_font;
unsigned fb_scale; /* a font's pixel is a square of so many by so many pixels */

static cell_t shown[COLUMNS_MAX * ROWS_MAX];
static uint8_t *base; /* the upper left pixel, at the address where it can be written now */
static bool mapped;
static unsigned pixel_bytes;
static uint32_t colours[16]; /* as pixels */

/* ---- pixels ---- */

static unsigned cell_width(void) { return fb_font->width * fb_scale; }
static unsigned cell_height(void) { return fb_font->height * fb_scale; }

static uint8_t *pixel_at(unsigned x, unsigned y) {
    return base + (size_t)y * boot_info.framebuffer.pitch + (size_t)x * pixel_bytes;
}

/* Stores a little-endian pixel of BYTES bytes, a constant once inlined. */
static inline void put_pixel(uint8_t *at, uint32_t pixel, unsigned bytes) {
    if (bytes == 4) {
        *(uint32_t *)(void *)at = pixel;
        return;
    }
    for (unsigned i = 0; i < bytes; i++)
        at[i] = (uint8_t)(pixel >> 8 * i);
}

/* Draws one line of a glyph, the font's WIDTH highest bits of BITS. */
static inline void draw_bits(uint8_t *at, uint32_t bits, uint32_t ink, uint32_t paper, unsigned bytes) {
    for (unsigned x = 0; x < fb_font->width; x++, bits <<= 1)
        for (unsigned n = 0; n < fb_scale; n++, at += bytes)
            put_pixel(at, bits >> 31 ? ink : paper, bytes);
}

static void draw_line(uint8_t *at, uint32_t bits, uint32_t ink, uint32_t paper) {
    if (pixel_bytes == 4)
        draw_bits(at, bits, ink, paper, 4);
    else if (pixel_bytes == 3)
        draw_bits(at, bits, ink, paper, 3);
    else
        draw_bits(at, bits, ink, paper, 2);
}

/* The bits of a glyph's next line, from the highest down; moves *GLYPH past them. */
static uint32_t glyph_line(const uint8_t **glyph) {
    unsigned bits = 0, place = 24;

    for (unsigned i = 0; i < fb_font->width; i += 8, place -= 8)
        bits |= (unsigned)*(*glyph)++ << place;
    return bits;
}

static void draw_cell(unsigned position) {
    cell_t cell = fb_cells[position];
    uint32_t ink = colours[cell_ink(cell)], paper = colours[cell_paper(cell)];
    unsigned x = position % fb_screen.columns * cell_width(),
             y = position / fb_screen.columns * cell_height();
    const uint8_t *glyph =
        fb_font->glyphs + cell_character(cell) * fb_font->height * ((fb_font->width + 7) / 8);

    for (unsigned line = 0; line < fb_font->height; line++) {
        uint32_t bits = glyph_line(&glyph);
        for (unsigned n = 0; n < fb_scale; n++)
            draw_line(pixel_at(x, y++), bits, ink, paper);
    }
    shown[position] = cell;
}

/* Draws the cursor, a bar at the cell's foot. */
static void draw_cursor(unsigned position) {
    unsigned x = position % fb_screen.columns * cell_width(),
             y = (position / fb_screen.columns + 1) * cell_height();
    uint32_t ink = colours[cell_ink(fb_cells[position])];

    for (unsigned n = cell_height() / 8; n; n--)
        draw_line(pixel_at(x, y - n), ~0u, ink, ink);
    fb_cursor = position;
}

/* ---- the screen ---- */

static bool writable(void) { return mapped || !(read_cr0() & CR0_PG); }

static void framebuffer_show(const struct screen *unused, unsigned first, unsigned end, unsigned cursor) {
    (void)unused;
    if (!writable())
        return;
    if (cursor != fb_cursor)
        draw_cell(fb_cursor);
    for (; first < end; first++)
        if (fb_cells[first] != shown[first])
            draw_cell(first);
    draw_cursor(cursor);
}

static void clear_pixels(void) {
    const struct framebuffer_info *fb = &boot_info.framebuffer;

    for (unsigned y = 0; y < fb->height; y++)
        for (unsigned x = 0; x < fb->width; x++)
            put_pixel(pixel_at(x, y), colours[0], pixel_bytes);
    for (unsigned i = 0; i < fb_screen.columns * fb_screen.rows; i++)
        shown[i] = fb_cells[i] = ' ';
}

/* ---- what the boot loader reports ---- */

/* The 8-bit VALUE as a field of BITS bits at SHIFT. */
static uint32_t field(unsigned value, unsigned shift, unsigned bits) {
    return (bits < 8 ? value >> (8 - bits) : (uint32_t)value << (bits - 8)) << shift;
}

/* The PC's sixteen colours: two thirds of full intensity, one third more for the bright ones, and brown in
 * place of dark yellow. */
static void mix_colours(const struct framebuffer_info *fb) {
    for (unsigned c = 0; c < 16; c++) {
        unsigned least = c & 8 ? 0x55 : 0, light = 0xAA;
        unsigned red = least + (c & 4 ? light : 0), green = least + (c & 2 ? light : 0);
        unsigned blue = least + (c & 1 ? light : 0);

        if (c == 6)
            green = 0x55;
        colours[c] = field(red, fb->red_shift, fb->red_bits) | field(green, fb->green_shift, fb->green_bits) |
                     field(blue, fb->blue_shift, fb->blue_bits);
    }
}

static bool fits(unsigned shift, unsigned bits, unsigned bits_per_pixel) {
    return bits > 0 && bits <= 16 && shift + bits <= bits_per_pixel;
}

static unsigned smaller(unsigned a, unsigned b) { return a < b ? a : b; }

static bool choose_size(const struct font *f, unsigned s, unsigned columns, unsigned rows) {
    const struct framebuffer_info *fb = &boot_info.framebuffer;

    if (!f->width || fb->width / (f->width * s) < columns || fb->height / (f->height * s) < rows)
        return false;
    fb_font = f;
    fb_scale = s;
    fb_screen.columns = smaller(fb->width / cell_width(), COLUMNS_MAX);
    fb_screen.rows = smaller(fb->height / cell_height(), ROWS_MAX);
    return true;
}

/* Picks the font; false when even the smallest leaves no usable screen. */
static bool choose_font(void) {
    if (!choose_size(&fonts[0], 1, COLUMNS_LEAST, ROWS_LEAST))
        return false;
    for (unsigned s = 1; s <= SCALE_MAX; s++)
        for (const struct font *f = fonts; f->width; f++)
            if (f->width * s > cell_width())
                choose_size(f, s, COLUMNS_WANTED, ROWS_WANTED);
    return true;
}

/* The framebuffer's size in bytes. */
static uint64_t size_of(const struct framebuffer_info *fb) { return (uint64_t)fb->pitch * fb->height; }

/* Why it cannot be used, or NULL when it can. */
static const char *objection(const struct framebuffer_info *fb) {
    unsigned bits = fb->bits_per_pixel;

    if (fb->type != FRAMEBUFFER_RGB)
        return "not red, green and blue";
    if (bits != 15 && bits != 16 && bits != 24 && bits != 32)
        return "unknown pixel size";
    if (!fits(fb->red_shift, fb->red_bits, bits) || !fits(fb->green_shift, fb->green_bits, bits) ||
        !fits(fb->blue_shift, fb->blue_bits, bits))
        return "its colours lie outside the pixel";
    if (fb->pitch / ((bits + 7) / 8) < fb->width)
        return "its lines overlap";
    if (fb->address >> 32 || fb->address + size_of(fb) > (uint64_t)1 << 32)
        return "it does not lie below 4 GiB";
    if (fb->address % PAGE_SIZE + size_of(fb) > MODULES_START - DEVICES_START)
        return "it is larger than the address space for devices";
    if (!fb->address || boot_info_is_memory(fb->address, fb->address + size_of(fb)))
        return "it lies over memory";
    if (!fonts[0].width)
        return "this kernel was built without a font";
    return choose_font() ? NULL : "it is too small";
}

/* Makes the boot loader's framebuffer the log's screen, or logs why it cannot be one. */
void framebuffer_init(void) {
    const struct framebuffer_info *fb = &boot_info.framebuffer;
    const char *why = objection(fb);

    if (why) {
        kprintf("screen: framebuffer at 0x%llx, %ux%u, %u bits a pixel: %s: not used\n",
                (unsigned long long)fb->address, fb->width, fb->height, fb->bits_per_pixel, why);
        return;
    }
    base = (uint8_t *)(uintptr_t)fb->address;
    pixel_bytes = (fb->bits_per_pixel + 7) / 8;
    mix_colours(fb);
    fb_screen.cells = fb_cells;
    fb_screen.show = framebuffer_show;
    clear_pixels();
    terminal_start(&fb_screen);
    kprintf("screen: framebuffer at 0x%08x, %ux%u, %u bits a pixel: %u x %u characters\n",
            (unsigned)fb->address, fb->width, fb->height, fb->bits_per_pixel, fb_screen.columns,
            fb_screen.rows);
}

/* Maps the framebuffer at DEVICES_START, and draws what was logged since vmem_init. */
void framebuffer_map(void) {
    const struct framebuffer_info *fb = &boot_info.framebuffer;

    if (!base)
        return;
    paddr_t pa = (paddr_t)(uintptr_t)fb->address;
    size_t pages = pages_for(pa_offset(pa) + (size_t)size_of(fb));
    bool combine = machine_write_combines();
    unsigned flags = VMEM_WRITE | (combine ? VMEM_WRITE_COMBINING : VMEM_NO_CACHE);

    if (vmem_map_range((void *)DEVICES_START, pa_frame(pa), pages, flags) < 0) {
        kprintf("screen: no memory for the framebuffer's page tables\n");
        return;
    }
    base = (uint8_t *)DEVICES_START + pa_offset(pa);
    mapped = true;
    kprintf("screen: framebuffer mapped at %p, %zu pages, %s\n", (void *)base, pages,
            combine ? "write-combining" : "not cached");
    framebuffer_show(&fb_screen, 0, fb_screen.columns * fb_screen.rows, fb_cursor);
}
