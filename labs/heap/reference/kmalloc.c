/* Lab heap, a plain solution: first fit.
 *
 * An object of up to BLOCK_MOST bytes is a block of a page. The blocks of a page lie one behind the other, from its start to its
 * end, and each begins with a header that has its size. So whoever goes from header to header meets every block: that is how kfree
 * knows an object from any other address. The free blocks of all pages are in one list, in which the object would be. A block
 * that becomes free is joined with its free neighbours. A page that is a single free block is empty: KMALLOC_SPARE of them may
 * wait, the next goes back.
 *
 * A larger object has pages of its own, and no header: three bitmaps, with a bit for each page of the heap's addresses, tell where
 * it starts and ends. It goes back as soon as it is freed. */
#include "kmalloc.h"

#include "bitmap.h"
#include "interrupt.h"
#include "list.h"
#include "memlayout.h"
#include "panic.h"
#include "string.h"

/* ---- pages ---- */

static struct page_provider page_provider;
static size_t held_pages, peak_pages;

static bool heap_get(void *va, size_t pages) {
    if (page_provider.get(va, pages) < 0)
        return false;
    held_pages += pages;
    if (held_pages > peak_pages)
        peak_pages = held_pages;
    return true;
}

static void heap_give(void *va, size_t pages) {
    if (page_provider.give(va, pages) < 0)
        PANIC("kmalloc: the provider does not take back %zu pages at %p", pages, va);
    held_pages -= pages;
}

size_t kmalloc_pages(void) { return held_pages; }
size_t kmalloc_peak_pages(void) { return peak_pages; }

static void enter(void) {
    if (in_interrupt())
        PANIC("kmalloc: an interrupt handler cannot use the heap");
}

/* ---- what is known of pages ---- */

#define HEAP_PAGES ((KHEAP_END - KHEAP_START) / PAGE_SIZE)

static uint32_t unused[HEAP_PAGES / 32]; /* not held */
static uint32_t starts[HEAP_PAGES / 32]; /* the first page of a large object; each page of blocks */
static uint32_t cut[HEAP_PAGES / 32];    /* pages of blocks */

static char *page_at(size_t page) { return (char *)KHEAP_START + page * PAGE_SIZE; }
static size_t page_of(const void *p) { return ((uintptr_t)p - KHEAP_START) / PAGE_SIZE; }
static bool is_held(size_t page) { return page < HEAP_PAGES && !bitmap_test(unused, page); }
static bool is_cut(const void *p) { return bitmap_test(cut, page_of(p)); }

/* How many pages the large object that starts at PAGE has. */
static size_t length_at(size_t page) {
    size_t end = bitmap_find(unused, page + 1, HEAP_PAGES, true);
    return bitmap_find(starts, page + 1, end, true) - page;
}

/* The first of N adjacent unused pages, at a multiple of ALIGN; HEAP_PAGES where there are none. */
static size_t find_pages(size_t n, size_t align) {
    for (size_t page = 0; (page = bitmap_find_run(unused, NULL, n, page, HEAP_PAGES)) < HEAP_PAGES; page++)
        if (((uintptr_t)page_at(page) & (align - 1)) == 0)
            return page;
    return HEAP_PAGES;
}

static void give_empty_pages(void);

/* Gets N pages at a multiple of ALIGN; NULL when memory or addresses have run out. */
static void *get_pages(size_t n, size_t align) {
    size_t page = find_pages(n, align);
    if (page == HEAP_PAGES)
        return NULL;
    if (!heap_get(page_at(page), n)) {
        give_empty_pages();
        if (!heap_get(page_at(page), n))
            return NULL;
    }
    bitmap_fill(unused, page, page + n, false);
    bitmap_fill(starts, page, page + 1, true);
    return page_at(page);
}

static void give_pages(void *p) {
    size_t page = page_of(p), n = length_at(page);
    bitmap_fill(unused, page, page + n, true);
    bitmap_fill(starts, page, page + 1, false);
    bitmap_fill(cut, page, page + 1, false);
    heap_give(p, n);
}

/* ---- blocks ---- */

