/* The machine as a whole: a known state to start from, and the ways out. */
#include "machine.h"

#include "apic.h"
#include "cpu.h"
#include "cpuid.h"
#include "log.h"
#include "panic.h"
#include "string.h"
#include "timer.h"
#include "tsc.h"

/* ---- a known state ---- */

/* The page attribute table (SDM vol. 3, 11.12.2): as after reset, but for entry 1, which is write-combining. The
 * upper half repeats the lower, because some processors ignore the index's highest bit. */
#define MSR_PAT 0x277
#define PAT_HALF 0x00070106u /* 3: uncacheable; 2: uncached; 1: write-combining; 0: write-back */

#define MSR_SYSENTER_CS 0x174
#define MSR_DEBUGCTL 0x1D9
#define MSR_EFER 0xC0000080

static bool write_combines;

/* Sets the page attribute table as SDM vol. 3, 11.12.4 asks, by the procedure of 11.11.8: no cache is on or full
 * meanwhile. The TLB is empty, since paging is off. */
static void set_pat(void) {
    unsigned cr0 = read_cr0();

    write_cr0((cr0 & ~CR0_NW) | CR0_CD);
    wbinvd();
    wrmsr(MSR_PAT, (uint64_t)PAT_HALF << 32 | PAT_HALF);
    wbinvd();
    write_cr0(cr0);
    write_combines = true;
}

/* Clears CR4 and EFER. CR4 comes first: with CR4.CET set CR0.WP cannot be cleared. EFER.LME would make setting
 * CR0.PG a general protection fault, since CR4.PAE is clear (SDM vol. 3, 9.8.5); AMD's EFER.TCE would let INVLPG
 * keep directory entries (AMD manual vol. 2, 5.5.2). */
static void clear_extensions(void) {
    if (cpu_has_cr4())
        write_cr4(0);
    if (cpu_has_efer())
        wrmsr(MSR_EFER, 0);
}

/* Clears breakpoints, and branch tracing, which makes EFLAGS.TF step from branch to branch (SDM vol. 3, 17.4.1). */
static void clear_debugging(void) {
    write_dr7(0);
    write_dr6(0);
    if (cpu_has_p6_msrs())
        wrmsr(MSR_DEBUGCTL, 0);
}

/* Clears SYSENTER's entry point and the LDT, with which ring 3 could reach code and memory of the boot loader's
 * choice. Without a code segment SYSENTER is a general protection fault. */
static void clear_ways_for_programs(void) {
    if (cpu_has_sysenter())
        wrmsr(MSR_SYSENTER_CS, 0);
    lldt(0);
}

/* Caches on, the FPU usable and its errors exceptions. */
static void set_control_bits(void) {
    unsigned cr0 = read_cr0() & ~(CR0_EM | CR0_TS | CR0_WP | CR0_AM | CR0_NW | CR0_CD);

    write_cr0(cr0 | CR0_MP | CR0_NE);
    fninit();
}

/* Puts in order what a boot loader may leave in any state. The memory type range registers stay as they are:
 * firmware describes the machine's memory with them. */
void machine_init(void) {
    write_eflags(0);
    clear_debugging();
    clear_extensions();
    clear_ways_for_programs();
    tsc_init();
    if (cpu_has_pat())
        set_pat();
    set_control_bits();
    apic_init();
    timer_init();
}

/* True when pages mapped VMEM_WRITE_THROUGH are write-combining. */
bool machine_write_combines(void) { return write_combines; }

/* Panics where the processor is not at least a 486; otherwise logs what it is. */
void machine_check_cpu(void) {
    char text[CPU_TEXT];

    if (!cpu_is_486())
        PANIC("cpu: this is a 386: Quire needs a 486 or later (INVLPG, and CR0.WP for read-only pages)");
    cpu_describe(text, sizeof(text));
    kprintf("cpu: %s\n", text);
    if (!cpu_has_tsc() || !cpu_has_pat())
        kprintf("cpu: no%s%s%s: done without\n", cpu_has_tsc() ? "" : " time-stamp counter",
                cpu_has_tsc() || cpu_has_pat() ? "" : ", no", cpu_has_pat() ? "" : " page attribute table");
}

/* ---- the firmware ---- */

/* The segment in the interrupt vector of the BIOS's system services, INT 0x15. */
#define BIOS_SERVICES_SEGMENT (0x15 * 4 + 2)
#define ROM_SEGMENT 0xC000

/* Names the firmware. A BIOS's vectors lead into ROM; UEFI has none. (INT 0x10 tells nothing: UEFI may set its
 * vector for old video drivers.) */
const char *machine_firmware(void) {
    static const char *firmware;
    uint16_t segment;

    if (!firmware) {
        memcpy(&segment, (const void *)BIOS_SERVICES_SEGMENT, sizeof(segment));
        firmware = segment >= ROM_SEGMENT ? "BIOS" : "UEFI, or none: no BIOS vectors";
    }
    return firmware;
}

/* ---- the ways out ---- */

#define EXIT_PORT 0xF4 /* QEMU: -device isa-debug-exit,iobase=0xf4,iosize=0x04; it exits with 2 * value + 1 */
#define EXIT_SUCCESS 0x10
#define EXIT_FAILURE 0x11
#define PORT_ABSENT 0xFF

static void (*before_exit)(void);

/* Calls FN, once, before the machine is left. */
void machine_before_exit(void (*fn)(void)) { before_exit = fn; }

/* Once even when FN panics, which leaves the machine too. */
static void prepare_exit(void) {
    void (*fn)(void) = before_exit;

    before_exit = NULL;
    if (fn)
        fn();
}

bool machine_has_exit_port(void) { return inb(EXIT_PORT) != PORT_ABSENT; }

/* Leaves by the exit port, or says that there is none and halts. */
void machine_exit(bool ok) {
    prepare_exit();
    if (machine_has_exit_port())
        outb(EXIT_PORT, ok ? EXIT_SUCCESS : EXIT_FAILURE);
    else
        kprintf("quire: no exit port: halted\n");
    for (;;) {
        cli();
        halt();
    }
}

#define KEYBOARD_STATUS 0x64 /* read: bit 1 is set while the input buffer is full; write: a command */
#define INPUT_FULL 2
#define PULSE_RESET 0xFE
#define PATIENCE 100000

/* The keyboard controller pulses the processor's reset line. Where there is none, a breakpoint without an IDT
 * is a triple fault, which resets too (SDM vol. 3, 6.15, "Interrupt 8"). */
void machine_reset(void) {
    static const struct descriptor_table no_idt = {0, 0};

    prepare_exit();
    for (unsigned i = 0; i < PATIENCE && inb(KEYBOARD_STATUS) & INPUT_FULL; i++)
        ;
    outb(KEYBOARD_STATUS, PULSE_RESET);
    for (unsigned i = 0; i < PATIENCE; i++)
        inb(KEYBOARD_STATUS);
    lidt(&no_idt);
    for (;;)
        breakpoint();
}
