/* What programs do in the fuzz target system_calls. A program has a page of text, its data, and less than a page of
 * constants. */
#ifndef QUIRE_FUZZ_PROGRAM_H
#define QUIRE_FUZZ_PROGRAM_H

#include "trap.h"

#include "../../../kernel/process/memory.h"

#define TEXT (USER_START + 2 * PAGE_SIZE)
#define DATA (TEXT + PAGE_SIZE)
#define DATA_SIZE (3 * PAGE_SIZE) /* the first page of it from the file */
#define DATA_END (DATA + DATA_SIZE)
#define CONSTANTS DATA_END

/* A second name of its file: more than the kernel keeps of a process's name. */
#define LONG_NAME "program-with-a-name-that-is-longer-than-that"

/* By any program: where it stored something, where it mapped something, its call, and what calls returned. */
struct last {
    uintptr_t stored, mapped;
    unsigned number, result;
};
extern struct last last;

/* The word at VA is read or written, as the processor does it. False where that is a fault of the program's. */
bool access_word(struct trap_frame *frame, uintptr_t va, bool write, unsigned *word);

/* Call NUMBER, with the arguments in FRAME. */
void make_call(struct trap_frame *frame, unsigned number);

/* Several calls that belong together. */
void follow_habit(struct trap_frame *frame);

/* ---- arguments.c ---- */

/* Any argument, mostly one that borders on something. */
unsigned argument(const struct trap_frame *frame);

/* An argument of a call, of the kind that a letter names. */
unsigned argument_like(struct trap_frame *frame, char kind);

/* A descriptor, mostly an open one. */
unsigned descriptor(void);

/* Where to store something: mostly where it does not end the program. */
uintptr_t place(const struct trap_frame *frame);

/* Stores N words that look like arguments; TEXT, up to 511 characters; or a string, often a path. Each returns where. */
unsigned put_words(struct trap_frame *frame, unsigned n);
unsigned put_text(struct trap_frame *frame, const char *text);
unsigned put_string(struct trap_frame *frame);

/* Stores the N bytes at WORDS, N a multiple of 4, at VA. */
void put(struct trap_frame *frame, uintptr_t va, const void *words, size_t n);

#endif
