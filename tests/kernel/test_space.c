/* space: pages that come, pages that are shared and copied, the kernel's part everywhere, running out, misuse.
 *
 * The kernel's own accesses fault and are mended, as a program's would be. */
#include "space.h"

#include "cpu.h"
#include "descriptors.h"
#include "interrupt.h"
#include "heap_debug.h"
#include "kmalloc.h"
#include "ktest.h"
#include "memlayout.h"
#include "pm.h"
#include "string.h"
#include "support.h"
#include "trap.h"

#define AT ((char *)0x40000000) /* nothing else is there; 0x40000000 begins a table */
#define WRITE VMEM_WRITE

static unsigned faults; /* mended */

static bool mend(const void *va, unsigned error) {
    bool mended = space_fault(va, error);

    faults += mended;
    return mended;
}

static const struct trap_handlers *handlers_before;

/* From here on page faults in the user part are space_fault's. */
static void begin(void) {
    static const struct trap_handlers handlers = {.page_fault = mend};

    handlers_before = trap_set_handlers(&handlers);
    kmalloc_trim();
    faults = 0;
}

/* Everything has been given back: FREE frames are free, as before; and every invariant holds. */
static void end(size_t free) {
    trap_set_handlers(handlers_before);
    kmalloc_trim();
    space_check();
    pm_check();
    KCHECK_EQ(pm_count().free, free);
}

static volatile unsigned *word(size_t page) { return (volatile void *)(AT + page * PAGE_SIZE + 20); }

static void touch_read(void *va) { (void)*(volatile unsigned *)va; }
static void touch_write(void *va) { *(volatile unsigned *)va = 1; }

static bool present(size_t page) {
    paddr_t pa;

    return vmem_translate(AT + page * PAGE_SIZE, &pa);
}

static paddr_t frame_of(size_t page) {
    paddr_t pa;

    return vmem_translate(AT + page * PAGE_SIZE, &pa) ? pa : PADDR_NONE;
}

/* ---- pages that come ---- */

KTEST(space_pages_come_clear_at_their_first_touch)
{
    KCHECK_CALL(begin());
    size_t free = pm_count().free, count = 0;

    KCHECK_EQ(space_reserve(AT, 2000, WRITE), 0);
    KCHECK_EQ(free - pm_count().free, 2); /* tables */
    for (size_t i = 0; i < 2000; i += 7, count++) {
        KCHECK(!present(i));
        KCHECK_EQ(*word(i), 0);
        *word(i) = (unsigned)i;
    }
    KCHECK_EQ(free - pm_count().free, 2 + count);
    KCHECK_EQ(faults, count);
    space_check();
    for (size_t i = 0; i < 2000; i += 7)
        KCHECK_EQ(*word(i), i);
    struct space_counts counts = space_count(space_current());
    KCHECK_EQ(counts.present, count);
    KCHECK_EQ(counts.absent, 2000 - count);
    KCHECK_EQ(counts.shared, 0);
    KCHECK_EQ(counts.tables, 2);
    space_release(AT, 2000);
    KCHECK_CALL(end(free));
}

/* Frames that come are cleared, though they hold what was left there. */
KTEST(space_pages_never_show_what_a_frame_held)
{
    KCHECK_CALL(begin());
    size_t free = pm_count().free;

    KCHECK_EQ(space_reserve(AT, 64, WRITE), 0);
    for (unsigned round = 0; round < 3; round++) {
        for (size_t i = 0; i < 64; i++) {
            for (size_t w = 0; w < PAGE_SIZE / 4; w += 73)
                KCHECK_EQ(((volatile unsigned *)(void *)(AT + i * PAGE_SIZE))[w], 0);
            for (size_t w = 0; w < PAGE_SIZE / 4; w++)
                ((volatile unsigned *)(void *)(AT + i * PAGE_SIZE))[w] = 0xDEAD0000 + (unsigned)w;
        }
        space_release(AT, 64);
        KCHECK_EQ(space_reserve(AT, 64, WRITE), 0);
    }
    space_release(AT, 64);
    KCHECK_CALL(end(free));
}

