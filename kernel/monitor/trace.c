/* The monitor's trace: every step that mm/ takes, seen from outside.
 *
 * mm/ has no hooks for this. The command runs with EFLAGS.TF set, so the processor raises the debug exception
 * (vector 1) before each instruction (SDM vol. 3, 17.3.1.4), and on_step looks at what comes next:
 *
 * - The first instruction of a watched function (a table of names; the symbol table has the addresses): its
 *   return address and arguments are on the stack, and the call is printed. It has returned when ESP is above
 *   the return address; the result is then in EAX (System V ABI, i386).
 * - INVLPG, or a load of CR3.
 * - A store into the window. The entry is read before the store and at the next step, and printed if it has
 *   changed, so any store that a compiler may choose is seen.
 *
 * vmem takes frames from pm, and gives them back, without a call for each (mm/frames.h). So each entry that
 * vmem_alloc_range sets has a line for its frame before it, unless a call that was shown returned that frame; and frames
 * that come back are counted when the call that gives them returns: only then are they pm's.
 *
 * Lines that differ only in their page are shown for the first few pages, then counted.
 *
 * The handler runs with TF clear, since an interrupt gate clears it, and so does the handling of any other
 * exception in the traced command. A report removes the handler and abandons the command together with its TF.
 * After an int3 the trace goes on.
 *
 * Functions that a compiler has inlined have no address and are not seen; the functions that they call, the
 * entries and the flushes are. Stores into the scratch page are counted, not shown.
 *
 * The lab's kernel (lab.h) tells its entries and flushes itself. Where the processor takes no single steps, as in v86,
 * they are taken from there, each under the line of C that tells it. Which calls it is in, the stack's frames say: a call
 * that tells nothing is not seen, nor are arguments and results, which may be gone by then. */
#include "trace.h"

#include "cpu.h"
#include "decode.h"
#include "kmalloc.h"
#include "lab.h"
#include "log.h"
#include "memlayout.h"
#include "monitor.h"
#include "output.h"
#include "pm.h"
#include "string.h"
#include "symbols.h"
#include "trap.h"
#include "vmem.h"

static bool always, once; /* trace on; trace CMD */

/* ---- what is watched ---- */

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
    struct {
        const struct watched *function;
        unsigned esp;       /* where its return address is */
        size_t frames_free; /* when it was called */
    } call[DEPTH_MAX];
    unsigned depth;
    bool line_open; /* the innermost call is printed, without a line end */

    uintptr_t entry; /* the entry in the window that the last instruction may have changed, or 0 */
    unsigned before;

    unsigned scratch_stores; /* since the scratch page was mapped */
    unsigned steps, inside;  /* all, and those in watched calls */
    size_t frames_free;      /* when they were last counted */
    paddr_t frame_shown;     /* what pm_alloc_page returned last */
    unsigned frames_taken, frames_given, linked, unlinked, entries, flushes;
} trace;

/* ---- the line of C, where it is told ---- */

#ifdef QUIRE_LAB
static struct lab_place place; /* of the events that are shown now; its line is 0 when there is none */

static unsigned place_depth(void) { return place.line > 0; }
static bool place_is_new(void) {
    return !trace.steps && (place.line != lab_place.line || place.function != lab_place.function);
}
static void print_place(void) {
    place = lab_place;
    kprintf("%s, %s:%d\n", place.function, place.file, place.line);
}
static void leave_place(void) { place.line = 0; }
#else
static unsigned place_depth(void) { return 0; }
static bool place_is_new(void) { return false; }
static void print_place(void) {}
static void leave_place(void) {}
#endif

/* ---- printing ---- */

static void end_line(void) {
    if (trace.line_open)
        kprintf("\n");
    trace.line_open = false;
}

/* Begins a line, indented by the depth of calls. */
static void begin_line(void) {
    end_line();
    kprintf("%s|%s %*s", ink(GREY), ink(PLAIN), (int)(trace.depth + place_depth()) * 2, "");
}

/* Begins the line of an event. */
static void begin_event(void) {
    if (place_is_new()) {
        leave_place();
        begin_line();
        print_place();
    }
    begin_line();
}

