/* The monitor's tour: the story of the memory system, told on the live machine.
 *
 * Each step shows a command, runs it, and explains what it has printed. The commands are real ones: what the
 * tour maps and allocates it takes back at its end, also when it is left early. A line of a step is a
 * template, in which @ is a free page of the monitor's range, # that page's index in the directory, and $
 * the object that the tour has allocated. */
#include "command.h"
#include "edit.h"
#include "format.h"
#include "log.h"
#include "memlayout.h"
#include "monitor.h"
#include "objects.h"
#include "output.h"
#include "string.h"
#include "vmem.h"

#define TOUR_LINE 64
#define LINES_DRAWN 32 /* what is shown of a long listing: pd's grid and a few entries */
#define LINES_PLAIN 40

static const struct stop {
    const char *title, *command, *text;
} stops[] = {
    {"Frames", "mem",
     "Physical memory is cut into frames of 4 KiB. The map shows what each part of it is used for, and "
     "the line `frames:` counts them. Whoever needs memory gets whole frames from pm_alloc_page: a page "
     "table, the heap, you."},
    {"Four steps", "walk kmain",
     "With paging on, every address that the processor uses is translated. It is cut into 10 + 10 + 12 "
     "bits: CR3 leads to the directory, the first 10 bits choose the table, the next 10 the page, and "
     "the last 12 are the offset in it. kmain lies in the first 4 MiB, which are mapped to themselves: "
     "what goes in comes out."},
    {"The directory", "pd",
     "The page directory has 1,024 entries of 4 bytes, one for each 4 MiB. Nearly all are absent: no "
     "table, no cost. PD[0] is the first 4 MiB with the kernel; PD[1023] is the directory itself, and "
     "that is the trick of the next step."},
    {"A table", "pd 0",
     "Page table 0, the identity map. PT[0] is absent on purpose: so a null pointer faults. Absent are "
     "also the scratch page at the end and a guard page below each stack. In the list, bit 0 of an "
     "entry is `present` and bit 1 `writable`: ...1 is read-only, the kernel's code."},
    {"The recursive entry", "walk page_directory",
     "The directory is used as a page table, because its last entry leads to itself: both steps read "
     "the same word, and the page that comes out is the directory. In the same way table I is seen at "
     "0xffc00000 + I * 4096. This is the window: all of paging, as plain memory."},
    {"Reading the directory", "peek page_directory 4",
     "And so the directory can be read at 0xfffff000. The first word is PD[0]: compare it with what pd "
     "listed."},
    {"The whole address space", "maps",
     "All that is mapped, in one listing. Code and constants are ro: with CR0.WP set that binds the "
     "kernel as well. Between 4 MiB and 0xc0000000 there is nothing yet. Let us put something there."},
    {"Mapping a page", "map @ 0x000b8000",
     "The frame 0x000b8000 is the screen's text memory on a PC. There was no page table for this part "
     "of the address space: one was taken, cleared through the scratch page, and linked in the "
     "directory; then one of its entries was set."},
    {"The directory has gained a table", "pd #",
     "The new table has one entry. It will be given back with its last one."},
    {"The same memory at two addresses", "walk @",
     "Two different tables now lead to the same frame. What is written at one address is read at the "
     "other: translation is only a matter of tables."},
    {"Taking away a right", "protect @ ro",
     "One bit of one entry has changed. The processor may still hold the old entry in its TLB, so that "
     "page was flushed with INVLPG."},
    {"What protects it", "poke @ 0",
     "A write now would be a page fault. The monitor looks before it writes and says so; your own code "
     "would get the whole report. `fault` lists what you may provoke: that ends the machine."},
    {"Unmapping", "unmap @",
     "The entry is clear, the page flushed, and since nothing was left in the table, it was unlinked, "
     "its page in the window flushed too, and only then was its frame given back. In another order the "
     "next edit would land in a frame of somebody else."},
    {"kmalloc, step by step", "trace alloc 10000",
     "Three pages are wanted. The heap takes a frame from pm for each, and vmem sets an entry that leads "
     "to it, through the window. Filling an absent entry needs no flush, the processor does not cache those; "
     "a "
     "new table needs one, for the scratch page. The command ran instruction by instruction."},
    {"The object", "walk $",
     "The object has a virtual address of the heap, above 0xc0000000, and a frame somewhere else. Its "
     "next page may lie in any other frame: kmalloc needs adjacent pages, not adjacent frames."},
    {"The heap", "heap",
     "Small objects share pages with others of their size class, larger ones have pages of their own. "
     "The bar shows how full the class's pages are."},
    {"Giving it back", "trace free $",
     "kfree first proves that this is the start of a live object. Up to 16 empty pages are kept for the "
     "next caller, so that memory that comes and goes costs no mapping at all."},
    {"Nothing at address 0", "peek 0",
     "The first step of every hunt for a null pointer: PT[0] is absent, so nothing can be read there. "
     "That was the tour. Now it is yours: help lists the commands, `watch mem` shows them live."},
};

