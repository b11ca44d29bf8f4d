/* space: mm/space.c unchanged, with vmem and pm, over the simulated MMU of mmu.h.
 *
 * Every access is checked against the caches: a clone that leaves the parent's entries writable in the TLB, a copy that
 * leaves the old frame there, or a switch to a directory that has missed a change of the kernel's part fails the test.
 * Memory runs out because the test holds all but so many frames, or because its heap has nothing left. */
#include "space.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "cpu.h"
#include "frames.h"
#include "interrupt.h"
#include "kmalloc.h"
#include "memlayout.h"
#include "mmu.h"
#include "paging.h"
#include "support.h"

#define WRITE VMEM_WRITE
#define AT 0x40000000u
#define STATUS (PTE_ACCESSED | PTE_DIRTY) /* the processor sets them when it likes */

static void *at(uintptr_t va) { return (void *)va; }

/* ---- the heap ---- */

static size_t heap_objects, heap_left = SIZE_MAX;

void *kmalloc(size_t size) {
    if (heap_left == 0)
        return NULL;
    heap_left--;
    heap_objects++;
    return malloc(size);
}

void kfree(void *p) {
    heap_objects -= p != NULL;
    free(p);
}

/* ---- a machine ---- */

static memmap_frames ram;
static paddr_t held[MMU_FRAMES];
static size_t held_count, free_at_start;

static void leave_free(size_t n) {
    while (pm_count().free > n)
        held[held_count++] = pm_alloc_page();
}

static void release(void) {
    while (held_count > 0)
        pm_free_page(held[--held_count]);
}

static int boot(void **state) {
    (void)state;
    mmu_reset();
    memset(ram, 0, sizeof ram);
    bitmap_fill(ram, 0, 0x9F, true);
    bitmap_fill(ram, LOW_MEMORY_END / PAGE_SIZE, MMU_FRAMES, true);
    memset(pm_frames, 0, sizeof pm_frames);
    pm_init(ram);
    pm_reserve(KERNEL_START, (uintptr_t)kernel_end);
    pm_reserve(0x200000, 0x240000); /* a boot module */
    vmem_init();
    space_init();
    mmu_shared_from = KHEAP_START / TABLE_SPAN;
    free_at_start = pm_count().free;
    return 0;
}

static void check_all(void) {
    mmu_check_caches();
    space_check();
    pm_check();
}

/* All has been given back. */
static void check_end(void) {
    check_all();
    assert_int_equal(pm_count().free, free_at_start);
    assert_int_equal(heap_objects, 0);
}

/* ---- what programs do ---- */

static unsigned load(uintptr_t va) {
    unsigned word;
    if (mmu_try_load(at(va), &word))
        return word;
    assert_true(space_fault(at(va), 0));
    return mmu_load(at(va));
}

static void store(uintptr_t va, unsigned value) {
    if (mmu_try_store(at(va), value))
        return;
    unsigned present = mmu_lookup(at(va)) ? FAULT_PRESENT : 0;
    assert_true(space_fault(at(va), FAULT_WRITE | present));
    mmu_store(at(va), value);
}

static void check_store_refused(uintptr_t va) {
    assert_false(mmu_try_store(at(va), 1));
    assert_false(space_fault(at(va), FAULT_WRITE | (mmu_lookup(at(va)) ? FAULT_PRESENT : 0)));
}

static paddr_t frame(uintptr_t va) { return mmu_lookup(at(va)) & PTE_FRAME; }

/* ---- pages that come ---- */

static void test_pages_come_clear(void **state) {
    (void)state;
    assert_int_equal(space_reserve(at(AT + TABLE_SPAN - 0x5000), 10, WRITE | VMEM_USER), 0);
    assert_int_equal(free_at_start - pm_count().free, 2);
    for (unsigned i = 0; i < 10; i++) {
        uintptr_t va = AT + TABLE_SPAN - 0x5000 + i * PAGE_SIZE;
        assert_int_equal(mmu_lookup(at(va)), 0);
        for (unsigned w = 0; w < PAGE_SIZE; w += 4)
            assert_int_equal(load(va + w), 0); /* the frame was full of garbage */
        store(va, 77);
        assert_int_equal(mmu_lookup(at(va)) & PAGE_MASK, PTE_PRESENT | WRITE | VMEM_USER);
        check_all();
    }
    space_release(at(AT + TABLE_SPAN - 0x5000), 4);
    check_all();
    space_release(at(AT), 2 * 1024); /* the rest, and what was never there */
    check_end();
}

static void test_faults_that_are_real_are_refused(void **state) {
    (void)state;
    assert_int_equal(space_reserve(at(AT), 2, 0), 0);
    check_store_refused(AT);
    assert_int_equal(load(AT), 0);
    check_store_refused(AT);
    assert_false(space_fault(at(AT + PAGE_SIZE), FAULT_USER));
    assert_false(space_fault(at(AT + 2 * PAGE_SIZE), 0));
    assert_false(space_fault(at(AT + TABLE_SPAN), 0));
    assert_int_equal(space_map_copy(at(AT + 8 * PAGE_SIZE), 0x200000, 1, WRITE), 0);
    assert_false(space_fault(at(AT + 8 * PAGE_SIZE), FAULT_PRESENT)); /* a read needs no copy */
    assert_int_equal(frame(AT + 8 * PAGE_SIZE), 0x200000);
    assert_false(space_fault(at(0), 0));
    assert_false(space_fault(at(KHEAP_START), 0));
    assert_false(space_fault(at(0xFFFFF000), 0));
    assert_int_equal(vmem_map(at(AT + 5 * PAGE_SIZE), 0xFEC00000, 0), 0); /* not the space's */
    check_store_refused(AT + 5 * PAGE_SIZE);
    assert_false(space_allows(at(AT + 5 * PAGE_SIZE), 1, 0));
    space_release(at(AT), 9);
    check_end();
}

/* Somebody maps a frame that is free; then it comes at a first touch. */
static void test_a_page_that_comes_keeps_another_page_of_its_frame(void **state) {
    (void)state;
    assert_int_equal(space_reserve(at(AT), 2, WRITE), 0);
    paddr_t pa = pm_alloc_page();
    pm_free_page(pa);
    assert_int_equal(vmem_map(at(AT + 2 * PAGE_SIZE), pa, WRITE), 0);
    store(AT, 1);
    assert_int_equal(frame(AT), pa);
    check_all();
    assert_int_equal(vmem_unmap(at(AT + 2 * PAGE_SIZE)), 0);
    space_release(at(AT), 2);
    check_end();
}

/* ---- clones and copies ---- */

static void test_a_clone_takes_the_right_to_write_out_of_the_tlb(void **state) {
    (void)state;
    assert_int_equal(space_reserve(at(AT), 3, WRITE), 0);
    for (unsigned i = 0; i < 3; i++)
        store(AT + i * PAGE_SIZE, i); /* writable, and in the TLB */
    struct space *child = space_clone();
    mmu_check_caches();
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(mmu_lookup(at(AT + i * PAGE_SIZE)) & WRITE, 0);
    store(AT, 100);
    mmu_check_caches();
    assert_int_equal(load(AT), 100);
    struct space *parent = space_current();
    space_switch(child);
    assert_int_equal(load(AT), 0);
    store(AT + PAGE_SIZE, 200);
    check_all();
    space_switch(parent);
    assert_int_equal(load(AT + PAGE_SIZE), 1);
    space_destroy(child);
    space_release(at(AT), 3);
    check_end();
}

