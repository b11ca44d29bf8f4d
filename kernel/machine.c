/* The machine as a whole: control registers in a known state, clocks started, and the way out. */
#include "machine.h"

#include "cpu.h"
#include "log.h"
#include "timer.h"

#define EXIT_PORT 0xF4 /* QEMU: -device isa-debug-exit,iobase=0xf4,iosize=0x04; it exits with 2 * value + 1 */
#define EXIT_SUCCESS 0x10
#define EXIT_FAILURE 0x11
#define PORT_ABSENT 0xFF

/* CPUID.1:EDX (SDM vol. 2, table 3-11). A processor with any feature that CR4 controls has a CR4: VME, DE,
 * PSE, TSC, PAE, MCE, PGE, FXSR. */
#define CPUID_TSC (1u << 4)
#define CPUID_CR4 (1u << 1 | 1u << 2 | 1u << 3 | 1u << 4 | 1u << 6 | 1u << 7 | 1u << 13 | 1u << 24)

static uint64_t start_ticks;

/* CPUID is there where EFLAGS.ID can be changed (SDM vol. 1, 20.1.1). */
bool cpu_has_cpuid(void) {
    unsigned before = read_eflags();

    write_eflags(before ^ EFLAGS_ID);
    unsigned changed = read_eflags() ^ before;
    write_eflags(before);
    return changed & EFLAGS_ID;
}

static unsigned features(void) {
    if (!cpu_has_cpuid() || cpuid(0).eax < 1)
        return 0;
    return cpuid(1).edx;
}

bool cpu_has_tsc(void) { return features() & CPUID_TSC; }

bool cpu_has_cr4(void) { return features() & CPUID_CR4; }

uint64_t machine_ticks(void) { return cpu_has_tsc() ? rdtsc() - start_ticks : 0; }

void machine_init(void) {
    if (cpu_has_cr4())
        write_cr4(0);
    start_ticks = cpu_has_tsc() ? rdtsc() : 0; /* with CR4.TSD clear: else RDTSC may be refused */
    write_eflags(0);
    unsigned cr0 = read_cr0() & ~(CR0_EM | CR0_TS | CR0_WP | CR0_AM | CR0_NW | CR0_CD);
    write_cr0(cr0 | CR0_MP | CR0_NE);
    fninit();
    timer_init();
}

bool machine_has_exit_port(void) { return inb(EXIT_PORT) != PORT_ABSENT; }

void machine_exit(bool ok) {
    if (machine_has_exit_port())
        outb(EXIT_PORT, ok ? EXIT_SUCCESS : EXIT_FAILURE);
    else
        kprintf("quire: no exit port: halted\n");
    for (;;) {
        cli();
        halt();
    }
}
