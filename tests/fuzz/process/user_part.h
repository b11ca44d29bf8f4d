/* The user part of the simulated machine, at its own addresses in this process, for the kernel's code, which follows a
 * program's pointers. A page is there once it is touched, as the simulated tables have it at that time, and no longer than
 * until they are next changed. Touching one that the program could not touch in the same way is a finding; but the monitor
 * may look at any (kernel.h). */
#ifndef QUIRE_FUZZ_USER_PART_H
#define QUIRE_FUZZ_USER_PART_H

#include "types.h"

/* Begins with none of its pages there. Before each machine_start. */
void user_part_start(void);

/* Whether VA lies in it. */
bool in_user_part(uintptr_t va);

/* Whether the program may access [VA, VA + N) now, without a fault. */
bool user_part_allows(const void *va, size_t n, bool write);

/* Whether nobody else has one of the frames of [VA, VA + N), all of it there: what is stored to it is the program's alone. */
bool user_part_is_own(const void *va, size_t n);

/* The program's own access to the word at VA, with all the processor does; false where it faults. ERROR gets what the
 * processor pushes then. */
bool user_part_load(uintptr_t va, unsigned *word, unsigned *error);
bool user_part_store(uintptr_t va, unsigned word, unsigned *error);

#endif
