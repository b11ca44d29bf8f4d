/* kmalloc: the kernel heap, between KHEAP_START and KHEAP_END.
 *
 * Nothing it needs to know lies in or beside an object: a use after free, or an overflow, cannot corrupt
 * it, and every free is checked exactly and in constant time. Exhaustion is NULL, with everything as it
 * was; a pointer that is no live object is a panic that says which kind of mistake it is. */
#ifndef QUIRE_KMALLOC_H
#define QUIRE_KMALLOC_H

#include "types.h"

/* Where the heap gets its pages. Both work on [VA, VA + PAGES * PAGE_SIZE), page-aligned, inside the heap's
 * range. GET makes the pages readable and writable and returns 0, or returns a negative value and changes
 * nothing; GIVE takes back pages that GET gave, in any division. Both outlive the heap. */
struct page_provider {
    int (*get)(void *va, size_t pages);
    int (*give)(void *va, size_t pages);
};

/* The provider over vmem: frames from pm, mapped through the window. */
extern const struct page_provider vmem_provider;

/* Makes the heap empty: before any other call, or again while it holds no page. */
void kmalloc_init(const struct page_provider *provider);

/* SIZE bytes, 16-byte aligned from 16 bytes up, 8 below; NULL for 0, or when memory has run out. The
 * contents are undefined; kzalloc's are zero. One object is of 504 MiB at most; of objects of more than a page
 * there can be 16,256, of more than 16 KiB 8,064. Before they fail for want of memory or addresses, they give
 * back every page that holds nothing. */
void *kmalloc(size_t size);
void *kzalloc(size_t size);

/* The object at P with SIZE bytes: the same place or another, the lesser size's contents kept. NULL when
 * memory has run out: P is then as it was. P = NULL allocates; SIZE = 0 frees and returns NULL. */
void *krealloc(void *p, size_t size);

/* As kmalloc, at a multiple of ALIGN, a power of two (anything else is a panic). */
void *kmalloc_aligned(size_t size, size_t align);

/* Frees a live object. NULL is allowed; anything else panics, and says which: freed already, inside an
 * object, never allocated, or no address of the heap. */
void kfree(void *p);

/* The bytes that may be used at P, at least what was asked for; 0 when P is not a live object's start. */
size_t kmalloc_size(const void *p);

/* Every invariant; panics with the first one broken. */
void kmalloc_check(void);

/* Gives back every page that holds nothing. Between calls at most KMALLOC_SPARE such pages are kept. (What the
 * heap knows of pages of small objects takes a page for each 25, up to the highest that has one.) */
void kmalloc_trim(void);
#define KMALLOC_SPARE 16

/* One size class. The last class is all larger objects: size 0. */
struct kmalloc_stats {
    size_t size;     /* an object's bytes */
    size_t live;     /* objects handed out */
    size_t capacity; /* objects that the class's pages hold */
    size_t pages;    /* pages got from the provider */
};

/* The figures of size class SC, counted from 0; false past the last. */
bool kmalloc_stats(unsigned sc, struct kmalloc_stats *out);

/* The pages now got from the provider, for whatever use, and the most that ever were. */
size_t kmalloc_pages(void);
size_t kmalloc_peak_pages(void);

#endif
