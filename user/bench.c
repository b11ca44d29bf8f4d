/* bench: what the kernel's services cost a program, by the time-stamp counter. `bench NAME ...` measures those alone.
 *
 * Each figure is the median of its samples, with the worst beside it; what reading the clock takes is subtracted.
 * Under QEMU's -icount shift=0 the counter counts instructions. Pages are touched through volatile pointers. */
#include "user.h"

#define SAMPLES_MAX 1000
#define FORK_SAMPLES 100
#define WARM_UP 16

static unsigned sample[SAMPLES_MAX], samples, overhead;

/* ---- figures ---- */

static unsigned now(void) { return (unsigned)read_clock(); }

static void record(unsigned ticks) {
    if (samples < SAMPLES_MAX)
        sample[samples++] = ticks > overhead ? ticks - overhead : 0;
}

static void sort_samples(void) {
    for (unsigned i = 1; i < samples; i++) {
        unsigned value = sample[i], j = i;
        for (; j > 0 && sample[j - 1] > value; j--)
            sample[j] = sample[j - 1];
        sample[j] = value;
    }
}

static void report(const char *name) {
    sort_samples();
    if (samples)
        print("bench %s: %u.0 insns/op (ops %u), worst %u\n", name, sample[samples / 2], samples,
              sample[samples - 1]);
    samples = 0;
}

static void measure_overhead(void) {
    for (unsigned i = 0; i < SAMPLES_MAX; i++) {
        unsigned start = now();
        record(now() - start);
    }
    sort_samples();
    overhead = sample[samples / 2];
    samples = 0;
}

/* ---- pages ---- */

static void touch(char *page) { *(volatile char *)page = 1; }

static void touch_all(char *page, unsigned pages) {
    for (unsigned i = 0; i < pages; i++)
        touch(page + i * PAGE);
}

static void unmap(char *page, unsigned pages) { system_call(SYS_munmap, page, pages * PAGE); }

static void time_touch(char *page) {
    unsigned start = now();

    touch(page);
    record(now() - start);
}

static void bench_touch(void) {
    char *page = map_pages(SAMPLES_MAX + WARM_UP);

    touch_all(page, WARM_UP);
    for (unsigned i = WARM_UP; i < SAMPLES_MAX + WARM_UP; i++)
        time_touch(page + i * PAGE);
    unmap(page, SAMPLES_MAX + WARM_UP);
}

/* The first touch in 4 MiB where nothing is mapped: the stack's lower half. */
static void bench_touch_table(void) {
    char *page = (char *)(((unsigned)&page & ~(PAGE - 1)) - (4u << 20));

    for (unsigned i = 0; i < FORK_SAMPLES; i++) {
        time_touch(page);
        unmap(page, 1);
    }
}

/* ---- copies on write ---- */

#define COW_PAGES 256u

/* Writes to pages that a child shares; the child waits for the pipe to close. */
static void bench_cow(void) {
    char *page = map_pages(COW_PAGES);
    int ends[2], pid;
    char byte;

    touch_all(page, COW_PAGES);
    system_call(SYS_pipe, ends);
    pid = system_call(SYS_fork);
    if (pid == 0) {
        system_call(SYS_close, ends[1]);
        system_call(SYS_read, ends[0], &byte, 1);
        system_call(SYS_exit, 0);
    }
    for (unsigned i = 0; i < COW_PAGES; i++)
        time_touch(page + i * PAGE);
    system_call(SYS_close, ends[0]);
    system_call(SYS_close, ends[1]);
    wait_for(pid);
    unmap(page, COW_PAGES);
}

/* The same once the child is gone: the page's only owner keeps it. */
static void bench_cow_sole(void) {
    char *page = map_pages(COW_PAGES);
    int pid;

    touch_all(page, COW_PAGES);
    pid = system_call(SYS_fork);
    if (pid == 0)
        system_call(SYS_exit, 0);
    wait_for(pid);
    for (unsigned i = 0; i < COW_PAGES; i++)
        time_touch(page + i * PAGE);
    unmap(page, COW_PAGES);
}

/* ---- processes ---- */

/* fork, exit and wait, with PAGES pages present. */
static void bench_fork(unsigned pages) {
    char *page = map_pages(pages);

    touch_all(page, pages);
    for (unsigned i = 0; i < FORK_SAMPLES; i++) {
        unsigned start = now();
        int pid = system_call(SYS_fork);

        if (pid == 0)
            system_call(SYS_exit, 0);
        wait_for(pid);
        record(now() - start);
    }
    unmap(page, pages);
}

static void bench_fork64(void) { bench_fork(64); }
static void bench_fork256(void) { bench_fork(256); }
static void bench_fork1024(void) { bench_fork(1024); }

/* Two programs yield to each other. */
static void bench_yield(void) {
    int pid = system_call(SYS_fork);

    if (pid == 0)
        for (;;)
            system_call(SYS_sched_yield);
    for (unsigned i = 0; i < SAMPLES_MAX; i++) {
        unsigned start = now();
        system_call(SYS_sched_yield);
        record((now() - start) / 2); /* one way */
    }
    system_call(SYS_kill, pid, 9);
    wait_for(pid);
}

