/* The monitor's tour: the story of the memory system, told on the live machine.
 *
 * Each stop shows commands, runs them, and explains what they printed. The commands are real. What the tour maps
 * and allocates is taken back at its end, also when it is left early. In a stop's commands, these letters stand for
 *
 *     @   a page of its own, in a part of the address space that has no page table yet
 *     #   that page's index in the directory
 *     %   the physical address of the screen: of EGA text memory, or of the framebuffer
 *     &   an address where the kernel sees some of the words that the tour writes there
 *     !   what the tour writes to the screen: an offset in the page, how many words, and which
 *     $   the object that the tour has allocated */
#include "command.h"
#include "edit.h"
#include "format.h"
#include "log.h"
#include "memlayout.h"
#include "monitor.h"
#include "objects.h"
#include "output.h"
#include "process.h"
#include "string.h"
#include "vmem.h"

#define TOUR_LINE 80

static const struct stop {
    const char *title, *commands, *text;
} stops[] = {
    {"Frames", "mem",
     "Physical memory is divided into frames of 4 KiB. The map shows what each part of it is used for, "
     "and the line that begins with `frames:` counts them. Whoever needs memory takes whole frames from "
     "pm_alloc_page: a page table, the heap, and soon you."},
    {"Four steps", "walk kmain",
     "With paging on, the processor translates every address that a program uses. It splits the address "
     "into 10, 10 and 12 bits. CR3 leads to the page directory. The first 10 bits choose an entry there, "
     "which leads to a page table; the next 10 bits choose an entry there, which leads to a frame; the "
     "last 12 bits are the offset in it. kmain lies in the first 4 MiB, which are mapped to themselves."},
    {"The page directory", "pd",
     "The directory has 1,024 entries of 4 bytes, one for each 4 MiB of addresses. Nearly all are "
     "absent, and cost no memory. PD[0] maps the kernel, PD[1022] pm's records of the frames, and "
     "PD[1023] the directory: we will see why."},
    {"A page table", "pd 0",
     "Table 0 maps the first 4 MiB, each page to the frame of the same number. PT[0] is absent on "
     "purpose, so that a null pointer faults. In each value, bit 0 means present, and bit 1 writable."},
    {"The directory as a table", "walk page_directory",
     "The last directory entry leads to the directory, so the processor takes the directory for a page "
     "table: both steps read the same word, and the page that comes out is the directory itself. In the "
     "same way, page table I is seen at 0xffc00000 + I * 4096. This is the window: every entry there is, "
     "as plain memory."},
    {"Reading it", "peek page_directory 4",
     "So the directory can be read like any array. The first word is PD[0]: compare it with what pd "
     "printed. The kernel changes mappings in the same way, by writing these words."},
    {"The whole address space", "maps",
     "Everything that is mapped. Code and constants are read-only, and since the bit WP is set in CR0 "
     "that binds the kernel, too. From 4 MiB up to 0xc0000000 there is nothing yet. Let us put something "
     "there."},
    {"Mapping a page", "map @ %",
     "You have mapped the screen: % is where its memory lies. This part of the address space had no page "
     "table, so the kernel took a frame from pm, cleared it through the scratch page, and linked it into "
     "the directory. Then it set one entry of the new table."},
    {"The new table", "pd #",
     "It has one entry. When its last entry goes, the table's frame goes back to pm."},
    {"One frame, two addresses", "walk @",
     "Another page table now leads to a frame that was mapped before. What is written at one of its "
     "addresses can be read at the other. Let us try."},
    {"Writing through the new address", "fill @!; peek & 4",
     "The words were written at @, and read at &. And if you look at the PC's screen, you see them: a "
     "line across its bottom, or its top if it is in a graphics mode."},
    {"Taking away a right", "protect @ ro",
     "One bit of one entry has changed. The processor may still hold the old entry in its TLB, so the "
     "kernel flushed that page with the instruction INVLPG. To forget that is the classic mistake: see "
     "`fault missing-flush`."},
    {"What protects it", "poke @ 0",
     "A write would be a page fault now. The monitor looks at the entries before it writes, and prints "
     "one line. Your own code would get the whole report."},
    {"Breaking something", "fault null",
     "This time nobody looked first: a field of a null struct was read, and PT[0] is absent. The report "
     "says which entries the processor met, the likely cause in words, and who called whom. `fault` "
     "alone lists more mistakes to try."},
    {"Unmapping", "unmap @",
     "The order is everything here. The entry was cleared, and its page flushed. Nothing was left in the "
     "table, so it was unlinked, and its page in the window was flushed. Only then did its frame go back "
     "to pm: a moment earlier, and the next edit could have landed in a frame that is somebody else's."},
    {"kmalloc, step by step", "trace alloc 5000",
     "The heap asked for two pages. vmem took a frame from pm for each and set an entry, with no flush: "
     "the processor keeps no absent entries."},
    {"The object", "walk $",
     "The object has an address in the heap, above 0xc0000000, and its frame lies somewhere else. The "
     "next page may lie in any other frame: kmalloc needs adjacent pages, not adjacent frames."},
    {"The heap", "heap",
     "Small objects share pages with others of their size class. Larger ones, such as ours, have pages "
     "of their own. The bars show how full the pages are."},
    {"Giving it back", "trace free $",
     "kfree first makes sure that this is the start of a live object. A few empty pages stay in the heap "
     "for the next caller, so memory that comes and goes costs no mapping at all."},

    /* The last PROGRAM_STOPS: only if the programs came along as boot modules. */
    {"A program", "trace run hello",
     "hello is a program, in a file that came with the kernel. It runs in ring 3, in an address space of "
     "its own; the kernel's part is in every space, and shut to programs. It starts without a page but "
     "those of its file: all others come when they are touched. Each line is such a page fault."},
    {"First touch", "run touch",
     "The program asked for 40 pages and got none: their entries only say what is to come. It touched "
     "12, and each first touch was a page fault, in which the page got a clear frame. Pages that nobody "
     "touches cost no memory."},
    {"A clone", "run clone",
     "fork copied no page. Both programs have the same frames mapped, read-only now, and the record of "
     "each frame counts its owners. Reading costs nothing. The first write to each page was a fault."},
    {"A write and its copy", "trace run clone",
     "The same, with each fault shown. Whoever writes to a shared frame gets a copy of it. Whoever is "
     "left is the only owner, and may write to the frame again: nothing is copied."},
};

