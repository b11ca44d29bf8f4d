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
 * Every check comes before the first change, but where pages come or go with their frames: there each page is
 * checked as its turn comes, and a refusal puts back those before it. Frames that go wait on pm's stack
 * meanwhile (pm_fast.h), each with its whole entry, and count as pm's only once their pages are flushed.
 *
 * Entries, the scratch page's too, are reached only through read_entry and write_entry.
 *
 * In instructions, flushes included: mapping and unmapping one page takes 39 where its table stays, 4,500
 * where the table comes and goes with it, nearly all of which is clearing it; 18 for each of 256 pages at
 * once, and 37 with their frames, of which 15 are for the two changes of pm's bitmap: they show each frame
 * that is not handed out, or twice in the range. A range's borders, its table and what is on pm's stack take
 * 94 to be checked, which few pages share: 42 for each of 16, 130 for one.
 *
 * Tried and dropped: a call of pm for each frame, and all checked beforehand (96 for each of 256); frames by
 * the word of pm's bitmaps (60, but more for a few pages, whose frames lie scattered); a range checked in a
 * loop of its own before it is changed (49 for each of 16); a shorter way for a single page with its frame
 * (91: 35 lines). */
#include "vmem.h"

#include "cpu.h"
#include "interrupt.h"
#include "memlayout.h"
#include "panic.h"
#include "pm_fast.h"

#define TABLE_FLAGS (PTE_PRESENT | PTE_WRITE | PTE_USER) /* the pages' own entries say what is allowed */
#define OWN_FLAGS (PTE_PRESENT | PTE_WRITE)
#define FLAGS_MASK (VMEM_WRITE | VMEM_USER | VMEM_WRITE_THROUGH | VMEM_NO_CACHE)
#define FLUSH_ALL_FROM 32        /* pages: from here on one load of CR3 is cheaper than the INVLPGs */
#define FEW (FLUSH_ALL_FROM - 1) /* pages, at most, that are flushed one by one */

/* Present entries in each table. Table 0 and the window have no count: they look empty to the short ways, and
 * the others refuse to edit them. */
static uint16_t live[ENTRIES_PER_TABLE];
static size_t tables;

typedef uintptr_t page_t; /* a page's number: its address / 4096 */

static inline page_t page_of(const void *va) { return (uintptr_t)va >> PAGE_SHIFT; }
static inline void *page_address(page_t page) { return (void *)(page << PAGE_SHIFT); }
static inline pte_t *pte_of(page_t page) { return (pte_t *)WINDOW_START + page; }
/* What PTE maps. (Of the window's start, the shift leaves nothing.) */
static inline void *address_of_entry(const pte_t *pte) { return (void *)((uintptr_t)pte << 10); }
static inline pde_t *pde_of(page_t page) { return (pde_t *)DIRECTORY_WINDOW + page / ENTRIES_PER_TABLE; }
static inline paddr_t frame_of(page_t page) { return read_entry(pte_of(page)) & PTE_FRAME; }
static inline bool has_table(page_t page) { return read_entry(pde_of(page)) & PTE_PRESENT; }
static inline page_t next_table(page_t page) { return (page | (ENTRIES_PER_TABLE - 1)) + 1; }

static void flush_all(void) { set_page_directory(get_page_directory()); }

/* ---- page tables ---- */

/* Clears FRAME through the scratch page, which is mapped only meanwhile. */
static void clear_frame(paddr_t frame) {
    pte_t *scratch = (pte_t *)SCRATCH_PAGE;
    write_entry(pte_of(page_of(scratch)), frame | PTE_PRESENT | PTE_WRITE);
    for (unsigned i = 0; i < ENTRIES_PER_TABLE; i++)
        write_entry(&scratch[i], 0);
    write_entry(pte_of(page_of(scratch)), 0);
    flush_page(scratch);
}

static void unlink_table(page_t page) {
    paddr_t frame = read_entry(pde_of(page)) & PTE_FRAME;
    write_entry(pde_of(page), 0);
    flush_page(pte_of(page));
    pm_free_page(frame);
    tables--;
}

