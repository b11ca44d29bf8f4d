/* The debugging heap: kmalloc.h's calls, and what they check.
 *
 * heap_debug_install replaces kmalloc's functions before paging is on, while text can be written: it turns
 * the first bytes of each into a jump to the function here. The normal heap therefore tests for nothing and
 * pays nothing, and each function here finds its caller's own return address on the stack.
 *
 * The red zones around an object reach to the ends of its slot or pages. They are filled with one byte value,
 * which kfree and kmalloc_check compare. With heap=debug, kfree fills the object with poison and puts it in
 * the quarantine. The quarantine is a queue of limited size; whatever leaves it must still be poisoned. An
 * object too large for it is unmapped at once, as every freed object is with heap=guard.
 *
 * Every check comes before the first change. */
#include "heap_debug.h"

#include "cpu.h"
#include "format.h"
#include "heap_records.h"
#include "interrupt.h"
#include "kmalloc.h"
#include "memlayout.h"
#include "panic.h"
#include "string.h"
#include "symbols.h"

#define RED_BYTE 0xB5u
#define QUARANTINE_MAX (256u * 1024)         /* bytes */
#define QUARANTINED_MAX (QUARANTINE_MAX / 8) /* of one object */

#define CALLER ((uintptr_t)__builtin_return_address(0))

static enum heap_mode mode;
static struct record *oldest, *newest; /* the ends of the quarantine */
static size_t quarantined;             /* bytes in it */

enum heap_mode heap_mode(void) { return mode; }

/* ---- reports ---- */

#define DETAILS_TEXT 400

/* What is known of an object, a line each. */
static const char *details(const struct record *record) {
    static char text[DETAILS_TEXT];
    char caller[ADDRESS_TEXT];
    size_t n =
        format_buffer(text, sizeof(text), "  object   %zu bytes at 0x%08x\n  alloc    by %s", record->size,
                      (unsigned)(uintptr_t)record->object, caller_text(record->allocated_by, caller));

    if (record->state != RECORD_LIVE)
        format_buffer(text + n, sizeof(text) - n, "\n  freed    by %s",
                      caller_text(record->freed_by, caller));
    return text;
}

/* ---- red zones and poison ---- */

static void fill(char *start, const char *end, unsigned byte) {
    memset(start, (int)byte, (size_t)(end - start));
}

/* The last byte in [START, END) that is not BYTE, or NULL; and the first one. */
static const char *last_other(const char *start, const char *end, unsigned byte) {
    while (end > start)
        if ((uint8_t)*--end != byte)
            return end;
    return NULL;
}

static const char *first_other(const char *start, const char *end, unsigned byte) {
    while (end - start >= 4 && *(const unsigned *)(const void *)start == byte * 0x01010101u)
        start += 4;
    for (; start < end; start++)
        if ((uint8_t)*start != byte)
            return start;
    return NULL;
}

static void check_red_zones(const struct record *record) {
    const char *object = record->object, *object_end = object + record->size, *bad;
    char *start, *end;

    record_bounds(record, &start, &end);
    if ((bad = last_other(object_end, end, RED_BYTE))) {
        panic_about(object);
        PANIC("kmalloc: heap overflow: written up to %zu bytes past the end of an object of %zu bytes at "
              "%p\n%s",
              (size_t)(bad + 1 - object_end), record->size, (const void *)object, details(record));
    }
    if ((bad = first_other(start, object, RED_BYTE))) {
        panic_about(object);
        PANIC("kmalloc: heap underflow: written from %zu bytes before an object of %zu bytes at %p\n%s",
              (size_t)(object - bad), record->size, (const void *)object, details(record));
    }
}

static void check_poison(const struct record *record) {
    const char *object = record->object;
    const char *bad = first_other(object, object + record->size, HEAP_POISON_BYTE);

    if (bad) {
        panic_about(object);
        PANIC("kmalloc: use after free: written at +0x%zx of a freed object of %zu bytes at %p\n%s",
              (size_t)(bad - object), record->size, (const void *)object, details(record));
    }
    check_red_zones(record);
}

/* ---- allocating, and the quarantine ---- */

