/* kmalloc: the public calls, and the paths that most calls take: a small object from, or to, the page at
 * hand. kheap.h shows where objects lie; kmalloc_small.c and kmalloc_large.c explain the two kinds.
 *
 * Both kinds keep their metadata outside the objects' pages. No overflow and no use after free can reach it,
 * and whether an address is the start of a live object is looked up, exactly and in constant time.
 *
 * When memory runs out, every spare page is given back, and the call tries once more before it fails.
 *
 * kmalloc and kfree need no stack frame: every call in them comes last, and the compiler makes it a jump.
 * docs/notes/kmalloc.md has the figures, and what was tried and dropped. */
#include "kmalloc.h"

#include "kheap.h"
#include "string.h"

const bool kmalloc_books_apart = true;
struct page_provider page_provider;
size_t held_pages, peak_pages;

/* The pages held from the provider, and the most ever held. */
size_t kmalloc_pages(void) { return held_pages; }
size_t kmalloc_peak_pages(void) { return peak_pages; }

/* Makes the heap empty. */
void kmalloc_init(const struct page_provider *provider) {
    page_provider = *provider;
    held_pages = peak_pages = 0;
    small_init();
    large_init();
}

/* ---- allocating ---- */

/* SIZE bytes, 16-byte aligned from 16 bytes up, 8 below; NULL for 0, or when memory has run out. */
void *kmalloc(size_t size) {
    size_t last = size - 1, sc; /* size 0 wraps: large_alloc refuses it */
    if (likely(last < FINE_CLASSES * GRANULE))
        sc = last / GRANULE;
    else if (last < SMALL_MAX)
        sc = small_class_of[last / GRANULE];
    else
        return large_alloc(size);
    struct slab *slab = small_current[sc];
    if (unlikely(slab->first_free == NO_GRANULE || in_interrupt()))
        return small_alloc(size);
    return small_take(slab);
}

/* As kmalloc; the bytes are zero. */
void *kzalloc(size_t size) {
    void *p = kmalloc(size);
    if (p)
        memset(p, 0, size);
    return p;
}

/* As kmalloc, at a multiple of ALIGN, a power of two. A small object lies at a multiple of its class's size
 * from its page's start, so one of 2^n bytes is aligned to 2^n. */
void *kmalloc_aligned(size_t size, size_t align) {
    if (align == 0 || align & (align - 1))
        PANIC("kmalloc: an alignment of %zu is no power of two", align);
    if (size == 0 || align <= GRANULE)
        return kmalloc(size);
    if (size > SMALL_MAX || align > SMALL_MAX)
        return large_alloc_aligned(size, align);
    while (align < size)
        align *= 2;
    return kmalloc(align);
}

/* ---- freeing ---- */

/* P is the start of a granule in a page that has a slab. */
static inline void free_small(void *p) {
    struct slab *slab = slab_of(p);
    size_t granule = granule_of(p), next = slab->first_free;
    if (unlikely(slab->links.next[granule] != (uint8_t)granule)) {
        bad_kfree(p);
        return;
    }
    slab->links.next[granule] = (uint8_t)next;
    slab->first_free = granule;
    slab->claims--;
    if (unlikely(slab->claims == 0))
        small_emptied(slab);
    else if (unlikely(next == NO_GRANULE))
        small_opened(slab);
}

/* Frees a live object. NULL is allowed; anything else panics, and says which mistake it is. */
void kfree(void *p) {
    if (unlikely(in_interrupt()))
        heap_refuse();
    else if (unlikely(!is_small(p)))
        large_free(p);
    else
        free_small(p);
}

/* Gives back every spare page. */
void kmalloc_trim(void) {
    heap_enter();
    small_trim();
    large_trim();
}

/* ---- sizes ---- */

/* The bytes that may be used at P; 0 when P is not a live object's start. */
size_t kmalloc_size(const void *p) { return (uintptr_t)p < NARROW_START ? small_size(p) : large_size(p); }

/* The object at P with SIZE bytes: the same place or another, the lesser size's contents kept. It moves when
 * it cannot grow in place, and when more than half of its place would be left over. */
void *krealloc(void *p, size_t size) {
    heap_enter();
    size_t old = kmalloc_size(p);
    if (old == 0 || size == 0) {
        kfree(p); /* panics unless P is NULL, or live and SIZE 0 */
        return kmalloc(size);
    }
    if (size <= old && (size > old / 2 || old == GRANULE))
        return p;
    if (old > SMALL_MAX && size > SMALL_MAX && large_resize(p, size))
        return p;
    void *to = kmalloc(size);
    if (!to)
        return size <= old ? p : NULL;
    memcpy(to, p, size < old ? size : old);
    kfree(p);
    return to;
}