struct block {
    size_t size;          /* header and all: a multiple of 16 */
    struct block *before; /* the block before it in the page, or NULL */
    bool free;
} __attribute__((aligned(16)));

#define HEADER sizeof(struct block)
#define BLOCK_LEAST (2 * HEADER)
#define BLOCK_MOST (PAGE_SIZE - HEADER)

static struct list free_blocks; /* linked through the place behind their headers */
static size_t empty_pages;

static struct list *link_of(struct block *block) { return (struct list *)(block + 1); }
static struct block *block_of(struct list *link) { return (struct block *)link - 1; }

/* The block behind BLOCK in its page, or NULL. */
static struct block *after(struct block *block) {
    char *end = (char *)block + block->size;
    return (uintptr_t)end % PAGE_SIZE ? (struct block *)(void *)end : NULL;
}

static void set_size(struct block *block, size_t size) {
    block->size = size;
    if (after(block))
        after(block)->before = block;
}

static void give_page(struct block *block) {
    list_remove(link_of(block));
    empty_pages--;
    give_pages(block);
}

/* A new page, as one free block; NULL when there is none. */
static struct block *new_page(void) {
    struct block *block = get_pages(1, PAGE_SIZE);
    if (!block)
        return NULL;
    bitmap_fill(cut, page_of(block), page_of(block) + 1, true);
    *block = (struct block){PAGE_SIZE, NULL, true};
    list_push(&free_blocks, link_of(block));
    empty_pages++;
    return block;
}

static struct block *find_block(size_t size) {
    for (struct list *link = free_blocks.next; link != &free_blocks; link = link->next)
        if (block_of(link)->size >= size)
            return block_of(link);
    return new_page();
}

/* Cuts what BLOCK has beyond SIZE off, if that makes a block. */
static void split(struct block *block, size_t size) {
    if (block->size < size + BLOCK_LEAST)
        return;
    struct block *rest = (struct block *)(void *)((char *)block + size);
    rest->before = block;
    rest->free = true;
    set_size(rest, block->size - size);
    block->size = size;
    list_push(&free_blocks, link_of(rest));
}

/* BLOCK takes the block behind it in, if both are free. */
static void join(struct block *block) {
    struct block *next = block ? after(block) : NULL;
    if (!next || !block->free || !next->free)
        return;
    list_remove(link_of(next));
    set_size(block, block->size + next->size);
}

static void free_block(struct block *block) {
    struct block *before = block->before;
    block->free = true;
    list_push(&free_blocks, link_of(block));
    join(block);
    join(before);
    if (before && before->free)
        block = before;
    if (block->size == PAGE_SIZE && ++empty_pages > KMALLOC_SPARE)
        give_page(block);
}

static void give_empty_pages(void) {
    for (size_t page = 0; (page = bitmap_find(cut, page, HEAP_PAGES, true)) < HEAP_PAGES; page++) {
        struct block *first = (struct block *)(void *)page_at(page);
        if (first->free && first->size == PAGE_SIZE)
            give_page(first);
    }
}

/* ---- the calls ---- */

void kmalloc_init(const struct page_provider *provider) {
    page_provider = *provider;
    held_pages = peak_pages = empty_pages = 0;
    list_init(&free_blocks);
    bitmap_fill(unused, 0, HEAP_PAGES, true);
    bitmap_fill(starts, 0, HEAP_PAGES, false);
    bitmap_fill(cut, 0, HEAP_PAGES, false);
}

void *kmalloc(size_t size) {
    enter();
    if (size == 0)
        return NULL;
    if (size > BLOCK_MOST)
        return get_pages(pages_for(size), PAGE_SIZE);
    size = HEADER + (size + 15) / 16 * 16;
    struct block *block = find_block(size);
    if (!block)
        return NULL;
    empty_pages -= block->size == PAGE_SIZE;
    list_remove(link_of(block));
    split(block, size);
    block->free = false;
    return block + 1;
}

/* The bytes of the live object at P; 0 when there is none. */
static size_t size_at(const void *p) {
    size_t page = page_of(p);
    if (!is_held(page) || !bitmap_test(starts, page))
        return 0;
    if (!is_cut(p))
        return p == page_at(page) ? length_at(page) * PAGE_SIZE : 0;
    for (struct block *block = (struct block *)(void *)page_at(page); block; block = after(block))
        if (p == block + 1)
            return block->free ? 0 : block->size - HEADER;
    return 0;
}

