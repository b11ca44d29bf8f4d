/* The address space, as maps and walk show it. */
#ifndef QUIRE_WALK_H
#define QUIRE_WALK_H

#include "types.h"

/* The part of the address space that VA lies in, as maps names it. */
const char *region_name(uintptr_t va);

/* "PD[1] absent" or "PT[0] absent" where VA is not mapped; NULL where it is. */
#define ABSENT_TEXT 20
const char *absent_level(uintptr_t va, char text[ABSENT_TEXT]);

#endif
