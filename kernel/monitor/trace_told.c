/* The trace of a command where the processor takes no single steps, as in v86. The lab's kernel (lab.h) tells its entries
 * and flushes itself: they are taken from there, each under the line of C that tells it. Which calls it is in, the stack's
 * frames say: a call that tells nothing is not seen, nor are arguments and results, which may be gone by then. Part of
 * that kernel alone. */
#ifndef QUIRE_LAB /* an editor does not know what only the Makefile says */
#define QUIRE_LAB
#endif
#include "lab.h"

#include "log.h"
#include "memlayout.h"
#include "symbols.h"
#include "trace_inside.h"
#include "vmem.h"

#define CALLS_MAX 16 /* deeper ones are not looked for */

/* ---- the line of C ---- */

static struct lab_place place; /* of the events that are shown now; its line is 0 when there is none */

unsigned trace_place_depth(void) { return place.line > 0; }

bool trace_place_is_new(void) {
    return !trace_sums.steps && (place.line != lab_place.line || place.function != lab_place.function);
}

void trace_print_place(void) {
    place = lab_place;
    kprintf("%s, %s:%d\n", place.function, place.file, place.line);
}

void trace_leave_place(void) { place.line = 0; }

/* ---- calls ---- */

static uintptr_t command_frame; /* trace_command's: the frames below it are the command's */

/* The watched function that returns to EIP, or NULL. */
static const struct watched *watched_before(uintptr_t eip) {
    size_t offset;
    const char *name = symbol_at(eip - 1, &offset);

    return name ? trace_watched(name) : NULL;
}

/* The watched calls in which FRAME is called, innermost first, at most CALLS_MAX; returns how many. */
static unsigned find_calls(const unsigned *frame, const struct watched **function, unsigned *esp) {
    unsigned n = 0;

    for (const unsigned *caller; (uintptr_t)frame < command_frame && n < CALLS_MAX; frame = caller) {
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
    const struct watched *function[CALLS_MAX];
    unsigned esp[CALLS_MAX], n = find_calls(frame, function, esp), same = 0;

    while (same < n && trace_is_call(same, function[n - 1 - same], esp[n - 1 - same]))
        same++;
    while (trace_depth > same)
        trace_close_call();
    for (; same < n; same++)
        trace_open_call(function[n - 1 - same], esp[n - 1 - same]);
}

/* ---- what is told ---- */

static void on_word(unsigned port, unsigned value) {
    static unsigned block;

    if (trace_sums.steps)
        return;
    trace_count_frames();
    if (port == LAB_ENTRY || port == LAB_FLUSH || port == LAB_CR3)
        follow_frames(__builtin_frame_address(0));
    if (port == LAB_ENTRY)
        trace_look_at_store(value);
    else if (port == LAB_VALUE)
        trace_look_at_entry();
    else if (port == LAB_BLOCK)
        block = value;
    else if (port == LAB_WORDS)
        trace_count_scratch_stores(block / PAGE_SIZE == SCRATCH_PAGE / PAGE_SIZE ? value : 0);
    else if (port == LAB_FLUSH)
        trace_flush(&(struct effect){.flushes = FLUSHES_PAGE, .operand = value});
    else if (port == LAB_CR3)
        trace_flush(&(struct effect){.flushes = FLUSHES_ALL, .operand = value});
}

void trace_listen(const void *frame) {
    command_frame = (uintptr_t)frame;
    lab_listener = frame ? on_word : NULL;
    trace_unfold();
    trace_leave_place();
    if (!trace_sums.steps)
        trace_count_frames();
}
