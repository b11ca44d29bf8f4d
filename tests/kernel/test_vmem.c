/* vmem: the seed's structure, editing at every border, what the TLB must forget, running out, misuse. */
#include "vmem.h"

#include "bitmap.h"
#include "cpu.h"
#include "interrupt.h"
#include "ktest.h"
#include "log.h"
#include "memlayout.h"
#include "panic.h"
#include "pm.h"
#include "string.h"
#include "support.h"

#define DEVICE_PA 0xFEC00000u                      /* mapped here and there, never touched */
#define STATUS_BITS (PTE_ACCESSED | PTE_DIRTY)     /* the processor sets them when it likes */

/* The window, as DESIGN has it: the tests read what vmem wrote. */
static volatile pde_t *const directory = (volatile pde_t *)DIRECTORY_WINDOW;
static volatile pte_t *const table_0 = (volatile pte_t *)WINDOW_START;

static volatile pte_t *window_pte(const void *va) {
    return (volatile pte_t *)WINDOW_START + ((uintptr_t)va >> PAGE_SHIFT);
}

static unsigned read_at(const void *va) { return *(const volatile unsigned *)va; }

static void write_at(void *va, unsigned value) { *(volatile unsigned *)va = value; }

static void touch_read(void *va) { read_at(va); }

static bool maps_to(const void *va, paddr_t pa) {
    paddr_t found;

    return vmem_translate(va, &found) && found == pa;
}

static bool is_absent(const void *va) {
    paddr_t untouched = 0x12345678;

    return !vmem_translate(va, &untouched) && untouched == 0x12345678;
}

/* ---- the seed's structure ---- */

KTEST(vmem_last_directory_entry_is_the_directory)
{
    KCHECK_EQ(directory[RECURSIVE_PDI] & PTE_FRAME, get_page_directory() & PTE_FRAME);
    KCHECK_EQ(directory[RECURSIVE_PDI] & (PTE_PRESENT | PTE_WRITE | PTE_USER), PTE_PRESENT | PTE_WRITE);
    KCHECK(maps_to((void *)DIRECTORY_WINDOW, get_page_directory()));
    KCHECK_EQ(pm_state(get_page_directory()), PM_DIRECTORY);
}

KTEST(vmem_first_directory_entry_is_table_0)
{
    KCHECK_EQ(directory[0] & (PTE_PRESENT | PTE_WRITE | PTE_USER), PTE_PRESENT | PTE_WRITE);
    KCHECK(maps_to((const void *)table_0, directory[0] & PTE_FRAME));
    KCHECK_EQ(pm_state(directory[0] & PTE_FRAME), PM_TABLE);
    KCHECK((directory[0] ^ get_page_directory()) & PTE_FRAME);
}

/* What table 0 must say of a page: absent, read-only or read-write. */
static unsigned expected_permission(const char *va) {
    if (va == NULL || va == (char *)SCRATCH_PAGE || va == boot_stack_guard || va == fault_stack_guard)
        return 0;
    if (va >= kernel_start && va < text_end)
        return PTE_PRESENT;
    if (va >= rodata_start && va < rodata_end)
        return PTE_PRESENT;
    if (va >= symtab_start && va < kernel_end)
        return PTE_PRESENT;
    return PTE_PRESENT | PTE_WRITE;
}

KTEST(vmem_table_0_is_the_identity_with_permissions)
{
    for (unsigned i = 0; i < ENTRIES_PER_TABLE; i++) {
        char *va = (char *)(i * PAGE_SIZE), *last = (char *)(i * PAGE_SIZE + PAGE_MASK);
        unsigned permission = expected_permission(va);
        if (!permission) {
            KCHECK_EQ(table_0[i], 0);
            KCHECK(is_absent(va) && is_absent(last));
            continue;
        }
        KCHECK_EQ(table_0[i] & PTE_FRAME, (uintptr_t)va);
        KCHECK_EQ(table_0[i] & PAGE_MASK & ~STATUS_BITS, permission);
        KCHECK(maps_to(last, (uintptr_t)last));
    }
}

KTEST(vmem_sections_and_stacks_lie_where_the_layout_says)
{
    const char *const ascending[] = {
        (char *)KERNEL_START, kernel_start,        text_end,       rodata_start, rodata_end,   data_start,
        boot_stack_guard,     boot_stack_bottom,   boot_stack_top, data_end,     symtab_start, kernel_end,
        (char *)KERNEL_LIMIT, (char *)IDENTITY_END};
    const char *const fault_stack[] = {data_start, fault_stack_guard, fault_stack_bottom, fault_stack_top,
                                       data_end};
    char here;

    for (size_t i = 1; i < ARRAY_SIZE(ascending); i++)
        KCHECK(ascending[i - 1] <= ascending[i] && (uintptr_t)ascending[i] % PAGE_SIZE == 0);
    for (size_t i = 1; i < ARRAY_SIZE(fault_stack); i++)
        KCHECK(fault_stack[i - 1] <= fault_stack[i] && (uintptr_t)fault_stack[i] % PAGE_SIZE == 0);
    KCHECK_EQ(kernel_start, KERNEL_START);
    KCHECK_EQ(boot_stack_bottom, boot_stack_guard + PAGE_SIZE);
    KCHECK_EQ(boot_stack_top, boot_stack_bottom + BOOT_STACK_SIZE);
    KCHECK_EQ(fault_stack_bottom, fault_stack_guard + PAGE_SIZE);
    KCHECK_EQ(fault_stack_top, fault_stack_bottom + FAULT_STACK_SIZE);
    KCHECK(&here >= boot_stack_bottom && &here < boot_stack_top);
}

KTEST(vmem_directory_is_one_frame_seen_two_ways)
{
    paddr_t pa = get_page_directory() & PTE_FRAME;
    unsigned spare;

    if (pa >= IDENTITY_END)
        KSKIP("the directory's frame lies above the identity map");
    volatile pde_t *identity = (volatile pde_t *)(uintptr_t)pa;
    for (unsigned i = 0; i < ENTRIES_PER_TABLE; i++)
        KCHECK_EQ(identity[i] & ~STATUS_BITS, directory[i] & ~STATUS_BITS);
    for (spare = 1; directory[spare]; spare++)
        KCHECK(spare < ENTRIES_PER_TABLE - 1);
    identity[spare] = 0x5150; /* not present: no processor takes it for a table */
    unsigned seen = directory[spare];
    directory[spare] = 0;
    KCHECK_EQ(seen, 0x5150);
    KCHECK_EQ(identity[spare], 0);
}

