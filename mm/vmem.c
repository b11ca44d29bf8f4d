/* vmem: two-level page tables, edited through the recursive window.
 *
 * PD[1023] holds the directory's own frame, so the processor, translating an address in the last 4 MiB,
 * takes the directory for a page table, and the tables for pages: table i is seen at 0xFFC00000 + i * 4096,
 * the entry of page p at 0xFFC00000 + p * 4, and the directory, as its own last table, at 0xFFFFF000. No
 * table need be mapped anywhere else, wherever its frame lies. What the window does not solve: a table can
 * be seen only once it is linked, and must not be linked before it is clear, since stale words in it are
 * live mappings that a processor may load into its TLB ahead of use. So a new table's frame is cleared
 * through the scratch page first.
 *
 * The TLB (Intel SDM vol. 3, 4.10):
 * - Changing or removing a present entry flushes that page, or the whole TLB where there are many.
 * - Unlinking a table also flushes its page in the window, after the directory entry is cleared and before
 *   the frame is given back; otherwise the next edit at that place would land in a frame of somebody else.
 * - Filling an absent entry needs no flush: the processor caches no absent entries (4.10.2.3).
 *
 * Invariants, as vmem_check verifies them: LIVE counts the present entries of each table; a table other
 * than table 0 has at least one; absent entries are zero; every table's frame is handed out by pm, and is
 * linked once; the directory's own entry, table 0 and the protections are as vmem_init left them.
 *
 * Every check comes before the first change. Entries, the scratch page too, are reached only through
 * read_entry and write_entry. */
#include "vmem.h"

#include "cpu.h"
#include "memlayout.h"
#include "panic.h"
#include "pm.h"

#define TABLE_FLAGS (PTE_PRESENT | PTE_WRITE | PTE_USER) /* the pages' own entries say what is allowed */
#define WINDOW_FLAGS (PTE_PRESENT | PTE_WRITE)
#define FLAGS_MASK (VMEM_WRITE | VMEM_USER | VMEM_WRITE_THROUGH | VMEM_NO_CACHE)
#define FLUSH_ALL_FROM 32 /* pages: from here on one load of CR3 is cheaper than the INVLPGs */

static uint16_t live[ENTRIES_PER_TABLE]; /* present entries in each table; table 0 is not counted */
static size_t tables;

/* A page number is an address / 4096. */
typedef uintptr_t page_t;

static inline page_t page_of(const void *va)
{
    return (uintptr_t)va >> PAGE_SHIFT;
}

static inline void *page_address(page_t page)
{
    return (void *)(page << PAGE_SHIFT);
}

static inline pte_t *pte_of(page_t page)
{
    return (pte_t *)WINDOW_START + page;
}

static inline pde_t *pde_of(page_t page)
{
    return (pde_t *)DIRECTORY_WINDOW + page / ENTRIES_PER_TABLE;
}

static inline page_t next_table(page_t page)
{
    return (page | (ENTRIES_PER_TABLE - 1)) + 1;
}

static void flush_range(page_t page, page_t end)
{
    if (end - page >= FLUSH_ALL_FROM)
        set_page_directory(get_page_directory());
    else
        for (; page < end; page++)
            flush_page(page_address(page));
}

/* ---- page tables ---- */

/* Clears FRAME through the scratch page, which is mapped only meanwhile. */
static void clear_frame(paddr_t frame)
{
    pte_t *scratch = (pte_t *)SCRATCH_PAGE;
    write_entry(pte_of(page_of(scratch)), frame | PTE_PRESENT | PTE_WRITE);
    for (unsigned i = 0; i < ENTRIES_PER_TABLE; i++)
        write_entry(&scratch[i], 0);
    write_entry(pte_of(page_of(scratch)), 0);
    flush_page(scratch);
}

static int link_table(page_t page)
{
    paddr_t frame = pm_alloc_page();
    if (frame == PADDR_NONE)
        return VMEM_NO_MEMORY;
    clear_frame(frame);
    write_entry(pde_of(page), frame | TABLE_FLAGS);
    tables++;
    return 0;
}

