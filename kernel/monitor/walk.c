/* The monitor's commands that show the address space: maps, walk. They change nothing. */
#include "walk.h"

#include "args.h"
#include "command.h"
#include "format.h"
#include "log.h"
#include "machine.h"
#include "memlayout.h"
#include "objects.h"
#include "output.h"
#include "pm.h"
#include "process.h"
#include "space.h"
#include "symbols.h"
#include "vmem.h"

/* ---- maps ---- */

static const struct region {
    const char *start, *end, *name;
} regions[] = {
    /* the first match counts: the stacks lie inside the data, for instance */
    {(char *)0, (char *)LOW_MEMORY_END, "low memory"},
    {kernel_start, text_end, "kernel text"},
    {rodata_start, rodata_end, "kernel rodata"},
    {boot_stack_bottom, boot_stack_top, "boot stack"},
    {fault_stack_bottom, fault_stack_top, "fault stack"},
    {data_start, data_end, "kernel data"},
    {symtab_start, kernel_end, "symbol table"},
    {(char *)0, (char *)IDENTITY_END, "identity map"},
    {(char *)KHEAP_START, (char *)KHEAP_END, "heap"},
    {(char *)MODULES_START, (char *)KERNEL_STACKS, "boot modules"},
    {(char *)KERNEL_STACKS, (char *)KERNEL_STACKS_END, "kernel stacks"},
    {(char *)DEVICES_START, (char *)FRAMES_START, "devices"},
    {(char *)FRAMES_START, (char *)WINDOW_START, "frame records"},
    {(char *)WINDOW_START, (char *)DIRECTORY_WINDOW, "page tables (window)"},
    {(char *)DIRECTORY_WINDOW, (char *)0xFFFFFFFF, "page directory (window)"},
};

/* The part of the address space that VA lies in. */
const char *region_name(uintptr_t va) {
    uintptr_t page = va & ~(uintptr_t)PAGE_MASK; /* every border is a page boundary */

    for (const struct region *r = regions; r < regions + ARRAY_SIZE(regions); r++)
        if (page >= (uintptr_t)r->start && page < (uintptr_t)r->end)
            return r->name;
    return "mapped";
}

/* A run of pages alike, as page numbers [start, end), so that the top of the address space has one too. */
struct run {
    unsigned start, end;
    bool writable;
    const char *what;
    paddr_t frame;   /* of the first page */
    bool contiguous; /* the other pages' frames follow it in order */
    unsigned absent; /* a program's pages that are still to come */
    unsigned shared; /* a program's pages whose frame has other owners */
};

/* On a wide screen: how many pages, and which frames. */
static void print_frames(const struct run *run, size_t column) {
    unsigned pages = run->end - run->start;

    kprintf("%*s%8u page%s  frame%s 0x%08x%s", column < 50 ? 50 - (int)column : 0, "", pages,
            pages == 1 ? " " : "s", pages == 1 ? "" : "s", run->frame,
            pages == 1        ? ""
            : run->contiguous ? " and up"
                              : " and others");
}

static void print_run(const struct run *run) {
    if (run->end == run->start)
        return;
    char text[120];
    size_t n = format_buffer(text, sizeof(text), "0x%08x-0x%08llx %s %s", run->start << PAGE_SHIFT,
                             (uint64_t)run->end << PAGE_SHIFT, run->writable ? "rw" : "ro", run->what);
    if (run->absent)
        n += format_buffer(text + n, sizeof(text) - n, ", %u of %u pages touched",
                           run->end - run->start - run->absent, run->end - run->start);
    if (run->shared)
        n += format_buffer(text + n, sizeof(text) - n, ", %u shared", run->shared);
    kprintf("%s", text);
    if (output_columns() >= 110)
        print_frames(run, n);
    kprintf("\n");
}

