/* Lab spaces, exercise clone: space_clone. A child comes, and goes, by the test's own hand (given.c). */
struct space;
struct space *space_create(void) __attribute__((weak));
void space_destroy(struct space *space) __attribute__((weak));

#include "mm/space.c"

#include "machine.h"

#define LOW 0x00400000u  /* the first table of the user part */
#define HIGH 0xBFC00000u /* and the last */

struct space *given_create(void);
void given_destroy(struct space *space);

struct space *given_create(void) { return space_by_hand(); }

static void page_of_others_ends(unsigned entry) {
    paddr_t frame = entry_frame(entry);
    if (!(entry & PTE_PRESENT) || entry & VMEM_VIEW)
        return;
    *frame_at(frame) -= FRAME_PAGE;
    if (*frame_at(frame) == FRAME_PLAIN && entry & SPACE_PAGE)
        pm_free_page(frame);
}

void given_destroy(struct space *space) {
    CHECK(space && space != &first, "space_destroy is called with %s", space ? "the current space" : "NULL");
    for (unsigned pdi = 1; pdi < KHEAP_START >> 22; pdi++) {
        paddr_t table = entry_frame(mmu_word(space->directory + pdi * 4));
        for (unsigned i = 0; table && i < ENTRIES_PER_TABLE; i++)
            page_of_others_ends(mmu_word(table + i * 4));
        if (table)
            pm_take_back(table);
    }
    pm_take_back(space->directory);
    list_remove(&space->list);
    kfree(space);
}

/* ---- the parent ---- */

static const unsigned owned[] = {PART, PART + 0x7000, PART + 0x3FE000, NEXT, NEXT + 0x123000, LOW, HIGH + 0x3FF000};
#define OWNED (sizeof owned / sizeof owned[0])

#define READ_ONLY (PART + 0x1000) /* a page that has come */
#define PROMISE (PART + 0x2000)   /* still to come, writable */
#define PROMISE_RO (PART + 0x3000)
#define OF_MODULE (PART + 0x4000) /* a module's frame, until it is written */
#define DEVICE (PART + 0x5000)    /* mapped by vmem_map */
#define VIEW (PART + 0x6000)      /* a look at a frame of somebody else's */
#define MODULE_RO (PART + 0x8000)

static const unsigned others[] = {OF_MODULE, DEVICE, VIEW};
#define OTHERS (sizeof others / sizeof others[0])

static paddr_t viewed;

static void start_parent(void) {
    start();
    kernel_page_by_hand();
    empty_table_by_hand(LOW);
    empty_table_by_hand(HIGH);
    for (unsigned i = 0; i < OWNED; i++)
        page_by_hand(owned[i], WRITE | (i % 2 ? USER : 0));
    page_by_hand(READ_ONLY, USER);
    promise_by_hand(PROMISE, WRITE | USER);
    promise_by_hand(PROMISE_RO, 0);
    map_by_hand(OF_MODULE, MODULE, SPACE_PAGE | SPACE_COPY | USER);
    map_by_hand(DEVICE, NOBODYS + 0x5000, WRITE | VMEM_NO_CACHE);
    viewed = pm_alloc_page();
    map_by_hand(VIEW, viewed, WRITE | VMEM_VIEW);
    map_by_hand(MODULE_RO, MODULE + 0x1000, SPACE_PAGE);
    mmu_check_caches();
    remember_all();
}

static struct space *clone(void) {
    doing("space_clone()");
    struct space *child = space_clone();
    CHECK(child, "space_clone returns NULL, though there is memory");
    CHECK(child != &first && space_current() == &first, "space_clone is to return another space, and the current one stays current");
    return child;
}

static unsigned was(unsigned va) {
    return va < NEXT ? earlier.part[va >> 12 & 1023] : earlier.next[va >> 12 & 1023];
}