static struct {
    uintptr_t page;
    unsigned object;
    bool mapped, allocated;
} own;

/* A free page whose directory entry is absent, so that it needs a table; false where there is none. */
static bool find_page(void) {
    struct vmem_walk walk;

    for (own.page = PAGES_START; own.page < PAGES_END; own.page += ENTRIES_PER_TABLE * PAGE_SIZE) {
        vmem_walk((void *)own.page, &walk);
        if (!(walk.pde & PTE_PRESENT))
            return true;
    }
    return false;
}

static void fill_in(char line[TOUR_LINE], const char *template) {
    size_t n = 0;

    for (; *template && n < TOUR_LINE - 12; template ++) {
        size_t room = TOUR_LINE - n;
        if (*template == '@')
            n += format_buffer(line + n, room, "0x%08x", (unsigned)own.page);
        else if (*template == '#')
            n += format_buffer(line + n, room, "%u", pd_index((void *)own.page));
        else if (*template == '$')
            n += format_buffer(line + n, room, "$%u", own.object);
        else
            line[n++] = *template;
    }
    line[n] = '\0';
}

/* What has changed is asked of the machine, not of the step: a command may have failed. */
static void run(const struct stop *stop) {
    unsigned before = 0, after = 0;
    bool had = object_latest(&before);
    char line[TOUR_LINE];
    paddr_t pa;

    fill_in(line, stop->command);
    kprintf("%s    %s%s\n", ink(BOLD), line, ink(PLAIN));
    output_cut(output_draws() ? LINES_DRAWN : LINES_PLAIN);
    monitor_execute(line);
    unsigned cut = output_uncut();
    if (cut)
        kprintf("... and %u lines more, which %s shows outside the tour\n", cut, line);
    if (object_latest(&after) && (!had || after != before)) {
        own.object = after;
        own.allocated = true;
    }
    own.mapped = vmem_translate((void *)own.page, &pa);
}

static void tidy_up(void) {
    uintptr_t va;

    if (own.mapped)
        vmem_unmap((void *)own.page);
    if (own.allocated && object_named(own.object, &va) && object_holds(va, 1)) {
        char line[TOUR_LINE];
        format_buffer(line, sizeof(line), "free $%u", own.object);
        monitor_execute(line);
    }
}

COMMAND(LEARN, 2, tour, .arguments = "", .help = "a guided walk through the memory system", .example = "tour")
{
    static bool touring;

    if (touring || !find_page()) {
        command_error(touring ? "the tour is under way already"
                              : "no 4 MiB are unmapped for the tour to use");
        return;
    }
    unsigned errors = command_errors(); /* steps that fail do so on purpose */
    touring = true;
    own.mapped = own.allocated = false;
    for (size_t i = 0; i < ARRAY_SIZE(stops); i++) {
        output_new_page();
        kprintf("%s%zu of %zu. %s%s\n", ink(YELLOW), i + 1, ARRAY_SIZE(stops), stops[i].title, ink(PLAIN));
        run(&stops[i]);
        kprintf("%s", ink(CYAN));
        output_wrapped(stops[i].text, 0);
        kprintf("%s", ink(PLAIN));
        if (output_stopped() ||
            (i + 1 < ARRAY_SIZE(stops) && output_pause("-- a key for the next step, q to leave --")))
            break;
    }
    tidy_up();
    command_forgive(errors);
    touring = false;
}