KTEST(space_first_touches_respect_permissions)
{
    KCHECK_CALL(begin());
    size_t free = pm_count().free;

    KCHECK_EQ(space_reserve(AT, 3, 0), 0);
    KCHECK_TRAPS(touch_write, AT, "page fault: ");
    KCHECK(!present(0));
    touch_read(AT);
    KCHECK(present(0));
    KCHECK_TRAPS(touch_write, AT, "page fault: ");
    KCHECK(!space_fault(AT + PAGE_SIZE, FAULT_USER)); /* the page is the kernel's */
    KCHECK_EQ(space_protect(AT, 3, WRITE | VMEM_USER), 0);
    touch_write(AT);
    KCHECK(space_fault(AT + PAGE_SIZE, FAULT_USER | FAULT_WRITE));
    KCHECK(!space_fault(AT + PAGE_SIZE, FAULT_USER | FAULT_WRITE | FAULT_PRESENT)); /* it may be written */
    KCHECK(!space_fault(AT - PAGE_SIZE, FAULT_WRITE));
    KCHECK(!space_fault(AT + 3 * PAGE_SIZE, FAULT_WRITE));
    KCHECK(!space_fault(NULL, FAULT_WRITE) && !space_fault((void *)KHEAP_START, FAULT_WRITE));
    KCHECK_TRAPS(touch_read, AT + 3 * PAGE_SIZE, "page fault: ");
    space_release(AT, 3);
    KCHECK_TRAPS(touch_read, AT, "page fault: ");
    KCHECK_CALL(end(free));
}

/* ---- clones ---- */

/* Frames that the heap has: its pages, and the kernel's page tables. */
static size_t heap_frames(void) { return kmalloc_pages() + vmem_tables(); }

KTEST(space_clone_shares_until_one_writes)
{
    KCHECK_CALL(begin());
    size_t free = pm_count().free;
    struct space *parent = space_current();

    KCHECK_EQ(space_reserve(AT, 100, WRITE), 0);
    for (unsigned i = 0; i < 50; i++)
        *word(i) = i;
    struct space *child = space_create();
    KCHECK(child);
    space_destroy(child); /* now the heap has a page to spare */
    size_t before = pm_count().free, heap_before = heap_frames();
    child = space_clone();
    KCHECK(child);
    KCHECK_EQ(before - pm_count().free, 2 + heap_frames() - heap_before); /* a directory and a table; and its record */
    KCHECK_EQ(space_count(child).shared, 50);
    KCHECK_EQ(space_count(child).absent, 50);
    space_check();
    *word(3) = 1003; /* the parent's writable entry is not in the TLB any more */
    space_switch(child);
    KCHECK_EQ(*word(3), 3);
    *word(4) = 2004;
    *word(60) = 7;
    space_check();
    space_switch(parent);
    KCHECK_EQ(*word(3), 1003);
    KCHECK_EQ(*word(4), 4);
    KCHECK_EQ(*word(60), 0);
    KCHECK_EQ(space_count(parent).shared, 48);
    space_destroy(child);
    for (unsigned i = 0; i < 50; i++) {
        KCHECK_EQ(*word(i), i == 3 ? 1003 : i);
        ++*word(i);
    }
    space_release(AT, 100);
    KCHECK_CALL(end(free));
}

KTEST(space_last_owner_gets_its_frame_back_uncopied)
{
    KCHECK_CALL(begin());
    size_t free = pm_count().free;
    struct space *parent = space_current();

    KCHECK_EQ(space_reserve(AT, 1, WRITE), 0);
    *word(0) = 5;
    paddr_t frame = frame_of(0);
    struct space *child = space_clone();
    KCHECK(child);
    KCHECK(pm_is_shared(frame));
    space_switch(child);
    *word(0) = 6; /* the child's copy: now the parent is the last owner */
    KCHECK(frame_of(0) != frame);
    space_switch(parent);
    KCHECK(!pm_is_shared(frame));
    KCHECK_EQ(*word(0), 5);
    size_t left = pm_count().free;
    *word(0) = 7;
    KCHECK_EQ(frame_of(0), frame);
    KCHECK_EQ(pm_count().free, left);
    space_destroy(child);
    KCHECK_EQ(*word(0), 7);
    space_release(AT, 1);
    KCHECK_CALL(end(free));
}

