/* The screen that shows the log: EGA text, or the linear framebuffer that the boot loader set up. */
#ifndef QUIRE_SCREEN_H
#define QUIRE_SCREEN_H

/* Makes the screen that the boot information names a sink of the log, and logs which it is, or why there is
 * none. After boot_info_read, with paging off. */
void screen_init(void);

/* The same without boot information: EGA text, where there is an adapter in a text mode. */
void screen_init_text(void);

/* Maps the framebuffer at DEVICES_START; a framebuffer shows nothing between vmem_init and this. Does nothing
 * where the screen is text, or there is none. */
void screen_map(void);

#endif