#define PROGRAM_STOPS 4

static const char farewell[] =
    "That was the tour, and the machine is yours now. `help` lists the commands. `trace` shows what any "
    "of them does, `watch alloc 64K; mem` how memory fills, and `fault` how it breaks.";

static struct {
    uintptr_t page;
    unsigned object;
    bool mapped, allocated;
} own;

/* What the tour maps of the screen, and what it writes there. */
struct marks {
    unsigned offset, words, word;
    unsigned read; /* the offset of some that stay when text scrolls */
};

static struct {
    paddr_t frame;
    uintptr_t seen_at; /* where the kernel has it mapped */
    const struct marks *marks;
} screen;

static void find_screen(void) {
    static const struct marks dots = {24 * 160, 64, 0x1FFA1FFA, 25 * 160}; /* the last row, and on */
    static const struct marks pixels = {0, PAGE_SIZE / 4, 0x00FFCC00, PAGE_SIZE - 16};

    if (vmem_translate((void *)DEVICES_START, &screen.frame)) {
        screen.frame = pa_frame(screen.frame);
        screen.seen_at = DEVICES_START;
        screen.marks = &pixels;
    } else {
        screen.frame = (paddr_t)EGA_TEXT;
        screen.seen_at = EGA_TEXT;
        screen.marks = &dots;
    }
}

/* A page whose directory entry is absent; false where there is none. */
static bool find_page(void) {
    struct vmem_walk walk;

    for (own.page = PAGES_START; own.page < PAGES_END; own.page += TABLE_SPAN) {
        vmem_walk((void *)own.page, &walk);
        if (!(walk.pde & PTE_PRESENT))
            return true;
    }
    return false;
}