KTEST(vmem_table_0_is_one_frame_seen_two_ways)
{
    paddr_t pa = directory[0] & PTE_FRAME;

    if (pa >= IDENTITY_END)
        KSKIP("the frame of table 0 lies above the identity map");
    const volatile pte_t *identity = (const volatile pte_t *)(uintptr_t)pa;
    for (unsigned i = 0; i < ENTRIES_PER_TABLE; i++)
        KCHECK_EQ(identity[i] & ~STATUS_BITS, table_0[i] & ~STATUS_BITS);
}

KTEST(vmem_walk_tells_the_live_entries)
{
    static const uintptr_t places[] = {0x1234, KERNEL_START + 5, DIRECTORY_WINDOW + 0xFFF, WINDOW_START};
    struct vmem_walk walk;

    for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
        KCHECK(vmem_walk((void *)places[i], &walk));
        KCHECK_EQ(walk.pdi, places[i] >> 22);
        KCHECK_EQ(walk.pti, places[i] >> 12 & 1023);
        KCHECK_EQ(walk.offset, places[i] & 0xFFF);
        KCHECK_EQ(walk.directory, get_page_directory() & PTE_FRAME);
        KCHECK_EQ(walk.pde & ~STATUS_BITS, directory[walk.pdi] & ~STATUS_BITS);
        KCHECK_EQ(walk.pte & ~STATUS_BITS, *window_pte((void *)places[i]) & ~STATUS_BITS);
        KCHECK_EQ(walk.pa, (walk.pte & PTE_FRAME) + walk.offset);
    }
    KCHECK(!vmem_walk((void *)4, &walk)); /* the table is there, the page is not */
    KCHECK(walk.pde & PTE_PRESENT);
    KCHECK_EQ(walk.pte, 0);
    KCHECK_EQ(walk.pa, PADDR_NONE);
    char *spare = spare_area(1);
    KCHECK(spare);
    KCHECK(!vmem_walk(spare, &walk)); /* not even the table */
    KCHECK_EQ(walk.pde, 0);
    KCHECK_EQ(walk.pte, 0);
    KCHECK_EQ(walk.pa, PADDR_NONE);
}

KTEST(vmem_translates_at_the_borders_of_the_window)
{
    paddr_t cr3 = get_page_directory();

    KCHECK(maps_to((void *)WINDOW_START, directory[0] & PTE_FRAME));
    KCHECK(maps_to((void *)(WINDOW_START + PAGE_MASK), (directory[0] & PTE_FRAME) + PAGE_MASK));
    KCHECK(maps_to((void *)DIRECTORY_WINDOW, cr3));
    KCHECK(maps_to((void *)0xFFFFFFFF, cr3 + PAGE_MASK));
    char *spare = spare_area(1);
    KCHECK(spare && is_absent((void *)window_pte(spare)));
    KCHECK(maps_to((void *)(DIRECTORY_WINDOW - 1), (directory[FRAMES_PDI] & PTE_FRAME) + PAGE_MASK));
    if (directory[FRAMES_PDI - 1] & PTE_PRESENT)
        KSKIP("the device area's last table is in use");
    KCHECK(is_absent((void *)(FRAMES_START - 1)));
}

/* ---- map, unmap, protect, translate ---- */

KTEST(vmem_maps_and_unmaps_a_page)
{
    char *va = spare_area(1);
    paddr_t pa = pm_alloc_page();
    size_t free = pm_count().free, tables = vmem_tables();

    KCHECK(va && pa != PADDR_NONE);
    va += 7 * PAGE_SIZE;
    KCHECK_EQ(vmem_map(va, pa, VMEM_WRITE), 0);
    KCHECK_EQ(vmem_tables(), tables + 1);
    KCHECK_EQ(pm_count().free, free - 1);
    KCHECK(maps_to(va, pa) && maps_to(va + PAGE_MASK, pa + PAGE_MASK));
    KCHECK(is_absent(va - 1) && is_absent(va + PAGE_SIZE));
    write_at(va, 0xCAFE0001);
    write_at(va + PAGE_SIZE - 4, 0xCAFE0002);
    KCHECK_EQ(read_at(va), 0xCAFE0001);
    KCHECK_EQ(read_at(va + PAGE_SIZE - 4), 0xCAFE0002);
    KCHECK_EQ(vmem_unmap(va), 0);
    KCHECK(is_absent(va));
    KCHECK_TRAPS(touch_read, va, "page fault: ");
    KCHECK_EQ(vmem_tables(), tables);
    KCHECK_EQ(pm_count().free, free);
    KCHECK_EQ(vmem_unmap(va), VMEM_ABSENT);
    pm_free_page(pa);
}

KTEST(vmem_maps_across_the_border_of_two_tables)
{
    char *area = spare_area(2);
    size_t tables = vmem_tables();

    KCHECK(area);
    char *va = area + TABLE_SPAN - PAGE_SIZE;
    KCHECK_EQ(vmem_map_range(va, DEVICE_PA, 2, 0), 0);
    KCHECK_EQ(vmem_tables(), tables + 2);
    KCHECK(maps_to(va + PAGE_MASK, DEVICE_PA + PAGE_MASK));
    KCHECK(maps_to(va + PAGE_SIZE, DEVICE_PA + PAGE_SIZE));
    KCHECK(is_absent(va - 1) && is_absent(va + 2 * PAGE_SIZE));
    KCHECK_EQ(vmem_unmap(va), 0);
    KCHECK_EQ(vmem_tables(), tables + 1);
    KCHECK(is_absent(va) && maps_to(va + PAGE_SIZE, DEVICE_PA + PAGE_SIZE));
    KCHECK_EQ(vmem_unmap(va + PAGE_SIZE), 0);
    KCHECK_EQ(vmem_tables(), tables);
}

/* Maps, sees and unmaps the page at VA, where nothing may be mapped. */
static void check_one_page(char *va) {
    size_t free = pm_count().free;

    KCHECK(is_absent(va));
    KCHECK_EQ(vmem_map(va, DEVICE_PA, VMEM_WRITE), 0);
    KCHECK(maps_to(va + PAGE_MASK, DEVICE_PA + PAGE_MASK));
    vmem_check();
    KCHECK_EQ(vmem_unmap(va), 0);
    KCHECK(is_absent(va));
    KCHECK_EQ(pm_count().free, free);
}

KTEST(vmem_edits_up_to_its_borders)
{
    paddr_t pa;

    if (vmem_translate((void *)FREE_START, &pa) || vmem_translate((void *)(KHEAP_START - PAGE_SIZE), &pa) ||
        vmem_translate((void *)(FRAMES_START - PAGE_SIZE), &pa))
        KSKIP("a page at a border is mapped already");
    KCHECK_CALL(check_one_page((char *)FREE_START));
    KCHECK_CALL(check_one_page((char *)KHEAP_START - PAGE_SIZE));
    KCHECK_CALL(check_one_page((char *)FRAMES_START - PAGE_SIZE));
}

