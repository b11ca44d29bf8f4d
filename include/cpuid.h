/* What the processor can do, and what it calls itself. */
#ifndef QUIRE_CPUID_H
#define QUIRE_CPUID_H

#include "types.h"

bool cpu_is_486(void);       /* or later */
bool cpu_has_cpuid(void);    /* the instruction CPUID */
bool cpu_has_tsc(void);      /* a time-stamp counter */
bool cpu_has_cr4(void);      /* the register CR4 */
bool cpu_has_pat(void);      /* a page attribute table */
bool cpu_has_apic(void);     /* a local APIC */
bool cpu_has_sysenter(void); /* SYSENTER and its MSRs */
bool cpu_has_efer(void);     /* the MSR EFER */
bool cpu_has_p6_msrs(void);  /* the P6 family's MSRs: IA32_APIC_BASE, IA32_DEBUGCTL */

unsigned cpu_features(void); /* CPUID.1:EDX (SDM vol. 2, table 3-11), or 0 */

/* The processor in words, NUL-ended, cut to SIZE. */
#define CPU_TEXT 72
void cpu_describe(char *text, size_t size);

/* The name that the processor gives itself (SDM vol. 2, table 3-8, leaf 0x80000002), or "". */
#define CPU_BRAND 48
void cpu_brand(char brand[CPU_BRAND + 1]);

#endif
