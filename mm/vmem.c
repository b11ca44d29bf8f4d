/* vmem: two-level page tables, edited through the recursive window.
 *
 * PD[1023] holds the directory's own frame. So the processor, translating an address in the last 4 MiB, takes the
 * directory for a page table, and the tables for pages: table i is seen at 0xFFC00000 + i * 4096, the entry of page
 * p at 0xFFC00000 + p * 4, and the directory, as its own last table, at 0xFFFFF000. No table need be mapped anywhere
 * else, wherever its frame lies. The window does not solve one thing: a table can be seen only once it is linked,
 * and must not be linked before it is clear, since stale words in it are live mappings that a processor may load
 * into its TLB ahead of use. So a new table's frame is cleared through the scratch page first.
 *
 * The TLB (Intel SDM vol. 3, 4.10):
 * - Changing or removing a present entry flushes that page, or the whole TLB where there are many.
 * - Unlinking a table also flushes its page in the window, after the directory entry is cleared and before the frame
 *   is given back. Otherwise the next edit at that place would land in somebody else's frame.
 * - Filling an absent entry needs no flush: the processor caches no absent entries (4.10.2.3).
 * The flushes assume what machine_init has set up: paging of 32-bit entries without PAE or large pages; no global
 * pages (CR4.PGE clear), or a load of CR3 would keep them; no PCIDs (CR4.PCIDE), or it would drop one space's entries
 * only; and AMD's EFER.TCE clear, or INVLPG would keep cached directory entries of other addresses. The kernel reads
 * and writes user pages, so CR4.SMEP and CR4.SMAP are clear too, and so is CR4.PKE.
 *
 * Every call checks its whole range before the first change. Frames and tables that a range will need are counted
 * first, so nothing has to be undone when memory has run out.
 *
 * Invariants, as vmem_check verifies them: the record of each table counts its entries that are not zero; a table
 * that can be edited has at least one; absent entries are zero; the record of each frame counts the pages mapped to
 * it, views left out; every table is linked once; the directory's own entry, table 0 and the protections are as vmem_init left them.
 *
 * Figures, and what was tried and dropped: docs/notes/vmem.md. */
#include "vmem.h"

#include "cpu.h"
#include "interrupt.h"
#include "memlayout.h"
#include "paging.h"
#include "panic.h"

#define FLAGS_MASK (PERMISSIONS | VMEM_WRITE_COMBINING | VMEM_NO_CACHE)
#ifndef FLUSH_ALL_FROM /* a proof has fewer */
#define FLUSH_ALL_FROM 32 /* pages: from here on one load of CR3 is cheaper than the INVLPGs */
#endif

unsigned vmem_generation;

/* Makes the processor forget the N pages from VPN on. */
void flush_pages(vpn_t vpn, size_t n) {
    if (n >= FLUSH_ALL_FROM) {
        set_page_directory(get_page_directory());
        return;
    }
    for (size_t i = 0; i < n; i++)
        flush_page(page_address(vpn + i));
}

/* ---- page tables ---- */

/* Maps FRAME at the scratch page, until scratch_unmap. */
void *scratch_map(paddr_t frame) {
    write_entry(pte_of(vpn_of((void *)SCRATCH_PAGE)), entry_to(frame, PTE_PRESENT | PTE_WRITE));
    return (void *)SCRATCH_PAGE;
}

void scratch_unmap(void) {
    write_entry(pte_of(vpn_of((void *)SCRATCH_PAGE)), 0);
    flush_page((void *)SCRATCH_PAGE);
}

pte_t scratch_read(paddr_t frame, unsigned i) {
    pte_t entry = read_entry((pte_t *)scratch_map(frame) + i);
    scratch_unmap();
    return entry;
}

void clear_frame(paddr_t frame) {
    void *scratch = scratch_map(frame);
    store_words(&scratch, 0, ENTRIES_PER_TABLE);
    scratch_unmap();
}