/* Unlinks those tables of the pages [PAGE, END) that have no entry left. */
static void unlink_empty_tables(page_t page, page_t end) {
    for (; page < end; page = next_table(page))
        if (live[page / ENTRIES_PER_TABLE] == 0 && has_table(page))
            unlink_table(page);
}

/* Links a clear table wherever the pages [FIRST, END) lack one. On failure none of them is left. */
static int link_tables(page_t first, page_t end) {
    for (page_t page = first; page < end; page = next_table(page)) {
        if (has_table(page))
            continue;
        paddr_t frame = pm_alloc_page();
        if (frame == PADDR_NONE) {
            unlink_empty_tables(first, page);
            return VMEM_NO_MEMORY;
        }
        clear_frame(frame);
        write_entry(pde_of(page), frame | TABLE_FLAGS);
        tables++;
    }
    return 0;
}

/* ---- ranges of pages ---- */

static page_t check_range(const void *va, size_t pages) {
    ASSERT(!in_interrupt());
    page_t page = page_of(va), first = page_of((void *)FREE_START), end = page_of((void *)WINDOW_START);
    if (page_offset(va) || pages == 0 || page < first || page >= end || pages > end - page)
        PANIC("vmem: %zu pages at %p: not whole pages between 0x%08x and 0x%08x", pages, va, FREE_START,
              WINDOW_START);
    return page;
}

/* The end of the part of [PAGE, END) that PAGE's table maps. */
static inline page_t part_end(page_t page, page_t end) {
    return next_table(page) < end ? next_table(page) : end;
}

/* How many of the pages [PAGE, END) are mapped. */
static size_t count_present(page_t page, page_t end) {
    size_t present = 0;
    for (page_t part; page < end; page = part) {
        part = part_end(page, end);
        if (has_table(page))
#pragma GCC unroll 2
            for (page_t i = page; i < part; i++)
                present += read_entry(pte_of(i)) & PTE_PRESENT;
    }
    return present;
}

/* What mapping the pages [PAGE, END) begins with: they must be absent. */
static void check_absent(page_t page, page_t end, unsigned flags) {
    if (count_present(page, end) > 0) {
        while (count_present(page, page + 1) == 0)
            page++;
        PANIC("vmem: %p is mapped already: PT[%u] of table %u is 0x%08x", page_address(page),
              pt_index(page_address(page)), pd_index(page_address(page)), read_entry(pte_of(page)));
    }
    ASSERT_OP(flags & ~FLAGS_MASK, ==, 0u);
}

/* The pages [PAGE, END) have become present (ONE is 1) or absent (-1). */
static inline void count_live(page_t page, page_t end, int one) {
    for (page_t part; page < end; page = part) {
        part = part_end(page, end);
        live[page / ENTRIES_PER_TABLE] += (uint16_t)((int)(part - page) * one);
    }
}

int vmem_map_range(void *va, paddr_t pa, size_t pages, unsigned flags) {
    page_t first = check_range(va, pages), end = first + pages;
    if (pa & PAGE_MASK || pages > FRAMES_MAX - pa_to_pfn(pa))
        PANIC("vmem: %zu frames at 0x%08x: not whole frames below 4 GiB", pages, pa);
    check_absent(first, end, flags);
    if (link_tables(first, end) < 0)
        return VMEM_NO_MEMORY;
    pte_t pte = pa | flags | PTE_PRESENT;
#pragma GCC unroll 2
    for (page_t page = first; page < end; page++, pte += PAGE_SIZE)
        write_entry(pte_of(page), pte);
    count_live(first, end, 1);
    return 0;
}

/* Unmaps the pages [PAGE, END), all present. */
static inline void clear_pages(page_t page, page_t end) {
    if (unlikely(end - page >= FLUSH_ALL_FROM)) {
        for (; page < end; page++)
            write_entry(pte_of(page), 0);
        flush_all();
    }
    for (char *va = page_address(page); page < end; page++, va += PAGE_SIZE) {
        write_entry(pte_of(page), 0);
        flush_page(va);
    }
}

