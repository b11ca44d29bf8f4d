/* The machine as a whole: control registers in a known state, clocks started, and the way out. */
#include "machine.h"

#include "cpu.h"
#include "format.h"
#include "log.h"
#include "panic.h"
#include "string.h"
#include "timer.h"

#define EXIT_PORT 0xF4 /* QEMU: -device isa-debug-exit,iobase=0xf4,iosize=0x04; it exits with 2 * value + 1 */
#define EXIT_SUCCESS 0x10
#define EXIT_FAILURE 0x11
#define PORT_ABSENT 0xFF

/* CPUID.1:EDX (SDM vol. 2, table 3-11). A processor with any feature that CR4 controls has a CR4: VME, DE,
 * PSE, TSC, PAE, MCE, PGE, FXSR. */
#define CPUID_TSC (1u << 4)
#define CPUID_PAT (1u << 16)
#define CPUID_CR4 (1u << 1 | 1u << 2 | 1u << 3 | 1u << 4 | 1u << 6 | 1u << 7 | 1u << 13 | 1u << 24)

/* The page attribute table (SDM vol. 3, 11.12.2): as after reset, but for entry 1, which is write-combining.
 * The upper half repeats the lower: some processors take an entry of one for the other's, and a reader of
 * this need not know which. */
#define MSR_PAT 0x277
#define PAT_HALF 0x00070106u /* 3: uncacheable; 2: uncached; 1: write-combining; 0: write-back */

/* Long mode's enable bit (SDM vol. 3, 2.2.1), and where CPUID tells that there is one: 80000001:EDX. */
#define MSR_EFER 0xC0000080
#define EFER_LME (1u << 8)
#define CPUID_LONG_MODE (1u << 29)

/* The segment in the interrupt vector of the BIOS's system services, INT 0x15. */
#define BIOS_SERVICES_SEGMENT (0x15 * 4 + 2)
#define ROM_SEGMENT 0xC000

static uint64_t start_ticks;
static bool write_combines;

static bool can_change(unsigned flag) {
    unsigned before = read_eflags();

    write_eflags(before ^ flag);
    unsigned changed = read_eflags() ^ before;
    write_eflags(before);
    return changed & flag;
}

/* SDM vol. 1, 20.1.1. */
bool cpu_has_cpuid(void) { return can_change(EFLAGS_ID); }

/* The 486 brought alignment checks, and with them EFLAGS.AC; INVLPG, BSWAP and CR0.WP came with it too. */
static bool cpu_is_486(void) { return can_change(EFLAGS_AC); }

static unsigned features(void) {
    if (!cpu_has_cpuid() || cpuid(0).eax < 1)
        return 0;
    return cpuid(1).edx;
}

bool cpu_has_tsc(void) { return features() & CPUID_TSC; }

bool cpu_has_cr4(void) { return features() & CPUID_CR4; }

bool cpu_has_pat(void) { return features() & CPUID_PAT; }

static bool cpu_has_long_mode(void) {
    return cpu_has_cpuid() && cpuid(0x80000000).eax > 0x80000000 && cpuid(0x80000001).edx & CPUID_LONG_MODE;
}

bool machine_write_combines(void) { return write_combines; }

uint64_t machine_ticks(void) { return cpu_has_tsc() ? rdtsc() - start_ticks : 0; }

/* As SDM vol. 3, 11.12.4 wants it, by the procedure of 11.11.8: no cache is on or full meanwhile. The TLB is
 * empty, since paging is off. */
static void set_pat(void) {
    unsigned cr0 = read_cr0();

    write_cr0((cr0 & ~CR0_NW) | CR0_CD);
    wbinvd();
    wrmsr(MSR_PAT, (uint64_t)PAT_HALF << 32 | PAT_HALF);
    wbinvd();
    write_cr0(cr0);
    write_combines = true;
}

/* A 64-bit loader may have left it on: then setting CR0.PG would be a general protection fault, since CR4.PAE
 * is clear (SDM vol. 3, 9.8.5). */
static void leave_long_mode(void) {
    if (cpu_has_long_mode())
        wrmsr(MSR_EFER, rdmsr(MSR_EFER) & ~(uint64_t)EFER_LME);
}

void machine_init(void) {
    if (cpu_has_cr4())
        write_cr4(0);
    leave_long_mode();
    start_ticks = cpu_has_tsc() ? rdtsc() : 0;
    write_eflags(0);
    if (cpu_has_pat())
        set_pat();
    unsigned cr0 = read_cr0() & ~(CR0_EM | CR0_TS | CR0_WP | CR0_AM | CR0_NW | CR0_CD);
    write_cr0(cr0 | CR0_MP | CR0_NE);
    fninit();
    timer_init();
}

/* CPUID leaf 1, EAX: SDM vol. 2, figure 3-6. */
void cpu_describe(char *text, size_t size) {
    if (!cpu_has_cpuid()) {
        format_buffer(text, size, "486, without CPUID");
        return;
    }
    struct cpuid name = cpuid(0);
    unsigned version = name.eax >= 1 ? cpuid(1).eax : 0, family = version >> 8 & 15;
    unsigned model = version >> 4 & 15;

    if (family == 6 || family == 15)
        model |= version >> 12 & 0xF0;
    if (family == 15)
        family += version >> 20 & 0xFF;
    format_buffer(text, size, "%.4s%.4s%.4s, family %u, model %u, stepping %u", (char *)&name.ebx,
                  (char *)&name.edx, (char *)&name.ecx, family, model, version & 15);
}

void cpu_brand(char brand[CPU_BRAND + 1]) {
    brand[0] = brand[CPU_BRAND] = '\0';
    if (!cpu_has_cpuid() || cpuid(0x80000000).eax < 0x80000004 || cpuid(0x80000000).eax >> 31 == 0)
        return;
    for (unsigned i = 0; i < 3; i++) {
        struct cpuid part = cpuid(0x80000002 + i);
        memcpy(brand + i * sizeof(part), &part, sizeof(part));
    }
}

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

/* Under a BIOS its vectors lead into ROM; UEFI has none. (INT 0x10 tells nothing: UEFI may put one there, for
 * old video drivers.) */
const char *machine_firmware(void) {
    static const char *firmware;
    uint16_t segment;

    if (!firmware) {
        memcpy(&segment, (const void *)BIOS_SERVICES_SEGMENT, sizeof(segment));
        firmware = segment >= ROM_SEGMENT ? "BIOS" : "UEFI, or none: no BIOS vectors";
    }
    return firmware;
}

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