static void unlink_table(page_t page)
{
    paddr_t frame = read_entry(pde_of(page)) & PTE_FRAME;
    write_entry(pde_of(page), 0);
    flush_page(pte_of(page));
    pm_free_page(frame);
    tables--;
}

/* Unlinks those tables of the pages [PAGE, END) that have no entry left. */
static void unlink_empty_tables(page_t page, page_t end)
{
    for (; page < end; page = next_table(page))
        if (live[page / ENTRIES_PER_TABLE] == 0 && read_entry(pde_of(page)) & PTE_PRESENT)
            unlink_table(page);
}

/* Links a table wherever the pages [PAGE, END) lack one. On failure none of them is left. */
static int link_tables(page_t page, page_t end)
{
    for (page_t p = page; p < end; p = next_table(p))
        if (!(read_entry(pde_of(p)) & PTE_PRESENT) && link_table(p) < 0) {
            unlink_empty_tables(page, p);
            return VMEM_NO_MEMORY;
        }
    return 0;
}

/* ---- ranges of pages ---- */

static page_t check_range(const void *va, size_t pages)
{
    page_t page = page_of(va);
    if (page_offset(va) || pages == 0 || page < page_of((void *)FREE_START) ||
        page >= page_of((void *)WINDOW_START) || pages > page_of((void *)WINDOW_START) - page)
        PANIC("vmem: %zu pages at %p: not whole pages between 0x%08x and 0x%08x", pages, va, FREE_START,
              WINDOW_START);
    return page;
}

static void check_flags(unsigned flags)
{
    if (flags & ~FLAGS_MASK)
        PANIC("vmem: 0x%x are not mapping flags", flags);
}

/* The first page of [PAGE, END) that is not present, or END. */
static page_t find_absent(page_t page, page_t end)
{
    for (; page < end; page++)
        if (!(read_entry(pde_of(page)) & PTE_PRESENT) || !(read_entry(pte_of(page)) & PTE_PRESENT))
            return page;
    return end;
}

static void check_absent(page_t page, page_t end)
{
    while (page < end) {
        if (live[page / ENTRIES_PER_TABLE] == 0) {
            page = next_table(page);
            continue;
        }
        pte_t pte = read_entry(pte_of(page));
        if (pte & PTE_PRESENT)
            PANIC("vmem: %p is mapped already: PT[%u] of table %u is 0x%08x", page_address(page),
                  (unsigned)page % ENTRIES_PER_TABLE, (unsigned)page / ENTRIES_PER_TABLE, pte);
        page++;
    }
}

static inline void set_page(page_t page, paddr_t pa, unsigned flags)
{
    write_entry(pte_of(page), pa | flags | PTE_PRESENT);
    live[page / ENTRIES_PER_TABLE]++;
}

/* Removes the pages [PAGE, END), all present; FREE_FRAMES gives their frames back. A page's frame may only
 * be given back when no TLB entry leads to it, so first the entries lose their present bit, and keep the
 * frame until the TLB is clean. */
static void clear_pages(page_t first, page_t end, bool free_frames)
{
    for (page_t page = first; page < end; page++)
        write_entry(pte_of(page), free_frames ? read_entry(pte_of(page)) & ~PTE_PRESENT : 0);
    flush_range(first, end);
    for (page_t page = first; page < end; page++) {
        if (free_frames) {
            pm_free_page(read_entry(pte_of(page)) & PTE_FRAME);
            write_entry(pte_of(page), 0);
        }
        live[page / ENTRIES_PER_TABLE]--;
    }
}

int vmem_map_range(void *va, paddr_t pa, size_t pages, unsigned flags)
{
    page_t page = check_range(va, pages), end = page + pages;
    check_flags(flags);
    if (pa & PAGE_MASK || pages > FRAMES_MAX - pa_to_pfn(pa))
        PANIC("vmem: %zu frames at 0x%08x: not whole frames below 4 GiB", pages, pa);
    check_absent(page, end);
    if (link_tables(page, end) < 0)
        return VMEM_NO_MEMORY;
    for (; page < end; page++, pa += PAGE_SIZE)
        set_page(page, pa, flags);
    return 0;
}

