/* The monitor's soak: all of memory in use, by the heap, by mappings and by programs that fork, touch and die at once.
 *
 * A round takes all memory: objects until kmalloc gives none, then pages of the monitor's own space until none comes. It
 * gives a part back, and lets programs (user/soak.c) fight for it. While they run, objects come and go, and every
 * invariant is checked at every so many page faults. In the end all is given back, and must be as many frames, objects and
 * programs as before the first round. Whatever is wrong is a panic. */
#include "command.h"
#include "cpuid.h"
#include "format.h"
#include "input.h"
#include "kmalloc.h"
#include "log.h"
#include "memlayout.h"
#include "monitor.h"
#include "panic.h"
#include "pm.h"
#include "process.h"
#include "space.h"
#include "string.h"
#include "support.h"
#include "tsc.h"

#include "../../kernel/monitor/args.h"
#include "../../kernel/process/linux.h"

#define OBJECTS 4096
#define PROGRAMS 4           /* in a round, one after another; each becomes many */
#define LEFT_MOST 4000u      /* frames for the last of them */
#define FAULTS_PER_OBJECT 16 /* an object is exchanged after so many page faults */
#define FAULTS_PER_CHECK 512

enum { WRONG = 1, NO_MEMORY = 2, ENDED = 4 }; /* exit statuses of user/soak.c */

static struct {
    unsigned *at;
    size_t size;
} objects[OBJECTS];

static size_t pages; /* of the monitor's own, from FREE_START on */

static struct {
    unsigned rounds, programs, faults, checks;
    unsigned no_object, no_page, no_program, no_call, ended; /* how often memory had run out, for whom */
} count;

/* ---- the heap ---- */

static size_t some_size(void) {
    switch (random_below(4)) {
    case 0:
        return sizeof(unsigned) + random_below(256);
    case 1:
        return sizeof(unsigned) + random_below(PAGE_SIZE);
    case 2:
        return sizeof(unsigned) + random_below(8 * PAGE_SIZE);
    default:
        return sizeof(unsigned) + random_below(64 * PAGE_SIZE);
    }
}

static unsigned *last_word(size_t i) { return objects[i].at + objects[i].size / sizeof(unsigned) - 1; }

static void mark_object(size_t i) { *objects[i].at = *last_word(i) = ~(unsigned)i; }

static void look_at_object(size_t i) {
    if (*objects[i].at != ~(unsigned)i || *last_word(i) != ~(unsigned)i)
        PANIC("soak: object %zu at %p, %zu bytes, begins with 0x%x and ends with 0x%x", i, objects[i].at,
              objects[i].size, *objects[i].at, *last_word(i));
}

static void free_object(size_t i) {
    if (!objects[i].at)
        return;
    look_at_object(i);
    kfree(objects[i].at);
    objects[i].at = NULL;
}

/* Whether there is an object I now. */
static bool take_object(size_t i) {
    free_object(i);
    objects[i].size = some_size();
    objects[i].at = random_below(8) ? kmalloc(objects[i].size)
                                    : kmalloc_aligned(objects[i].size, 16u << random_below(12));
    count.no_object += !objects[i].at;
    if (objects[i].at)
        mark_object(i);
    return objects[i].at;
}

static void resize_object(size_t i) {
    size_t size = some_size();
    unsigned *at = krealloc(objects[i].at, size);

    count.no_object += !at;
    if (!at)
        return;
    objects[i].at = at;
    objects[i].size = size;
    mark_object(i);
}

static void exchange_object(void) {
    size_t i = random_below(OBJECTS);

    if (objects[i].at && random_below(2)) {
        look_at_object(i);
        resize_object(i);
    } else {
        take_object(i);
    }
}

/* ---- the monitor's own pages ---- */

static unsigned *page_at(size_t i) { return (unsigned *)(FREE_START + i * PAGE_SIZE); }

/* One page more; false when there is no memory for it. */
static bool take_page(void) {
    unsigned *page = page_at(pages);

    if (space_reserve(page, 1, VMEM_WRITE) < 0)
        return false;
    pages++;
    if (!space_fault(page, FAULT_WRITE))
        return false;
    *page = (unsigned)pages;
    return true;
}

static void give_pages(size_t n) {
    if (n > pages)
        n = pages;
    for (size_t i = pages - n; i < pages; i++) {
        paddr_t pa;
        if (vmem_translate(page_at(i), &pa) && *page_at(i) != i + 1)
            PANIC("soak: page %p has 0x%x, not 0x%zx", page_at(i), *page_at(i), i + 1);
    }
    pages -= n;
    if (n)
        space_release(page_at(pages), n);
}

