/* For the tests of the heap, of whatever design: pages like the kernel's, and objects whose bytes are known.
 *
 * mm/kmalloc_pages.c asks for pages here. A page that the heap does not hold cannot be accessed, and one that it gets is full of
 * garbage. The tests know an object by what kmalloc returned and how many bytes were asked for, and nothing else. */
#ifndef QUIRE_LABS_HEAP_H
#define QUIRE_LABS_HEAP_H

#define _GNU_SOURCE
#include "check.h"
#include "kmalloc.h"
#include "memlayout.h"
#include "vmem.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define AS_NUMBER(p) ((unsigned)(uintptr_t)(p))
#define HEAP_PAGES ((KHEAP_END - KHEAP_START) / PAGE_SIZE)
#define FRAMES 4096u /* 16 MiB */

/* ---- objects ---- */

#define MOST 4096u

static struct object {
    unsigned char *p;
    size_t size;
    unsigned seed;
} objects[MOST];
static size_t live;

/* How much of an object is written. Half, where what is tested is not how large an object is. */
static bool whole;
static inline size_t written(const struct object *o) { return whole ? o->size : o->size - o->size / 2; }

/* The live object in which one of the N bytes at P lies, or NULL. */
static inline const struct object *object_in(const unsigned char *p, size_t n) {
    for (size_t i = 0; i < live; i++)
        if (objects[i].size && objects[i].p < p + n && objects[i].p + written(&objects[i]) > p)
            return &objects[i];
    return NULL;
}

/* ---- pages ---- */

static struct {
    bool held[HEAP_PAGES];
    size_t count, peak;
    size_t most;       /* frames that there are */
    unsigned gets_left; /* calls before memory runs out */
    bool forgiving;    /* a page that is given back can still be accessed: this exercise is not about that */
    bool plain;        /* pages come without garbage */
} pages;

/* Whatever was in them: each word another, all values of a byte. */
static inline void fill_with_garbage(void *va, size_t n) {
    static uint32_t word = 1;
    for (uint32_t *w = va; w < (uint32_t *)va + n * PAGE_SIZE / 4; w++)
        *w = word = word * 1664525 + 1013904223;
}

static inline size_t page_number(const void *va) { return ((uintptr_t)va - KHEAP_START) / PAGE_SIZE; }
static inline unsigned page_address_of(size_t page) { return KHEAP_START + (unsigned)page * PAGE_SIZE; }
static inline bool is_held(const void *va) { return page_number(va) < HEAP_PAGES && pages.held[page_number(va)]; }

/* As CHECK, and told with what was being done. */
void check_found(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));
#define MUST(condition, ...) \
    do { \
        if (!(condition)) \
            check_found(__VA_ARGS__); \
    } while (0)

static inline void check_pages(const char *what, const void *va, size_t n) {
    MUST((uintptr_t)va % PAGE_SIZE == 0, "%s: 0x%08x is no page's start, that is a multiple of 4096", what, AS_NUMBER(va));
    MUST(n > 0, "%s: no pages at all, at 0x%08x", what, AS_NUMBER(va));
    MUST(page_number(va) < HEAP_PAGES && n <= HEAP_PAGES - page_number(va),
          "%s: %u pages at 0x%08x: the heap's addresses are 0x%08x to 0x%08x", what, (unsigned)n, AS_NUMBER(va), KHEAP_START, KHEAP_END);
}

/* What mm/kmalloc_pages.c calls. */
int vmem_alloc_range(void *va, size_t n, unsigned flags) {
    (void)flags;
    check_pages("the heap gets pages", va, n);
    for (size_t i = page_number(va); i < page_number(va) + n; i++)
        MUST(!pages.held[i], "the heap gets the page 0x%08x, which it holds already", page_address_of(i));
    if (pages.gets_left == 0 || n > pages.most - pages.count)
        return VMEM_NO_MEMORY;
    pages.gets_left--;
    bool used = object_in(va, n * PAGE_SIZE); /* forgiven */
    mprotect(va, n * PAGE_SIZE, PROT_READ | PROT_WRITE);
    if (!pages.plain && !used)
        fill_with_garbage(va, n);
    memset(&pages.held[page_number(va)], true, n);
    pages.count += n;
    if (pages.count > pages.peak)
        pages.peak = pages.count;
    return 0;
}

int vmem_free_range(void *va, size_t n) {
    check_pages("the heap gives pages back", va, n);
    for (size_t i = page_number(va); i < page_number(va) + n; i++)
        MUST(pages.held[i], "the heap gives the page 0x%08x back, which it does not hold", page_address_of(i));
    memset(&pages.held[page_number(va)], false, n);
    pages.count -= n;
    if (pages.forgiving)
        return 0;
    const struct object *o = object_in(va, n * PAGE_SIZE);
    MUST(!o, "the heap gives %u pages at 0x%08x back while they are in use: the object of %u bytes at 0x%08x lies there", (unsigned)n,
          AS_NUMBER(va), (unsigned)o->size, AS_NUMBER(o->p));
    madvise(va, n * PAGE_SIZE, MADV_DONTNEED);
    mprotect(va, n * PAGE_SIZE, PROT_NONE);
    return 0;
}