/* Links a clear table for the page VPN; a frame is free. */
static void link_table(vpn_t vpn) {
    paddr_t frame = pm_alloc_page();
    ASSERT(frame != PADDR_NONE);
    clear_frame(frame);
    frame_set_kind(frame, FRAME_TABLE);
    write_entry(pde_of(vpn), entry_to(frame, TABLE_FLAGS));
    vmem_generation += is_kernel(vpn);
}

/* Unlinks VPN's table, which is empty. Its frame may be mapped elsewhere, by somebody who looks at tables. */
static void unlink_table(vpn_t vpn) {
    paddr_t frame = entry_frame(read_entry(pde_of(vpn)));
    write_entry(pde_of(vpn), 0);
    flush_page(pte_of(vpn));
    pm_take_back(frame);
    vmem_generation += is_kernel(vpn);
}

/* The table of the page VPN, which is linked if there is none, has N entries more. */
void add_entries(vpn_t vpn, size_t n) {
    if (!has_table(vpn))
        link_table(vpn);
    *table_record(vpn) += n * FRAME_ENTRY;
}

/* The table of the page VPN has N entries fewer; left empty, it goes back. */
void remove_entries(vpn_t vpn, size_t n) {
    frame_t *table = table_record(vpn);
    *table -= n * FRAME_ENTRY;
    if (*table < FRAME_TABLE + FRAME_ENTRY)
        unlink_table(vpn);
}

/* ---- checks of a range, before the first change ---- */

vpn_t check_range(const void *va, size_t pages, uintptr_t start, uintptr_t end) {
    uintptr_t at = (uintptr_t)va;
    ASSERT(!in_interrupt());
    if (page_offset(va) || pages == 0 || at < start || at >= end || pages > (end - at) >> PAGE_SHIFT)
        PANIC("vmem: %zu pages at %p: not whole pages between 0x%08lx and 0x%08lx", pages, va,
              (unsigned long)start, (unsigned long)end);
    return vpn_of(va);
}

static vpn_t check_editable(const void *va, size_t pages) {
    return check_range(va, pages, FREE_START, FRAMES_START);
}

/* Whether the PAGES pages at VA are whole, at least one, and in one table. */
static inline bool in_one_table(const void *va, size_t pages) {
    return page_offset(va) == 0 && pages - 1 < ENTRIES_PER_TABLE - pt_index(va);
}

/* Whether the N pages from VPN on, in one table, have no entry. */
static inline bool all_zero(vpn_t vpn, size_t n) {
    pte_t any = 0;
    for (size_t i = 0; i < n; i++)
        any |= read_entry(pte_of(vpn + i));
    return any == 0;
}

static void refuse_map(vpn_t vpn) {
    while (read_entry(pte_of(vpn)) == 0)
        vpn++;
    PANIC("vmem: %p is mapped already: PT[%u] of table %u is 0x%08x", page_address(vpn),
          pt_index(page_address(vpn)), pd_index(page_address(vpn)), read_entry(pte_of(vpn)));
}

/* Panics where any of the pages [VPN, END) has an entry. Returns how many tables are missing. */
size_t check_unmapped(vpn_t vpn, vpn_t end, unsigned flags) {
    size_t missing = 0;
    ASSERT_OP(flags & ~FLAGS_MASK, ==, 0u);
    for (vpn_t part; vpn < end; vpn = part) {
        part = part_end(vpn, end);
        if (!has_table(vpn))
            missing++;
        else if (!all_zero(vpn, part - vpn))
            refuse_map(vpn);
    }
    return missing;
}

/* Whether all of the pages [VPN, END) are mapped. */
static bool all_present(vpn_t vpn, vpn_t end) {
    for (vpn_t part; vpn < end; vpn = part) {
        part = part_end(vpn, end);
        if (!has_table(vpn))
            return false;
        pte_t all = PTE_PRESENT;
        UNROLL
        for (vpn_t i = vpn; i < part; i++)
            all &= read_entry(pte_of(i));
        if (!all)
            return false;
    }
    return true;
}

