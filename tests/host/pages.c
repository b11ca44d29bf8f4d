/* A page provider over mmap. The heap's range is reserved as a whole, without memory. A page gets memory
 * at its first access and loses it when it is given back. A guarded page is also inaccessible until it is
 * got, and once it is given back. */
#include "pages.h"

#include <sys/mman.h>

#include "bitmap.h"
#include "memlayout.h"
#include "panic.h"

#define HEAP_PAGES ((KHEAP_END - KHEAP_START) / PAGE_SIZE)

static uint32_t held[HEAP_PAGES / 32];
static size_t held_count;
static bool guarded;

bool host_pages_reserve(bool guard) {
    void *range = (void *)KHEAP_START;
    guarded = guard;
    void *got = mmap(range, KHEAP_END - KHEAP_START, guard ? PROT_NONE : PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
    if (got != MAP_FAILED && got != range)
        munmap(got, KHEAP_END - KHEAP_START); /* an old system ignores MAP_FIXED_NOREPLACE */
    return got == range;
}

/* The number of the page at VA. PAGES pages from there must lie in the heap's range, all of them held or
 * none. */
static size_t check_pages(const void *va, size_t pages, bool are_held) {
    size_t first = ((uintptr_t)va - KHEAP_START) / PAGE_SIZE;
    if ((uintptr_t)va % PAGE_SIZE || pages == 0 || first >= HEAP_PAGES || pages > HEAP_PAGES - first)
        PANIC("provider: %zu pages at %p: not whole pages of the heap", pages, va);
    size_t wrong = bitmap_find(held, first, first + pages, !are_held);
    if (wrong != first + pages)
        PANIC("provider: of %zu pages at %p, number %zu is %s", pages, va, wrong - first,
              are_held ? "not held" : "held already");
    return first;
}

static int get(void *va, size_t pages) {
    size_t first = check_pages(va, pages, false);
    if (guarded && mprotect(va, pages * PAGE_SIZE, PROT_READ | PROT_WRITE) < 0)
        return -1;
    bitmap_fill(held, first, first + pages, true);
    held_count += pages;
    return 0;
}

static int give(void *va, size_t pages) {
    size_t first = check_pages(va, pages, true);
    madvise(va, pages * PAGE_SIZE, MADV_DONTNEED);
    if (guarded && mprotect(va, pages * PAGE_SIZE, PROT_NONE) < 0)
        PANIC("provider: %zu pages at %p cannot be made inaccessible", pages, va);
    bitmap_fill(held, first, first + pages, false);
    held_count -= pages;
    return 0;
}

const struct page_provider host_pages = {.get = get, .give = give};

bool host_page_held(const void *va) {
    size_t page = ((uintptr_t)va - KHEAP_START) / PAGE_SIZE;
    return page < HEAP_PAGES && bitmap_test(held, page);
}

size_t host_pages_held(void) { return held_count; }
