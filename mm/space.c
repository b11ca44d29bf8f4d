/* space: see space.h for the contract.
 *
 * Only the current directory is seen through its own window. Whatever belongs to another space is reached through the
 * scratch page, one frame at a time; none of it is in the TLB, which the load of CR3 has emptied.
 *
 * The kernel's part is edited in the current directory alone. vmem_generation counts those edits, and each space
 * remembers the count that its directory has seen. A directory that has missed one is brought up to date before CR3 is
 * loaded with it, not at a fault: kernel tables are given back, and through a stale entry the processor could, ahead
 * of use, set accessed bits in somebody else's frame.
 *
 * Frames have as many owners as pages are mapped to them; the records count (frames.h). A clone takes the right to
 * write from both sides, and flushes, since the TLB may hold the parent's entries as they were. Whoever writes first
 * gets a copy; the last owner gets the frame itself.
 *
 * Invariants, as space_check verifies them besides vmem's: each space's directory is one; it holds itself; its kernel
 * part is the current one unless it has missed an edit; there is no directory without a space.
 *
 * Figures, and what was tried and dropped: docs/notes/space.md. */
#include "space.h"

#include "cpu.h"
#include "interrupt.h"
#include "kmalloc.h"
#include "lab.h"
#include "list.h"
#include "memlayout.h"
#include "paging.h"
#include "panic.h"

struct space {
    struct list list; /* in SPACES: first, so a list member is a space */
    paddr_t directory;
    unsigned generation; /* of the kernel's part, as it stands in DIRECTORY; not kept while the space is current */
};

static struct list spaces;
static struct space first, *current = &first;
static void (*on_switch)(paddr_t directory);

struct space *space_current(void) {
    return current;
}

/* Calls HOOK whenever another space becomes current. */
void space_on_switch(void (*hook)(paddr_t directory)) { on_switch = hook; }

static void tell(const struct space *space, paddr_t directory) {
    lab(LAB_SPACE, (uintptr_t)space);
    lab(LAB_DIRECTORY, (uintptr_t)directory);
}

/* The directory that vmem_init has built becomes the first space. */
void space_init(void) {
    list_init(&spaces);
    list_append(&spaces, &first.list);
    first.directory = get_page_directory();
    current = &first;
    tell(&first, first.directory);
}

/* ---- directories ---- */

static void copy_entries(pde_t *to, unsigned pdi, size_t n) {
    void *at = &to[pdi];
    const void *from = (pde_t *)DIRECTORY_WINDOW + pdi;
    copy_words(&at, &from, n);
}

/* A frame with the kernel's part, an empty user part, and itself; or PADDR_NONE. */
static paddr_t new_directory(void) {
    paddr_t frame = pm_alloc_page();
    if (frame == PADDR_NONE)
        return PADDR_NONE;
    pde_t *to = scratch_map(frame);
    void *user = &to[1];
    copy_entries(to, 0, 1);
    store_words(&user, 0, USER_TABLES - 1);
    copy_entries(to, USER_TABLES, RECURSIVE_PDI - USER_TABLES);
    write_entry(&to[RECURSIVE_PDI], entry_to(frame, OWN_FLAGS));
    scratch_unmap();
    frame_set_kind(frame, FRAME_DIRECTORY);
    return frame;
}

/* A space with nothing in its user part. */
struct space *space_create(void) {
    ASSERT(!in_interrupt());
    struct space *space = kmalloc(sizeof(*space));
    if (!space || (space->directory = new_directory()) == PADDR_NONE) {
        kfree(space);
        return NULL;
    }
    space->generation = vmem_generation;
    list_append(&spaces, &space->list);
    tell(space, space->directory);
    return space;
}

/* Makes TO the current space. */
void space_switch(struct space *to) {
    ASSERT(!in_interrupt());
    current->generation = vmem_generation;
    if (to->generation != vmem_generation) {
        copy_entries(scratch_map(to->directory), USER_TABLES, FRAMES_PDI - USER_TABLES);
        scratch_unmap();
    }
    current = to;
    if (on_switch)
        on_switch(to->directory);
    set_page_directory(to->directory);
}

