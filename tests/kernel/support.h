/* What the tests share: random numbers, room in the address space, and running out of memory on purpose. */
#ifndef QUIRE_TESTS_SUPPORT_H
#define QUIRE_TESTS_SUPPORT_H

#include "memmap.h"
#include "types.h"

/* Starts the random numbers at SEED: the same follow on every run. */
void random_seed(unsigned seed);

/* Seeds a test that takes ROUNDS random rounds when it is chosen by name; returns how many to take now. A run
 * of the whole suite takes a tenth, from a seed that each amount of memory has for itself: many machines run
 * the suite, and each tries something else. seed=N and rounds=N of the run come before both. What counts is printed,
 * so that the run can be repeated. */
unsigned random_rounds(unsigned seed, unsigned rounds);

unsigned random_next(void);
unsigned random_below(unsigned limit); /* in [0, LIMIT), LIMIT not 0 */

/* The first place in TEXT where PART stands, or NULL. */
const char *find_text(const char *text, const char *part);

/* The start of N adjacent 4 MiB areas between FREE_START and KHEAP_START without page tables, or NULL. */
char *spare_area(unsigned n);

/* The frames that a test holds; bit i is frame i. The runner gives back what is left. */
extern memmap_frames frames_held;

void frames_hold_all(void);    /* takes every free frame */
void frames_release(size_t n); /* gives back N of them, or all */
void frames_release_all(void);

/* Takes every free object of the heap's pages, so that each kmalloc needs a frame, but for LEFT objects of up to 32 bytes.
 * For tests that run out of memory between two objects that would lie in one page. */
void objects_hold_all(unsigned left);
void objects_release_all(void);
size_t objects_live(void); /* handed out by kmalloc, of any size */

/* Whether this is v86, an emulator without task switches at a double fault and without spurious interrupts. (Its processor
 * calls itself a Pentium III, but has no page attribute table.) */
bool on_v86(void);

/* Checks every invariant of pm, vmem and kmalloc; panics with the first one broken. */
void check_memory(void);

/* Calls FN(ARG) one instruction at a time, and LOOK before each: what LOOK sees, and what it makes the TLB cache, the
 * processor could at that moment. Where takes_steps() is false LOOK is never called. */
void call_in_steps(void (*fn)(void *arg), void *arg, void (*look)(void));
bool takes_steps(void);

/* Runs ATTEMPT(ARG) with 0, 1, 2, ... frames free until it returns true, which must take at least LEAST
 * frames. After each attempt as many frames must be free as before: one that succeeds undoes itself. Fails as
 * KCHECK does. */
void exhaust(bool (*attempt)(void *arg), void *arg, size_t least);

/* A frame from pm with VALUE in its first word, to tell frames apart; PADDR_NONE if there is none. */
paddr_t marked_frame(unsigned value);

#endif