int vmem_unmap_range(void *va, size_t pages) {
    page_t first = check_range(va, pages), end = first + pages;
    if (count_present(first, end) < pages)
        return VMEM_ABSENT;
    clear_pages(first, end);
    count_live(first, end, -1);
    unlink_empty_tables(first, end);
    return 0;
}

/* ---- pages with their frames ----
 *
 * Most often a range is a few pages in one table, which is there and stays, and so are the frames, or the
 * room for them, on pm's stack: then little is left to check. What is rare is called last, so that the
 * compiler makes a jump of it. */

/* Whether PAGES pages from VA on are whole, not none, at most MOST, and in one table. (VA's page in its table
 * is left, and an offset in that page makes it far too many.) */
static inline bool in_one_table(const void *va, size_t pages, size_t most) {
    return likely(pages - 1 < most) &&
           likely(multiple_of((uintptr_t)va << 10, 22) + pages <= ENTRIES_PER_TABLE);
}

/* Maps the PAGES pages of a table before END to the frames from *TOP on of pm's stack. Returns the entry that
 * was present already, if any, those before it done; else NULL. */
static inline __attribute__((always_inline)) pte_t *fill(pte_t *end, size_t pages, size_t *top,
                                                         unsigned flags) {
    for (ptrdiff_t i = -(ptrdiff_t)pages; i != 0; i++) {
        if (unlikely(read_entry(&end[i]) & PTE_PRESENT))
            return &end[i];
        write_entry(&end[i], pm_take(top) | flags);
    }
    return NULL;
}

static __attribute__((noinline)) int alloc_any(void *va, size_t pages, unsigned flags) {
    page_t first = check_range(va, pages), end = first + pages;
    check_absent(first, end, flags);
    if (pages > pm_count().free || link_tables(first, end) < 0)
        return VMEM_NO_MEMORY;
    if (pages > pm_count().free) { /* the tables have taken some */
        unlink_empty_tables(first, end);
        return VMEM_NO_MEMORY;
    }
    for (page_t page = first, part; page < end; page = part) {
        part = part_end(page, end);
        ASSERT(pm_has(part - page));
        size_t top = pm_top;
        fill(pte_of(part), part - page, &top, flags | PTE_PRESENT);
        pm_set_top(top);
    }
    count_live(first, end, 1);
    return 0;
}

static __attribute__((noinline)) int fetch_and_alloc(void *va, size_t pages, unsigned flags) {
    return pm_fetch(pages) ? vmem_alloc_range(va, pages, flags) : alloc_any(va, pages, flags);
}

/* Says that the page of PTE was mapped already; those before it have the frames between pm's top and TOP, and
 * go again. (It does not come back, which the compiler must not know: see pm.c, bad_pm_free.) */
static __attribute__((noinline)) int undo_fill(const pte_t *pte, size_t top) {
    page_t page = page_of(address_of_entry(pte)), first = page - (top - pm_top);
    pm_set_top(top);
    count_live(first, page, 1);
    if (page > first)
        vmem_free_range(page_address(first), page - first);
    check_absent(page, page + 1, 0);
    return 0;
}

int vmem_alloc_range(void *va, size_t pages, unsigned flags) {
    size_t top = pm_top;
    if (unlikely(!in_one_table(va, pages, ENTRIES_PER_TABLE)) || unlikely(live[pd_index(va)] == 0) ||
        unlikely(flags & ~FLAGS_MASK) || unlikely(in_interrupt()))
        return alloc_any(va, pages, flags);
    if (unlikely(pages > RECENT_MAX - top))
        return fetch_and_alloc(va, pages, flags);
    pte_t *wrong = fill(pte_of(page_of(va) + pages), pages, &top, flags | PTE_PRESENT);
    if (unlikely(wrong))
        return undo_fill(wrong, top);
    pm_set_top(top);
    live[pd_index(va)] += (uint16_t)pages;
    return 0;
}