KTEST(vmem_maps_the_last_physical_page)
{
    char *va = spare_area(1);

    KCHECK(va);
    KCHECK_EQ(vmem_map_range(va, 0xFFFFE000, 2, 0), 0);
    KCHECK(maps_to(va + 2 * PAGE_SIZE - 1, 0xFFFFFFFF));
    KCHECK_EQ(vmem_unmap_range(va, 2), 0);
}

KTEST(vmem_fills_a_whole_table_and_more)
{
    char *va = spare_area(3);
    size_t free = pm_count().free, pages = ENTRIES_PER_TABLE + 2;

    KCHECK(va);
    va += TABLE_SPAN - PAGE_SIZE; /* the last page of one, all of the next, the first of the third */
    KCHECK_EQ(vmem_map_range(va, DEVICE_PA, pages, VMEM_WRITE), 0);
    KCHECK_EQ(pm_count().free, free - 3);
    for (size_t i = 0; i < pages; i++)
        KCHECK(maps_to(va + i * PAGE_SIZE, DEVICE_PA + i * PAGE_SIZE));
    KCHECK(is_absent(va - 1) && is_absent(va + pages * PAGE_SIZE));
    vmem_check();
    KCHECK_EQ(vmem_unmap_range(va + PAGE_SIZE, ENTRIES_PER_TABLE), 0); /* the middle: one table returns */
    KCHECK_EQ(pm_count().free, free - 2);
    KCHECK(maps_to(va, DEVICE_PA) && is_absent(va + PAGE_SIZE));
    KCHECK_EQ(vmem_unmap(va), 0);
    KCHECK_EQ(vmem_unmap(va + (pages - 1) * PAGE_SIZE), 0);
    KCHECK_EQ(pm_count().free, free);
}

KTEST(vmem_flags_reach_the_entry)
{
    char *va = spare_area(1);
    const unsigned all = VMEM_WRITE | VMEM_USER | VMEM_WRITE_COMBINING | VMEM_NO_CACHE;

    KCHECK(va);
    for (unsigned bit = 1; bit <= all; bit <<= 1) {
        unsigned flags = bit & all;
        KCHECK_EQ(vmem_map(va, DEVICE_PA, flags), 0);
        KCHECK_EQ(*window_pte(va), DEVICE_PA | flags | PTE_PRESENT);
        KCHECK_EQ(vmem_unmap(va), 0);
    }
}

KTEST(vmem_protect_keeps_the_memory_type)
{
    char *va = spare_area(1);
    const unsigned types[] = {0, VMEM_WRITE_COMBINING, VMEM_NO_CACHE, VMEM_WRITE_COMBINING | VMEM_NO_CACHE};

    KCHECK(va);
    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        KCHECK_EQ(vmem_map(va, DEVICE_PA, types[i] | VMEM_WRITE), 0);
        KCHECK_EQ(vmem_protect(va, PAGE_SIZE, VMEM_USER), 0);
        KCHECK_EQ(*window_pte(va), DEVICE_PA | types[i] | VMEM_USER | PTE_PRESENT);
        KCHECK_EQ(vmem_protect(va, PAGE_SIZE, VMEM_WRITE), 0);
        KCHECK_EQ(*window_pte(va), DEVICE_PA | types[i] | VMEM_WRITE | PTE_PRESENT);
        KCHECK_EQ(vmem_unmap(va), 0);
    }
}

/* As the clock algorithm does: an entry that is read again and again is read from memory. */
KTEST(vmem_accessed_bit_is_seen_by_whoever_waits_for_it)
{
    char *va = spare_area(1);
    bool seen = false;

    KCHECK(va);
    KCHECK_EQ(vmem_alloc_range(va, 1, VMEM_WRITE), 0);
    for (int i = 0; i < 1000 && !seen; i++) {
        seen = read_entry((const pte_t *)window_pte(va)) & PTE_ACCESSED;
        read_at(va);
    }
    KCHECK_EQ(vmem_free_range(va, 1), 0);
    KCHECK(seen);
}

/* PD[pdi].W must be set however the page is mapped, or a writable neighbour could not be written. */
KTEST(vmem_read_only_page_leaves_its_neighbours_writable)
{
    char *va = spare_area(1);

    KCHECK(va);
    KCHECK_EQ(vmem_alloc_range(va, 1, 0), 0);
    KCHECK_EQ(vmem_alloc_range(va + PAGE_SIZE, 1, VMEM_WRITE), 0);
    write_at(va + PAGE_SIZE, 5);
    KCHECK_EQ(read_at(va + PAGE_SIZE), 5);
    KCHECK_EQ(vmem_free_range(va, 2), 0);
}

static void touch_write(void *va) { write_at(va, read_at(va)); }

KTEST(vmem_protect_holds_at_once)
{
    char *va = spare_area(1);

    KCHECK(va);
    KCHECK_EQ(vmem_alloc_range(va, 3, VMEM_WRITE), 0);
    for (unsigned i = 0; i < 3; i++)
        write_at(va + i * PAGE_SIZE, 100 + i); /* now in the TLB, writable */
    KCHECK_EQ(vmem_protect(va + PAGE_SIZE, PAGE_SIZE, 0), 0);
    KCHECK_TRAPS(touch_write, va + PAGE_SIZE, "page fault: ");
    touch_write(va);
    touch_write(va + 2 * PAGE_SIZE);
    KCHECK_EQ(read_at(va + PAGE_SIZE), 101);
    KCHECK_EQ(vmem_protect(va + PAGE_SIZE, PAGE_SIZE, VMEM_WRITE), 0);
    write_at(va + PAGE_SIZE, 201);
    KCHECK_EQ(read_at(va + PAGE_SIZE), 201);
    KCHECK_EQ(vmem_free_range(va, 3), 0);
}

static bool is_writable(const void *va) { return *window_pte(va) & PTE_WRITE; }

KTEST(vmem_protect_takes_every_page_it_touches)
{
    char *va = spare_area(2);

    KCHECK(va);
    va += TABLE_SPAN - 2 * PAGE_SIZE;
    KCHECK_EQ(vmem_map_range(va, DEVICE_PA, 4, VMEM_WRITE), 0); /* two pages in each table */
    KCHECK_EQ(vmem_protect(va + 2 * PAGE_SIZE - 1, 1, 0), 0);
    KCHECK(is_writable(va) && !is_writable(va + PAGE_SIZE) && is_writable(va + 2 * PAGE_SIZE));
    KCHECK_EQ(vmem_protect(va + 2 * PAGE_SIZE - 1, 2, 0), 0); /* one byte on each side */
    KCHECK(is_writable(va) && !is_writable(va + 2 * PAGE_SIZE) && is_writable(va + 3 * PAGE_SIZE));
    KCHECK_EQ(vmem_protect(va, 4 * PAGE_SIZE, VMEM_WRITE), 0);
    KCHECK(is_writable(va + PAGE_SIZE) && is_writable(va + 3 * PAGE_SIZE));
    KCHECK_EQ(vmem_unmap_range(va, 4), 0);
}

