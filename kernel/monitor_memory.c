/* The monitor's commands that show memory: mem, maps, walk, pd. They read, and change nothing.
 *
 * What is mapped is asked of vmem_walk, page by page; a directory entry that is absent skips its 4 MiB. */
#include "commands.h"
#include "format.h"
#include "kmalloc.h"
#include "log.h"
#include "memlayout.h"
#include "pm.h"
#include "string.h"
#include "symbols.h"
#include "vmem.h"

/* ---- mem ---- */

static void print_handed_out(struct pm_counts frames) {
    size_t handed_out = frames.total - frames.free - frames.reserved;
    size_t tables = vmem_tables(), heap = kmalloc_pages();
    size_t known = 1 + tables + heap;

    kprintf("%zu handed out: page directory 1, page tables %zu, heap %zu", handed_out, tables, heap);
    if (handed_out > known)
        kprintf(", others %zu", handed_out - known);
    kprintf("\n");
}

void command_mem(int n, char **arg) {
    struct pm_counts frames = pm_count();
    pfn_t start, end = 0;

    (void)n, (void)arg;
    kprintf("frames: %zu total, %zu free, %zu reserved\n", frames.total, frames.free, frames.reserved);
    print_handed_out(frames);
    kprintf("memory from 1 MiB up, as the memory map has it:\n");
    while (pm_next_range(end, &start, &end))
        kprintf("0x%08x-0x%08llx %8u frames %6u.%u MiB\n", pfn_to_pa(start), (uint64_t)end << PAGE_SHIFT,
                end - start, (end - start) / 256, (end - start) % 256 * 10 / 256);
}

/* ---- maps ---- */

static const struct region {
    const char *start, *end, *name;
} regions[] = {
    /* the first that fits is taken: the stacks lie inside the data */
    {(char *)0, (char *)LOW_MEMORY_END, "low memory"},
    {kernel_start, text_end, "kernel text"},
    {rodata_start, rodata_end, "kernel rodata"},
    {boot_stack_bottom, boot_stack_top, "boot stack"},
    {fault_stack_bottom, fault_stack_top, "fault stack"},
    {data_start, data_end, "kernel data"},
    {symtab_start, kernel_end, "symbol table"},
    {(char *)0, (char *)IDENTITY_END, "identity map"},
    {(char *)KHEAP_START, (char *)KHEAP_END, "heap"},
    {(char *)DEVICES_START, (char *)WINDOW_START, "devices"},
    {(char *)WINDOW_START, (char *)DIRECTORY_WINDOW, "page tables (window)"},
    {(char *)DIRECTORY_WINDOW, (char *)0xFFFFFFFF, "page directory (window)"},
};

const char *region_name(uintptr_t va) {
    uintptr_t page = va & ~(uintptr_t)PAGE_MASK; /* every border is a page's */

    for (const struct region *r = regions; r < regions + ARRAY_SIZE(regions); r++)
        if (page >= (uintptr_t)r->start && page < (uintptr_t)r->end)
            return r->name;
    return "mapped";
}

/* A run of pages alike, as page numbers [start, end), so that the top of the address space has one. */
struct run {
    unsigned start, end;
    bool writable;
    const char *what;
};

static void print_run(const struct run *run) {
    if (run->end > run->start)
        kprintf("0x%08x-0x%08llx %s %s\n", run->start << PAGE_SHIFT, (uint64_t)run->end << PAGE_SHIFT,
                run->writable ? "rw" : "ro", run->what);
}

/* Makes PAGE part of *RUN; where it does not go on, *RUN is printed and a new one begun. */
static void extend_run(struct run *run, unsigned page, bool writable) {
    const char *what = region_name(page << PAGE_SHIFT);

    if (page != run->end || writable != run->writable || what != run->what) {
        print_run(run);
        *run = (struct run){page, page, writable, what};
    }
    run->end++;
}

void command_maps(int n, char **arg) {
    struct run run = {0, 0, false, NULL};
    struct vmem_walk walk;

    (void)n, (void)arg;
    for (unsigned page = 0; page < FRAMES_MAX; page++) {
        if (vmem_walk((void *)(page << PAGE_SHIFT), &walk))
            extend_run(&run, page, walk.pde & walk.pte & PTE_WRITE);
        else if (!(walk.pde & PTE_PRESENT))
            page |= ENTRIES_PER_TABLE - 1; /* no table: nothing in its 4 MiB */
    }
    print_run(&run);
}

/* ---- walk ---- */

const char *absent_level(uintptr_t va, char text[ABSENT_TEXT]) {
    struct vmem_walk walk;

    if (vmem_walk((void *)va, &walk))
        return NULL;
    if (walk.pde & PTE_PRESENT)
        format_buffer(text, ABSENT_TEXT, "PT[%u] absent", walk.pti);
    else
        format_buffer(text, ABSENT_TEXT, "PD[%u] absent", walk.pdi);
    return text;
}