/* Unmaps the PAGES pages of a table before END, and puts their frames on *TOP, pm's stack. Returns the entry
 * that is absent, or has a frame that pm has not handed out, if any, those before it done; else NULL. (An
 * absent entry is 0, and frame 0 is never handed out.) */
static inline __attribute__((always_inline)) pte_t *clear_with_frames(pte_t *end, size_t pages, size_t *top,
                                                                      bool flush) {
    for (ptrdiff_t i = -(ptrdiff_t)pages; i != 0; i++) {
        if (unlikely(!pm_put(top, read_entry(&end[i]))))
            return &end[i];
        write_entry(&end[i], 0);
        if (flush)
            flush_page(address_of_entry(&end[i]));
    }
    return NULL;
}

/* The pages [FIRST, END), all present, must have each a frame of its own, handed out by pm: none is left in
 * pm's bitmap that was seen already. (The bitmap is then as it was.) */
static void check_frames(page_t first, page_t end) {
    page_t page = first;
    for (size_t top = pm_top_with_room(1), next = top; page < end; page++, next = top)
        if (!pm_put(&next, frame_of(page)))
            break;
    for (page_t seen = first; seen < page; seen++)
        pm_used[pm_word(frame_of(seen))] |= pm_bit(frame_of(seen));
    if (page < end)
        PANIC("vmem: %p is mapped to 0x%08x, which %s", page_address(page), frame_of(page),
              pm_state(frame_of(page)) == PM_USED ? "more than one page of the range is mapped to"
                                                  : "pm has not handed out");
}

/* What freeing the pages [FIRST, END) is refused with: VMEM_ABSENT, or a panic; 0 if nothing is wrong. */
static int refusal(page_t first, page_t end) {
    if (count_present(first, end) < end - first)
        return VMEM_ABSENT;
    check_frames(first, end);
    return 0;
}

/* Of the PAGES pages from FIRST on, that of PTE proved wrong. The entries before it have been cleared, and
 * wait on pm's stack from TOP on: they are put back, and it is said what is wrong. */
static __attribute__((noinline)) int undo_clear(pte_t *pte, size_t top, page_t first, size_t pages) {
    for (; top != pm_top; pm_take(&top))
        write_entry(--pte, pm_recent[top].pa);
    ASSERT_OP(refusal(first, first + pages), ==, VMEM_ABSENT);
    return VMEM_ABSENT;
}

static __attribute__((noinline)) int free_any(void *va, size_t pages) {
    page_t first = check_range(va, pages), end = first + pages;
    bool one_table = end <= next_table(first) && has_table(first);
    if (!one_table && refusal(first, end) < 0) /* of all tables before the first change */
        return VMEM_ABSENT;
    for (page_t page = first, part; page < end; page = part) {
        part = part_end(page, end);
        size_t n = part - page, top = pm_top_with_room(n);
        pte_t *wrong = clear_with_frames(pte_of(part), n, &top, n <= FEW);
        if (wrong) /* there is one table only */
            return undo_clear(wrong, top, first, pages);
        if (n > FEW)
            flush_all();
        pm_set_top(top);
    }
    count_live(first, end, -1);
    unlink_empty_tables(first, end);
    return 0;
}

/* In an interrupt handler, a panic. */
static __attribute__((noinline)) int make_room_and_free(void *va, size_t pages) {
    ASSERT(!in_interrupt());
    pm_make_room(FEW); /* and for what comes next */
    return vmem_free_range(va, pages);
}

/* The frames are pm's once no TLB entry leads to them any more. */
int vmem_free_range(void *va, size_t pages) {
    size_t top = pm_top;
    if (unlikely(!in_one_table(va, pages, FEW)) || unlikely(live[pd_index(va)] <= pages))
        return free_any(va, pages);
    if (unlikely(top < pages) || unlikely(pm_spare != PADDR_NONE || in_interrupt()))
        return make_room_and_free(va, pages);
    pte_t *wrong = clear_with_frames(pte_of(page_of(va) + pages), pages, &top, true);
    if (unlikely(wrong))
        return undo_clear(wrong, top, page_of(va), pages);
    pm_set_top(top);
    live[pd_index(va)] -= (uint16_t)pages;
    return 0;
}