CASE(each_page_is_shared) {
    start_parent();
    struct space *child = clone();
    for (unsigned i = 0; i < OWNED; i++) {
        unsigned entry = others_entry(child, owned[i]), mine = without_status(entry_at(owned[i]));
        CHECK(entry & PTE_PRESENT, "the parent has a page at 0x%08x, but the child's entry is 0x%08x", owned[i], entry);
        CHECK(entry_frame(entry) == entry_frame(mine), "0x%08x leads to the frame 0x%08x, in the child to 0x%08x: a page is shared until one of "
              "them writes", owned[i], entry_frame(mine), entry_frame(entry));
        CHECK(entry & SPACE_PAGE, "0x%08x: the child's entry is 0x%08x, without SPACE_PAGE", owned[i], entry);
        CHECK((entry & USER) == (mine & USER), "0x%08x: the child's entry is 0x%08x, the parent's 0x%08x: the user bit differs", owned[i], entry,
              mine);
    }
    CHECK(before.free - pm_count().free == 5, "a clone takes a directory and here 4 tables, and no frame for a page, but %d frames were taken",
          (int)(before.free - pm_count().free));
}

CASE(the_tables_are_the_childs_own) {
    start_parent();
    struct space *child = clone();
    for (unsigned pdi = 1; pdi < KHEAP_START >> 22; pdi++) {
        unsigned mine = without_status(mmu_word(get_page_directory() + pdi * 4)), pde = without_status(mmu_word(child->directory + pdi * 4));
        if (!mine) {
            CHECK(!pde, "the parent has no table %u, but the child's PD[%u] is 0x%08x", pdi, pdi, pde);
            continue;
        }
        CHECK(pde & PTE_PRESENT, "the parent has a table %u, but the child's PD[%u] is 0x%08x", pdi, pdi, pde);
        CHECK(entry_frame(pde) != entry_frame(mine), "the child's PD[%u] leads to the parent's own table: what one of them maps, the other one "
              "gets, too", pdi);
        CHECK((*frame_at(entry_frame(pde)) & FRAME_KIND) == FRAME_TABLE, "the frame of the child's table %u is not recorded as a table "
              "(frame_set_kind)", pdi);
        unsigned entries = 0;
        for (unsigned i = 0; i < ENTRIES_PER_TABLE; i++)
            entries += mmu_word(entry_frame(pde) + i * 4) != 0;
        CHECK(entries == entries_counted(entry_frame(mine)), "the parent's table %u has %u entries, the child's %u: %s", pdi,
              entries_counted(entry_frame(mine)), entries, entries < entries_counted(entry_frame(mine)) ? "some pages were forgotten"
              : "what was in its frame is taken for pages");
        CHECK(entries_counted(entry_frame(pde)) == entries, "the child's table %u has %u entries, but its record counts %u (FRAME_ENTRY): it "
              "would be given back too early, or never", pdi, entries, entries_counted(entry_frame(pde)));
        CHECK(pde == (entry_frame(pde) | TABLE_FLAGS), "the child's PD[%u] is 0x%08x: tables are linked with TABLE_FLAGS", pdi, pde);
    }
}

CASE(both_sides_lose_the_right_to_write) {
    start_parent();
    struct space *child = clone();
    for (unsigned i = 0; i < OWNED; i++) {
        unsigned entry = others_entry(child, owned[i]), mine = without_status(entry_at(owned[i]));
        CHECK(!(mine & PTE_WRITE), "0x%08x is shared with the child, but the parent's entry is 0x%08x, writable: the child sees what the parent "
              "writes", owned[i], mine);
        CHECK(!(entry & PTE_WRITE), "0x%08x is shared with the child, but the child's entry is 0x%08x, writable: the parent sees what the child "
              "writes", owned[i], entry);
        CHECK(mine & SPACE_COPY, "0x%08x: the parent's entry is 0x%08x, without SPACE_COPY: its next write is taken for a real fault", owned[i],
              mine);
        CHECK(entry & SPACE_COPY, "0x%08x: the child's entry is 0x%08x, without SPACE_COPY: its first write is taken for a real fault", owned[i],
              entry);
    }
}