static void release_oldest(void) {
    struct record *record = oldest;
    char *start, *end;

    check_poison(record);
    record_bounds(record, &start, &end);
    oldest = record->next;
    quarantined -= (size_t)(end - start);
    record_release(record);
}

static void quarantine(struct record *record) {
    char *start, *end;

    record_bounds(record, &start, &end);
    fill(record->object, record->object + record->size, HEAP_POISON_BYTE);
    record->next = NULL;
    if (oldest)
        newest->next = record;
    else
        oldest = record;
    newest = record;
    quarantined += (size_t)(end - start);
    while (quarantined > QUARANTINE_MAX)
        release_oldest();
}

static void trim(void) {
    while (oldest)
        release_oldest();
    records_trim();
}

/* Refuses a call from an interrupt handler, before anything has changed. */
static void enter(void) {
    if (in_interrupt())
        PANIC("kmalloc: an interrupt handler cannot use the heap");
}

static void *take(size_t size, size_t align, uintptr_t caller) {
    struct record *record;
    char *start, *end;

    enter();
    if (size == 0)
        return NULL;
    if (!(record = record_take(size, align))) {
        trim();
        if (!(record = record_take(size, align))) {
            trim();
            return NULL;
        }
    }
    record->size = size;
    record->allocated_by = caller;
    record->state = RECORD_LIVE;
    record_bounds(record, &start, &end);
    fill(start, record->object, RED_BYTE);
    fill(record->object + size, end, RED_BYTE);
    if (mode == HEAP_DEBUG)
        fill(record->object, record->object + size, HEAP_POISON_BYTE);
    return record->object;
}

/* ---- freeing ---- */

/* Panics and says what P is instead of a live object's start. RECORD is that of the place it lies in, or
 * NULL. */
static void bad_free(const char *p, const struct record *record, uintptr_t caller) __attribute__((noreturn));
static void bad_free(const char *p, const struct record *record, uintptr_t caller) {
    char text[ADDRESS_TEXT];

    caller_text(caller, text);
    if ((uintptr_t)p < KHEAP_START || (uintptr_t)p >= KHEAP_END)
        PANIC("kmalloc: %p cannot be freed: it is no address of the heap's objects\n  kfree    by %s",
              (const void *)p, text);
    if (!record || record->state == RECORD_NONE)
        PANIC("kmalloc: %p cannot be freed: it was never allocated\n  kfree    by %s", (const void *)p, text);
    panic_about(record->object);
    if (record->state != RECORD_LIVE)
        PANIC("kmalloc: %p cannot be freed: double free: it was freed already\n%s\n"
              "  again    by %s",
              (const void *)p, details(record), text);
    if (p < record->object || p >= record->object + record->size)
        PANIC("kmalloc: %p cannot be freed: it lies beside an object\n%s\n  kfree    by %s", (const void *)p,
              details(record), text);
    PANIC("kmalloc: %p cannot be freed: it lies inside an object, %zu bytes past its start, %p\n%s\n"
          "  kfree    by %s",
          (const void *)p, (size_t)(p - record->object), (const void *)record->object, details(record), text);
}

static struct record *live_at(const void *p) {
    struct record *record = record_at((uintptr_t)p);

    return record && record->state == RECORD_LIVE && record->object == p ? record : NULL;
}

static void give(void *p, uintptr_t caller) {
    struct record *record;

    enter();
    if (!p)
        return;
    if (!(record = live_at(p)))
        bad_free(p, record_at((uintptr_t)p), caller);
    check_red_zones(record);
    record->freed_by = caller;
    record_retire(record);
    if (mode == HEAP_GUARD || record->size > QUARANTINED_MAX)
        record_release(record);
    else
        quarantine(record);
}

/* ---- the functions that replace kmalloc's ---- */

static void debug_init(const struct page_provider *provider) {
    records_init(mode, provider);
    oldest = NULL;
    quarantined = 0;
}

static void *debug_kmalloc(size_t size) { return take(size, 1, CALLER); }

static void *debug_kzalloc(size_t size) {
    void *p = take(size, 1, CALLER);

    return p ? memset(p, 0, size) : NULL;
}

static void *debug_kmalloc_aligned(size_t size, size_t align) {
    if (align == 0 || align & (align - 1))
        PANIC("kmalloc: an alignment of %zu is no power of two", align);
    return take(size, align, CALLER);
}