/* ---- single pages ---- */

/* Most often a page's table is there and stays: then the way is short. */
static __attribute__((noinline)) int map_other(void *va, paddr_t pa, unsigned flags) {
    return vmem_map_range(va, pa, 1, flags);
}
static __attribute__((noinline)) int unmap_other(void *va) { return vmem_unmap_range(va, 1); }

/* The arguments are volatile to stay where they are passed, and be read again there where the short way
 * cannot be taken: fewer registers to save. */
int vmem_map(void *volatile where, paddr_t pa, volatile unsigned flags) {
    void *va = where;
    pte_t *pte = pte_of(page_of(va));
    if (unlikely(flags & ~FLAGS_MASK) || unlikely(((uintptr_t)va | pa) & PAGE_MASK) ||
        unlikely(live[pd_index(va)] == 0) || unlikely(read_entry(pte) & PTE_PRESENT))
        return map_other(where, pa, flags);
    live[pd_index(va)]++;
    write_entry(pte, pa | flags | PTE_PRESENT);
    return 0;
}

int vmem_unmap(void *va) {
    pte_t *pte = pte_of(page_of(va));
    if (unlikely(page_offset(va) || live[pd_index(va)] < 2 || !(read_entry(pte) & PTE_PRESENT)))
        return unmap_other(va);
    write_entry(pte, 0);
    flush_page(va);
    live[pd_index(va)]--;
    return 0;
}

int vmem_protect(void *va, size_t bytes, unsigned flags) {
    size_t offset = page_offset(va), last = offset + bytes - 1; /* of 0 bytes at a page's start, it wraps */
    size_t pages = last < bytes - 1 || !bytes ? 0 : last / PAGE_SIZE + 1;
    page_t first = check_range((char *)va - offset, pages), end = first + pages;
    ASSERT_OP(flags & ~FLAGS_MASK, ==, 0u);
    if (count_present(first, end) < pages)
        return VMEM_ABSENT;
    for (page_t page = first; page < end; page++) {
        write_entry(pte_of(page), (read_entry(pte_of(page)) & ~FLAGS_MASK) | flags);
        if (pages < FLUSH_ALL_FROM)
            flush_page(page_address(page));
    }
    if (pages >= FLUSH_ALL_FROM)
        flush_all();
    return 0;
}

/* ---- looking ---- */

bool vmem_walk(const void *va, struct vmem_walk *out) {
    *out = (struct vmem_walk){.pdi = pd_index(va), .pti = pt_index(va), .offset = page_offset(va)};
    out->directory = get_page_directory() & PTE_FRAME;
    out->pde = read_entry(pde_of(page_of(va)));
    out->pte = out->pde & PTE_PRESENT ? read_entry(pte_of(page_of(va))) : 0;
    out->pa = out->pte & PTE_PRESENT ? (out->pte & PTE_FRAME) | out->offset : PADDR_NONE;
    return out->pte & PTE_PRESENT;
}

bool vmem_translate(const void *va, paddr_t *pa) {
    pte_t pte = has_table(page_of(va)) ? read_entry(pte_of(page_of(va))) : 0;
    if (pte & PTE_PRESENT)
        *pa = (pte & PTE_FRAME) | page_offset(va);
    return pte & PTE_PRESENT;
}

size_t vmem_tables(void) { return tables; }

/* ---- start ---- */

/* A table's frame, while paging is off: a physical address is as good as a pointer. */
static pte_t *boot_table(const char *what) {
    paddr_t frame = pm_alloc_page();
    if (frame == PADDR_NONE)
        PANIC("vmem: no frame is free for %s", what);
    return (pte_t *)(uintptr_t)frame;
}