/* ---- mapping and unmapping the pages of one table ----
 *
 * All is checked, and the table's entries are counted by whoever calls these. */

/* Maps the N pages from VPN on to adjacent frames: the first entry is PTE. */
static void map_part(vpn_t vpn, size_t n, pte_t pte) {
    frame_t page = is_counted(pte) ? FRAME_PAGE : 0;
    UNROLL
    for (size_t i = 0; i < n; i++, pte += PAGE_SIZE) {
        write_entry(pte_of(vpn + i), pte);
        *record_of(pte) += page;
    }
}

static void unmap_part(vpn_t vpn, size_t n) {
    UNROLL
    for (size_t i = 0; i < n; i++) {
        pte_t entry = read_entry(pte_of(vpn + i));
        if (!(entry & VMEM_VIEW))
            *record_of(entry) -= FRAME_PAGE;
        write_entry(pte_of(vpn + i), 0);
    }
    flush_pages(vpn, n);
}

/* Maps the N pages from VPN on to the last N frames of the magazine. */
static inline void alloc_part(vpn_t vpn, size_t n, unsigned flags) {
    const paddr_t *frame = &pm_recent[pm_recents - n];
    for (size_t i = 0; i < n; i++) {
        *frame_at(frame[i]) += FRAME_PLAIN - FRAME_RECENT + FRAME_PAGE;
        write_entry(pte_of(vpn + i), entry_to(frame[i], flags) | PTE_PRESENT);
    }
    pm_recents -= n;
}

/* Unmaps the N pages from VPN on, and puts their frames into the magazine, which has room. They are pm's once no TLB
 * entry leads to them. */
static inline void free_part(vpn_t vpn, size_t n) {
    paddr_t *room = &pm_recent[pm_recents];
    for (size_t i = 0; i < n; i++) {
        room[i] = entry_frame(read_entry(pte_of(vpn + i)));
        *frame_at(room[i]) = FRAME_RECENT;
        write_entry(pte_of(vpn + i), 0);
    }
    flush_pages(vpn, n);
    pm_recents += n;
}

/* ---- ranges ---- */

/* Maps PAGES pages at VA to the frames from PA on. */
int vmem_map_range(void *va, paddr_t pa, size_t pages, unsigned flags) {
    vpn_t first = check_editable(va, pages), end = first + pages;
    if (pa_offset(pa) || pages > FRAMES_MAX - pa_to_pfn(pa))
        PANIC("vmem: %zu frames at 0x%08x: not whole frames below 4 GiB", pages, pa);
    if (flags & VMEM_VIEW && is_kernel(end - 1))
        PANIC("vmem: %zu pages at %p: a view must lie below 0x%08x", pages, va, KHEAP_START);
    if (pm_count().free < check_unmapped(first, end, flags & ~VMEM_VIEW))
        return VMEM_NO_MEMORY;
    for (vpn_t vpn = first, part; vpn < end; vpn = part) {
        part = part_end(vpn, end);
        add_entries(vpn, part - vpn);
        map_part(vpn, part - vpn, entry_to(pa + (vpn - first) * PAGE_SIZE, flags) | PTE_PRESENT);
    }
    return 0;
}

static SLOW_PATH int alloc_slowly(void *va, size_t pages, unsigned flags) {
    vpn_t vpn = check_editable(va, pages), end = vpn + pages;
    size_t missing = check_unmapped(vpn, end, flags), free = pm_count().free;
    if (free < pages || free - pages < missing)
        return VMEM_NO_MEMORY;
    for (vpn_t part; vpn < end; vpn = part) {
        part = part_end(vpn, end);
        add_entries(vpn, part - vpn);
        pm_load(part - vpn);
        alloc_part(vpn, part - vpn, flags);
    }
    return 0;
}

/* Whether each of the N pages from VPN on, in one table, is mapped to a frame of its own that pm has handed out.
 * (An absent entry leads to frame 0, which never is. An entry's flags may stand where an offset would.) */
