/* The names $0, $1, ... of what alloc returned.
 *
 * Names are never reused. The latest NAMES_KEPT are remembered, in a ring; after a free a name still stands for
 * its address, for peek and walk, but cannot be freed again. No name of a live object leaves the ring, since only what
 * has a name can be freed. */
#include "objects.h"

#include "kmalloc.h"

#define NAMES_KEPT 1024

struct names {
    struct {
        void *object;
        bool freed;
    } kept[NAMES_KEPT]; /* $K is kept[K % NAMES_KEPT] */
    unsigned given;
};

static struct names own, other; /* other: while they are set aside */
static struct names *names = &own;

/* While ASIDE, names start afresh at $0; afterwards they are as before. */
void objects_set_aside(bool aside) {
    names = aside ? &other : &own;
    other.given = 0;
}

/* Names OBJECT, and returns K of its name $K. */
unsigned object_name(void *object) {
    unsigned k = names->given++;

    names->kept[k % NAMES_KEPT].object = object;
    names->kept[k % NAMES_KEPT].freed = false;
    return k;
}

/* Whether the next name would push the name $K of a live object out of the ring. */
bool object_in_the_way(unsigned *k) {
    *k = names->given - NAMES_KEPT;
    return names->given >= NAMES_KEPT && object_lives(*k);
}

/* What $K stands for, freed or not; false when there is no such name, or it was too long ago. */
bool object_named(unsigned k, uintptr_t *va) {
    if (k >= names->given || names->given - k > NAMES_KEPT)
        return false;
    *va = (uintptr_t)names->kept[k % NAMES_KEPT].object;
    return true;
}

/* The latest name; false when there is none. */
bool object_latest(unsigned *k) {
    *k = names->given - 1;
    return names->given > 0;
}

/* Whether $K, which object_named knows, was freed. */
bool object_is_freed(unsigned k) { return names->kept[k % NAMES_KEPT].freed; }

/* Whether the object that $K named is still allocated. */
bool object_lives(unsigned k) {
    uintptr_t va;

    return object_named(k, &va) && !object_is_freed(k) && kmalloc_size((void *)va);
}

/* Ends the life of every name of the object at VA. Its address may soon be another object's. */
void object_freed(uintptr_t va) {
    for (unsigned i = 0; i < NAMES_KEPT; i++)
        if ((uintptr_t)names->kept[i].object == va)
            names->kept[i].freed = true;
}

/* Whether an object with a name, not freed, begins at VA. */
bool object_begins_at(uintptr_t va) {
    for (unsigned i = 0; i < NAMES_KEPT && i < names->given; i++)
        if ((uintptr_t)names->kept[i].object == va && !names->kept[i].freed)
            return true;
    return false;
}

/* The live object that VA lies in, the latest name first. */
bool object_at(uintptr_t va, unsigned *k, size_t *offset, size_t *size) {
    unsigned oldest = names->given > NAMES_KEPT ? names->given - NAMES_KEPT : 0;

    for (*k = names->given; (*k)-- > oldest;) {
        void *object = names->kept[*k % NAMES_KEPT].object;
        *offset = va - (uintptr_t)object;
        *size = object_is_freed(*k) ? 0 : kmalloc_size(object);
        if (*offset < *size)
            return true;
    }
    return false;
}

/* [VA, VA + BYTES) lies in one named, live object. */
bool object_holds(uintptr_t va, size_t bytes) {
    unsigned k;
    size_t offset, size;

    return object_at(va, &k, &offset, &size) && bytes <= size - offset;
}