/* What table 0 says of a page below 4 MiB once vmem_init is done: the identity, or absent. */
static pte_t identity_entry(page_t page) {
    const char *va = page_address(page);
    if (va == NULL || va == (char *)SCRATCH_PAGE || va == boot_stack_guard || va == fault_stack_guard)
        return 0;
    bool constant = (va >= kernel_start && va < rodata_end) || (va >= symtab_start && va < kernel_end);
    return page << PAGE_SHIFT | PTE_PRESENT | (constant ? 0 : PTE_WRITE);
}

void vmem_init(void) {
    pde_t *directory = boot_table("the page directory");
    for (unsigned i = 0; i < ENTRIES_PER_TABLE; i++)
        write_entry(&directory[i], 0);

    pte_t *table = boot_table("page table 0");
    for (unsigned i = 0; i < ENTRIES_PER_TABLE; i++)
        write_entry(&table[i], pfn_to_pa(i) | PTE_PRESENT | PTE_WRITE);

    write_entry(&directory[0], (paddr_t)(uintptr_t)table | OWN_FLAGS);
    write_entry(&directory[RECURSIVE_PDI], (paddr_t)(uintptr_t)directory | OWN_FLAGS);
    tables = 1;

    set_page_directory((paddr_t)(uintptr_t)directory);
    enable_paging();

    for (page_t page = 0; page < ENTRIES_PER_TABLE; page++)
        write_entry(pte_of(page), identity_entry(page));
    set_page_directory(get_page_directory());
}

/* ---- checks ---- */

/* The table PD[PDI]: pm has handed out its frame, and those of the heap's pages; nothing else leads to it;
 * its present entries are as many as are counted; its absent ones are zero. */
static void check_table(const pde_t *directory, unsigned pdi) {
    unsigned present = 0;
    pde_t pde = read_entry(&directory[pdi]);
    ASSERT_OP((int)pm_state(pde & PTE_FRAME), ==, PM_USED);
    ASSERT_OP(pde & ~(PTE_FRAME | PTE_ACCESSED | PTE_DIRTY), ==, pdi ? TABLE_FLAGS : OWN_FLAGS);
    for (unsigned other = pdi + 1; other < ENTRIES_PER_TABLE; other++)
        ASSERT_OP(read_entry(&directory[other]) & (PTE_FRAME | PTE_PRESENT), !=,
                  (pde & PTE_FRAME) + PTE_PRESENT);
    for (page_t page = pdi * ENTRIES_PER_TABLE; page < (pdi + 1) * ENTRIES_PER_TABLE; page++) {
        pte_t pte = read_entry(pte_of(page));
        present += pte & PTE_PRESENT;
        if (!(pte & PTE_PRESENT))
            ASSERT_OP(pte, ==, 0u);
        else if (page >= page_of((void *)KHEAP_START) && page < page_of((void *)KHEAP_END))
            ASSERT_OP((int)pm_state(pte & PTE_FRAME), ==, PM_USED);
    }
    if (pdi > 0 && (present != live[pdi] || present == 0))
        PANIC("vmem: PD[%u] is 0x%08x, with %u present entries; %u are counted", pdi, pde, present,
              live[pdi]);
}

void vmem_check(void) {
    const pde_t *directory = (const pde_t *)DIRECTORY_WINDOW;
    size_t linked = 0;
    ASSERT_OP(read_entry(&directory[RECURSIVE_PDI]) & ~(PTE_ACCESSED | PTE_DIRTY), ==,
              get_page_directory() | OWN_FLAGS);
    for (page_t page = 0; page < ENTRIES_PER_TABLE; page++)
        ASSERT_OP(read_entry(pte_of(page)) & ~(PTE_ACCESSED | PTE_DIRTY), ==, identity_entry(page));
    for (unsigned pdi = 0; pdi < RECURSIVE_PDI; pdi++) {
        if (has_table((page_t)pdi * ENTRIES_PER_TABLE)) {
            linked++;
            check_table(directory, pdi);
        } else {
            ASSERT_OP(read_entry(&directory[pdi]) | live[pdi], ==, 0u);
        }
    }
    ASSERT_OP(linked, ==, tables);
}