/* The low BITS bits of VALUE in binary. */
static const char *binary(unsigned value, unsigned bits, char text[13]) {
    text[bits] = '\0';
    while (bits--) {
        text[bits] = (char)('0' + (value & 1));
        value >>= 1;
    }
    return text;
}

static void print_split(uintptr_t va, const struct vmem_walk *w) {
    char pdi[13], pti[13], offset[13], symbol[SYMBOL_TEXT];

    kprintf("0x%08x", (unsigned)va);
    if (*symbol_text(va, symbol) != '?')
        kprintf(" (%s)", symbol);
    kprintf(":\n");
    kprintf("              PDI        | PTI        | offset\n");
    kprintf("   binary     %s | %s | %s\n", binary(w->pdi, 10, pdi), binary(w->pti, 10, pti),
            binary(w->offset, 12, offset));
    kprintf("   decimal    %-10u | %-10u | %u\n", w->pdi, w->pti, w->offset);
}

static void print_flags(unsigned entry) {
    kprintf("   (present, %s, %s%s%s%s%s)\n", entry & PTE_WRITE ? "writable" : "read-only",
            entry & PTE_USER ? "user" : "kernel", entry & PTE_WRITE_THROUGH ? ", write-through" : "",
            entry & PTE_NO_CACHE ? ", not cached" : "", entry & PTE_ACCESSED ? ", accessed" : "",
            entry & PTE_DIRTY ? ", dirty" : "");
}

/* One step through a table: what ENTRY says, where it is NAME[INDEX]. False where the walk stops. */
static bool print_step(int step, const char *name, unsigned index, unsigned entry, const char *leads_to) {
    kprintf("%d. %s[%u] is 0x%08x: ", step, name, index, entry);
    if (!(entry & PTE_PRESENT)) {
        kprintf("absent. There is no %s; the walk stops here.\n", leads_to);
        return false;
    }
    kprintf("the %s is in frame 0x%08x\n", leads_to, entry & PTE_FRAME);
    print_flags(entry);
    return true;
}

static void print_steps(const struct vmem_walk *w) {
    kprintf("1. CR3 is 0x%08x: the page directory is in this frame\n", w->directory);
    if (!print_step(2, "PD", w->pdi, w->pde, "page table"))
        return;
    if (!print_step(3, "PT", w->pti, w->pte, "page"))
        return;
    kprintf("4. 0x%08x plus the offset 0x%03x is 0x%08x\n", w->pte & PTE_FRAME, w->offset, w->pa);
}

void command_walk(int n, char **arg) {
    char absent[ABSENT_TEXT];
    struct vmem_walk walk;
    uintptr_t va;

    (void)n;
    if (!argument_address("VA", arg[0], &va))
        return;
    bool mapped = vmem_walk((void *)va, &walk);
    print_split(va, &walk);
    print_steps(&walk);
    if (mapped)
        kprintf("0x%08x -> 0x%08x\n", (unsigned)va, walk.pa);
    else
        kprintf("0x%08x -> not mapped: %s\n", (unsigned)va, absent_level(va, absent));
}

/* ---- pd ---- */

/* Prints the entries that are present of the 1,024 that FIRST and the addresses STRIDE apart lead to. */
static void print_entries(const char *name, uintptr_t first, uintptr_t stride) {
    struct vmem_walk walk;
    unsigned present = 0;

    for (unsigned i = 0; i < ENTRIES_PER_TABLE; i++) {
        vmem_walk((void *)(first + i * stride), &walk);
        unsigned entry = stride == PAGE_SIZE ? walk.pte : walk.pde;
        if (!(entry & PTE_PRESENT))
            continue;
        kprintf("%s[%u] 0x%08x\n", name, i, entry);
        present++;
    }
    kprintf("%u of %u entries are present\n", present, ENTRIES_PER_TABLE);
}

void command_pd(int n, char **arg) {
    uintptr_t table_span = ENTRIES_PER_TABLE * PAGE_SIZE;
    struct vmem_walk walk;
    unsigned i;

    if (!n) {
        kprintf("the page directory, in frame 0x%08x\n", get_page_directory());
        print_entries("PD", 0, table_span);
        return;
    }
    if (!argument_number("I", arg[0], &i))
        return;
    if (i >= ENTRIES_PER_TABLE) {
        command_error("I must be 0 to %u: the directory's entries", ENTRIES_PER_TABLE - 1);
        return;
    }
    vmem_walk((void *)(i * table_span), &walk);
    if (!(walk.pde & PTE_PRESENT)) {
        command_error("PD[%u] absent: there is no page table %u", i, i);
        return;
    }
    kprintf("page table %u, in frame 0x%08x, for 0x%08x and up\n", i, walk.pde & PTE_FRAME,
            (unsigned)(i * table_span));
    print_entries("PT", i * table_span, PAGE_SIZE);
}
