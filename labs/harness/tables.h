/* Page tables that a test makes by hand, in a simulated machine of 16 MiB, and what must be true of them afterwards. A lab's
 * machine.h includes this. */
#ifndef QUIRE_LABS_TABLES_H
#define QUIRE_LABS_TABLES_H

#include "check.h"
#include "frames.h"
#include "memlayout.h"
#include "tests/host/mmu.h"
#include "vmem.h"

#include <stdio.h>
#include <string.h>

#define AS_NUMBER(va) ((unsigned)(uintptr_t)(va))
#define AT(address) ((char *)(uintptr_t)(address))

#define NOBODYS 0x2000000u /* frames from here on are no memory of pm's: a device's, say */

static const size_t entry_bits = FRAME_PAGES + 1;

/* What a table's record says that it has, and how many pages the frame PA's record counts. */
static inline unsigned entries_counted(paddr_t table) { return (*frame_at(table) & ~FRAME_KIND) / entry_bits; }
static inline unsigned pages_counted(paddr_t pa) { return *frame_at(pa) & FRAME_PAGES; }

static inline paddr_t pde_place(unsigned va) { return pa_frame(get_page_directory()) + (va >> 22) * 4; }

/* The physical address of VA's entry. */
static inline paddr_t pte_place(unsigned va) {
    CHECK(mmu_word(pde_place(va)) & PTE_PRESENT, "PD[%u] is absent: the page table of 0x%08x is gone", va >> 22, va);
    return entry_frame(mmu_word(pde_place(va))) + (va >> 12 & 1023) * 4;
}

static inline unsigned entry_at(unsigned va) { return mmu_word(pte_place(va)); }
static inline unsigned without_status(unsigned entry) { return entry & ~(PTE_ACCESSED | PTE_DIRTY); }

/* Maps VA's page to the frame PA, as if it had been so for long. */
static inline void map_by_hand(unsigned va, paddr_t pa, unsigned flags) {
    mmu_set_word(pte_place(va), pa | flags | PTE_PRESENT);
    *frame_at(entry_frame(mmu_word(pde_place(va)))) += FRAME_ENTRY;
    if (!(flags & VMEM_VIEW))
        *frame_at(pa) += FRAME_PAGE;
}

/* A page table for VA's 4 MiB, with nothing in it. */
static inline paddr_t empty_table_by_hand(unsigned va) {
    paddr_t frame = pm_alloc_page();
    for (unsigned i = 0; i < ENTRIES_PER_TABLE; i++)
        mmu_set_word(frame + i * 4, 0);
    *frame_at(frame) = FRAME_TABLE;
    mmu_set_word(pde_place(va), frame | PTE_PRESENT | PTE_WRITE | PTE_USER);
    return frame;
}

/* The same, but its last page is mapped, so it never becomes empty. */
static inline paddr_t table_by_hand(unsigned va) {
    paddr_t frame = empty_table_by_hand(va);
    map_by_hand(va | 0x3FF000, NOBODYS + 0x100000, PTE_WRITE);
    return frame;
}

/* 16 MiB, less what a PC withholds, the kernel, and [0x200000, 0x200000 + MODULE). */
static inline void start_paged(unsigned module) {
    static memmap_frames ram;
    mmu_reset();
    bitmap_fill(ram, 0, 0x9F, true);
    bitmap_fill(ram, LOW_MEMORY_END / PAGE_SIZE, 4096, true);
    pm_init(ram);
    pm_reserve(KERNEL_START, 0x138000);
    pm_reserve(0x200000, 0x200000 + module);
    vmem_init();
}

/* ---- what was there before ---- */

static struct {
    unsigned pages[1 << 20];
    size_t free;
} before;

static inline void remember(void) {
    mmu_lookup_all(before.pages);
    before.free = pm_count().free;
    mmu_event_count = 0;
}

/* All is as it was remembered, but for the N pages at VA. (The window follows the tables.) */
static inline void check_rest(const char *what, unsigned va, size_t n) {
    static unsigned now[1 << 20];
    mmu_lookup_all(now);
    for (unsigned vpn = 0; vpn < WINDOW_START >> 12; vpn++)
        CHECK(now[vpn] == before.pages[vpn] || (vpn >= va >> 12 && vpn < (va >> 12) + n),
              "%s: the page 0x%08x, which is none of those asked for, was 0x%08x and is 0x%08x", what, vpn << 12, before.pages[vpn],
              now[vpn]);
}

/* As many frames are free as were remembered. */
static inline void check_free(const char *what) {
    int lost = (int)(before.free - pm_count().free);
    CHECK(lost <= 0, "%s, and frames are lost (%d): all that was taken by then must go back", what, lost);
    CHECK(lost == 0, "%s, and pm has more frames than before (%d): they were given back, and somebody still has them", what, -lost);
}

/* After a call that came to nothing. */
static inline void check_nothing_changed(const char *what) {
    static unsigned now[1 << 20];
    mmu_lookup_all(now);
    for (unsigned vpn = 0; vpn < WINDOW_START >> 12; vpn++)
        CHECK(now[vpn] == before.pages[vpn], "%s, but the page 0x%08x was 0x%08x and is 0x%08x: before its first change a call must "
              "check all that it is asked for, and count what it needs", what, vpn << 12, before.pages[vpn], now[vpn]);
    check_free(what);
}

/* ---- the TLB ---- */

/* Which event last wrote VA's entry, and which one last made the processor forget VA's page; counted from 1, 0 for none. */
static inline void find_events(unsigned va, size_t *written, size_t *flushed) {
    *written = *flushed = 0;
    for (size_t i = 0; i < mmu_event_count; i++) {
        const struct mmu_event *event = &mmu_events[i];
        if (event->kind == MMU_WRITE && event->where == pte_place(va))
            *written = i + 1;
        if ((event->kind == MMU_FLUSH && event->where >> 12 == va >> 12) || event->kind == MMU_SET_DIRECTORY)
            *flushed = i + 1;
    }
}

/* The processor must have been told to forget VA's page since its entry was last written. DOING names what was done. */
static inline void check_flushed(const char *doing_what, unsigned va) {
    size_t written, flushed;
    find_events(va, &written, &flushed);
    CHECK(flushed, "%s: the processor may still use its old entry: nothing flushed 0x%08x", doing_what, va);
    CHECK(flushed > written,
          "%s: 0x%08x was flushed before its entry was changed: the processor may have loaded the old one again", doing_what, va);
}

static inline bool is_flushed(unsigned va) {
    size_t written, flushed;
    find_events(va, &written, &flushed);
    return flushed > 0;
}

/* Whether VA's entry was written, and the processor has been made to forget it since. */
static inline bool is_forgotten(unsigned va) {
    size_t written, flushed;
    find_events(va, &written, &flushed);
    return written && flushed > written;
}

#endif