/* With a comma after the thousands. */
static void print_count(unsigned n) {
    if (n >= 1000) {
        print_count(n / 1000);
        kprintf(",%03u", n % 1000);
    } else {
        kprintf("%u", n);
    }
}

/* ---- events: what happens to one page ---- */

struct event {
    enum { FRAME_TAKEN, MAPPED, CHANGED, UNMAPPED, FLUSHED } what;
    uintptr_t page; /* its address */
    unsigned before, after;
};

static void print_entry_names(uintptr_t page, bool present) {
    kprintf("%sPD[%u] PT[%u]%s", ink(present ? GREEN : RED), pd_index((void *)page), pt_index((void *)page),
            ink(PLAIN));
}

static void print_event(const struct event *e) {
    static const char *const words[] = {[MAPPED] = "mapped", [CHANGED] = "changed", [UNMAPPED] = "unmapped"};

    begin_event();
    if (e->what == FRAME_TAKEN) {
        kprintf("frame %s0x%08x%s from pm\n", ink(BOLD), e->after, ink(PLAIN));
    } else if (e->what == FLUSHED) {
        kprintf("%sinvlpg%s 0x%08x  %s\n", ink(YELLOW), ink(PLAIN), (unsigned)e->page,
                e->page >= WINDOW_START ? "a table's page in the window flushed" : "flushed");
    } else {
        print_entry_names(e->page, e->after & PTE_PRESENT);
        kprintf(" 0x%08x -> 0x%08x  0x%08x %s\n", e->before, e->after, (unsigned)e->page, words[e->what]);
    }
}

/* ---- folding: a group of up to PERIOD_MAX events that repeats, page after page ---- */

#define PERIOD_MAX 3
#define GROUPS_SHOWN 4

static struct {
    struct event last[PERIOD_MAX]; /* the latest first */
    unsigned known;                /* how many of them there are */
    unsigned period;               /* each event goes on from the one so many before; 0: it does not */
    unsigned alike, hidden;        /* events in this run; of those, not shown */
} fold;

static unsigned period_of(const struct event *e) {
    for (unsigned i = 0; i < fold.known; i++)
        if (fold.last[i].what == e->what && fold.last[i].page + PAGE_SIZE == e->page)
            return i + 1;
    return 0;
}

/* Ends a run: the next event is shown. */
static void unfold(void) {
    if (fold.hidden) {
        begin_line();
        kprintf("... ");
        print_count(fold.hidden / fold.period);
        kprintf(" more, up to 0x%08x\n", (unsigned)fold.last[0].page);
    }
    fold.period = fold.alike = fold.hidden = fold.known = 0;
}

static void happens(struct event e) {
    unsigned period = period_of(&e);

    if (fold.period && period != fold.period) {
        unfold();
        period = 0;
    }
    fold.period = period;
    fold.alike += period > 0;
    if (fold.alike > period * (GROUPS_SHOWN - 1))
        fold.hidden++;
    else
        print_event(&e);
    for (unsigned i = PERIOD_MAX - 1; i; i--)
        fold.last[i] = fold.last[i - 1];
    fold.last[0] = e;
    fold.known += fold.known < PERIOD_MAX;
}

/* ---- calls ---- */

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
    begin_line();
    if (s.size)
        kprintf("size class %u: objects of %zu bytes\n", sc, s.size);
    else
        kprintf("a large object: whole pages, %zu of them\n", pages_for(size));
}

/* Between two calls or returns, frames are either taken or given back. */
static void count_frames(void) {
    size_t free = pm_count().free;

    if (free < trace.frames_free)
        trace.frames_taken += trace.frames_free - free;
    else
        trace.frames_given += free - trace.frames_free;
    trace.frames_free = free;
}

/* Begins the line of a call. */
static void open_call(const struct watched *function) {
    unfold();
    leave_place();
    count_frames();
    begin_line();
    kprintf("%s%s%s", ink(CYAN), function->name, ink(PLAIN));
}

/* The call that was begun has its return address at ESP. */
static void push_call(const struct watched *function, unsigned esp) {
    trace.line_open = true;
    if (trace.depth < DEPTH_MAX) {
        trace.call[trace.depth].function = function;
        trace.call[trace.depth].esp = esp;
        trace.call[trace.depth++].frames_free = trace.frames_free;
    }
}

