/* Lab spaces, a plain solution: a page at a time, and all of a range checked before its first page changes. */
#include "space.h"

/* ---- reserve ---- */

int space_reserve(void *va, size_t pages, unsigned flags) {
    vpn_t vpn = check_range(va, pages, FREE_START, KHEAP_START);
    ASSERT_OP(flags & ~PERMISSIONS, ==, 0u);
    if (check_unmapped(vpn, vpn + pages, flags) > pm_count().free)
        return VMEM_NO_MEMORY;
    for (size_t i = 0; i < pages; i++) {
        add_entries(vpn + i, 1);
        write_entry(pte_of(vpn + i), SPACE_PAGE | flags);
    }
    return 0;
}

static bool is_full(paddr_t frame) { return (*frame_at(frame) & FRAME_PAGES) == FRAME_PAGES; }

int space_map_copy(void *va, paddr_t pa, size_t pages, unsigned flags) {
    vpn_t vpn = check_range(va, pages, FREE_START, KHEAP_START);
    ASSERT_OP(flags & ~PERMISSIONS, ==, 0u);
    if (pa_offset(pa) || pages > FRAMES_MAX - pa_to_pfn(pa))
        PANIC("space: %zu frames at 0x%08x: not whole frames below 4 GiB", pages, pa);
    if (check_unmapped(vpn, vpn + pages, flags) > pm_count().free)
        return VMEM_NO_MEMORY;
    for (size_t i = 0; i < pages; i++)
        if (is_full(pa + i * PAGE_SIZE))
            return VMEM_NO_MEMORY;
    unsigned how = PTE_PRESENT | SPACE_PAGE | (flags & VMEM_USER) | (flags & VMEM_WRITE ? SPACE_COPY : 0);
    for (size_t i = 0; i < pages; i++) {
        add_entries(vpn + i, 1);
        *frame_at(pa + i * PAGE_SIZE) += FRAME_PAGE;
        write_entry(pte_of(vpn + i), entry_to(pa + i * PAGE_SIZE, how));
    }
    return 0;
}

/* ---- touch ---- */

static bool first_touch(vpn_t vpn, pte_t entry, unsigned error) {
    if (error & FAULT_WRITE && !(entry & PTE_WRITE))
        return false;
    paddr_t frame = pm_alloc_page();
    if (frame == PADDR_NONE)
        return false;
    clear_frame(frame);
    *frame_at(frame) += FRAME_PAGE;
    write_entry(pte_of(vpn), entry_to(frame, entry | PTE_PRESENT));
    return true;
}

/* ---- create ---- */

static void fill_directory(paddr_t frame) {
    pde_t *to = scratch_map(frame), *from = (pde_t *)DIRECTORY_WINDOW;
    for (unsigned pdi = 0; pdi < RECURSIVE_PDI; pdi++)
        write_entry(&to[pdi], pdi == 0 || pdi >= USER_TABLES ? read_entry(&from[pdi]) : 0);
    write_entry(&to[RECURSIVE_PDI], entry_to(frame, OWN_FLAGS));
    scratch_unmap();
}

struct space *space_create(void) {
    ASSERT(!in_interrupt());
    struct space *space = kmalloc(sizeof(*space));
    if (space == NULL)
        return NULL;
    space->directory = pm_alloc_page();
    if (space->directory == PADDR_NONE) {
        kfree(space);
        return NULL;
    }
    fill_directory(space->directory);
    frame_set_kind(space->directory, FRAME_DIRECTORY);
    space->generation = vmem_generation;
    list_append(&spaces, &space->list);
    tell(space, space->directory);
    return space;
}

void space_switch(struct space *to) {
    ASSERT(!in_interrupt());
    current->generation = vmem_generation;
    if (to->generation != vmem_generation) {
        pde_t *directory = scratch_map(to->directory), *from = (pde_t *)DIRECTORY_WINDOW;
        for (unsigned pdi = USER_TABLES; pdi < RECURSIVE_PDI; pdi++)
            write_entry(&directory[pdi], read_entry(&from[pdi]));
        scratch_unmap();
    }
    current = to;
    if (on_switch)
        on_switch(to->directory);
    set_page_directory(to->directory);
}

/* ---- clone ---- */

