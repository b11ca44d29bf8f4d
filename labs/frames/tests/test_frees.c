/* Lab frames, exercise frees: pm_free_page. Good frees and every kind of wrong one. */
#include "machine.h"

#define OUT (LOW_FRAMES + 100) /* the first frame that is out */
#define OUTS 1500u

static void call_free(uintptr_t pa, uintptr_t b) {
    (void)b;
    pm_free_page((paddr_t)pa);
}

static void start(void) {
    start_machine(16, 100 + OUTS);
    start_records();
    for (pfn_t pfn = OUT; pfn < OUT + OUTS; pfn++)
        set_out(pfn);
}

/* Frees frame PFN, and looks at the result. */
static void give(pfn_t pfn) {
    paddr_t pa = pfn_to_pa(pfn);
    unsigned free = FREE_COUNT();
    doing("pm_free_page(0x%08x), with %zu frames in the magazine", pa, pm_recents);
    pm_free_page(pa);
    CHECK(FREE_COUNT() == free + 1, "frame 0x%08x was given back, but pm_count calls %u frames free, as many as %s", pa,
          FREE_COUNT(), FREE_COUNT() == free ? "before" : "it should not");
    CHECK(times_free(pa) != 0, "frame 0x%08x was given back, but it is neither in the bitmap nor in the magazine: it is lost",
          pa);
    CHECK(times_free(pa) == 1, "frame 0x%08x was given back once, but can be handed out %u times: either the magazine or the "
          "bitmap has it, not both", pa, times_free(pa));
    CHECK(pm_state(pa) == PM_FREE,
          "frame 0x%08x was given back, but its record does not say so: in the magazine it is FRAME_RECENT, in the bitmap "
          "FRAME_PLAIN", pa);
}

CASE(a_frame_goes_back) {
    start();
    for (pfn_t pfn = OUT; pfn < OUT + 40; pfn += 3)
        give(pfn);
    check_invariants("after frames were given back", true);
}

CASE(more_than_the_magazine_holds) {
    start();
    for (pfn_t pfn = OUT; pfn < OUT + OUTS; pfn++) {
        give(pfn);
        CHECK(pm_recents <= RECENT_MAX, "the magazine holds %u frames, and there are %zu in it: the next must go to the bitmap",
              RECENT_MAX, pm_recents);
    }
    check_invariants("after more frames were given back than the magazine holds", true);
}

/* PA may not be freed. */
static void refuse(paddr_t pa, const char *what) {
    static frame_t records[FRAMES_MAX];
    unsigned free = FREE_COUNT();
    size_t recents = pm_recents;
    memcpy(records, pm_frames, sizeof records);
    doing("pm_free_page(0x%08x), which must be refused: %s", pa, what);
    MUST_PANIC(call_free, pa, 0, "freeing 0x%08x is no panic, but %s", pa, what);
    CHECK(FREE_COUNT() == free && pm_recents == recents && !memcmp(records, pm_frames, sizeof records),
          "freeing 0x%08x is refused (%s), but something was changed before: every check comes before the first change", pa,
          what);
}

/* That a good frame is still taken: refusing all is no answer. */
static void accept(void) { give(OUT + 77); }

CASE(twice) {
    start();
    give(OUT);
    refuse(pfn_to_pa(OUT), "it is free already, and in the magazine: freed twice");
    accept();
}

CASE(twice_when_it_is_in_the_bitmap) {
    start();
    give(OUT + 1);
    pm_make_room(RECENT_MAX);
    refuse(pfn_to_pa(OUT + 1), "it is free already, and in the bitmap: freed twice");
    refuse(pfn_to_pa(LOW_FRAMES + 3000), "it is free, and never was handed out");
    accept();
}

CASE(unaligned) {
    start();
    refuse(pfn_to_pa(OUT) + 4, "it is no frame's address: not page-aligned");
    refuse(pfn_to_pa(OUT) + 0x800, "it is no frame's address: not page-aligned");
    accept();
}

CASE(foreign_frames) {
    start();
    refuse(KERNEL_START, "it is reserved: the kernel lies there");
    refuse(0x1000, "it lies below 1 MiB, which is never handed out");
    refuse(0, "it is frame 0, or PADDR_NONE, which is no frame");
    refuse(0xB8000, "there is no memory, but the screen");
    refuse(0xFFFFF000, "there is no memory");
    accept();
}

CASE(mapped_frames) {
    start();
    *frame_at(pfn_to_pa(OUT + 2)) += FRAME_PAGE;
    refuse(pfn_to_pa(OUT + 2), "a page is still mapped to it");
    accept();
}

CASE(tables_and_directories) {
    start();
    frame_set_kind(pfn_to_pa(OUT + 3), FRAME_TABLE);
    *frame_at(pfn_to_pa(OUT + 3)) += FRAME_ENTRY;
    frame_set_kind(pfn_to_pa(OUT + 4), FRAME_DIRECTORY);
    refuse(pfn_to_pa(OUT + 3), "it is a page table, and linked");
    refuse(pfn_to_pa(OUT + 4), "it is a page directory");
    accept();
}

CASE(in_an_interrupt) {
    start();
    irqs_served = 1;
    refuse(pfn_to_pa(OUT), "an interrupt handler calls it, which may have interrupted it half-way");
    irqs_served = 0;
    accept();
}
