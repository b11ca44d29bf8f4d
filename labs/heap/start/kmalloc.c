/* kmalloc: yours to write. LAB.md tells the story; include/kmalloc.h says what each call promises.
 *
 * Say here how your heap works: where an object lies, what you know of it and where that is kept, how a free place is found, and
 * when a page goes back. Everything that your heap knows starts out as zeros. */
#include "kmalloc.h"

#include "interrupt.h"
#include "memlayout.h"
#include "panic.h"
#include "string.h"

/* ---- given: pages ---- */

static struct page_provider page_provider;
static size_t held_pages, peak_pages;

/* Gets PAGES pages at VA, which you choose: a multiple of PAGE_SIZE, from KHEAP_START to KHEAP_END, where you hold no page. What is
 * in them is anything. False, and nothing changed, when memory has run out. */
static bool heap_get(void *va, size_t pages) {
    if (page_provider.get(va, pages) < 0)
        return false;
    held_pages += pages;
    if (held_pages > peak_pages)
        peak_pages = held_pages;
    return true;
}

/* Gives PAGES pages at VA back, that you hold: all of what heap_get got, or a part, or of several together. */
static void heap_give(void *va, size_t pages) {
    if (page_provider.give(va, pages) < 0)
        PANIC("kmalloc: the provider does not take back %zu pages at %p", pages, va);
    held_pages -= pages;
}

size_t kmalloc_pages(void) { return held_pages; }
size_t kmalloc_peak_pages(void) { return peak_pages; }

/* Makes the heap empty. It holds no page then. */
void kmalloc_init(const struct page_provider *provider) {
    page_provider = *provider;
    held_pages = peak_pages = 0;
    /* What your heap knows must be empty too, whatever it was before. */
}

/* ---- given: who may call ---- */

/* Comes first in each call that changes the heap: an interrupt handler may have interrupted one of them half-way. */
static void enter(void) {
    if (in_interrupt())
        PANIC("kmalloc: an interrupt handler cannot use the heap");
}

/* ---- yours ---- */

/* SIZE bytes, 16-byte aligned from 16 bytes up, 8 below; NULL for 0, or when memory has run out. */
void *kmalloc(size_t size) {
}

/* Frees a live object. NULL is allowed; anything else panics, and says which mistake it is. */
void kfree(void *p) {
}

/* The bytes that may be used at P; 0 when P is not a live object's start, whatever else P is. */
size_t kmalloc_size(const void *p) {
}

/* As kmalloc; the bytes are zero. */
void *kzalloc(size_t size) {
}

/* The object at P with SIZE bytes: the same place or another, the lesser size's contents kept. */
void *krealloc(void *p, size_t size) {
}

/* As kmalloc, at a multiple of ALIGN, a power of two (anything else is a panic). */
void *kmalloc_aligned(size_t size, size_t align) {
}

/* Gives back every page without an object. */
void kmalloc_trim(void) {
}

/* ---- yours, if you like ---- */

/* Panics with whatever is wrong in the heap: a block that does not end where the next begins, say, or pages counted wrongly. No
 * points; but the grader calls it after each step, and the tests in the kernel do, so it finds a mistake where it is made. */
void kmalloc_check(void) {}

/* Figures of size class SC, for the monitor's `heap`: false where a heap has no size classes. */
bool kmalloc_stats(unsigned sc, struct kmalloc_stats *out) {
    (void)sc;
    *out = (struct kmalloc_stats){0};
    return false;
}

/* True if all that your heap knows is kept outside the pages of its objects, where no overflow reaches it. The tests in the kernel
 * then overwrite whole pages, and `make bench` uses pages that have no memory. */
const bool kmalloc_books_apart = false;
