/* What the tests share: random numbers, room in the address space, and running out of memory on purpose. */
#ifndef QUIRE_TESTS_SUPPORT_H
#define QUIRE_TESTS_SUPPORT_H

#include "memmap.h"
#include "types.h"

/* The same numbers on every run, from SEED on. */
void random_seed(unsigned seed);

/* Seeds a test that takes ROUNDS random rounds when it is chosen by name; returns how many to take now. A run of
 * the whole suite takes a tenth, from a seed that each amount of memory has for itself: many machines run the
 * suite, and each tries something else. */
unsigned random_rounds(unsigned seed, unsigned rounds);

unsigned random_next(void);
unsigned random_below(unsigned limit); /* in [0, LIMIT), LIMIT not 0 */

/* Where TEXT first has PART in it, or NULL. */
const char *find_text(const char *text, const char *part);

/* The start of N adjacent 4 MiB areas between FREE_START and KHEAP_START that have no page table; NULL when
 * there are none. */
char *spare_area(unsigned n);

/* The frames that a test holds on to; bit i is frame i. The runner gives back what is left here. */
extern memmap_frames frames_held;

void frames_hold_all(void);    /* takes every free frame */
void frames_release(size_t n); /* gives back N of them, or all */
void frames_release_all(void);

/* True in v86, an emulator that does not survive a double fault (its processor calls itself a Pentium III,
 * but has none of that one's page attribute table). */
bool on_v86(void);

/* Every invariant of pm, vmem and kmalloc. Panics. */
void check_memory(void);

/* Has ATTEMPT(ARG) run with 0, 1, 2, ... frames free until it returns true; it must need as many as LEAST.
 * After each time the free frames must be as before: an attempt that succeeds undoes itself. Checks as
 * KCHECK does. */
void exhaust(bool (*attempt)(void *arg), void *arg, size_t least);

/* A frame of the caller's own with VALUE in its first word, to tell frames apart; PADDR_NONE when there
 * is none. For a moment it is mapped in a spare area. */
paddr_t marked_frame(unsigned value);

#endif
