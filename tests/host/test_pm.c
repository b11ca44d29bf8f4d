/* pm: on every map to the frame, against a model with one byte a frame, and every misuse.
 *
 * The model knows what each frame is; pm says the same of it at all times. Where a search could differ (any
 * free frame, any free run will do) the model takes pm's answer, once it has seen that it is a right one,
 * and looks itself only when pm says that there is none. */
#include "pm.h"

#include <string.h>

#include "frames.h"
#include "interrupt.h"
#include "memlayout.h"
#include "support.h"

#define MIB_FRAMES 256
#define LOW_FRAMES (LOW_MEMORY_END / PAGE_SIZE)

static memmap_frames ram;
static unsigned char model[FRAMES_MAX]; /* enum pm_state */
static size_t model_end;                /* from here on all are absent */
static pfn_t held[FRAMES_MAX];          /* a run's frames, or all that there are */

/* ---- the model ---- */

static struct pm_counts model_count(void) {
    struct pm_counts counts = {0};
    for (size_t i = 0; i < model_end; i++) {
        counts.total += model[i] != PM_ABSENT;
        counts.free += model[i] == PM_FREE;
        counts.reserved += model[i] == PM_RESERVED;
    }
    return counts;
}

static void check_counts(const struct pm_counts *want) {
    struct pm_counts counts = pm_count();
    assert_int_equal(counts.total, want->total);
    assert_int_equal(counts.free, want->free);
    assert_int_equal(counts.reserved, want->reserved);
}

/* All that pm says, against the model. */
static void check_all(void) {
    struct pm_counts want = model_count();
    pm_check();
    check_counts(&want);
    for (pfn_t i = 0; i < FRAMES_MAX; i++)
        if (pm_state(pfn_to_pa(i)) != model[i])
            fail_msg("frame 0x%x000 is in state %d; the model says %d", i, pm_state(pfn_to_pa(i)), model[i]);
}

/* Fills the records, as vmem_init does. */
static void record(void) {
    memset(pm_frames, 0, sizeof pm_frames);
    pm_record_frames();
}

/* Hands RAM to pm, and to the model. */
static void start(void) {
    model_end = 0;
    for (pfn_t i = 0; i < FRAMES_MAX; i++) {
        model[i] = !bitmap_test(ram, i) ? PM_ABSENT : i < LOW_FRAMES ? PM_RESERVED : PM_FREE;
        if (model[i] != PM_ABSENT)
            model_end = i + 1;
    }
    pm_init(ram);
    record();
}

static void reserve(uint64_t from, uint64_t to) {
    for (uint64_t i = from / PAGE_SIZE; i * PAGE_SIZE < to && from < to; i++)
        if (model[i] != PM_ABSENT)
            model[i] = PM_RESERVED;
    pm_reserve(from, to);
    record();
}

/* A machine of MIB MiB, the frames from 640 KiB to 1 MiB absent, with a kernel of 600 KiB. */
static void start_machine(unsigned mib) {
    memset(ram, 0, sizeof ram);
    bitmap_fill(ram, 0, 0x9F, true);
    bitmap_fill(ram, LOW_FRAMES, mib * MIB_FRAMES, true);
    start();
    reserve(KERNEL_START, KERNEL_START + 600 * 1024 + 5);
}

static void start_map(const struct host_map *map) {
    host_reader_set(map->entries, map->count);
    memmap_build(ram, host_reader);
    start();
}

/* The model takes N frames at PA, as pm says it has. */
static void take(paddr_t pa, size_t n) {
    assert_int_equal(pa & PAGE_MASK, 0);
    assert_true(n <= FRAMES_MAX - pa_to_pfn(pa));
    for (size_t i = 0; i < n; i++) {
        if (model[pa_to_pfn(pa) + i] != PM_FREE)
            fail_msg("frame 0x%zx of %zu at 0x%08x was handed out in state %d", i, n, pa,
                     model[pa_to_pfn(pa) + i]);
        model[pa_to_pfn(pa) + i] = PM_USED;
    }
}

static void give(paddr_t pa, size_t n) { memset(&model[pa_to_pfn(pa)], PM_FREE, n); }

static bool model_has_run(size_t n) {
    size_t run = 0;
    for (size_t i = 0; i < model_end && run < n; i++)
        run = model[i] == PM_FREE ? run + 1 : 0;
    return run >= n;
}

static paddr_t alloc(size_t n) {
    paddr_t pa = n == 1 && random_word() % 4 ? pm_alloc_page() : pm_alloc_pages(n);
    if (pa != PADDR_NONE)
        take(pa, n);
    else if (n != 0 && model_has_run(n))
        fail_msg("there are %zu adjacent free frames, but pm found none", n);
    return pa;
}

/* ---- maps ---- */

static void check_map_counts(const struct host_map *map) {
    struct pm_counts counts;
    start_map(map);
    check_all();
    counts = pm_count();
    if (counts.free < 64)
        return;
    reserve(KERNEL_START, KERNEL_START + 0x12345);
    for (size_t n = 1; n < 30; n++)
        alloc(n);
    check_all();
    counts = pm_count();
    assert_int_equal(counts.total - counts.free - counts.reserved,
                     model_count().total - model_count().free - model_count().reserved);
}

static void test_counts_are_right_to_the_frame_on_every_map(void **state) {
    (void)state;
    each_host_map(check_map_counts);
}

