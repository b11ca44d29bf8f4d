/* The monitor's heap: alloc, free, heap. */
#include "args.h"
#include "command.h"
#include "kmalloc.h"
#include "leaks.h"
#include "log.h"
#include "objects.h"
#include "output.h"
#include "string.h"

COMMAND(HEAP, 1, alloc, .arguments = "N", .least = 1, .most = 1, .flags = TRACED,
        .help = "allocate N bytes; the object is named $0, $1, ...",
        .detail = "N may be 64K or 2M. $K stands for the object wherever VA does.", .example = "alloc 4K")
{
    unsigned bytes, k;
    void *object;

    if (!argument_number("N", arg[0], &bytes))
        return;
    if (!bytes) {
        command_error("N must be at least 1: kmalloc(0) is NULL");
        return;
    }
    if (object_in_the_way(&k)) {
        command_error("there are no more names: free $%u first", k);
        return;
    }
    if (!(object = kmalloc(bytes))) {
        command_error("out of memory: kmalloc(%u) is NULL", bytes);
        return;
    }
    kprintf("$%u = 0x%08x\n", object_name(object), (unsigned)(uintptr_t)object);
}

/* Whether TEXT is $K, or $K and an offset, and that name's object was freed. */
static bool is_retired(char *text) {
    char *plus = strchr(text, '+');
    unsigned k;

    if (*text != '$')
        return false;
    if (plus)
        *plus = '\0';
    bool retired = argument_number("K", text + 1, &k) && object_is_freed(k);
    if (plus)
        *plus = '+';
    return retired;
}

COMMAND(HEAP, 2, free, .arguments = "VA|$K", .least = 1, .most = 1, .flags = TRACED, .help = "free an object",
        .detail = "Only what alloc has named: the kernel's own objects stay.", .example = "free $0")
{
    uintptr_t va;
    size_t size;

    if (!argument_address("VA or $K", arg[0], &va))
        return;
    if (is_retired(arg[0])) {
        command_error("%s was freed already", arg[0]);
        return;
    }
    if (!object_begins_at(va) || !(size = kmalloc_size((void *)va))) {
        command_error("0x%08x is not the start of a live object of alloc", (unsigned)va);
        return;
    }
    kfree((void *)va);
    object_freed(va);
    kprintf("0x%08x: freed, %zu bytes\n", (unsigned)va, size);
}

#define BAR 30

/* LIVE / CAPACITY, scaled to WHOLE and rounded down, but not to 0 while anything is live. */
static unsigned part_of(unsigned whole, size_t live, size_t capacity) {
    if (!capacity)
        return 0;
    unsigned part = capacity < ~0u / whole ? live * whole / capacity : live / (capacity / whole);

    return live && !part ? 1 : part;
}

/* A bar and a percentage: how full a class's pages are. */
static void print_bar(size_t live, size_t capacity) {
    unsigned full = part_of(BAR, live, capacity);

    kprintf("  [%s", ink(GREEN));
    for (unsigned i = 0; i < BAR; i++)
        kprintf("%s%c", i == full ? ink(PLAIN) : "", i < full ? '#' : '.');
    kprintf("%s] %3u%%", ink(PLAIN), part_of(100, live, capacity));
}

static void print_class(const struct kmalloc_stats *s) {
    if (s->size)
        kprintf("%8zu", s->size);
    else
        kprintf("%8s", "larger");
    kprintf(" %9zu %9zu %9zu", s->live, s->capacity, s->pages);
    print_bar(s->live, s->capacity);
    kprintf("\n");
}

static void print_classes(void) {
    struct kmalloc_stats s;
    size_t live = 0, capacity = 0, pages = 0;

    kprintf("%8s %9s %9s %9s  %s\n", "size", "live", "capacity", "pages", "occupancy");
    for (unsigned sc = 0; kmalloc_stats(sc, &s); sc++) {
        live += s.live, capacity += s.capacity, pages += s.pages;
        if (s.pages)
            print_class(&s);
    }
    kprintf("%8s %9zu %9zu %9zu\n", "all", live, capacity, pages);
}

COMMAND(HEAP, 3, heap, .arguments = "[leaks]", .most = 1, .flags = READS,
        .help = "show the heap by size class; leaks: who holds what",
        .detail = "A class's pages hold CAPACITY objects, and LIVE of them are handed out. Larger "
                  "objects have whole pages. leaks needs the option heap=debug or heap=guard.",
        .example = "heap")
{
    struct kmalloc_stats s;

    if (n) {
        if (strcmp(arg[0], "leaks") == 0)
            leaks_print();
        else
            command_error("expected: heap, or heap leaks");
        return;
    }
    if (kmalloc_stats(0, &s))
        print_classes();
    else
        kprintf("this heap keeps no figures by size class\n");
    kprintf("pages held in all (spare ones and own tables too): %zu; most ever: %zu\n", kmalloc_pages(),
            kmalloc_peak_pages());
}
