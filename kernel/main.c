/* kmain: the boot, step by step. boot/boot.S calls it with paging off. */
#include "boot_info.h"
#include "canary.h"
#include "descriptors.h"
#include "diagnosis.h"
#include "keyboard.h"
#include "kmalloc.h"
#include "last_look.h"
#include "log.h"
#include "machine.h"
#include "memlayout.h"
#include "monitor.h"
#include "options.h"
#include "panic.h"
#include "pm.h"
#include "process.h"
#include "protection.h"
#include "report.h"
#include "screen.h"
#include "serial.h"
#include "space.h"
#include "trap.h"
#include "tsc.h"
#include "version.h"
#include "vmem.h"

void kmain(unsigned magic, paddr_t info);

/* Takes over the boot loader's information. The screen comes first, so that a panic can be read without a serial
 * line. */
static void read_boot_info(unsigned magic, paddr_t info) {
    if (magic != MULTIBOOT_MAGIC) {
        screen_init_text();
        PANIC("quire: not loaded by Multiboot: EAX is 0x%08x, not 0x%08x", magic, MULTIBOOT_MAGIC);
    }
    boot_info_read(info);
    screen_init();
    machine_check_cpu();
    kprintf("quire: loaded by %s; command line \"%.200s\"\n",
            boot_info.loader[0] ? boot_info.loader : "a loader without a name", options_text());
    kprintf("quire: firmware: %s\n", machine_firmware());
    options_parse();
    heap_debug_install(options.heap);
    boot_info_memory();
    if (options.diagnose)
        diagnosis_print();
}

static void start_vmem(void) {
    vmem_init();
    trap_set_directory(get_page_directory());
    kprintf("vmem: directory 0x%08x, %zu table, 4 MiB identity-mapped\n", get_page_directory(),
            vmem_tables());
    screen_map(); /* before the checks, so that the screen can show a failure */
    vmem_check();
    protection_check();
}

static void start_kmalloc(void) {
    static const char *const modes[] = {"", "; heap=debug: red zones, quarantine",
                                        "; heap=guard: guard pages"};

    kmalloc_init(&vmem_provider);
    space_init();
    space_on_switch(trap_set_directory);
    kprintf("kmalloc: heap at 0x%08x-0x%08x, empty%s\n", KHEAP_START, KHEAP_END, modes[heap_mode()]);
}

/* Logs how long the boot took, in the unit that the time-stamp counter has. */
static void say_ready(void) {
    uint64_t ticks = tsc_ticks();
    unsigned milliseconds;

    if (tsc_counts_instructions())
        kprintf("quire: ready after %llu instructions\n", (unsigned long long)ticks);
    else if ((milliseconds = tsc_milliseconds(ticks)))
        kprintf("quire: ready after %u ms\n", milliseconds);
    else
        kprintf("quire: ready\n");
}

void kmain(unsigned magic, paddr_t info) {
    canary_init((unsigned)info);
    trap_init(); /* before machine_init, which may cause a debug exception */
    serial_init();
    machine_init();
    report_set_last_look(last_look);
    kprintf("quire: " QUIRE_VERSION ", an i386 kernel at 0x%08x-%p\n", KERNEL_START, (void *)kernel_end);
    read_boot_info(magic, info);
    start_vmem();
    start_kmalloc();
    process_init();
    keyboard_init(); /* before the log tells anybody to type */
    say_ready();

    if (options.test)
        machine_exit(monitor_command("test", options.test));
    if (options.bench)
        machine_exit(monitor_command("bench", options.bench));
    monitor_run(options.commands);
}
