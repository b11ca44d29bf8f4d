/* The monitor's pd: the page directory or a page table, as a grid of 1,024 entries and as a list of those that are
 * present. The grid is 32 entries wide, or 64 on a wide screen.
 *
 * In colour, the character "upper half block" shows two entries, one as its ink and the one below as its paper, so
 * that the grid takes half as many lines. In plain text an entry is a letter. */
#include "args.h"
#include "command.h"
#include "log.h"
#include "memlayout.h"
#include "output.h"
#include "vmem.h"

#define HALF_BLOCK "\xE2\x96\x80" /* U+2580 */
#define DOT "\xC2\xB7"            /* U+00B7 */

/* What an entry leads to. Its colour counts from 0 to 7, as SGR does. */
enum kind { ABSENT, READ_ONLY, KERNEL_PART, LOW, MAPPED, HEAP_PART, DEVICE, WINDOW, KINDS };

static const struct {
    char letter;
    uint8_t colour;
    const char *name;
} kinds[KINDS] = {
    [ABSENT] = {'.', 0, "absent"},  [READ_ONLY] = {'R', 2, "read-only"}, [KERNEL_PART] = {'K', 1, "kernel"},
    [LOW] = {'L', 7, "low memory"}, [MAPPED] = {'M', 5, "mapped"},       [HEAP_PART] = {'H', 4, "heap"},
    [DEVICE] = {'D', 6, "devices"}, [WINDOW] = {'W', 3, "the window"},
};

/* A table by its NAME: entry I maps the STRIDE bytes from FIRST + I * STRIDE on. */
struct table {
    const char *name;
    uintptr_t first, stride;
};

static unsigned entry_of(const struct table *t, unsigned i) {
    struct vmem_walk walk;

    vmem_walk((void *)(t->first + i * t->stride), &walk);
    return t->stride == PAGE_SIZE ? walk.pte : walk.pde;
}

static enum kind kind_at(const struct table *t, unsigned i) {
    uintptr_t va = t->first + i * t->stride;

    if (!(entry_of(t, i) & PTE_PRESENT))
        return ABSENT;
    if (!(entry_of(t, i) & PTE_WRITE))
        return READ_ONLY;
    if (va >= WINDOW_START)
        return WINDOW;
    if (va >= FRAMES_START)
        return KERNEL_PART;
    if (va >= DEVICES_START)
        return DEVICE;
    if (va >= KHEAP_START)
        return HEAP_PART;
    if (va >= FREE_START)
        return MAPPED;
    bool whole = t->stride != PAGE_SIZE; /* an entry that leads to a table: PD[0], the kernel's */
    return whole || (va >= (uintptr_t)kernel_start && va < (uintptr_t)kernel_end) ? KERNEL_PART : LOW;
}

/* Entries in a row of the grid: each takes two columns, behind a label of 12. */
static unsigned row_entries(void) { return output_columns() < 12 + 2 * 64 ? 32 : 64; }

static void print_label(const struct table *t, unsigned i) {
    kprintf("0x%08x  ", (unsigned)(t->first + i * t->stride));
}

/* One character pair: an entry, and the one below it. */
static void print_pair(enum kind upper, enum kind lower) {
    if (upper == ABSENT && lower == ABSENT)
        kprintf(PLAIN GREY " " DOT);
    else
        kprintf("\033[%u;%um" HALF_BLOCK HALF_BLOCK, 30 + kinds[upper].colour, 40 + kinds[lower].colour);
}

/* The N entries from FIRST on, and the N below them. */
static void print_drawn_rows(const struct table *t, unsigned first, unsigned n) {
    print_label(t, first);
    for (unsigned i = first; i < first + n; i++)
        print_pair(kind_at(t, i), kind_at(t, i + n));
    kprintf(PLAIN "\n");
}

static void print_letter(enum kind kind) {
    if (*ink(PLAIN))
        kprintf("\033[%um", 90 + kinds[kind].colour);
    kprintf(" %c", kinds[kind].letter);
}

static void print_row(const struct table *t, unsigned first, unsigned n) {
    print_label(t, first);
    for (unsigned i = first; i < first + n; i++)
        print_letter(kind_at(t, i));
    kprintf("%s\n", ink(PLAIN));
}

static void print_legend(const struct table *t, bool drawn) {
    kprintf("an entry is %s: ", t->stride == PAGE_SIZE ? "4 KiB" : "4 MiB");
    for (unsigned k = 0; k < KINDS; k++) {
        unsigned i = 0;
        while (i < ENTRIES_PER_TABLE && kind_at(t, i) != k)
            i++;
        if (i == ENTRIES_PER_TABLE)
            continue;
        if (!drawn)
            print_letter(k);
        else if (k == ABSENT)
            kprintf(GREY "  " DOT);
        else
            kprintf(" \033[%um  ", 40 + kinds[k].colour);
        kprintf("%s %s", ink(PLAIN), kinds[k].name);
    }
    kprintf("\n");
}

static void print_grid(const struct table *t) {
    bool drawn = output_draws();
    unsigned n = row_entries();

    for (unsigned first = 0; first < ENTRIES_PER_TABLE; first += drawn ? 2 * n : n)
        drawn ? print_drawn_rows(t, first, n) : print_row(t, first, n);
    print_legend(t, drawn);
}

static void print_entries(const struct table *t) {
    unsigned present = 0;

    for (unsigned i = 0; i < ENTRIES_PER_TABLE && !output_stopped(); i++) {
        unsigned entry = entry_of(t, i);
        if (!(entry & PTE_PRESENT))
            continue;
        kprintf("%s[%u] 0x%08x\n", t->name, i, entry);
        present++;
    }
    kprintf("%u of %u entries are present\n", present, ENTRIES_PER_TABLE);
}

static void print_table(const struct table *t) {
    print_grid(t);
    print_entries(t);
}

COMMAND(LOOK, 4, pd, .arguments = "[PID:][I]", .most = 1, .flags = READS | IN_SPACE,
        .help = "show the page directory, or page table I",
        .detail = "A grid of all 1,024 entries, then a line for each one that is present. pd 1023 is the "
                  "directory again: its last entry makes it its own table. pd 2: is the directory of program "
                  "2, pd 2:32 its table 32.",
        .example = "pd 0")
{
    struct vmem_walk walk;
    unsigned i;

    if (!n) {
        kprintf("the page directory, in frame 0x%08x\n", get_page_directory());
        print_table(&(struct table){"PD", 0, TABLE_SPAN});
        return;
    }
    if (!argument_number("I", arg[0], &i))
        return;
    if (i >= ENTRIES_PER_TABLE) {
        command_error("I must be 0 to %u: the directory's entries", ENTRIES_PER_TABLE - 1);
        return;
    }
    vmem_walk((void *)(i * TABLE_SPAN), &walk);
    if (!(walk.pde & PTE_PRESENT)) {
        command_error("PD[%u] absent: there is no page table %u", i, i);
        return;
    }
    kprintf("page table %u, in frame 0x%08x, for 0x%08x and up\n", i, walk.pde & PTE_FRAME,
            (unsigned)(i * TABLE_SPAN));
    print_table(&(struct table){"PT", i * TABLE_SPAN, PAGE_SIZE});
}
