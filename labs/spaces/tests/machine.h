/* For the tests of spaces: a simulated machine of 16 MiB with paging on, and pages, tables and spaces that the test has made by
 * hand. The test includes mm/space.c first. */
#ifndef QUIRE_LABS_MACHINE_H
#define QUIRE_LABS_MACHINE_H

#include "tables.h"

#include <stdlib.h>

#define PART 0x40000000u   /* where the tests have pages: table 256, and the next */
#define NEXT 0x40400000u   /* the next table's first page */
#define FAR 0x50000000u    /* no table is there, nor in the next 4 MiB */
#define MODULE 0x200000u   /* a boot module: 64 frames that pm never handed out */
#define MODULE_SIZE 0x40000u
#define KERNELS 0xC0400000u /* a page of the kernel's, once kernel_page_by_hand has mapped it */

#define WRITE VMEM_WRITE
#define USER VMEM_USER

/* ---- the heap ---- */

static size_t heap_objects, heap_left = SIZE_MAX;
static bool heap_grows; /* each object takes a page in a table of its own */

static void grow_heap(void) {
    static unsigned va = KHEAP_START;
    vmem_alloc_range(AT(va), 1, WRITE);
    va += ENTRIES_PER_TABLE * PAGE_SIZE;
}

void *kmalloc(size_t size) {
    if (heap_left == 0)
        return NULL;
    heap_left--;
    heap_objects++;
    if (heap_grows)
        grow_heap();
    return memset(malloc(size), 0xA5, size);
}

void *kzalloc(size_t size) {
    void *p = kmalloc(size);
    return p ? memset(p, 0, size) : NULL;
}

void kfree(void *p) {
    CHECK(p != &first, "kfree is called with the first space: it is the kernel's own, and no object of the heap");
    heap_objects -= p != NULL;
    free(p);
}

/* ---- starting ---- */

static inline void start(void) {
    start_paged(MODULE_SIZE);
    space_init();
    table_by_hand(PART);
    table_by_hand(NEXT);
    while (pm_alloc_page() < IDENTITY_END - PAGE_SIZE) /* no frame is seen at its own address */
        ;
    mmu_shared_from = KHEAP_START >> 22;
    mmu_event_count = 0;
}

static paddr_t held[4096];
static size_t held_count;

/* Takes all frames but N. */
static inline void leave_free(size_t n) {
    while (pm_count().free > n)
        held[held_count++] = pm_alloc_page();
}

static inline void release_held(void) {
    while (held_count > 0)
        pm_free_page(held[--held_count]);
}

/* ---- pages ---- */

/* VA's page is still to come, with the permissions FLAGS. */
static inline void promise_by_hand(unsigned va, unsigned flags) {
    mmu_set_word(pte_place(va), SPACE_PAGE | flags);
    *frame_at(entry_frame(mmu_word(pde_place(va)))) += FRAME_ENTRY;
}

static inline unsigned word_of(unsigned va, unsigned i) { return va + i * 0x10001u + 1; }

/* VA's page has come: a frame of its own from pm, with words that tell where they are from. */
static inline paddr_t page_by_hand(unsigned va, unsigned flags) {
    paddr_t frame = pm_alloc_page();
    for (unsigned i = 0; i < ENTRIES_PER_TABLE; i++)
        mmu_set_word(frame + i * 4, word_of(va, i));
    map_by_hand(va, frame, SPACE_PAGE | flags);
    return frame;
}

static inline void kernel_page_by_hand(void) {
    vmem_alloc_range(AT(KERNELS), 1, WRITE);
    mmu_store(AT(KERNELS), 0xFEED);
    mmu_event_count = 0;
}

/* Whether pm has handed out the frame at PA. */
static inline bool is_handed_out(paddr_t pa) {
    return pa_offset(pa) == 0 && pa >= LOW_MEMORY_END && pa_to_pfn(pa) < 4096 && !bitmap_test(pm_available, pa_to_pfn(pa)) &&
           (*frame_at(pa) & FRAME_KIND) != FRAME_RECENT && (*frame_at(pa) & FRAME_KIND) != FRAME_RESERVED;
}

/* ---- another space, not the current one: its tables are edited as a device would ---- */

static inline paddr_t others_pde_place(const struct space *space, unsigned va) { return space->directory + (va >> 22) * 4; }