static void check_map_ranges(const struct host_map *map) {
    pfn_t end = 0, start_pfn;
    start_map(map);
    for (pfn_t from = LOW_FRAMES; from < FRAMES_MAX; from = end) {
        pfn_t want = from;
        while (want < FRAMES_MAX && model[want] == PM_ABSENT)
            want++;
        bool found = pm_next_range(from, &start_pfn, &end);
        assert_int_equal(found, want < FRAMES_MAX);
        if (!found)
            return;
        assert_int_equal(start_pfn, want);
        for (pfn_t hole = want - from, inside; hole; hole /= 2) { /* from places in the hole, its last frame among them */
            assert_true(pm_next_range(want - hole, &inside, &end));
            assert_int_equal(inside, want);
        }
        while (want < FRAMES_MAX && model[want] != PM_ABSENT)
            want++;
        assert_int_equal(end, want);
    }
}

static void test_ranges_are_those_of_the_map_from_1_mib_up(void **state) {
    (void)state;
    each_host_map(check_map_ranges);
}

static void test_next_range_from_inside_and_past_the_ranges(void **state) {
    pfn_t from, to;
    (void)state;
    start_machine(64);
    assert_true(pm_next_range(0, &from, &to));
    assert_int_equal(from, LOW_FRAMES);
    assert_int_equal(to, 64 * MIB_FRAMES);
    assert_true(pm_next_range(5000, &from, &to));
    assert_int_equal(from, 5000);
    assert_int_equal(to, 64 * MIB_FRAMES);
    assert_false(pm_next_range(64 * MIB_FRAMES, &from, &to));
    assert_false(pm_next_range(FRAMES_MAX, &from, &to));
}

static void test_an_empty_map_has_nothing(void **state) {
    pfn_t from, to;
    (void)state;
    memset(ram, 0, sizeof ram);
    start();
    check_all();
    assert_int_equal(pm_alloc_page(), PADDR_NONE);
    assert_int_equal(pm_alloc_pages(1), PADDR_NONE);
    assert_false(pm_next_range(0, &from, &to));
}

/* ---- reserving ---- */

/* Of the first machine nothing is left: no bit, no summary, no frame in the magazine, no place to search from. */
static void test_pm_begins_anew_on_another_map(void **state) {
    (void)state;
    start_machine(64);
    pm_free_page(pm_alloc_page());
    assert_int_not_equal(pm_alloc_pages(20 * MIB_FRAMES), PADDR_NONE);
    start_machine(32);
    check_all();
    paddr_t first = KERNEL_START;
    while (model[pa_to_pfn(first)] != PM_FREE)
        first += PAGE_SIZE;
    assert_int_equal(pm_alloc_pages(1), first);
}

/* Memory of a single frame counts, be it the first or the last of its 4 MiB; memory of another map does not. */
static void test_which_parts_of_4_mib_have_memory(void **state) {
    static const pfn_t maps[][3] = {{0, 2 * FRAMES_PER_PAGE, 6 * FRAMES_PER_PAGE - 1},
                                    {FRAMES_PER_PAGE - 1, 3 * FRAMES_PER_PAGE, FRAMES_MAX - 1}};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(maps); i++) {
        memset(ram, 0, sizeof ram);
        for (size_t j = 0; j < ARRAY_SIZE(maps[i]); j++)
            bitmap_fill(ram, maps[i][j], maps[i][j] + 1, true);
        start();
        for (pfn_t part = 0; part < FRAMES_MAX; part += FRAMES_PER_PAGE)
            assert_int_equal(pm_has_memory(part), bitmap_count(ram, part, part + FRAMES_PER_PAGE));
        check_all();
    }
}

static void test_reserving_withholds_every_frame_touched(void **state) {
    static const uint64_t ranges[][2] = {
        {0x200000, 0x201000}, {0x210FFF, 0x211001}, {0x220001, 0x220002},
        {0x230000, 0x230000}, {0x240123, 0x240123}, {0x0, 0x1000},
        {0x200000, 0x204000}, {0x3FF000, 0x480001}, {0, 0},
    };
    (void)state;
    start_machine(16);
    for (size_t i = 0; i < ARRAY_SIZE(ranges); i++) {
        reserve(ranges[i][0], ranges[i][1]);
        check_all();
    }
    reserve((uint64_t)FRAMES_MAX * PAGE_SIZE - 1, (uint64_t)FRAMES_MAX * PAGE_SIZE);
    reserve((uint64_t)FRAMES_MAX * PAGE_SIZE, (uint64_t)FRAMES_MAX * PAGE_SIZE);
    check_all();
}

static void test_reserving_everything_leaves_nothing(void **state) {
    (void)state;
    start_machine(16);
    reserve(0, (uint64_t)FRAMES_MAX * PAGE_SIZE);
    check_all();
    assert_int_equal(pm_count().free, 0);
    assert_int_equal(pm_alloc_page(), PADDR_NONE);
    assert_int_equal(pm_alloc_pages(1), PADDR_NONE);
}

static void test_reserved_frames_are_never_handed_out(void **state) {
    (void)state;
    start_machine(8);
    for (int i = 0; i < 200; i++) {
        uint64_t from = random_between(0, 8 << 20);
        reserve(from, from + random_between(0, 0x3000));
    }
    while (alloc(1) != PADDR_NONE) { /* take checks each */
    }
    check_all();
}

static void call_reserve(uintptr_t from, uintptr_t to) { pm_reserve(from, to); }

static void call_reserve_past_the_end(uintptr_t from, uintptr_t past) {
    pm_reserve(from, (uint64_t)FRAMES_MAX * PAGE_SIZE + past);
}

static void test_reserving_a_used_frame_or_backwards_panics(void **state) {
    (void)state;
    start_machine(8);
    paddr_t pa = alloc(1);
    EXPECT_PANIC("handed out", call_reserve, pa, pa + 1);
    EXPECT_PANIC("handed out", call_reserve, 0, 8 << 20);
    EXPECT_PANIC("start <= end", call_reserve, 0x300000, 0x200000);
    EXPECT_PANIC("end <=", call_reserve_past_the_end, 0x300000, 1);
    check_all();
}

