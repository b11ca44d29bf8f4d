/* The tracer's lines (trace_inside.h), and the folding of those that differ only in their page. */
#include "cpu.h"
#include "log.h"
#include "memlayout.h"
#include "output.h"
#include "string.h"
#include "trace_inside.h"
#include "vmem.h"

static bool line_open; /* the innermost call is printed, without a line end */

void trace_end_line(void) {
    if (line_open)
        kprintf("\n");
    line_open = false;
}

void trace_leave_line_open(void) { line_open = true; }
bool trace_line_is_open(void) { return line_open; }

void trace_begin_line(void) {
    trace_end_line();
    kprintf("%s|%s %*s", ink(GREY), ink(PLAIN), (int)(trace_depth + trace_place_depth()) * 2, "");
}

void trace_begin_event(void) {
    if (trace_place_is_new()) {
        trace_leave_place();
        trace_begin_line();
        trace_print_place();
    }
    trace_begin_line();
}

void trace_print_count(unsigned n) {
    if (n >= 1000) {
        trace_print_count(n / 1000);
        kprintf(",%03u", n % 1000);
    } else {
        kprintf("%u", n);
    }
}

void trace_print_entry_names(uintptr_t page, bool present) {
    kprintf("%sPD[%u] PT[%u]%s", ink(present ? GREEN : RED), pd_index((void *)page), pt_index((void *)page),
            ink(PLAIN));
}

static void print_event(const struct trace_event *e) {
    static const char *const words[] = {[MAPPED] = "mapped", [CHANGED] = "changed", [UNMAPPED] = "unmapped"};

    trace_begin_event();
    if (e->what == FRAME_TAKEN) {
        kprintf("frame %s0x%08x%s from pm\n", ink(BOLD), e->after, ink(PLAIN));
    } else if (e->what == FLUSHED) {
        kprintf("%sinvlpg%s 0x%08x  %s\n", ink(YELLOW), ink(PLAIN), (unsigned)e->page,
                e->page >= WINDOW_START ? "a table's page in the window flushed" : "flushed");
    } else {
        trace_print_entry_names(e->page, e->after & PTE_PRESENT);
        kprintf(" 0x%08x -> 0x%08x  0x%08x %s\n", e->before, e->after, (unsigned)e->page, words[e->what]);
    }
}

/* ---- folding: a group of up to PERIOD_MAX events that repeats, page after page ---- */

#define PERIOD_MAX 3
#define GROUPS_SHOWN 4

static struct {
    struct trace_event last[PERIOD_MAX]; /* the latest first */
    unsigned known;                      /* how many of them there are */
    unsigned period;                     /* each event goes on from the one so many before; 0: it does not */
    unsigned alike, hidden;              /* events in this run; of those, not shown */
} fold;

static unsigned period_of(const struct trace_event *e) {
    for (unsigned i = 0; i < fold.known; i++)
        if (fold.last[i].what == e->what && fold.last[i].page + PAGE_SIZE == e->page)
            return i + 1;
    return 0;
}

/* Ends a run: the next event is shown. */
void trace_unfold(void) {
    if (fold.hidden) {
        trace_begin_line();
        kprintf("... ");
        trace_print_count(fold.hidden / fold.period);
        kprintf(" more, up to 0x%08x\n", (unsigned)fold.last[0].page);
    }
    fold.period = fold.alike = fold.hidden = fold.known = 0;
}

void trace_event(struct trace_event e) {
    unsigned period = period_of(&e);

    if (fold.period && period != fold.period) {
        trace_unfold();
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

void trace_begin_lines(void) {
    memset(&fold, 0, sizeof(fold));
    line_open = false;
}