int vmem_alloc_range(void *va, size_t pages, unsigned flags)
{
    page_t first = check_range(va, pages), end = first + pages;
    check_flags(flags);
    check_absent(first, end);
    if (link_tables(first, end) < 0)
        return VMEM_NO_MEMORY;
    for (page_t page = first; page < end; page++) {
        paddr_t frame = pm_alloc_page();
        if (frame == PADDR_NONE) {
            clear_pages(first, page, true);
            unlink_empty_tables(first, end);
            return VMEM_NO_MEMORY;
        }
        set_page(page, frame, flags);
    }
    return 0;
}

static int remove_range(void *va, size_t pages, bool free_frames)
{
    page_t page = check_range(va, pages), end = page + pages;
    if (find_absent(page, end) < end)
        return VMEM_ABSENT;
    clear_pages(page, end, free_frames);
    unlink_empty_tables(page, end);
    return 0;
}

int vmem_unmap_range(void *va, size_t pages)
{
    return remove_range(va, pages, false);
}

int vmem_free_range(void *va, size_t pages)
{
    return remove_range(va, pages, true);
}

int vmem_map(void *va, paddr_t pa, unsigned flags)
{
    return vmem_map_range(va, pa, 1, flags);
}

int vmem_unmap(void *va)
{
    return remove_range(va, 1, false);
}

int vmem_protect(void *va, size_t bytes, unsigned flags)
{
    void *start = page_address(page_of(va));
    if (bytes > UINTPTR_MAX - page_offset(va))
        PANIC("vmem: 0x%zx bytes at %p pass the end of the address space", bytes, va);
    size_t pages = pages_for(page_offset(va) + bytes);
    page_t first = check_range(start, pages), end = first + pages;
    check_flags(flags);
    if (find_absent(first, end) < end)
        return VMEM_ABSENT;
    for (page_t page = first; page < end; page++) {
        pte_t pte = read_entry(pte_of(page));
        write_entry(pte_of(page), (pte & ~FLAGS_MASK) | flags);
    }
    flush_range(first, end);
    return 0;
}

/* ---- looking ---- */

bool vmem_walk(const void *va, struct vmem_walk *out)
{
    *out = (struct vmem_walk){
        .pdi = pd_index(va),
        .pti = pt_index(va),
        .offset = page_offset(va),
        .directory = get_page_directory() & PTE_FRAME,
        .pde = read_entry(pde_of(page_of(va))),
        .pa = PADDR_NONE,
    };
    if (!(out->pde & PTE_PRESENT))
        return false;
    out->pte = read_entry(pte_of(page_of(va)));
    if (!(out->pte & PTE_PRESENT))
        return false;
    out->pa = (out->pte & PTE_FRAME) | out->offset;
    return true;
}

bool vmem_translate(const void *va, paddr_t *pa)
{
    struct vmem_walk walk;
    if (!vmem_walk(va, &walk))
        return false;
    *pa = walk.pa;
    return true;
}

size_t vmem_tables(void)
{
    return tables;
}

/* ---- start ---- */

/* Frames of tables, while paging is off: physical addresses are as good as pointers. */
static pte_t *boot_table(const char *what)
{
    paddr_t frame = pm_alloc_page();
    if (frame == PADDR_NONE)
        PANIC("vmem: no frame is free for %s", what);
    return (pte_t *)(uintptr_t)frame;
}

/* What table 0 says of a page below 4 MiB once vmem_init is done: the identity, or absent. */
static pte_t identity_entry(page_t page)
{
    const char *va = page_address(page);
    if (va == NULL || va == (char *)SCRATCH_PAGE || va == boot_stack_guard || va == fault_stack_guard)
        return 0;
    bool constant = (va >= kernel_start && va < rodata_end) || (va >= symtab_start && va < kernel_end);
    return page << PAGE_SHIFT | PTE_PRESENT | (constant ? 0 : PTE_WRITE);
}