/* An empty heap, in a machine of MOST frames. */
static inline void start_with(size_t most) {
    void *range = (void *)(uintptr_t)KHEAP_START;
    if (mmap(range, KHEAP_END - KHEAP_START, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0) != range)
        wrong("this system has something else at the heap's addresses, 0x%08x to 0x%08x", KHEAP_START, KHEAP_END);
    pages.most = most;
    pages.gets_left = ~0u;
    doing("kmalloc_init");
    kmalloc_init(&vmem_provider);
}

/* ---- what an object must be ---- */

static inline unsigned char byte_of(const struct object *o, size_t i) { return (unsigned char)(o->seed + i * 7 + (i >> 8) * 13); }

static inline void fill(const struct object *o) {
    for (size_t i = 0; i < written(o); i++)
        o->p[i] = byte_of(o, i);
}

/* AFTER says what was done last. */
static inline void check_bytes(const struct object *o, size_t n, const char *after) {
    for (size_t i = 0; i < n; i++)
        CHECK(o->p[i] == byte_of(o, i), "byte %u of the object of %u bytes at 0x%08x was 0x%02x and is 0x%02x, after %s: somebody else wrote there",
              (unsigned)i, (unsigned)o->size, AS_NUMBER(o->p), byte_of(o, i), o->p[i], after);
}

static inline void check_all(const char *after) {
    for (size_t i = 0; i < live; i++)
        check_bytes(&objects[i], written(&objects[i]), after);
}

/* The reader's own check. It comes last in a case: it knows what is broken, but not what that means to whoever uses the heap. */
static inline void check_heap(void) {
    doing("kmalloc_check");
    kmalloc_check();
}

/* P, which CALL returned for SIZE bytes, can be written to. */
static inline void check_place(const char *call, unsigned char *p, size_t size) {
    CHECK(page_number(p) < HEAP_PAGES && size <= KHEAP_END - (uintptr_t)p,
          "%s returns 0x%08x: that is not in the heap, 0x%08x to 0x%08x", call, AS_NUMBER(p), KHEAP_START, KHEAP_END);
    for (size_t at = 0; at < size; at += PAGE_SIZE - ((uintptr_t)p + at) % PAGE_SIZE)
        CHECK(pages.forgiving || is_held(p + at), "%s returns 0x%08x, but the heap does not hold the page 0x%08x, in which byte %u lies", call,
              AS_NUMBER(p), AS_NUMBER(p + at) & ~4095u, (unsigned)at);
}

/* P is live from here on. */
static inline struct object *adopt(const char *call, void *p, size_t size) {
    struct object *o = &objects[live];
    CHECK(live < MOST, "the test has too many objects");
    *o = (struct object){p, size, random_word()};
    check_place(call, p, written(o));
    live++;
    fill(o);
    return o;
}

static inline struct object *take(size_t size) {
    char call[40];
    snprintf(call, sizeof call, "kmalloc(%u)", (unsigned)size);
    doing("%s%s", call, whole && live ? ", when each byte of the objects before had been written to" : "");
    void *p = kmalloc(size);
    CHECK(p, "%s returns NULL, though %u of %u frames are free", call, (unsigned)(pages.most - pages.count), (unsigned)pages.most);
    return adopt(call, p, size);
}

/* Frees object I; the last one takes its number. */
static inline void drop(size_t i) {
    char call[80];
    snprintf(call, sizeof call, "kfree(0x%08x), of %u bytes", AS_NUMBER(objects[i].p), (unsigned)objects[i].size);
    check_bytes(&objects[i], written(&objects[i]), "other objects came and went");
    void *p = objects[i].p;
    objects[i] = objects[--live];
    doing("%s", call);
    kfree(p);
}

enum order { FIRST_TO_LAST, LAST_TO_FIRST, EVERY_OTHER, ANY_ORDER, ORDERS };

static inline void drop_all(enum order order) {
    static const char *const words[] = {"in the order in which they came", "the last first", "every other one first", "in any order"};
    static struct object all[MOST];
    size_t n = live;
    memcpy(all, objects, sizeof all);
    for (size_t i = 0; i < n; i++) { /* the last one in OBJECTS is freed first */
        size_t other = random_between(i, n), at = order == LAST_TO_FIRST ? n - 1 - i : i;
        if (order == EVERY_OTHER)
            at = i < (n + 1) / 2 ? 2 * i : 2 * (i - (n + 1) / 2) + 1;
        if (order == ANY_ORDER) {
            struct object o = all[i];
            all[i] = all[other], all[other] = o;
        }
        objects[n - 1 - i] = all[at];
    }
    doing("kfree of %u objects, %s", (unsigned)n, words[order]);
    while (live)
        kfree(objects[--live].p);
}

static inline void free_it(uintptr_t p, uintptr_t unused) {
    (void)unused;
    kfree((void *)p);
}

#endif
