/* The monitor's random walk: random commands with random arguments, except poke, fault and those that leave the
 * monitor. Nothing may panic, nothing may be lost, and every invariant of the memory system is checked after each
 * hundred commands. */
#include "format.h"
#include "kmalloc.h"
#include "ktest.h"
#include "memlayout.h"
#include "pm.h"
#include "says.h"
#include "string.h"
#include "support.h"
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
    for (uintptr_t table = FREE_START; table < KHEAP_START; table += TABLE_SPAN) {
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
        uintptr_t table = (uintptr_t)i * TABLE_SPAN; /* maps may have been anywhere */
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
