/* libkmalloc.so: the C library's allocation functions over the kernel's heap, for LD_PRELOAD.
 *
 * mm/kmalloc*.c is linked in unchanged, over the provider of pages.c, behind one lock. The first call creates
 * the heap; it comes from the dynamic loader, before any constructor has run. A fork takes the lock, so that
 * the child's heap is whole. Where the kernel would panic, at a double free for instance, the program ends
 * with the same message.
 *
 * With QUIRE_HEAP_STATS set, the library prints a line of figures on standard error at the end. */
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "interrupt.h"
#include "kmalloc.h"
#include "pages.h"
#include "panic.h"

#define EXPORT __attribute__((visibility("default")))

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool ready;
static unsigned long long allocations, frees;

/* ---- what mm/ calls ---- */

/* Writes to standard error. dprintf and stdio would allocate a buffer while the lock is held. */
static void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static void say(const char *fmt, ...) {
    char text[600];
    va_list args;
    va_start(args, fmt);
    size_t length = (size_t)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (write(STDERR_FILENO, text, length < sizeof text ? length : sizeof text - 1) < 0)
        return; /* standard error is closed */
}

void panic_about(const void *address) { (void)address; }
void panic_advise(const char *advice) { (void)advice; }

void panic_at(const char *file, int line, const char *fmt, ...) {
    char reason[400];
    va_list args;
    va_start(args, fmt);
    vsnprintf(reason, sizeof reason, fmt, args);
    va_end(args);
    say("libkmalloc: PANIC: %s (%s:%d)\n", reason, file, line);
    abort();
}

uint8_t irqs_served;

/* ---- the lock ---- */

static void enter(void) {
    pthread_mutex_lock(&lock);
    if (ready)
        return;
    if (!host_pages_reserve(false)) {
        say("libkmalloc: 0xc0000000 to 0xf0000000 is not free here; try `setarch -R PROGRAM`\n");
        _exit(127);
    }
    kmalloc_init(&host_pages);
    ready = true;
}

static void leave(void) { pthread_mutex_unlock(&lock); }

__attribute__((constructor)) static void watch_forks(void) { pthread_atfork(enter, leave, leave); }

__attribute__((destructor)) static void print_figures(void) {
    if (!getenv("QUIRE_HEAP_STATS"))
        return;
    enter();
    say("libkmalloc: %llu allocations, %llu frees, %zu pages at most, %zu now\n", allocations, frees,
        kmalloc_peak_pages(), kmalloc_pages());
    leave();
}

/* ---- allocation ---- */

/* Leaves, counts P, and sets errno if it is NULL. */
static void *finish(void *p) {
    allocations += p != NULL;
    leave();
    if (!p)
        errno = ENOMEM;
    return p;
}

/* C programs expect an object of their own even of size 0; kmalloc(0) is NULL. */
static size_t at_least_one(size_t size) { return size ? size : 1; }

EXPORT void *malloc(size_t size) {
    enter();
    return finish(kmalloc(at_least_one(size)));
}

EXPORT void free(void *p) {
    int saved = errno; /* free keeps it (POSIX.1-2024) */
    enter();
    frees += p != NULL;
    kfree(p);
    leave();
    errno = saved;
}

EXPORT void *calloc(size_t count, size_t size) {
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes))
        bytes = SIZE_MAX; /* kzalloc refuses it */
    enter();
    return finish(kzalloc(at_least_one(bytes)));
}

/* As in the GNU C library: size 0 frees P and returns NULL. */
EXPORT void *realloc(void *p, size_t size) {
    if (p && size == 0) {
        free(p);
        return NULL;
    }
    enter();
    void *to = krealloc(p, at_least_one(size));
    frees += p && to;
    return finish(to);
}

EXPORT void *reallocarray(void *p, size_t count, size_t size) {
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    return realloc(p, bytes);
}

static bool is_power_of_two(size_t n) { return n && !(n & (n - 1)); }

static void *aligned(size_t align, size_t size) {
    enter();
    return finish(kmalloc_aligned(at_least_one(size), align));
}

/* As in the GNU C library: the alignment is rounded up to a power of two. */
EXPORT void *memalign(size_t align, size_t size) {
    size_t power = 1;
    while (power < align && power)
        power *= 2;
    if (!power) {
        errno = EINVAL;
        return NULL;
    }
    return aligned(power, size);
}

EXPORT void *aligned_alloc(size_t align, size_t size) {
    if (!is_power_of_two(align)) {
        errno = EINVAL;
        return NULL;
    }
    return aligned(align, size);
}

EXPORT int posix_memalign(void **out, size_t align, size_t size) {
    int saved = errno;
    if (!is_power_of_two(align) || align % sizeof(void *))
        return EINVAL;
    void *p = aligned(align, size);
    errno = saved;
    if (!p)
        return ENOMEM;
    *out = p;
    return 0;
}

EXPORT size_t malloc_usable_size(void *p) {
    enter();
    size_t size = kmalloc_size(p);
    leave();
    return size;
}