/* The first entry of SPACE's user part at or after PD[*PDI], and its place in *PDI; or 0. (The kernel's first entry ends
 * the search, whatever it is.) */
static pde_t next_table(struct space *space, unsigned *pdi) {
    const pde_t *directory = scratch_map(space->directory);
    pde_t pde = 0;
    *pdi += zero_words(&directory[*pdi], USER_TABLES + 1 - *pdi);
    if (*pdi < USER_TABLES)
        pde = read_entry(&directory[*pdi]);
    scratch_unmap();
    return pde;
}

static size_t entries_of(const frame_t *table) { return *table / FRAME_ENTRY % (2 * ENTRIES_PER_TABLE); }

/* ---- ranges ---- */

/* Fills the entries of PAGES pages from VPN on. The first is ENTRY; present ones lead to adjacent frames. */
static int fill(vpn_t vpn, size_t pages, pte_t entry) {
    vpn_t end = vpn + pages;
    if (pm_count().free < check_unmapped(vpn, end, entry & PERMISSIONS))
        return VMEM_NO_MEMORY;
    while (vpn < end) {
        vpn_t part = part_end(vpn, end);
        add_entries(vpn, part - vpn);
        for (; vpn < part; vpn++) {
            write_entry(pte_of(vpn), entry);
            if (entry & PTE_PRESENT) {
                *record_of(entry) += FRAME_PAGE;
                entry += PAGE_SIZE;
            }
        }
    }
    return 0;
}

/* PAGES pages at VA that come clear at their first touch. */
int space_reserve(void *va, size_t pages, unsigned flags) {
    ASSERT_OP(flags & ~PERMISSIONS, ==, 0u);
    return fill(check_range(va, pages, FREE_START, KHEAP_START), pages, SPACE_PAGE | flags);
}

/* Whether the record of each of the PAGES frames from PA on has room for one page more. */
static bool all_have_room(paddr_t pa, size_t pages) {
    for (size_t i = 0; i < pages; i++)
        if ((*frame_at(pa + i * PAGE_SIZE) & FRAME_PAGES) == FRAME_PAGES)
            return false;
    return true;
}

/* PAGES pages at VA that show the frames from PA on until they are written to. */
int space_map_copy(void *va, paddr_t pa, size_t pages, unsigned flags) {
    vpn_t vpn = check_range(va, pages, FREE_START, KHEAP_START);
    ASSERT_OP(flags & ~PERMISSIONS, ==, 0u);
    if (pa_offset(pa) || pages > FRAMES_MAX - pa_to_pfn(pa))
        PANIC("space: %zu frames at 0x%08x: not whole frames below 4 GiB", pages, pa);
    unsigned copy = flags & VMEM_WRITE ? SPACE_COPY : 0;
    return all_have_room(pa, pages)
               ? fill(vpn, pages, entry_to(pa, PTE_PRESENT | SPACE_PAGE | (flags & VMEM_USER) | copy))
               : VMEM_NO_MEMORY;
}

/* How many entries from PTE on are zero, before the next one in its table that is not. */
static inline size_t zero_entries(const pte_t *pte) {
    return zero_words(pte, (PAGE_SIZE - page_offset(pte)) / sizeof(*pte));
}

/* Takes one page from the frame of a present ENTRY; true when it was a space's last one, so the frame is free. */
static inline bool drop_frame(pte_t entry) {
    frame_t *frame = record_of(entry);
    *frame -= FRAME_PAGE;
    return *frame == FRAME_PLAIN && entry & SPACE_PAGE;
}

/* Clears what there is of the entries [PTE, END), in the table of the record TABLE. The frames that nobody has any more
 * wait in the magazine, from pm_recents on, where there is room; returns how many. */
