/* The monitor's mem: a map of physical memory, the counts of its frames, and its ranges.
 *
 * A cell of the map stands for a power of two of frames, chosen so that all memory fits into eight rows. It shows the
 * rarest kind of frame in it: page tables come first, then frames that programs share, the kernel, the heap, other
 * frames handed out, free ones and reserved ones. Otherwise one page table in a gigabyte would never be seen. */
#include "command.h"
#include "kmalloc.h"
#include "log.h"
#include "memlayout.h"
#include "output.h"
#include "pm.h"
#include "string.h"
#include "vmem.h"

#define ROWS 8
#define CELLS_MAX (ROWS * 128)

enum kind {
    ABSENT,
    RESERVED,
    FREE,
    USED,
    HEAP_PAGE,
    KERNEL_IMAGE,
    SHARED,
    TABLE,
    KINDS
}; /* a cell shows the last of those in it */

static const struct {
    char letter;
    const char *code, *name;
} kinds[KINDS] = {
    [ABSENT] = {'-', GREY, "absent"},           [RESERVED] = {'R', "\033[30;47m", "reserved"},
    [FREE] = {'.', "\033[97;42m", "free"},      [USED] = {'U', "\033[97;45m", "other"},
    [HEAP_PAGE] = {'H', "\033[97;44m", "heap"}, [KERNEL_IMAGE] = {'K', "\033[97;41m", "kernel"},
    [SHARED] = {'S', "\033[30;46m", "shared"},  [TABLE] = {'T', "\033[30;43m", "table"},
};

static uint8_t cells[CELLS_MAX];
static unsigned row_cells;  /* cells in a row: 64, or 128 on a wide screen */
static unsigned cell_shift; /* a cell stands for 2^cell_shift frames */

static void mark(pfn_t pfn, enum kind kind) {
    size_t cell = pfn >> cell_shift;

    if (cell < CELLS_MAX && cells[cell] < kind)
        cells[cell] = (uint8_t)kind;
}

static size_t tables, directories, shared; /* frames that mark_frames has counted */

/* The frame that the kernel maps many times: the records of all memory that is not there (mm/frames.h). */
static paddr_t absent_records(void) {
    paddr_t pa = PADDR_NONE;

    vmem_translate((void *)(WINDOW_START - PAGE_SIZE), &pa);
    return pa;
}

/* Marks and counts the frames below END. */
static void mark_frames(pfn_t end) {
    static const uint8_t kind_of[] = {[PM_ABSENT] = ABSENT, [PM_RESERVED] = RESERVED, [PM_FREE] = FREE,
                                      [PM_USED] = USED,     [PM_TABLE] = TABLE,       [PM_DIRECTORY] = TABLE};
    paddr_t absent = absent_records();

    tables = directories = shared = 0;
    for (pfn_t pfn = 0; pfn < end; pfn++) {
        paddr_t pa = pfn_to_pa(pfn);
        enum pm_state state = pm_state(pa);
        bool is_shared = state == PM_USED && pa != absent && pm_is_shared(pa);
        mark(pfn, is_shared ? SHARED : kind_of[state]);
        tables += state == PM_TABLE;
        directories += state == PM_DIRECTORY;
        shared += is_shared;
    }
}

static void mark_kernel(void) {
    for (paddr_t pa = identity_pa(kernel_start); pa < identity_pa(kernel_end); pa += PAGE_SIZE)
        mark(pa_to_pfn(pa), KERNEL_IMAGE);
}

/* The frames that the pages [VA, END) are mapped to; VA is a table's first page. */
static void mark_mapped(uintptr_t va, uintptr_t end, enum kind kind) {
    struct vmem_walk walk;

    for (; va < end; va += walk.pde & PTE_PRESENT ? PAGE_SIZE : TABLE_SPAN)
        if (vmem_walk((void *)va, &walk))
            mark(pa_to_pfn(walk.pa), kind);
}

static void print_cells(size_t used) {
    for (size_t i = 0; i < used; i++) {
        if (i % row_cells == 0)
            kprintf("0x%08x  ", pfn_to_pa((pfn_t)(i << cell_shift)));
        if (i % row_cells == 0 || cells[i] != cells[i - 1])
            kprintf("%s%s", ink(PLAIN), ink(kinds[cells[i]].code));
        kprintf("%c", kinds[cells[i]].letter);
        if ((i + 1) % row_cells == 0 || i + 1 == used)
            kprintf("%s\n", ink(PLAIN));
    }
}

/* True if one of the first USED cells shows KIND. */
static bool shows(enum kind kind, size_t used) {
    for (size_t i = 0; i < used; i++)
        if (cells[i] == kind)
            return true;
    return false;
}

/* The kinds that the map shows. */
static void print_legend(size_t used) {
    unsigned kib = 4u << cell_shift;

    kprintf(kib < 1024 ? "%uK a cell:" : "%uM a cell:", kib < 1024 ? kib : kib / 1024);
    for (size_t i = KINDS; i--;)
        if (shows(i, used))
            kprintf(" %s%c%s %s", ink(kinds[i].code), kinds[i].letter, ink(PLAIN), kinds[i].name);
    kprintf("\n");
}

/* The end of the last range that the memory map calls memory. */
static pfn_t memory_end(void) {
    pfn_t start, end = 0;

    while (pm_next_range(end, &start, &end))
        ;
    return end;
}

static void print_map(void) {
    pfn_t end = memory_end();

    row_cells = output_columns() < 144 ? 64 : 128;
    cell_shift = 0;
    while ((end - 1) >> cell_shift >= ROWS * row_cells)
        cell_shift++;
    memset(cells, 0, sizeof(cells));
    mark_frames(end);
    mark_kernel();
    mark_mapped(KHEAP_START, KHEAP_END, HEAP_PAGE);
    mark_mapped(FRAMES_START, WINDOW_START, KERNEL_IMAGE);
    size_t used = ((end - 1) >> cell_shift) + 1;
    print_cells(used);
    print_legend(used);
}

static void print_handed_out(struct pm_counts frames) {
    size_t handed_out = frames.total - frames.free - frames.reserved;
    size_t heap = kmalloc_pages(), records = vmem_record_frames(); /* the records' table is one of these */
    size_t known = directories + tables - 1 + heap + records;

    kprintf("%zu handed out: directories %zu, tables %zu, heap %zu, frame records %zu", handed_out,
            directories, tables - 1, heap, records);
    if (handed_out > known)
        kprintf(", others %zu", handed_out - known);
    kprintf("\n");
    if (shared)
        kprintf("%zu of them shared: more than one page is mapped to each\n", shared);
}

COMMAND(LOOK, 1, mem, .arguments = "", .flags = READS,
        .help = "show physical memory: a map, the counts, the ranges",
        .detail = "A cell shows the rarest thing in it, so one page table in a gigabyte is seen.",
        .example = "mem")
{
    struct pm_counts frames = pm_count();
    pfn_t start, end = 0;

    print_map();
    kprintf("frames: %zu total, %zu free, %zu reserved\n", frames.total, frames.free, frames.reserved);
    print_handed_out(frames);
    kprintf("memory from 1 MiB up, as the memory map has it:\n");
    while (pm_next_range(end, &start, &end))
        kprintf("0x%08x-0x%08llx %8u frames %6u.%u MiB\n", pfn_to_pa(start), (uint64_t)end << PAGE_SHIFT,
                end - start, (end - start) / 256, (end - start) % 256 * 10 / 256);
}