/* A byte to another program, and back. */
static void bench_pipe(void) {
    int there[2], back[2], pid;
    char byte = 0;

    system_call(SYS_pipe, there);
    system_call(SYS_pipe, back);
    pid = system_call(SYS_fork);
    if (pid == 0) {
        system_call(SYS_close, there[1]);
        while (system_call(SYS_read, there[0], &byte, 1) == 1)
            system_call(SYS_write, back[1], &byte, 1);
        system_call(SYS_exit, 0);
    }
    for (unsigned i = 0; i < SAMPLES_MAX; i++) {
        unsigned start = now();
        system_call(SYS_write, there[1], &byte, 1);
        system_call(SYS_read, back[0], &byte, 1);
        record(now() - start);
    }
    for (unsigned i = 0; i < 2; i++) {
        system_call(SYS_close, there[i]);
        system_call(SYS_close, back[i]);
    }
    wait_for(pid);
}

#define EXECUTED "executed"

/* From execve to the first instruction of main: what was executed sends the time back. */
static void bench_exec(void) {
    for (unsigned i = 0; i < FORK_SAMPLES; i++) {
        unsigned times[2];
        int ends[2], pid;

        system_call(SYS_pipe, ends);
        pid = system_call(SYS_fork);
        if (pid == 0) {
            const char *argv[] = {"bench", EXECUTED, NULL};

            system_call(SYS_dup2, ends[1], 3);
            times[0] = now();
            system_call(SYS_write, 3, times, sizeof(times[0]));
            system_call(SYS_execve, "bench", argv, 0);
            system_call(SYS_exit, 1);
        }
        if (system_call(SYS_read, ends[0], times, sizeof(times[0])) == sizeof(times[0]))
            wait_for(pid);
        if (system_call(SYS_read, ends[0], times + 1, sizeof(times[1])) == sizeof(times[1]))
            record(times[1] - times[0]);
        system_call(SYS_close, ends[0]);
        system_call(SYS_close, ends[1]);
    }
}

/* ---- mappings ---- */

static void bench_map(unsigned pages) {
    for (unsigned i = 0; i < SAMPLES_MAX; i++) {
        unsigned start = now();
        unmap(map_pages(pages), pages);
        record(now() - start);
    }
}

static void bench_mmap1(void) { bench_map(1); }
static void bench_mmap256(void) { bench_map(256); }

/* More than there is in one piece, with a page in the middle: the search for a gap goes over all that is above it. */
static void bench_mmap_refused(void) {
    const unsigned middle = 0x60000000;

    system_call(SYS_mmap2, middle, PAGE, 3, 0x32, -1, 0); /* private, fixed, anonymous */
    for (unsigned i = 0; i < FORK_SAMPLES; i++) {
        unsigned start = now();
        system_call(SYS_mmap2, 0, middle, 3, 0x22, -1, 0);
        record(now() - start);
    }
    unmap((char *)middle, 1);
}

#define MANY 256u

static void bench_munmap256(void) {
    for (unsigned i = 0; i < FORK_SAMPLES; i++) {
        char *page = map_pages(MANY);
        touch_all(page, MANY);
        unsigned start = now();
        unmap(page, MANY);
        record(now() - start);
    }
}

/* To read-only, and back. */
static void bench_protect256(void) {
    char *page = map_pages(MANY);

    touch_all(page, MANY);
    for (unsigned i = 0; i < SAMPLES_MAX; i++) {
        unsigned start = now();
        system_call(SYS_mprotect, page, MANY * PAGE, i % 2 ? 3 : 1);
        record(now() - start);
    }
    unmap(page, MANY);
}

static void bench_getpid(void) {
    for (unsigned i = 0; i < SAMPLES_MAX; i++) {
        unsigned start = now();
        system_call(SYS_getpid);
        record(now() - start);
    }
}

static const struct {
    const char *name;
    void (*run)(void);
} benches[] = {
    {"getpid", bench_getpid},
    {"touch", bench_touch},
    {"touch-table", bench_touch_table},
    {"cow", bench_cow},
    {"cow-sole", bench_cow_sole},
    {"fork64", bench_fork64},
    {"fork256", bench_fork256},
    {"fork1024", bench_fork1024},
    {"yield", bench_yield},
    {"pipe", bench_pipe},
    {"exec", bench_exec},
    {"mmap1", bench_mmap1},
    {"mmap256", bench_mmap256},
    {"mmap-refused", bench_mmap_refused},
    {"munmap256", bench_munmap256},
    {"protect256", bench_protect256},
};

static int wanted(int argc, char **argv, const char *name) {
    for (int i = 1; i < argc; i++)
        if (!compare(argv[i], name))
            return 1;
    return argc == 1;
}

int main(int argc, char **argv) {
    unsigned start = now();

    if (argc > 1 && !compare(argv[1], EXECUTED)) {
        system_call(SYS_write, 3, &start, sizeof(start));
        return 0;
    }
    measure_overhead();
    for (unsigned i = 0; i < sizeof(benches) / sizeof(benches[0]); i++) {
        if (!wanted(argc, argv, benches[i].name))
            continue;
        benches[i].run();
        report(benches[i].name);
    }
    return 0;
}
