/* The watched functions, and the calls of them that the traced command is in.
 *
 * A call is seen at its function's first instruction: its return address and arguments are on the stack. It has returned
 * when ESP is above the return address; the result is then in EAX (System V ABI, i386).
 *
 * vmem takes frames from pm, and gives them back, without a call for each (mm/frames.h). So each entry that
 * vmem_alloc_range sets has a line for its frame before it, unless a call that was shown returned that frame; and frames
 * that come back are counted when the call that gives them returns: only then are they pm's. */
#include "kmalloc.h"
#include "log.h"
#include "output.h"
#include "pm.h"
#include "string.h"
#include "symbols.h"
#include "trace_inside.h"
#include "vmem.h"

enum result { NOTHING, ADDRESS, STATUS };

static const struct watched {
    const char *name;
    const char *arguments; /* their names, with blanks between them */
    enum result result;
    enum { CALLS_PM, TAKES_FRAMES, GIVES_FRAMES } frames; /* the last two also do so without a call */
} watched[] = {
    {"kmalloc", "size", ADDRESS, CALLS_PM},
    {"kzalloc", "size", ADDRESS, CALLS_PM},
    {"krealloc", "p size", ADDRESS, CALLS_PM},
    {"kmalloc_aligned", "size align", ADDRESS, CALLS_PM},
    {"kfree", "p", NOTHING, CALLS_PM},
    {"small_alloc", "size", ADDRESS, CALLS_PM},
    {"small_opened", "slab", NOTHING, CALLS_PM},
    {"small_emptied", "slab", NOTHING, CALLS_PM},
    {"large_alloc", "size", ADDRESS, CALLS_PM},
    {"large_alloc_aligned", "size align", ADDRESS, CALLS_PM},
    {"large_free", "p", NOTHING, CALLS_PM},
    {"large_resize", "p size", STATUS, CALLS_PM},
    {"vmem_alloc_range", "va pages flags", STATUS, TAKES_FRAMES},
    {"vmem_free_range", "va pages", STATUS, GIVES_FRAMES},
    {"vmem_map", "va pa flags", STATUS, CALLS_PM},
    {"vmem_map_range", "va pa pages flags", STATUS, CALLS_PM},
    {"vmem_unmap", "va", STATUS, GIVES_FRAMES},
    {"vmem_unmap_range", "va pages", STATUS, GIVES_FRAMES},
    {"vmem_protect", "va bytes flags", STATUS, CALLS_PM},
    {"pm_alloc_page", "", ADDRESS, CALLS_PM},
    {"pm_free_page", "pa", NOTHING, CALLS_PM},
    {"pm_alloc_pages", "n", ADDRESS, CALLS_PM},
    {"pm_free_pages", "pa n", NOTHING, CALLS_PM},
    {"set_page_directory", "directory", NOTHING, CALLS_PM},
};

static uintptr_t entry_point[ARRAY_SIZE(watched)]; /* 0 where there is no such function */

#define DEPTH_MAX 16

static struct {
    const struct watched *function;
    unsigned esp;       /* where its return address is */
    size_t frames_free; /* when it was called */
} call[DEPTH_MAX];
unsigned trace_depth;

static size_t frames_free;  /* when they were last counted */
static paddr_t frame_shown; /* what pm_alloc_page returned last */

void trace_begin_calls(void) {
    trace_depth = 0;
    frames_free = pm_count().free;
    frame_shown = PADDR_NONE;
    for (size_t i = 0; i < ARRAY_SIZE(watched); i++)
        if (!symbol_address(watched[i].name, &entry_point[i]))
            entry_point[i] = 0;
}

const struct watched *trace_watched(const char *name) {
    for (size_t i = 0; i < ARRAY_SIZE(watched); i++)
        if (!strcmp(watched[i].name, name))
            return &watched[i];
    return NULL;
}

/* ---- a call's line ---- */

/* "flags" are words, "pages" and the like are counts, everything else is an address. */
static bool is_count(const char *name, size_t n) {
    static const char *const counts[] = {"size", "pages", "n", "align", "bytes"};

    for (size_t i = 0; i < ARRAY_SIZE(counts); i++)
        if (strlen(counts[i]) == n && !strncmp(counts[i], name, n))
            return true;
    return false;
}

static void print_flags(unsigned flags) {
    kprintf("%s%s%s%s", flags & VMEM_WRITE ? "writable" : "read-only", flags & VMEM_USER ? " user" : "",
            flags & VMEM_WRITE_COMBINING ? " write-combining" : "", flags & VMEM_NO_CACHE ? " uncached" : "");
}