static void enter(const struct trap_frame *frame, const struct watched *function) {
    const unsigned *stack = (const unsigned *)frame_esp(frame);

    open_call(function);
    kprintf("(");
    print_arguments(function->arguments, stack + 1);
    kprintf(")");
    push_call(function, frame_esp(frame));
    if (!strcmp(function->name, "kmalloc"))
        print_class(stack[1]);
}

static void print_given(ptrdiff_t frames) {
    begin_line();
    kprintf("  ");
    print_count((unsigned)frames);
    kprintf(" frame%s back to pm\n", frames == 1 ? "" : "s");
}

/* The calls around have nothing more to say of FRAMES that came back, or, where negative, were taken. */
static void frames_are_told(ptrdiff_t frames) {
    for (unsigned i = 0; i < trace.depth; i++)
        trace.call[i].frames_free += (size_t)frames;
}

/* The innermost call is over. Returns its function. */
static const struct watched *close_call(void) {
    unfold();
    leave_place();
    count_frames();
    const struct watched *function = trace.call[--trace.depth].function;
    ptrdiff_t given = (ptrdiff_t)(trace.frames_free - trace.call[trace.depth].frames_free);

    if (!strncmp(function->name, "pm_", 3)) {
        frames_are_told(given);
    } else if (function->frames == GIVES_FRAMES && given > 0) {
        print_given(given);
        frames_are_told(given);
    }
    return function;
}

static void leave(const struct trap_frame *frame) {
    const struct watched *function = close_call();

    if (!strcmp(function->name, "pm_alloc_page"))
        trace.frame_shown = (paddr_t)frame->eax;
    if (function->result == NOTHING) {
        end_line();
        return;
    }
    if (!trace.line_open) {
        begin_line();
        kprintf("%s", function->name);
    }
    kprintf(function->result == STATUS ? " = %d\n" : " = 0x%08x\n", frame->eax);
    trace.line_open = false;
}

static void follow_calls(const struct trap_frame *frame) {
    while (trace.depth && frame_esp(frame) > trace.call[trace.depth - 1].esp)
        leave(frame);
    for (size_t i = 0; i < ARRAY_SIZE(watched); i++)
        if (frame->eip == entry_point[i])
            enter(frame, &watched[i]);
}

/* Whether the innermost call takes frames from pm without calling it. */
static bool taking_frames(void) {
    return trace.depth && trace.call[trace.depth - 1].function->frames == TAKES_FRAMES;
}

/* ---- entries ---- */

static bool readable_entry(uintptr_t entry) {
    paddr_t pa;

    return vmem_translate((const void *)entry, &pa);
}

static unsigned entry_value(uintptr_t entry) { return read_entry((const unsigned *)entry); }

static void directory_entry_changed(unsigned pdi, unsigned before, unsigned after) {
    bool is = after & PTE_PRESENT, was = before & PTE_PRESENT;

    unfold();
    trace.linked += is && !was;
    trace.unlinked += was && !is;
    begin_event();
    kprintf("%sPD[%u]%s 0x%08x -> 0x%08x  page table %u %s\n", ink(MAGENTA), pdi, ink(PLAIN), before, after,
            pdi,
            is && !was ? "linked"
            : is       ? "changed"
                       : "unlinked");
}

static void scratch_entry_changed(unsigned before, unsigned after) {
    unfold();
    begin_event();
    print_entry_names(SCRATCH_PAGE, after & PTE_PRESENT);
    kprintf(" 0x%08x -> 0x%08x  scratch page ", before, after);
    if (after & PTE_PRESENT)
        kprintf("mapped\n");
    else
        kprintf("gone: %u stores\n", trace.scratch_stores);
    trace.scratch_stores = 0;
}

static void table_entry_changed(uintptr_t page, unsigned before, unsigned after) {
    bool is = after & PTE_PRESENT, was = before & PTE_PRESENT;

    if (is && !was && taking_frames() && entry_frame(after) != trace.frame_shown)
        happens((struct event){FRAME_TAKEN, page, before, after & PTE_FRAME});
    happens((struct event){is == was ? CHANGED : is ? MAPPED : UNMAPPED, page, before, after});
}

