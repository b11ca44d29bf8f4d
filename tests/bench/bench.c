/* bench_run: the list of benchmarks, and their figures, table and legend.
 *
 * Under QEMU's -icount shift=0 each guest instruction advances the time-stamp counter by 1: figures are exact, and
 * the same on every run. A REP instruction counts once for each repetition. Elsewhere the counter is some
 * clock: bench_run checks, and prints "ticks" in place of "insns". */
#include "bench.h"

#include "clock.h"
#include "cpuid.h"
#include "format.h"
#include "input.h"
#include "kmalloc.h"
#include "ktest.h"
#include "log.h"
#include "measure.h"
#include "monitor.h"
#include "pm.h"
#include "string.h"
#include "tsc.h"
#include "vmem.h"

/* ---- what is measured ---- */

static const struct {
    const char *name;
    void (*run)(const char *name);
} benchmarks[] = {
    {"W1", bench_workload},
    {"W2", bench_workload},
    {"W3", bench_workload},
    {"W4", bench_workload},
    {"W5", bench_workload},
    {"W6", bench_workload},
    {"kmalloc-worst", bench_worst_heap},
    {"R0", bench_frames},
    {"R50", bench_frames},
    {"R99", bench_frames},
    {"R99.99", bench_frames},
    {"B0", bench_frames},
    {"B50", bench_frames},
    {"B99", bench_frames},
    {"B1000", bench_frames},
    {"B1000-99", bench_frames},
    {"B1000-shuffled", bench_frames},
    {"pm_alloc_page-worst", bench_worst_frame},
    {"run16", bench_runs},
    {"run256", bench_runs},
    {"run16-shuffled", bench_runs},
    {"run256-shuffled", bench_runs},
    {"run4-scattered", bench_runs},
    {"run8-scattered", bench_runs},
    {"map1", bench_mappings},
    {"map16", bench_mappings},
    {"map256", bench_mappings},
    {"map1new", bench_mappings},
    {"map16new", bench_mappings},
    {"map256new", bench_mappings},
    {"maptable", bench_mappings},
};

/* A figure's target ("" for none), and the figures of other kernels and allocators. The others do not check what
 * is freed, and the heaps' figures leave out the cost of getting pages. */
static const struct figure {
    const char *name, *target, *elsewhere;
    const char *benchmark; /* NULL: the one of the figure's name */
} figures[] = {
    {"W1", "40", "51 rpmalloc, 99 dlmalloc", NULL},
    {"W2", "42", "47 rpmalloc, 170 dlmalloc", NULL},
    {"W3", "60", "48 rpmalloc, at footprint 2.44; 153 TLSF, at 1.19", NULL},
    {"W4", "285", "80 rpmalloc, which keeps its pages; 256 TLSF", NULL},
    {"W5", "52", "51 rpmalloc, 166 dlmalloc", NULL},
    {"W6", "370", "1183 o1heap, 1660 dlmalloc", NULL},
    {"W2-footprint", "1.08", "1.02 ToaruOS", "W2"},
    {"W3-footprint", "1.17", "1.15 FreeRTOS, 1.17 dlmalloc", "W3"},
    {"W4-footprint", "1.06", "1.11 dlmalloc, glibc", "W4"},
    {"W5-footprint", "3.50", "2.35 dlmalloc, FreeRTOS", "W5"},
    {"W6-footprint", "1.16", "1.28 FreeRTOS, 1.30 dlmalloc", "W6"},
    {"kmalloc-worst", "200", "122 o1heap; 2.3 million glibc", NULL},
    {"kfree-worst", "140", "117 o1heap; 64 thousand glibc", "kmalloc-worst"},
    {"kmalloc-worst-full", "", "", "kmalloc-worst"},
    {"kmalloc-worst-huge", "", "", "kmalloc-worst"},
    {"kfree-worst-huge", "", "", "kmalloc-worst"},
    {"R0", "35", "11 list of free frames, 18 next fit", NULL},
    {"R50", "35", "11 list, 19 next fit", NULL},
    {"R99", "35", "11 list, 34 next fit", NULL},
    {"R99.99", "35", "11 list, 75 buddy; 96,813 bitmap from 0", NULL},
    {"B0", "35", "", NULL},
    {"B50", "35", "11 list, 19 next fit, 75 buddy", NULL},
    {"B99", "35", "11 list, 43 next fit, 75 buddy", NULL},
    {"B1000", "", "", NULL},
    {"B1000-99", "", "", NULL},
    {"B1000-shuffled", "", "", NULL},
    {"pm_alloc_page-worst", "70", "6 list, 59 summary bitmap, 189 buddy", NULL},
    {"pm_free_page-worst", "50", "", "pm_alloc_page-worst"},
    {"run16", "420", "90 buddy; 11,732 bitmap from 0", NULL},
    {"run256", "800", "90 buddy; 125,000 bitmap from 0", NULL},
    {"run16-shuffled", "", "", NULL},
    {"run256-shuffled", "", "", NULL},
    {"run4-scattered", "", "", NULL},
    {"run8-scattered", "", "", NULL},
    {"map1", "46", "71 xv6", NULL},
    {"map16", "", "44 xv6", NULL},
    {"map256", "24", "41 xv6", NULL},
    {"map1new", "", "", NULL},
    {"map16new", "", "96 xv6", NULL},
    {"map256new", "55", "93 xv6", NULL},
    {"maptable", "", "", NULL},
};

