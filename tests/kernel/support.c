/* What the tests share (support.h). */
#include "support.h"

#include "../model/model.h"
#include "bitmap.h"
#include "cpu.h"
#include "cpuid.h"
#include "kmalloc.h"
#include "ktest.h"
#include "log.h"
#include "memlayout.h"
#include "pm.h"
#include "string.h"
#include "trap.h"
#include "vmem.h"

static unsigned random_state = 1;

/* Starts the random numbers at SEED. */
void random_seed(unsigned seed) { random_state = seed ? seed : 1; }

/* A seed that no run before had; always the same where there is no time-stamp counter. */
static unsigned new_seed(unsigned otherwise) {
    uint64_t ticks = cpu_has_tsc() ? rdtsc() : 0;
    unsigned seed = (unsigned)ticks ^ (unsigned)(ticks >> 32);

    return seed ? seed : otherwise;
}

/* Seeds a test of ROUNDS random rounds, and prints the seed; how many rounds to take now. */
unsigned random_rounds(unsigned seed, unsigned rounds) {
    if (ktest_whole_suite()) {
        seed += pm_count().total;
        rounds /= 10;
    }
    if (ktest_chance.seeded)
        seed = ktest_chance.seed ? ktest_chance.seed : new_seed(seed);
    if (ktest_chance.rounds)
        rounds = ktest_chance.rounds;
    random_seed(seed);
    kprintf("# seed=%u rounds=%u\n", seed, rounds);
    return rounds;
}

/* Marsaglia's xorshift, 32 bits: every number but 0, in turn. */
unsigned random_next(void) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 17;
    random_state ^= random_state << 5;
    return random_state;
}

/* A random number in [0, LIMIT). */
unsigned random_below(unsigned limit) { return random_next() % limit; }

/* The first place in TEXT where PART stands, or NULL. */
const char *find_text(const char *text, const char *part) {
    size_t n = strlen(part);

    for (; *text; text++)
        if (!strncmp(text, part, n))
            return text;
    return n ? NULL : text;
}

/* The start of N adjacent 4 MiB areas without page tables, or NULL. */
char *spare_area(unsigned n) { return model_area(FREE_START, KHEAP_START, n); }

/* ---- running out of memory ---- */

memmap_frames frames_held;

/* Takes every free frame, by long runs first: one by one takes seconds on a machine of 4 GiB. */
void frames_hold_all(void) {
    paddr_t pa;

    for (size_t n = 1024; n > 0; n /= 4)
        while ((pa = pm_alloc_pages(n)) != PADDR_NONE)
            bitmap_fill(frames_held, pa_to_pfn(pa), pa_to_pfn(pa) + n, true);
}

/* Gives back N of the frames held, or all. */
void frames_release(size_t n) {
    size_t start, end = 0;

    while (n && (start = bitmap_find(frames_held, end, FRAMES_MAX, true)) < FRAMES_MAX) {
        end = bitmap_find(frames_held, start, FRAMES_MAX, false);
        if (end - start > n)
            end = start + n;
        bitmap_fill(frames_held, start, end, false);
        pm_free_pages(pfn_to_pa((pfn_t)start), end - start);
        n -= end - start;
    }
}

/* Gives back every frame held. */
void frames_release_all(void) { frames_release(FRAMES_MAX); }

struct held {
    struct held *next;
};
static struct held *objects_held;

static bool object_hold(size_t size) {
    struct held *object = kmalloc(size);

    if (!object)
        return false;
    object->next = objects_held;
    objects_held = object;
    return true;
}

static void objects_release(unsigned n) {
    for (struct held *object; n && (object = objects_held); n--) {
        objects_held = object->next;
        kfree(object);
    }
}

/* Takes every free object of the heap's pages but LEFT of the smallest, which are taken last. */
void objects_hold_all(unsigned left) {
    for (unsigned i = 0; i <= left; i++)
        object_hold(sizeof(struct held));
    objects_release(left); /* the first one keeps their page */
    kmalloc_trim();
    frames_hold_all();
    for (size_t size = 2048; size; size -= 16)
        while (object_hold(size))
            ;
    frames_release_all();
    objects_release(left);
}

void objects_release_all(void) { objects_release(UINT32_MAX); }

/* Checks every invariant of pm, vmem and kmalloc; panics with the first one broken. */
void check_memory(void) {
    pm_check();
    vmem_check();
    kmalloc_check();
}

size_t objects_live(void) {
    struct kmalloc_stats stats;
    size_t n = 0;

    for (unsigned sc = 0; kmalloc_stats(sc, &stats); sc++)
        n += stats.live;
    return n;
}

#define EXHAUST_MOST 2000 /* no attempt here needs as many frames */

static void (*step_look)(void);
static unsigned steps;

static void on_step(struct trap_frame *frame) {
    (void)frame;
    steps++;
    step_look();
}

void call_in_steps(void (*fn)(void *arg), void *arg, void (*look)(void)) {
    step_look = look;
    steps = 0;
    trap_on_step(on_step);
    write_eflags(read_eflags() | EFLAGS_TF);
    fn(arg);
    write_eflags(read_eflags() & ~EFLAGS_TF);
    trap_on_step(NULL);
}

static void do_nothing(void *arg) { (void)arg; }
static void look_at_nothing(void) {}

bool takes_steps(void) {
    call_in_steps(do_nothing, NULL, look_at_nothing);
    return steps > 0;
}

/* Runs ATTEMPT(ARG) with 0, 1, 2, ... frames free until it returns true. */
void exhaust(bool (*attempt)(void *arg), void *arg, size_t least) {
    size_t before, frames;
    bool done = false;

    kmalloc_trim();
    before = pm_count().free;
    frames_hold_all();
    for (frames = 0; !done && frames < EXHAUST_MOST; frames++) {
        frames_release(frames);
        KCHECK_EQ(pm_count().free, frames);
        done = attempt(arg);
        KCHECK(!ktest_failing());
        if (done)
            kmalloc_trim();
        KCHECK_EQ(pm_count().free, frames);
        if (frames < 16)
            check_memory();
        frames_hold_all();
    }
    frames_release_all();
    KCHECK(done);
    KCHECK(frames > least);
    KCHECK_EQ(pm_count().free, before);
}

/* A frame from pm with VALUE in its first word; PADDR_NONE if there is none. */
paddr_t marked_frame(unsigned value) {
    char *va = spare_area(1);
    paddr_t pa = va ? pm_alloc_page() : PADDR_NONE;

    if (pa == PADDR_NONE)
        return PADDR_NONE;
    if (vmem_map(va, pa, VMEM_WRITE)) {
        pm_free_page(pa);
        return PADDR_NONE;
    }
    *(volatile unsigned *)(void *)va = value;
    vmem_unmap(va);
    return pa;
}

/* ---- the machine ---- */

#define PENTIUM_III 0x673 /* family 6, model 7, stepping 3 */

bool on_v86(void) { return cpu_has_cpuid() && cpuid(1).eax == PENTIUM_III && !cpu_has_pat(); }
