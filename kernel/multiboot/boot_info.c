/* The Multiboot information (Multiboot 0.6.96 section 3.3).
 *
 * Nothing in it is trusted. Every address and length is checked against the end of the address space before it is
 * followed, text is read up to a limit, and a list ends at its first impossible entry. Fields are copied byte by
 * byte, since nothing promises their alignment.
 *
 * The memory map may have many entries, so it is not copied: memmap and pm are built from it in place, before
 * anything is allocated. boot_info_read checks it at once, but only boot_info_memory panics about it, when there
 * is a screen to show the panic. */
#include "boot_info.h"

#include "log.h"
#include "memlayout.h"
#include "panic.h"
#include "pm.h"
#include "string.h"

enum info_flag {
    INFO_MEMORY = 1 << 0,
    INFO_CMDLINE = 1 << 2,
    INFO_MODULES = 1 << 3,
    INFO_MEMMAP = 1 << 6,
    INFO_LOADER = 1 << 9,
    INFO_FRAMEBUFFER = 1 << 12,
};

struct multiboot_info {
    uint32_t flags;
    uint32_t mem_lower, mem_upper;
    uint32_t boot_device;
    uint32_t cmdline;
    uint32_t mods_count, mods_addr;
    uint32_t syms[4];
    uint32_t mmap_length, mmap_addr;
    uint32_t drives_length, drives_addr;
    uint32_t config_table;
    uint32_t boot_loader_name;
    uint32_t apm_table;
    uint32_t vbe[4];
    uint64_t framebuffer_addr;
    uint32_t framebuffer_pitch, framebuffer_width, framebuffer_height;
    uint8_t framebuffer_bpp, framebuffer_type;
    uint8_t color_info[8]; /* RGB: position and size of red, green, blue; see read_framebuffer */
} __attribute__((packed));

_Static_assert(offsetof(struct multiboot_info, framebuffer_addr) == 88, "section 3.3");
_Static_assert(offsetof(struct multiboot_info, color_info) == 110, "section 3.3");
_Static_assert(sizeof(struct multiboot_info) == 118, "six bytes of colours, and GRUB's two zeros");

struct multiboot_module {
    uint32_t start, end, string, reserved;
};

struct multiboot_mmap { /* SIZE counts what follows it: 20, or more */
    uint32_t size;
    uint64_t base, length;
    uint32_t type;
} __attribute__((packed));

#define MMAP_MAX 65536 /* entries; no real map has more, and none can be left out safely */
#define MODULES_MAX 1024

struct boot_info boot_info = {.framebuffer.type = FRAMEBUFFER_EGA_TEXT};

static struct multiboot_info info;
static memmap_frames ram;

/* ---- reading memory at any address ---- */

/* How many of WANTED bytes lie between ADDRESS and the end of the address space. None lie at address 0, which
 * means "not given". */
static size_t readable(uint32_t address, size_t wanted) {
    uint64_t left = address ? ((uint64_t)1 << 32) - address : 0;
    return left < wanted ? (size_t)left : wanted;
}

/* Copies SIZE bytes from ADDRESS; false, and nothing is copied, when they run off the end. */
static bool read_at(void *to, uint32_t address, size_t size) {
    if (readable(address, size) < size)
        return false;
    memcpy(to, (const void *)(uintptr_t)address, size);
    return true;
}

/* Copies the text at ADDRESS, cut to SIZE with its NUL; true when it is longer, or runs off the end. */
static bool read_text(char *to, size_t size, uint32_t address) {
    const char *from = (const char *)(uintptr_t)address;
    size_t limit = readable(address, size), n = 0;

    for (; n < limit && from[n]; n++)
        to[n] = from[n];
    to[n < size ? n : size - 1] = '\0';
    return n == limit;
}

/* ---- the memory map ---- */

/* The map to use where there is none: mem_lower and mem_upper, as two entries. */
static bool read_fallback(uint32_t *cursor, struct memmap_entry *entry) {
    *entry = *cursor == 0
                 ? (struct memmap_entry){0, (uint64_t)boot_info.mem_lower << 10, MEMMAP_RAM}
                 : (struct memmap_entry){LOW_MEMORY_END, (uint64_t)boot_info.mem_upper << 10, MEMMAP_RAM};
    return (*cursor)++ < 2;
}

/* The next entry of the map. The cursor counts bytes; check_map has cut info.mmap_length to the valid entries. */
static bool read_map(uint32_t *cursor, struct memmap_entry *entry) {
    struct multiboot_mmap raw;

    if (*cursor >= info.mmap_length || !read_at(&raw, info.mmap_addr + *cursor, sizeof(raw)))
        return false;
    *entry = (struct memmap_entry){raw.base, raw.length, raw.type};
    uint32_t left = info.mmap_length - *cursor; /* the last entry may claim any size */
    *cursor = raw.size < left - sizeof(raw.size) ? *cursor + raw.size + sizeof(raw.size) : info.mmap_length;
    return true;
}

