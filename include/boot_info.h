/* What the boot loader reports, copied while paging is off: nothing here points into memory that pm hands out. */
#ifndef QUIRE_BOOT_INFO_H
#define QUIRE_BOOT_INFO_H

#include "memmap.h"
#include "types.h"

#define CMDLINE_MAX 4095 /* bytes read of the command line */
#define MAP_KEPT 36      /* runs of the memory map kept as they were reported */
#define MODULES_KEPT 16  /* modules described here; any more are reserved too */

struct boot_module {
    paddr_t start, end; /* [start, end), reserved in pm */
    char name[64];      /* as the boot loader gave it, cut to fit */
    char file[32];      /* the file's name: the last part of its path */
};

/* Multiboot 0.6.96 section 3.3, framebuffer_*. */
enum framebuffer_type { FRAMEBUFFER_INDEXED, FRAMEBUFFER_RGB, FRAMEBUFFER_EGA_TEXT, FRAMEBUFFER_NONE };

struct framebuffer_info {
    enum framebuffer_type type;
    uint64_t address;
    unsigned pitch, width, height, bits_per_pixel; /* bytes a line; pixels, or characters in text */
    uint8_t red_shift, red_bits, green_shift, green_bits, blue_shift, blue_bits; /* RGB only */
};

struct boot_info {
    char cmdline[CMDLINE_MAX + 1];
    bool cmdline_cut; /* it is longer, or has no end */
    char loader[64];  /* boot_loader_name, or "" */
    size_t memmap_entries;
    size_t map_runs; /* entries, neighbours of one type that touch as one; the first are in map[] */
    struct memmap_entry map[MAP_KEPT];
    unsigned mem_lower, mem_upper; /* KiB; 0 where not given. Not to be trusted: UEFI's mem_upper is 7 MiB */
    size_t modules;                /* how many; the first MODULES_KEPT are in module[] */
    struct boot_module module[MODULES_KEPT];
    struct framebuffer_info framebuffer;
};

extern struct boot_info boot_info;

#define MULTIBOOT_MAGIC 0x2BADB002u /* in EAX, Multiboot 0.6.96 section 3.2 */

/* Fills boot_info from the Multiboot information at INFO. Malformed fields are logged and skipped. With paging
 * off: INFO and what it points to may lie anywhere. */
void boot_info_read(paddr_t info);

/* True when the memory map calls a byte of [START, END) memory, or the kernel lies there: it is no device's then.
 * After boot_info_read, before anything is allocated. */
bool boot_info_is_memory(uint64_t start, uint64_t end);

/* Builds memmap and pm from the memory map where the loader left it, and reserves the kernel and the modules.
 * After boot_info_read, before anything is allocated. Panics when there is no usable map, or too little memory. */
void boot_info_memory(void);

#endif