/* ---- everything once ---- */

static void allocate_all(size_t n) {
    struct pm_counts before = pm_count();
    size_t runs = 0;
    for (paddr_t pa; (pa = pm_alloc_pages(n)) != PADDR_NONE; runs++) {
        take(pa, n);
        held[runs] = pa_to_pfn(pa);
    }
    assert_false(model_has_run(n));
    check_all();
    for (size_t i = 0; i < runs; i++) {
        pm_free_pages(pfn_to_pa(held[i]), n);
        give(pfn_to_pa(held[i]), n);
    }
    check_all();
    check_counts(&before);
}

static void allocate_all_singly(void) {
    struct pm_counts before = pm_count();
    size_t count = 0;
    for (paddr_t pa; (pa = pm_alloc_page()) != PADDR_NONE; count++) {
        take(pa, 1);
        held[count] = pa_to_pfn(pa);
    }
    assert_int_equal(count, before.free);
    assert_int_equal(pm_count().free, 0);
    check_all();
    assert_int_equal(pm_alloc_page(), PADDR_NONE);
    assert_int_equal(pm_alloc_pages(1), PADDR_NONE);
    for (size_t i = count; i > 1; i--) { /* back in a random order */
        size_t other = random_between(0, i);
        pfn_t swap = held[i - 1];
        held[i - 1] = held[other];
        held[other] = swap;
    }
    for (size_t i = 0; i < count; i++) {
        pm_free_page(pfn_to_pa(held[i]));
        model[held[i]] = PM_FREE;
    }
    check_all();
    check_counts(&before);
}

static void test_every_frame_is_handed_out_once_at_each_ram_size(void **state) {
    static const unsigned sizes[] = {5, 8, 16, 64, 128, 1024, 3500, 4096};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        start_machine(sizes[i]);
        allocate_all_singly();
    }
}

static void test_every_run_is_handed_out_once_at_each_run_size(void **state) {
    static const size_t runs[] = {1, 2, 3, 16, 31, 32, 33, 64, 256, 1000, 1024, 5000};
    static const unsigned sizes[] = {5, 64, 3500};
    (void)state;
    for (size_t s = 0; s < ARRAY_SIZE(sizes); s++) {
        start_machine(sizes[s]);
        for (size_t i = 0; i < ARRAY_SIZE(runs); i++)
            allocate_all(runs[i]);
    }
}

static void check_map_allocation(const struct host_map *map) {
    start_map(map);
    allocate_all_singly();
}

static void test_every_frame_of_every_map_is_handed_out_once(void **state) {
    (void)state;
    each_host_map(check_map_allocation);
}

static void test_the_whole_memory_is_one_run(void **state) {
    (void)state;
    memset(ram, 0, sizeof ram);
    bitmap_fill(ram, LOW_FRAMES, FRAMES_MAX, true);
    start();
    assert_int_equal(pm_alloc_pages(FRAMES_MAX - LOW_FRAMES + 1), PADDR_NONE);
    assert_int_equal(alloc(FRAMES_MAX - LOW_FRAMES), LOW_MEMORY_END);
    check_all();
    pm_free_pages(LOW_MEMORY_END, FRAMES_MAX - LOW_FRAMES);
    give(LOW_MEMORY_END, FRAMES_MAX - LOW_FRAMES);
    check_all();
}

/* ---- runs ---- */

static void test_absurd_runs_are_refused(void **state) {
    static const size_t sizes[] = {0, SIZE_MAX, SIZE_MAX / PAGE_SIZE, FRAMES_MAX, FRAMES_MAX + 1, 1u << 31};
    (void)state;
    start_machine(64);
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
        assert_int_equal(pm_alloc_pages(sizes[i]), PADDR_NONE);
    check_all();
}

/* Holes of 1 to 100 frames between taken ones: the run that fits exactly is found, the next size is not. */
static void test_the_last_fitting_hole_is_found(void **state) {
    (void)state;
    for (size_t hole = 1; hole <= 100; hole += 3) {
        start_machine(32);
        while (alloc(1) != PADDR_NONE) { /* all */
        }
        for (int i = 0; i < 40; i++) { /* small holes, each beside a taken frame */
            pfn_t at = random_between(2048, 4000);
            if (hole > 1 && model[at - 1] == PM_USED && model[at] == PM_USED && model[at + 1] == PM_USED) {
                pm_free_page(pfn_to_pa(at));
                model[at] = PM_FREE;
            }
        }
        pfn_t place = random_between(4001, 8000);
        pm_free_pages(pfn_to_pa(place), hole);
        give(pfn_to_pa(place), hole);
        assert_int_equal(pm_alloc_pages(hole + 1), PADDR_NONE);
        assert_int_equal(alloc(hole), pfn_to_pa(place));
        check_all();
    }
}

static void test_a_run_is_given_back_in_parts(void **state) {
    (void)state;
    start_machine(32);
    for (int round = 0; round < 200; round++) {
        struct pm_counts before = pm_count();
        size_t n = random_between(1, 200), done = 0;
        paddr_t pa = alloc(n);
        assert_int_not_equal(pa, PADDR_NONE);
        while (done < n) {
            size_t part = random_between(0, n - done + 1);
            if (part == 1)
                pm_free_page(pa + done * PAGE_SIZE);
            else
                pm_free_pages(pa + done * PAGE_SIZE, part);
            done += part;
        }
        give(pa, n);
        check_counts(&before);
    }
    check_all();
}

static void test_single_frames_are_given_back_as_a_run(void **state) {
    (void)state;
    start_machine(8);
    while (alloc(1) != PADDR_NONE) { /* all */
    }
    pm_free_pages(0x300000, 0x100);
    give(0x300000, 0x100);
    check_all();
    assert_int_equal(alloc(0x100), 0x300000);
}