static void test_a_copy_takes_the_old_frame_out_of_the_tlb(void **state) {
    (void)state;
    assert_int_equal(space_reserve(at(AT), 1, WRITE), 0);
    for (unsigned w = 0; w < 1024; w++)
        store(AT + w * 4, w);
    struct space *child = space_clone();
    assert_int_equal(load(AT), 0); /* the shared frame is in the TLB */
    paddr_t old = frame(AT);
    store(AT + 4, 999);
    mmu_check_caches();
    assert_int_not_equal(frame(AT), old);
    assert_int_equal(mmu_lookup(at(AT)) & (WRITE | VMEM_USER), WRITE);
    for (unsigned w = 0; w < 1024; w++) {
        assert_int_equal(load(AT + w * 4), w == 1 ? 999 : w);
        assert_int_equal(mmu_word(old + w * 4), w);
    }
    space_destroy(child);
    assert_int_equal(pm_state(old), PM_FREE);
    space_release(at(AT), 1);
    check_end();
}

static void test_the_last_owner_writes_in_place(void **state) {
    (void)state;
    assert_int_equal(space_reserve(at(AT), 1, WRITE), 0);
    store(AT, 1);
    paddr_t old = frame(AT);
    space_destroy(space_clone());
    assert_int_equal(load(AT), 1); /* read-only still, and in the TLB */
    size_t left = pm_count().free;
    store(AT, 2);
    mmu_check_caches();
    assert_int_equal(frame(AT), old);
    assert_int_equal(pm_count().free, left);
    space_release(at(AT), 1);
    check_end();
}

static void test_frames_of_a_module_are_copied_even_by_their_only_page(void **state) {
    (void)state;
    mmu_set_word(0x200004, 0xABCD);
    assert_int_equal(space_map_copy(at(AT), 0x200000, 64, WRITE), 0);
    assert_int_equal(free_at_start - pm_count().free, 1);
    assert_int_equal(load(AT + 4), 0xABCD);
    store(AT + 4, 1);
    assert_int_equal(mmu_word(0x200004), 0xABCD);
    assert_int_equal(space_map_copy(at(AT + TABLE_SPAN), 0x200000, 1, 0), 0);
    check_store_refused(AT + TABLE_SPAN);
    assert_int_equal(space_protect(at(AT + TABLE_SPAN), 1, WRITE), 0);
    store(AT + TABLE_SPAN + 4, 2);
    assert_int_equal(mmu_word(0x200004), 0xABCD);
    check_all();
    space_release(at(AT), 2048);
    check_end();
}

/* Whether they are shared is the tables' matter, as of any frame: a module's has one page here, then two. */
static void test_frames_of_a_module_are_shared_by_two_pages(void **state) {
    (void)state;
    assert_int_equal(space_map_copy(at(AT), 0x200000, 3, WRITE), 0);
    assert_false(pm_is_shared(0x200000));
    assert_int_equal(space_map_copy(at(AT + TABLE_SPAN), 0x200000, 2, 0), 0);
    assert_true(pm_is_shared(0x200000) && pm_is_shared(0x201000) && !pm_is_shared(0x202000));
    store(AT + PAGE_SIZE, 1);
    assert_false(pm_is_shared(0x201000));
    struct space_counts counts = space_count(space_current());
    assert_true(counts.present == 5 && counts.shared == 4); /* nobody but the module owns its frames alone */
    space_release(at(AT), 2048);
    check_end();
}

/* A device's pages, mapped one by one: each space has tables of its own at the same place. */
static void test_pages_are_mapped_in_their_own_space(void **state) {
    struct space *me = space_current(), *other = space_create();
    (void)state;
    for (uintptr_t va = AT; va < AT + 8 * PAGE_SIZE; va += 2 * PAGE_SIZE) {
        assert_int_equal(vmem_map(at(va), 0xFEC00000, WRITE), 0);
        assert_int_equal(vmem_map(at(va + PAGE_SIZE), 0xFEC01000, WRITE), 0);
        check_all();
        space_switch(space_current() == me ? other : me);
    }
    space_switch(other);
    assert_int_equal(vmem_unmap(at(AT + 2 * PAGE_SIZE)), 0);
    space_switch(me);
    assert_int_equal(vmem_unmap(at(AT)), 0);
    check_all();
    space_destroy(other);
    space_release(at(AT), 8);
    check_end();
}

/* A table without room may have pages that have not come. */
static void test_a_full_table_is_not_a_mapped_one(void **state) {
    const uintptr_t last = AT + TABLE_SPAN - PAGE_SIZE;
    (void)state;
    assert_int_equal(AT % TABLE_SPAN, 0);
    assert_int_equal(space_reserve(at(AT), 1023, WRITE), 0);
    assert_int_equal(vmem_map(at(last), 0xFEC00000, WRITE), 0);
    assert_int_equal(vmem_unmap_range(at(last - PAGE_SIZE), 2), VMEM_ABSENT);
    assert_int_equal(vmem_protect(at(last - PAGE_SIZE), 2 * PAGE_SIZE, 0), VMEM_ABSENT);
    assert_int_equal(space_protect(at(last - PAGE_SIZE), 2, 0), VMEM_ABSENT); /* the last one is not the space's */
    assert_int_equal(vmem_unmap(at(last)), 0);
    check_all();
    space_release(at(AT), 1023);
    check_end();
}

/* All frames of a table go into the magazine at once, on top of what is there; its own goes, too. */
static void test_full_tables_go_with_their_space(void **state) {
    (void)state;
    for (unsigned pages = 1024; pages <= 3 * 1024; pages += 2 * 1024) {
        struct space *me = space_current(), *other = space_create();
        space_switch(other);
        assert_int_equal(space_reserve(at(AT), pages, WRITE), 0);
        for (unsigned i = 0; i < pages; i++)
            store(AT + i * PAGE_SIZE, i);
        space_switch(me);
        pm_free_page(pm_alloc_page());
        space_destroy(other);
        check_end();
    }
}

/* A table's frame may be mapped by an entry of that same table. */
static void test_a_table_may_be_mapped_by_itself(void **state) {
    struct vmem_walk walk;
    (void)state;
    assert_int_equal(space_reserve(at(AT), 2, WRITE), 0);
    vmem_walk(at(AT), &walk);
    assert_int_equal(vmem_map(at(AT + 2 * PAGE_SIZE), walk.pde & PTE_FRAME, 0), 0);
    check_all();
    space_release(at(AT), 3);
    check_all();
    assert_int_equal(*frame_at(walk.pde & PTE_FRAME) & FRAME_PAGES, 0);
    check_end();
}