/* The start of the live object that P, no object's start, lies in; NULL when there is none. */
static const void *object_around(const char *p) {
    size_t page = page_of(p);
    if (!is_held(page))
        return NULL;
    while (!bitmap_test(starts, page))
        page--;
    if (!bitmap_test(cut, page))
        return page_at(page);
    for (struct block *block = (struct block *)(void *)page_at(page); block; block = after(block))
        if (!block->free && p > (char *)(block + 1) && p < (char *)block + block->size)
            return block + 1;
    return NULL;
}

static void bad_free(const char *p) __attribute__((noreturn));
static void bad_free(const char *p) {
    panic_about(p);
    if (page_of(p) >= HEAP_PAGES)
        PANIC("kmalloc: %p cannot be freed: it is no address of the heap's objects", (const void *)p);
    const void *object = object_around(p);
    if (object)
        PANIC("kmalloc: %p cannot be freed: it lies inside an object, which starts at %p", (const void *)p, object);
    PANIC("kmalloc: %p cannot be freed: it was freed already, or never allocated", (const void *)p);
}

void kfree(void *p) {
    enter();
    if (!p)
        return;
    if (size_at(p) == 0)
        bad_free(p);
    if (is_cut(p))
        free_block((struct block *)p - 1);
    else
        give_pages(p);
}

size_t kmalloc_size(const void *p) { return size_at(p); }

void *kzalloc(size_t size) {
    void *p = kmalloc(size);
    if (p)
        memset(p, 0, size);
    return p;
}

void *krealloc(void *p, size_t size) {
    enter();
    if (!p)
        return kmalloc(size);
    size_t old = size_at(p);
    if (old == 0)
        bad_free(p);
    if (size == 0) {
        kfree(p);
        return NULL;
    }
    if (size <= old && size > old / 2)
        return p;
    void *to = kmalloc(size);
    if (!to)
        return size <= old ? p : NULL;
    memcpy(to, p, size < old ? size : old);
    kfree(p);
    return to;
}

/* More than a block's alignment takes whole pages. */
void *kmalloc_aligned(size_t size, size_t align) {
    enter();
    if (align == 0 || align & (align - 1))
        PANIC("kmalloc: an alignment of %zu is no power of two", align);
    if (size == 0 || align <= 16)
        return kmalloc(size);
    return get_pages(pages_for(size), align > PAGE_SIZE ? align : PAGE_SIZE);
}

void kmalloc_trim(void) {
    enter();
    give_empty_pages();
}

/* ---- looking on ---- */

static size_t check_page(size_t page) {
    struct block *block = (struct block *)(void *)page_at(page), *before = NULL;
    size_t free = 0;
    for (; block; before = block, block = after(block)) {
        ASSERT(block->before == before);
        ASSERT(block->size >= BLOCK_LEAST && block->size % 16 == 0);
        ASSERT(block->size <= PAGE_SIZE - (uintptr_t)block % PAGE_SIZE);
        ASSERT(!before || !before->free || !block->free);
        free += block->free;
    }
    return free;
}

void kmalloc_check(void) {
    size_t free = 0, listed = 0;
    for (size_t page = 0; (page = bitmap_find(cut, page, HEAP_PAGES, true)) < HEAP_PAGES; page++)
        free += check_page(page);
    for (struct list *link = free_blocks.next; link != &free_blocks; link = link->next, listed++)
        ASSERT(is_cut(link) && block_of(link)->free && link->next->previous == link);
    ASSERT_OP(listed, ==, free);
    ASSERT_OP(bitmap_count(unused, 0, HEAP_PAGES), ==, HEAP_PAGES - held_pages);
    ASSERT(empty_pages <= KMALLOC_SPARE);
}

bool kmalloc_stats(unsigned sc, struct kmalloc_stats *out) {
    (void)sc;
    *out = (struct kmalloc_stats){0};
    return false;
}

const bool kmalloc_books_apart = false;
