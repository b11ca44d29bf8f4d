/* The debugging heap: kmalloc's whole interface a second time, chosen at boot by heap=debug or heap=guard.
 *
 * heap=debug  red zones around each object, poison in it before its first use and after kfree, and a
 *             quarantine before its place is handed out anew: found at the next kfree or kmalloc_check
 * heap=guard  each object ends at a page's end, an absent page follows, and freed pages stay absent: the
 *             first wrong access faults
 *
 * kmalloc's alignment holds in both: 16 bytes, 8 for objects below 16. So with heap=guard up to 15 bytes
 * remain between an object whose size is no multiple of that and the page's end. They are a red zone: what
 * was written there is found at kfree; what was only read is not.
 *
 * Both keep the caller of each kmalloc and kfree. They need more memory and more time. */
#ifndef QUIRE_HEAP_DEBUG_H
#define QUIRE_HEAP_DEBUG_H

#include "types.h"

enum heap_mode { HEAP_NORMAL, HEAP_DEBUG, HEAP_GUARD };

/* What a debugged object holds before its first use and after kfree, in each byte. As an address it lies in
 * a range that Quire maps nothing in. */
#define HEAP_POISON_BYTE 0x5A
#define HEAP_POISON 0x5A5A5A5Au

/* Puts the debugging heap in kmalloc's place. Once, before kmalloc_init, while text can be written. */
void heap_debug_install(enum heap_mode mode);

enum heap_mode heap_mode(void);

/* What a report about the heap advises to try while the mode is normal. */
#define HEAP_DEBUG_ADVICE "heap=debug or heap=guard as an option: it names the object's callers"

/* A debugged object. Callers are return addresses. */
struct heap_object {
    uintptr_t start;
    size_t size; /* as it was asked for */
    bool live;
    uintptr_t allocated_by, freed_by;
};

/* The object that ADDRESS lies in, or beside: in its red zones, or in the absent page behind it. It may have
 * been freed, as long as its place is not used again. False, always in the normal mode, where there is
 * none. */
bool heap_debug_find(uintptr_t address, struct heap_object *out);

/* Shows each live object to FN, in the order of addresses. */
void heap_debug_each(void (*fn)(const struct heap_object *object, void *context), void *context);

#endif