KTEST(vmem_absent_page_in_a_range_changes_nothing)
{
    char *va = spare_area(2);

    KCHECK(va);
    va += TABLE_SPAN - 2 * PAGE_SIZE;
    KCHECK_EQ(vmem_map_range(va, DEVICE_PA, 4, VMEM_WRITE), 0);
    size_t free = pm_count().free, tables = vmem_tables();
    for (unsigned hole = 0; hole < 4; hole++) {
        KCHECK_EQ(vmem_unmap(va + hole * PAGE_SIZE), 0);
        KCHECK_EQ(vmem_unmap_range(va, 4), VMEM_ABSENT);
        KCHECK_EQ(vmem_free_range(va, 4), VMEM_ABSENT);
        KCHECK_EQ(vmem_protect(va, 4 * PAGE_SIZE, 0), VMEM_ABSENT);
        for (unsigned i = 0; i < 4; i++)
            KCHECK(i == hole ? is_absent(va + i * PAGE_SIZE) : is_writable(va + i * PAGE_SIZE));
        KCHECK_EQ(vmem_map(va + hole * PAGE_SIZE, DEVICE_PA, VMEM_WRITE), 0);
        KCHECK_EQ(pm_count().free, free);
        KCHECK_EQ(vmem_tables(), tables);
    }
    KCHECK_EQ(vmem_unmap_range(va, 4), 0);
    KCHECK_EQ(vmem_unmap_range(va, 4), VMEM_ABSENT);
    KCHECK_EQ(vmem_protect(va, 1, 0), VMEM_ABSENT);
}

KTEST(vmem_alloc_range_gives_frames_of_its_own)
{
    enum { PAGES = 100 };
    char *va = spare_area(1);
    size_t free = pm_count().free;
    paddr_t pa;

    KCHECK(va);
    KCHECK_EQ(vmem_alloc_range(va, PAGES, VMEM_WRITE), 0);
    KCHECK_EQ(pm_count().free, free - PAGES - 1);
    for (unsigned i = 0; i < PAGES; i++) {
        KCHECK(vmem_translate(va + i * PAGE_SIZE, &pa));
        KCHECK_EQ(pm_state(pa), PM_USED);
        write_at(va + i * PAGE_SIZE, i);
    }
    for (unsigned i = 0; i < PAGES; i++)
        KCHECK_EQ(read_at(va + i * PAGE_SIZE), i);
    KCHECK_EQ(vmem_free_range(va, PAGES), 0);
    KCHECK_EQ(pm_count().free, free);
}

/* ---- what the TLB, and the window, must forget ---- */

KTEST(vmem_remapped_page_shows_its_new_frame)
{
    char *va = spare_area(1);
    paddr_t a = marked_frame(0xAAAA), b = marked_frame(0xBBBB);

    KCHECK(va && a != PADDR_NONE && b != PADDR_NONE);
    KCHECK_EQ(vmem_map(va + PAGE_SIZE, a, 0), 0); /* keeps the table: only the page's own entry changes */
    for (unsigned i = 0; i < 4; i++) {
        KCHECK_EQ(vmem_map(va, i % 2 ? b : a, VMEM_WRITE), 0);
        KCHECK_EQ(read_at(va), i % 2 ? 0xBBBB : 0xAAAA);
        KCHECK_EQ(vmem_unmap(va), 0);
        KCHECK_TRAPS(touch_read, va, "page fault: ");
    }
    KCHECK_EQ(vmem_unmap(va + PAGE_SIZE), 0);
    pm_free_page(a);
    pm_free_page(b);
}

KTEST(vmem_remapped_range_shows_its_new_frames)
{
    enum { PAGES = 64 }; /* many enough that CR3 is reloaded */
    char *va = spare_area(2), *other;

    KCHECK(va);
    other = va + TABLE_SPAN;
    KCHECK_EQ(vmem_alloc_range(va, PAGES, VMEM_WRITE), 0);
    KCHECK_EQ(vmem_alloc_range(other, PAGES, VMEM_WRITE), 0);
    for (unsigned i = 0; i < PAGES; i++) {
        write_at(va + i * PAGE_SIZE, i);
        write_at(other + i * PAGE_SIZE, 1000 + i);
    }
    for (unsigned i = 0; i < PAGES; i++) { /* swaps the two ranges' frames, page by page */
        struct vmem_walk a, b;
        vmem_walk(va + i * PAGE_SIZE, &a);
        vmem_walk(other + i * PAGE_SIZE, &b);
        KCHECK_EQ(vmem_unmap(va + i * PAGE_SIZE), 0);
        KCHECK_EQ(vmem_unmap(other + i * PAGE_SIZE), 0);
        KCHECK_EQ(vmem_map(va + i * PAGE_SIZE, b.pa, VMEM_WRITE), 0);
        KCHECK_EQ(vmem_map(other + i * PAGE_SIZE, a.pa, VMEM_WRITE), 0);
    }
    for (unsigned i = 0; i < PAGES; i++) {
        KCHECK_EQ(read_at(va + i * PAGE_SIZE), 1000 + i);
        KCHECK_EQ(read_at(other + i * PAGE_SIZE), i);
    }
    KCHECK_EQ(vmem_protect(va, PAGES * PAGE_SIZE, 0), 0);
    KCHECK_TRAPS(touch_write, va, "page fault: ");
    KCHECK_TRAPS(touch_write, va + (PAGES - 1) * PAGE_SIZE, "page fault: ");
    KCHECK_EQ(vmem_free_range(va, PAGES), 0);
    KCHECK_TRAPS(touch_read, va, "page fault: ");
    KCHECK_TRAPS(touch_read, va + (PAGES - 1) * PAGE_SIZE, "page fault: ");
    KCHECK_EQ(vmem_free_range(other, PAGES), 0);
}

/* Takes the one frame that is free. */
static paddr_t only_frame(void) { return pm_count().free == 1 ? pm_alloc_page() : PADDR_NONE; }

/* A page's table goes, its frame becomes somebody else's, another frame becomes the table: the window must
 * show the new one, and an edit must land there and not in the old one. */