/* Adds PAGE, as WALK found it, to *RUN. If it differs, prints *RUN and begins a new one. */
static void extend_run(struct run *run, unsigned page, const struct vmem_walk *walk) {
    bool program = walk->pte & SPACE_PAGE,
         writable = walk->pte & (program ? PTE_WRITE | SPACE_COPY : PTE_WRITE);
    const char *what = program ? process_region(page << PAGE_SHIFT, writable) : NULL;

    if (!what)
        what = region_name(page << PAGE_SHIFT);
    if (page != run->end || writable != run->writable || what != run->what) {
        print_run(run);
        *run = (struct run){page, page, writable, what, walk->pa, true, 0, 0};
    }
    run->absent += !(walk->pte & PTE_PRESENT);
    run->shared += program && walk->pte & PTE_PRESENT && pm_is_shared(walk->pa);
    run->contiguous &= walk->pa == run->frame + ((run->end - run->start) << PAGE_SHIFT);
    run->end++;
}

COMMAND(LOOK, 2, maps, .arguments = "[PID:]", .flags = READS | IN_SPACE,
        .help = "list what is mapped, where, and with what permission",
        .detail = "The second address is the first one past the range. Absent pages have no line, but the "
                  "pages of a program that come when they are touched. maps 2: shows the space of program 2.",
        .example = "maps")
{
    struct run run = {0};
    struct vmem_walk walk;

    for (unsigned page = 0; page < FRAMES_MAX; page++) {
        if (page % ENTRIES_PER_TABLE == 0 && output_stopped())
            return;
        if (vmem_walk((void *)(page << PAGE_SHIFT), &walk) || walk.pte & SPACE_PAGE)
            extend_run(&run, page, &walk);
        else if (!(walk.pde & PTE_PRESENT))
            page |= ENTRIES_PER_TABLE - 1; /* no table: nothing in its 4 MiB */
    }
    print_run(&run);
}

/* ---- walk ---- */

/* "PD[1] absent" or "PT[0] absent" where VA is not mapped; NULL where it is. */
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

/* The low BITS bits of VALUE, in binary. */
static const char *binary(unsigned value, unsigned bits, char text[13]) {
    text[bits] = '\0';
    while (bits--) {
        text[bits] = (char)('0' + (value & 1));
        value >>= 1;
    }
    return text;
}

/* Each part of the address keeps its colour wherever it appears. */
#define PDI_INK CYAN
#define PTI_INK YELLOW
#define OFFSET_INK MAGENTA

/* " is kmain+0x10" or " is $0", if VA lies in something that has a name. */
static void print_name(uintptr_t va) {
    size_t offset, size;
    const char *symbol = symbol_at(va, &offset);
    unsigned k;

    if (symbol)
        kprintf(" is %s", symbol);
    else if (object_at(va, &k, &offset, &size))
        kprintf(" is $%u", k);
    else
        return;
    if (offset)
        kprintf("+0x%zx", offset);
}

static void print_split(uintptr_t va, const struct vmem_walk *w) {
    char pdi[13], pti[13], offset[13];

    kprintf("%s0x%08x%s", ink(BOLD), (unsigned)va, ink(PLAIN));
    print_name(va);
    kprintf(": 10 bits, 10 bits and 12 bits\n");
    kprintf("               %sPDI%s           %sPTI%s           %soffset%s\n", ink(PDI_INK), ink(PLAIN),
            ink(PTI_INK), ink(PLAIN), ink(OFFSET_INK), ink(PLAIN));
    kprintf("   binary      %s%s%s    %s%s%s    %s%s%s\n", ink(PDI_INK), binary(w->pdi, 10, pdi), ink(PLAIN),
            ink(PTI_INK), binary(w->pti, 10, pti), ink(PLAIN), ink(OFFSET_INK), binary(w->offset, 12, offset),
            ink(PLAIN));
    kprintf("   decimal     %s%-10u%s    %s%-10u%s    %s%-12u%s (0x%03x)\n", ink(PDI_INK), w->pdi, ink(PLAIN),
            ink(PTI_INK), w->pti, ink(PLAIN), ink(OFFSET_INK), w->offset, ink(PLAIN), w->offset);
}

