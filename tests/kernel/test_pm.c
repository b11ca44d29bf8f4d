/* pm: each frame once, runs, counts, exhaustion, and every misuse. */
#include "bitmap.h"
#include "boot_info.h"
#include "cpu.h"
#include "cpuid.h"
#include "interrupt.h"
#include "ktest.h"
#include "memlayout.h"
#include "pm.h"
#include "support.h"
#include "vmem.h"

#define KERNEL_END ((paddr_t)(uintptr_t)kernel_end)

/* The memory map keeps the frame. Ranges are long: the last one is looked at first. */
static bool is_kept(pfn_t pfn) {
    static pfn_t start, end;

    if (pfn >= start && pfn < end)
        return true;
    return pm_next_range(pfn, &start, &end) && pfn == start;
}

/* The frame at PA may be handed out: kept by the memory map, not the kernel's nor a module's. */
static bool is_allocatable(paddr_t pa) {
    if (pa & PAGE_MASK || !is_kept(pa_to_pfn(pa)))
        return false;
    if (pa < LOW_MEMORY_END || (pa >= KERNEL_START && pa < KERNEL_END))
        return false;
    for (size_t i = 0; i < boot_info.modules && i < MODULES_KEPT; i++)
        if (pa + PAGE_SIZE > boot_info.module[i].start && pa < boot_info.module[i].end)
            return false;
    return true;
}

/* Takes every frame into frames_held, each checked. */
static void take_every_frame(void) {
    size_t expected = pm_count().free;
    paddr_t pa;

    while ((pa = pm_alloc_page()) != PADDR_NONE) {
        KCHECK(is_allocatable(pa));
        KCHECK(!bitmap_test(frames_held, pa_to_pfn(pa)));
        bitmap_fill(frames_held, pa_to_pfn(pa), pa_to_pfn(pa) + 1, true);
        expected--;
    }
    KCHECK_EQ(expected, 0);
    KCHECK_EQ(pm_count().free, 0);
}

/* Frees one by one every STEPth of the frames held. */
static void free_held(size_t step) {
    size_t n = 0;

    for (size_t i = 0; (i = bitmap_find(frames_held, i, FRAMES_MAX, true)) < FRAMES_MAX; i++) {
        if (n++ % step)
            continue;
        bitmap_fill(frames_held, i, i + 1, false);
        pm_free_page(pfn_to_pa((pfn_t)i));
    }
}

KTEST(pm_gives_each_frame_once_and_none_outside_the_map)
{
    struct pm_counts before = pm_count();

    KCHECK_CALL(take_every_frame());
    KCHECK_EQ(pm_alloc_page(), PADDR_NONE);
    KCHECK_EQ(pm_alloc_pages(1), PADDR_NONE);
    KCHECK_EQ(pm_count().total, before.total);
    KCHECK_EQ(pm_count().reserved, before.reserved);
    pm_check();
    free_held(3); /* out of order, leaving holes, then all */
    pm_check();
    free_held(2);
    free_held(1);
    KCHECK_EQ(pm_count().free, before.free);
}

KTEST(pm_fills_the_holes_again)
{
    size_t free = pm_count().free;

    frames_hold_all();
    free_held(7);
    KCHECK_EQ(pm_count().free, (free + 6) / 7);
    KCHECK_CALL(take_every_frame());
    frames_release_all();
    KCHECK_EQ(pm_count().free, free);
}

KTEST(pm_counts_agree_with_the_state_of_every_frame)
{
    struct pm_counts counts = pm_count();
    size_t of[6] = {0};

    for (pfn_t pfn = 0; pfn < FRAMES_MAX; pfn++)
        of[pm_state(pfn_to_pa(pfn))]++;
    KCHECK_EQ(of[PM_FREE], counts.free);
    KCHECK_EQ(of[PM_RESERVED], counts.reserved);
    KCHECK_EQ(of[PM_FREE] + of[PM_RESERVED] + of[PM_USED] + of[PM_TABLE] + of[PM_DIRECTORY], counts.total);
    KCHECK_EQ(pm_state(0) == PM_FREE || pm_state(0) == PM_USED, false);
    for (paddr_t pa = KERNEL_START; pa < KERNEL_END; pa += PAGE_SIZE)
        KCHECK_EQ(pm_state(pa), PM_RESERVED);
}