/* TO becomes what FROM is, and both share the frame; false where it has too many owners. */
static bool share_page(pte_t *from, pte_t *to) {
    pte_t entry = read_entry(from);
    if (is_counted(entry) && !frame_share(entry_frame(entry)))
        return false;
    if (is_counted(entry) && entry & SPACE_PAGE && entry & PTE_WRITE) {
        entry = (entry & ~PTE_WRITE) | SPACE_COPY;
        write_entry(from, entry);
    }
    write_entry(to, entry);
    return true;
}

/* CHILD gets a table of its own for the current PD[PDI]; false when memory has run out, with what there is of it linked. */
static bool clone_table(struct space *child, unsigned pdi) {
    pte_t *from = pte_of(pdi * ENTRIES_PER_TABLE);
    paddr_t table = pm_alloc_page();
    if (table == PADDR_NONE)
        return false;
    clear_frame(table);
    frame_set_kind(table, FRAME_TABLE);
    pte_t *to = scratch_map(table);
    bool whole = true;
    for (unsigned i = 0; i < ENTRIES_PER_TABLE && whole; i++) {
        whole = share_page(&from[i], &to[i]);
        if (whole && read_entry(&from[i]))
            *frame_at(table) += FRAME_ENTRY;
    }
    scratch_unmap();
    pde_t *directory = scratch_map(child->directory);
    write_entry(&directory[pdi], entry_to(table, TABLE_FLAGS));
    scratch_unmap();
    return whole;
}

struct space *space_clone(void) {
    struct space *child = space_create();
    if (child == NULL)
        return NULL;
    bool whole = true;
    for (unsigned pdi = 1; pdi < USER_TABLES && whole; pdi++)
        if (has_table(pdi * ENTRIES_PER_TABLE))
            whole = clone_table(child, pdi);
    set_page_directory(get_page_directory());
    if (whole)
        return child;
    space_destroy(child);
    return NULL;
}

/* ---- copy ---- */

/* FRAME gets the words of the page VPN. */
static void copy_to(paddr_t frame, vpn_t vpn) {
    void *to = scratch_map(frame);
    const void *from = page_address(vpn);
    copy_words(&to, &from, PAGE_SIZE / sizeof(unsigned));
    scratch_unmap();
}

static bool first_write(vpn_t vpn, pte_t entry, unsigned error) {
    paddr_t frame = entry_frame(entry);
    if (!(error & FAULT_WRITE) || !(entry & SPACE_COPY))
        return false;
    if (!is_sole(entry)) {
        paddr_t copy = pm_alloc_page();
        if (copy == PADDR_NONE)
            return false;
        copy_to(copy, vpn);
        *frame_at(copy) += FRAME_PAGE;
        *frame_at(frame) -= FRAME_PAGE;
        frame = copy;
    }
    write_entry(pte_of(vpn), entry_to(frame, PTE_PRESENT | SPACE_PAGE | PTE_WRITE | (entry & PTE_USER)));
    flush_page(page_address(vpn));
    return true;
}

/* ---- release ---- */

/* A page of ENTRY is gone. The frame goes back with the last one, if it is a space's. */
static void drop_page(pte_t entry) {
    if (!is_counted(entry))
        return;
    *record_of(entry) -= FRAME_PAGE;
    if (entry & SPACE_PAGE && *record_of(entry) == FRAME_PLAIN)
        pm_free_page(entry_frame(entry));
}

void space_release(void *va, size_t pages) {
    vpn_t vpn = check_range(va, pages, FREE_START, KHEAP_START), end = vpn + pages;
    for (; vpn < end; vpn++) {
        pte_t entry = has_table(vpn) ? read_entry(pte_of(vpn)) : 0;
        if (entry == 0)
            continue;
        write_entry(pte_of(vpn), 0);
        flush_page(page_address(vpn));
        drop_page(entry);
        remove_entries(vpn, 1);
    }
}

void space_destroy(struct space *space) {
    ASSERT(!in_interrupt());
    if (space == current || space == &first)
        PANIC("space: the %s space cannot be destroyed", space == current ? "current" : "first");
    tell(space, PADDR_NONE);
    pde_t pde;
    for (unsigned pdi = 1; (pde = next_table(space, &pdi)) != 0; pdi++) {
        for (unsigned i = 0; i < ENTRIES_PER_TABLE; i++)
            drop_page(scratch_read(entry_frame(pde), i));
        pm_take_back(entry_frame(pde));
    }
    pm_take_back(space->directory);
    list_remove(&space->list);
    kfree(space);
}