static const struct {
    const char *pattern, *text;
} legend[] = {
    {"W1", "one 64-byte object, allocated and freed over and over"},
    {"W2", "10,000 objects of 32 bytes allocated, then freed"},
    {"W3", "2,000 slots: free a random one, allocate anew, 16 B to 8 KiB"},
    {"W4", "200 slots: free a random one, allocate anew, 4 to 64 KiB"},
    {"W5", "2 MiB live: free every other object, refill with larger ones"},
    {"W6", "64 slots: krealloc a random one to 1.5 times its size"},
    {"W*-footprint", "the most pages ever held / the most bytes ever live"},
    {"k*-worst", "the worst single call found, of up to 64 KiB"},
    {"k*-worst-full", "the same where no page or no address was left"},
    {"k*-worst-huge", "the same beyond 64 KiB"},
    {"R*", "free a random frame, allocate one; memory so many % full"},
    {"B*", "100 frames (or 1,000) allocated, then freed"},
    {"pm_*-worst", "the worst single call found"},
    {"run*", "runs of so many adjacent frames, allocated and freed"},
    {"map*", "so many pages mapped and unmapped; an op is one page"},
    {"map*new", "the same with frames from pm"},
    {"maptable", "one page, for which a page table comes and goes"},
};

static char measured[ARRAY_SIZE(figures)][16];
static bool failed, counts_instructions;

void bench_fails(const char *benchmark, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    kprintf("bench: ");
    if (benchmark)
        kprintf("%s cannot run: ", benchmark);
    kvprintf(fmt, args);
    kprintf("\n");
    va_end(args);
    failed = true;
}

/* ---- figures ---- */

unsigned divide(uint64_t n, unsigned d) {
    unsigned quotient = 0;
    for (int bit = 31; bit >= 0; bit--) {
        if (n >> bit < d)
            continue;
        n -= (uint64_t)d << bit;
        quotient |= 1u << bit;
    }
    return quotient + (n >= d - n);
}

static void keep(const char *name, const char text[16]) {
    for (size_t i = 0; i < ARRAY_SIZE(figures); i++)
        if (strcmp(figures[i].name, name) == 0)
            memcpy(measured[i], text, sizeof(measured[i]));
}

static void print_insns(const char *name, unsigned tenths, unsigned ops) {
    char text[16] = "";
    format_buffer(text, sizeof(text), "%u.%u", tenths / 10, tenths % 10);
    keep(name, text);
    kprintf("bench %s: %s %s/op (ops %u)\n", name, text, counts_instructions ? "insns" : "ticks", ops);
}

void figure_insns(const char *name, uint64_t ticks, unsigned ops) {
    print_insns(name, divide(ticks * 10, ops), ops);
}

void figure_worst(const char *name, unsigned ticks, unsigned ops) { print_insns(name, ticks * 10, ops); }

void figure_footprint(const char *name, size_t part, size_t whole) {
    char text[16] = "";
    unsigned hundredths = divide((uint64_t)part * 100, whole);
    format_buffer(text, sizeof(text), "%u.%02u", hundredths / 100, hundredths % 100);
    keep(name, text);
    kprintf("bench %s: %s peak/payload\n", name, text);
}