KTEST(pm_ranges_are_ascending_and_apart)
{
    pfn_t start, end, last = 0;
    size_t frames = 0;

    for (pfn_t from = 0; pm_next_range(from, &start, &end); from = end) {
        KCHECK(start >= LOW_MEMORY_END / PAGE_SIZE && start < end && end <= FRAMES_MAX);
        KCHECK(!last || start > last); /* not even touching: those would be one */
        last = end;
        frames += end - start;
    }
    KCHECK(frames >= PM_MIN_FRAMES);
    KCHECK(frames <= pm_count().total);
}

KTEST(pm_state_follows_a_frame)
{
    paddr_t pa = pm_alloc_page();

    KCHECK(pa != PADDR_NONE);
    KCHECK_EQ(pm_state(pa), PM_USED);
    pm_free_page(pa);
    KCHECK_EQ(pm_state(pa), PM_FREE);
}

/* A run of N: adjacent, all handed out; given back in two parts. */
static void check_run(size_t n) {
    size_t free = pm_count().free, half = n / 2;
    paddr_t pa = pm_alloc_pages(n);

    KCHECK(pa != PADDR_NONE);
    KCHECK_EQ(pm_count().free, free - n);
    for (size_t i = 0; i < n; i++) {
        KCHECK(is_allocatable(pa + i * PAGE_SIZE));
        KCHECK_EQ(pm_state(pa + i * PAGE_SIZE), PM_USED);
    }
    pm_free_pages(pa + half * PAGE_SIZE, n - half);
    KCHECK_EQ(pm_count().free, free - half);
    pm_free_pages(pa, half);
    KCHECK_EQ(pm_count().free, free);
}

KTEST(pm_gives_runs_of_any_length)
{
    static const size_t lengths[] = {1, 2, 3, 31, 32, 33, 63, 64, 65, 100, 256};

    for (size_t i = 0; i < ARRAY_SIZE(lengths); i++)
        KCHECK_CALL(check_run(lengths[i]));
    KCHECK_EQ(pm_alloc_pages(0), PADDR_NONE);
    KCHECK_EQ(pm_alloc_pages(pm_count().free + 1), PADDR_NONE);
    KCHECK_EQ(pm_alloc_pages((size_t)-1), PADDR_NONE);
    pm_free_pages(PADDR_NONE, 0);
}

KTEST(pm_finds_the_only_run_that_fits)
{
    paddr_t run = pm_alloc_pages(70);

    KCHECK(run != PADDR_NONE);
    frames_hold_all();
    for (size_t n = 1; n <= 70; n += n < 60 ? 23 : 1) {
        paddr_t start = run + (70 - n) / 2 * PAGE_SIZE; /* in the middle of what was one run */
        pm_free_pages(start, n);
        KCHECK_EQ(pm_alloc_pages(n + 1), PADDR_NONE);
        KCHECK_EQ(pm_alloc_pages(n), start);
        KCHECK_EQ(pm_count().free, 0);
    }
    pm_free_pages(run, 70);
}

KTEST(pm_run_is_not_made_of_frames_apart)
{
    paddr_t run = pm_alloc_pages(40);

    KCHECK(run != PADDR_NONE);
    frames_hold_all();
    for (size_t i = 0; i < 40; i += 2)
        pm_free_page(run + i * PAGE_SIZE);
    KCHECK_EQ(pm_count().free, 20);
    KCHECK_EQ(pm_alloc_pages(2), PADDR_NONE);
    KCHECK_EQ(pm_count().free, 20);
    for (size_t i = 1; i < 40; i += 2)
        pm_free_page(run + i * PAGE_SIZE);
    KCHECK_EQ(pm_alloc_pages(40), run);
    pm_free_pages(run, 40);
}