static void test_freeing_no_frames_does_nothing(void **state) {
    (void)state;
    start_machine(8);
    paddr_t pa = alloc(1);
    pm_free_pages(pa, 0);
    pm_free_pages(0, 0);
    check_all();
}

/* ---- the magazine, and runs ---- */

static void test_a_run_is_handed_out_again_in_parts(void **state) {
    (void)state;
    start_machine(32);
    paddr_t run = alloc(100), other = alloc(3);
    pm_free_pages(run, 100);
    give(run, 100);
    check_all();
    pm_free_pages(other, 3);
    give(other, 3);
    pm_free_pages(alloc(3), 3); /* the same three */
    give(other, 3);
    for (size_t n = 1; n <= 40; n += 13)
        assert_int_not_equal(alloc(n), PADDR_NONE);
    check_all();
}

static void test_single_frames_are_found_in_the_run_freed_last(void **state) {
    (void)state;
    start_machine(8);
    paddr_t run = alloc(70);
    while (alloc(1) != PADDR_NONE) { /* all */
    }
    pm_free_pages(run, 70);
    give(run, 70);
    for (size_t i = 0; i < 70; i++)
        assert_int_not_equal(alloc(1), PADDR_NONE);
    assert_int_equal(pm_alloc_page(), PADDR_NONE);
    check_all();
}

static void test_the_search_for_a_run_goes_on_behind_the_last_one(void **state) {
    (void)state;
    start_machine(16);
    paddr_t hole = alloc(8), behind = alloc(8);
    pm_free_pages(hole, 8);
    give(hole, 8);
    paddr_t large = alloc(16);
    assert_true(large > behind);
    assert_int_equal(alloc(4), large + 16 * PAGE_SIZE); /* not in the hole */
    check_all();
}

/* A run is made of frames in the magazine, of frames in the bitmap, and of both side by side. */
static void test_a_run_is_found_across_the_magazine_and_the_bitmap(void **state) {
    (void)state;
    start_machine(16);
    while (alloc(1) != PADDR_NONE) { /* all */
    }
    pm_free_pages(0x400000, 0x100);
    for (pfn_t pfn = 0x500; pfn < 0x5C0; pfn++)
        pm_free_page(pfn_to_pa(pfn));
    give(0x400000, 0x1C0);
    assert_int_equal(pm_recents, 0xC0);
    assert_int_equal(pm_count().free, 0x1C0);
    assert_int_equal(pm_alloc_pages(0x1C1), PADDR_NONE);
    assert_int_equal(alloc(0x1C0), 0x400000);
    check_all();
}

static void test_a_full_magazine_loses_no_frame(void **state) {
    const paddr_t last = pfn_to_pa(16 * MIB_FRAMES - 1);
    (void)state;
    start_machine(16);
    size_t n = 0, total = pm_count().free;
    while (alloc(1) != PADDR_NONE)
        held[n++] = 0;
    assert_int_equal(n, total);
    pm_share(last);
    for (pfn_t pfn = 0; pfn < 16 * MIB_FRAMES; pfn++) {
        if (model[pfn] != PM_USED)
            continue;
        if (pfn_to_pa(pfn) != last) {
            pm_free_page(pfn_to_pa(pfn));
        } else {
            assert_int_equal(pm_recents, RECENT_MAX);
            pm_drop(last); /* by its only owner */
        }
        model[pfn] = PM_FREE;
    }
    assert_int_equal(pm_recents, RECENT_MAX);
    check_all();
    paddr_t table = pm_alloc_pages(1); /* not out of the magazine, which stays full */
    *frame_at(table) = FRAME_TABLE;
    pm_take_back(table);
    assert_int_equal(pm_recents, RECENT_MAX);
    check_all();
    while (alloc(1) != PADDR_NONE) { /* all once more */
    }
    check_all();
}

static void test_the_magazine_is_loaded_and_makes_room(void **state) {
    (void)state;
    start_machine(8);
    pm_load(0);
    assert_int_equal(pm_recents, 0);
    for (size_t n = 1; n <= RECENT_MAX; n = n * 3 / 2 + 1) {
        size_t free = pm_count().free;
        pm_load(n);
        assert_true(pm_recents >= n);
        pm_load(n / 2); /* has as many */
        assert_true(pm_recents >= n);
        check_all();
        pm_make_room(RECENT_MAX - n / 2);
        assert_true(pm_recents <= n / 2);
        assert_int_equal(pm_count().free, free);
        check_all();
    }
}

/* ---- random, against the model ---- */

/* Takes many frames from the magazine, as vmem does; or puts many there: those of the RUNS that are of one frame. */
static void random_batch(size_t *runs, paddr_t *where, size_t *length) {
    size_t n = random_between(0, random_between(0, 4) ? 40 : RECENT_MAX + 1);
    if (random_word() & 1) {
        if (n > pm_count().free)
            return;
        for (pm_load(n); n > 0 && *runs < 4000; n--) {
            where[*runs] = pm_recent[--pm_recents];
            frame_set_kind(where[*runs], FRAME_PLAIN);
            take(where[*runs], 1);
            length[(*runs)++] = 1;
        }
        return;
    }
    pm_make_room(n);
    for (size_t i = *runs; i-- > 0 && n > 0;) {
        if (length[i] != 1)
            continue;
        pm_recent[pm_recents++] = where[i];
        frame_set_kind(where[i], FRAME_RECENT);
        give(where[i], 1);
        where[i] = where[--*runs];
        length[i] = length[*runs];
        n--;
    }
}