CASE(the_processor_forgets_it) {
    start_parent();
    clone();
    for (unsigned i = 0; i < OWNED; i++) {
        size_t written, flushed;
        find_events(owned[i], &written, &flushed);
        CHECK(written, "0x%08x is shared with the child, but the parent's entry has not been written: it is still writable", owned[i]);
        CHECK(flushed, "the processor may still have the parent's 0x%08x as writable, for nothing was flushed: the parent then writes into the "
              "child's page, and no fault tells", owned[i]);
        CHECK(flushed > written, "0x%08x was flushed before its entry was changed: the processor may have loaded it as writable again", owned[i]);
    }
    mmu_check_caches();
}

CASE(read_only_stays_read_only) {
    start_parent();
    struct space *child = clone();
    static const unsigned pages[] = {READ_ONLY, MODULE_RO};
    for (unsigned i = 0; i < 2; i++) {
        unsigned entry = others_entry(child, pages[i]), mine = without_status(entry_at(pages[i]));
        CHECK(!(mine & SPACE_COPY) && !(entry & SPACE_COPY), "0x%08x is read-only, but after the clone its entry is 0x%08x, the child's 0x%08x, "
              "with SPACE_COPY: the next write would be granted", pages[i], mine, entry);
        CHECK(mine == was(pages[i]) && entry == was(pages[i]), "0x%08x is read-only, and its entry 0x%08x may stay as it is in both, but is "
              "0x%08x, the child's 0x%08x", pages[i], was(pages[i]), mine, entry);
    }
}

CASE(what_is_still_to_come_comes_in_both) {
    start_parent();
    struct space *child = clone();
    for (unsigned va = PROMISE; va <= PROMISE_RO; va += PAGE_SIZE) {
        unsigned entry = others_entry(child, va), mine = without_status(entry_at(va));
        CHECK(entry, "0x%08x is still to come, but in the child nothing is: its entry there is 0, and the first touch a real fault", va);
        CHECK(entry == was(va) && mine == was(va), "0x%08x is still to come, with the entry 0x%08x, but after the clone the parent's is 0x%08x and "
              "the child's 0x%08x: no frame is shared, so nothing is to change", va, was(va), mine, entry);
    }
}

CASE(each_frame_has_an_owner_more) {
    start_parent();
    clone();
    for (unsigned i = 0; i < OWNED; i++) {
        paddr_t frame = entry_frame(entry_at(owned[i]));
        CHECK(pages_counted(frame) == 2, "parent and child have the frame of 0x%08x, but its record counts %u pages: %s", owned[i],
              pages_counted(frame), pages_counted(frame) < 2 ? "the first of them to write or to end takes it from the other"
                                                             : "it will never go back");
    }
    CHECK(pages_counted(entry_frame(entry_at(READ_ONLY))) == 2, "a read-only page is shared as any other, but its frame's record counts %u "
          "pages", pages_counted(entry_frame(entry_at(READ_ONLY))));
    CHECK(pages_counted(MODULE) == 2 && pages_counted(NOBODYS + 0x5000) == 2, "a module's frame, and one that vmem_map has mapped, are now in two "
          "pages each, but their records count %u and %u", pages_counted(MODULE), pages_counted(NOBODYS + 0x5000));
    CHECK(pages_counted(0) == (earlier.records[0] & FRAME_PAGES), "a page that is still to come has no frame, and frame 0, to which its entry seems to "
          "lead, has no owner more: its record counts %u pages", pages_counted(0));
    CHECK(pages_counted(viewed) == 0, "a view (VMEM_VIEW) is not counted, but its frame's record counts %u pages", pages_counted(viewed));
    check_order("a space was cloned");
}

