/* The monitor's random walk: random commands with random arguments, except poke, fault and those that leave the
 * monitor. Nothing may panic, nothing may be lost, and every invariant of the memory system is checked after each
 * hundred commands. Then the tracer, from inside. */
#include "format.h"
#include "heap_debug.h"
#include "kmalloc.h"
#include "ktest.h"
#include "memlayout.h"
#include "pm.h"
#include "says.h"
#include "string.h"
#include "support.h"
#include "trap.h"
#include "vmem.h"

#define COMMANDS 20000
#define PAGES 64
#define OBJECTS 256

static struct {
    const char *area; /* whose pages are mapped and unmapped */
    void *object[OBJECTS];
    unsigned objects;
    unsigned first_name; /* of the objects allocated here */
} walk;

/* The number behind the first PREFIX in TEXT, in BASE; 0 when TEXT is NULL or has no PREFIX. */
static unsigned number_in(const char *text, const char *prefix, unsigned base) {
    const char *digit = text ? find_text(text, prefix) : NULL;
    unsigned value = 0;

    if (!digit)
        return 0;
    for (digit += strlen(prefix); (*digit >= '0' && *digit <= '9') || (*digit >= 'a' && *digit <= 'f');
         digit++)
        value = value * base + (unsigned)(*digit <= '9' ? *digit - '0' : *digit - 'a' + 10);
    return value;
}

static unsigned number_behind(const char *prefix, unsigned base) { return number_in(said, prefix, base); }

static unsigned random_page(void) { return (unsigned)(uintptr_t)walk.area + random_below(PAGES) * PAGE_SIZE; }

/* The words that commands take, right and wrong. */
static const char *random_word(char word[32]) {
    static const char *const fixed[] = {
        "ro",         "rw",          "on",   "off",    "auto",       "kmain",
        "$",          "$0",          "-1",   "0x",     "0",          "0xffffffff",
        "4G",         "1M",          "heap", "walk",   "mem",        "1023",
        "0x000b8000", "page_tables", "xyz",  "screen", "kmain+0x10", "page_directory",
        "0xffc00000", "0xc0000000"};

    switch (random_below(6)) {
    case 0:
        format_buffer(word, 32, "0x%08x", random_next());
        break;
    case 1:
        format_buffer(word, 32, "%u", random_next() >> random_below(32));
        break;
    case 2:
        format_buffer(word, 32, "$%u", random_below(walk.first_name + 300));
        break;
    case 3:
        format_buffer(word, 32, "0x%08x", random_page() + (random_below(4) ? 0 : random_below(PAGE_SIZE)));
        break;
    case 4:
        format_buffer(word, 32, "%p",
                      walk.objects ? walk.object[random_below(walk.objects)] : (void *)KHEAP_START);
        break;
    default:
        return fixed[random_below(ARRAY_SIZE(fixed))];
    }
    return word;
}

static void random_command(void) {
    /* those that change something more often */
    static const char *const verbs[] = {
        "help",     "mem",  "maps",      "walk",        "pd",         "peek",       "heap",      "trace",
        "watch",    "page", "colour",    "clear",       "map",        "unmap",      "protect",   "fill",
        "alloc",    "map",  "unmap",     "protect",     "fill",       "map",        "unmap",     "free",
        "nonsense", "",     "trace map", "trace unmap", "watch walk", "watch free", "trace free"};
    const char *verb = verbs[random_below(ARRAY_SIZE(verbs))];
    char a[32], b[32], c[32];
    unsigned words = random_below(4);

    if (!strcmp(verb, "alloc") && walk.objects == OBJECTS)
        verb = "free";
    /* Mostly what makes sense. */
    if (find_text(verb, "map") && random_below(2))
        says("%s 0x%08x %s %s", verb, random_page(), verb[0] == 'u' ? "" : "0x000b8000", words ? "" : "ro");
    else if (!strcmp(verb, "protect") && random_below(2))
        says("protect 0x%08x %s", random_page(), words & 1 ? "ro" : "rw");
    else if (!strcmp(verb, "alloc"))
        says("alloc %u", random_next() >> (12 + random_below(20)));
    else
        says("%s %s %s %s", verb, words > 0 ? random_word(a) : "", words > 1 ? random_word(b) : "",
             words > 2 ? random_word(c) : "");
}

/* The line that names a new object, "$K = 0xVA": alloc's first, or behind its trace. NULL when there is none. */
static const char *naming_line(void) { return *said == '$' ? said : find_text(said, "\n$"); }

