/* What the processor can do: EFLAGS bits that change, and CPUID (SDM vol. 2, CPUID). */
#include "cpuid.h"

#include "cpu.h"
#include "format.h"
#include "string.h"

/* CPUID.1:EDX (SDM vol. 2, table 3-11). */
#define FEATURE_TSC (1u << 4)
#define FEATURE_MSR (1u << 5)
#define FEATURE_APIC (1u << 9)
#define FEATURE_SEP (1u << 11)
#define FEATURE_PAT (1u << 16)
/* A processor with any feature that CR4 controls has a CR4: VME, DE, PSE, TSC, PAE, MCE, PGE, FXSR. */
#define FEATURES_CR4 (1u << 1 | 1u << 2 | 1u << 3 | 1u << 4 | 1u << 6 | 1u << 7 | 1u << 13 | 1u << 24)

/* CPUID.80000001:EDX. EFER came with SYSCALL, and holds the enable bits of all three. */
#define EXTENDED_SYSCALL (1u << 11)
#define EXTENDED_NX (1u << 20)
#define EXTENDED_LONG_MODE (1u << 29)

#define EXTENDED_LEAVES 0x80000000u

/* ---- features ---- */

static bool can_change(unsigned flag) {
    unsigned before = read_eflags();

    write_eflags(before ^ flag);
    unsigned changed = read_eflags() ^ before;
    write_eflags(before);
    return changed & flag;
}

/* The 486 brought alignment checks and their flag, EFLAGS.AC; INVLPG, BSWAP and CR0.WP came with it too. */
bool cpu_is_486(void) { return can_change(EFLAGS_AC); }

/* SDM vol. 1, 20.1.1. */
bool cpu_has_cpuid(void) { return can_change(EFLAGS_ID); }

/* CPUID.1:EDX, or 0 where there is no CPUID. */
unsigned cpu_features(void) {
    if (!cpu_has_cpuid() || cpuid(0).eax < 1)
        return 0;
    return cpuid(1).edx;
}

/* True where the extended leaf LEAF is there. Processors without extended leaves answer with a basic one. */
static bool has_leaf(unsigned leaf) {
    if (!cpu_has_cpuid())
        return false;
    unsigned last = cpuid(EXTENDED_LEAVES).eax;
    return last >= leaf && last >> 31;
}

static unsigned extended_features(void) {
    return has_leaf(EXTENDED_LEAVES + 1) ? cpuid(EXTENDED_LEAVES + 1).edx : 0;
}

/* Family, model and stepping (SDM vol. 2, figure 3-6). */
struct version {
    unsigned family, model, stepping;
};

static struct version version(void) {
    unsigned eax = cpu_has_cpuid() && cpuid(0).eax >= 1 ? cpuid(1).eax : 0;
    struct version v = {eax >> 8 & 15, eax >> 4 & 15, eax & 15};

    if (v.family == 6 || v.family == 15)
        v.model |= eax >> 12 & 0xF0;
    if (v.family == 15)
        v.family += eax >> 20 & 0xFF;
    return v;
}

bool cpu_has_tsc(void) { return cpu_features() & FEATURE_TSC; }

bool cpu_has_cr4(void) { return cpu_features() & FEATURES_CR4; }

bool cpu_has_pat(void) { return cpu_features() & FEATURE_PAT; }

bool cpu_has_apic(void) { return cpu_features() & FEATURE_APIC; }

/* The first Pentium Pros report SYSENTER and do not have it (SDM vol. 2, SYSENTER). */
bool cpu_has_sysenter(void) {
    struct version v = version();

    return cpu_features() & FEATURE_SEP && !(v.family == 6 && v.model < 3 && v.stepping < 3);
}

bool cpu_has_efer(void) {
    return extended_features() & (EXTENDED_SYSCALL | EXTENDED_NX | EXTENDED_LONG_MODE);
}

/* Intel's and AMD's processors have had them from family 6 on. */
bool cpu_has_p6_msrs(void) {
    char vendor[12];

    if (!(cpu_features() & FEATURE_MSR) || version().family < 6)
        return false;
    struct cpuid name = cpuid(0);
    memcpy(vendor, &name.ebx, 4);
    memcpy(vendor + 4, &name.edx, 4);
    memcpy(vendor + 8, &name.ecx, 4);
    return memcmp(vendor, "GenuineIntel", 12) == 0 || memcmp(vendor, "AuthenticAMD", 12) == 0;
}

/* ---- names ---- */

/* The processor in words. */
void cpu_describe(char *text, size_t size) {
    if (!cpu_has_cpuid()) {
        format_buffer(text, size, "486, without CPUID");
        return;
    }
    struct cpuid name = cpuid(0);
    struct version v = version();

    format_buffer(text, size, "%.4s%.4s%.4s, family %u, model %u, stepping %u", (char *)&name.ebx,
                  (char *)&name.edx, (char *)&name.ecx, v.family, v.model, v.stepping);
}

/* The name that the processor gives itself, or "". */
void cpu_brand(char brand[CPU_BRAND + 1]) {
    brand[0] = brand[CPU_BRAND] = '\0';
    if (!has_leaf(EXTENDED_LEAVES + 4))
        return;
    for (unsigned i = 0; i < 3; i++) {
        struct cpuid part = cpuid(EXTENDED_LEAVES + 2 + i);
        memcpy(brand + i * sizeof(part), &part, sizeof(part));
    }
}