/* Each of a chain of clones writes its own page; all keep what they had. */
KTEST(space_clones_of_clones_are_apart)
{
    enum { SPACES = 12 };
    static struct space *space[SPACES];

    KCHECK_CALL(begin());
    size_t free = pm_count().free;

    space[0] = space_current();
    KCHECK_EQ(space_reserve(AT + TABLE_SPAN - 8 * PAGE_SIZE, 16, WRITE), 0); /* in two tables */
    for (size_t i = 0; i < 16; i++)
        *word(ENTRIES_PER_TABLE - 8 + i) = 0;
    for (unsigned n = 1; n < SPACES; n++) {
        space[n] = space_clone();
        KCHECK(space[n]);
        space_switch(space[n]);
        for (size_t i = 0; i < 16; i += n)
            *word(ENTRIES_PER_TABLE - 8 + i) = n;
    }
    space_check();
    for (unsigned n = 0; n < SPACES; n++) {
        space_switch(space[n]);
        for (size_t i = 0; i < 16; i++) {
            unsigned want = 0;
            for (unsigned m = 1; m <= n; m++)
                want = i % m ? want : m;
            KCHECK_EQ(*word(ENTRIES_PER_TABLE - 8 + i), want);
        }
    }
    space_switch(space[0]);
    for (unsigned n = 1; n < SPACES; n++)
        space_destroy(space[n]);
    space_release(AT + TABLE_SPAN - 8 * PAGE_SIZE, 16);
    KCHECK_CALL(end(free));
}

/* ---- permissions ---- */

KTEST(space_protect_opens_no_way_into_a_shared_frame)
{
    KCHECK_CALL(begin());
    size_t free = pm_count().free;
    struct space *parent = space_current();

    KCHECK_EQ(space_reserve(AT, 2, WRITE), 0);
    *word(0) = *word(1) = 1;
    struct space *child = space_clone();
    KCHECK(child);
    space_switch(child);
    KCHECK_EQ(*word(0), 1); /* it has been read */
    KCHECK_EQ(space_protect(AT, 2, VMEM_USER), 0);
    KCHECK(!space_allows(AT, 1, WRITE));
    KCHECK_TRAPS(touch_write, AT, "page fault: ");
    KCHECK_EQ(space_protect(AT, 2, 0), 0);
    KCHECK_TRAPS(touch_write, AT, "page fault: ");
    KCHECK_EQ(space_protect(AT, 2, WRITE), 0);
    *word(0) = 2;
    space_switch(parent);
    KCHECK_EQ(*word(0), 1);
    space_destroy(child);
    KCHECK_EQ(space_protect(AT, 2, 0), 0);
    KCHECK_TRAPS(touch_write, AT, "page fault: ");
    KCHECK_EQ(space_protect(AT, 2, WRITE), 0);
    unsigned before = faults;
    *word(0) = *word(1) = 3; /* ours alone: writable without a fault */
    KCHECK_EQ(faults, before);
    KCHECK_EQ(space_protect(AT, 3, 0), VMEM_ABSENT);
    *word(1) = 4;
    space_release(AT, 2);
    KCHECK_CALL(end(free));
}

KTEST(space_allows_what_its_pages_allow)
{
    KCHECK_CALL(begin());
    size_t free = pm_count().free;

    KCHECK_EQ(space_reserve(AT, 2, WRITE | VMEM_USER), 0);
    KCHECK_EQ(space_reserve(AT + 2 * PAGE_SIZE, 1, VMEM_USER), 0);
    touch_write(AT);
    KCHECK(space_allows(AT, 2 * PAGE_SIZE, WRITE | VMEM_USER));
    KCHECK(space_allows(AT + 5, 0, WRITE));
    KCHECK(space_allows(AT + 5, 3 * PAGE_SIZE - 5, VMEM_USER));
    KCHECK(!space_allows(AT + 5, 3 * PAGE_SIZE - 4, VMEM_USER));
    KCHECK(!space_allows(AT, 2 * PAGE_SIZE + 1, WRITE));
    KCHECK(!space_allows(AT - 1, 2, 0));
    KCHECK(!space_allows(AT, (size_t)-1, 0) && !space_allows(AT, KHEAP_START, 0));
    KCHECK(!space_allows((void *)(KHEAP_START - 1), 2, 0) && !space_allows(NULL, 1, 0));
    KCHECK(!space_allows((void *)KHEAP_START, 1, 0) && !space_allows((void *)0xFFFFFFFF, 1, 0));
    struct space *child = space_clone();
    KCHECK(child);
    KCHECK(
        space_allows(AT, 2 * PAGE_SIZE, WRITE | VMEM_USER)); /* shared now, and may be written all the same */
    space_destroy(child);
    space_release(AT, 3);
    KCHECK_CALL(end(free));
}