static size_t clear_entries(pte_t *pte, const pte_t *end, frame_t *table) {
    size_t given = 0, before = entries_of(table), left = before;
    for (; pte < end && left > 0; pte++) {
        pte_t entry = read_entry(pte);
        if (entry == 0) {
            pte += zero_entries(pte) - 1;
            continue;
        }
        write_entry(pte, 0);
        left--;
        if (is_counted(entry) && drop_frame(entry)) {
            *record_of(entry) = FRAME_RECENT;
            pm_recent[pm_recents + given++] = entry_frame(entry);
        }
    }
    *table -= (before - left) * FRAME_ENTRY;
    return given;
}

static void release_part(vpn_t vpn, vpn_t end) {
    pm_make_room(end - vpn);
    size_t given = clear_entries(pte_of(vpn), pte_of(end), table_record(vpn));
    flush_pages(vpn, end - vpn);
    pm_recents += given;
    remove_entries(vpn, 0);
}

/* Unmaps what there is of PAGES pages at VA. */
void space_release(void *va, size_t pages) {
    vpn_t vpn = check_range(va, pages, FREE_START, KHEAP_START), end = vpn + pages;
    for (vpn_t part; vpn < end; vpn = part) {
        part = part_end(vpn, end);
        if (has_table(vpn))
            release_part(vpn, part);
    }
}

/* ---- permissions ---- */

/* Whether nobody else has the frame of ENTRY, a page of a space's that has come. */
static bool is_sole(pte_t entry) { return *record_of(entry) == FRAME_PLAIN + FRAME_PAGE; }

/* ENTRY with the permissions FLAGS. */
static inline pte_t permit(pte_t entry, unsigned flags) {
    entry &= ~(PERMISSIONS | SPACE_COPY);
    if (flags & VMEM_WRITE && entry & PTE_PRESENT && !is_sole(entry))
        return entry | (flags & VMEM_USER) | SPACE_COPY;
    return entry | flags;
}

/* Whether all of the pages [VPN, END) are the space's. */
static bool all_ours(vpn_t vpn, vpn_t end) {
    pte_t all = SPACE_PAGE;
    for (vpn_t part; vpn < end; vpn = part) {
        part = part_end(vpn, end);
        if (!has_table(vpn))
            return false;
        for (vpn_t i = vpn; i < part; i++)
            all &= read_entry(pte_of(i));
    }
    return all != 0;
}

/* Gives PAGES pages at VA the permissions FLAGS. */
int space_protect(void *va, size_t pages, unsigned flags) {
    vpn_t start = check_range(va, pages, FREE_START, KHEAP_START);
    ASSERT_OP(flags & ~PERMISSIONS, ==, 0u);
    if (!all_ours(start, start + pages))
        return VMEM_ABSENT;
    for (pte_t *pte = pte_of(start); pte < pte_of(start + pages); pte++)
        write_entry(pte, permit(read_entry(pte), flags));
    flush_pages(start, pages);
    return 0;
}

/* Whether [VA, VA + BYTES) lies in pages of the current space that have all of FLAGS. */
bool space_allows(const void *va, size_t bytes, unsigned flags) {
    uintptr_t start = (uintptr_t)va, end = start + bytes;
    if (start < FREE_START || end > KHEAP_START || end < start)
        return false;
    for (vpn_t vpn = start >> PAGE_SHIFT; vpn < pages_for(end); vpn++) {
        pte_t entry = has_table(vpn) ? read_entry(pte_of(vpn)) : 0;
        pte_t allowed = entry | (entry & SPACE_COPY ? VMEM_WRITE : 0);
        if (!(entry & SPACE_PAGE) || flags & ~allowed)
            return false;
    }
    return true;
}

/* ---- clones ---- */

/* Copies the COUNT entries of the table at FROM to the one at TO, which is clear. Every page is shared from now on, and
 * copied when either side writes. Returns how many entries; fewer where a frame has too many owners. */