static void print_arguments(const char *names, const unsigned *value) {
    for (; *names; value++) {
        size_t n = 0;
        while (names[n] && names[n] != ' ')
            n++;
        kprintf("%.*s ", (int)n, names);
        if (!strncmp(names, "flags", n))
            print_flags(*value);
        else
            kprintf(is_count(names, n) ? "%u" : "0x%08x", *value);
        names += n + (names[n] == ' ');
        kprintf("%s", *names ? ", " : "");
    }
}

/* The size class that serves SIZE. */
static void print_class(unsigned size) {
    struct kmalloc_stats s;
    unsigned sc = 0;

    if (!kmalloc_stats(0, &s))
        return; /* this heap has no size classes */
    while (kmalloc_stats(sc, &s) && s.size && s.size < size)
        sc++;
    trace_begin_line();
    if (s.size)
        kprintf("size class %u: objects of %zu bytes\n", sc, s.size);
    else
        kprintf("a large object: whole pages, %zu of them\n", pages_for(size));
}

/* ---- calls begin and end ---- */

/* Between two calls or returns, frames are either taken or given back. */
void trace_count_frames(void) {
    size_t free = pm_count().free;

    if (free < frames_free)
        trace_sums.frames_taken += frames_free - free;
    else
        trace_sums.frames_given += free - frames_free;
    frames_free = free;
}

/* Begins the line of a call. */
static void open_line(const struct watched *function) {
    trace_unfold();
    trace_leave_place();
    trace_count_frames();
    trace_begin_line();
    kprintf("%s%s%s", ink(CYAN), function->name, ink(PLAIN));
}

/* The call whose line was begun has its return address at ESP. */
static void push_call(const struct watched *function, unsigned esp) {
    trace_leave_line_open();
    if (trace_depth < DEPTH_MAX) {
        call[trace_depth].function = function;
        call[trace_depth].esp = esp;
        call[trace_depth++].frames_free = frames_free;
    }
}

void trace_open_call(const struct watched *function, unsigned esp) {
    open_line(function);
    push_call(function, esp);
}

static void enter(const struct trap_frame *frame, const struct watched *function) {
    const unsigned *stack = (const unsigned *)frame_esp(frame);

    open_line(function);
    kprintf("(");
    print_arguments(function->arguments, stack + 1);
    kprintf(")");
    push_call(function, frame_esp(frame));
    if (!strcmp(function->name, "kmalloc"))
        print_class(stack[1]);
}

static void print_given(ptrdiff_t frames) {
    trace_begin_line();
    kprintf("  ");
    trace_print_count((unsigned)frames);
    kprintf(" frame%s back to pm\n", frames == 1 ? "" : "s");
}

/* The calls around have nothing more to say of FRAMES that came back, or, where negative, were taken. */
static void frames_are_told(ptrdiff_t frames) {
    for (unsigned i = 0; i < trace_depth; i++)
        call[i].frames_free += (size_t)frames;
}

void trace_close_call(void) {
    trace_unfold();
    trace_leave_place();
    trace_count_frames();
    const struct watched *function = call[--trace_depth].function;
    ptrdiff_t given = (ptrdiff_t)(frames_free - call[trace_depth].frames_free);

    if (!strncmp(function->name, "pm_", 3)) {
        frames_are_told(given);
    } else if (function->frames == GIVES_FRAMES && given > 0) {
        print_given(given);
        frames_are_told(given);
    }
}

static void leave(const struct trap_frame *frame) {
    const struct watched *function = call[trace_depth - 1].function;

    trace_close_call();
    if (!strcmp(function->name, "pm_alloc_page"))
        frame_shown = (paddr_t)frame->eax;
    if (function->result != NOTHING) {
        if (!trace_line_is_open()) {
            trace_begin_line();
            kprintf("%s", function->name);
        }
        kprintf(function->result == STATUS ? " = %d" : " = 0x%08x", frame->eax);
        trace_leave_line_open();
    }
    trace_end_line();
}

void trace_follow_calls(const struct trap_frame *frame) {
    while (trace_depth && frame_esp(frame) > call[trace_depth - 1].esp)
        leave(frame);
    for (size_t i = 0; i < ARRAY_SIZE(watched); i++)
        if (frame->eip == entry_point[i])
            enter(frame, &watched[i]);
}

bool trace_is_call(unsigned i, const struct watched *function, unsigned esp) {
    return i < trace_depth && call[i].function == function && call[i].esp == esp;
}

bool trace_takes(paddr_t frame) {
    return trace_depth && call[trace_depth - 1].function->frames == TAKES_FRAMES && frame != frame_shown;
}