/* ---- frames of somebody else's ---- */

KTEST(space_map_copy_shows_frames_and_copies_what_is_written)
{
    KCHECK_CALL(begin());
    size_t free = pm_count().free;
    paddr_t image = (paddr_t)(uintptr_t)rodata_start; /* as a boot module: memory that pm never handed out */
    unsigned original = *(const unsigned *)(void *)(rodata_start + 20);

    KCHECK_EQ(space_map_copy(AT, image, 3, WRITE), 0);
    KCHECK_EQ(free - pm_count().free, 1);
    KCHECK_EQ(*word(0), original);
    KCHECK_EQ(frame_of(0), image);
    *word(0) = original + 1;
    KCHECK(frame_of(0) != image);
    KCHECK_EQ(free - pm_count().free, 2);
    KCHECK_EQ(*word(0), original + 1);
    KCHECK_EQ(*(const volatile unsigned *)(void *)(rodata_start + 20), original);
    struct space *child = space_clone();
    KCHECK(child);
    space_check();
    space_destroy(child);
    KCHECK_EQ(space_protect(AT, 3, 0), 0);
    KCHECK_TRAPS(touch_write, AT + PAGE_SIZE, "page fault: ");
    space_release(AT, 2);
    KCHECK_EQ(pm_state(image), PM_RESERVED);
    space_release(AT, 3); /* what is left of it */
    KCHECK_CALL(end(free));
}

/* ---- the kernel's part ---- */

static bool maps_nothing(const void *va) {
    paddr_t pa;

    return !vmem_translate(va, &pa);
}

KTEST(space_kernel_part_is_the_same_in_all)
{
    KCHECK_CALL(begin());
    size_t free = pm_count().free;
    struct space *me = space_current(), *a = space_create(), *b = space_create();
    unsigned *at = (unsigned *)(FRAMES_START - TABLE_SPAN - PAGE_SIZE); /* the last page of a table */
    const size_t next = PAGE_SIZE / sizeof(*at);                        /* the first of another */
    struct vmem_walk walk;

    KCHECK(a && b);
    vmem_walk(at, &walk);
    if (walk.pde || !maps_nothing(&at[next]))
        KSKIP("a device is mapped at the end of the device range");
    space_switch(a);
    KCHECK_EQ(vmem_alloc_range(at, 2, WRITE), 0); /* kernel tables that are linked here only */
    at[0] = 1;
    at[next] = 2;
    space_check();
    space_switch(b);
    KCHECK_EQ(at[0], 1);
    KCHECK_EQ(at[next], 2);
    KCHECK_EQ(vmem_free_range(at, 2), 0); /* and unlinked here only */
    space_check();
    space_switch(me);
    KCHECK(maps_nothing(at) && maps_nothing(&at[next]));
    space_switch(a);
    KCHECK(maps_nothing(at) && maps_nothing(&at[next]));
    KCHECK_EQ(vmem_alloc_range(at, 2, WRITE), 0);
    at[next] = 3;
    space_switch(me);
    KCHECK_EQ(at[next], 3);
    KCHECK_EQ(vmem_free_range(at, 2), 0);
    space_destroy(a);
    space_destroy(b);
    KCHECK_CALL(end(free));
}

static paddr_t seen;
static void note(paddr_t directory) { seen = directory; }

KTEST(space_switch_tells_the_directory_before_it_is_loaded)
{
    KCHECK_CALL(begin());
    size_t free = pm_count().free;
    struct space *me = space_current(), *other = space_create();

    KCHECK(other);
    paddr_t mine = get_page_directory();
    space_on_switch(note);
    space_switch(other);
    bool right = seen == get_page_directory() && seen != mine;
    space_switch(me);
    space_on_switch(trap_set_directory);
    KCHECK(right && seen == mine);
    KCHECK_EQ(space_current(), me);
    space_destroy(other);
    KCHECK_CALL(end(free));
}

/* ---- looking at another space ---- */