/* The decimal number TEXT in hundredths; it has at most two decimal places. */
static unsigned hundredths(const char *text) {
    unsigned value = 0, scale = 100;
    for (; *text && *text != '.'; text++)
        value = value * 10 + (unsigned)(*text - '0') * scale;
    while (*text && *++text)
        value += (unsigned)(*text - '0') * (scale /= 10);
    return value;
}

static bool misses(size_t i) {
    return figures[i].target[0] && hundredths(measured[i]) > hundredths(figures[i].target);
}

static void print_table(void) {
    kprintf("\n%-20s %12s %8s  %s\n", "figure", "measured", "target", "elsewhere, unchecked");
    for (size_t i = 0; i < ARRAY_SIZE(figures); i++)
        if (measured[i][0])
            kprintf("%-20s %12s%c%8s  %s\n", figures[i].name, measured[i], misses(i) ? '!' : ' ',
                    figures[i].target, figures[i].elsewhere);
}

static bool is_measured(const char *pattern) {
    for (size_t i = 0; i < ARRAY_SIZE(figures); i++)
        if (measured[i][0] && pattern_matches(pattern, figures[i].name))
            return true;
    return false;
}

static void print_legend(void) {
    kprintf("\nAn op is an allocation and its free, a map and its unmap; of W6 one krealloc.\n"
            "! marks a figure above its target.\n");
    for (size_t i = 0; i < ARRAY_SIZE(legend); i++)
        if (is_measured(legend[i].pattern))
            kprintf("  %-14s %s\n", legend[i].pattern, legend[i].text);
}

/* ---- memory for the streams ---- */

bool frames_suffice(const char *benchmark, size_t frames) {
    if (pm_count().free < frames)
        bench_fails(benchmark, "it takes %zu frames, and %zu are free", frames, pm_count().free);
    return pm_count().free >= frames;
}

void *area_get(const char *benchmark, size_t bytes) {
    size_t pages = pages_for(bytes);
    if (!frames_suffice(benchmark, pages + pages / ENTRIES_PER_TABLE + 2) ||
        vmem_alloc_range((void *)BENCH_AREA, pages, VMEM_WRITE) < 0)
        return NULL;
    return memset((void *)BENCH_AREA, 0, pages * PAGE_SIZE);
}

void area_give(size_t bytes) { vmem_free_range((void *)BENCH_AREA, pages_for(bytes)); }

/* ---- the run ---- */

static bool is_wanted(const char *pattern, const char *benchmark) {
    bool wanted = pattern_matches(pattern, benchmark);
    for (size_t i = 0; i < ARRAY_SIZE(figures) && !wanted; i++)
        wanted = figures[i].benchmark && strcmp(figures[i].benchmark, benchmark) == 0 &&
                 pattern_matches(pattern, figures[i].name);
    return wanted;
}

static bool can_run(void) {
    if (!cpu_has_tsc()) {
        bench_fails(NULL, "this processor has no time-stamp counter");
        return false;
    }
    kmalloc_trim();
    if (kmalloc_pages() > 0) {
        bench_fails(NULL, "the heap must be empty, and holds %zu pages", kmalloc_pages());
        return false;
    }
    counts_instructions = tsc_counts_instructions();
    if (!counts_instructions)
        kprintf(
            "bench: figures are ticks of a clock: the time-stamp counter does not count instructions here "
            "(QEMU with -icount shift=0 does)\n");
    return true;
}

const char *bench_name(size_t i) { return i < ARRAY_SIZE(benchmarks) ? benchmarks[i].name : NULL; }

bool bench_run(const char *pattern) {
    unsigned ran = 0;
    failed = false;
    memset(measured, 0, sizeof(measured));
    if (!can_run())
        return false;
    kprintf("bench: %zu frames free of %zu\n", pm_count().free, pm_count().total);
    for (size_t i = 0; i < ARRAY_SIZE(benchmarks); i++) {
        if (!is_wanted(pattern, benchmarks[i].name))
            continue;
        if (monitor_stopped() || input_interrupted()) { /* Ctrl-C */
            bench_fails(NULL, "stopped before %s", benchmarks[i].name);
            return false;
        }
        benchmarks[i].run(benchmarks[i].name);
        ran++;
    }
    if (ran == 0)
        bench_fails(NULL, "no benchmark has a name like %.80s", pattern);
    if (ran > 0) {
        print_table();
        print_legend();
    }
    return !failed;
}
