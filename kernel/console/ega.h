/* EGA text memory as a screen. */
#ifndef QUIRE_EGA_H
#define QUIRE_EGA_H

enum ega_state {
    EGA_TEXT_MODE,     /* the log's screen now, 80 x 25, cleared */
    EGA_GRAPHICS_MODE, /* the adapter shows pixels: text memory is not on the screen */
    EGA_ABSENT,
};

/* Makes text memory the log's screen, where the adapter shows it. */
enum ega_state ega_init(void);

#endif