KTEST(space_walk_sees_what_its_own_space_sees)
{
    KCHECK_CALL(begin());
    size_t free = pm_count().free;
    struct space *me = space_current(), *other = space_create();
    const void *const places[] = {AT,
                                  AT + 5,
                                  AT + PAGE_SIZE,
                                  AT + TABLE_SPAN + 5,
                                  (void *)KERNEL_START,
                                  (void *)KHEAP_START,
                                  (void *)FREE_START};
    struct vmem_walk own[ARRAY_SIZE(places)], walk;

    KCHECK(other);
    space_switch(other);
    KCHECK_EQ(space_reserve(AT, 2, WRITE), 0);
    touch_write(AT);
    for (size_t i = 0; i < ARRAY_SIZE(places); i++)
        vmem_walk(places[i], &own[i]);
    space_switch(me);
    for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
        bool mapped = space_walk(other, places[i], &walk);
        KCHECK_EQ(mapped, own[i].pa != PADDR_NONE);
        KCHECK_EQ(walk.pa, own[i].pa);
        KCHECK_EQ(walk.pte & PTE_FRAME, own[i].pte & PTE_FRAME);
        KCHECK_EQ(walk.pde & PTE_FRAME, own[i].pde & PTE_FRAME);
    }
    KCHECK(!space_walk(me, AT, &walk));
    space_destroy(other);
    KCHECK_CALL(end(free));
}

/* ---- running out ---- */

static bool attempt_reserve(void *va) {
    if (space_reserve(va, 2 * ENTRIES_PER_TABLE, WRITE) < 0)
        return false;
    space_release(va, 2 * ENTRIES_PER_TABLE);
    return true;
}

static bool attempt_map_copy(void *va) {
    if (space_map_copy(va, KERNEL_START, 20, WRITE) < 0)
        return false;
    space_release(va, 20);
    return true;
}

static bool attempt_clone(void *unused) {
    struct space *child = space_clone();

    (void)unused;
    if (child)
        space_destroy(child);
    kmalloc_trim();
    return child;
}

static bool attempt_create(void *unused) {
    struct space *space = space_create();

    (void)unused;
    if (space)
        space_destroy(space);
    kmalloc_trim();
    return space;
}

/* Both kinds of fault: a page that comes, and a copy. Undone by giving the pages back. */
static bool attempt_faults(void *unused) {
    struct space *parent = space_current(), *child;
    bool done = false;

    (void)unused;
    if (space_reserve(AT, 2, WRITE) < 0)
        return false;
    if (space_fault(AT, FAULT_WRITE)) {
        if ((child = space_clone())) {
            done = space_fault(AT, FAULT_WRITE | FAULT_PRESENT);
            space_switch(child);
            done &= space_fault(AT + PAGE_SIZE, FAULT_WRITE);
            space_switch(parent);
            space_destroy(child);
        }
    }
    space_release(AT, 2);
    kmalloc_trim();
    return done;
}

KTEST(space_survives_running_out_at_every_frame)
{
    KCHECK_CALL(begin());
    size_t free = pm_count().free;

    KCHECK_CALL(exhaust(attempt_reserve, AT + 5 * PAGE_SIZE, 3));
    KCHECK_CALL(exhaust(attempt_map_copy, AT + TABLE_SPAN - 10 * PAGE_SIZE, 2));
    KCHECK_CALL(exhaust(attempt_create, NULL, 1));
    KCHECK_CALL(exhaust(attempt_faults, NULL, 5));
    KCHECK_CALL(end(free));
}

KTEST(space_clone_survives_running_out_at_every_frame)
{
    KCHECK_CALL(begin());
    size_t free = pm_count().free;

    KCHECK_EQ(space_reserve(AT, 5 * ENTRIES_PER_TABLE, WRITE), 0);
    for (size_t i = 0; i < 5 * ENTRIES_PER_TABLE; i += 100)
        *word(i) = (unsigned)i;
    KCHECK_CALL(exhaust(attempt_clone, NULL, 6));
    space_check();
    for (size_t i = 0; i < 5 * ENTRIES_PER_TABLE; i += 100) {
        KCHECK_EQ(*word(i), i);
        *word(i) = 0; /* writable, in place */
    }
    KCHECK_EQ(space_count(space_current()).shared, 0);
    space_release(AT, 5 * ENTRIES_PER_TABLE);
    KCHECK_CALL(end(free));
}

