/* The monitor's heap leaks: the live objects by their callers, as the debugging heap recorded them. */
#include "leaks.h"

#include "command.h"
#include "heap_debug.h"
#include "log.h"
#include "symbols.h"

#define CALLERS_MAX 64u

static struct caller {
    uintptr_t address; /* a return address */
    size_t objects, bytes;
    uintptr_t first;        /* the lowest of its objects */
} callers[CALLERS_MAX + 1]; /* the last stands for all others */

static size_t callers_found;

static struct caller *caller_of(uintptr_t address) {
    for (size_t i = 0; i < callers_found; i++)
        if (callers[i].address == address)
            return &callers[i];
    if (callers_found == CALLERS_MAX)
        return &callers[CALLERS_MAX];
    callers[callers_found] = (struct caller){.address = address};
    return &callers[callers_found++];
}

static void count(const struct heap_object *object, void *context) {
    struct caller *caller = caller_of(object->allocated_by);

    (void)context;
    if (!caller->objects++)
        caller->first = object->start;
    caller->bytes += object->size;
}

/* By bytes, the most first. */
static void sort(void) {
    for (size_t i = 1; i < callers_found; i++)
        for (size_t k = i; k && callers[k - 1].bytes < callers[k].bytes; k--) {
            struct caller swapped = callers[k];
            callers[k] = callers[k - 1];
            callers[k - 1] = swapped;
        }
}

static void print(const struct caller *caller, const char *name) {
    kprintf("%10zu %10zu  0x%08x  %s\n", caller->objects, caller->bytes, (unsigned)caller->first, name);
}

/* Prints what is live by who allocated it. */
void leaks_print(void) {
    char name[ADDRESS_TEXT];

    if (heap_mode() == HEAP_NORMAL) {
        command_error("heap leaks needs the option heap=debug or heap=guard");
        return;
    }
    callers_found = 0;
    callers[CALLERS_MAX] = (struct caller){0};
    heap_debug_each(count, NULL);
    if (!callers_found) {
        kprintf("nothing is live\n");
        return;
    }
    sort();
    kprintf("%10s %10s  %-10s  %s\n", "objects", "bytes", "first", "allocated by");
    for (size_t i = 0; i < callers_found; i++)
        print(&callers[i], caller_text(callers[i].address, name));
    if (callers[CALLERS_MAX].objects)
        print(&callers[CALLERS_MAX], "others");
}
