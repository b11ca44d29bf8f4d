/* The machine as a whole: what the processor can do, and how to leave it. */
#ifndef QUIRE_MACHINE_H
#define QUIRE_MACHINE_H

#include "types.h"

/* Brings control registers to a known state, whatever firmware left: CR4 clear (where there is one), long
 * mode off, the FPU usable, caches on, CR0.WP, DF and NT clear, PAT entry 1 write-combining (where there is a
 * PAT); and starts the timer. First of all in kmain: machine_ticks counts from here. With paging off. */
void machine_init(void);

/* Panics, in words, where the processor is not at least a 486; else says what it is, and what it lacks that
 * Quire then does without. */
void machine_check_cpu(void);

/* The processor in words, NUL-ended, cut to SIZE. */
#define CPU_TEXT 72
void cpu_describe(char *text, size_t size);

/* The name that the processor gives itself (SDM vol. 2, table 3-8, leaf 0x80000002), or "". */
#define CPU_BRAND 48
void cpu_brand(char brand[CPU_BRAND + 1]);

bool cpu_has_cpuid(void);
bool cpu_has_tsc(void);
bool cpu_has_cr4(void);
bool cpu_has_pat(void);

/* True when pages mapped VMEM_WRITE_THROUGH are write-combining. */
bool machine_write_combines(void);

/* "BIOS" where its interrupt vectors are there, else "UEFI" in words that say how sure that is. First asked
 * with paging off: the vectors lie in page 0. */
const char *machine_firmware(void);

/* Ticks of the time-stamp counter since machine_init; 0 without one. */
uint64_t machine_ticks(void);

/* Leaves by QEMU's isa-debug-exit port 0xF4: OK is QEMU's exit code 33, otherwise 35. Where the port is
 * absent (it reads 0xFF) it says so and halts. */
void machine_exit(bool ok) __attribute__((noreturn));
bool machine_has_exit_port(void);

/* Resets the machine. */
void machine_reset(void) __attribute__((noreturn));

/* Calls FN, once, before machine_exit and machine_reset. */
void machine_before_exit(void (*fn)(void));

#endif
