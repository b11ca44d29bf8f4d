/* Lab frames, exercise runs: pm_alloc_pages and pm_free_pages. */
#include "machine.h"

static uint32_t seen[FRAMES_MAX / 32];

/* Takes a run of N that must be a good one. */
static paddr_t take(size_t n) {
    unsigned free = FREE_COUNT();
    doing("pm_alloc_pages(%zu)", n);
    paddr_t pa = pm_alloc_pages(n);
    if (pa == PADDR_NONE) {
        CHECK(FREE_COUNT() == free, "there was no run of %zu frames, but the count went from %u to %u: finding none changes nothing",
              n, free, FREE_COUNT());
        return pa;
    }
    CHECK(!(pa & PAGE_MASK), "pm_alloc_pages returned 0x%08x, which is no frame's address", pa);
    pfn_t pfn = pa_to_pfn(pa);
    CHECK(n <= FRAMES_MAX - pfn, "the run of %zu frames at 0x%08x passes the end of memory", n, pa);
    for (size_t i = 0; i < n; i++) {
        CHECK(bitmap_test(ram, pfn + i), "in the run of %zu frames at 0x%08x, frame 0x%08x is no memory", n, pa,
              pfn_to_pa(pfn + i));
        CHECK(!bitmap_test(seen, pfn + i), "frame 0x%08x is handed out twice, in a run of %zu at 0x%08x", pfn_to_pa(pfn + i), n,
              pa);
        CHECK(pm_state(pfn_to_pa(pfn + i)) == PM_USED,
              "frame 0x%08x is handed out in a run of %zu at 0x%08x, but pm_state calls it %s", pfn_to_pa(pfn + i), n, pa,
              pm_state(pfn_to_pa(pfn + i)) == PM_RESERVED ? "reserved" : "free");
    }
    bitmap_fill(seen, pfn, pfn + n, true);
    CHECK(FREE_COUNT() == free - n, "%u frames were free; after a run of %zu pm_count calls %u free", free, n, FREE_COUNT());
    return pa;
}

static void give(paddr_t pa, size_t n) {
    unsigned free = FREE_COUNT();
    doing("pm_free_pages(0x%08x, %zu)", pa, n);
    pm_free_pages(pa, n);
    CHECK(FREE_COUNT() == free + n, "%u frames were free; after %zu were given back pm_count calls %u free", free, n,
          FREE_COUNT());
    for (size_t i = 0; i < n; i++)
        CHECK(pm_state(pa + i * PAGE_SIZE) == PM_FREE && times_free(pa + i * PAGE_SIZE) == 1,
              "%zu frames at 0x%08x were given back, but frame 0x%08zx is not free, or twice", n, pa, pa + i * PAGE_SIZE);
    bitmap_fill(seen, pa_to_pfn(pa), pa_to_pfn(pa) + n, false);
}

static paddr_t must_take(size_t n) {
    paddr_t pa = take(n);
    CHECK(pa != PADDR_NONE, "there are %zu adjacent free frames, but pm_alloc_pages found none", n);
    return pa;
}

static void start(void) {
    start_machine(16, 200);
    start_records();
}

CASE(adjacent_frames) {
    start();
    for (size_t n = 1; n < 60; n++)
        must_take(n);
    check_invariants("after runs were handed out", false);
}

/* Only the frames [START, START + N) are free, and a lone one before each. */
static void one_hole(pfn_t start, size_t n) {
    memset(ram, 0, sizeof ram);
    memset(seen, 0, sizeof seen);
    for (pfn_t pfn = LOW_FRAMES + 1; pfn + 1 < start; pfn += 2)
        bitmap_fill(ram, pfn, pfn + 1, true);
    bitmap_fill(ram, start, start + n, true);
    pm_init(ram);
    start_records();
}

CASE(the_only_hole_is_found) {
    for (pfn_t start = 1000; start < 1066; start++)
        for (size_t n = 2; n < 140; n += 17) {
            one_hole(start, n);
            CHECK(take(n + 1) == PADDR_NONE, "a run of %zu frames was found where only %zu are adjacent", n + 1, n);
            CHECK(must_take(n) == pfn_to_pa(start), "a run of %zu frames was found at the wrong place", n);
        }
    one_hole(FRAMES_MAX - 40, 40);
    must_take(40);
}

