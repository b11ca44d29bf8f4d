/* The debugging heap: all of kmalloc.h a second time, chosen at boot by heap=debug or heap=guard.
 *
 * heap=debug  Each object has red zones around it. It holds poison before its first use and after kfree, and
 *             waits in a quarantine before its place is handed out again. A wrong write is found at the next
 *             kfree or kmalloc_check.
 * heap=guard  Each object ends where a page ends, and an absent page follows. Freed pages stay absent. The
 *             first wrong access faults.
 *
 * Objects are aligned as kmalloc.h says: to 16 bytes, or 8 below 16. With heap=guard an object whose size is
 * no multiple of that therefore ends up to 15 bytes before its page does. These bytes are a red zone: kfree
 * finds a write to them, but not a read.
 *
 * Both modes record the callers of kmalloc and kfree. They need more memory and more time. */
#ifndef QUIRE_HEAP_DEBUG_H
#define QUIRE_HEAP_DEBUG_H

#include "types.h"

enum heap_mode { HEAP_NORMAL, HEAP_DEBUG, HEAP_GUARD };

/* Each byte of an object before its first use and after kfree. Taken as an address, four of them lie where
 * Quire maps nothing. */
#define HEAP_POISON_BYTE 0x5A
#define HEAP_POISON 0x5A5A5A5Au

/* Replaces kmalloc's functions by those of MODE. Once, before kmalloc_init, while text can still be
 * written. */
void heap_debug_install(enum heap_mode mode);

enum heap_mode heap_mode(void);

/* What a report about the heap advises to try while the mode is normal. */
#define HEAP_DEBUG_ADVICE "heap=debug or heap=guard as an option: it names the object's callers"

/* An object of the debugging heap. Callers are return addresses. */
struct heap_object {
    uintptr_t start;
    size_t size; /* as asked for */
    bool live;
    uintptr_t allocated_by, freed_by;
};

/* Finds the object that ADDRESS lies in or beside: in its red zones, or in the absent page behind it. A freed
 * object is found until its place is used again. False when there is none; always in the normal mode. */
bool heap_debug_find(uintptr_t address, struct heap_object *out);

/* Calls FN with each live object, in the order of addresses. */
void heap_debug_each(void (*fn)(const struct heap_object *object, void *context), void *context);

#endif
