/* The monitor's heap: alloc, free, heap, and the names $0, $1, ... of what alloc returned.
 *
 * Names are never used twice. The latest NAMES_KEPT are remembered, in a ring; a name goes on standing for
 * its address after a free, for peek and walk, but cannot be freed again. */
#include "commands.h"
#include "kmalloc.h"
#include "log.h"
#include "string.h"

#define NAMES_KEPT 1024

static struct {
    void *object;
    bool freed;
} names[NAMES_KEPT]; /* $K is names[K % NAMES_KEPT] */

static unsigned names_given;

bool object_named(unsigned k, uintptr_t *va) {
    if (k >= names_given || names_given - k > NAMES_KEPT)
        return false;
    *va = (uintptr_t)names[k % NAMES_KEPT].object;
    return true;
}

bool object_latest(unsigned *k) {
    *k = names_given - 1;
    return names_given > 0;
}

bool object_lives(unsigned k) {
    uintptr_t va;

    return object_named(k, &va) && !names[k % NAMES_KEPT].freed && kmalloc_size((void *)va);
}

bool object_at(uintptr_t va, unsigned *k, size_t *offset, size_t *size) {
    unsigned oldest = names_given > NAMES_KEPT ? names_given - NAMES_KEPT : 0;

    for (*k = names_given; (*k)-- > oldest;) {
        void *object = names[*k % NAMES_KEPT].object;
        *offset = va - (uintptr_t)object;
        *size = names[*k % NAMES_KEPT].freed ? 0 : kmalloc_size(object);
        if (*offset < *size)
            return true;
    }
    return false;
}

bool object_holds(uintptr_t va, size_t bytes) {
    unsigned k;
    size_t offset, size;

    return object_at(va, &k, &offset, &size) && bytes <= size - offset;
}

void command_alloc(int n, char **arg) {
    unsigned bytes;
    void *object;

    (void)n;
    if (!argument_number("N", arg[0], &bytes))
        return;
    if (!bytes) {
        command_error("N must be at least 1: kmalloc(0) is NULL");
        return;
    }
    if (!(object = kmalloc(bytes))) {
        command_error("out of memory: kmalloc(%u) is NULL", bytes);
        return;
    }
    names[names_given % NAMES_KEPT].object = object;
    names[names_given % NAMES_KEPT].freed = false;
    kprintf("$%u = 0x%08x\n", names_given++, (unsigned)(uintptr_t)object);
}

/* The names of OBJECT cannot be freed any more, even when its place is handed out anew. */
static void retire_names(const void *object) {
    for (unsigned i = 0; i < NAMES_KEPT; i++)
        if (names[i].object == object)
            names[i].freed = true;
}

static bool is_retired(const char *text) {
    unsigned k;

    return *text == '$' && argument_number("K", text + 1, &k) && names[k % NAMES_KEPT].freed;
}

void command_free(int n, char **arg) {
    uintptr_t va;
    size_t size;

    (void)n;
    if (!argument_address("VA or $K", arg[0], &va))
        return;
    if (is_retired(arg[0])) {
        command_error("%s was freed already", arg[0]);
        return;
    }
    if (!(size = kmalloc_size((void *)va))) {
        command_error("0x%08x is not the start of a live object", (unsigned)va);
        return;
    }
    kfree((void *)va);
    retire_names((void *)va);
    kprintf("0x%08x: freed, %zu bytes\n", (unsigned)va, size);
}

#define BAR 30

/* LIVE of CAPACITY as a part of WHOLE: 0 and WHOLE only where it is none or all. */
static unsigned part_of(unsigned whole, size_t live, size_t capacity) {
    if (!capacity)
        return 0;
    unsigned part = capacity < ~0u / whole ? live * whole / capacity : live / (capacity / whole);

    return live && !part ? 1 : part;
}

/* How full the pages of a class are. */
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

void command_heap(int n, char **arg) {
    struct kmalloc_stats s;
    size_t live = 0, capacity = 0, pages = 0;

    if (n) {
        if (strcmp(arg[0], "leaks") == 0)
            command_heap_leaks();
        else
            command_error("expected: heap, or heap leaks");
        return;
    }
    kprintf("%8s %9s %9s %9s  %s\n", "size", "live", "capacity", "pages", "occupancy");
    for (unsigned sc = 0; kmalloc_stats(sc, &s); sc++) {
        live += s.live, capacity += s.capacity, pages += s.pages;
        if (s.pages)
            print_class(&s);
    }
    kprintf("%8s %9zu %9zu %9zu\n", "all", live, capacity, pages);
    kprintf("pages held in all (spare ones and own tables too): %zu; most ever: %zu\n", kmalloc_pages(),
            kmalloc_peak_pages());
}
