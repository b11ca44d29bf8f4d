/* For the tests of vmem: a simulated machine of 16 MiB, whose memory is full of what looks like present entries. */
#ifndef QUIRE_LABS_MACHINE_H
#define QUIRE_LABS_MACHINE_H

#include "check.h"
#include "memlayout.h"
#include "tests/host/mmu.h"

#include <string.h>

#define AS_NUMBER(va) ((unsigned)(uintptr_t)(va))

#define RECURSIVE_ENTRY 1023u /* the last */

static inline void start_machine(void) {
    static memmap_frames ram;
    mmu_reset();
    bitmap_fill(ram, 0, 0x9F, true);
    bitmap_fill(ram, LOW_MEMORY_END / PAGE_SIZE, 4096, true);
    pm_init(ram);
    pm_reserve(KERNEL_START, 0x138000);
    mmu_event_count = 0;
}

/* TABLE is the frame that was taken last, and the only one: 1 is all that it took. */
static inline paddr_t check_table(const void *table, size_t free_before, const char *what) {
    paddr_t frame = AS_NUMBER(table);
    CHECK(frame != 0, "%s is at 0: no frame", what);
    CHECK(frame % PAGE_SIZE == 0, "%s is at 0x%08x, which is no frame's address", what, frame);
    CHECK(frame >= 0x138000 && frame < 4096 * PAGE_SIZE && !bitmap_test(pm_available, pa_to_pfn(frame)),
          "%s is at 0x%08x, a frame that pm has not handed out: somebody else will get it", what, frame);
    CHECK(pm_count().free == free_before - 1, "%s is one frame, but %u were taken from pm", what,
          (unsigned)(free_before - pm_count().free));
    return frame;
}

/* Whether ENTRY is to FRAME, present and writable and no more; WHAT names it. */
static inline void check_entry(const char *what, unsigned entry, paddr_t frame) {
    CHECK((entry & PTE_FRAME) == frame, "%s is 0x%08x: it must lead to the frame 0x%08x", what, entry, frame);
    CHECK(entry & PTE_PRESENT, "%s is 0x%08x: without the present bit (bit 0) the processor takes nothing else in it for true",
          what, entry);
    CHECK(entry & PTE_WRITE, "%s is 0x%08x: without the write bit (bit 1) nothing behind it can be written, once CR0.WP is set",
          what, entry);
    CHECK(!(entry & PTE_USER), "%s is 0x%08x: the user bit (bit 2) lets programs in, and this is the kernel's", what, entry);
    CHECK(!(entry & 0xF98), "%s is 0x%08x: bits that have no business there are set", what, entry);
}

#endif