/* Adds what alloc has named, and drops what is no longer live. */
static void keep_account(void) {
    uintptr_t va = number_in(naming_line(), " = 0x", 16);

    if (va)
        walk.object[walk.objects++] = (void *)va;
    for (unsigned i = 0; i < walk.objects;)
        if (kmalloc_size(walk.object[i]))
            i++;
        else
            walk.object[i] = walk.object[--walk.objects];
}

/* Nobody has anything in the heap or between it and the first 4 MiB. */
static bool nothing_is_there(void) {
    kmalloc_trim();
    for (uintptr_t table = FREE_START; table < KHEAP_START; table += ENTRIES_PER_TABLE * PAGE_SIZE) {
        struct vmem_walk w;
        vmem_walk((void *)table, &w);
        if (w.pde & PTE_PRESENT)
            return false;
    }
    return kmalloc_pages() == 0;
}

KTEST(monitor_random_walk)
{
    char colour[32], paging[32]; /* as `colour` and `page` tell them, which is also how to set them */
    size_t free;

    if (!nothing_is_there())
        KSKIP("it would free and unmap what alloc and map have made: take that away first");
    format_buffer(colour, sizeof(colour), "%s", says("colour"));
    format_buffer(paging, sizeof(paging), "%s", says("page"));
    KCHECK((walk.area = spare_area(2)));
    walk.area += (ENTRIES_PER_TABLE - PAGES / 2) * PAGE_SIZE; /* half of them in the next table */
    says("alloc 1");
    walk.first_name = number_behind("$", 10);
    says("free $%u", walk.first_name);
    kmalloc_trim();
    free = pm_count().free;
    walk.objects = 0;
    unsigned commands = random_rounds(2026, COMMANDS);
    for (unsigned i = 0; i < commands; i++) {
        random_command();
        keep_account();
        if (i % 100 == 0)
            check_memory();
    }
    says("trace off");
    says("%.*s", (int)strlen(colour) - 1, colour);
    says("%.*s", (int)strlen(paging) - 1, paging);
    while (walk.objects) {
        says("free %p", walk.object[0]);
        KCHECK(strncmp(said, "error: ", 7));
        keep_account();
    }
    for (unsigned i = 0; i < FRAMES_MAX / ENTRIES_PER_TABLE; i++) {
        uintptr_t table = (uintptr_t)i * ENTRIES_PER_TABLE * PAGE_SIZE; /* maps may have been anywhere */
        for (struct vmem_walk w; table >= FREE_START && table < KHEAP_START;) {
            vmem_walk((void *)table, &w);
            if (!(w.pde & PTE_PRESENT))
                break;
            for (unsigned page = 0; page < ENTRIES_PER_TABLE; page++)
                says("unmap 0x%08x", (unsigned)(table + page * PAGE_SIZE));
        }
    }
    kmalloc_trim();
    check_memory();
    KCHECK_EQ(pm_count().free, free);
}

/* ---- the tracer ---- */

KTEST(monitor_trace_sees_what_a_map_does)
{
    char *va = spare_area(1), line[80];
    unsigned pdi = pd_index(va), at = (unsigned)(uintptr_t)va;

    KCHECK(va);
    says("trace map 0x%08x 0x000b8000", at);
    if (find_text(said, "no single steps")) {
        says("unmap 0x%08x", at);
        KSKIP("this machine does not single-step");
    }
    format_buffer(line, sizeof(line), "vmem_map(va 0x%08x, pa 0x000b8000", at);
    KCHECK(find_text(said, line));
    KCHECK(find_text(said, "pm_alloc_page() = 0x"));
    KCHECK(find_text(said, "scratch page mapped\n"));
    KCHECK(find_text(said, "scratch page gone: 1024 stores\n"));
    KCHECK(find_text(said, "invlpg 0x003ff000"));
    format_buffer(line, sizeof(line), "PD[%u] 0x00000000 -> 0x", pdi);
    KCHECK(find_text(said, line));
    format_buffer(line, sizeof(line), "PD[%u] PT[0] 0x00000000 -> 0x000b8003  0x%08x mapped", pdi, at);
    KCHECK(find_text(said, line));
    KCHECK(find_text(said, "flags writable) = 0\n") || find_text(said, "flags writable)\n"));
    KCHECK(find_text(said, "frames: 1 taken, 0 given back"));
    KCHECK(find_text(said, "tables: 1 linked, 0 unlinked; entries: 4 changed; flushes: 1"));

    says("trace unmap 0x%08x", at);
    format_buffer(line, sizeof(line), "PD[%u] PT[0] 0x000b8003 -> 0x00000000  0x%08x unmapped", pdi, at);
    KCHECK(find_text(said, line));
    format_buffer(line, sizeof(line), "invlpg 0x%08x  a table's page", WINDOW_START + pdi * PAGE_SIZE);
    KCHECK(find_text(said, line));
    KCHECK(find_text(said, "tables: 0 linked, 1 unlinked; entries: 2 changed; flushes: 2"));
}