/* Writes what LETTER stands for into TO, and returns its length; 0 for a letter that stands for itself. */
static size_t stand_in(char letter, char *to, size_t room) {
    const struct marks *m = screen.marks;

    switch (letter) {
    case '@':
        return format_buffer(to, room, "0x%08x", (unsigned)own.page);
    case '#':
        return format_buffer(to, room, "%u", pd_index((void *)own.page));
    case '%':
        return format_buffer(to, room, "0x%08x", screen.frame);
    case '&':
        return format_buffer(to, room, "0x%08x", (unsigned)screen.seen_at + m->read);
    case '!':
        return format_buffer(to, room, "+0x%x %u 0x%08x", m->offset, m->words, m->word);
    case '$':
        return format_buffer(to, room, "$%u", own.object);
    default:
        return 0;
    }
}

/* TEMPLATE with its letters replaced, in a buffer that the next call overwrites. */
static const char *fill_in(const char *template) {
    static char text[600];
    size_t n = 0;

    for (; *template && n < sizeof(text) - 40; template ++) {
        size_t length = stand_in(*template, text + n, sizeof(text) - n);
        if (!length)
            text[n] = *template;
        n += length ? length : 1;
    }
    text[n] = '\0';
    return text;
}

/* pd and fault print more than fits on a small screen together with the text. */
static bool is_long(const char *commands) {
    const char *name = command_first(commands)->name;

    return !strcmp(name, "pd") || !strcmp(name, "fault");
}

/* How many of their lines are shown: as many as leave room for the text, and all of pd's grid. */
static unsigned lines_shown(void) {
    unsigned rows = output_rows() - 7;

    return !output_draws() ? 40 : rows < 30 ? rows : 30;
}

/* Runs a stop's commands. What has changed is read from the machine, because a command may have failed. */
static void run(const struct stop *stop) {
    unsigned before = 0, after = 0;
    bool had = object_latest(&before);
    char line[TOUR_LINE];
    paddr_t pa;

    format_buffer(line, sizeof(line), "%s", fill_in(stop->commands));
    kprintf("%s    %s%s\n", ink(BOLD), line, ink(PLAIN));
    output_cut(is_long(stop->commands) ? lines_shown() : 0);
    monitor_execute(line);
    unsigned cut = output_uncut();
    if (cut)
        kprintf("... and %u more lines, which %s shows outside the tour\n", cut, line);
    if (object_latest(&after) && (!had || after != before)) {
        own.object = after;
        own.allocated = true;
    }
    own.mapped = vmem_translate((void *)own.page, &pa);
}

static bool has_program(const char *name) {
    const char *module;

    for (size_t i = 0; (module = process_module(i)); i++)
        if (!strcmp(module, name))
            return true;
    return false;
}

static size_t stops_here(void) {
    bool programs = has_program("hello") && has_program("touch") && has_program("clone");

    return programs ? ARRAY_SIZE(stops) : ARRAY_SIZE(stops) - PROGRAM_STOPS;
}

/* Shows stop I. True if the tour goes on. */
static bool visit(size_t i) {
    bool last = i + 1 == stops_here();

    output_new_page();
    kprintf("%s%s%zu of %zu. %s%s\n", output_attended() ? ink("\033[H\033[J") : "", ink(YELLOW), i + 1,
            stops_here(), stops[i].title, ink(PLAIN));
    run(&stops[i]);
    output_wrapped(fill_in(stops[i].text), 0, ink(CYAN));
    if (last)
        output_wrapped(farewell, 0, ink(CYAN));
    return !last && !output_stopped() && !output_pause("-- a key for the next step, q to leave --");
}

static void tidy_up(void) {
    uintptr_t va;

    if (own.mapped)
        vmem_unmap((void *)own.page);
    if (own.allocated && object_named(own.object, &va) && object_holds(va, 1))
        monitor_execute(fill_in("free $"));
}

COMMAND(LEARN, 2, tour, .arguments = "", .help = "take a guided walk through the memory system",
        .example = "tour",
        .detail =
            "It takes some ten minutes, a key after each step. What it maps and allocates on the way it "
            "takes back.")
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
    find_screen();
    for (size_t i = 0; visit(i); i++)
        ;
    tidy_up();
    command_forgive(errors);
    touring = false;
}