static void debug_kfree(void *p) { give(p, CALLER); }

static size_t debug_size(const void *p) {
    struct record *record = live_at(p);

    return record ? record->size : 0;
}

/* The object always moves, so that a use of its old address is found. */
static void *debug_krealloc(void *p, size_t size) {
    const struct record *record = live_at(p);

    if (!record || size == 0) {
        give(p, CALLER);
        return take(size, 1, CALLER);
    }
    void *to = take(size, 1, CALLER);
    if (!to)
        return size <= record->size ? p : NULL;
    memcpy(to, p, size < record->size ? size : record->size);
    give(p, CALLER);
    return to;
}

static void debug_trim(void) {
    enter();
    trim();
}

static void debug_check(void) {
    enter();
    for (struct record *record = NULL; (record = record_next(record));) {
        if (record->state == RECORD_LIVE)
            check_red_zones(record);
        else if (record->state == RECORD_QUARANTINED)
            check_poison(record);
    }
    records_check();
}

static bool debug_stats(unsigned sc, struct kmalloc_stats *out) {
    *out = (struct kmalloc_stats){0};
    if (sc < RECORD_CLASSES)
        records_stats(sc, out);
    return sc < RECORD_CLASSES;
}

/* ---- looking objects up ---- */

static struct heap_object object_of(const struct record *record) {
    return (struct heap_object){
        .start = (uintptr_t)record->object,
        .size = record->size,
        .live = record->state == RECORD_LIVE,
        .allocated_by = record->allocated_by,
        .freed_by = record->freed_by,
    };
}

bool heap_debug_find(uintptr_t address, struct heap_object *out) {
    const struct record *record = record_at(address);

    if (!record || record->state == RECORD_NONE)
        return false;
    *out = object_of(record);
    return true;
}

void heap_debug_each(void (*fn)(const struct heap_object *object, void *context), void *context) {
    for (struct record *record = NULL; (record = record_next(record));) {
        struct heap_object object = object_of(record);

        if (object.live)
            fn(&object, context);
    }
}

/* ---- replacing kmalloc's functions ---- */

#define JMP_NEAR 0xE9 /* then the distance from the next instruction (SDM vol. 2, JMP) */
#define JMP_BYTES 5

/* Whether all bytes of the jump fall into the function that starts at FUNCTION. */
static bool has_room(uintptr_t function) {
    size_t offset;
    return symbol_at(function + JMP_BYTES - 1, &offset) && offset == JMP_BYTES - 1;
}

static void replace(uintptr_t function, uintptr_t by) {
    uint8_t *code = (uint8_t *)function;
    unsigned distance = by - (function + JMP_BYTES);

    if (!has_room(function))
        PANIC("kmalloc: the function at 0x%08x is too short to be replaced", (unsigned)function);
    code[0] = JMP_NEAR;
    memcpy(code + 1, &distance, sizeof(distance));
}

/* Code that is changed before it first runs needs no more than a jump in between (SDM vol. 3, 8.1.3). */
void heap_debug_install(enum heap_mode chosen) {
    const struct {
        uintptr_t function, by;
    } pairs[] = {
#define PAIR(function, by) {(uintptr_t)(function), (uintptr_t)(by)}
        PAIR(kmalloc_init, debug_init),
        PAIR(kmalloc, debug_kmalloc),
        PAIR(kzalloc, debug_kzalloc),
        PAIR(krealloc, debug_krealloc),
        PAIR(kmalloc_aligned, debug_kmalloc_aligned),
        PAIR(kfree, debug_kfree),
        PAIR(kmalloc_size, debug_size),
        PAIR(kmalloc_check, debug_check),
        PAIR(kmalloc_trim, debug_trim),
        PAIR(kmalloc_stats, debug_stats),
        PAIR(kmalloc_pages, records_pages),
        PAIR(kmalloc_peak_pages, records_peak_pages),
#undef PAIR
    };

    ASSERT(!(read_cr0() & CR0_PG));
    mode = chosen;
    for (size_t i = 0; mode != HEAP_NORMAL && i < ARRAY_SIZE(pairs); i++)
        replace(pairs[i].function, pairs[i].by);
}
