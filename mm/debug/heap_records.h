/* Inside the debugging heap: where its objects lie, and a record of each (heap_records.c). */
#ifndef QUIRE_HEAP_RECORDS_H
#define QUIRE_HEAP_RECORDS_H

#include "heap_debug.h"
#include "kmalloc.h"

enum record_state {
    RECORD_NONE, /* no object has been here yet */
    RECORD_LIVE,
    RECORD_QUARANTINED, /* freed; its memory is still mapped, and poisoned */
    RECORD_FREED,       /* its place may be taken again */
};

struct record {
    struct record *next; /* in the quarantine, or in the list of free slots of its size */
    char *object;
    size_t size;
    uintptr_t allocated_by, freed_by;
    enum record_state state;
    unsigned slot_shift; /* its slot has 1 << SLOT_SHIFT bytes; RUN: it has a run */
    unsigned pages;      /* of a run: how many are mapped */
};
_Static_assert(sizeof(struct record) == 32, "records fill pages");

#define RUN 0

void records_init(enum heap_mode mode, const struct page_provider *provider);

/* Takes a place for SIZE bytes at a multiple of ALIGN and maps it. Returns its record, with OBJECT set; the
 * caller fills in the rest. NULL when memory has run out. */
struct record *record_take(size_t size, size_t align);

/* RECORD's object is no longer live, nor counted. */
void record_retire(struct record *record);

/* Gives up RECORD's place, after record_retire: a slot can be taken again, a run's pages become absent. */
void record_release(struct record *record);

/* The record of the place that ADDRESS lies in, a run's absent page included; or NULL. */
struct record *record_at(uintptr_t address);

/* All that is mapped for RECORD's object: [*START, *END). */
void record_bounds(const struct record *record, char **start, char **end);

/* The record after RECORD, in the order of addresses, whose place has had an object; the first one after
 * NULL. NULL after the last. */
struct record *record_next(const struct record *record);

/* Gives back every page without a live object. The quarantine must be empty. */
void records_trim(void);

/* Panics where a page has been lost. */
void records_check(void);

void records_stats(unsigned sc, struct kmalloc_stats *out);
#define RECORD_CLASSES 7 /* slots of 64 to 2048 bytes, and runs */

size_t records_pages(void);
size_t records_peak_pages(void);

#endif
