/* The machine's state: what machine_init promises, whatever the boot loader left. */
#include "machine.h"

#include "cpu.h"
#include "cpuid.h"
#include "ktest.h"
#include "timer.h"
#include "tsc.h"

#define MSR_SYSENTER_CS 0x174
#define MSR_DEBUGCTL 0x1D9
#define MSR_EFER 0xC0000080

#define DR7_ENABLES 0x23FFu /* breakpoints, and GD */

KTEST(machine_control_registers_are_as_promised)
{
    unsigned cr0 = read_cr0();

    KCHECK_EQ(cr0 & (CR0_PE | CR0_MP | CR0_NE | CR0_WP | CR0_PG), CR0_PE | CR0_MP | CR0_NE | CR0_WP | CR0_PG);
    KCHECK_EQ(cr0 & (CR0_EM | CR0_TS | CR0_AM | CR0_NW | CR0_CD), 0u);
    if (cpu_has_cr4())
        KCHECK_EQ(read_cr4() & ~(CR4_OSFXSR | CR4_OSXMMEXCPT), 0u); /* programs use SSE */
    KCHECK_EQ(read_eflags() & (EFLAGS_TF | EFLAGS_IF | EFLAGS_DF | EFLAGS_NT | EFLAGS_AC), 0u);
    KCHECK_EQ(read_dr7() & 0xFBFFu, 0u); /* bit 10 is reserved: 1 (SDM vol. 3, 17.2.4), but 0 in v86 */
}

KTEST(machine_specific_registers_are_as_promised)
{
    if (cpu_has_efer())
        KCHECK_EQ((unsigned)rdmsr(MSR_EFER), 0u);
    if (cpu_has_sysenter())
        KCHECK_EQ((unsigned)rdmsr(MSR_SYSENTER_CS), 0u);
    if (cpu_has_p6_msrs())
        KCHECK_EQ((unsigned)rdmsr(MSR_DEBUGCTL), 0u);
}

KTEST(tsc_never_runs_backwards)
{
    uint64_t last = tsc_ticks();

    for (unsigned i = 0; i < 1000; i++) {
        uint64_t now = tsc_ticks();
        KCHECK(now >= last);
        last = now;
    }
}

/* Whether 30 ms of the timer's own clock are about as many by tsc_milliseconds. */
static bool milliseconds_agree(void) {
    uint64_t before = tsc_ticks();

    timer_pass(TIMER_CLOCK_HZ / 1000 * 30);
    unsigned milliseconds = tsc_milliseconds(tsc_ticks() - before);
    return milliseconds >= 20 && milliseconds <= 45;
}

/* On a busy host a measurement may be interrupted, but not each of many. */
KTEST(tsc_milliseconds_are_milliseconds)
{
    if (!cpu_has_tsc())
        KSKIP("needs a time-stamp counter");
    KCHECK(timer_pass(1) > 0);
    for (unsigned i = 0; i < 20; i++)
        if (milliseconds_agree())
            return;
    KCHECK(false);
}
