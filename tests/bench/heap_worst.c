/* Searches for the worst single call of kmalloc and of kfree, without the cost of mapping.
 *
 * Each call is timed by itself. The heap's page provider wraps vmem's and times it; that time is subtracted, as if
 * getting and giving pages were empty functions. Two kinds of calls have figures of their own. Calls for more than
 * 64 KiB search all slots and change a bit for each slot. Calls that find no page or no address left give back every
 * spare page and try again.
 *
 * Each pattern is hard for some heap: each size at each state of its page, combs of holes, the last object above a
 * long hole, exhausted memory, growing and shrinking in between, and random programs. */
#include "clock.h"
#include "format.h"
#include "kmalloc.h"
#include "log.h"
#include "measure.h"
#include "random.h"
#include "string.h"
#include "vmem.h"

#define HUGE_FROM 65537u
#define SLOTS 8064u            /* of 64 KiB, as kmalloc.h says */
#define ROOM 65536u            /* objects live at a time */
#define MANY_BYTES (96u << 20) /* and their bytes, where there are to be many */
#define SPENT_MOST 500000000u /* ticks in the calls of a pattern: a slow heap is not searched to the end */

struct object {
    char *p;
    size_t size;
};

static struct object *objects;
static size_t live;
static struct random chance;

/* ---- the clock ---- */

struct call {
    unsigned ticks, count;
    size_t size; /* of the object allocated or freed by the worst call */
    const char *pattern;
};

static const char *pattern;
enum kind { USUAL, HUGE, EXHAUSTED, KINDS }; /* up to 64 KiB; beyond; no page or address left */
static struct call allocs[KINDS], frees[KINDS];
static unsigned overhead_alloc, overhead_free; /* of a call of an empty function, clock included */
unsigned ticks_in_provider, provider_overhead;
static unsigned gets_left; /* calls until the provider fails */
static bool given;         /* a page has been given back since the call began */
static uint64_t spent;     /* ticks in the calls of the pattern */
static bool no_address;    /* the next objects find no address */
static bool
    refused; /* since the call began the provider has failed, or was asked after pages were given back */

static int (*inner_get)(void *, size_t), (*inner_give)(void *, size_t);

int provider_get(void *va, size_t pages) {
    int result = gets_left && gets_left-- ? inner_get(va, pages) : -1;
    refused |= result < 0 || given;
    return result;
}

int provider_give(void *va, size_t pages) {
    given = true;
    return inner_give(va, pages);
}

static const struct page_provider timed_provider = {timed_get, timed_give};
static int (*const no_pages)(void *, size_t) = (void *)returns_zero;

/* The ticks of one call, without the provider's. */
static unsigned ticks_of(void *fn, uintptr_t argument, uintptr_t *result) {
    ticks_in_provider = 0;
    unsigned ticks = clock_call(fn, argument, result);
    return ticks - ticks_in_provider;
}

/* Measures empty functions: what the clock itself takes. */
static void calibrate(void) {
    inner_give = no_pages;
    provider_overhead = 0;
    provider_overhead = ticks_of(timed_give, 0, NULL) - ticks_of(returns_zero, 0, NULL);
    overhead_alloc = ticks_of(returns_object, 0, NULL);
    overhead_free = ticks_of(returns_nothing, 0, NULL);
}

static void note(struct call *call, unsigned ticks, size_t size) {
    spent += ticks;
    call->count++;
    if (ticks > call->ticks)
        *call = (struct call){ticks, call->count, size, pattern};
}

/* ---- steps ---- */

static bool is_slow(void) { return spent > SPENT_MOST; }

static bool add(size_t size) {
    uintptr_t address;
    if (live == ROOM || is_slow())
        return false;
    refused = given = false;
    unsigned ticks = ticks_of(kmalloc, size, &address) - overhead_alloc;
    void *p = (void *)address;
    bool elsewhere = !p || no_address || (size <= PAGE_SIZE && kmalloc_size(p) > PAGE_SIZE);
    note(&allocs[size >= HUGE_FROM ? HUGE : refused || elsewhere ? EXHAUSTED : USUAL], ticks, size);
    if (p)
        objects[live++] = (struct object){p, size};
    return p != NULL;
}

static void drop(size_t i) {
    unsigned ticks = ticks_of(kfree, (uintptr_t)objects[i].p, NULL) - overhead_free;
    note(&frees[objects[i].size >= HUGE_FROM ? HUGE : USUAL], ticks, objects[i].size);
    objects[i].p = NULL;
}

/* Closes the gaps that drop leaves. */
static void close_gaps(void) {
    size_t kept = 0;
    for (size_t i = 0; i < live; i++)
        if (objects[i].p)
            objects[kept++] = objects[i];
    live = kept;
}

