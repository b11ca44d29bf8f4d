/* Lab frames, exercise bitmap: pm_alloc_page. */
#include "machine.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>

static uint32_t seen[FRAMES_MAX / 32];

/* Takes a frame that must be a good one. */
static paddr_t take(void) {
    doing("pm_alloc_page(), with %u frames free, %zu of them in the magazine", FREE_COUNT(), pm_recents);
    paddr_t pa = pm_alloc_page();
    if (pa == PADDR_NONE)
        return pa;
    CHECK(!(pa & PAGE_MASK), "pm_alloc_page returned 0x%08x, which is no frame's address: a frame's number is not its address",
          pa);
    pfn_t pfn = pa_to_pfn(pa);
    CHECK(!bitmap_test(seen, pfn), "frame 0x%08x is handed out twice: once it is handed out it is no longer available", pa);
    bitmap_fill(seen, pfn, pfn + 1, true);
    CHECK(bitmap_test(ram, pfn), "frame 0x%08x is handed out, but there is no memory", pa);
    CHECK(pfn >= LOW_FRAMES, "frame 0x%08x is handed out, but it lies below 1 MiB", pa);
    return pa;
}

CASE(hands_out_free_frames) {
    start_machine(16, 200);
    for (unsigned i = 0; i < 100; i++) {
        paddr_t pa = take();
        CHECK(pa != PADDR_NONE, "pm_alloc_page found no frame, with %u free", FREE_COUNT());
        CHECK(pa >= KERNEL_START + 200 * PAGE_SIZE, "frame 0x%08x is handed out, but it is reserved: the kernel lies there", pa);
    }
}

static void drain(unsigned mib, unsigned withheld) {
    start_machine(mib, withheld);
    unsigned free = FREE_COUNT(), got = 0;
    while (got <= free && take() != PADDR_NONE)
        got++;
    CHECK(got == free, "%u frames were free, but pm_alloc_page handed out %u before it said that there are no more", free,
          got);
    for (int i = 0; i < 3; i++)
        CHECK(pm_alloc_page() == PADDR_NONE, "memory has run out, but pm_alloc_page returned a frame");
    CHECK(FREE_COUNT() == 0, "every frame is handed out, but pm_count calls %u free", FREE_COUNT());
}

CASE(each_frame_once_then_none) { drain(16, 200); }

CASE(no_frame_is_forgotten) {
    start_machine(16, 200);
    memset(ram, 0, sizeof ram);
    for (pfn_t pfn = LOW_FRAMES; pfn < 4096; pfn += random_between(1, 70)) /* lone frames, most words empty or with one */
        bitmap_fill(ram, pfn, pfn + 1, true);
    bitmap_fill(ram, FRAMES_MAX - 1, FRAMES_MAX, true); /* and the last below 4 GiB */
    pm_init(ram);
    unsigned free = FREE_COUNT(), got = 0;
    while (got <= free && take() != PADDR_NONE)
        got++;
    CHECK(got == free, "%u lone frames were free, but pm_alloc_page found %u", free, got);
}

CASE(counts_are_exact) {
    start_machine(16, 200);
    struct pm_counts before = pm_count();
    for (unsigned i = 1; i <= 300; i++) {
        CHECK(take() != PADDR_NONE, "pm_alloc_page found no frame, with %u free", FREE_COUNT());
        CHECK(FREE_COUNT() == before.free - i, "%u frames were free, and %u are handed out, but pm_count calls %u free",
              (unsigned)before.free, i, FREE_COUNT());
    }
    struct pm_counts after = pm_count();
    CHECK(after.total == before.total && after.reserved == before.reserved,
          "handing out a frame changes neither the frames in all nor the reserved ones");
    memset(pm_frames, 0, sizeof pm_frames);
    pm_record_frames();
    for (pfn_t pfn = 0; pfn < 4096; pfn++) /* what was handed out before the records were is called reserved there */
        if (bitmap_test(seen, pfn))
            set_out(pfn);
    check_invariants("after 300 frames are handed out", false);
}

/* ---- before vmem_init there are no records ---- */

static void on_fault(int signal, siginfo_t *info, void *context) {
    uintptr_t at = (uintptr_t)info->si_addr, start = (uintptr_t)pm_frames;
    (void)signal, (void)context;
    if (at >= start && at < start + sizeof pm_frames)
        wrong("pm_alloc_page touches the record of frame 0x%08x before vmem_init has mapped the records: only frames that come "
              "from the magazine have one for certain",
              (unsigned)(at - start) / 4 * PAGE_SIZE);
    wrong("an access through a wild pointer at 0x%08x", (unsigned)at);
}

CASE(works_before_the_records_are_there) {
    start_machine(16, 200);
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &action, NULL);
    CHECK(mprotect(pm_frames, sizeof pm_frames, PROT_NONE) == 0, "mprotect");
    for (unsigned i = 0; i < 100; i++)
        CHECK(take() != PADDR_NONE, "pm_alloc_page found no frame, with %u free", FREE_COUNT());
}

/* ---- the magazine ---- */

CASE(frames_in_the_magazine_come_again) {
    start_machine(2, 200);
    start_records();
    for (pfn_t pfn = LOW_FRAMES; pfn < LOW_FRAMES + 50; pfn++) {
        set_out(pfn);
        pm_take_back(pfn_to_pa(pfn));
    }
    unsigned free = FREE_COUNT(), got = 0;
    for (paddr_t pa; (pa = take()) != PADDR_NONE; got++) {
        CHECK(got < free, "more frames are handed out than were free");
        CHECK(pm_state(pa) == PM_USED,
              "frame 0x%08x is handed out, but its record still calls it free: one that leaves the magazine is FRAME_PLAIN", pa);
    }
    CHECK(got == free, "%u frames were free, 50 of them in the magazine, but pm_alloc_page handed out %u", free, got);
}

static void call_alloc(uintptr_t a, uintptr_t b) {
    (void)a, (void)b;
    pm_alloc_page();
}

CASE(refuses_in_an_interrupt) {
    start_machine(16, 200);
    unsigned free = FREE_COUNT();
    irqs_served = 1;
    MUST_PANIC(call_alloc, 0, 0, "pm_alloc_page hands out a frame in an interrupt handler, which may have interrupted it half-way");
    irqs_served = 0;
    CHECK(FREE_COUNT() == free, "pm_alloc_page refused, but has changed the count before");
    CHECK(take() != PADDR_NONE, "pm_alloc_page found no frame, with %u free", FREE_COUNT());
}