static inline bool all_own(vpn_t vpn, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (!frame_is((paddr_t)read_entry(pte_of(vpn + i)), FRAME_PLAIN + FRAME_PAGE))
            return false;
    return true;
}

/* Panics where any of the pages [VPN, END), all of them present, has no frame of its own that pm has handed out. */
static void check_own(vpn_t vpn, vpn_t end) {
    while (vpn < end && all_own(vpn, 1) && !(read_entry(pte_of(vpn)) & VMEM_VIEW))
        vpn++;
    if (vpn == end)
        return;
    pte_t entry = read_entry(pte_of(vpn));
    PANIC("vmem: %p is mapped to 0x%08x, which %s", page_address(vpn), entry_frame(entry),
          entry & VMEM_VIEW            ? "it only views"
          : pm_state(entry_frame(entry)) == PM_USED ? "another page is mapped to as well"
                                       : "pm has not handed out");
}

/* Unmaps PAGES pages at VA; with FREE, gives their frames back. */
static int remove_range(void *va, size_t pages, bool free) {
    vpn_t vpn = check_editable(va, pages), end = vpn + pages;
    if (!all_present(vpn, end))
        return VMEM_ABSENT;
    if (free)
        check_own(vpn, end);
    for (vpn_t part; vpn < end; vpn = part) {
        part = part_end(vpn, end);
        if (free) {
            pm_make_room(part - vpn);
            free_part(vpn, part - vpn);
        } else {
            unmap_part(vpn, part - vpn);
        }
        remove_entries(vpn, part - vpn);
    }
    return 0;
}

/* Unmaps PAGES pages at VA. */
int vmem_unmap_range(void *va, size_t pages) { return remove_range(va, pages, false); }

static SLOW_PATH int free_slowly(void *va, size_t pages) { return remove_range(va, pages, true); }

/* ---- the calls that are made most ----
 *
 * Pages in one table, which is there and stays, go a short way. Only the kernel's part is freed there: it has no views. */

/* Maps PAGES pages at VA to frames from pm. */
int vmem_alloc_range(void *va, size_t pages, unsigned flags) {
    vpn_t vpn = vpn_of(va);
    frame_t *table = table_record(vpn);
    if (unlikely(!in_one_table(va, pages) || flags & ~FLAGS_MASK || in_interrupt() ||
                 *table < FRAME_TABLE + FRAME_ENTRY || pm_recents < pages || !all_zero(vpn, pages)))
        return alloc_slowly(va, pages, flags);
    *table += pages * FRAME_ENTRY;
    alloc_part(vpn, pages, flags);
    return 0;
}

/* Unmaps PAGES pages at VA and gives their frames back. */
int vmem_free_range(void *va, size_t pages) {
    vpn_t vpn = vpn_of(va);
    frame_t *table = table_record(vpn);
    if (unlikely(!is_kernel(vpn) || !in_one_table(va, pages) || in_interrupt() ||
                 pm_recents > RECENT_MAX - pages || *table < FRAME_TABLE + (pages + 1) * FRAME_ENTRY ||
                 !all_own(vpn, pages)))
        return free_slowly(va, pages);
    *table -= pages * FRAME_ENTRY;
    free_part(vpn, pages);
    return 0;
}

static SLOW_PATH int map_slowly(void *va, paddr_t pa, unsigned flags) {
    return vmem_map_range(va, pa, 1, flags);
}

/* Maps the page at VA to the frame PA. */
int vmem_map(void *va, paddr_t pa, unsigned flags) {
    pte_t *pte = pte_of(vpn_of(va)), entry = entry_to(pa, flags) | PTE_PRESENT;
    frame_t *table = table_record(vpn_of(va));
    if (unlikely((page_offset(va) | pa_offset(pa)) || flags & ~FLAGS_MASK || in_interrupt() ||
                 *table < FRAME_TABLE + FRAME_ENTRY || read_entry(pte)))
        return map_slowly(va, pa, flags);
    *table += FRAME_ENTRY;
    *record_of(entry) += FRAME_PAGE;
    write_entry(pte, entry);
    return 0;
}

