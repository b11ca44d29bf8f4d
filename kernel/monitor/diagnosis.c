/* The diagnosis: firmware, loader, processor, screen, ports and memory map, as the boot found them. It uses only what
 * is already known, so it can be printed before paging, and after a panic. */
#include "diagnosis.h"

#include "boot_info.h"
#include "command.h"
#include "cpu.h"
#include "cpuid.h"
#include "format.h"
#include "keyboard.h"
#include "log.h"
#include "machine.h"
#include "memlayout.h"
#include "pm.h"
#include "serial.h"
#include "terminal.h"
#include "version.h"

#define MAP_COLUMNS 3
#define MAP_ROWS (MAP_KEPT / MAP_COLUMNS)
#define MAP_TEXT 26 /* two blanks and an entry */

static const char *mark(bool there) { return there ? "" : "no "; }

static void print_cpu(void) {
    char text[CPU_TEXT], brand[CPU_BRAND + 1];

    cpu_describe(text, sizeof(text));
    cpu_brand(brand);
    kprintf("  processor   %s\n", text);
    if (brand[0])
        kprintf("              %s\n", brand);
    kprintf("              %sCPUID, %sCR4, %sTSC, %sPAT; CR0 0x%08x\n", mark(cpu_has_cpuid()),
            mark(cpu_has_cr4()), mark(cpu_has_tsc()), mark(cpu_has_pat()), read_cr0());
}

static const char *framebuffer_kind(enum framebuffer_type type) {
    static const char *const kinds[] = {"palette", "RGB", "EGA text", "unknown"};

    return kinds[type <= FRAMEBUFFER_NONE ? type : FRAMEBUFFER_NONE];
}

static void print_screen(void) {
    const struct framebuffer_info *fb = &boot_info.framebuffer;
    const struct screen *screen = terminal_screen();

    kprintf("  framebuffer %s at 0x%llx, %ux%u, %u bits, %u bytes a line\n", framebuffer_kind(fb->type),
            (unsigned long long)fb->address, fb->width, fb->height, fb->bits_per_pixel, fb->pitch);
    kprintf("              red %u+%u, green %u+%u, blue %u+%u; ", fb->red_shift, fb->red_bits,
            fb->green_shift, fb->green_bits, fb->blue_shift, fb->blue_bits);
    if (screen)
        kprintf("console of %u x %u characters\n", screen->columns, screen->rows);
    else
        kprintf("no console on it\n");
}

/* FIRST-LAST and the type, in at most MAP_TEXT - 2 columns. */
static void print_entry(const struct memmap_entry *entry) {
    char text[48];

    format_buffer(text, sizeof(text), "%llx-%llx %u", (unsigned long long)entry->base,
                  (unsigned long long)(entry->base + entry->length - 1), (unsigned)entry->type);
    kprintf("%-*s", MAP_TEXT - 2, text);
}

/* Column by column, as one reads a list. */
static void print_map(void) {
    size_t runs = boot_info.map_runs < MAP_KEPT ? boot_info.map_runs : MAP_KEPT;
    size_t rows = (runs + MAP_COLUMNS - 1) / MAP_COLUMNS;

    kprintf("  memory map  %zu entries, %zu runs (first-last type; 1 is memory)%s\n",
            boot_info.memmap_entries, boot_info.map_runs, boot_info.map_runs > runs ? ", the first:" : ":");
    for (size_t row = 0; row < rows; row++) {
        for (size_t i = row; i < runs; i += rows) {
            kprintf("  ");
            print_entry(&boot_info.map[i]);
        }
        kprintf("\n");
    }
}

/* Prints the diagnosis. */
void diagnosis_print(void) {
    struct pm_counts frames = pm_count();

    kprintf("this machine, for a report:\n");
    kprintf("  quire       " QUIRE_VERSION "\n");
    kprintf("  firmware    %s\n", machine_firmware());
    kprintf("  loader      %s\n", boot_info.loader[0] ? boot_info.loader : "without a name");
    print_cpu();
    print_screen();
    kprintf("  ports       %sserial line, %skeyboard controller, %sexit port\n", mark(serial_present()),
            mark(keyboard_present()), mark(machine_has_exit_port()));
    kprintf("  memory      lower %u KiB, upper %u KiB; %zu frames, %zu reserved\n", boot_info.mem_lower,
            boot_info.mem_upper, frames.total, frames.reserved);
    print_map();
}

COMMAND(PROMPT_AND_MACHINE, 1, diagnose, .arguments = "",
        .help = "say what machine this is, for a report of a problem", .example = "diagnose")
{ diagnosis_print(); }
