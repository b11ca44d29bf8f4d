/* The local APIC (SDM vol. 3, chapter 10), of which Quire uses nothing: the 8259A's interrupts pass through it.
 *
 * Firmware or a boot loader may have left it in any state: its timer running, LINT0 masked, or devices' messages
 * on their way to vectors that are exceptions here. apic_init puts it into virtual wire mode (Intel
 * MultiProcessor Specification 1.4, 3.6.2.2), in which the processor takes the 8259A's interrupts at LINT0 and
 * NMI at LINT1, and raises the task priority to the highest, so that no fixed interrupt gets through. ExtINT
 * and NMI are not subject to it (SDM vol. 3, 10.8.3.1). */
#include "apic.h"

#include "cpu.h"
#include "cpuid.h"

#define MSR_APIC_BASE 0x1B
#define APIC_BASE_X2APIC (1u << 10)
#define APIC_BASE_ENABLED (1u << 11)
#define APIC_DEFAULT_BASE 0xFEE00000u
#define MSR_X2APIC 0x800

/* Registers, as offsets from the base (SDM vol. 3, table 10-1). In x2APIC mode register R is MSR 0x800 + R/16. */
#define VERSION 0x030
#define TASK_PRIORITY 0x080
#define SPURIOUS_VECTOR 0x0F0
#define LVT_CMCI 0x2F0
#define LVT_TIMER 0x320
#define LVT_THERMAL 0x330
#define LVT_COUNTERS 0x340
#define LVT_LINT0 0x350
#define LVT_LINT1 0x360
#define LVT_ERROR 0x370
#define TIMER_COUNT 0x380

#define SPURIOUS_ENABLED 0x100
#define SPURIOUS_VECTOR_NUMBER 0xFF
#define PRIORITY_HIGHEST 0xFF
#define LVT_MASKED 0x10000
#define LVT_NMI 0x400
#define LVT_EXTINT 0x700

static uintptr_t base; /* of the registers, or 0 in x2APIC mode */

static uint32_t read(unsigned reg) {
    return base ? *(volatile uint32_t *)(base + reg) : (uint32_t)rdmsr(MSR_X2APIC + reg / 16);
}

static void write(unsigned reg, uint32_t value) {
    if (base)
        *(volatile uint32_t *)(base + reg) = value;
    else
        wrmsr(MSR_X2APIC + reg / 16, value);
}

/* Finds the registers; false where there is no local APIC, or it is switched off: the 8259A's interrupts then
 * reach the processor directly. */
static bool find(void) {
    base = APIC_DEFAULT_BASE;
    if (!cpu_has_apic())
        return false;
    if (!cpu_has_p6_msrs())
        return true; /* a Pentium's has no base register */
    uint64_t where = rdmsr(MSR_APIC_BASE);
    if (!(where & APIC_BASE_ENABLED))
        return false;
    base = where & APIC_BASE_X2APIC ? 0 : (uintptr_t)where & ~(uintptr_t)PAGE_MASK;
    return where & APIC_BASE_X2APIC || where >> 32 == 0; /* one above 4 GiB is out of reach */
}

/* Lets the 8259A's interrupts and NMI through, and nothing else. With paging off. */
void apic_init(void) {
    if (!find())
        return;
    unsigned last_entry = read(VERSION) >> 16 & 0xFF; /* of the local vector table, counted from 0 */

    write(TASK_PRIORITY, PRIORITY_HIGHEST);
    write(SPURIOUS_VECTOR, SPURIOUS_ENABLED | SPURIOUS_VECTOR_NUMBER);
    write(LVT_TIMER, LVT_MASKED);
    write(TIMER_COUNT, 0); /* stops it */
    write(LVT_ERROR, LVT_MASKED);
    if (last_entry >= 4)
        write(LVT_COUNTERS, LVT_MASKED);
    if (last_entry >= 5)
        write(LVT_THERMAL, LVT_MASKED);
    if (last_entry >= 6)
        write(LVT_CMCI, LVT_MASKED);
    write(LVT_LINT0, LVT_EXTINT);
    write(LVT_LINT1, LVT_NMI);
}