KTEST(vmem_new_table_is_seen_through_the_window)
{
    char *va = spare_area(1);
    paddr_t a = pm_alloc_page(), b = pm_alloc_page(), page = marked_frame(0x600D);
    unsigned last = ENTRIES_PER_TABLE - 1;

    KCHECK(va && a != PADDR_NONE && b != PADDR_NONE && page != PADDR_NONE);
    frames_hold_all();
    pm_free_page(a); /* the only free frame: it becomes the table */
    KCHECK_EQ(vmem_map_range(va, DEVICE_PA, ENTRIES_PER_TABLE, VMEM_WRITE), 0);
    KCHECK_EQ(directory[pd_index(va)] & PTE_FRAME, a);
    KCHECK_EQ(vmem_unmap_range(va, last), 0);
    KCHECK_EQ(window_pte(va)[last] & PTE_FRAME, DEVICE_PA + last * PAGE_SIZE); /* now in the TLB */
    KCHECK_EQ(vmem_unmap(va + last * PAGE_SIZE), 0); /* alone: nothing reloads CR3 */
    KCHECK_EQ(directory[pd_index(va)], 0);
    KCHECK_EQ(only_frame(), a);
    pm_free_page(b);
    KCHECK_EQ(vmem_map(va, page, VMEM_WRITE), 0);
    KCHECK_EQ(directory[pd_index(va)] & PTE_FRAME, b);
    KCHECK_EQ(*window_pte(va) & PTE_FRAME, page);
    KCHECK_EQ(read_at(va), 0x600D);
    for (unsigned i = 1; i <= last; i++)
        KCHECK_EQ(window_pte(va)[i], 0);
    KCHECK_EQ(vmem_unmap(va), 0);
    KCHECK_EQ(only_frame(), b);
    frames_release_all();
    pm_free_page(a);
    pm_free_page(b);
    pm_free_page(page);
}

static void touch_window(void *va) { *window_pte(va) = 0; }

KTEST(vmem_unlinked_table_is_gone_from_the_window)
{
    char *va = spare_area(1);

    KCHECK(va);
    KCHECK_EQ(vmem_map(va, DEVICE_PA, 0), 0);
    KCHECK_EQ(*window_pte(va) & PTE_FRAME, DEVICE_PA);
    KCHECK_EQ(vmem_unmap(va), 0);
    KCHECK_TRAPS(touch_window, va, "page fault: ");
}

/* ---- what the processor may use at any moment, ahead of use (SDM vol. 3, 4.10.2.3) ---- */

#define EDITED_PAGES 64 /* many enough that CR3 is reloaded */

static struct edit {
    enum { UNMAP_ONE_BY_ONE, UNMAP_TOGETHER, FREE, MAKE_READ_ONLY, EDITS } kind;
    char *va;
    size_t pages;
} edit;

static void make_edit(void *unused) {
    (void)unused;
    switch (edit.kind) {
    case UNMAP_ONE_BY_ONE:
        for (size_t i = 0; i < edit.pages; i++)
            vmem_unmap(edit.va + i * PAGE_SIZE);
        break;
    case UNMAP_TOGETHER:
        vmem_unmap_range(edit.va, edit.pages);
        break;
    case FREE:
        vmem_free_range(edit.va, edit.pages);
        break;
    default:
        vmem_protect(edit.va, edit.pages * PAGE_SIZE, 0);
    }
}

/* Uses VA as far as its entries allow: the TLB then caches its page, and its table's page in the window. */
static void use_page(char *va) {
    if (!(directory[pd_index(va)] & PTE_PRESENT) || !(*window_pte(va) & PTE_PRESENT))
        return;
    if (*window_pte(va) & PTE_WRITE)
        write_at(va, 1);
    else
        read_at(va);
}

static void use_edited_pages(void) {
    use_page(edit.va);
    use_page(edit.va + (edit.pages - 1) * PAGE_SIZE);
}

/* What must be forgotten: a report flushes the TLB, so that one edit shows one of them. */
enum forgotten { FIRST_PAGE, LAST_PAGE, TABLE, FORGOTTEN };

static void check_forgotten(enum forgotten what) {
    void (*touch)(void *) = edit.kind == MAKE_READ_ONLY ? touch_write : touch_read;

    if (what == TABLE)
        KCHECK_TRAPS(touch_window, edit.va, "page fault: ");
    else
        KCHECK_TRAPS(touch, edit.va + (what == LAST_PAGE ? edit.pages - 1 : 0) * PAGE_SIZE, "page fault: ");
}

/* Edits pages that are in use between any two instructions: a page that is flushed before its entry has changed is
 * back in the TLB by then. */
static void check_edit(enum forgotten what) {
    paddr_t frames[EDITED_PAGES] = {PADDR_NONE};

    KCHECK_EQ(vmem_alloc_range(edit.va, edit.pages, VMEM_WRITE), 0);
    for (size_t i = 0; i < edit.pages; i++)
        KCHECK(vmem_translate(edit.va + i * PAGE_SIZE, &frames[i]));
    call_in_steps(make_edit, NULL, use_edited_pages);
    KCHECK_CALL(check_forgotten(what));
    if (edit.kind == MAKE_READ_ONLY)
        KCHECK_EQ(vmem_free_range(edit.va, edit.pages), 0);
    for (size_t i = 0; i < edit.pages && edit.kind <= UNMAP_TOGETHER; i++)
        pm_free_page(frames[i]);
}

KTEST(vmem_forgets_what_is_used_while_it_is_edited)
{
    static const size_t sizes[] = {1, 2, EDITED_PAGES};
    char *va = spare_area(1), *neighbour = va + TABLE_SPAN - PAGE_SIZE;

    KCHECK(va);
    if (!takes_steps())
        KSKIP("this machine takes no single steps");
    for (unsigned kind = 0; kind < EDITS; kind++)
        for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
            edit = (struct edit){kind, va, sizes[i]};
            for (enum forgotten what = 0; what < FORGOTTEN; what++)
                if (kind != MAKE_READ_ONLY || what != TABLE)
                    KCHECK_CALL(check_edit(what));
            KCHECK_EQ(vmem_map(neighbour, DEVICE_PA, 0), 0); /* the table stays */
            KCHECK_CALL(check_edit(FIRST_PAGE));
            KCHECK_CALL(check_edit(LAST_PAGE));
            KCHECK_EQ(vmem_unmap(neighbour), 0);
        }
}

static const char *new_table_area; /* that the new table is to map */
static unsigned stale_entries;

/* Whatever is in a table that is linked is live, but for the page that is being mapped. */
static void look_at_new_table(void) {
    if (!(directory[pd_index(new_table_area)] & PTE_PRESENT))
        return;
    for (unsigned i = 0; i < ENTRIES_PER_TABLE; i++)
        stale_entries += i != 5 && window_pte(new_table_area)[i] != 0;
}

static void map_page_5(void *va) { vmem_map((char *)va + 5 * PAGE_SIZE, DEVICE_PA, 0); }

