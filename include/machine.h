/* The machine as a whole: a known state to start from, and the ways out. */
#ifndef QUIRE_MACHINE_H
#define QUIRE_MACHINE_H

#include "types.h"

/* Puts in order what a boot loader may leave in any state (Multiboot 0.6.96, 3.2): control, debug and
 * model-specific registers, the FPU, the local APIC and the timers. Afterwards CR4 and EFER are 0, so that no
 * page is global or larger than 4 KiB and INVLPG drops every cached directory entry; caches are on; CR0.WP is
 * clear, vmem_init's to set; and PAT entry 1 is write-combining where there is a PAT. With paging off, after
 * trap_init: a debug register may cause a debug exception when it is written. */
void machine_init(void);

/* Panics, in words, where the processor is not at least a 486. Otherwise logs what it is, and what it lacks
 * that Quire then does without. */
void machine_check_cpu(void);

/* True when pages mapped VMEM_WRITE_COMBINING are write-combining. */
bool machine_write_combines(void);

/* "BIOS" where its interrupt vectors are there, else "UEFI" in words that say how sure that is. First called
 * with paging off: the vectors lie in page 0. */
const char *machine_firmware(void);

/* Leaves by QEMU's isa-debug-exit port 0xF4: OK is QEMU's exit code 33, otherwise 35. Where the port is absent
 * (it reads 0xFF) it says so and halts. */
void machine_exit(bool ok) __attribute__((noreturn));
bool machine_has_exit_port(void);

/* Resets the machine. */
void machine_reset(void) __attribute__((noreturn));

/* Calls FN, once, before machine_exit and machine_reset leave. */
void machine_before_exit(void (*fn)(void));

#endif