/* ---- while programs run ---- */

static void check_all(void) {
    space_check(); /* and vmem's */
    pm_check();
    kmalloc_check();
    count.checks++;
}

static void on_fault(const struct process_fault *fault) {
    (void)fault;
    count.faults++;
    if (count.faults % FAULTS_PER_OBJECT == 0)
        exchange_object();
    if (count.faults % FAULTS_PER_CHECK == 0)
        check_all();
}

static void judge_program(int status) {
    if ((status & 0x7F) == SIGKILL) {
        count.ended++;
        return;
    }
    if (status & 0x7F || status >> 8 & WRONG)
        PANIC("soak: a program's page was not as it had left it: wait status 0x%x", status);
    status >>= 8;
    count.no_call += (status & NO_MEMORY) != 0;
    count.ended += (status & ENDED) != 0;
}

/* Starts a program, and waits for it and whatever it leaves. */
static void run_program(void) {
    static char said[4096]; /* that memory has run out, and for whom */
    char name[] = "soak", seed[16], *arg[] = {name, seed};
    struct process_info info;

    format_buffer(seed, sizeof(seed), "%u", random_next());
    log_capture(said, sizeof(said));
    process_on_fault(on_fault);
    int pid = process_start(2, arg);
    if (pid > 0)
        judge_program(process_wait_for(pid));
    while (process_next(MONITOR_PID + 1, &info))
        process_rest();
    process_on_fault(NULL);
    log_capture_end();
    count.programs += pid > 0;
    count.no_program += pid == -ENOMEM;
    if (pid < 0 && pid != -ENOMEM)
        PANIC("soak: the program soak cannot be started: %s", process_error_text(pid));
    if (find_text(said, "soak:"))
        PANIC("%s", find_text(said, "soak:"));
}

/* ---- rounds ---- */

static size_t live_objects(void) {
    struct kmalloc_stats stats;
    size_t n = 0;

    for (unsigned sc = 0; kmalloc_stats(sc, &stats); sc++)
        n += stats.live;
    return n;
}

static void run_round(void) {
    for (size_t i = 0; i < OBJECTS && take_object(i); i++)
        ;
    while (take_page())
        ;
    count.no_page++;
    check_all();
    for (size_t i = 0; i < PROGRAMS; i++) {
        give_pages(random_below(LEFT_MOST / PROGRAMS));
        run_program();
    }
    for (size_t i = 0; i < OBJECTS; i++)
        free_object(i);
    give_pages(pages);
    kmalloc_trim();
    check_all();
    count.rounds++;
}

static void say(const char *how, unsigned ms) {
    kprintf("soak: %s%u s, %u rounds, %u programs, %u page faults, %u checks\n", how, ms / 1000, count.rounds,
            count.programs, count.faults, count.checks);
}

/* How often memory has run out, and for whom. */
static void say_exhaustion(void) {
    kprintf("soak: out of memory: %u objects, %u pages, %u starts\n", count.no_object, count.no_page,
            count.no_program);
    kprintf("soak: out of memory: %u programs in a call, %u in a touch\n", count.no_call, count.ended);
}

COMMAND(CHECK, 4, soak, .arguments = "[SECONDS]", .most = 1, .flags = UNATTENDED,
        .help = "use all memory at once, for a minute or SECONDS",
        .detail = "Needs the program soak, a boot module (make soak), and no object or mapping of yours.",
        .example = "soak 600")
{
    struct process_info info;
    unsigned seconds = 60, ms = 0, said = 0;
    uint64_t start = tsc_ticks();

    if (n && !argument_number("SECONDS", arg[0], &seconds))
        return;
    if (!cpu_has_tsc())
        return command_error("this processor has no time-stamp counter");
    kmalloc_trim();
    size_t free = pm_count().free, live = live_objects();
    if (live || process_next(MONITOR_PID + 1, &info) || space_count(space_current()).tables)
        return command_error("there are objects, mappings or programs already");
    memset(&count, 0, sizeof(count));
    random_seed((unsigned)start);
    kprintf("soak: seed %u, %zu frames\n", (unsigned)start, free);
    while (ms < seconds * 1000 && !input_interrupted()) {
        run_round();
        if (pm_count().free != free || live_objects() != live)
            PANIC("soak: %zu frames were free, %zu are; %zu objects are live", free, pm_count().free,
                  live_objects());
        ms = tsc_milliseconds(tsc_ticks() - start);
        if (ms >= said + 5000)
            say("", said = ms);
    }
    say_exhaustion();
    say("nothing lost in ", ms);
}