/* A frame may have pages while it is free: pm counts them on, wherever it has the frame, and whatever it becomes. */
static void test_a_free_frame_keeps_its_pages(void **state) {
    struct vmem_walk walk;
    (void)state;
    assert_int_equal(space_reserve(at(AT), 1, WRITE), 0);
    store(AT, 1);
    assert_int_equal(vmem_map(at(AT + PAGE_SIZE), 0xFEC00000, 0), 0);
    for (unsigned moves = 0; moves < 3; moves++) {
        const paddr_t a = pm_alloc_page(), b = pm_alloc_page();
        pm_free_page(a);
        pm_free_page(b);
        if (moves == 1)
            pm_make_room(RECENT_MAX); /* out of the magazine; the next load takes it in */
        assert_int_equal(vmem_map(at(AT + 2 * PAGE_SIZE), a, 0), 0);
        assert_int_equal(vmem_map(at(AT + 3 * PAGE_SIZE), b, 0), 0);
        if (moves == 2)
            pm_make_room(RECENT_MAX);
        check_all();
        assert_int_equal(vmem_alloc_range(at(KHEAP_START), 2, WRITE), 0);
        check_all();
        assert_int_equal(vmem_unmap_range(at(AT + 2 * PAGE_SIZE), 2), 0);
        assert_int_equal(vmem_free_range(at(KHEAP_START), 2), 0);
        check_all();
    }
    paddr_t table = pm_alloc_page(), directory = pm_alloc_page();
    pm_free_page(table);
    pm_free_page(directory);
    assert_int_equal(vmem_map(at(AT + 2 * PAGE_SIZE), table, 0), 0);
    assert_int_equal(vmem_map(at(AT + 3 * PAGE_SIZE), directory, 0), 0);
    struct space *child = space_clone();
    assert_true(space_walk(child, at(AT), &walk));
    assert_true(walk.directory == directory && (walk.pde & PTE_FRAME) == table);
    check_all();
    space_destroy(child); /* nor does who looks at them keep it */
    check_all();
    space_release(at(AT), 4);
    check_end();
}

/* What the processor reported may be mended by now. */
static void test_a_fault_that_has_been_mended_is_refused(void **state) {
    (void)state;
    assert_int_equal(space_reserve(at(AT), 1, WRITE), 0);
    assert_true(space_fault(at(AT), FAULT_WRITE));
    mmu_store(at(AT), 5);
    assert_false(space_fault(at(AT), FAULT_WRITE));
    assert_int_equal(load(AT), 5);
    space_release(at(AT), 1);
    check_end();
}

static void test_a_device_is_cloned_however_often_it_was_mapped(void **state) {
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(vmem_map_range(at(AT), 0xFD000000, 2, WRITE), 0);
        struct space *child = space_clone();
        assert_non_null(child);
        check_all();
        space_destroy(child);
        assert_int_equal(vmem_unmap_range(at(AT), 2), 0);
    }
    check_end();
}

/* The current directory's tables. */
static void test_tables_are_counted_in_each_space(void **state) {
    struct space *me = space_current(), *other = space_create();
    size_t kernels = vmem_tables();
    (void)state;
    assert_int_equal(space_reserve(at(AT), 1, WRITE), 0);
    assert_int_equal(vmem_tables(), kernels + 1);
    space_switch(other);
    assert_int_equal(vmem_tables(), kernels);
    assert_int_equal(space_reserve(at(AT), 2 * 1024, WRITE), 0);
    assert_int_equal(vmem_tables(), kernels + 2);
    space_switch(me);
    space_destroy(other);
    assert_int_equal(vmem_tables(), kernels + 1);
    space_release(at(AT), 1);
    check_end();
}

/* Wherever a directory's frame lies, it can be looked at: even where the identity map shows no frame, but others. */
static void test_a_directory_may_lie_where_the_scratch_page_is(void **state) {
    struct vmem_walk walk;
    paddr_t last;
    (void)state;
    while ((last = pm_alloc_page()) != SCRATCH_PAGE) {
        assert_true(last != PADDR_NONE);
        held[held_count++] = last;
    }
    pm_free_page(SCRATCH_PAGE);
    struct space *other = space_create();
    space_walk(other, at(AT), &walk);
    assert_int_equal(walk.directory, SCRATCH_PAGE);
    check_all();
    space_destroy(other);
    while (held_count > 0)
        pm_free_page(held[--held_count]);
    check_end();
}

/* Pages that vmem_map has put into the user part are in both spaces, and nobody's to copy or give back. */
static void test_a_device_stays_a_device_in_a_clone(void **state) {
    struct vmem_walk walk;
    (void)state;
    assert_int_equal(vmem_map(at(AT), 0xFEC00000, WRITE | VMEM_NO_CACHE), 0);
    paddr_t mine = pm_alloc_page();
    assert_int_equal(vmem_map(at(AT + PAGE_SIZE), mine, WRITE), 0);
    assert_int_equal(vmem_map(at(AT + 2 * PAGE_SIZE), 0xB8000, WRITE), 0); /* has a record like memory's */
    struct space *child = space_clone();
    assert_int_equal(mmu_lookup(at(AT)), 0xFEC00000 | PTE_PRESENT | WRITE | VMEM_NO_CACHE);
    assert_true(space_walk(child, at(AT), &walk));
    assert_int_equal(walk.pte & 0xFFFFF01F, 0xFEC00000 | PTE_PRESENT | WRITE | VMEM_NO_CACHE);
    check_all();
    assert_int_equal(vmem_unmap(at(AT + 2 * PAGE_SIZE)), 0);
    check_all();
    space_destroy(child);
    space_release(at(AT), 2);
    assert_int_equal(pm_state(mine), PM_USED);
    pm_free_page(mine);
    check_end();
}

/* A view does not count as one of its frame's pages, nor does its end. */
static void test_a_view_goes_with_its_space(void **state) {
    (void)state;
    paddr_t pa = pm_alloc_page();
    frame_t record = *frame_at(pa);
    assert_int_equal(vmem_map(at(AT), pa, WRITE | VMEM_VIEW), 0);
    struct space *child = space_clone();
    assert_int_equal(*frame_at(pa), record);
    space_destroy(child);
    assert_int_equal(*frame_at(pa), record);
    check_all();
    space_release(at(AT), 1);
    assert_int_equal(*frame_at(pa), record);
    pm_free_page(pa);
    check_end();
}

/* ---- permissions ---- */

static void protect_pages(uintptr_t va, size_t n) {
    assert_int_equal(space_reserve(at(va), n, WRITE), 0);
    for (size_t i = 0; i < n; i += 2)
        store(va + i * PAGE_SIZE, i);
    struct space *child = space_clone();
    for (size_t i = 0; i < n; i += 4)
        store(va + i * PAGE_SIZE, i);
    store(va + (n - 1) * PAGE_SIZE, n);
    for (size_t i = 0; i < n; i++)
        load(va + i * PAGE_SIZE);
    assert_int_equal(space_protect(at(va), n, n % 2 ? 0 : VMEM_USER), 0);
    mmu_check_caches();
    check_store_refused(va);
    check_store_refused(va + (n - 1) * PAGE_SIZE);
    if (n > 2)
        check_store_refused(va + 2 * PAGE_SIZE); /* which waits to be copied */
    assert_int_equal(space_protect(at(va), n, WRITE | VMEM_USER), 0);
    mmu_check_caches();
    for (size_t i = 0; i < n; i++)
        store(va + i * PAGE_SIZE, i);
    assert_int_equal(space_protect(at(va), n + 1, 0), VMEM_ABSENT);
    check_all();
    space_destroy(child);
    space_release(at(va), n);
    check_end();
}

/* In one table, and in two. */
static void test_protecting_leaves_no_stale_entry(void **state) {
    (void)state;
    for (size_t n = 1; n <= 200; n = n * 3 + 1) {
        protect_pages(AT, n);
        protect_pages(AT + TABLE_SPAN - (n + 1) / 2 * PAGE_SIZE, n);
    }
}