/* A frame full of words that would be live mappings, were it linked as it is. */
KTEST(vmem_new_table_is_cleared_before_it_is_linked)
{
    char *va = spare_area(1);

    KCHECK(va);
    if (!takes_steps())
        KSKIP("this machine takes no single steps");
    paddr_t frame = pm_alloc_page();
    KCHECK(frame != PADDR_NONE);
    KCHECK_EQ(vmem_map(va, frame, VMEM_WRITE), 0);
    for (unsigned i = 0; i < ENTRIES_PER_TABLE; i++)
        write_at(va + i * 4, (DEVICE_PA + i * PAGE_SIZE) | PTE_PRESENT | PTE_WRITE);
    KCHECK_EQ(vmem_unmap(va), 0);
    frames_hold_all();
    pm_free_page(frame);
    new_table_area = va;
    stale_entries = 0;
    call_in_steps(map_page_5, va, look_at_new_table);
    KCHECK_EQ(stale_entries, 0);
    KCHECK_EQ(directory[pd_index(va)] & PTE_FRAME, frame);
    for (unsigned i = 0; i < ENTRIES_PER_TABLE; i++)
        KCHECK_EQ(window_pte(va)[i] & ~STATUS_BITS, i == 5 ? DEVICE_PA | PTE_PRESENT : 0);
    KCHECK_EQ(table_0[SCRATCH_PAGE / PAGE_SIZE], 0);
    KCHECK_TRAPS(touch_read, (void *)SCRATCH_PAGE, "page fault: ");
    KCHECK_EQ(vmem_unmap(va + 5 * PAGE_SIZE), 0);
}

KTEST(vmem_table_returns_with_its_last_page)
{
    char *va = spare_area(1);
    size_t free = pm_count().free;

    KCHECK(va);
    for (unsigned round = 0; round < 100; round++) {
        KCHECK_EQ(vmem_map(va, DEVICE_PA, 0), 0);
        KCHECK_EQ(vmem_map(va + TABLE_SPAN - PAGE_SIZE, DEVICE_PA, 0), 0);
        paddr_t table = directory[pd_index(va)] & PTE_FRAME;
        KCHECK_EQ(pm_state(table), PM_TABLE);
        KCHECK_EQ(vmem_unmap(va), 0);
        KCHECK_EQ(pm_count().free, free - 1);
        KCHECK_EQ(vmem_unmap(va + TABLE_SPAN - PAGE_SIZE), 0);
        KCHECK_EQ(pm_state(table), PM_FREE);
        KCHECK_EQ(pm_count().free, free);
    }
}

/* ---- running out ---- */

#define OOM_PAGES 12 /* five in one table, seven in the next */

static bool attempt_alloc_range(void *va) {
    if (vmem_alloc_range(va, OOM_PAGES, VMEM_WRITE))
        return false;
    vmem_free_range(va, OOM_PAGES);
    return true;
}

#define WIDE_PAGES (3 * ENTRIES_PER_TABLE + 2) /* five tables */

static bool attempt_map_range(void *va) {
    if (vmem_map_range(va, DEVICE_PA, WIDE_PAGES, 0))
        return false;
    vmem_unmap_range(va, WIDE_PAGES);
    return true;
}

static bool attempt_map(void *va) {
    if (vmem_map(va, DEVICE_PA, 0))
        return false;
    vmem_unmap(va);
    return true;
}

KTEST(vmem_map_survives_running_out)
{
    char *va = spare_area(1);

    KCHECK(va);
    KCHECK_CALL(exhaust(attempt_map, va, 1));
}

KTEST(vmem_alloc_range_survives_running_out_at_every_frame)
{
    char *va = spare_area(2);
    size_t tables = vmem_tables();

    KCHECK(va);
    va += TABLE_SPAN - 5 * PAGE_SIZE;
    KCHECK_CALL(exhaust(attempt_alloc_range, va, OOM_PAGES + 2));
    KCHECK_EQ(vmem_tables(), tables);
}

KTEST(vmem_map_range_survives_running_out_at_every_table)
{
    char *va = spare_area(5);
    size_t tables = vmem_tables();

    KCHECK(va);
    va += TABLE_SPAN - PAGE_SIZE;
    KCHECK_CALL(exhaust(attempt_map_range, va, 5));
    KCHECK_EQ(vmem_tables(), tables);
}

/* Tables that were there before stay, with what they map. */
KTEST(vmem_running_out_spares_the_neighbours)
{
    char *va = spare_area(5);

    KCHECK(va);
    KCHECK_EQ(vmem_map(va, DEVICE_PA, VMEM_WRITE), 0);
    KCHECK_EQ(vmem_map(va + 5 * TABLE_SPAN - PAGE_SIZE, DEVICE_PA, VMEM_WRITE), 0);
    KCHECK_CALL(exhaust(attempt_map_range, va + TABLE_SPAN - PAGE_SIZE, 3));
    KCHECK_CALL(exhaust(attempt_alloc_range, va + TABLE_SPAN - 2 * PAGE_SIZE, OOM_PAGES + 1));
    KCHECK_EQ(vmem_unmap(va), 0);
    KCHECK_EQ(vmem_unmap(va + 5 * TABLE_SPAN - PAGE_SIZE), 0);
}

/* ---- misuse: each a panic that leaves everything as it was ---- */

enum call { MAP, MAP_RANGE, ALLOC_RANGE, UNMAP, UNMAP_RANGE, FREE_RANGE, PROTECT };

struct misuse {
    enum call call;
    uintptr_t va;
    paddr_t pa;
    size_t n; /* pages; bytes for PROTECT */
    unsigned flags;
};

static void do_misuse(void *arg) {
    const struct misuse *m = arg;
    void *va = (void *)m->va;

    switch (m->call) {
    case MAP:
        vmem_map(va, m->pa, m->flags);
        break;
    case MAP_RANGE:
        vmem_map_range(va, m->pa, m->n, m->flags);
        break;
    case ALLOC_RANGE:
        vmem_alloc_range(va, m->n, m->flags);
        break;
    case UNMAP:
        vmem_unmap(va);
        break;
    case UNMAP_RANGE:
        vmem_unmap_range(va, m->n);
        break;
    case FREE_RANGE:
        vmem_free_range(va, m->n);
        break;
    case PROTECT:
        vmem_protect(va, m->n, m->flags);
        break;
    }
}

static void check_refused(struct misuse m, const char *text) {
    size_t free = pm_count().free, tables = vmem_tables();

    KCHECK_TRAPS(do_misuse, &m, text);
    KCHECK_EQ(ktest_vector, -1);
    KCHECK_EQ(pm_count().free, free);
    KCHECK_EQ(vmem_tables(), tables);
    vmem_check();
}