/* What SPACE's tables say of VA's page. */
static inline unsigned others_entry(const struct space *space, unsigned va) {
    unsigned pde = mmu_word(others_pde_place(space, va));
    return pde & PTE_PRESENT ? without_status(mmu_word(entry_frame(pde) + (va >> 12 & 1023) * 4)) : 0;
}

/* With the current kernel part and nothing else; NULL when memory has run out. */
static inline struct space *space_by_hand(void) {
    struct space *space = kmalloc(sizeof *space);
    paddr_t frame = space ? pm_alloc_page() : PADDR_NONE;
    if (frame == PADDR_NONE) {
        kfree(space);
        return NULL;
    }
    for (unsigned pdi = 0; pdi < ENTRIES_PER_TABLE; pdi++)
        mmu_set_word(frame + pdi * 4, pdi && pdi < KHEAP_START >> 22 ? 0 : mmu_word(get_page_directory() + pdi * 4));
    mmu_set_word(frame + RECURSIVE_PDI * 4, frame | PTE_PRESENT | PTE_WRITE);
    *frame_at(frame) = FRAME_DIRECTORY;
    *space = (struct space){.directory = frame, .generation = vmem_generation};
    list_append(&spaces, &space->list);
    return space;
}

/* ---- what was there before ---- */

static struct {
    unsigned part[ENTRIES_PER_TABLE], next[ENTRIES_PER_TABLE];
    frame_t records[MMU_FRAMES];
    size_t objects;
} earlier;

static inline void copy_table(unsigned *to, unsigned va) {
    for (unsigned i = 0; i < ENTRIES_PER_TABLE; i++)
        to[i] = without_status(entry_at(va + i * PAGE_SIZE));
}

static inline void remember_all(void) {
    set_page_directory(get_page_directory()); /* what was not flushed by now is another case's matter */
    remember();
    copy_table(earlier.part, PART);
    copy_table(earlier.next, NEXT);
    memcpy(earlier.records, pm_frames, sizeof earlier.records);
    earlier.objects = heap_objects;
}

/* Each entry of the two tables is as it was remembered, but for the N pages at VA. */
static inline void check_entries(const char *what, unsigned va, size_t n) {
    for (unsigned at = PART; at < NEXT + (NEXT - PART); at += PAGE_SIZE) {
        unsigned was = at < NEXT ? earlier.part[at >> 12 & 1023] : earlier.next[at >> 12 & 1023];
        unsigned is = without_status(entry_at(at));
        CHECK(is == was || (at >= va && at < va + n * PAGE_SIZE), "%s: the entry of 0x%08x, a page that has nothing to do with it, was "
              "0x%08x and is 0x%08x", what, at, was, is);
    }
}

/* No frame has an owner more or fewer than was remembered. */
static inline void check_owners(const char *what) {
    for (pfn_t pfn = 0; pfn < MMU_FRAMES; pfn++) {
        unsigned was = earlier.records[pfn] & FRAME_PAGES, is = pm_frames[pfn] & FRAME_PAGES;
        CHECK(is == was, "%s, but the record of frame 0x%08x counts %u pages, and counted %u before: an owner is %s", what,
              pfn_to_pa(pfn), is, was, is < was ? "lost" : "counted that is none");
    }
}

static void call_check(uintptr_t a, uintptr_t b) {
    (void)a, (void)b;
    space_check();
    pm_check();
}

extern const char *check_panic_text(void);

/* What must be true whatever was done. */
static inline void check_order(const char *what) {
    unsigned scratch = mmu_word(entry_frame(mmu_word(get_page_directory())) + (SCRATCH_PAGE >> 12) * 4);
    CHECK(scratch == 0, "%s, and the scratch page still shows the frame 0x%08x: scratch_unmap, or whoever looks there next sees it, and not "
          "what he asks for", what, entry_frame(scratch));
    doing("%s", what);
    mmu_check_caches();
    CHECK(!check_panics(call_check, 0, 0), "%s, and the books do not agree with the tables any more (space_check): %s", what,
          check_panic_text());
}

/* All is as it was remembered. */
static inline void check_undone(const char *what) {
    check_nothing_changed(what);
    CHECK(heap_objects == earlier.objects, "%s, but objects of the heap are lost (%d): kfree", what, (int)(heap_objects - earlier.objects));
    check_entries(what, 0, 0);
    check_owners(what);
    check_order(what);
}

#endif