static void add_many(size_t size, size_t n) {
    while (n-- && add(size))
        ;
}

/* Adds up to N objects, as many as there is room for. */
static void add_up_to(size_t size, size_t n) {
    size_t most = MANY_BYTES / size;
    add_many(size, n < most ? n : most);
}

static void swap(struct object *a, struct object *b) {
    struct object c = *a;
    *a = *b;
    *b = c;
}

enum order { FORWARD, BACKWARD, SHUFFLED, ORDERS };

/* Frees the objects from FIRST on, except every KEEP-th (0: keeps none). */
static void drop_all(size_t first, enum order order, unsigned keep) {
    if (order == SHUFFLED)
        for (size_t i = first; i < live; i++)
            swap(&objects[i], &objects[i + random_below(&chance, live - i)]);
    for (size_t i = first; i < live; i++) {
        size_t at = order == BACKWARD ? live - 1 - (i - first) : i;
        if (keep == 0 || at % keep)
            drop(at);
    }
    close_gaps();
}

static void resize(size_t i, size_t size) {
    if (is_slow())
        return;
    char *p = krealloc(objects[i].p, size);
    if (p)
        objects[i] = (struct object){p, size};
}

/* 1 byte to 64 KiB; each power of two is as likely. */
static size_t random_size(void) {
    size_t top = 16u << random_below(&chance, 13);
    return random_between(&chance, top / 2 + 1, top);
}

/* ---- patterns ---- */

static const size_t sizes[] = {1,    16,   32,   33,   64,   96,   128,   192,   256,   257,   320,  384,
                               385,  448,  512,  576,  672,  800,  1024,  1344,  1345,  1536,  2016, 2048,
                               2049, 3000, 4096, 4097, 8192, 8193, 12288, 16384, 16385, 32768, 65536};

static void every_size(void) {
    for (size_t size = 1; size < HUGE_FROM; size += size < 4200 ? 1 : 61) {
        add(size);
        drop_all(0, FORWARD, 0);
    }
}

static void each_order(void) {
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
        for (unsigned order = 0; order < ORDERS; order++)
            for (unsigned keep = 0; keep < 10; keep += 3) {
                add_many(sizes[i], 300);
                drop_all(0, order, keep);
                add_many(sizes[i], 300);
                drop_all(0, order, 0);
            }
}

/* Nearly empty pages of one size, then objects of another size. */
static void combs(void) {
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
        for (unsigned keep = 2; keep <= 128; keep *= 4) {
            add_up_to(sizes[i], 4096);
            drop_all(0, FORWARD, keep);
            size_t comb = live;
            for (size_t j = 0; j < ARRAY_SIZE(sizes); j++)
                add_many(sizes[j], 20);
            drop_all(comb, SHUFFLED, 0);
            drop_all(0, keep & 8 ? BACKWARD : FORWARD, 0);
        }
}

/* Frees all but the object allocated last, then that one. */
static void last_object(void) {
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        add_up_to(sizes[i], ROOM - 100);
        if (!live)
            return; /* the heap is slow */
        swap(&objects[0], &objects[live - 1]);
        drop_all(1, FORWARD, 0);
        add_many(sizes[i], 50); /* uses up the spare pages */
        drop_all(1, FORWARD, 0);
        drop_all(0, FORWARD, 0);
    }
}

/* As many holes as possible, each too small for the next object. */
static void small_holes(void) {
    for (size_t size = 2049; size <= 65536; size *= 2)
        for (unsigned keep = 2; keep <= 4; keep++) {
            add_up_to(size, ROOM - 100);
            drop_all(0, FORWARD, keep);
            for (size_t larger = size; larger <= 65536; larger += 4096)
                add(larger);
            drop_all(0, SHUFFLED, 0);
        }
}

/* A random walk between few and many objects; some grow or shrink. */
static void walk(void) {
    for (unsigned step = 0; step < 400000; step++) {
        bool growing = step / 4096 % 2;
        unsigned what = random_below(&chance, 16);
        if (live == 0 || (what < (growing ? 9 : 5) && live < 4096)) {
            add(random_size());
        } else if (what < 14) {
            swap(&objects[random_below(&chance, live)], &objects[live - 1]);
            drop(--live);
        } else {
            resize(random_below(&chance, live), random_size());
        }
        if (step % 50000 == 0)
            kmalloc_trim();
    }
}

/* A program of few sizes and many phases; each phase allocates or frees in some order. */
static void program(void) {
    size_t chosen[3] = {random_size(), random_size(), random_size()};
    for (unsigned phase = 2 + random_below(&chance, 10); phase; phase--) {
        unsigned what = random_below(&chance, 5);
        if (what < 3)
            add_many(chosen[what], random_below(&chance, 400));
        else if (what == 3)
            drop_all(random_below(&chance, live + 1), random_below(&chance, ORDERS),
                     random_below(&chance, 9));
        else if (live)
            resize(random_below(&chance, live), chosen[random_below(&chance, 3)]);
    }
    if (random_below(&chance, 4) == 0)
        kmalloc_trim();
    drop_all(0, random_below(&chance, ORDERS), random_below(&chance, 2) * 7);
}