/* The table in the middle is not there. */
static void test_protecting_past_a_table_that_is_absent_is_refused(void **state) {
    const uintptr_t last = AT + 2 * TABLE_SPAN;
    (void)state;
    assert_int_equal(space_reserve(at(AT + TABLE_SPAN - PAGE_SIZE), 1, WRITE), 0);
    assert_int_equal(space_reserve(at(last), 1, WRITE), 0);
    assert_int_equal(space_protect(at(AT + TABLE_SPAN - PAGE_SIZE), 1024 + 2, 0), VMEM_ABSENT);
    store(last, 1);
    store(AT + TABLE_SPAN - PAGE_SIZE, 1);
    space_release(at(AT + TABLE_SPAN - PAGE_SIZE), 1024 + 2);
    check_end();
}

/* From any permissions to any others: a page that is only opened must be flushed, too. */
static void test_protecting_leaves_no_stale_permissions(void **state) {
    static const unsigned all[] = {0, VMEM_USER, WRITE, WRITE | VMEM_USER};
    (void)state;
    assert_int_equal(space_reserve(at(AT), 2, WRITE), 0);
    for (size_t from = 0; from < ARRAY_SIZE(all); from++)
        for (size_t to = 0; to < ARRAY_SIZE(all); to++) {
            assert_int_equal(space_protect(at(AT), 2, all[from]), 0);
            load(AT);
            load(AT + PAGE_SIZE);
            assert_int_equal(space_protect(at(AT), 2, all[to]), 0);
            mmu_check_caches();
        }
    space_release(at(AT), 2);
    check_end();
}

/* ---- the kernel's part ---- */

/* Those of other pages stay in the TLB. */
static void test_releasing_a_few_pages_flushes_them_one_by_one(void **state) {
    size_t flushes = 0;
    (void)state;
    assert_int_equal(space_reserve(at(AT), 4, WRITE), 0);
    for (uintptr_t va = AT; va < AT + 4 * PAGE_SIZE; va += PAGE_SIZE)
        store(va, 1);
    mmu_event_count = 0;
    space_release(at(AT), 3);
    for (size_t i = 0; i < mmu_event_count; i++) {
        assert_int_not_equal(mmu_events[i].kind, MMU_SET_DIRECTORY);
        flushes += mmu_events[i].kind == MMU_FLUSH && mmu_events[i].where - AT < 3 * PAGE_SIZE;
    }
    assert_int_equal(flushes, 3);
    space_release(at(AT + 3 * PAGE_SIZE), 1);
    check_end();
}

static void test_a_directory_is_brought_up_to_date_before_it_is_loaded(void **state) {
    struct space *me = space_current(), *a = space_create(), *b = space_create();
    (void)state;
    for (unsigned round = 0; round < 4; round++) {
        space_switch(a);
        assert_int_equal(vmem_alloc_range(at(KHEAP_START + TABLE_SPAN - PAGE_SIZE), 2, WRITE), 0);
        store(KHEAP_START + TABLE_SPAN, round);
        check_all();
        space_switch(round % 2 ? b : me);
        assert_int_equal(mmu_load(at(KHEAP_START + TABLE_SPAN)), round);
        assert_int_equal(vmem_free_range(at(KHEAP_START + TABLE_SPAN - PAGE_SIZE), 2), 0);
        check_all();
        space_switch(b);
        assert_int_equal(mmu_lookup(at(KHEAP_START + TABLE_SPAN)), 0);
        struct space *late = space_create(); /* has the kernel's part of the moment */
        space_switch(late);
        space_switch(me);
        space_destroy(late);
    }
    space_destroy(a);
    space_destroy(b);
    check_end();
}

/* Every edit counts by itself: as many tables as before do not make the kernel's part the same. */
static void test_a_directory_that_missed_a_table_for_another_is_brought_up_to_date(void **state) {
    struct space *me = space_current(), *other = space_create();
    (void)state;
    assert_int_equal(vmem_alloc_range(at(KHEAP_START), 1, WRITE), 0);
    space_switch(other);
    space_switch(me);
    assert_int_equal(vmem_alloc_range(at(KHEAP_START + TABLE_SPAN), 1, WRITE), 0);
    assert_int_equal(vmem_free_range(at(KHEAP_START), 1), 0);
    space_switch(other);
    check_all();
    assert_int_equal(vmem_free_range(at(KHEAP_START + TABLE_SPAN), 1), 0);
    space_switch(me);
    space_destroy(other);
    check_end();
}

/* However many it has missed. */
static void test_a_directory_that_missed_many_edits_is_brought_up_to_date(void **state) {
    struct space *me = space_current();
    (void)state;
    for (unsigned edits = 2; edits; edits *= 2) {
        struct space *other = space_create();
        vmem_generation += edits - 2; /* as if tables had come and gone */
        assert_int_equal(vmem_alloc_range(at(KHEAP_START), 1, WRITE), 0);
        assert_int_equal(vmem_alloc_range(at(KHEAP_START + TABLE_SPAN), 1, WRITE), 0);
        space_switch(other);
        check_all();
        space_switch(me);
        assert_int_equal(vmem_free_range(at(KHEAP_START), 1), 0);
        assert_int_equal(vmem_free_range(at(KHEAP_START + TABLE_SPAN), 1), 0);
        space_destroy(other);
    }
    check_end();
}

/* The edits are counted in 32 bits. */
static void test_a_directory_that_has_seen_more_edits_than_were_counted_since_is_brought_up_to_date(void **state) {
    struct space *me = space_current(), *other;
    (void)state;
    vmem_generation = UINT_MAX;
    other = space_create();
    assert_int_equal(vmem_alloc_range(at(KHEAP_START), 1, WRITE), 0);
    assert_int_equal(vmem_generation, 0);
    store(KHEAP_START, 7);
    space_switch(other);
    assert_int_equal(mmu_load(at(KHEAP_START)), 7);
    check_all();
    assert_int_equal(vmem_free_range(at(KHEAP_START), 1), 0);
    space_switch(me);
    space_destroy(other);
    check_end();
}

/* ---- running out ---- */

static int reserve_two_tables(void) { return space_reserve(at(AT + TABLE_SPAN - PAGE_SIZE), 2, WRITE); }
static int map_copy_two_tables(void) {
    return space_map_copy(at(AT + TABLE_SPAN - PAGE_SIZE), 0x200000, 2, WRITE);
}

static int clone(void) {
    struct space *child = space_clone();
    if (!child)
        return -1;
    space_destroy(child);
    return 0;
}

static int create(void) {
    struct space *space = space_create();
    if (!space)
        return -1;
    space_destroy(space);
    return 0;
}

static int first_touch(void) { return space_fault(at(AT), FAULT_WRITE) ? 0 : -1; }
static int first_write(void) { return space_fault(at(AT), FAULT_WRITE | FAULT_PRESENT) ? 0 : -1; }

/* With 0, 1, ... frames free, until it succeeds; returns how often it failed, and changed nothing. */
static size_t fail_each(int (*operation)(void)) {
    for (size_t failures = 0;; failures++) {
        leave_free(failures);
        size_t objects = heap_objects, left = pm_count().free;
        int result = operation();
        if (result == 0) {
            release();
            return failures;
        }
        assert_int_equal(pm_count().free, left);
        assert_int_equal(heap_objects, objects);
        check_all();
        release();
    }
}