/* The last instruction may have changed an entry. */
static void look_at_entry(void) {
    uintptr_t entry = trace.entry;

    trace.entry = 0;
    if (!entry || !readable_entry(entry))
        return;
    unsigned after = entry_value(entry), before = trace.before;
    uintptr_t page = (entry - WINDOW_START) / sizeof(pte_t) << PAGE_SHIFT;
    if (after == before)
        return;
    trace.entries++;
    if (entry >= DIRECTORY_WINDOW)
        directory_entry_changed((entry - DIRECTORY_WINDOW) / sizeof(pde_t), before, after);
    else if (page == SCRATCH_PAGE)
        scratch_entry_changed(before, after);
    else
        table_entry_changed(page, before, after);
}

/* ---- steps ---- */

static void flush(const struct effect *effect) {
    trace.flushes++;
    if (effect->flushes == FLUSHES_PAGE) {
        happens((struct event){FLUSHED, effect->operand & ~(uintptr_t)PAGE_MASK, 0, 0});
        return;
    }
    unfold();
    begin_event();
    kprintf("%smov to cr3%s 0x%08x  the whole TLB flushed\n", ink(YELLOW), ink(PLAIN),
            (unsigned)effect->operand);
}

/* The word at ADDRESS is about to be stored. */
static void look_at_store(uintptr_t address) {
    trace.scratch_stores += address >= SCRATCH_PAGE && address < SCRATCH_PAGE + PAGE_SIZE;
    if (address >= WINDOW_START && readable_entry(address)) {
        trace.entry = address;
        trace.before = entry_value(address);
    }
}

static void look_at_instruction(const struct trap_frame *frame) {
    if (frame->eip < (uintptr_t)kernel_start || frame->eip >= (uintptr_t)text_end)
        return; /* a jump to nowhere, about to fault */
    struct effect effect = decode(frame);
    if (effect.flushes != FLUSHES_NOTHING)
        flush(&effect);
    look_at_store(effect.written & ~(uintptr_t)(sizeof(pte_t) - 1));
}

static void on_step(struct trap_frame *frame) {
    trace.steps++;
    look_at_entry();
    follow_calls(frame);
    trace.inside += trace.depth > 0;
    look_at_instruction(frame);
}

/* ---- where the processor takes no steps: what the lab's kernel tells ---- */

#ifdef QUIRE_LAB
static uintptr_t command_frame; /* trace_command's: the frames below it are the command's */

/* The watched function that returns to EIP, or NULL. */
static const struct watched *watched_before(uintptr_t eip) {
    size_t offset;
    const char *name = symbol_at(eip - 1, &offset);

    for (size_t i = 0; name && i < ARRAY_SIZE(watched); i++)
        if (!strcmp(watched[i].name, name))
            return &watched[i];
    return NULL;
}

/* The watched calls in which FRAME is called, innermost first, at most DEPTH_MAX; returns how many. */
static unsigned find_calls(const unsigned *frame, const struct watched **function, unsigned *esp) {
    unsigned n = 0;

    for (const unsigned *caller; (uintptr_t)frame < command_frame && n < DEPTH_MAX; frame = caller) {
        caller = (const unsigned *)frame[0];
        if ((function[n] = watched_before(frame[1])))
            esp[n++] = (unsigned)(uintptr_t)&caller[1];
        if (caller <= frame)
            break;
    }
    return n;
}

/* Shows the calls that have begun and ended since the last word. */
static void follow_frames(const unsigned *frame) {
    const struct watched *function[DEPTH_MAX];
    unsigned esp[DEPTH_MAX], n = find_calls(frame, function, esp), same = 0;

    while (same < trace.depth && same < n && trace.call[same].esp == esp[n - 1 - same] &&
           trace.call[same].function == function[n - 1 - same])
        same++;
    while (trace.depth > same)
        close_call();
    for (; same < n; same++) {
        open_call(function[n - 1 - same]);
        push_call(function[n - 1 - same], esp[n - 1 - same]);
    }
}

