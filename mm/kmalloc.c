/* kmalloc: which tier serves a size, and which one an address belongs to. kheap.h shows the two.
 *
 * What they share: nothing that the heap must know lies in an object's page. So neither a use after free nor
 * an overflow can reach it, and whether an address is the start of a live object is looked up, exactly and
 * in constant time, in a table that only the heap writes to. */
#include "kmalloc.h"

#include "kheap.h"
#include "panic.h"
#include "string.h"

static const struct page_provider *provider;
static size_t held_pages, peak_pages;
static bool refused; /* by the provider, since try_again last looked */
size_t spare_pages;

int heap_get(void *va, size_t pages) {
    ASSERT(!in_interrupt());
    if (provider->get(va, pages) < 0) {
        refused = true;
        return -1;
    }
    held_pages += pages;
    if (held_pages > peak_pages)
        peak_pages = held_pages;
    return 0;
}

void heap_give(void *va, size_t pages) {
    ASSERT(!in_interrupt());
    if (provider->give(va, pages) < 0)
        PANIC("kmalloc: the provider does not take back %zu pages at %p", pages, va);
    held_pages -= pages;
}

size_t kmalloc_pages(void) { return held_pages; }
size_t kmalloc_peak_pages(void) { return peak_pages; }

void kmalloc_init(const struct page_provider *pages) {
    provider = pages;
    held_pages = peak_pages = spare_pages = 0;
    small_init();
    large_init();
}

/* After a failure. Where the provider had no page left, the spare ones may do; where the small objects' zone
 * is full, a large object does. */
static __attribute__((noinline)) void *try_again(size_t size, size_t align) {
    if (refused && spare_pages)
        kmalloc_trim();
    refused = false;
    void *p = size - 1 < SMALL_MAX && align <= GRANULE ? small_alloc(size) : NULL;
    return p ? p : large_alloc(size, align, false);
}

/* What is not at hand. */
static __attribute__((noinline)) void *alloc_other(size_t size) {
    void *p = size - 1 < SMALL_MAX ? small_alloc(size) : large_alloc(size, 1, false);
    return likely(p) ? p : try_again(size, 1);
}

void *kmalloc(size_t size) {
    size_t granules = (size - 1) / GRANULE; /* less one; of size 0 far too many */
    if (unlikely(granules >= FAST_MAX / GRANULE))
        return alloc_other(size);
    struct slab *slab = small_current[granules];
    unsigned granule = slab->head;
    if (unlikely(granule == NO_GRANULE))
        return alloc_other(size);
    return small_take(slab, granule);
}

/* Small objects lie at multiples of their size from a page's start: one whose size is a power of two is
 * aligned to it. Large ones can have any alignment. */
void *kmalloc_aligned(size_t size, size_t align) {
    if (align == 0 || align & (align - 1))
        PANIC("kmalloc: an alignment of %zu is no power of two", align);
    if (align <= GRANULE || size == 0)
        return kmalloc(size);
    if (size > SMALL_MAX || align > SMALL_MAX) {
        void *p = large_alloc(size, align, false);
        return p ? p : try_again(size, align);
    }
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
    if ((uintptr_t)p < SMALL_START || (uintptr_t)p >= SMALL_TABLE)
        return 0;
    return (uintptr_t)p < LARGE_START ? small_size(p) : large_size(p);
}

/* Says what P is instead of a live object's start. */
static void bad_free(const char *p) {
    panic_about(p);
    if ((uintptr_t)p < SMALL_START || (uintptr_t)p >= SMALL_TABLE)
        PANIC("kmalloc: %p cannot be freed: it is no address of the heap's objects", (const void *)p);
    /* Where the last object before P can begin: at a slot of the zone, or at a granule of the page. */
    bool large = (uintptr_t)p >= LARGE_START;
    size_t step = large ? LARGE_ALIGN : GRANULE, size;
    const char *start = large ? (char *)LARGE_START : p - (uintptr_t)p % PAGE_SIZE,
               *object = p - (uintptr_t)p % step;
    while ((size = kmalloc_size(object)) == 0 && object > start)
        object -= step;
    if ((size_t)(p - object) < size)
        PANIC("kmalloc: %p cannot be freed: it lies inside an object, %zu bytes past its start, %p",
              (const void *)p, (size_t)(p - object), (const void *)object);
    PANIC("kmalloc: %p cannot be freed: it was freed already, or never allocated", (const void *)p);
}

/* What is no live small object. */
static __attribute__((noinline)) void free_other(void *p) {
    bool in_zone = (uintptr_t)p >= LARGE_START && (uintptr_t)p < SMALL_TABLE;
    if (p && !(in_zone && large_free(p)))
        bad_free(p);
}

/* P is volatile to be read again where it is needed again, which is rare; it would else be kept in a register
 * that must be saved: two instructions of twenty. */
void kfree(void *volatile p) {
    size_t i = small_granule(p), granule = i % PAGE_GRANULES;
    struct slab *slab = small_slab(i);
    if (unlikely(i >= small_top || slab->next[granule] != (uint8_t)granule)) {
        free_other(p);
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
    void *to = size > SMALL_MAX ? large_alloc(size, 1, true) : kmalloc(size);
    if (!to)
        return size <= old ? p : NULL;
    memcpy(to, p, size < old ? size : old);
    kfree(p);
    return to;
}

void kmalloc_trim(void) {
    small_trim();
    large_trim();
}