static void test_running_out_at_each_frame_changes_nothing(void **state) {
    (void)state;
    assert_int_equal(fail_each(reserve_two_tables), 2);
    space_release(at(AT), 2048);
    assert_int_equal(fail_each(map_copy_two_tables), 2);
    space_release(at(AT), 2048);
    assert_int_equal(fail_each(create), 1);
    assert_int_equal(space_reserve(at(AT), 1, WRITE), 0);
    assert_int_equal(fail_each(first_touch), 1);
    store(AT, 5);
    struct space *child = space_clone();
    assert_int_equal(fail_each(first_write), 1);
    assert_int_equal(load(AT), 5);
    space_destroy(child);
    space_release(at(AT), 1);
    check_end();
}

static void test_a_clone_that_fails_changes_nothing(void **state) {
    (void)state;
    for (unsigned table = 0; table < 4; table++) {
        assert_int_equal(space_reserve(at(AT + table * TABLE_SPAN), 30, WRITE), 0);
        for (unsigned i = 0; i < 30; i += 3)
            store(AT + table * TABLE_SPAN + i * PAGE_SIZE, i);
    }
    assert_int_equal(fail_each(clone), 5);
    heap_left = 0;
    assert_null(space_clone());
    assert_null(space_create());
    heap_left = SIZE_MAX;
    for (unsigned table = 0; table < 4; table++)
        for (unsigned i = 0; i < 30; i++) {
            assert_int_equal(load(AT + table * TABLE_SPAN + i * PAGE_SIZE), i % 3 ? 0 : i);
            store(AT + table * TABLE_SPAN + i * PAGE_SIZE, i);
        }
    assert_int_equal(space_count(space_current()).shared, 0);
    check_all();
    space_release(at(AT), 4 * 1024);
    check_end();
}

/* The record of a frame has room for so many pages. Here it is all but full. */
static void test_a_frame_with_too_many_owners_is_no_memory(void **state) {
    (void)state;
    assert_int_equal(space_map_copy(at(AT), 0x200000, 3, WRITE), 0);
    *frame_at(0x201000) += FRAME_PAGES - FRAME_PAGE; /* as if so many more were mapped */
    assert_int_equal(space_map_copy(at(AT + TABLE_SPAN), 0x200000, 3, WRITE), VMEM_NO_MEMORY);
    assert_int_equal(space_map_copy(at(AT + TABLE_SPAN), 0x201000, 2, WRITE), VMEM_NO_MEMORY);
    assert_int_equal(space_map_copy(at(AT + 2 * TABLE_SPAN - PAGE_SIZE), 0x200000, 2, WRITE), VMEM_NO_MEMORY);
    assert_int_equal(mmu_lookup(at(AT + 2 * TABLE_SPAN - PAGE_SIZE)), 0); /* of two tables */
    assert_int_equal(space_map_copy(at(AT + TABLE_SPAN), 0x200000, 1, WRITE), 0); /* ends before that frame */
    assert_null(space_clone());
    *frame_at(0x201000) -= FRAME_PAGES - FRAME_PAGE;
    check_all();
    space_release(at(AT), 1025);
    check_end();
}

/* ---- looking ---- */