KTEST(space_fault_without_a_frame_changes_nothing)
{
    KCHECK_CALL(begin());
    size_t free = pm_count().free;

    KCHECK_EQ(space_reserve(AT, 2, WRITE), 0);
    *word(0) = 9;
    struct space *child = space_clone();
    KCHECK(child);
    frames_hold_all();
    KCHECK(!space_fault(AT + PAGE_SIZE, FAULT_WRITE));
    KCHECK(!space_fault(AT, FAULT_WRITE | FAULT_PRESENT));
    KCHECK(space_allows(AT, 2 * PAGE_SIZE, WRITE)); /* so it was want of memory */
    KCHECK_EQ(*word(0), 9);
    frames_release_all();
    *word(0) = 10;
    *word(1) = 11;
    space_destroy(child);
    space_release(AT, 2);
    KCHECK_CALL(end(free));
}

/* ---- owners ---- */

static void share(void *pa) { pm_share((paddr_t)(uintptr_t)pa); }
static void drop(void *pa) { pm_drop((paddr_t)(uintptr_t)pa); }

KTEST(pm_counts_the_owners_of_a_frame)
{
    size_t free = pm_count().free;
    paddr_t pa = pm_alloc_page(), image = KERNEL_START;

    KCHECK(pa != PADDR_NONE);
    KCHECK_TRAPS(drop, (void *)(uintptr_t)pa, "cannot be dropped"); /* it has no owner that is counted */
    pm_share(pa);
    KCHECK(!pm_is_shared(pa));
    pm_share(pa);
    KCHECK(pm_is_shared(pa));
    pm_drop(pa);
    KCHECK(!pm_is_shared(pa));
    KCHECK_EQ(pm_state(pa), PM_USED);
    pm_drop(pa);
    KCHECK_EQ(pm_state(pa), PM_FREE);
    KCHECK_EQ(pm_count().free, free);
    KCHECK_TRAPS(drop, (void *)(uintptr_t)pa, "cannot be dropped");
    KCHECK_TRAPS(share, (void *)(uintptr_t)pa, "cannot be shared");
    KCHECK_TRAPS(share, (void *)(uintptr_t)image, "cannot be shared");
    KCHECK_TRAPS(share, (void *)(uintptr_t)get_page_directory(), "cannot be shared");
    pm_check();
}

/* ---- misuse: each a panic that leaves everything as it was ---- */

enum call { RESERVE, MAP_COPY, PROTECT, RELEASE };

struct misuse {
    enum call call;
    uintptr_t va;
    size_t pages;
    unsigned flags;
};

static void do_misuse(void *arg) {
    const struct misuse *m = arg;
    void *va = (void *)m->va;

    if (m->call == RESERVE)
        space_reserve(va, m->pages, m->flags);
    else if (m->call == MAP_COPY)
        space_map_copy(va, KERNEL_START, m->pages, m->flags);
    else if (m->call == PROTECT)
        space_protect(va, m->pages, m->flags);
    else
        space_release(va, m->pages);
}

static void check_misuse(struct misuse m, const char *text) {
    size_t free = pm_count().free;

    KCHECK_TRAPS(do_misuse, &m, text);
    KCHECK_EQ(ktest_vector, -1);
    KCHECK_EQ(pm_count().free, free);
    space_check();
}

KTEST(space_ranges_outside_the_user_part_are_caught)
{
    static const struct {
        uintptr_t va;
        size_t pages;
    } bad[] = {{0, 1},
               {FREE_START - PAGE_SIZE, 1},
               {FREE_START - PAGE_SIZE, 2},
               {KHEAP_START, 1},
               {0xFFC00000, 1},
               {KHEAP_START - PAGE_SIZE, 2},
               {0x40000000, 0},
               {0x40000000, (size_t)-1},
               {0x40000001, 1},
               {0x40000000, 0x80001},
               {0x40000000, 0x100001},
               {0xFFFFF000, 1}};

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        for (enum call call = RESERVE; call <= RELEASE; call++)
            KCHECK_CALL(check_misuse((struct misuse){call, bad[i].va, bad[i].pages, 0}, "not whole pages"));
}