static size_t share_entries(pte_t *from, pte_t *to, size_t count) {
    size_t left = count;
    for (; left > 0; from++, to++) {
        pte_t entry = read_entry(from);
        if (is_counted(entry)) {
            if (!frame_share(entry_frame(entry)))
                break;
            if ((~entry & (PTE_WRITE | SPACE_PAGE)) == 0)
                write_entry(from, entry ^= PTE_WRITE | SPACE_COPY);
        } else if (entry == 0) {
            size_t zero = zero_entries(from);
            from += zero - 1;
            to += zero - 1;
            continue;
        }
        write_entry(to, entry);
        left--;
    }
    return count - left;
}

/* CHILD gets a table of its own for the current PD[PDI]; false when memory has run out. */
static bool clone_table(struct space *child, unsigned pdi) {
    vpn_t vpn = (vpn_t)pdi * ENTRIES_PER_TABLE;
    size_t count = entries_of(table_record(vpn)), shared;
    paddr_t table = pm_alloc_page();
    if (table == PADDR_NONE)
        return false;
    clear_frame(table);
    shared = share_entries(pte_of(vpn), scratch_map(table), count);
    scratch_unmap();
    frame_set_kind(table, FRAME_TABLE);
    *frame_at(table) += shared * FRAME_ENTRY;
    write_entry((pde_t *)scratch_map(child->directory) + pdi, entry_to(table, TABLE_FLAGS));
    scratch_unmap();
    return shared == count;
}

/* A copy of the current space. */
struct space *space_clone(void) {
    struct space *child = space_create();
    bool whole = true;
    for (unsigned pdi = 1; child && whole && next_table(current, &pdi); pdi++)
        whole = clone_table(child, pdi);
    set_page_directory(get_page_directory()); /* what was writable is not any more */
    if (whole)
        return child;
    space_destroy(child); /* the pages are ours alone again, and become writable at the next write */
    return NULL;
}

/* Gives back all that SPACE has, and SPACE itself. */
void space_destroy(struct space *space) {
    ASSERT(!in_interrupt());
    if (space == current || space == &first)
        PANIC("space: the %s space cannot be destroyed", space == current ? "current" : "first");
    tell(space, PADDR_NONE);
    pde_t pde;
    for (unsigned pdi = 1; (pde = next_table(space, &pdi)); pdi++) {
        pm_make_room(ENTRIES_PER_TABLE);
        pte_t *table = scratch_map(entry_frame(pde));
        pm_recents += clear_entries(table, table + ENTRIES_PER_TABLE, record_of(pde));
        scratch_unmap();
        pm_take_back(entry_frame(pde));
    }
    pm_take_back(space->directory);
    list_remove(&space->list);
    kfree(space);
}

/* ---- faults ---- */

/* The first touch of the page VPN: it comes clear, if ENTRY allows the access. */
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

/* The page VPN gets a copy of its frame, which is somebody else's too. */
static bool copy_page(vpn_t vpn, pte_t entry) {
    paddr_t frame = pm_alloc_page();
    if (frame == PADDR_NONE)
        return false;
    void *to = scratch_map(frame);
    const void *from = page_address(vpn);
    copy_words(&to, &from, PAGE_SIZE / sizeof(unsigned));
    scratch_unmap();
    *frame_at(frame) += FRAME_PAGE;
    write_entry(pte_of(vpn), entry_to(frame, (entry & (VMEM_USER | SPACE_PAGE)) | PTE_PRESENT | PTE_WRITE));
    flush_page(page_address(vpn));
    *record_of(entry) -= FRAME_PAGE;
    return true;
}

/* A write to the page VPN, which has come: it becomes writable, if ENTRY allows that. */
static bool first_write(vpn_t vpn, pte_t entry, unsigned error) {
    if (!(error & FAULT_WRITE && entry & SPACE_COPY))
        return false;
    if (!is_sole(entry))
        return copy_page(vpn, entry);
    write_entry(pte_of(vpn), (entry & ~SPACE_COPY) | PTE_WRITE);
    flush_page(page_address(vpn));
    return true;
}