/* Keeps an entry for the diagnosis, which alone uses it; entries of one type that touch become one. */
static void keep_entry(const struct multiboot_mmap *raw) {
    size_t runs = boot_info.map_runs;
    struct memmap_entry *last = runs && runs <= MAP_KEPT ? &boot_info.map[runs - 1] : NULL;

    if (last && last->type == raw->type && last->base + last->length == raw->base)
        last->length += raw->length;
    else if (boot_info.map_runs++ < MAP_KEPT)
        boot_info.map[runs] = (struct memmap_entry){raw->base, raw->length, raw->type};
}

/* Counts the valid entries, and cuts the map's length to them. */
static size_t check_map(void) {
    size_t entries = 0;
    uint32_t at = 0, length = (uint32_t)readable(info.mmap_addr, info.mmap_length);

    if (length < info.mmap_length)
        kprintf("quire: the memory map at 0x%08lx, %lu bytes, runs off the end of the address space\n",
                (unsigned long)info.mmap_addr, (unsigned long)info.mmap_length);
    while (length - at >= sizeof(struct multiboot_mmap)) {
        struct multiboot_mmap raw = {0};
        if (!read_at(&raw, info.mmap_addr + at, sizeof(raw)) || raw.size < sizeof(raw) - sizeof(raw.size)) {
            kprintf("quire: the memory map ends at entry %zu, whose size is %lu\n", entries,
                    (unsigned long)raw.size);
            break;
        }
        if (++entries > MMAP_MAX)
            break;
        keep_entry(&raw);
        if (raw.size > length - at - sizeof(raw.size)) {
            kprintf("quire: entry %zu of the memory map, of %lu bytes, runs off the map's end\n", entries - 1,
                    (unsigned long)raw.size);
            at += sizeof(raw); /* the entry itself is whole, and the last */
            break;
        }
        at += raw.size + sizeof(raw.size);
    }
    info.mmap_length = at;
    return entries;
}

static memmap_reader *map_reader(void) { return boot_info.memmap_entries ? read_map : read_fallback; }

static void read_memory(void) {
    if (info.flags & INFO_MEMORY) {
        boot_info.mem_lower = info.mem_lower;
        boot_info.mem_upper = info.mem_upper;
    }
    if (info.flags & INFO_MEMMAP)
        boot_info.memmap_entries = check_map();
}

/* Panics when the map cannot be used, and nothing can take its place. */
static void judge_map(void) {
    if (boot_info.memmap_entries > MMAP_MAX)
        PANIC("quire: the memory map has more than %u entries", MMAP_MAX);
    if (boot_info.memmap_entries)
        return;
    if (!(info.flags & INFO_MEMORY))
        PANIC("quire: the boot loader reports neither a memory map nor the memory's size");
    kprintf("quire: no memory map; using mem_lower, %u KiB, and mem_upper, %u KiB\n", boot_info.mem_lower,
            boot_info.mem_upper);
}

static bool overlaps(const struct memmap_entry *entry, uint64_t start, uint64_t end) {
    return entry->length && entry->base < end &&
           (entry->base > start || start - entry->base < entry->length); /* its end may wrap */
}

/* True when the memory map calls a byte of [START, END) memory, or the kernel lies there. */
bool boot_info_is_memory(uint64_t start, uint64_t end) {
    memmap_reader *reader = map_reader();
    struct memmap_entry entry;

    for (uint32_t cursor = 0; reader(&cursor, &entry);)
        if (entry.type == MEMMAP_RAM && overlaps(&entry, start, end))
            return true;
    return start < (uintptr_t)kernel_end && end > (uintptr_t)kernel_start;
}

/* ---- modules ---- */

/* Reads descriptor I; false when it runs off the end of the address space. (Behind that comes address 0, where nothing is.) */
static bool read_module(uint32_t i, struct multiboot_module *module) {
    return read_at(module, info.mods_addr + i * sizeof(*module), sizeof(*module));
}

/* Copies the last part of the path at ADDRESS. A blank ends it: some loaders append arguments. */
static void read_file_name(char *to, size_t size, uint32_t address) {
    static char path[CMDLINE_MAX + 1];
    const char *name = path;
    size_t n = 0;

    read_text(path, sizeof(path), address);
    for (const char *c = path; *c && *c != ' '; c++)
        if (*c == '/')
            name = c + 1;
    while (name[n] && name[n] != ' ' && n < size - 1)
        n++;
    memcpy(to, name, n);
    to[n] = '\0';
}