CASE(none_is_found) {
    start();
    struct pm_counts counts = pm_count();
    CHECK(take(0) == PADDR_NONE, "a run of no frames is no run: PADDR_NONE");
    CHECK(take(counts.free + 1) == PADDR_NONE, "a run was found that is longer than all that is free");
    CHECK(take(SIZE_MAX) == PADDR_NONE, "a run of SIZE_MAX frames was found");
    must_take(counts.free);
    CHECK(take(1) == PADDR_NONE, "memory has run out, but pm_alloc_pages(1) found a frame");
}

CASE(until_memory_runs_out) {
    start();
    while (take(3) != PADDR_NONE) {
    }
    CHECK(FREE_COUNT() < 3, "%u adjacent frames are left, but no run of 3 was found", FREE_COUNT());
    check_invariants("when memory has run out", false);
}

/* All of memory is taken, and comes back into the magazine, frame by frame. */
CASE(frames_in_the_magazine_count) {
    start_machine(2, 100);
    start_records();
    size_t n = FREE_COUNT();
    paddr_t pa = must_take(n);
    for (size_t i = 0; i < n; i++)
        pm_take_back(pa + i * PAGE_SIZE);
    memset(seen, 0, sizeof seen);
    CHECK(FREE_COUNT() == n && pm_recents == n, "the count is wrong after frames went into the magazine");
    CHECK(take(n) == pa, "%zu adjacent frames are free, but all are in the magazine: it must be emptied into the bitmap before "
          "a search may fail", n);
    check_invariants("after the magazine was emptied", false);
}

CASE(runs_go_back) {
    start();
    paddr_t a = must_take(100), b = must_take(33);
    give(a, 100);
    give(b, 10); /* a part, and the rest */
    give(b + 10 * PAGE_SIZE, 23);
    pm_free_pages(b, 0);
    check_invariants("after runs were given back", false);
    for (int i = 0; i < 200; i++) {
        size_t n = random_between(1, 100);
        paddr_t pa = must_take(n);
        if (random_word() % 4)
            give(pa, n);
    }
    check_invariants("after many runs", false);
}

static void call_free(uintptr_t pa, uintptr_t n) { pm_free_pages((paddr_t)pa, n); }

/* A run that has a wrong frame in it. */
static void refuse(paddr_t pa, size_t n, const char *what) {
    static uint32_t bitmap[FRAMES_MAX / 32];
    unsigned free = FREE_COUNT();
    memcpy(bitmap, pm_available, sizeof bitmap);
    doing("pm_free_pages(0x%08x, %zu), which must be refused: %s", pa, n, what);
    MUST_PANIC(call_free, pa, n, "freeing %zu frames at 0x%08x is no panic, but %s", n, pa, what);
    CHECK(FREE_COUNT() == free && !memcmp(bitmap, pm_available, sizeof bitmap),
          "freeing %zu frames at 0x%08x is refused (%s), but something was changed before: every check comes before the first "
          "change", n, pa, what);
}

CASE(wrong_runs_are_refused) {
    start();
    paddr_t pa = must_take(50);
    give(pa + 20 * PAGE_SIZE, 1);
    refuse(pa, 50, "one of them, in the middle, is free already");
    refuse(pa + 21 * PAGE_SIZE, 30, "the last was never handed out");
    refuse(KERNEL_START, 3, "they are reserved");
    refuse(pa + 4, 2, "that is no frame's address");
    refuse(pa + 4, 1, "that is no frame's address");
    refuse(0xFFFFF000, 2, "they pass the end of memory");
    refuse(pa, SIZE_MAX, "they pass the end of memory");
    *frame_at(pa + 5 * PAGE_SIZE) += FRAME_PAGE;
    refuse(pa, 10, "a page is still mapped to one of them");
    *frame_at(pa + 5 * PAGE_SIZE) -= FRAME_PAGE;
    give(pa, 20);
}

static void call_alloc(uintptr_t n, uintptr_t b) {
    (void)b;
    pm_alloc_pages(n);
}

CASE(refused_in_an_interrupt) {
    start();
    paddr_t pa = must_take(10);
    unsigned free = FREE_COUNT();
    irqs_served = 1;
    MUST_PANIC(call_alloc, 2, 0, "pm_alloc_pages hands out frames in an interrupt handler, which may have interrupted it half-way");
    MUST_PANIC(call_free, pa, 10, "pm_free_pages takes frames in an interrupt handler, which may have interrupted it half-way");
    irqs_served = 0;
    CHECK(FREE_COUNT() == free, "refused in an interrupt handler, but the count was changed before");
    give(pa, 10);
}