static SLOW_PATH int unmap_slowly(void *va) { return vmem_unmap_range(va, 1); }

/* Unmaps the page at VA. */
int vmem_unmap(void *va) {
    pte_t *pte = pte_of(vpn_of(va));
    frame_t *table = table_record(vpn_of(va));
    if (unlikely(page_offset(va) || in_interrupt() || *table < FRAME_TABLE + 2 * FRAME_ENTRY ||
                 !is_counted(read_entry(pte))))
        return unmap_slowly(va);
    *table -= FRAME_ENTRY;
    *record_of(read_entry(pte)) -= FRAME_PAGE;
    write_entry(pte, 0);
    flush_page(va);
    return 0;
}

/* ---- permissions ---- */

/* Gives every page that [VA, VA + BYTES) touches the permissions FLAGS. */
int vmem_protect(void *va, size_t bytes, unsigned flags) {
    size_t offset = page_offset(va), last = offset + bytes - 1; /* of 0 bytes at a page's start, it wraps */
    size_t pages = last < bytes - 1 || !bytes ? 0 : last / PAGE_SIZE + 1;
    vpn_t first = check_editable((char *)va - offset, pages), end = first + pages;
    ASSERT_OP(flags & ~PERMISSIONS, ==, 0u);
    if (!all_present(first, end))
        return VMEM_ABSENT;
    for (vpn_t vpn = first; vpn < end; vpn++)
        write_entry(pte_of(vpn), (read_entry(pte_of(vpn)) & ~PERMISSIONS) | flags);
    flush_pages(first, pages);
    return 0;
}

/* ---- looking ---- */

/* The four steps of translating VA. */
bool vmem_walk(const void *va, struct vmem_walk *out) {
    *out = (struct vmem_walk){.pdi = pd_index(va), .pti = pt_index(va), .offset = page_offset(va)};
    out->directory = pa_frame(get_page_directory());
    out->pde = read_entry(pde_of(vpn_of(va)));
    out->pte = out->pde & PTE_PRESENT ? read_entry(pte_of(vpn_of(va))) : 0;
    out->pa = out->pte & PTE_PRESENT ? entry_frame(out->pte) + out->offset : PADDR_NONE;
    return out->pte & PTE_PRESENT;
}

/* The physical address behind VA. */
bool vmem_translate(const void *va, paddr_t *pa) {
    pte_t pte = has_table(vpn_of(va)) ? read_entry(pte_of(vpn_of(va))) : 0;
    if (pte & PTE_PRESENT)
        *pa = entry_frame(pte) + page_offset(va);
    return pte & PTE_PRESENT;
}

/* Page tables in use. */
size_t vmem_tables(void) {
    size_t tables = 0;
    for (unsigned pdi = 0; pdi < FRAMES_PDI; pdi++)
        tables += has_table((vpn_t)pdi * ENTRIES_PER_TABLE);
    return tables;
}

/* ---- start ---- */

static paddr_t boot_frame(const char *what) {
    paddr_t frame = pm_alloc_page();
    if (frame == PADDR_NONE)
        PANIC("vmem: no frame is free for %s", what);
    return frame;
}

/* While paging is off a physical address is as good as a pointer. A map may claim memory that is not there: then
 * switching paging on would reset the machine. (The second word differs, so a bus that holds the last value does not
 * pass for memory. Where a map claims a local APIC's page, these values are harmless messages.) */
static pte_t *boot_table(const char *what) {
    const pte_t first = 0x5A5A20A5, second = 0xA5A5D05A;
    paddr_t frame = boot_frame(what);
    pte_t *table = identity_va(frame);
    write_entry(&table[0], first);
    write_entry(&table[1], second);
    if (read_entry(&table[0]) != first || read_entry(&table[1]) != second)
        PANIC("vmem: there is no memory at 0x%08x, where the memory map has some", frame);
    return table;
}

