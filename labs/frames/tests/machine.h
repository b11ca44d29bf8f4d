/* For the tests of pm: a machine's memory as they like it, with the records that vmem_init would have mapped.
 *
 * A frame that is "out" was handed out, though no function that is to be written has done so: it is withheld by pm_reserve,
 * and its record then says that it is in use. */
#ifndef QUIRE_LABS_MACHINE_H
#define QUIRE_LABS_MACHINE_H

#include "check.h"
#include "frames.h"
#include "interrupt.h"
#include "memlayout.h"

#include <stdio.h>
#include <string.h>

#define MIB_FRAMES 256u
#define LOW_FRAMES (LOW_MEMORY_END / PAGE_SIZE)

frame_t pm_frames[FRAMES_MAX] __attribute__((aligned(4096)));
static memmap_frames ram;

extern const char *check_panic_text(void);

/* MIB MiB of memory, but for the usual hole below 1 MiB; from 1 MiB on [0, WITHHELD) frames are reserved. */
static void start_machine(unsigned mib, unsigned withheld) {
    memset(ram, 0, sizeof ram);
    bitmap_fill(ram, 0, 0x9F, true);
    bitmap_fill(ram, LOW_FRAMES, mib * MIB_FRAMES, true);
    pm_init(ram);
    pm_reserve(KERNEL_START, KERNEL_START + (uint64_t)withheld * PAGE_SIZE);
}

/* What vmem_init does with the records. */
static inline void start_records(void) {
    memset(pm_frames, 0, sizeof pm_frames);
    pm_record_frames();
}

static inline void set_out(pfn_t pfn) { frame_set_kind(pfn_to_pa(pfn), FRAME_PLAIN); }

static inline void check_pm(uintptr_t a, uintptr_t b) {
    (void)a, (void)b;
    pm_check();
}

/* pm's own check of its invariants. OUT: there are frames that are out; the reserved ones are then counted otherwise. */
static void check_invariants(const char *when, bool out) {
    if (check_panics(check_pm, 0, 0) && !(out && strstr(check_panic_text(), "found.reserved ==")))
        wrong("%s, pm's own books do not agree (pm_check): %s", when, check_panic_text());
}

#define FREE_COUNT() ((unsigned)pm_count().free)

/* How often the frame at PA can be had: in the bitmap, and in the magazine. */
static inline unsigned times_free(paddr_t pa) {
    unsigned times = bitmap_test(pm_available, pa_to_pfn(pa));
    for (size_t i = 0; i < pm_recents; i++)
        times += pm_recent[i] == pa;
    return times;
}

#endif