static void random_step(size_t *runs, paddr_t *where, size_t *length, unsigned fill) {
    if (random_between(0, 100) < fill && *runs < 4000) {
        size_t n = random_between(0, 4) ? 1 : random_between(0, 300);
        paddr_t pa = alloc(n);
        if (pa != PADDR_NONE) {
            where[*runs] = pa;
            length[(*runs)++] = n;
        }
    } else if (*runs) {
        size_t i = random_between(0, *runs);
        size_t part = random_between(1, length[i] + 1);
        paddr_t pa = where[i] + (length[i] - part) * PAGE_SIZE; /* the run's tail, often all of it */
        if (part == 1)
            pm_free_page(pa);
        else
            pm_free_pages(pa, part);
        give(pa, part);
        length[i] -= part;
        if (length[i] == 0) {
            where[i] = where[--*runs];
            length[i] = length[*runs];
        }
    }
}

static void test_random_operations_against_the_model(void **state) {
    static paddr_t where[4000];
    static size_t length[4000];
    size_t runs = 0;
    (void)state;
    start_machine(16);
    for (int i = 0; i < 200000; i++) {
        random_step(&runs, where, length, i / 20000 % 2 ? 40 : 65);
        if (i % 50 == 0)
            random_batch(&runs, where, length);
        if (i % 2000 == 0)
            check_all();
    }
    check_all();
}

/* ---- misuse: a panic, and everything as it was ---- */

static void call_free(uintptr_t pa, uintptr_t n) {
    (void)n;
    pm_free_page(pa);
}

static void call_free_run(uintptr_t pa, uintptr_t n) { pm_free_pages(pa, n); }

static paddr_t start_misuse(void) {
    start_machine(16);
    return alloc(16);
}

static void test_a_double_free_panics(void **state) {
    paddr_t pa = start_misuse(), single = alloc(1);
    (void)state;
    pm_free_page(single);
    give(single, 1);
    EXPECT_PANIC("free already", call_free, single, 0);
    EXPECT_PANIC("free already", call_free_run, single, 1);
    pm_free_pages(pa, 16);
    give(pa, 16);
    EXPECT_PANIC("free already", call_free_run, pa, 16);
    EXPECT_PANIC("free already", call_free, pa + 15 * PAGE_SIZE, 0);
    check_all();
}

static void test_an_unaligned_free_panics(void **state) {
    paddr_t pa = start_misuse();
    (void)state;
    EXPECT_PANIC("not page-aligned", call_free, pa + 1, 0);
    EXPECT_PANIC("not page-aligned", call_free, pa + PAGE_SIZE - 1, 0);
    EXPECT_PANIC("not page-aligned", call_free_run, pa + 0x800, 2);
    EXPECT_PANIC("0x", call_free, UINT32_MAX, 0);
    check_all();
}

static void call_alloc(uintptr_t n, uintptr_t b) {
    (void)b;
    n ? pm_alloc_pages(n) : pm_alloc_page();
}

static void call_share(uintptr_t pa, uintptr_t b) {
    (void)b;
    pm_share(pa);
}

static void call_drop(uintptr_t pa, uintptr_t b) {
    (void)b;
    pm_drop(pa);
}

static void test_an_interrupt_handler_is_refused(void **state) {
    paddr_t pa = start_misuse();
    (void)state;
    for (int round = 0; round < 2; round++) { /* with the magazine empty, and not */
        irqs_served = 1;
        EXPECT_PANIC("!in_interrupt()", call_alloc, 0, 0);
        EXPECT_PANIC("!in_interrupt()", call_alloc, 2, 0);
        EXPECT_PANIC("!in_interrupt()", call_free, pa, 0);
        EXPECT_PANIC("!in_interrupt()", call_free_run, pa, 2);
        EXPECT_PANIC("!in_interrupt()", call_share, pa, 0);
        EXPECT_PANIC("!in_interrupt()", call_drop, pa, 0);
        irqs_served = 0;
        check_all();
        paddr_t single = alloc(1);
        pm_free_page(single);
        give(single, 1);
    }
}

static void test_an_interrupt_handler_may_look(void **state) {
    paddr_t pa = start_misuse();
    pfn_t start, end;
    (void)state;
    struct pm_counts before = pm_count();
    irqs_served = 1;
    struct pm_counts counts = pm_count();
    assert_memory_equal(&counts, &before, sizeof counts);
    assert_int_equal(pm_state(pa), PM_USED);
    assert_true(pm_next_range(0, &start, &end) && start == LOW_MEMORY_END / PAGE_SIZE);
    irqs_served = 0;
}

/* The first owner is whoever allocates; each further one is counted, and the last gives the frame back. */
static void test_owners_are_counted(void **state) {
    paddr_t pa = start_misuse();
    (void)state;
    for (unsigned owners = 1; owners <= 3; owners++) {
        pm_share(pa);
        assert_int_equal(pm_is_shared(pa), owners > 1);
        EXPECT_PANIC("still mapped", call_free, pa, 0);
    }
    for (unsigned owners = 3; owners > 1; owners--) {
        assert_true(pm_is_shared(pa));
        pm_drop(pa);
        assert_int_equal(pm_state(pa), PM_USED);
    }
    assert_false(pm_is_shared(pa));
    EXPECT_PANIC("cannot be shared", call_share, pa + 4, 0);
    EXPECT_PANIC("cannot be dropped", call_drop, pa + 4, 0);
    pm_drop(pa);
    give(pa, 1);
    check_all();
    EXPECT_PANIC("cannot be dropped", call_drop, pa, 0); /* free */
    EXPECT_PANIC("cannot be shared", call_share, pa, 0);
    EXPECT_PANIC("cannot be dropped", call_drop, pa + PAGE_SIZE, 0); /* no owner is counted */
    paddr_t run = alloc(2); /* which goes back behind the magazine */
    pm_free_pages(run, 2);
    give(run, 2);
    EXPECT_PANIC("cannot be shared", call_share, run, 0);
    EXPECT_PANIC("cannot be dropped", call_drop, run, 0);
    *frame_at(run) = FRAME_PLAIN + 2 * FRAME_PAGE; /* somebody looks at it all the same */
    EXPECT_PANIC("cannot be dropped", call_drop, run, 0);
    assert_int_equal(*frame_at(run), FRAME_PLAIN + 2 * FRAME_PAGE);
    *frame_at(run) = FRAME_PLAIN;
    EXPECT_PANIC("cannot be shared", call_share, KERNEL_START, 0);
    EXPECT_PANIC("cannot be dropped", call_drop, KERNEL_START, 0);
    *frame_at(pa + PAGE_SIZE) |= FRAME_PAGES; /* there is no room for one more */
    EXPECT_PANIC("cannot be shared", call_share, pa + PAGE_SIZE, 0);
    assert_int_equal(*frame_at(pa + PAGE_SIZE), FRAME_PLAIN | FRAME_PAGES);
    *frame_at(pa + PAGE_SIZE) = FRAME_PLAIN;
    check_all();
}