/* The bits of an entry: SDM vol. 3, tables 4-5 and 4-6. */
static void print_flags(unsigned entry) {
    kprintf("   %spresent%s, %s, %s%s%s%s%s\n", ink(GREEN), ink(PLAIN),
            entry & PTE_WRITE ? "writable" : "read-only", entry & PTE_USER ? "user" : "kernel",
            entry & PTE_WRITE_THROUGH ? machine_write_combines() ? ", write-combining" : ", write-through"
                                      : "",
            entry & PTE_NO_CACHE ? ", not cached" : "",
            entry & PTE_ACCESSED ? ", accessed" : ", not accessed yet", entry & PTE_DIRTY ? ", dirty" : "");
}

/* Two bits of a directory entry look wrong, but are not. Its user bit: an access needs the right from both entries
 * (SDM vol. 3, 4.6). Its dirty bit: an entry that leads to a table has none, but here it maps a page of the window,
 * too. */
static void print_remarks(unsigned pdi, unsigned pde) {
    if (pde & PTE_USER)
        kprintf("   user: each page's own entry decides\n");
    if (pde & PTE_DIRTY)
        kprintf("   dirty: the table was written through the window, where PD[%u] maps it\n", pdi);
}

struct step {
    int number;
    const char *table, *code; /* the entry's name is TABLE[INDEX], in the ink CODE */
    unsigned index, entry;
    uintptr_t seen_at; /* the entry's address in the window */
    const char *leads_to;
};

/* Prints one step through a table. False if the walk ends here. */
static bool print_step(const struct step *s) {
    kprintf("%d. %s%s[%u]%s, seen at 0x%08x, is %s0x%08x%s\n", s->number, ink(s->code), s->table, s->index,
            ink(PLAIN), (unsigned)s->seen_at, ink(BOLD), s->entry, ink(PLAIN));
    if (!(s->entry & PTE_PRESENT)) {
        kprintf("   %sabsent%s: bit 0 is clear. There is no %s%s, and the walk stops here\n", ink(RED),
                ink(PLAIN), s->leads_to, s->entry & SPACE_PAGE ? " yet" : "");
        if (s->entry & SPACE_PAGE)
            kprintf("   to come: at its first touch the page gets a frame, clear, and is %s\n",
                    s->entry & PTE_WRITE ? "writable" : "read-only");
        return false;
    }
    kprintf("   the %s is in frame 0x%08x (bits 31 to 12)\n", s->leads_to, s->entry & PTE_FRAME);
    print_flags(s->entry);
    if (s->number == 2)
        print_remarks(s->index, s->entry);
    else if (s->entry & SPACE_COPY)
        kprintf("   copied when it is written to: %s\n", pm_is_shared(entry_frame(s->entry))
                                                             ? "the frame has other owners, too"
                                                             : "but the frame has no other owner now");
    return true;
}

static void print_steps(const struct vmem_walk *w) {
    unsigned page = w->pdi * ENTRIES_PER_TABLE + w->pti;
    struct step second = {
        2, "PD", PDI_INK, w->pdi, w->pde, DIRECTORY_WINDOW + w->pdi * sizeof(pde_t), "page table"};
    struct step third = {3, "PT", PTI_INK, w->pti, w->pte, WINDOW_START + page * sizeof(pte_t), "page"};

    kprintf("1. CR3 is %s0x%08x%s: the page directory is in this frame\n", ink(BOLD), w->directory,
            ink(PLAIN));
    if (print_step(&second) && print_step(&third))
        kprintf("4. the frame 0x%08x + the %soffset 0x%03x%s is the physical address 0x%08x\n",
                w->pte & PTE_FRAME, ink(OFFSET_INK), w->offset, ink(PLAIN), w->pa);
}

COMMAND(LOOK, 3, walk, .arguments = "[PID:]VA", .least = 1, .most = 1, .flags = READS | IN_SPACE,
        .help = "translate VA in four steps, with the live entries",
        .detail = "Looking changes nothing. \"seen at\" is where the window shows an entry. walk 2:VA looks "
                  "into the space of program 2.",
        .example = "walk kmain")
{
    char absent[ABSENT_TEXT];
    struct vmem_walk walk;
    uintptr_t va;

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