KTEST(pm_runs_and_single_frames_mix)
{
    paddr_t run = pm_alloc_pages(8), single = pm_alloc_page();

    KCHECK(run != PADDR_NONE && single != PADDR_NONE);
    for (size_t i = 0; i < 8; i++)
        pm_free_page(run + i * PAGE_SIZE);
    frames_hold_all();
    pm_free_page(single);
    KCHECK_EQ(pm_alloc_pages(1), single);
    pm_free_pages(single, 1);
    KCHECK_EQ(pm_alloc_page(), single);
    pm_free_page(single);
}

/* ---- misuse: each a panic that leaves everything as it was ---- */

static void free_page(void *pa) { pm_free_page((paddr_t)(uintptr_t)pa); }

struct run {
    paddr_t pa;
    size_t n;
};

static void free_run(void *arg) {
    const struct run *run = arg;

    pm_free_pages(run->pa, run->n);
}

static void check_bad_free(paddr_t pa, const char *text) {
    struct pm_counts before = pm_count();
    struct run run = {pa, 1};

    KCHECK_TRAPS(free_page, (void *)(uintptr_t)pa, text);
    KCHECK_EQ(ktest_vector, -1);
    KCHECK_TRAPS(free_run, &run, text);
    KCHECK_EQ(pm_count().free, before.free);
    KCHECK_EQ(pm_count().reserved, before.reserved);
    pm_check();
}

KTEST(pm_double_free_is_caught)
{
    paddr_t pa = pm_alloc_page();

    KCHECK(pa != PADDR_NONE);
    pm_free_page(pa);
    KCHECK_CALL(check_bad_free(pa, "free already"));
    KCHECK_EQ(pm_state(pa), PM_FREE);
}

KTEST(pm_unaligned_free_is_caught)
{
    paddr_t pa = pm_alloc_page();

    KCHECK(pa != PADDR_NONE);
    KCHECK_CALL(check_bad_free(pa + 1, "aligned"));
    KCHECK_CALL(check_bad_free(pa + PAGE_MASK, "aligned"));
    KCHECK_EQ(pm_state(pa), PM_USED);
    pm_free_page(pa);
}

KTEST(pm_free_of_reserved_memory_is_caught)
{
    KCHECK_CALL(check_bad_free(KERNEL_START, "reserved"));
    KCHECK_CALL(check_bad_free(KERNEL_END - PAGE_SIZE, "reserved"));
    KCHECK_CALL(check_bad_free(PADDR_NONE, "cannot free"));
    KCHECK_CALL(check_bad_free(LOW_MEMORY_END - PAGE_SIZE, "cannot free"));
}

KTEST(pm_free_of_absent_memory_is_caught)
{
    pfn_t absent = FRAMES_MAX;

    for (pfn_t pfn = 0; pfn < FRAMES_MAX && absent == FRAMES_MAX; pfn++)
        if (pm_state(pfn_to_pa(pfn)) == PM_ABSENT)
            absent = pfn;
    if (absent == FRAMES_MAX)
        KSKIP("every frame below 4 GiB is memory");
    KCHECK_CALL(check_bad_free(pfn_to_pa(absent), "no memory"));
    KCHECK_CALL(check_bad_free(pfn_to_pa(FRAMES_MAX - 1), "cannot free"));
}

KTEST(pm_free_of_a_run_with_a_hole_is_caught)
{
    paddr_t pa = pm_alloc_pages(40);
    struct run run = {pa, 40};
    static const unsigned holes[] = {0, 1, 20, 38, 39};

    KCHECK(pa != PADDR_NONE);
    for (size_t i = 0; i < ARRAY_SIZE(holes); i++) {
        pm_free_page(pa + holes[i] * PAGE_SIZE);
        size_t free = pm_count().free;
        KCHECK_TRAPS(free_run, &run, "free already");
        KCHECK_EQ(pm_count().free, free);
        pm_check();
        /* the hole is the only free frame of the run: what is taken until it comes, is held */
        frames_hold_all();
        bitmap_fill(frames_held, pa_to_pfn(pa) + holes[i], pa_to_pfn(pa) + holes[i] + 1, false);
        frames_release_all();
    }
    pm_free_pages(pa, 40);
}

