/* Which screen shows the log. */
#include "screen.h"

#include "boot_info.h"
#include "ega.h"
#include "framebuffer.h"
#include "log.h"
#include "memlayout.h"

/* Uses EGA text, where there is an adapter in a text mode. */
void screen_init_text(void) {
    switch (ega_init()) {
    case EGA_TEXT_MODE:
        kprintf("screen: EGA text at 0x%08x, 80 x 25 characters\n", EGA_TEXT);
        break;
    case EGA_GRAPHICS_MODE:
        kprintf("screen: none: the display shows graphics, but the loader gave no framebuffer\n");
        break;
    case EGA_ABSENT:
        kprintf("screen: none\n");
    }
}

/* Uses the screen that the boot information names. */
void screen_init(void) {
    enum framebuffer_type type = boot_info.framebuffer.type;

    if (type == FRAMEBUFFER_RGB || type == FRAMEBUFFER_INDEXED)
        framebuffer_init();
    else
        screen_init_text();
}

/* Maps the framebuffer, if it is the screen. */
void screen_map(void) { framebuffer_map(); }