static void check_misuse(struct misuse m, const char *text) {
    static const char *const names[] = {"map", "map_range", "alloc_range", "unmap", "unmap_range", "free_range", "protect"};

    check_refused(m, text);
    if (ktest_failing())
        kprintf("# in vmem_%s: va 0x%08lx, pa 0x%08x, %zu %s, flags 0x%x\n", names[m.call], (unsigned long)m.va, m.pa, m.n,
                m.call == PROTECT ? "bytes" : "pages", m.flags);
}

/* Every call, on a range of two pages (or bytes) at VA. */
static void check_every_call(uintptr_t va, size_t n, const char *text) {
    for (enum call call = MAP; call <= PROTECT; call++) {
        bool single = call == MAP || call == UNMAP;
        size_t length = call == PROTECT && n <= FRAMES_MAX ? n * PAGE_SIZE : n;
        if (single && n != 1)
            continue;
        KCHECK_CALL(check_misuse((struct misuse){call, va, DEVICE_PA, length, VMEM_WRITE}, text));
    }
}

KTEST(vmem_unaligned_addresses_are_caught)
{
    uintptr_t va = (uintptr_t)spare_area(1);

    KCHECK(va);
    for (enum call call = MAP; call < PROTECT; call++) {
        KCHECK_CALL(check_misuse((struct misuse){call, va + 1, DEVICE_PA, 1, 0}, "mm/vmem.c:"));
        KCHECK_CALL(check_misuse((struct misuse){call, va + PAGE_MASK, DEVICE_PA, 1, 0}, "mm/vmem.c:"));
    }
    KCHECK_CALL(check_misuse((struct misuse){MAP, va, DEVICE_PA + 1, 1, 0}, "mm/vmem.c:"));
    KCHECK_CALL(check_misuse((struct misuse){MAP_RANGE, va, DEVICE_PA + 0x800, 2, 0}, "mm/vmem.c:"));
}

KTEST(vmem_identity_map_and_window_cannot_be_edited)
{
    KCHECK_CALL(check_every_call(0, 1, "mm/vmem.c:"));
    KCHECK_CALL(check_every_call(KERNEL_START, 1, "mm/vmem.c:"));
    KCHECK_CALL(check_every_call(FREE_START - PAGE_SIZE, 1, "mm/vmem.c:"));
    KCHECK_CALL(check_every_call(FREE_START - PAGE_SIZE, 2, "mm/vmem.c:"));
    KCHECK_CALL(check_every_call(FRAMES_START - PAGE_SIZE, 2, "mm/vmem.c:"));
    KCHECK_CALL(check_every_call(FRAMES_START, 1, "mm/vmem.c:"));
    KCHECK_CALL(check_every_call(WINDOW_START - PAGE_SIZE, 1, "mm/vmem.c:"));
    KCHECK_CALL(check_every_call(WINDOW_START - PAGE_SIZE, 2, "mm/vmem.c:"));
    KCHECK_CALL(check_every_call(WINDOW_START, 1, "mm/vmem.c:"));
    KCHECK_CALL(check_every_call(DIRECTORY_WINDOW, 1, "mm/vmem.c:"));
}

KTEST(vmem_ranges_that_wrap_are_caught)
{
    uintptr_t va = (uintptr_t)spare_area(1);

    KCHECK(va);
    KCHECK_CALL(check_every_call(va, 0, "mm/vmem.c:"));
    KCHECK_CALL(check_every_call(va, FRAMES_MAX - 1, "mm/vmem.c:"));
    for (enum call call = MAP_RANGE; call <= PROTECT; call++) {
        if (call == UNMAP)
            continue;
        KCHECK_CALL(check_misuse((struct misuse){call, va, DEVICE_PA, (size_t)-1, 0}, "mm/vmem.c:"));
        KCHECK_CALL(check_misuse((struct misuse){call, va, DEVICE_PA, (size_t)0 - va, 0}, "mm/vmem.c:"));
    }
    for (unsigned offset = 1; offset < 4; offset++)
        KCHECK_CALL(check_misuse((struct misuse){PROTECT, va + offset, 0, (size_t)-1, 0}, "mm/vmem.c:"));
    KCHECK_CALL(check_misuse((struct misuse){MAP_RANGE, va, 0, FRAMES_MAX, 0}, "mm/vmem.c:"));
    KCHECK_CALL(check_misuse((struct misuse){MAP_RANGE, va, 0xFFFFF000, 2, 0}, "mm/vmem.c:"));
}

KTEST(vmem_flags_that_are_none_are_caught)
{
    uintptr_t va = (uintptr_t)spare_area(1);

    KCHECK(va);
    KCHECK_CALL(check_misuse((struct misuse){MAP, va, DEVICE_PA, 1, PTE_PRESENT}, "mm/vmem.c:"));
    KCHECK_CALL(check_misuse((struct misuse){ALLOC_RANGE, va, 0, 1, 0x100}, "mm/vmem.c:"));
}

KTEST(vmem_a_view_leaves_its_frame_to_its_owner)
{
    char *view = spare_area(1), *owner = view + PAGE_SIZE;
    paddr_t pa = pm_alloc_page();

    KCHECK(view && pa);
    KCHECK_EQ(vmem_map(view, pa, VMEM_VIEW | VMEM_WRITE), 0);
    vmem_check();
    pm_free_page(pa);
    KCHECK_EQ(vmem_unmap(view), 0);
    KCHECK_EQ(vmem_alloc_range(owner, 1, VMEM_WRITE), 0);
    KCHECK(vmem_translate(owner, &pa));
    KCHECK_EQ(vmem_map_range(view, pa, 1, VMEM_VIEW), 0);
    KCHECK_CALL(check_misuse((struct misuse){FREE_RANGE, (uintptr_t)view, 0, 1, 0}, "it only views"));
    vmem_check();
    KCHECK_EQ(vmem_free_range(owner, 1), 0);
    KCHECK_EQ(pm_state(pa), PM_FREE);
    KCHECK_EQ(vmem_unmap_range(view, 1), 0);
    vmem_check();
}

KTEST(vmem_views_lie_in_the_user_part_and_have_no_frames)
{
    uintptr_t va = (uintptr_t)spare_area(1);

    KCHECK(va);
    KCHECK_CALL(check_misuse((struct misuse){ALLOC_RANGE, va, 0, 1, VMEM_VIEW}, "mm/vmem.c:"));
    KCHECK_CALL(check_misuse((struct misuse){MAP, KHEAP_END - PAGE_SIZE, DEVICE_PA, 1, VMEM_VIEW}, "a view"));
}