/* Mends the page fault at VA, if it was to be expected. */
bool space_fault(const void *va, unsigned error) {
    vpn_t vpn = vpn_of(va);
    ASSERT(!in_interrupt());
    if (vpn < vpn_of((void *)FREE_START) || is_kernel(vpn) || !has_table(vpn))
        return false;
    pte_t entry = read_entry(pte_of(vpn));
    if (!(entry & SPACE_PAGE) || (error & FAULT_USER && !(entry & PTE_USER)))
        return false;
    return entry & PTE_PRESENT ? first_write(vpn, entry, error) : first_touch(vpn, entry, error);
}

/* ---- looking ---- */

/* vmem_walk, for any space. The window shows a space's own tables; but for it, the kernel's part is everybody's. */
bool space_walk(struct space *space, const void *va, struct vmem_walk *out) {
    unsigned pdi = pd_index(va);
    ASSERT(!in_interrupt());
    if (space == current || pdi == 0 || (pdi >= USER_TABLES && pdi != RECURSIVE_PDI)) {
        bool mapped = vmem_walk(va, out);
        out->directory = space->directory;
        return mapped;
    }
    *out = (struct vmem_walk){
        .pdi = pd_index(va), .pti = pt_index(va), .offset = page_offset(va), .directory = space->directory};
    out->pde = scratch_read(space->directory, out->pdi);
    if (out->pde & PTE_PRESENT)
        out->pte = scratch_read(entry_frame(out->pde), out->pti);
    out->pa = out->pte & PTE_PRESENT ? entry_frame(out->pte) + out->offset : PADDR_NONE;
    return out->pte & PTE_PRESENT;
}

/* The user part of SPACE, counted. */
struct space_counts space_count(struct space *space) {
    struct space_counts counts = {0};
    pde_t pde;
    ASSERT(!in_interrupt());
    for (unsigned pdi = 1; (pde = next_table(space, &pdi)); pdi++) {
        const pte_t *table = scratch_map(entry_frame(pde));
        for (unsigned i = 0; i < ENTRIES_PER_TABLE; i++) {
            pte_t entry = read_entry(&table[i]);
            counts.present += (entry & PTE_PRESENT) != 0;
            counts.shared += entry & PTE_PRESENT && !is_sole(entry);
            counts.absent += entry && !(entry & PTE_PRESENT);
        }
        scratch_unmap();
        counts.tables++;
    }
    return counts;
}

/* ---- checks ---- */

/* SPACE's directory holds itself. Its kernel part equals the current directory's, unless it has missed an edit. */
static void check_directory(const struct space *space) {
    paddr_t pa = space->directory;
    bool stale = space != current && space->generation != vmem_generation;
    ASSERT_OP(*frame_at(pa) & FRAME_KIND, ==, FRAME_DIRECTORY);
    ASSERT_OP(scratch_read(pa, RECURSIVE_PDI) & ~STATUS_BITS, ==, entry_to(pa, OWN_FLAGS));
    for (unsigned pdi = 0; pdi < RECURSIVE_PDI; pdi++)
        if (pdi == 0 || pdi == FRAMES_PDI || (pdi >= USER_TABLES && !stale))
            ASSERT_OP(scratch_read(pa, pdi) & ~STATUS_BITS, ==,
                      read_entry((pde_t *)DIRECTORY_WINDOW + pdi) & ~STATUS_BITS);
}

/* Every invariant of every space. */
void space_check(void) {
    size_t known = 0, directories = 0;
    ASSERT(!in_interrupt());
    for (struct list *at = spaces.next; at != &spaces; at = at->next, known++)
        check_directory((struct space *)at);
    for (pfn_t pfn = 0; (pfn = find_record(pfn, is_directory)) < FRAMES_MAX; pfn++)
        directories++;
    ASSERT_OP(known, ==, directories);
    ASSERT_OP(get_page_directory(), ==, current->directory);
    vmem_check();
}