/* The frame below 1 MiB, the first above it, and the last below 4 GiB. */
static void test_the_outermost_frames(void **state) {
    pfn_t first, end;
    (void)state;
    memset(ram, 0, sizeof ram);
    bitmap_fill(ram, LOW_FRAMES - 1, LOW_FRAMES + 1, true);
    bitmap_fill(ram, FRAMES_MAX - 33, FRAMES_MAX, true);
    start();
    check_all();
    assert_int_equal(pm_count().reserved, 1);
    assert_true(pm_next_range(0, &first, &end) && first == LOW_FRAMES && end == LOW_FRAMES + 1);
    assert_true(pm_next_range(end, &first, &end) && first == FRAMES_MAX - 33 && end == FRAMES_MAX);
    assert_true(pm_next_range(FRAMES_MAX - 1, &first, &end) && first == FRAMES_MAX - 1 && end == FRAMES_MAX);
    assert_false(pm_next_range(FRAMES_MAX, &first, &end));
    paddr_t run = alloc(33);
    assert_int_equal(run, (FRAMES_MAX - 33) * PAGE_SIZE);
    pm_free_pages(run, 33);
    give(run, 33);
    paddr_t all[34];
    for (unsigned i = 0; i < 34; i++) {
        all[i] = alloc(1);
        assert_int_not_equal(all[i], PADDR_NONE);
    }
    assert_int_equal(alloc(1), PADDR_NONE);
    for (unsigned i = 0; i < 34; i++) {
        pm_free_page(all[i]);
        give(all[i], 1);
    }
    check_all();
    EXPECT_PANIC("end of memory", call_free_run, 0xFFFFF000, 2);
    EXPECT_PANIC("not page-aligned", call_free, 1, 0);
    EXPECT_PANIC("reserved", call_free, 0xFF000, 0);
    check_all();
}

static void test_nothing_is_reserved_by_an_empty_range(void **state) {
    (void)state;
    start_machine(8);
    struct pm_counts before = pm_count();
    pm_reserve(0x300800, 0x300800);
    check_counts(&before);
    check_all();
    paddr_t pa = alloc(1);
    EXPECT_PANIC("handed out", call_reserve, 0x300800, 0x300800); /* still too late */
    pm_free_page(pa);
    give(pa, 1);
    check_all();
}

static void test_freeing_a_reserved_frame_panics(void **state) {
    (void)state;
    start_misuse();
    EXPECT_PANIC("reserved", call_free, 0, 0);
    EXPECT_PANIC("reserved", call_free, 0x1000, 0);
    EXPECT_PANIC("reserved", call_free, KERNEL_START, 0);
    EXPECT_PANIC("reserved", call_free_run, KERNEL_START, 3);
    check_all();
}

static void test_freeing_what_is_no_memory_panics(void **state) {
    (void)state;
    start_misuse();
    EXPECT_PANIC("no memory", call_free, 0xA0000, 0);
    EXPECT_PANIC("no memory", call_free, 16 << 20, 0);
    EXPECT_PANIC("no memory", call_free, 0xFFFFF000, 0);
    EXPECT_PANIC("no memory", call_free_run, 0xFEC00000, 2);
    check_all();
}

static void test_freeing_past_the_end_of_memory_panics(void **state) {
    paddr_t pa = start_misuse();
    (void)state;
    EXPECT_PANIC("end of memory", call_free_run, 0xFFFFF000, 2);
    EXPECT_PANIC("end of memory", call_free_run, pa, SIZE_MAX);
    EXPECT_PANIC("end of memory", call_free_run, pa, FRAMES_MAX);
    EXPECT_PANIC("end of memory", call_free_run, pa, 1 << 20 | 16); /* * 4096 wraps to 16 frames */
    check_all();
}

static void test_a_run_with_one_frame_not_handed_out_panics(void **state) {
    paddr_t pa = start_misuse();
    (void)state;
    for (size_t hole = 0; hole < 16; hole++) {
        pm_free_page(pa + hole * PAGE_SIZE);
        give(pa + hole * PAGE_SIZE, 1);
        EXPECT_PANIC("free already", call_free_run, pa, 16);
        check_all();
        while (model[pa_to_pfn(pa) + hole] == PM_FREE)
            assert_int_not_equal(alloc(1), PADDR_NONE);
    }
    pm_free_pages(pa, 16);
    give(pa, 16);
    check_all();
}

static void test_a_run_into_reserved_or_absent_frames_panics(void **state) {
    (void)state;
    start_machine(16);
    while (alloc(1) != PADDR_NONE) { /* all */
    }
    EXPECT_PANIC("no memory", call_free_run, (16 << 20) - PAGE_SIZE, 2);
    EXPECT_PANIC("reserved", call_free_run, KERNEL_START + 600 * 1024, 8);
    check_all();
}

