/* heap=debug and heap=guard: each mistake is found, and named with its object and its callers. The tests run
 * where the kernel was booted so. */
#include "heap_debug.h"

#include "format.h"
#include "kmalloc.h"
#include "ktest.h"
#include "log.h"
#include "monitor.h"
#include "string.h"
#include "support.h"
#include "trap.h"

#define NEEDS(mode) \
    do { \
        if (heap_mode() != (mode)) \
            KSKIP(mode == HEAP_DEBUG ? "needs heap=debug" : "needs heap=guard"); \
    } while (0)

static char *object;
static volatile unsigned calls; /* counted behind a call, or it would be a jump and its function not named */

/* In functions of their own, for the report to name. */
static __attribute__((noinline)) void allocate_it(size_t size) { object = kmalloc(size); }

static __attribute__((noinline)) void free_it_first(void) {
    kfree(object);
    calls++;
}

static __attribute__((noinline)) void free_it_again(void *arg) {
    (void)arg;
    kfree(object);
    calls++;
}
static void check_heap(void *arg) {
    (void)arg;
    kmalloc_check();
}
static void trim_heap(void *arg) {
    (void)arg;
    kmalloc_trim();
}

KTEST(heap_debug_double_free_names_object_size_and_callers)
{
    if (heap_mode() == HEAP_NORMAL)
        KSKIP("needs heap=debug or heap=guard");
    static const size_t sizes[] = {1, 24, 1000, 2000, 5000, 100000};

    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        char size[24];

        allocate_it(sizes[i]);
        KCHECK(object);
        free_it_first();
        KCHECK_TRAPS(free_it_again, NULL, "double free");
        format_buffer(size, sizeof(size), "%zu bytes at 0x", sizes[i]);
        KCHECK_REPORTED(size);
        KCHECK_REPORTED("allocate_it");
        KCHECK_REPORTED("free_it_first");
        KCHECK_REPORTED("free_it_again");
    }
}

KTEST(heap_debug_overflow_is_found_at_kfree_and_by_the_check)
{
    NEEDS(HEAP_DEBUG);
    for (unsigned by = 1; by <= 16; by++) {
        char text[40];

        allocate_it(50);
        KCHECK(object);
        memset(object + 50, 'x', by);
        format_buffer(text, sizeof(text), "heap overflow: written up to %u bytes", by);
        KCHECK_TRAPS(check_heap, NULL, text);
        KCHECK_TRAPS(free_it_again, NULL, text);
        KCHECK_REPORTED("allocate_it");
        KCHECK_REPORTED("50 bytes");
        memset(object + 50, 0xB5, by); /* as it was */
        kmalloc_check();
        object[-(int)by] = 'x';
        format_buffer(text, sizeof(text), "heap underflow: written from %u bytes before", by);
        KCHECK_TRAPS(free_it_again, NULL, text);
        object[-(int)by] = (char)0xB5;
        kfree(object);
    }
}

KTEST(heap_debug_poison_before_the_first_use_and_after_the_last)
{
    NEEDS(HEAP_DEBUG);
    allocate_it(40);
    KCHECK(object);
    for (unsigned i = 0; i < 10; i++)
        KCHECK_EQ(((unsigned *)(void *)object)[i], HEAP_POISON);
    memset(object, 1, 40);
    kfree(object);
    for (unsigned i = 0; i < 10; i++)
        KCHECK_EQ(((volatile unsigned *)(void *)object)[i], HEAP_POISON);
}

KTEST(heap_debug_write_after_free_is_found_in_the_quarantine)
{
    NEEDS(HEAP_DEBUG);
    allocate_it(40);
    KCHECK(object);
    free_it_first();
    char *freed = object;
    *(volatile char *)(freed + 8) = 1;
    KCHECK_TRAPS(check_heap, NULL, "use after free: written at +0x8");
    KCHECK_REPORTED("allocate_it");
    KCHECK_REPORTED("free_it_first");
    KCHECK_TRAPS(trim_heap, NULL, "use after free");
    *(volatile char *)(freed + 8) = HEAP_POISON_BYTE;
    kmalloc_trim();
}