static void on_word(unsigned port, unsigned value) {
    static unsigned block;

    if (trace.steps)
        return;
    count_frames();
    if (port == LAB_ENTRY || port == LAB_FLUSH || port == LAB_CR3)
        follow_frames(__builtin_frame_address(0));
    if (port == LAB_ENTRY)
        look_at_store(value);
    else if (port == LAB_VALUE)
        look_at_entry();
    else if (port == LAB_BLOCK)
        block = value;
    else if (port == LAB_WORDS)
        trace.scratch_stores += block / PAGE_SIZE == SCRATCH_PAGE / PAGE_SIZE ? value : 0;
    else if (port == LAB_FLUSH)
        flush(&(struct effect){.flushes = FLUSHES_PAGE, .operand = value});
    else if (port == LAB_CR3)
        flush(&(struct effect){.flushes = FLUSHES_ALL, .operand = value});
}

static void listen(const void *frame) {
    command_frame = (uintptr_t)frame;
    lab_listener = frame ? on_word : NULL;
    unfold();
    leave_place();
    if (!trace.steps)
        count_frames();
}
static bool is_told(void) { return true; }
#else
static void listen(const void *frame) { (void)frame; }
static bool is_told(void) { return false; }
#endif

/* ---- the command ---- */

static void begin(const void *frame) {
    memset(&trace, 0, sizeof(trace));
    memset(&fold, 0, sizeof(fold));
    trace.frames_free = pm_count().free;
    for (size_t i = 0; i < ARRAY_SIZE(watched); i++)
        if (!symbol_address(watched[i].name, &entry_point[i]))
            entry_point[i] = 0;
    trap_on_step(on_step);
    listen(frame);
    write_eflags(read_eflags() | EFLAGS_TF);
}

static void print_sums(void) {
    kprintf("%s|%s ", ink(GREY), ink(PLAIN));
    if (trace.steps)
        kprintf("%u instructions in these calls; ", trace.inside);
    kprintf("frames: %u taken, %u given back\n"
            "%s|%s tables: %u linked, %u unlinked; entries: %u changed; flushes: %u\n",
            trace.frames_taken, trace.frames_given, ink(GREY), ink(PLAIN), trace.linked, trace.unlinked,
            trace.entries, trace.flushes);
}

static void end(void) {
    write_eflags(read_eflags() & ~EFLAGS_TF);
    trap_on_step(NULL);
    listen(NULL);
    unfold();
    end_line();
    if (trace.steps || is_told())
        print_sums();
    else
        command_error("this machine takes no single steps: EFLAGS.TF does nothing here");
}

/* Runs C under the tracer when `trace on` or `trace CMD` asks for it; false, and nothing run, otherwise. */
bool trace_command(const struct command *c, int n, char **arg) {
    if ((!always && !once) || trap_stepping())
        return false;
    if (!(c->flags & TRACED)) {
        if (once && !command_runs_another(c) && !(c->flags & SELF_TRACED))
            kprintf("%s|%s %s changes no mapping: there is nothing to trace\n", ink(GREY), ink(PLAIN),
                    c->name);
        return false;
    }
    begin(__builtin_frame_address(0));
    c->run(n, arg);
    end();
    return true;
}

/* Whether the command that runs is to be traced. */
bool trace_wanted(void) { return always || once; }

/* Sets whether every command is traced; returns what it was. */
bool trace_all(bool on) {
    bool was = always;

    always = on;
    return was;
}

COMMAND(LEARN, 3, trace, .arguments = "on|off|CMD", .most = 1, .flags = TAKES_LINE,
        .help = "show each frame, table, entry and flush of a command",
        .detail =
            "CMD runs instruction by instruction, and every call into the memory system, every frame, "
            "every entry set and every flush is shown. trace on does this for all commands from now on.",
        .example = "trace alloc 5000")
{
    if (!n)
        kprintf("trace %s\n", always ? "on" : "off");
    else if (!strcmp(arg[0], "on") || !strcmp(arg[0], "off"))
        trace_all(arg[0][1] == 'n');
    else if (once)
        command_error("trace cannot trace itself");
    else {
        once = true;
        monitor_execute(arg[0]);
        once = false;
    }
}