/* Free frames are in the magazine or in the bitmap: each is free all the same. */
static void test_a_double_free_is_seen_in_the_magazine_and_in_the_bitmap(void **state) {
    paddr_t pa = start_misuse(), run = alloc(64);
    (void)state;
    pm_free_pages(run, 64);
    for (size_t i = 0; i < 4; i++)
        pm_free_page(pa + i * PAGE_SIZE);
    give(run, 64);
    give(pa, 4);
    for (size_t i = 0; i < 4; i++)
        EXPECT_PANIC("free already", call_free, pa + i * PAGE_SIZE, 0);
    EXPECT_PANIC("free already", call_free, run, 0);
    EXPECT_PANIC("free already", call_free, run + 63 * PAGE_SIZE, 0);
    EXPECT_PANIC("free already", call_free_run, pa, 16);
    EXPECT_PANIC("free already", call_free_run, run, 64);
    EXPECT_PANIC("free already", call_free_run, run - PAGE_SIZE, 2);
    paddr_t other = alloc(64); /* two frames in its middle go to the bitmap */
    pm_free_pages(other + 30 * PAGE_SIZE, 2);
    give(other + 30 * PAGE_SIZE, 2);
    EXPECT_PANIC("free already", call_free_run, other, 64);
    check_all();
}

/* What vmem records of a frame: nothing of it may be given back. */
static void test_tables_directories_and_mapped_frames_cannot_be_freed(void **state) {
    paddr_t pa = start_misuse();
    (void)state;
    *frame_at(pa) = FRAME_TABLE + 3 * FRAME_ENTRY;
    *frame_at(pa + PAGE_SIZE) = FRAME_DIRECTORY;
    *frame_at(pa + 2 * PAGE_SIZE) = FRAME_PLAIN + FRAME_PAGE;
    static const char *const text[] = {"it is a page table", "it is a page directory", "it is still mapped"};
    for (size_t i = 0; i < 3; i++) {
        frame_t before = *frame_at(pa + i * PAGE_SIZE);
        EXPECT_PANIC(text[i], call_free, pa + i * PAGE_SIZE, 0);
        EXPECT_PANIC(text[i], call_free_run, pa + i * PAGE_SIZE, 16 - i);
        assert_int_equal(*frame_at(pa + i * PAGE_SIZE), before);
    }
    assert_int_equal(pm_state(pa), PM_TABLE);
    assert_int_equal(pm_state(pa + PAGE_SIZE), PM_DIRECTORY);
    assert_int_equal(pm_state(pa + 2 * PAGE_SIZE), PM_USED);
    pm_check();
}

/* ---- pm_check sees damage ---- */

static void call_check(uintptr_t a, uintptr_t b) {
    (void)a;
    (void)b;
    pm_check();
}

/* The map is not pm's own: a bit lost in it makes a frame that is managed but absent. */
static void test_check_sees_a_frame_that_the_map_has_lost(void **state) {
    (void)state;
    start_machine(16);
    pm_check();
    bitmap_fill(ram, 0x800, 0x801, false);
    EXPECT_PANIC("", call_check, 0, 0);
}

static void check_sees(frame_t *record, frame_t broken, const char *text) {
    frame_t right = *record;
    *record = broken;
    EXPECT_PANIC(text, call_check, 0, 0);
    *record = right;
    pm_check();
}

static void test_check_sees_a_record_that_is_wrong(void **state) {
    (void)state;
    start_machine(16);
    paddr_t used = alloc(1), recent = alloc(1);
    pm_free_page(recent);
    give(recent, 1);
    check_sees(frame_at(used), FRAME_ABSENT, "assertion failed");
    check_sees(frame_at(used), FRAME_RESERVED, "assertion failed");
    check_sees(frame_at(used), FRAME_RECENT, "assertion failed");
    check_sees(frame_at(recent), FRAME_PLAIN, "assertion failed");
    check_sees(frame_at(KERNEL_START), FRAME_PLAIN, "assertion failed");
    check_sees(frame_at(0xA0000), FRAME_PLAIN, "assertion failed");
    pm_recent[1] = pm_recent[0]; /* one frame twice, another called recent: only as many as there should be */
    pm_recents = 2;
    *frame_at(used) = FRAME_RECENT;
    EXPECT_PANIC("distinct", call_check, 0, 0);
    *frame_at(used) = FRAME_PLAIN;
    pm_recents = 1;
    check_all();
    start_machine(3072);
    check_sees(frame_at(3071 * MIB_FRAMES * PAGE_SIZE), FRAME_RESERVED, "assertion failed"); /* the end of a large memory */
}

/* Turns one bit, lets pm_check find it, and turns it back. */
static void check_sees_bit(uint32_t *map, pfn_t pfn, const char *text) {
    map[pfn / 32] ^= 1u << (pfn % 32);
    EXPECT_PANIC(text, call_check, 0, 0);
    map[pfn / 32] ^= 1u << (pfn % 32);
    pm_check();
}