void vmem_init(void)
{
    pde_t *directory = boot_table("the page directory");
    for (unsigned i = 0; i < ENTRIES_PER_TABLE; i++)
        write_entry(&directory[i], 0);

    pte_t *table = boot_table("page table 0");
    for (unsigned i = 0; i < ENTRIES_PER_TABLE; i++)
        write_entry(&table[i], pfn_to_pa(i) | PTE_PRESENT | PTE_WRITE);

    write_entry(&directory[0], (paddr_t)(uintptr_t)table | WINDOW_FLAGS);
    write_entry(&directory[RECURSIVE_PDI], (paddr_t)(uintptr_t)directory | WINDOW_FLAGS);
    tables = 1;

    set_page_directory((paddr_t)(uintptr_t)directory);
    enable_paging();

    for (page_t page = 0; page < ENTRIES_PER_TABLE; page++)
        write_entry(pte_of(page), identity_entry(page));
    set_page_directory(get_page_directory());
}

/* ---- checks ---- */

#define STATUS_BITS (PTE_ACCESSED | PTE_DIRTY) /* the processor sets them when it likes */

static void check_start(void)
{
    pde_t *directory = (pde_t *)DIRECTORY_WINDOW;
    pde_t own = get_page_directory() | WINDOW_FLAGS;
    if ((read_entry(&directory[RECURSIVE_PDI]) & ~STATUS_BITS) != own)
        PANIC("vmem: PD[%u] is 0x%08x and not the directory, 0x%08x", RECURSIVE_PDI,
              read_entry(&directory[RECURSIVE_PDI]), own);
    if ((read_entry(&directory[0]) & PTE_PRESENT) == 0)
        PANIC("vmem: PD[0] is 0x%08x: the identity map is gone", read_entry(&directory[0]));
    for (page_t page = 0; page < ENTRIES_PER_TABLE; page++)
        if ((read_entry(pte_of(page)) & ~STATUS_BITS) != identity_entry(page))
            PANIC("vmem: PT[%u] of table 0 is 0x%08x and not 0x%08x", (unsigned)page, read_entry(pte_of(page)),
                  identity_entry(page));
}

/* That the frame of PD[PDI]'s table is pm's to have handed out, and is no other entry's. */
static void check_frame(unsigned pdi, pde_t pde)
{
    pde_t *directory = (pde_t *)DIRECTORY_WINDOW;
    if (pm_state(pde & PTE_FRAME) != PM_USED)
        PANIC("vmem: PD[%u] is 0x%08x: pm has not handed out this frame", pdi, pde);
    for (unsigned other = 0; other < ENTRIES_PER_TABLE; other++)
        if (other != pdi && ((read_entry(&directory[other]) ^ pde) & (PTE_FRAME | PTE_PRESENT)) == 0)
            PANIC("vmem: PD[%u] and PD[%u] have the same frame, 0x%08x", pdi, other, pde);
}

static void check_table(unsigned pdi)
{
    unsigned present = 0;
    for (page_t page = pdi * ENTRIES_PER_TABLE; page < (pdi + 1) * ENTRIES_PER_TABLE; page++) {
        pte_t pte = read_entry(pte_of(page));
        if (pte & PTE_PRESENT)
            present++;
        else if (pte)
            PANIC("vmem: PT[%u] of table %u is 0x%08x: absent, but not zero", (unsigned)page % ENTRIES_PER_TABLE,
                  pdi, pte);
        if (pte && page_address(page) >= (void *)KHEAP_START && page_address(page) < (void *)KHEAP_END &&
            pm_state(pte & PTE_FRAME) != PM_USED)
            PANIC("vmem: the heap's page %p is 0x%08x: pm has not handed out this frame", page_address(page), pte);
    }
    if (present != live[pdi] || present == 0)
        PANIC("vmem: table %u has %u present entries; %u are counted", pdi, present, live[pdi]);
}

void vmem_check(void)
{
    size_t linked = 1;
    check_start();
    check_frame(0, read_entry((pde_t *)DIRECTORY_WINDOW));
    for (unsigned pdi = 1; pdi < RECURSIVE_PDI; pdi++) {
        pde_t pde = read_entry((pde_t *)DIRECTORY_WINDOW + pdi);
        if (!(pde & PTE_PRESENT)) {
            if (pde || live[pdi])
                PANIC("vmem: PD[%u] is 0x%08x, with %u entries counted", pdi, pde, live[pdi]);
            continue;
        }
        linked++;
        check_frame(pdi, pde);
        check_table(pdi);
    }
    if (linked != tables)
        PANIC("vmem: %zu tables are linked; %zu are counted", linked, tables);
}