/* Keeps and logs module I, one of the first MODULES_KEPT. */
static void keep_module(uint32_t i, const struct multiboot_module *module) {
    struct boot_module *kept = &boot_info.module[i];

    kept->start = (paddr_t)module->start;
    kept->end = (paddr_t)(module->end < module->start ? module->start : module->end);
    read_text(kept->name, sizeof(kept->name), module->string);
    read_file_name(kept->file, sizeof(kept->file), module->string);
    kprintf("quire: module %lu at 0x%08x-0x%08x: %s\n", (unsigned long)i, kept->start, kept->end, kept->name);
}

static void read_modules(void) {
    struct multiboot_module module;

    if (info.mods_count > MODULES_MAX) {
        kprintf("quire: %lu modules: only the first %u are read\n", (unsigned long)info.mods_count,
                MODULES_MAX);
        info.mods_count = MODULES_MAX;
    }
    for (uint32_t i = 0; i < info.mods_count; i++) {
        if (!read_module(i, &module)) {
            kprintf("quire: the list of modules at 0x%08lx runs off the end of the address space\n",
                    (unsigned long)info.mods_addr);
            info.mods_count = i;
            break;
        }
        if (module.end < module.start)
            kprintf("quire: module %lu ends at 0x%08lx, before it starts at 0x%08lx\n", (unsigned long)i,
                    (unsigned long)module.end, (unsigned long)module.start);
        if (module.start < (uintptr_t)kernel_end && module.end > (uintptr_t)kernel_start)
            kprintf("quire: module %lu at 0x%08lx-0x%08lx lies over the kernel\n", (unsigned long)i,
                    (unsigned long)module.start, (unsigned long)module.end);
        if (i < MODULES_KEPT)
            keep_module(i, &module);
    }
    boot_info.modules = info.mods_count;
}

static void reserve_modules(void) {
    struct multiboot_module module;

    for (uint32_t i = 0; i < info.mods_count && read_module(i, &module); i++)
        if (module.end > module.start)
            pm_reserve(module.start, module.end);
}

/* ---- all of it ---- */

/* The table in section 3.3 puts the colours at offset 110. The specification's own multiboot.h, with which GRUB is
 * built, aligns them to 112, after two zeros; so a red field of no bits means 112. */
static void read_framebuffer(void) {
    const uint8_t *colour = info.color_info[1] ? info.color_info : info.color_info + 2;

    boot_info.framebuffer = (struct framebuffer_info){
        .type = info.framebuffer_type < FRAMEBUFFER_NONE ? info.framebuffer_type : FRAMEBUFFER_NONE,
        .address = info.framebuffer_addr,
        .pitch = info.framebuffer_pitch,
        .width = info.framebuffer_width,
        .height = info.framebuffer_height,
        .bits_per_pixel = info.framebuffer_bpp,
        .red_shift = colour[0],
        .red_bits = colour[1],
        .green_shift = colour[2],
        .green_bits = colour[3],
        .blue_shift = colour[4],
        .blue_bits = colour[5],
    };
}

/* Fills boot_info from the Multiboot information at ADDRESS. */
void boot_info_read(paddr_t address) {
    /* Fields whose flag is clear may lie past the structure's end. They are read too, and not used. */
    if (!read_at(&info, (uint32_t)address, sizeof(info))) {
        kprintf("quire: the boot information at 0x%08x runs off the end of the address space\n", address);
        memset(&info, 0, sizeof(info));
    }
    read_memory();
    if (info.flags & INFO_LOADER)
        read_text(boot_info.loader, sizeof(boot_info.loader), info.boot_loader_name);
    if (info.flags & INFO_CMDLINE)
        boot_info.cmdline_cut = read_text(boot_info.cmdline, sizeof(boot_info.cmdline), info.cmdline);
    if (info.flags & INFO_FRAMEBUFFER)
        read_framebuffer();
    if (info.flags & INFO_MODULES)
        read_modules();
    else
        info.mods_count = 0;
}

/* Builds memmap and pm from the memory map, and reserves the kernel and the modules. */
void boot_info_memory(void) {
    judge_map();
    memmap_build(ram, map_reader());
    pm_init(ram);
    size_t frames = pm_count().free;
    pm_reserve((uintptr_t)kernel_start, (uintptr_t)kernel_end);
    reserve_modules();

    kprintf("memmap: %zu entries; %zu KiB of memory from 1 MiB up\n", boot_info.memmap_entries,
            frames * (PAGE_SIZE / 1024));
    if (frames < PM_MIN_FRAMES)
        PANIC("memmap: %zu KiB of memory from 1 MiB up is too little: Quire needs %u KiB, a machine of 5 MiB",
              frames * (PAGE_SIZE / 1024), PM_MIN_FRAMES * (PAGE_SIZE / 1024));
    struct pm_counts counts = pm_count();
    kprintf("pm: %zu frames: %zu free, %zu reserved\n", counts.total, counts.free, counts.reserved);
}