KTEST(heap_debug_quarantine_keeps_a_freed_place_for_long)
{
    NEEDS(HEAP_DEBUG);
    void *first = kmalloc(100);

    KCHECK(first);
    kfree(first);
    for (unsigned i = 0; i < 500; i++) {
        void *p = kmalloc(100);
        KCHECK(p && p != first);
        kfree(p);
    }
}

static void read_byte(void *va) { (void)*(volatile char *)va; }
static void write_byte(void *va) { *(volatile char *)va = 1; }

KTEST(heap_guard_faults_at_the_first_byte_behind)
{
    NEEDS(HEAP_GUARD);
    static const size_t sizes[] = {16, 32, 512, 4096, 8192, 40000};

    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        allocate_it(sizes[i]);
        KCHECK(object);
        KCHECK_EQ((uintptr_t)(object + sizes[i]) % PAGE_SIZE, 0);
        write_byte(object + sizes[i] - 1);
        KCHECK_TRAPS(write_byte, object + sizes[i], "heap overflow");
        KCHECK_EQ(ktest_vector, TRAP_PAGE_FAULT);
        KCHECK_REPORTED("0 bytes past its end");
        KCHECK_REPORTED("allocate_it");
        KCHECK_TRAPS(read_byte, object + sizes[i] + 100, "100 bytes past its end");
        kfree(object);
    }
}

KTEST(heap_guard_freed_pages_stay_absent)
{
    NEEDS(HEAP_GUARD);
    allocate_it(100);
    KCHECK(object);
    char *freed = object;
    free_it_first();
    for (unsigned i = 0; i < 200; i++) {
        allocate_it(100);
        KCHECK(object && object != freed);
        kfree(object);
    }
    KCHECK_TRAPS(read_byte, freed + 4, "use after free");
    KCHECK_REPORTED("+0x4");
    KCHECK_REPORTED("free_it_first");
    KCHECK_REPORTED("allocate_it");
}

KTEST(heap_guard_finds_what_alignment_leaves_behind_an_object)
{
    NEEDS(HEAP_GUARD);
    allocate_it(50); /* ends 14 bytes before its page does */
    KCHECK(object);
    object[50] = 'x';
    KCHECK_TRAPS(free_it_again, NULL, "heap overflow: written up to 1 bytes");
    object[50] = (char)0xB5;
    kfree(object);
}

/* More pages in all than the range has: addresses are used again, and nothing is lost. */
KTEST(heap_debug_goes_round_its_addresses)
{
    if (heap_mode() == HEAP_NORMAL)
        KSKIP("needs heap=debug or heap=guard");
    void *kept = kmalloc(5000);

    KCHECK(kept);
    for (unsigned i = 0; i < 4000; i++) {
        void *p = kmalloc(200000 + i * 16);
        KCHECK(p);
        kfree(p);
    }
    KCHECK_EQ(kmalloc_size(kept), 5000);
    kmalloc_check();
    kfree(kept);
}

KTEST(heap_leaks_counts_by_caller)
{
    static char text[2048];
    char command[] = "heap leaks";
    void *p[3];

    log_capture(text, sizeof(text));
    if (heap_mode() == HEAP_NORMAL) {
        monitor_execute(command);
        log_capture_end();
        KCHECK(find_text(text, "error: "));
        KCHECK(find_text(text, "heap=debug"));
        return;
    }
    for (unsigned i = 0; i < 3; i++) {
        allocate_it(111);
        p[i] = object;
    }
    kfree(p[1]);
    monitor_execute(command);
    log_capture_end();
    KCHECK(find_text(text, "         2        222"));
    KCHECK(find_text(text, "allocate_it"));
    kfree(p[0]);
    kfree(p[2]);
}