KTEST(pm_free_of_an_absurd_run_is_caught)
{
    paddr_t pa = pm_alloc_page();
    struct run past_the_end = {0xFFFFF000, 2}, huge = {pa, (size_t)-1}, all = {pa, FRAMES_MAX};
    size_t free = pm_count().free;

    KCHECK(pa != PADDR_NONE);
    KCHECK_TRAPS(free_run, &past_the_end, "pass the end");
    KCHECK_TRAPS(free_run, &huge, "pass the end");
    KCHECK_TRAPS(free_run, &all, "pass the end");
    KCHECK_EQ(pm_count().free, free);
    pm_free_page(pa);
}

/* ---- a frame knows what it is ---- */

KTEST(pm_free_of_a_linked_page_table_is_caught)
{
    char *va = spare_area(1);
    struct vmem_walk walk;

    KCHECK(va);
    KCHECK_EQ(vmem_alloc_range(va, 1, VMEM_WRITE), 0);
    vmem_walk(va, &walk);
    KCHECK_EQ(pm_state(walk.pde & PTE_FRAME), PM_TABLE);
    KCHECK_CALL(check_bad_free(walk.pde & PTE_FRAME, "it is a page table"));
    KCHECK_EQ(vmem_free_range(va, 1), 0);
    KCHECK_EQ(pm_state(walk.pde & PTE_FRAME), PM_FREE);
}

KTEST(pm_free_of_a_directory_and_its_fixed_tables_is_caught)
{
    const void *const fixed[] = {NULL, (void *)FRAMES_START};
    struct vmem_walk walk;

    KCHECK_EQ(pm_state(get_page_directory()), PM_DIRECTORY);
    KCHECK_CALL(check_bad_free(get_page_directory(), "it is a page directory"));
    for (size_t i = 0; i < ARRAY_SIZE(fixed); i++) {
        vmem_walk(fixed[i], &walk);
        KCHECK_CALL(check_bad_free(walk.pde & PTE_FRAME, "it is a page table"));
    }
    KCHECK_CALL(check_bad_free(walk.pa, "it is still mapped")); /* a page of the frame records */
}

KTEST(pm_free_of_a_mapped_frame_is_caught)
{
    char *va = spare_area(1);
    paddr_t run = pm_alloc_pages(3), pa = run + PAGE_SIZE;
    struct run whole = {run, 3};

    KCHECK(va && run != PADDR_NONE);
    KCHECK_EQ(vmem_map(va, pa, VMEM_WRITE), 0);
    KCHECK_CALL(check_bad_free(pa, "it is still mapped"));
    KCHECK_TRAPS(free_run, &whole, "it is still mapped");
    KCHECK_EQ(vmem_map_range(va + PAGE_SIZE, run, 3, 0), 0); /* by the ranged call, and twice */
    KCHECK_EQ(vmem_unmap(va), 0);
    KCHECK_CALL(check_bad_free(pa, "it is still mapped"));
    KCHECK_EQ(vmem_unmap_range(va + PAGE_SIZE, 3), 0);
    pm_free_pages(run, 3);
}

/* Who maps a frame that is free does not own it; it stays pm's to hand out, and its count stays right. */
KTEST(pm_hands_out_a_free_frame_that_is_mapped)
{
    char *va = spare_area(1);
    paddr_t pa = pm_alloc_page();

    KCHECK(va && pa != PADDR_NONE);
    pm_free_page(pa);
    KCHECK_EQ(vmem_map(va, pa, 0), 0); /* its table takes PA, so PA is a table that is mapped */
    KCHECK_EQ(pm_state(pa), PM_TABLE);
    vmem_check();
    KCHECK_EQ(vmem_unmap(va), 0);
    KCHECK_EQ(pm_state(pa), PM_FREE);
    paddr_t other = pm_alloc_page();
    KCHECK_EQ(vmem_map(va, other, 0), 0); /* keeps the table */
    paddr_t next = pm_alloc_page();
    pm_free_page(next);
    KCHECK_EQ(vmem_map(va + PAGE_SIZE, next, 0), 0);
    KCHECK_EQ(pm_state(next), PM_FREE);
    KCHECK_EQ(pm_alloc_page(), next);
    KCHECK_CALL(check_bad_free(next, "it is still mapped"));
    KCHECK_EQ(vmem_unmap_range(va, 2), 0);
    pm_free_page(next);
    pm_free_page(other);
}

