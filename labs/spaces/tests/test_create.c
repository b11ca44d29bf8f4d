/* Lab spaces, exercise create: space_create and space_switch. */
#include "mm/space.c"

#include "machine.h"

static struct space *create(void) {
    doing("space_create()");
    struct space *space = space_create();
    CHECK(space, "space_create returns NULL, though there is memory");
    CHECK(is_handed_out(space->directory), "the new space's directory is at 0x%08x, which is no frame that pm has handed out",
          space->directory);
    return space;
}

static unsigned pde_of_space(const struct space *space, unsigned pdi) { return without_status(mmu_word(space->directory + pdi * 4)); }
static unsigned pde_now(unsigned pdi) { return without_status(mmu_word(get_page_directory() + pdi * 4)); }

static void go(struct space *to, const char *what) {
    doing("space_switch to %s", what);
    space_switch(to);
    CHECK(get_page_directory() == to->directory, "space_switch to %s: CR3 is 0x%08x, not the directory of that space, 0x%08x", what,
          get_page_directory(), to->directory);
    CHECK(space_current() == to, "space_switch to %s: the directory is loaded, but CURRENT is still another space", what);
}

CASE(a_directory_from_pm) {
    start();
    remember_all();
    struct space *space = create(), *other = create();
    CHECK(space != other && space->directory != other->directory && space->directory != first.directory,
          "each space has a directory of its own, but two share one");
    CHECK((*frame_at(space->directory) & FRAME_KIND) == FRAME_DIRECTORY, "the directory's frame is recorded as something else "
          "(frame_set_kind): pm would take it back from anybody who asks");
    CHECK(before.free - pm_count().free == 2, "two spaces take a directory each, but %d frames were taken",
          (int)(before.free - pm_count().free));
    CHECK(heap_objects - earlier.objects == 2, "two spaces take an object of the heap each, but %d were taken",
          (int)(heap_objects - earlier.objects));
    bool listed = false;
    for (struct list *at = spaces.next; at != &spaces; at = at->next)
        listed |= at == &space->list;
    CHECK(listed, "the new space is not in the list SPACES: space_check does not know of it");
    check_order("two spaces were created");
}

CASE(it_holds_itself) {
    start();
    struct space *space = create();
    unsigned pde = pde_of_space(space, RECURSIVE_PDI);
    CHECK(entry_frame(pde) != get_page_directory(), "PD[1023] of the new directory leads to the current one's frame: with it loaded, the window "
          "would show, and edit, the tables of the space that created it");
    CHECK(pde == (space->directory | PTE_PRESENT | PTE_WRITE), "PD[1023] of the new directory is 0x%08x: it must lead to the directory itself, "
          "0x%08x, present and writable", pde, space->directory);
}

CASE(the_kernels_part_is_there) {
    start();
    kernel_page_by_hand();
    struct space *space = create();
    CHECK(pde_of_space(space, 0) == pde_now(0), "PD[0] of the new directory is 0x%08x, in the current one 0x%08x: without the identity map "
          "not even the next instruction is there", pde_of_space(space, 0), pde_now(0));
    for (unsigned pdi = KHEAP_START >> 22; pdi < RECURSIVE_PDI; pdi++)
        CHECK(pde_of_space(space, pdi) == pde_now(pdi), "PD[%u] of the new directory is 0x%08x, in the current one 0x%08x: the kernel's part "
              "is the same in all", pdi, pde_of_space(space, pdi), pde_now(pdi));
    CHECK(space->generation == vmem_generation, "the new directory has the kernel's part as it is now, but GENERATION says that it has missed "
          "changes: it is 0x%x, and vmem_generation 0x%x", space->generation, vmem_generation);
    go(space, "a new space");
    CHECK(mmu_load(AT(KERNELS)) == 0xFEED, "in the new space a page of the kernel's shows something else");
}

CASE(the_user_part_is_empty) {
    start();
    page_by_hand(PART, WRITE);
    table_by_hand(0x00400000);
    table_by_hand(0xBFC00000);
    struct space *space = create();
    for (unsigned pdi = 1; pdi < KHEAP_START >> 22; pdi++)
        CHECK(pde_of_space(space, pdi) == 0, "PD[%u] of the new directory is 0x%08x: the user part is to be empty, but %s", pdi,
              pde_of_space(space, pdi), pde_of_space(space, pdi) == pde_now(pdi) ? "it has the current space's tables"
                                                                                 : "what was in the frame is taken for tables");
}

