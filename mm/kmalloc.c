/* kmalloc: which tier serves a size, and which one an address belongs to. kheap.h shows the two.
 *
 * What they share: nothing that the heap must know lies in an object's page. So neither a use after free nor
 * an overflow can reach it, and whether an address is the start of a live object is looked up, exactly and
 * in constant time, in a table that only the heap writes to.
 *
 * The tiers' heads give figures of W1 to W6, the workloads of tests/bench/workloads.c (`make bench`). */
#include "kmalloc.h"

#include "interrupt.h"
#include "kheap.h"
#include "panic.h"
#include "string.h"

struct page_provider page_provider;
size_t held_pages, peak_pages, spare_pages;

size_t kmalloc_pages(void) { return held_pages; }
size_t kmalloc_peak_pages(void) { return peak_pages; }

void kmalloc_init(const struct page_provider *pages) {
    page_provider = *pages;
    held_pages = peak_pages = spare_pages = 0;
    small_init();
    large_init();
}

/* What the spare pages take up may do (each time fewer pages are held, so this ends); and where the small
 * objects' zone is full, a larger object. */
void *alloc_again(size_t size, size_t align) {
    size_t before = held_pages;
    kmalloc_trim();
    if (held_pages < before)
        return kmalloc_aligned(size, align);
    return size - 1 < SMALL_MAX && align == 1 ? large_alloc(SMALL_MAX + 1) : NULL;
}

void *kmalloc(size_t size) {
    if (unlikely(size - 1 >= SINGLE_STEPS * GRANULE)) /* of size 0 far too many */
        return size - 1 < SMALL_MAX ? small_alloc(size) : large_alloc(size);
    size_t granules = (size - 1) / GRANULE; /* less one */
    struct slab *slab = small_current[granules];
    unsigned granule = slab->head;
    if (unlikely(granule == NO_GRANULE))
        return small_alloc_elsewhere(granules);
    return small_take(slab, granule);
}

/* Small objects lie at multiples of their size from a page's start: one whose size is a power of two is
 * aligned to it. Large ones can have any alignment. */
void *kmalloc_aligned(size_t size, size_t align) {
    if (align == 0 || align & (align - 1))
        PANIC("kmalloc: an alignment of %zu is no power of two", align);
    if (align <= GRANULE || size == 0)
        return kmalloc(size);
    if (size > SMALL_MAX && align <= 1u << NARROW_SHIFT)
        return large_alloc(size);
    if (align > SMALL_MAX || size > SMALL_MAX)
        return large_alloc_aligned(size, align);
    while (align < size)
        align *= 2;
    return kmalloc(align);
}

void *kzalloc(size_t size) {
    void *p = kmalloc(size);
    if (p)
        memset(p, 0, size);
    return p;
}

size_t kmalloc_size(const void *p) {
    size_t small = small_size(p);
    return small ? small : large_size(p);
}

/* P is volatile to be read again where it is needed again, which is rare; it would else be kept in a register
 * that must be saved: two instructions of twenty. */
void kfree(void *volatile p) {
    size_t i = small_granule(p);
    if (unlikely(i >= small_top)) {
        large_free(p);
        return;
    }
    size_t granule = i % PAGE_GRANULES;
    struct slab *slab = small_slab(i);
    if (unlikely(slab->next[granule] != (uint8_t)granule)) {
        bad_kfree(p);
        return;
    }
    slab->next[granule] = (uint8_t)slab->head;
    slab->head = granule;
    if (unlikely(--slab->more < 0))
        small_changed(slab);
}

void *krealloc(void *p, size_t size) {
    size_t old = kmalloc_size(p);
    if (old == 0 || size == 0) {
        kfree(p);
        return p ? NULL : kmalloc(size);
    }
    if (size <= old && (size > old / 2 || old == GRANULE))
        return p;
    if (old > SMALL_MAX && size > SMALL_MAX && large_resize(p, size))
        return p;
    void *to = size > SMALL_MAX ? large_alloc_wide(size) : kmalloc(size);
    if (!to)
        return size <= old ? p : NULL;
    memcpy(to, p, size < old ? size : old);
    kfree(p);
    return to;
}

void kmalloc_trim(void) {
    ASSERT(!in_interrupt());
    small_trim();
    large_trim();
}