static void test_check_sees_counts_and_bitmaps_that_disagree(void **state) {
    const pfn_t end = 16 * MIB_FRAMES, absent = 0xA0; /* in the hole below 1 MiB */
    (void)state;
    start_machine(16);
    paddr_t run = pm_alloc_pages(64), used = run + 32 * PAGE_SIZE;
    assert_true(bitmap_test(pm_available, end - 1) && bitmap_test(pm_available, end - 2));
    check_sees_bit(pm_available, end - 1, "found.free == counts.free"); /* free, but not to be found */
    check_sees_bit(pm_available, pa_to_pfn(used), "words.leaf");        /* found, but not in the summary */
    check_sees_bit(pm_available, absent, "!is_available");
    check_sees_bit(pm_available, end + 5, "words_are(&pm_available"); /* no memory is near: no record is looked at */
    check_sees_bit(pm_available, 0, "!is_available"); /* reserved */
    check_sees_bit(ram, end - 1, "kind != FRAME_ABSENT");
    check_sees_bit(ram, absent, "kind != FRAME_ABSENT");
    check_sees_bit(ram, end + 5, "words_are(&ram");
    check_sees(frame_at(used), FRAME_RESERVED, "found.reserved == counts.reserved");
    check_sees(frame_at(used), FRAME_RECENT, "recents == pm_recents");
    check_sees(frame_at(used), FRAME_ABSENT, "kind != FRAME_ABSENT");
    for (frame_t kind = FRAME_DIRECTORY; kind <= FRAME_TABLE; kind += FRAME_TABLE - FRAME_DIRECTORY) {
        *frame_at(used) = kind;
        check_sees_bit(pm_available, pa_to_pfn(used), "!is_available");
    }
    *frame_at(used) = FRAME_PLAIN;
    bitmap_fill(ram, absent, absent + 1, true); /* a frame that nobody has counted */
    pm_frames[absent] = FRAME_RESERVED;
    EXPECT_PANIC("found.total == counts.total", call_check, 0, 0);
}

/* pm's summary, which pm_check has checked. */
static struct summary *words;

void __real_summary_check(const struct summary *s);
void __wrap_summary_check(const struct summary *s);
void __wrap_summary_check(const struct summary *s) {
    words = (struct summary *)(uintptr_t)s;
    __real_summary_check(s);
}

static void test_check_sees_each_level_of_a_stale_summary(void **state) {
    (void)state;
    start_machine(16);
    pm_check();
    assert_non_null(words);
    check_sees_bit(words->leaf, 0, "words.leaf"); /* called free: the first word, and the last */
    check_sees_bit(words->leaf, SUMMARY_MAX - 1, "words.leaf");
    check_sees_bit(words->middle, 0, "s->middle"); /* not to be found: what is free between 1 and 4 MiB */
    check_sees_bit(&words->top, 31, "s->top");
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_counts_are_right_to_the_frame_on_every_map),
    cmocka_unit_test(test_ranges_are_those_of_the_map_from_1_mib_up),
    cmocka_unit_test(test_next_range_from_inside_and_past_the_ranges),
    cmocka_unit_test(test_an_empty_map_has_nothing),
    cmocka_unit_test(test_pm_begins_anew_on_another_map),
    cmocka_unit_test(test_which_parts_of_4_mib_have_memory),
    cmocka_unit_test(test_reserving_withholds_every_frame_touched),
    cmocka_unit_test(test_reserving_everything_leaves_nothing),
    cmocka_unit_test(test_reserved_frames_are_never_handed_out),
    cmocka_unit_test(test_reserving_a_used_frame_or_backwards_panics),
    cmocka_unit_test(test_every_frame_is_handed_out_once_at_each_ram_size),
    cmocka_unit_test(test_every_run_is_handed_out_once_at_each_run_size),
    cmocka_unit_test(test_every_frame_of_every_map_is_handed_out_once),
    cmocka_unit_test(test_the_whole_memory_is_one_run),
    cmocka_unit_test(test_absurd_runs_are_refused),
    cmocka_unit_test(test_the_last_fitting_hole_is_found),
    cmocka_unit_test(test_a_run_is_given_back_in_parts),
    cmocka_unit_test(test_single_frames_are_given_back_as_a_run),
    cmocka_unit_test(test_freeing_no_frames_does_nothing),
    cmocka_unit_test(test_a_run_is_handed_out_again_in_parts),
    cmocka_unit_test(test_single_frames_are_found_in_the_run_freed_last),
    cmocka_unit_test(test_the_search_for_a_run_goes_on_behind_the_last_one),
    cmocka_unit_test(test_a_run_is_found_across_the_magazine_and_the_bitmap),
    cmocka_unit_test(test_a_full_magazine_loses_no_frame),
    cmocka_unit_test(test_the_magazine_is_loaded_and_makes_room),
    cmocka_unit_test(test_random_operations_against_the_model),
    cmocka_unit_test(test_a_double_free_panics),
    cmocka_unit_test(test_an_unaligned_free_panics),
    cmocka_unit_test(test_an_interrupt_handler_is_refused),
    cmocka_unit_test(test_an_interrupt_handler_may_look),
    cmocka_unit_test(test_owners_are_counted),
    cmocka_unit_test(test_the_outermost_frames),
    cmocka_unit_test(test_nothing_is_reserved_by_an_empty_range),
    cmocka_unit_test(test_freeing_a_reserved_frame_panics),
    cmocka_unit_test(test_freeing_what_is_no_memory_panics),
    cmocka_unit_test(test_freeing_past_the_end_of_memory_panics),
    cmocka_unit_test(test_a_run_with_one_frame_not_handed_out_panics),
    cmocka_unit_test(test_a_run_into_reserved_or_absent_frames_panics),
    cmocka_unit_test(test_a_double_free_is_seen_in_the_magazine_and_in_the_bitmap),
    cmocka_unit_test(test_tables_directories_and_mapped_frames_cannot_be_freed),
    cmocka_unit_test(test_check_sees_a_frame_that_the_map_has_lost),
    cmocka_unit_test(test_check_sees_a_record_that_is_wrong),
    cmocka_unit_test(test_check_sees_counts_and_bitmaps_that_disagree),
    cmocka_unit_test(test_check_sees_each_level_of_a_stale_summary),
};

HOST_MAIN(tests)