static void test_what_a_program_may_access_to_the_byte(void **state) {
    const uintptr_t last = KHEAP_START - PAGE_SIZE, row = AT + 8 * PAGE_SIZE;
    (void)state;
    assert_int_equal(space_reserve(at(AT), 1, WRITE | VMEM_USER), 0);
    assert_int_equal(space_reserve(at(AT + PAGE_SIZE), 1, VMEM_USER), 0);
    assert_int_equal(vmem_map(at(AT + 3 * PAGE_SIZE), 0xFEC00000, WRITE | VMEM_USER),
                     0); /* not the space's */
    assert_int_equal(space_reserve(at(row), 3, WRITE | VMEM_USER), 0);
    assert_int_equal(space_protect(at(row + PAGE_SIZE), 1, VMEM_USER), 0);
    assert_int_equal(space_reserve(at(last), 1, VMEM_USER), 0);
    assert_int_equal(space_reserve(at(FREE_START), 1, VMEM_USER), 0);
    const struct {
        uintptr_t va;
        size_t bytes;
        unsigned flags;
        bool allowed;
    } cases[] = {
        {AT, PAGE_SIZE, WRITE | VMEM_USER, true},
        {AT, PAGE_SIZE + 1, VMEM_USER, true},
        {AT, PAGE_SIZE + 1, WRITE, false},
        {AT + PAGE_MASK, 1, WRITE, true},
        {AT + PAGE_MASK, 2, WRITE, false},
        {AT + PAGE_SIZE, 1, WRITE, false},
        {AT, 2 * PAGE_SIZE, VMEM_USER, true},
        {AT, 2 * PAGE_SIZE + 1, VMEM_USER, false},
        {AT - 1, 2, VMEM_USER, false},
        {AT + 3 * PAGE_SIZE, 1, VMEM_USER, false},
        {AT + PAGE_SIZE, row - AT, 0, false}, /* some are not there, between two that are */
        {row, 3 * PAGE_SIZE, VMEM_USER, true},
        {row, 3 * PAGE_SIZE, WRITE, false}, /* the middle one's */
        {AT + TABLE_SPAN, 1, 0, false},     /* has no table */
        {AT, (size_t)0 - AT, 0, false}, /* wraps */
        {AT, SIZE_MAX, 0, false},
        {AT + 16, SIZE_MAX, 0, false},
        {AT + 16, SIZE_MAX - 14, 0, false},
        {last, PAGE_SIZE, VMEM_USER, true},
        {last, PAGE_SIZE + 1, 0, false},
        {KHEAP_START, 1, 0, false},
        {FREE_START, 1, VMEM_USER, true},
        {FREE_START - 1, 2, 0, false},
        {AT + 2 * PAGE_SIZE, 0, 0, true}, /* nothing */
        {KHEAP_START, 0, 0, true},
        {FREE_START - PAGE_SIZE, 0, 0, false},
        {KHEAP_START + PAGE_SIZE, 0, 0, false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        if (space_allows(at(cases[i].va), cases[i].bytes, cases[i].flags) != cases[i].allowed)
            fail_msg("0x%zx bytes at 0x%08x", cases[i].bytes, cases[i].va);
    store(AT, 1);
    struct space *child = space_clone();
    assert_true(space_allows(at(AT), 1, WRITE)); /* once it has been copied */
    store(row, 1);
    assert_true(space_allows(at(row), PAGE_SIZE, WRITE));
    assert_int_equal(space_protect(at(row), 2, WRITE), 0);
    space_destroy(child);
    store(row + PAGE_SIZE, 2);
    child = space_clone();
    store(row, 1);
    assert_true(space_allows(at(row), 2 * PAGE_SIZE, WRITE)); /* one is copied, the other waits to be */
    space_destroy(child);
    assert_int_equal(vmem_unmap(at(AT + 3 * PAGE_SIZE)), 0);
    space_release(at(AT), 11);
    space_release(at(last), 1);
    space_release(at(FREE_START), 1);
    check_end();
}

/* The walk through another space, and its counts, are what that space's own are. */
static void test_another_space_is_seen_as_from_inside(void **state) {
    enum { KERNELS = 6 };
    static const uintptr_t places[] = {0x5000,
                                       AT,
                                       AT + PAGE_SIZE + 7,
                                       AT + 2 * PAGE_SIZE + 9, /* reserved, absent */
                                       AT + TABLE_SPAN,
                                       AT + 2 * TABLE_SPAN + 9, /* no table */
                                       [KERNELS] = KHEAP_START,
                                       0xFFFFF000,
                                       0xFFC00000 + AT / 1024,
                                       FREE_START,
                                       KHEAP_START - 1,
                                       SCRATCH_PAGE};
    struct vmem_walk inside[ARRAY_SIZE(places)], outside;
    struct space *me = space_current();
    (void)state;
    assert_int_equal(space_reserve(at(AT), 3, WRITE), 0);
    assert_int_equal(space_reserve(at(AT + TABLE_SPAN), 1, WRITE), 0);
    store(AT, 1);
    store(AT + PAGE_SIZE, 2);
    assert_int_equal(space_reserve(at(FREE_START), 1, WRITE), 0);
    struct space *other = space_clone();
    store(AT, 3); /* a copy: this frame is nobody else's */
    store(FREE_START, 4); /* and these pages have come here alone */
    assert_int_equal(space_reserve(at(KHEAP_START - PAGE_SIZE), 1, WRITE), 0);
    store(KHEAP_START - PAGE_SIZE, 5);
    for (size_t i = 0; i < ARRAY_SIZE(places); i++)
        vmem_walk(at(places[i]), &inside[i]);
    space_switch(other);
    assert_int_equal(mmu_load(at(AT)), 1);
    assert_int_equal(vmem_alloc_range(at(KHEAP_START), 1, WRITE), 0); /* a table that the first space has not seen */
    vmem_walk(at(KHEAP_START), &inside[KERNELS]);
    inside[KERNELS].directory = inside[0].directory;
    check_all();
    for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
        bool mapped = space_walk(me, at(places[i]), &outside);
        assert_int_equal(mapped, (inside[i].pte & PTE_PRESENT) != 0);
        assert_int_equal(outside.pa, inside[i].pa);
        assert_int_equal(outside.directory, inside[i].directory);
        assert_int_equal(outside.pde & ~STATUS, inside[i].pde & ~STATUS);
        assert_int_equal(outside.pte & ~STATUS, inside[i].pte & ~STATUS);
        assert_true(outside.pdi == inside[i].pdi && outside.pti == inside[i].pti &&
                    outside.offset == inside[i].offset);
        space_walk(other, at(places[i]), &outside);
        assert_int_equal(outside.directory, get_page_directory());
    }
    assert_int_equal(load(FREE_START), 0);
    struct space_counts counts = space_count(me);
    assert_true(counts.present == 4 && counts.shared == 1 && counts.absent == 2 && counts.tables == 4);
    space_switch(me);
    space_destroy(other);
    assert_int_equal(vmem_free_range(at(KHEAP_START), 1), 0);
    counts = space_count(me);
    assert_true(counts.present == 4 && counts.shared == 0 && counts.absent == 2 && counts.tables == 4);
    space_release(at(AT), 2048);
    space_release(at(FREE_START), 1);
    space_release(at(KHEAP_START - PAGE_SIZE), 1);
    counts = space_count(me);
    assert_true(counts.present == 0 && counts.shared == 0 && counts.absent == 0 && counts.tables == 0);
    check_end();
}

static void test_tables_up_to_the_last_are_counted(void **state) {
    uintptr_t va = KHEAP_START - 3 * TABLE_SPAN;
    (void)state;
    for (unsigned tables = 1; tables <= 3; tables++, va += TABLE_SPAN) {
        assert_int_equal(space_reserve(at(va), 1, WRITE), 0);
        assert_int_equal(space_count(space_current()).tables, tables);
    }
    space_release(at(KHEAP_START - 3 * TABLE_SPAN), 3 * 1024);
    assert_int_equal(space_count(space_current()).tables, 0);
    check_end();
}

/* ---- misuse, and damage ---- */

static void call_destroy(uintptr_t space, uintptr_t b) {
    (void)b;
    space_destroy((struct space *)space);
}

static void call_reserve(uintptr_t va, uintptr_t flags) { space_reserve(at(va), 1, flags); }
static void call_map(uintptr_t va, uintptr_t pa) { vmem_map(at(va), pa, WRITE); }
static void call_protect(uintptr_t va, uintptr_t flags) { space_protect(at(va), 1, flags); }
static void call_copy(uintptr_t pa, uintptr_t pages) { space_map_copy(at(AT), pa, pages, WRITE); }
static void call_copy_flags(uintptr_t va, uintptr_t flags) { space_map_copy(at(va), 0x200000, 1, flags); }
static void call_release(uintptr_t va, uintptr_t pages) { space_release(at(va), pages); }

static void test_misuse_panics_and_changes_nothing(void **state) {
    struct space *first = space_current(), *other = space_create();
    (void)state;
    EXPECT_PANIC("the current space cannot be destroyed", call_destroy, first, 0);
    space_switch(other);
    EXPECT_PANIC("the first space cannot be destroyed", call_destroy, first, 0);
    EXPECT_PANIC("the current space cannot be destroyed", call_destroy, other, 0);
    space_switch(first);
    space_destroy(other);
    static const uintptr_t outside[] = {AT + 1, FREE_START - PAGE_SIZE, KHEAP_START};
    for (size_t i = 0; i < ARRAY_SIZE(outside); i++) {
        EXPECT_PANIC("not whole pages", call_reserve, outside[i], WRITE);
        EXPECT_PANIC("not whole pages", call_protect, outside[i], WRITE);
        EXPECT_PANIC("not whole pages", call_copy_flags, outside[i], WRITE);
        EXPECT_PANIC("not whole pages", call_release, outside[i], 1);
    }
    EXPECT_PANIC("not whole pages", call_release, AT, 0);
    EXPECT_PANIC("not whole pages", call_release, KHEAP_START - PAGE_SIZE, 2);
    EXPECT_PANIC("flags", call_reserve, AT, VMEM_NO_CACHE);
    EXPECT_PANIC("flags", call_copy_flags, AT, VMEM_NO_CACHE);
    assert_int_equal(space_reserve(at(AT), 2, WRITE), 0);
    EXPECT_PANIC("mapped already", call_reserve, AT, WRITE);
    EXPECT_PANIC("mapped already", call_map, AT, 0xFEC00000); /* though it has not come yet */
    EXPECT_PANIC("flags", call_protect, AT, VMEM_NO_CACHE);
    space_release(at(AT), 2);
    EXPECT_PANIC("not whole frames below 4 GiB", call_copy, 0x200800, 1);
    EXPECT_PANIC("not whole frames below 4 GiB", call_copy, 0xFFFFF000, 2);
    assert_int_equal(space_map_copy(at(AT), 0xFFFFF000, 1, 0), 0); /* the last frame */
    space_release(at(AT), 1);
    check_end();
}

static void call_create(uintptr_t clone, uintptr_t b) {
    (void)b;
    clone ? space_clone() : space_create();
}

static void call_switch(uintptr_t space, uintptr_t b) {
    (void)b;
    space_switch((struct space *)space);
}

static void call_fault(uintptr_t va, uintptr_t error) { space_fault(at(va), error); }

static void call_look(uintptr_t space, uintptr_t walks) {
    struct vmem_walk walk;
    if (walks)
        space_walk((struct space *)space, at(AT), &walk);
    else
        space_count((struct space *)space);
}

static void call_check(uintptr_t a, uintptr_t b) {
    (void)a;
    (void)b;
    space_check();
}

static void test_an_interrupt_handler_is_refused(void **state) {
    struct space *other = space_create();
    (void)state;
    assert_int_equal(space_reserve(at(AT), 2, WRITE), 0);
    irqs_served = 1;
    EXPECT_PANIC("!in_interrupt()", call_create, false, 0);
    EXPECT_PANIC("!in_interrupt()", call_create, true, 0);
    EXPECT_PANIC("!in_interrupt()", call_switch, other, 0);
    EXPECT_PANIC("!in_interrupt()", call_destroy, other, 0);
    EXPECT_PANIC("!in_interrupt()", call_reserve, AT + 2 * PAGE_SIZE, WRITE);
    EXPECT_PANIC("!in_interrupt()", call_protect, AT, 0);
    EXPECT_PANIC("!in_interrupt()", call_copy_flags, AT + 2 * PAGE_SIZE, WRITE);
    EXPECT_PANIC("!in_interrupt()", call_release, AT, 1);
    EXPECT_PANIC("!in_interrupt()", call_fault, AT, FAULT_WRITE);
    EXPECT_PANIC("!in_interrupt()", call_fault, AT + TABLE_SPAN, 0); /* nothing is there */
    EXPECT_PANIC("!in_interrupt()", call_look, other, true);
    EXPECT_PANIC("!in_interrupt()", call_look, other, false);
    EXPECT_PANIC("!in_interrupt()", call_check, 0, 0);
    assert_true(space_allows(at(AT), 2 * PAGE_SIZE, WRITE)); /* it may be asked */
    assert_true(space_current() != other);
    irqs_served = 0;
    check_all();
    space_destroy(other);
    space_release(at(AT), 2);
    check_end();
}

static paddr_t hooked, before_hook;
static void hook(paddr_t directory) {
    hooked = directory;
    before_hook = get_page_directory();
}

static void test_whoever_wants_to_know_of_a_switch_is_told(void **state) {
    struct space *first = space_current(), *other = space_create();
    (void)state;
    space_on_switch(hook);
    paddr_t first_directory = get_page_directory();
    space_switch(other);
    assert_true(hooked == get_page_directory() && space_current() == other);
    assert_int_equal(before_hook, first_directory); /* CR3 was loaded afterwards */
    space_switch(first);
    assert_true(hooked == first_directory && space_current() == first);
    assert_int_not_equal(before_hook, first_directory);
    space_destroy(other);
    check_end();
}

static void check_sees(paddr_t pa, unsigned value, const char *text) {
    unsigned old = mmu_word(pa);
    space_check();
    mmu_poke(pa, value);
    EXPECT_PANIC(text, call_check, 0, 0);
    mmu_poke(pa, old);
    space_check();
}

static void test_check_sees_each_broken_invariant(void **state) {
    static const char of_kernel[] = "DIRECTORY_WINDOW";
    struct space *first = space_current(), *other = space_create();
    (void)state;
    assert_int_equal(vmem_alloc_range(at(KHEAP_START), 1, WRITE), 0);
    paddr_t ours = get_page_directory();
    space_switch(other);
    paddr_t theirs = get_page_directory();
    check_sees(ours + (KHEAP_START >> 22) * 4, 0, of_kernel); /* it has missed nothing */
    space_switch(first);

    check_sees(theirs + RECURSIVE_PDI * 4, ours | PTE_PRESENT | PTE_WRITE, "RECURSIVE_PDI");
    check_sees(theirs, 0, of_kernel);
    check_sees(theirs + (FRAMES_START >> 22) * 4, 0, of_kernel);
    check_sees(theirs + (KHEAP_START >> 22) * 4, 0, of_kernel);
    check_sees(theirs + (RECURSIVE_PDI - 1) * 4, mmu_word(theirs), of_kernel);
    assert_int_equal(vmem_alloc_range(at(KHEAP_START + TABLE_SPAN), 1, WRITE), 0);
    space_check(); /* it may miss an edit until it is switched to, but nothing else */
    check_sees(theirs, 0, of_kernel);
    check_sees(theirs + (FRAMES_START >> 22) * 4, 0, of_kernel);

    frame_set_kind(theirs, FRAME_PLAIN);
    EXPECT_PANIC("FRAME_DIRECTORY", call_check, 0, 0);
    frame_set_kind(theirs, FRAME_DIRECTORY);
    paddr_t nobodys = pm_alloc_page();
    frame_set_kind(nobodys, FRAME_DIRECTORY);
    EXPECT_PANIC("known == directories", call_check, 0, 0);
    frame_set_kind(nobodys, FRAME_PLAIN);
    pm_free_page(nobodys);

    assert_int_equal(vmem_free_range(at(KHEAP_START + TABLE_SPAN), 1), 0);
    assert_int_equal(vmem_free_range(at(KHEAP_START), 1), 0);
    space_switch(other);
    space_switch(first);
    set_page_directory(theirs);
    EXPECT_PANIC("current->directory", call_check, 0, 0);
    set_page_directory(ours);
    space_destroy(other);
    check_end();
}

static void test_check_sees_the_tables_of_another_space(void **state) {
    struct space *first = space_current(), *other = space_create();
    (void)state;
    space_switch(other);
    assert_int_equal(space_reserve(at(AT), 2, WRITE), 0);
    store(AT, 1);
    paddr_t link = get_page_directory() + (AT >> 22) * 4, table = mmu_word(link) & PTE_FRAME;
    space_switch(first);
    check_sees(table + 2 * 4, mmu_word(table + 4), "with 3 entries");
    check_sees(table + 4, mmu_word(table + 4) | PAGE_SIZE, "neither present nor zero");
    check_sees(link, mmu_word(link) & ~PTE_USER, "TABLE_FLAGS");
    check_sees(link + 4, PAGE_SIZE, "TABLE_FLAGS"); /* absent, but not zero */
    space_destroy(other);
    check_end();
}

/* ---- random, against a model ---- */

#define SPACES 6
#define PAGES 48
#define KERNEL_PAGES 6 /* each in a table of its own */

struct model {
    struct space *space;
    struct page {
        bool there, writable, shows; /* SHOWS: the module's words */
        unsigned value;
    } page[PAGES];
};

static struct model model[SPACES];
static unsigned now; /* the current one */
static bool kernel_page[KERNEL_PAGES];

/* Half in one table, half in the next. */
static uintptr_t page_at(unsigned i) { return AT + TABLE_SPAN - PAGES / 2 * PAGE_SIZE + i * PAGE_SIZE; }

static void random_fill(unsigned page, size_t n) {
    unsigned flags = random_between(0, 4) ? WRITE : 0;
    bool copy = random_between(0, 3) == 0;
    for (size_t i = 0; i < n; i++)
        if (model[now].page[page + i].there)
            return;
    int result = copy ? space_map_copy(at(page_at(page)), 0x200000 + page * PAGE_SIZE % 0x20000, n, flags)
                      : space_reserve(at(page_at(page)), n, flags);
    if (result < 0) {
        assert_true(held_count > 0);
        return;
    }
    for (size_t i = 0; i < n; i++)
        model[now].page[page + i] = (struct page){
            true, flags, copy, copy ? mmu_word(0x200000 + page * PAGE_SIZE % 0x20000 + i * PAGE_SIZE) : 0};
}

static void random_release(unsigned page, size_t n) {
    space_release(at(page_at(page)), n);
    memset(&model[now].page[page], 0, n * sizeof model[now].page[page]);
}

static void random_protect(unsigned page, size_t n) {
    unsigned flags = random_between(0, 3) ? WRITE : 0;
    bool whole = true;
    for (size_t i = 0; i < n; i++)
        whole &= model[now].page[page + i].there;
    assert_int_equal(space_protect(at(page_at(page)), n, flags), whole ? 0 : VMEM_ABSENT);
    for (size_t i = 0; whole && i < n; i++)
        model[now].page[page + i].writable = flags;
}

/* A load, and a store where it is allowed; either may find no frame. */
static void random_access(unsigned i) {
    struct page *page = &model[now].page[i];
    uintptr_t va = page_at(i);
    unsigned word;
    if (!page->there) {
        assert_false(mmu_try_load(at(va), &word));
        assert_false(space_fault(at(va), 0));
        return;
    }
    if (!mmu_try_load(at(va), &word)) {
        if (!space_fault(at(va), 0)) {
            assert_int_equal(pm_count().free, 0);
            return;
        }
        word = mmu_load(at(va));
    }
    assert_int_equal(word, page->value);
    if (!page->writable) {
        check_store_refused(va);
        return;
    }
    word = random_word();
    if (!mmu_try_store(at(va), word)) {
        if (!space_fault(at(va), FAULT_WRITE | FAULT_PRESENT)) {
            assert_int_equal(pm_count().free, 0);
            return;
        }
        mmu_store(at(va), word);
    }
    page->value = word;
}

static void random_clone_or_end(unsigned other) {
    if (other == now || (other == 0 && model[0].space))
        return;
    if (model[other].space) {
        space_destroy(model[other].space);
        model[other].space = NULL;
        return;
    }
    struct space *child = space_clone();
    if (!child) {
        assert_true(held_count > 0);
        return;
    }
    model[other] = model[now];
    model[other].space = child;
}

static void random_kernel(unsigned i) {
    uintptr_t va = KHEAP_START + i * TABLE_SPAN + i * PAGE_SIZE;
    if (kernel_page[i]) {
        assert_int_equal(mmu_load(at(va)), i);
        assert_int_equal(vmem_free_range(at(va), 1), 0);
    } else if (vmem_alloc_range(at(va), 1, WRITE) == 0) {
        mmu_store(at(va), i);
    } else {
        return;
    }
    kernel_page[i] = !kernel_page[i];
}

static void random_step(void) {
    unsigned page = random_between(0, PAGES), n = random_between(1, 9), other = random_between(0, SPACES);
    if (n > PAGES - page)
        n = PAGES - page;
    if (random_between(0, 8) == 0)
        leave_free(random_between(0, 4));
    switch (random_between(0, 16)) {
    case 0:
        random_fill(page, n);
        break;
    case 1:
        random_release(page, n);
        break;
    case 2:
        random_protect(page, n);
        break;
    case 3:
        random_clone_or_end(other);
        break;
    case 4:
    case 5:
        if (model[other].space)
            space_switch(model[now = other].space);
        break;
    case 6:
        random_kernel(random_between(0, KERNEL_PAGES));
        break;
    default:
        random_access(page);
    }
    release();
}

static void test_random_operations_against_the_model(void **state) {
    (void)state;
    for (unsigned i = 0; i < 0x40; i++)
        mmu_set_word(0x200000 + i * PAGE_SIZE, i);
    model[0].space = space_current();
    for (int i = 0; i < 20000; i++) {
        random_step();
        mmu_check_caches();
        if (i % 200 == 0)
            check_all();
    }
    space_switch(model[now = 0].space);
    for (unsigned i = 1; i < SPACES; i++)
        if (model[i].space)
            space_destroy(model[i].space);
    for (unsigned i = 0; i < KERNEL_PAGES; i++)
        if (kernel_page[i])
            random_kernel(i);
    random_release(0, PAGES);
    for (unsigned i = 0; i < 0x40; i++)
        assert_int_equal(mmu_word(0x200000 + i * PAGE_SIZE), i); /* nobody has written to the module */
    check_end();
}

#define TEST(name) cmocka_unit_test_setup(name, boot)

static const struct CMUnitTest tests[] = {
    TEST(test_pages_come_clear),
    TEST(test_a_page_that_comes_keeps_another_page_of_its_frame),
    TEST(test_faults_that_are_real_are_refused),
    TEST(test_a_clone_takes_the_right_to_write_out_of_the_tlb),
    TEST(test_a_copy_takes_the_old_frame_out_of_the_tlb),
    TEST(test_the_last_owner_writes_in_place),
    TEST(test_frames_of_a_module_are_copied_even_by_their_only_page),
    TEST(test_frames_of_a_module_are_shared_by_two_pages),
    TEST(test_pages_are_mapped_in_their_own_space),
    TEST(test_a_full_table_is_not_a_mapped_one),
    TEST(test_full_tables_go_with_their_space),
    TEST(test_a_free_frame_keeps_its_pages),
    TEST(test_a_fault_that_has_been_mended_is_refused),
    TEST(test_a_device_is_cloned_however_often_it_was_mapped),
    TEST(test_tables_are_counted_in_each_space),
    TEST(test_a_table_may_be_mapped_by_itself),
    TEST(test_a_directory_may_lie_where_the_scratch_page_is),
    TEST(test_a_device_stays_a_device_in_a_clone),
    TEST(test_a_view_goes_with_its_space),
    TEST(test_protecting_leaves_no_stale_entry),
    TEST(test_protecting_past_a_table_that_is_absent_is_refused),
    TEST(test_protecting_leaves_no_stale_permissions),
    TEST(test_releasing_a_few_pages_flushes_them_one_by_one),
    TEST(test_a_directory_is_brought_up_to_date_before_it_is_loaded),
    TEST(test_a_directory_that_missed_a_table_for_another_is_brought_up_to_date),
    TEST(test_a_directory_that_missed_many_edits_is_brought_up_to_date),
    TEST(test_a_directory_that_has_seen_more_edits_than_were_counted_since_is_brought_up_to_date),
    TEST(test_running_out_at_each_frame_changes_nothing),
    TEST(test_a_clone_that_fails_changes_nothing),
    TEST(test_a_frame_with_too_many_owners_is_no_memory),
    TEST(test_what_a_program_may_access_to_the_byte),
    TEST(test_another_space_is_seen_as_from_inside),
    TEST(test_tables_up_to_the_last_are_counted),
    TEST(test_misuse_panics_and_changes_nothing),
    TEST(test_an_interrupt_handler_is_refused),
    TEST(test_whoever_wants_to_know_of_a_switch_is_told),
    TEST(test_check_sees_each_broken_invariant),
    TEST(test_check_sees_the_tables_of_another_space),
    TEST(test_random_operations_against_the_model),
};

HOST_MAIN(tests)