KTEST(vmem_remapping_a_present_page_is_caught)
{
    char *area = spare_area(2);

    KCHECK(area);
    char *mapped = area + TABLE_SPAN; /* the first page of the second table */
    uintptr_t va = (uintptr_t)mapped;
    KCHECK_EQ(vmem_map(mapped, DEVICE_PA, 0), 0);
    KCHECK_CALL(check_misuse((struct misuse){MAP, va, DEVICE_PA, 1, 0}, "mapped already"));
    KCHECK_CALL(check_misuse((struct misuse){ALLOC_RANGE, va, 0, 1, 0}, "mapped already"));
    /* the range begins in the table below, which is not there and must not come */
    KCHECK_CALL(check_misuse((struct misuse){MAP_RANGE, va - PAGE_SIZE, 0, 2, 0}, "mapped already"));
    KCHECK_CALL(check_misuse((struct misuse){ALLOC_RANGE, va - 3 * PAGE_SIZE, 0, 9, 0}, "mapped already"));
    KCHECK(maps_to(mapped, DEVICE_PA) && is_absent(mapped - 1) && is_absent(mapped + PAGE_SIZE));
    KCHECK_EQ(vmem_unmap(mapped), 0);
}

/* ---- freeing pages whose frames are not theirs alone ---- */

KTEST(vmem_freeing_a_page_that_shows_a_table_is_caught)
{
    char *va = spare_area(1);
    struct vmem_walk walk;

    KCHECK(va);
    KCHECK_EQ(vmem_map(va, DEVICE_PA, 0), 0);
    vmem_walk(va, &walk);
    KCHECK_EQ(vmem_map(va + PAGE_SIZE, walk.pde & PTE_FRAME, 0), 0);
    KCHECK_EQ(vmem_map(va + 2 * PAGE_SIZE, walk.directory, 0), 0);
    for (unsigned i = 0; i < 3; i++)
        KCHECK_CALL(
            check_misuse((struct misuse){FREE_RANGE, (uintptr_t)va + i * PAGE_SIZE, 0, 1, 0}, "mapped to"));
    KCHECK_EQ(vmem_unmap_range(va, 3), 0);
    vmem_check();
}

KTEST(vmem_freeing_a_frame_with_another_page_is_caught)
{
    char *va = spare_area(1);
    struct vmem_walk walk;

    KCHECK(va);
    KCHECK_EQ(vmem_alloc_range(va, 40, VMEM_WRITE), 0);
    vmem_walk(va + 20 * PAGE_SIZE, &walk);
    KCHECK_EQ(vmem_map(va + 40 * PAGE_SIZE, walk.pa, 0), 0);
    for (size_t n = 21; n <= 41; n += 20) /* the page alone, and with the other in the range */
        KCHECK_CALL(
            check_misuse((struct misuse){FREE_RANGE, (uintptr_t)va, 0, n, 0}, "another page is mapped"));
    KCHECK_EQ(vmem_unmap(va + 40 * PAGE_SIZE), 0);
    KCHECK_EQ(vmem_free_range(va, 40), 0);
}

KTEST(vmem_freeing_a_page_that_shows_a_free_frame_is_caught)
{
    char *va = spare_area(1);
    paddr_t run = pm_alloc_pages(2), single = pm_alloc_page();

    KCHECK(va && run != PADDR_NONE && single != PADDR_NONE);
    KCHECK_EQ(vmem_map_range(va, run, 2, 0), 0); /* its table is not one of them */
    KCHECK_EQ(vmem_unmap(va + PAGE_SIZE), 0);
    pm_free_pages(run + PAGE_SIZE, 1); /* to the bitmap */
    pm_free_page(single);              /* to the magazine */
    KCHECK_EQ(vmem_map(va + PAGE_SIZE, run + PAGE_SIZE, 0), 0);
    KCHECK_EQ(vmem_map(va + 2 * PAGE_SIZE, single, 0), 0);
    for (unsigned i = 1; i <= 2; i++)
        KCHECK_CALL(check_misuse((struct misuse){FREE_RANGE, (uintptr_t)va + i * PAGE_SIZE, 0, 1, 0},
                                 "pm has not handed out"));
    KCHECK_EQ(vmem_unmap_range(va, 3), 0);
    pm_free_page(run);
    vmem_check();
}

/* ---- interrupt handlers ---- */

static void misuse_in_handler(void *misuse) {
    irqs_served = 1; /* the catch sets it back */
    do_misuse(misuse);
}

KTEST(vmem_refuses_interrupt_handlers)
{
    char *va = spare_area(1);
    size_t free = pm_count().free;

    KCHECK(va);
    KCHECK_EQ(vmem_alloc_range(va, 3, VMEM_WRITE), 0);
    for (enum call call = MAP; call <= PROTECT; call++) {
        bool fills = call == MAP || call == MAP_RANGE || call == ALLOC_RANGE;
        uintptr_t at = (uintptr_t)va + (fills ? 3 * PAGE_SIZE : 0);
        struct misuse m = {call, at, DEVICE_PA, 1, VMEM_WRITE};
        KCHECK_TRAPS(misuse_in_handler, &m, "in_interrupt");
        vmem_check();
    }
    KCHECK_EQ(pm_count().free, free - 4);
    KCHECK_EQ(vmem_free_range(va, 3), 0);
    pm_check();
}

/* vmem_check itself must see what is wrong: each is broken by hand and mended. */

static void run_check(void *arg) {
    (void)arg;
    vmem_check();
}

static void check_sees(volatile pte_t *entry, pte_t broken) {
    pte_t right = *entry;

    *entry = broken;
    bool caught = ktest_traps(run_check, NULL, "mm/vmem", __FILE__, __LINE__);
    *entry = right;
    set_page_directory(get_page_directory()); /* the broken one may be in the TLB */
    if (caught)
        vmem_check();
}

KTEST(vmem_check_sees_a_broken_entry)
{
    char *va = spare_area(2);
    struct vmem_walk walk;

    KCHECK(va);
    KCHECK_EQ(vmem_map(va, DEVICE_PA, VMEM_WRITE), 0);
    vmem_walk(va, &walk);
    KCHECK_CALL(check_sees(window_pte(va), 0));                          /* a page too few */
    KCHECK_CALL(check_sees(window_pte(va + PAGE_SIZE), 0x00800001));     /* a page too many */
    KCHECK_CALL(check_sees(window_pte(va + PAGE_SIZE), 0x00800000));     /* absent, not clear */
    KCHECK_CALL(check_sees(&directory[walk.pdi + 1], walk.pde));         /* one table, linked twice */
    KCHECK_CALL(check_sees(&table_0[2], 0x00003003));                    /* not the identity */
    KCHECK_CALL(check_sees(&table_0[0], 0x00000003));                    /* page 0 present */
    KCHECK_CALL(check_sees(window_pte(boot_stack_guard), 0x00800003));   /* no guard */
    KCHECK_CALL(check_sees(window_pte(kernel_start), KERNEL_START | 3)); /* text writable */
    KCHECK_EQ(vmem_unmap(va), 0);
}