/* How often SAID has TEXT in it. */
static unsigned times_said(const char *text) {
    unsigned times = 0;

    for (const char *at = said; (at = find_text(at, text)); at++)
        times++;
    return times;
}

KTEST(monitor_trace_shows_each_frame_that_comes_from_pm)
{
    says("trace alloc 5000");
    unsigned name = number_behind("$", 10);
    uintptr_t va = number_behind("kmalloc = 0x", 16) & ~(uintptr_t)PAGE_MASK;
    paddr_t pa = PADDR_NONE;
    char line[80];

    if (find_text(said, "no single steps")) {
        says("free $%u", name);
        KSKIP("this machine does not single-step");
    }
    KCHECK_EQ(times_said("pm_alloc_page() = ") + times_said(" from pm\n"), number_behind("frames: ", 10));
    for (unsigned i = 0; i < 2; i++) {
        KCHECK(vmem_translate((void *)(va + i * PAGE_SIZE), &pa));
        format_buffer(line, sizeof(line), "frame 0x%08x from pm\n", pa);
        KCHECK(find_text(said, line));
        format_buffer(line, sizeof(line), "PD[%u] PT[%u] 0x00000000 -> 0x%08x", pd_index((void *)va),
                      pt_index((void *)va) + i, pa | PTE_PRESENT | PTE_WRITE);
        KCHECK(find_text(said, line));
    }
    says("free $%u", name);
}

#define TRACED_BYTES (300 * PAGE_SIZE)

/* True when what alloc has named lies in one page table. */
static bool lies_in_one_table(void) {
    uintptr_t first = number_in(naming_line(), " = 0x", 16);

    return pd_index((void *)first) == pd_index((void *)(first + TRACED_BYTES));
}

/* The debugging heaps take more pages than these, and keep what is freed. */
KTEST(monitor_trace_folds_pages_alike)
{
    size_t free = pm_count().free;
    char line[80];

    /* A second table would make two runs. The heap goes on behind the last place: a second try lies elsewhere. */
    says("trace alloc %u", TRACED_BYTES);
    for (unsigned tries = 0; tries < 4 && !lies_in_one_table(); tries++) {
        says("free $%u", number_in(naming_line(), "$", 10));
        kmalloc_trim();
        says("trace alloc %u", TRACED_BYTES);
    }
    unsigned name = number_behind("$", 10), taken = number_behind("frames: ", 10);
    if (find_text(said, "no single steps")) {
        says("free $%u", name);
        KSKIP("this machine does not single-step");
    }
    unsigned folded = number_behind("... ", 10);
    uintptr_t first = number_behind("kmalloc = 0x", 16) & ~(uintptr_t)PAGE_MASK;
    KCHECK_EQ(taken, free - pm_count().free);
    KCHECK_EQ(number_behind("taken, ", 10), 0);
    KCHECK(folded >= 296);
    KCHECK_EQ(times_said(" from pm\n") + folded, taken - times_said("pm_alloc_page() = "));
    format_buffer(line, sizeof(line), "... %u more, up to 0x%08x\n", folded,
                  (unsigned)first + (folded + 3) * PAGE_SIZE);
    KCHECK(find_text(said, line));

    free = pm_count().free;
    says("trace free $%u", name);
    KCHECK_EQ(number_behind("frames: ", 10), 0);
    KCHECK_EQ(number_behind("taken, ", 10), pm_count().free - free);
    if (heap_mode() != HEAP_NORMAL)
        return;
    KCHECK_EQ(times_said(" unmapped\n"), 4);
    KCHECK(find_text(said, line));
    format_buffer(line, sizeof(line), "  %u frames back to pm\n", 300 + number_behind(" linked, ", 10));
    KCHECK(find_text(said, line));
}

static void trace_then_panic(void *arg) {
    (void)arg;
    says("trace alloc 100");
    trap_on_step((void (*)(struct trap_frame *))(uintptr_t)ktest_failing);
    kfree((void *)1);
}

KTEST(monitor_trace_is_over_when_a_report_comes)
{
    KCHECK_TRAPS(trace_then_panic, NULL, "cannot be freed");
    KCHECK(!trap_stepping());
    says("alloc 100");
    unsigned name = number_behind("$", 10);
    says("free $%u", name);
    says("free $%u", name - 1);
    KCHECK(find_text(said, "freed"));
}