CASE(memory_runs_out) {
    start();
    create();
    leave_free(0);
    remember_all();
    doing("space_create with no frame free");
    struct space *space = space_create();
    CHECK(!space, "no frame is free, but space_create returns a space with the directory 0x%08x", space->directory);
    check_undone("no frame is free, and space_create returned NULL");
    release_held();
    remember_all();
    heap_left = 0;
    doing("space_create with no object left in the heap");
    CHECK(!space_create(), "the heap has nothing left, but space_create returns a space");
    check_undone("the heap has nothing left, and space_create returned NULL");
    heap_left = SIZE_MAX;
    create();
}

static paddr_t told;
static bool told_too_late;

static void hook(paddr_t directory) {
    told = directory;
    told_too_late = get_page_directory() == directory;
}

CASE(switching) {
    start();
    page_by_hand(PART, WRITE);
    struct space *space = space_by_hand();
    space_on_switch(hook);
    go(space, "another space");
    CHECK(told == space->directory, "whoever asked to hear of a switch (space_on_switch) was not told, or of 0x%08x instead of 0x%08x", told,
          space->directory);
    CHECK(!told_too_late, "the hook was told after CR3 had been loaded: it is to hear before");
    CHECK(!mmu_lookup(AT(PART)), "the other space has no page at 0x%08x, but there is one", PART);
    check_order("another space is current");
    go(&first, "the first space, back");
    CHECK(mmu_load(AT(PART)) == word_of(PART, 0), "back in the first space its page at 0x%08x shows something else", PART);
    check_order("the first space is current again");
}

CASE(a_change_of_the_kernels_part_is_not_missed) {
    start();
    page_by_hand(PART, WRITE);
    struct space *one = space_by_hand(), *two = space_by_hand();
    kernel_page_by_hand();
    go(one, "a space whose directory has missed a new table of the kernel's");
    CHECK(pde_now(KERNELS >> 22), "PD[%u], a new table of the kernel's, is not there after the switch, %s", KERNELS >> 22,
          pde_of_space(&first, KERNELS >> 22) ? "but still is in the other directory"
                                              : "nor in the directory that had it: the stale entries were copied over the new ones");
    CHECK(mmu_load(AT(KERNELS)) == 0xFEED, "a page of the kernel's shows something else after the switch");
    CHECK(pde_now(RECURSIVE_PDI) == (one->directory | PTE_PRESENT | PTE_WRITE), "bringing the directory up to date has changed PD[1023], "
          "which is its own: it is 0x%08x, its frame 0x%08x", pde_now(RECURSIVE_PDI), one->directory);
    CHECK(pde_now(PART >> 22) == 0, "bringing the directory up to date has changed PD[%u], which is its own: the user part of the space that was "
          "left is seen in the other one", PART >> 22);
    CHECK(first.generation == vmem_generation, "the changes were made in the space that was left, so it has seen them all, but its GENERATION is "
          "0x%x, and vmem_generation 0x%x: its directory is filled anew at the next switch", first.generation, vmem_generation);
    check_order("a space that had missed a change is current");
    vmem_free_range(AT(KERNELS), 1); /* and its table */
    go(two, "a space whose directory has missed that a table of the kernel's came, and went");
    check_order("a space that had missed two changes is current");
    vmem_alloc_range(AT(KERNELS + 0x400000), 1, WRITE);
    go(one, "a space whose directory has missed changes that were made in another");
    vmem_free_range(AT(KERNELS + 0x400000), 1);
    go(&first, "the first space, whose directory still leads to a table of the kernel's that was given back");
    check_order("the first space is current again");
}

CASE(the_heap_may_grow_meanwhile) {
    start();
    heap_grows = true;
    struct space *space = create();
    heap_grows = false;
    go(space, "a space that was created while the heap took a new page table");
    check_order("a new space is current");
}

static void call_create(uintptr_t a, uintptr_t b) {
    (void)a, (void)b;
    space_create();
}

static void call_switch(uintptr_t to, uintptr_t b) {
    (void)b;
    space_switch((struct space *)to);
}

CASE(refused_in_an_interrupt) {
    start();
    struct space *space = create();
    irqs_served = 1;
    MUST_PANIC(call_create, 0, 0, "an interrupt handler created a space: it may have interrupted the allocator half-way");
    MUST_PANIC(call_switch, space, 0, "an interrupt handler switched to another space");
    irqs_served = 0;
    CHECK(space_current() == &first && get_page_directory() == first.directory, "a switch was refused, but another space is current");
}