KTEST(space_flags_and_places_that_are_taken_are_caught)
{
    uintptr_t va = (uintptr_t)AT;

    KCHECK_CALL(begin());
    size_t free = pm_count().free;
    for (enum call call = RESERVE; call <= PROTECT; call++)
        KCHECK_CALL(check_misuse((struct misuse){call, va, 1, VMEM_NO_CACHE}, "flags"));
    KCHECK_EQ(space_reserve(AT, 2, WRITE), 0);
    touch_write(AT);
    for (enum call call = RESERVE; call <= MAP_COPY; call++) {
        KCHECK_CALL(check_misuse((struct misuse){call, va, 1, 0}, "mapped already")); /* it has come */
        KCHECK_CALL(
            check_misuse((struct misuse){call, va + PAGE_SIZE, 1, 0}, "mapped already")); /* it has not */
        KCHECK_CALL(check_misuse((struct misuse){call, va - PAGE_SIZE, 5, 0}, "mapped already"));
    }
    space_release(AT, 2);
    KCHECK_CALL(end(free));
}

static void destroy(void *space) { space_destroy(space); }

static void create_in_handler(void *unused) {
    (void)unused;
    irqs_served = 1; /* the catch sets it back */
    space_create();
}

static void misuse_in_handler(void *misuse) {
    irqs_served = 1;
    do_misuse(misuse);
}

KTEST(space_current_and_first_cannot_be_destroyed)
{
    KCHECK_CALL(begin());
    size_t free = pm_count().free;
    struct space *me = space_current(), *other = space_create();

    KCHECK(other);
    KCHECK_TRAPS(destroy, me, "current space");
    space_switch(other);
    bool trapped = ktest_traps(destroy, other, "current space", __FILE__, __LINE__) &&
                   ktest_traps(destroy, me, "first space", __FILE__, __LINE__);
    space_switch(me);
    KCHECK(trapped);
    space_destroy(other);
    KCHECK_CALL(end(free));
}

KTEST(space_refuses_interrupt_handlers)
{
    KCHECK_TRAPS(create_in_handler, NULL, "in_interrupt");
    for (enum call call = RESERVE; call <= RELEASE; call++) {
        struct misuse m = {call, (uintptr_t)AT, 1, 0};
        KCHECK_TRAPS(misuse_in_handler, &m, "in_interrupt");
    }
    space_check();
}

/* ---- space_check sees damage ---- */

static void run_check(void *unused) {
    (void)unused;
    space_check();
}

KTEST(space_check_sees_damage_in_another_space)
{
    KCHECK_CALL(begin());
    size_t free = pm_count().free;
    struct space *me = space_current(), *other;
    struct vmem_walk walk;

    KCHECK_EQ(space_reserve(AT, 2, WRITE), 0);
    touch_write(AT);
    KCHECK((other = space_clone()));
    space_walk(other, AT, &walk);
    const struct {
        paddr_t pa;
        unsigned right, wrong;
    } damage[] = {
        {walk.directory + RECURSIVE_PDI * 4, walk.directory | 3,
         (walk.directory | 3) + PAGE_SIZE},                       /* not itself */
        {walk.directory + (FRAMES_PDI - 1) * 4, 0, walk.pde},     /* a kernel table of its own */
        {walk.directory + walk.pdi * 4, walk.pde, 0},             /* a table lost */
        {walk.directory + walk.pdi * 4 + 4, 0, walk.pde},         /* a table linked twice */
        {(walk.pde & PTE_FRAME) + walk.pti * 4, walk.pte, 0},     /* a page lost */
        {(walk.pde & PTE_FRAME) + walk.pti * 4 + 8, 0, walk.pte}, /* a page too many */
    };
    char *at = AT + 2 * TABLE_SPAN; /* the damaged frame */
    for (size_t i = 0; i < ARRAY_SIZE(damage); i++) {
        paddr_t frame = damage[i].pa & ~PAGE_MASK;
        KCHECK_EQ(vmem_map(at, frame, WRITE), 0);
        volatile unsigned *entry = (volatile void *)(at + (damage[i].pa & PAGE_MASK));
        unsigned right = *entry;
        KCHECK_EQ(right & ~0x60u, damage[i].right & ~0x60u);
        space_check();
        *entry = damage[i].wrong;
        bool seen_damage = ktest_traps(run_check, NULL, "mm/", __FILE__, __LINE__);
        *entry = right;
        KCHECK(seen_damage);
        KCHECK_EQ(vmem_unmap(at), 0);
    }
    KCHECK_EQ(space_current(), me);
    space_destroy(other);
    space_release(AT, 2);
    KCHECK_CALL(end(free));
}
