/* The linear framebuffer as a screen. */
#ifndef QUIRE_FRAMEBUFFER_H
#define QUIRE_FRAMEBUFFER_H

/* Makes the boot loader's framebuffer the log's screen, or logs why it cannot be one. After boot_info_read,
 * with paging off. */
void framebuffer_init(void);

/* Maps it at DEVICES_START. From vmem_init until then nothing is drawn. Does nothing where framebuffer_init
 * found none. */
void framebuffer_map(void);

#endif