/* What table 0 says of a page below 4 MiB once vmem_init is done: the identity, or absent. */
pte_t identity_entry(vpn_t vpn) {
    const char *va = page_address(vpn);
    if (va == NULL || va == (char *)SCRATCH_PAGE || va == boot_stack_guard || va == fault_stack_guard)
        return 0;
    bool constant = (va >= kernel_start && va < rodata_end) || (va >= symtab_start && va < kernel_end);
    return vpn << PAGE_SHIFT | PTE_PRESENT | (constant ? 0 : PTE_WRITE);
}

static pde_t *make_directory(void) {
    pde_t *directory = boot_table("the page directory");
    for (unsigned i = 0; i < ENTRIES_PER_TABLE; i++)
        write_entry(&directory[i], 0);
    return directory;
}

/* Page table 0: each page of the first 4 MiB is the frame of the same number. */
static pte_t *make_identity_table(void) {
    pte_t *table = boot_table("page table 0");
    for (unsigned i = 0; i < ENTRIES_PER_TABLE; i++)
        write_entry(&table[i], entry_to(pfn_to_pa(i), PTE_PRESENT | PTE_WRITE));
    return table;
}

/* Links table 0 and, as the last table, the directory itself: the window. */
static void start_paging(pde_t *directory, pte_t *table) {
    write_entry(&directory[0], entry_to(identity_pa(table), OWN_FLAGS));
    write_entry(&directory[RECURSIVE_PDI], entry_to(identity_pa(directory), OWN_FLAGS));
    set_page_directory(identity_pa(directory));
    enable_paging();
}

static void protect_identity_map(void) {
    for (vpn_t vpn = 0; vpn < ENTRIES_PER_TABLE; vpn++)
        write_entry(pte_of(vpn), identity_entry(vpn));
    set_page_directory(get_page_directory());
}

static paddr_t clear_boot_frame(void) {
    paddr_t frame = boot_frame("the frame records");
    clear_frame(frame);
    return frame;
}

/* Maps the array of records. */
static void map_frames(void) {
    paddr_t table = clear_boot_frame(), absent = clear_boot_frame();
    write_entry(pde_of(FRAMES_VPN), entry_to(table, OWN_FLAGS));
    for (unsigned i = 0; i < ENTRIES_PER_TABLE; i++) {
        bool memory = pm_has_memory(i * FRAMES_PER_PAGE);
        write_entry(pte_of(FRAMES_VPN + i), entry_to(memory ? clear_boot_frame() : absent, OWN_FLAGS));
    }
}

/* Frames that the frame records take: their pages and their table. */
size_t vmem_record_frames(void) {
    size_t frames = 2; /* the table, and the page of absent records */
    for (pfn_t pfn = 0; pfn < FRAMES_MAX; pfn += FRAMES_PER_PAGE)
        frames += pm_has_memory(pfn);
    return frames;
}

/* Records what the frames are that vmem_init has taken. */
static void record_own_frames(void) {
    frame_set_kind(get_page_directory(), FRAME_DIRECTORY);
    frame_set_kind(entry_frame(read_entry(pde_of(0))), FRAME_TABLE);
    frame_set_kind(entry_frame(read_entry(pde_of(FRAMES_VPN))), FRAME_TABLE);
    for (unsigned i = 0; i < ENTRIES_PER_TABLE; i++) {
        pte_t pte = read_entry(pte_of(FRAMES_VPN + i));
        frame_set_kind(entry_frame(pte), FRAME_PLAIN);
        *record_of(pte) += FRAME_PAGE;
    }
}

/* Builds the first address space and switches paging on. */
void vmem_init(void) {
    pde_t *directory = make_directory();
    start_paging(directory, make_identity_table());
    protect_identity_map();
    map_frames();
    pm_record_frames();
    record_own_frames();
}