static void programs(void) {
    for (unsigned i = 0; i < 1000; i++)
        program();
}

/* The provider fails at once, or after a few calls. */
static void out_of_memory(void) {
    for (unsigned i = 0; i < 20000; i++) {
        gets_left = random_below(&chance, 3);
        add(random_size());
        if (live > 200)
            drop_all(0, random_below(&chance, ORDERS), 5);
    }
    gets_left = ~0u;
}

/* Every second slot of 64 KiB holds an object: no hole is long enough. */
static void slot_comb(void) {
    while (live < ROOM) {
        char *p = kmalloc_aligned(PAGE_SIZE, HUGE_FROM - 1);
        if (!p)
            break;
        objects[live++] = (struct object){p, PAGE_SIZE};
    }
    drop_all(0, FORWARD, 2);
    for (size_t size = HUGE_FROM; size < 32 * HUGE_FROM; size *= 2)
        add(size);
}

/* A third of the slots of 64 KiB serve objects of 17 pages. Each object fills two and leaves two behind it as
 * room to grow, until addresses run out. */
static void room_to_grow(void) {
    for (unsigned last = 0; last < 2; last++) {
        add_many(HUGE_FROM, SLOTS / 3);
        no_address = !last;
        add(last ? SLOTS / 2 * HUGE_FROM : 20000);
        no_address = false;
        drop_all(0, FORWARD, 0);
    }
}

static void huge(void) {
    for (size_t pages = SLOTS * 16; pages > 17; pages -= pages / 3) {
        add_many(pages * PAGE_SIZE, 2);
        drop_all(0, BACKWARD, 0);
    }
    for (unsigned i = 0; i < 200; i++) {
        add(random_between(&chance, HUGE_FROM, 1u << 20));
        if (live > 8)
            drop_all(0, random_below(&chance, ORDERS), 3);
    }
}

/* UNBACKED patterns get addresses without frames: backed, they would depend on the size of memory. A heap whose books lie beside
 * its objects cannot run on these. */
static const struct {
    const char *name;
    void (*run)(void);
    bool unbacked;
} patterns[] = {
    {"every size", every_size, false},
    {"each order", each_order, false},
    {"combs", combs, false},
    {"last object", last_object, false},
    {"small holes", small_holes, false},
    {"random walk", walk, false},
    {"programs", programs, false},
    {"out of memory", out_of_memory, false},
    {"huge", huge, true},
    {"slot comb", slot_comb, true},
    {"room to grow", room_to_grow, true},
};

static void print_call(const char *figure, const char *function, const struct call *call) {
    if (!call->count)
        return; /* its patterns cannot run on this heap */
    figure_worst(figure, call->ticks, call->count);
    kprintf("    %s of %zu bytes, pattern \"%s\"\n", function, call->size, call->pattern);
}

static void search(void) {
    kmalloc_init(&timed_provider);
    for (size_t i = 0; i < ARRAY_SIZE(patterns); i++) {
        if (patterns[i].unbacked && !kmalloc_books_apart)
            continue;
        pattern = patterns[i].name;
        inner_get = patterns[i].unbacked ? no_pages : vmem_provider.get;
        inner_give = patterns[i].unbacked ? no_pages : vmem_provider.give;
        spent = 0;
        patterns[i].run();
        if (is_slow())
            kprintf("    the pattern \"%s\" was cut short: its calls took %u million ticks\n", pattern, SPENT_MOST / 1000000);
        drop_all(0, SHUFFLED, 0);
        kmalloc_check();
        kmalloc_trim();
    }
    kmalloc_init(&vmem_provider);
}

void bench_worst_heap(const char *name) {
    objects = area_get(name, ROOM * sizeof(*objects));
    if (!objects)
        return;
    chance = (struct random)RANDOM_SEED;
    live = 0;
    memset(allocs, 0, sizeof(allocs));
    memset(frees, 0, sizeof(frees));
    calibrate();
    gets_left = ~0u;
    search();
    print_call("kmalloc-worst", "kmalloc", &allocs[USUAL]);
    print_call("kfree-worst", "kfree", &frees[USUAL]);
    print_call("kmalloc-worst-full", "kmalloc", &allocs[EXHAUSTED]);
    print_call("kmalloc-worst-huge", "kmalloc", &allocs[HUGE]);
    print_call("kfree-worst-huge", "kfree", &frees[HUGE]);
    area_give(ROOM * sizeof(*objects));
}
