/* kmalloc: which tier serves a size, and which one an address belongs to. kheap.h shows the three.
 *
 * What all of them share: nothing that the heap must know lies in an object's page. So a use after free and
 * an overflow cannot reach it, and whether an address is a live object's start is looked up, exactly and in
 * constant time, in a table that only the heap writes to. */
#include "kmalloc.h"

#include "kheap.h"
#include "kmalloc_small.h"
#include "panic.h"
#include "string.h"

static const struct page_provider *provider;
static size_t held_pages, peak_pages;
size_t spare_pages;

/* ---- pages ---- */

int heap_get(void *va, size_t pages)
{
    ASSERT(!in_interrupt());
    if (provider->get(va, pages) < 0)
        return -1;
    held_pages += pages;
    if (held_pages > peak_pages)
        peak_pages = held_pages;
    return 0;
}

void heap_give(void *va, size_t pages)
{
    ASSERT(!in_interrupt());
    if (provider->give(va, pages) < 0)
        PANIC("kmalloc: the provider does not take back %zu pages at %p", pages, va);
    held_pages -= pages;
}

size_t kmalloc_pages(void)
{
    return held_pages;
}

size_t kmalloc_peak_pages(void)
{
    return peak_pages;
}

/* ---- tiers ---- */

struct tier {
    uintptr_t start, end;
    size_t (*size)(const void *p);
    bool (*free)(void *p);
    const char *(*why)(const void *p);
};

static const struct tier tiers[] = {
    {SMALL_START, MEDIUM_START, small_size, small_free, small_why},
    {MEDIUM_START, LARGE_START, medium_size, medium_free, medium_why},
    {LARGE_START, SMALL_TABLE, large_size, large_free, large_why},
};

static const struct tier *tier_of(const void *p)
{
    for (size_t i = 0; i < ARRAY_SIZE(tiers); i++)
        if ((uintptr_t)p >= tiers[i].start && (uintptr_t)p < tiers[i].end)
            return &tiers[i];
    return NULL;
}

void kmalloc_init(const struct page_provider *pages)
{
    provider = pages;
    held_pages = peak_pages = spare_pages = 0;
    small_init();
    medium_init();
    large_init();
}

void *kmalloc(size_t size)
{
    unsigned class = (size - 1) / GRANULE; /* a size of 0 wraps, and is sorted out below */
    if (likely(class < SMALL_CLASSES))
        return small_alloc(class);
    if (size == 0)
        return NULL;
    return size <= MEDIUM_MAX ? medium_alloc(size) : large_alloc(size, 1);
}

/* Small objects lie at multiples of their size from a page's start, so a size that is a multiple of ALIGN is
 * aligned; large ones can have any alignment. */
void *kmalloc_aligned(size_t size, size_t align)
{
    if (align == 0 || align & (align - 1))
        PANIC("kmalloc: an alignment of %zu is no power of two", align);
    if (align <= GRANULE || size == 0)
        return kmalloc(size);
    if (size <= SMALL_MAX && align <= SMALL_MAX)
        return kmalloc((size + align - 1) & ~(align - 1));
    return large_alloc(size, align);
}

void *kzalloc(size_t size)
{
    void *p = kmalloc(size);
    if (p)
        memset(p, 0, size);
    return p;
}

static void bad_free(const void *p)
{
    const struct tier *tier = tier_of(p);
    PANIC("kmalloc: %p cannot be freed: %s", p, tier ? tier->why(p) : "it is no address of the heap");
}

void kfree(void *p)
{
    if (likely((uintptr_t)p - SMALL_START < MEDIUM_START - SMALL_START)) {
        if (unlikely(!small_free_at(p)))
            bad_free(p);
        return;
    }
    const struct tier *tier = tier_of(p);
    if (p && (!tier || !tier->free(p)))
        bad_free(p);
}

size_t kmalloc_size(const void *p)
{
    const struct tier *tier = tier_of(p);
    return tier ? tier->size(p) : 0;
}

void *krealloc(void *p, size_t size)
{
    if (!p)
        return kmalloc(size);
    size_t old = kmalloc_size(p);
    if (old == 0)
        bad_free(p);
    if (size == 0) {
        kfree(p);
        return NULL;
    }
    if (size <= old && (size > old / 2 || old == GRANULE))
        return p;
    if ((uintptr_t)p >= LARGE_START && size > MEDIUM_MAX && large_resize(p, size))
        return p;
    void *to = kmalloc(size);
    if (!to)
        return size <= old ? p : NULL;
    memcpy(to, p, size < old ? size : old);
    kfree(p);
    return to;
}

void kmalloc_trim(void)
{
    small_trim();
    medium_trim();
    large_trim();
}

/* ---- figures and checks ---- */

bool kmalloc_stats(unsigned class, struct kmalloc_stats *out)
{
    *out = (struct kmalloc_stats){0};
    if (class < SMALL_CLASSES)
        small_stats(class, out);
    else if (class == SMALL_CLASSES)
        medium_stats(out);
    else if (class == SMALL_CLASSES + 1)
        large_stats(out);
    return class <= SMALL_CLASSES + 1;
}

void kmalloc_check(void)
{
    size_t spare = small_check() + medium_check() + large_check();
    if (spare != spare_pages || spare > SPARE_POOL)
        PANIC("kmalloc: %zu spare pages; %zu are counted, %u allowed", spare, spare_pages, SPARE_POOL);
}