CASE(the_rest_stays_as_it_is) {
    start_parent();
    struct space *child = clone();
    for (unsigned i = 0; i < OTHERS; i++) {
        unsigned entry = others_entry(child, others[i]), mine = without_status(entry_at(others[i]));
        CHECK(mine == was(others[i]), "0x%08x: the parent's entry was 0x%08x and is 0x%08x%s", others[i], was(others[i]), mine,
              others[i] == DEVICE ? ": a page of vmem_map's is not the space's, and stays" : "");
        CHECK(entry == mine, "0x%08x: the parent's entry is 0x%08x, the child's 0x%08x%s", others[i], mine, entry,
              others[i] == DEVICE ? ": a page of vmem_map's is the same in both" : "");
    }
    for (unsigned pdi = KHEAP_START >> 22; pdi < ENTRIES_PER_TABLE - 1; pdi++)
        CHECK(without_status(mmu_word(child->directory + pdi * 4)) == without_status(mmu_word(get_page_directory() + pdi * 4)),
              "the child's PD[%u] is 0x%08x, the parent's 0x%08x: the kernel's tables are the same in all spaces, and not to be cloned", pdi,
              mmu_word(child->directory + pdi * 4), mmu_word(get_page_directory() + pdi * 4));
    CHECK(mmu_word(child->directory) == mmu_word(get_page_directory()), "the child's PD[0] was changed: table 0 is not to be cloned");
}

/* Nothing is lost; pages may have become read-only, to be mended at the next write. */
static void check_failed(const char *what) {
    check_free(what);
    CHECK(heap_objects == earlier.objects, "%s, and the child itself is lost: its %d bytes in the heap", what, (int)sizeof(struct space));
    check_owners(what);
    for (unsigned i = 0; i < OWNED; i++) {
        unsigned mine = without_status(entry_at(owned[i]));
        CHECK(mine & PTE_WRITE || mine & SPACE_COPY, "%s, but 0x%08x can never be written again: its entry is 0x%08x", what, owned[i], mine);
    }
    for (unsigned i = 0; i < OTHERS; i++)
        CHECK(without_status(entry_at(others[i])) == was(others[i]), "%s, but the entry of 0x%08x was 0x%08x and is 0x%08x%s", what, others[i],
              was(others[i]), entry_at(others[i]), others[i] == OF_MODULE ? ": it had SPACE_COPY before, and is still not to be written" : "");
    check_order(what);
}

CASE(memory_runs_out) {
    start_parent();
    for (size_t n = 0; n <= 5; n++) {
        char what[80];
        snprintf(what, sizeof what, "space_clone with %u frame%s free returned NULL", (unsigned)n, n == 1 ? "" : "s");
        leave_free(n);
        remember_all();
        doing("space_clone with %u frames free", (unsigned)n);
        struct space *child = space_clone();
        CHECK(!child || n == 5, "a clone takes 5 frames here and %u are free, but space_clone returns a space: some of its pages are missing",
              (unsigned)n);
        CHECK(child || n < 5, "a clone takes 5 frames here and 5 are free, but space_clone returns NULL");
        if (!child)
            check_failed(what);
        release_held();
    }
    remember_all();
    heap_left = 0;
    doing("space_clone with nothing left in the heap");
    CHECK(!space_clone(), "the heap has nothing left for a child, but space_clone returns one");
    check_failed("space_clone with nothing left in the heap returned NULL");
}

CASE(a_frame_has_too_many_owners) {
    start_parent();
    *frame_at(MODULE) |= FRAME_PAGES; /* as if so many more were mapped */
    remember_all();
    doing("space_clone, one frame having as many owners as can be counted");
    struct space *child = space_clone();
    CHECK(!child, "the record of a module's frame has no room for one page more (frame_share says so), but space_clone returns a space: the count "
          "spills over");
    check_free("space_clone returned NULL because a frame has too many owners");
    check_owners("space_clone returned NULL because a frame has too many owners");
    *frame_at(MODULE) -= FRAME_PAGES - FRAME_PAGE;
    clone();
}
