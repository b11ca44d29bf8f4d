/* kmalloc: the kernel heap, between KHEAP_START and KHEAP_END.
 *
 * The heap keeps its books outside its objects: no overflow and no use after free can corrupt them, and each
 * free is checked exactly, in constant time. When memory runs out a call returns NULL and has changed
 * nothing, except that pages without objects have been given back. A pointer that is no live object is a
 * panic that says which mistake it is.
 *
 * An interrupt handler that has interrupted the kernel may call kmalloc_size, kmalloc_stats, kmalloc_pages
 * and kmalloc_peak_pages, which only read. Every other call is a panic there, at once: a handler must not
 * depend on what it has interrupted. Let it note what is to be done, and do that where the kernel waits.
 *
 * With heap=debug or heap=guard on the command line, heap_debug_install (heap_debug.h) replaces every
 * function here at boot: it writes a jump over its first bytes. */
#ifndef QUIRE_KMALLOC_H
#define QUIRE_KMALLOC_H

#include "types.h"

/* Where the heap gets its pages. Both functions work on [VA, VA + PAGES * PAGE_SIZE), page-aligned, in the
 * heap's range. GET makes the pages readable and writable and returns 0, or it returns a negative value and
 * changes nothing. GIVE takes back pages that GET gave, in any division, and returns 0. */
struct page_provider {
    int (*get)(void *va, size_t pages);
    int (*give)(void *va, size_t pages);
};

/* The provider over vmem: frames from pm, mapped through the window. */
extern const struct page_provider vmem_provider;

/* Makes the heap empty, with pages from PROVIDER: before any other call, or again while it holds no page. */
void kmalloc_init(const struct page_provider *provider);

/* SIZE bytes, 16-byte aligned from 16 bytes up, 8 below; NULL for 0, or when memory has run out. kmalloc
 * leaves their contents undefined, kzalloc clears them. Addresses can run out too: all objects of up to a
 * page lie in 128 MiB; of larger ones there can be 8,064, and 8,192 more of up to 8 KiB; one object has 504
 * MiB at most. */
void *kmalloc(size_t size);
void *kzalloc(size_t size);

/* The object at P with SIZE bytes: in the same place or another, the lesser size's contents kept. NULL when
 * memory has run out: P is then as it was. P = NULL allocates; SIZE = 0 frees and returns NULL. */
void *krealloc(void *p, size_t size);

/* As kmalloc, at a multiple of ALIGN, a power of two (anything else is a panic). */
void *kmalloc_aligned(size_t size, size_t align);

/* Frees a live object. NULL is allowed; anything else panics, and says which mistake it is: freed already,
 * inside an object, never allocated, or no address of the heap. */
void kfree(void *p);

/* The bytes that may be used at P, at least as many as were asked for; 0 when P is not a live object's
 * start. */
size_t kmalloc_size(const void *p);

/* Whether the heap keeps its books outside the pages of its objects, where no overflow reaches them. Quire's does. A heap that
 * takes its place may not: then tests and benchmarks leave out what only such books survive. */
extern const bool kmalloc_books_apart;

/* Checks every invariant; panics with the first one broken. */
void kmalloc_check(void);

/* Gives back every page without an object. Between calls the heap keeps at most KMALLOC_SPARE of them. (Its
 * records of pages of small objects take a page for each 25, up to the highest that is used.) */
void kmalloc_trim(void);
#define KMALLOC_SPARE 16

/* One size class. The last class is that of all large objects: its size is 0. */
struct kmalloc_stats {
    size_t size;     /* an object's bytes */
    size_t live;     /* objects handed out */
    size_t capacity; /* objects that the class's pages hold */
    size_t pages;    /* pages got from the provider for the class */
};

/* The figures of size class SC, counted from 0; false past the last. A heap without size classes has none. */
bool kmalloc_stats(unsigned sc, struct kmalloc_stats *out);

/* The pages now got from the provider, for whatever use, and the most that ever were. */
size_t kmalloc_pages(void);
size_t kmalloc_peak_pages(void);

#endif
