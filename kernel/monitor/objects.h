/* The names $0, $1, ... that alloc gives to objects of the heap. */
#ifndef QUIRE_OBJECTS_H
#define QUIRE_OBJECTS_H

#include "types.h"

/* Names OBJECT, and returns K of its name $K. */
unsigned object_name(void *object);

/* Whether that would make $K, the name of a live object, unknown: it is to be freed first. */
bool object_in_the_way(unsigned *k);

/* What $K stands for, freed or not; false when there is no such name, or it was too long ago. */
bool object_named(unsigned k, uintptr_t *va);

/* The latest name; false when there is none. */
bool object_latest(unsigned *k);

/* Whether $K, which object_named knows, was freed; whether the object that it named is still allocated. */
bool object_is_freed(unsigned k);
bool object_lives(unsigned k);

/* Whether an object with a name, not freed, begins at VA. */
bool object_begins_at(uintptr_t va);

/* Ends the life of every name of the object at VA. */
void object_freed(uintptr_t va);

/* The named, live object that VA lies in: its name, VA's offset into it, and its size; false when there is
 * none. object_holds: [VA, VA + BYTES) lies in one. */
bool object_at(uintptr_t va, unsigned *k, size_t *offset, size_t *size);
bool object_holds(uintptr_t va, size_t bytes);

/* While ASIDE, names start afresh at $0; afterwards they are as before. The tests name objects too. */
void objects_set_aside(bool aside);

#endif