static unsigned ticks_of_state(paddr_t pa) {
    unsigned least = ~0u;

    for (unsigned i = 0; i < 1000; i++) {
        unsigned start = (unsigned)rdtsc();
        pm_state(pa);
        unsigned ticks = (unsigned)rdtsc() - start;
        least = ticks < least ? ticks : least;
    }
    return least;
}

KTEST(pm_state_takes_the_same_time_for_each_frame)
{
    static paddr_t frame[1024];
    size_t n = 0;

    if (!cpu_has_tsc())
        KSKIP("needs a time-stamp counter");
    while (n < ARRAY_SIZE(frame) && (frame[n] = pm_alloc_page()) != PADDR_NONE)
        n++;
    KCHECK(n > 100);
    unsigned used = ticks_of_state(frame[0]);
    for (size_t i = 0; i < n; i++)
        pm_free_page(frame[i]);
    KCHECK_EQ(pm_state(frame[1]), PM_FREE);
    KCHECK(ticks_of_state(frame[0]) < 10 * used + 10);
    KCHECK(ticks_of_state(frame[1]) < 10 * used + 10);
    KCHECK(ticks_of_state(frame[n - 1]) < 10 * used + 10);
}

/* ---- interrupt handlers ---- */

static void alloc_in_handler(void *unused) {
    (void)unused;
    irqs_served = 1; /* the catch sets it back */
    pm_alloc_page();
}

static void alloc_run_in_handler(void *n) {
    irqs_served = 1;
    pm_alloc_pages((size_t)n);
}

static void free_in_handler(void *pa) {
    irqs_served = 1;
    pm_free_page((paddr_t)(uintptr_t)pa);
}

static void free_run_in_handler(void *run) {
    irqs_served = 1;
    free_run(run);
}

KTEST(pm_refuses_interrupt_handlers)
{
    paddr_t pa = pm_alloc_page();
    struct run run = {pa, 1}, none = {pa, 0};
    size_t free = pm_count().free;

    KCHECK(pa != PADDR_NONE);
    KCHECK_TRAPS(alloc_in_handler, NULL, "in_interrupt");
    KCHECK_TRAPS(alloc_run_in_handler, (void *)0, "in_interrupt");
    KCHECK_TRAPS(alloc_run_in_handler, (void *)2, "in_interrupt");
    KCHECK_TRAPS(free_in_handler, (void *)(uintptr_t)pa, "in_interrupt");
    KCHECK_TRAPS(free_run_in_handler, &run, "in_interrupt");
    KCHECK_TRAPS(free_run_in_handler, &none, "in_interrupt");
    KCHECK_EQ(pm_count().free, free);
    KCHECK_EQ(pm_state(pa), PM_USED);
    pm_free_page(pa);
    pm_check();
}

static void reserve_page(void *pa) { pm_reserve((uintptr_t)pa, (uint64_t)(uintptr_t)pa + PAGE_SIZE); }

KTEST(pm_reserving_a_frame_in_use_is_caught)
{
    paddr_t pa = pm_alloc_page();

    KCHECK(pa != PADDR_NONE);
    KCHECK_TRAPS(reserve_page, (void *)(uintptr_t)pa, "mm/pm.c:");
    KCHECK_EQ(pm_state(pa), PM_USED);
    pm_free_page(pa);
}

KTEST(pm_runs_out_at_every_count)
{
    size_t free = pm_count().free;

    frames_hold_all();
    for (size_t n = 1; n <= 8; n++) {
        frames_release(n);
        for (size_t i = 0; i < n; i++) {
            paddr_t pa = pm_alloc_page();
            KCHECK(pa != PADDR_NONE);
            bitmap_fill(frames_held, pa_to_pfn(pa), pa_to_pfn(pa) + 1, true);
        }
        KCHECK_EQ(pm_alloc_page(), PADDR_NONE);
    }
    frames_release_all();
    KCHECK_EQ(pm_count().free, free);
}
