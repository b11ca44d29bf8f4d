/* What the tracer's files share. trace.c runs a command and follows it step by step; trace_told.c follows it by what the
 * lab's kernel tells, where the processor takes no single steps. trace_calls.c knows the calls that the command is in,
 * trace_entries.c what its stores and flushes change, and trace_lines.c prints. */
#ifndef QUIRE_TRACE_INSIDE_H
#define QUIRE_TRACE_INSIDE_H

#include "decode.h"
#include "trap.h"
#include "types.h"

/* What is counted while a command is traced. */
struct trace_sums {
    unsigned steps, inside; /* instructions: all, and those in watched calls; no steps: it is told */
    unsigned frames_taken, frames_given, linked, unlinked, entries, flushes;
};
extern struct trace_sums trace_sums;

/* ---- trace_lines.c: lines, indented by the depth of calls ---- */

void trace_begin_lines(void); /* of a new trace */
void trace_begin_line(void);
void trace_end_line(void); /* if one is left open */
void trace_leave_line_open(void);
bool trace_line_is_open(void);

/* Begins the line of an event; before it, where it is told, that of its line of C. */
void trace_begin_event(void);

/* With a comma after the thousands. */
void trace_print_count(unsigned n);

/* The indices of PAGE, in the colour of what is there now. */
void trace_print_entry_names(uintptr_t page, bool present);

/* What happens to one page, which may be one of many: events that differ only in their page are shown for the first few,
 * then counted. */
struct trace_event {
    enum { FRAME_TAKEN, MAPPED, CHANGED, UNMAPPED, FLUSHED } what;
    uintptr_t page; /* its address */
    unsigned before, after;
};
void trace_event(struct trace_event e);
void trace_unfold(void); /* before whatever else is printed */

/* ---- trace_calls.c: watched functions ---- */

struct watched;

extern unsigned trace_depth; /* calls that the command is in */

void trace_begin_calls(void);

/* The watched function of that name, or NULL. */
const struct watched *trace_watched(const char *name);

/* FRAME is before the next instruction, which may be the first of a call, or the first after one. */
void trace_follow_calls(const struct trap_frame *frame);

/* A call begins whose return address is at ESP; its line is left open. The innermost call ends. */
void trace_open_call(const struct watched *function, unsigned esp);
void trace_close_call(void);

/* Whether call I, 0 being the outermost, is this one. */
bool trace_is_call(unsigned i, const struct watched *function, unsigned esp);

/* Counts the frames taken, or given back, since the last time. */
void trace_count_frames(void);

/* Whether the innermost call may have taken FRAME from pm without calling it. */
bool trace_takes(paddr_t frame);

/* ---- trace_entries.c: what changes ---- */

void trace_begin_entries(void);

/* The word that ADDRESS lies in is about to be stored. The last store is over. */
void trace_look_at_store(uintptr_t address);
void trace_look_at_entry(void);

void trace_count_scratch_stores(unsigned n);
void trace_flush(const struct effect *effect);

/* ---- trace_told.c: in the lab's kernel ---- */

#ifdef QUIRE_LAB
#define TRACE_IS_TOLD true

/* Listens to a command run by the function whose frame is FRAME; NULL ends it. */
void trace_listen(const void *frame);

bool trace_place_is_new(void);    /* the line of C whose event comes next is not the last one's */
void trace_print_place(void);     /* the events after it are its */
void trace_leave_place(void);     /* they are not */
unsigned trace_place_depth(void); /* levels that they are indented by */
#else
#define TRACE_IS_TOLD false

static inline void trace_listen(const void *frame) { (void)frame; }
static inline bool trace_place_is_new(void) { return false; }
static inline void trace_print_place(void) {}
static inline void trace_leave_place(void) {}
static inline unsigned trace_place_depth(void) { return 0; }
#endif

#endif
