/* Programs: started, run and ended, with memory and without; and what a malformed executable is refused with. */
#include "process.h"

#include "../../kernel/process/linux.h"
#include "cpu.h"
#include "kmalloc.h"
#include "input.h"
#include "ktest.h"
#include "log.h"
#include "pm.h"
#include "puppet.h"
#include "space.h"
#include "string.h"
#include "support.h"
#include "timer.h"

extern const char program_start[], program_end[]; /* program.S */

static char said[512];

/* Runs file NAME with EXTRA arguments; its wait status, or the negative error that it was not started with. */
static int run(const char *name, int extra) {
    char words[2][8] = {"", "x"}, *arg[] = {words[0], words[1]};

    memcpy(words[0], name, strlen(name) + 1);
    log_capture(said, sizeof(said)); /* what a program that ends for want of memory prints */
    int pid = process_start(1 + extra, arg), status = pid < 0 ? pid : process_wait_for(pid);
    log_capture_end();
    return status;
}

static void add_program(void) {
    static bool added;

    if (!added)
        added = process_add_file("test", program_start, (size_t)(program_end - program_start));
    KCHECK(added);
}

KTEST(process_runs_and_leaves_nothing)
{
    struct process_info info;

    KCHECK_CALL(add_program());
    for (int i = 0; i < 20; i++)
        KCHECK_EQ(run("test", 0), 0);
    KCHECK_EQ(run("test", 1), 0);
    KCHECK(!process_next(0, &info));
    space_check();
}

static bool run_whole(void *arg) {
    (void)arg;
    bool done = run("test", 0) == 0;

    kmalloc_trim();
    space_check();
    return done;
}

KTEST(process_running_out_of_memory_anywhere_loses_nothing)
{
    KCHECK_CALL(add_program());
    KCHECK_CALL(exhaust(run_whole, NULL, 20));
    for (unsigned left = 0; left <= 2;
         left++) { /* small objects: nothing else shares a page with what there is */
        objects_hold_all(left);
        exhaust(run_whole, NULL, 20);
        objects_release_all();
        KCHECK(!ktest_failing());
    }
}

static void wait_for(void *pid) { process_wait_for(*(int *)pid); }

KTEST(process_that_there_is_not_cannot_be_waited_for)
{
    int pid = 9999;

    KCHECK_TRAPS(wait_for, &pid, "assertion failed: process");
}

KTEST(process_that_is_no_program_is_refused)
{
    KCHECK(run("nothing", 0) < 0);
    KCHECK(find_text(process_error_text(run("nothing", 0)), "no such"));
}

/* The system calls that there are, as Linux numbers them. */
static const uint16_t known[] = {
    1,   2,   3,   4,   5,   6,   7,   11,  12,  13,  19,  20,  24,  29,  33,  37,  41,  42,  45,  47,
    49,  50,  54,  55,  57,  60,  63,  64,  65,  67,  72,  77,  78,  85,  90,  91,  114, 119, 120, 122,
    125, 126, 132, 140, 145, 146, 158, 162, 168, 173, 174, 175, 179, 183, 190, 192, 195, 196, 197, 199,
    200, 201, 202, 220, 221, 224, 238, 243, 252, 258, 265, 267, 270, 295, 300, 307, 330, 331, 383, 403};

static void no_such_calls(void) {
    static const uint16_t zero[] = {24,  47,  49,  50,
                                    199, 200, 201, 202}; /* the user's and the group's numbers */

    for (unsigned number = 0, i = 0; number < 500; number++) {
        if (i < ARRAY_SIZE(known) && known[i] == number)
            i++;
        else
            KCHECK_EQ(CALL(number), -ENOSYS);
    }
    EXPECT(-ENOSYS, 0x80000001);
    EXPECT(-ENOSYS, (unsigned)-1);
    for (size_t i = 0; i < ARRAY_SIZE(zero); i++)
        KCHECK_EQ(CALL(zero[i]), 0);
    EXPECT(022, SYS_UMASK);
    KCHECK(CALL(SYS_GETTID) == CALL(SYS_GETPID) && CALL(SYS_SET_TID_ADDRESS) == CALL(SYS_GETPID));
    const int child = CALL(SYS_VFORK);
    KCHECK(child > 0);
    KCHECK_EQ(CALL(SYS_WAITPID, (unsigned)child, PUPPET_AREA, 0), child);
}

KTEST(process_calls_that_there_are_not_are_refused)
{ puppet_checks(no_such_calls); }

static bool status_says(int status, const char *wanted) {
    char text[STATUS_TEXT];

    memset(text, 'x', sizeof(text));
    return !strcmp(process_status_text(status, text), wanted);
}

KTEST(process_statuses_are_put_into_words)
{
    KCHECK(status_says(0, ""));
    KCHECK(status_says(1 << 8, "exit status 1"));
    KCHECK(status_says(255 << 8, "exit status 255"));
    KCHECK(status_says(1, "signal 1"));
    KCHECK(status_says(9, "signal 9"));
    KCHECK(status_says(0x80 | 11, "signal 11")); /* Linux's bit of a dumped core */
    KCHECK(find_text(process_error_text(-7), "too many arguments"));
    KCHECK(find_text(process_error_text(-12), "out of memory"));
}

/* All strings that a program begins with, in bytes: those, and no more. */
KTEST(process_arguments_have_a_limit)
{
    static char name[] = "test";
    const size_t most =
        (128u << 10) - sizeof(name) - sizeof("PATH=/") - sizeof("HOME=/") - sizeof("TERM=linux");
    char *text = kmalloc(most + 1), *arg[] = {name, text};

    KCHECK_CALL(add_program());
    KCHECK(text);
    memset(text, 'x', most);
    text[most] = '\0';
    int too_many = process_start(2, arg);
    text[most - 1] = '\0';
    int pid = process_start(2, arg), status = pid < 0 ? pid : process_wait_for(pid);
    kfree(text);
    KCHECK(find_text(process_error_text(too_many), "too many arguments"));
    KCHECK_EQ(status, 0);
}

/* ---- looking at one ---- */

static unsigned calls;

static void count_calls(struct trap_frame *frame) {
    calls++;
    puppet_call(frame, SYS_SCHED_YIELD, (const unsigned[6]){0});
}

/* Whether the puppet makes a call before N ticks have passed. */
static bool runs_within(unsigned n) {
    for (calls = 0; n && !calls; n--)
        process_rest();
    return calls > 0;
}

/* While a program's space is looked at it is the current one, and no program runs. */
KTEST(process_rests_while_it_is_looked_at)
{
    const int pid = puppet_start_with(count_calls);
    const paddr_t own = get_page_directory();

    KCHECK(pid > 0);
    KCHECK(runs_within(100));
    KCHECK(process_enter(pid));
    KCHECK(get_page_directory() != own);
    KCHECK(find_text(process_region(PUPPET_BASE, false), "text of puppet"));
    KCHECK(find_text(process_region(PUPPET_AREA, true), "data of puppet"));
    const unsigned start = timer_ticks();
    KCHECK(!runs_within(3));
    KCHECK(timer_ticks() != start || !input_start_interrupts()); /* the processor rests, too */
    process_leave();
    KCHECK_EQ(get_page_directory(), own);
    KCHECK(!process_region(PUPPET_BASE, false));
    KCHECK(process_enter(MONITOR_PID));
    KCHECK_EQ(get_page_directory(), own);
    KCHECK(!process_region(PUPPET_BASE, false));
    process_leave();
    KCHECK(runs_within(100));
    KCHECK(!process_enter(9999));
    puppet_end_all();
}

/* While the monitor waits for a key. */
KTEST(process_has_its_turn_while_nothing_is_typed)
{
    KCHECK(puppet_start_with(count_calls) > 0);
    calls = 0;
    for (unsigned i = 0; i < 20 && !calls && !input_waiting(); i++)
        input_wait(1);
    KCHECK(calls || input_waiting());
    puppet_end_all();
}

/* ---- malformed executables ---- */

#define FILE_SIZE 8192u

static char file[FILE_SIZE] __attribute__((aligned(PAGE_SIZE)));

/* A copy of the program with the SIZE bytes at OFFSET changed to VALUE; the status of running it. */
static int run_changed(size_t offset, unsigned value, size_t size) {
    static bool added;

    if (!added)
        added = process_add_file("bad", file, (size_t)(program_end - program_start));
    memcpy(file, program_start, (size_t)(program_end - program_start));
    memcpy(file + offset, &value, size);
    return run("bad", 1);
}

static const struct {
    size_t offset, size;
    unsigned value;
} changes[] = {
    {0, 1, 0},                                /* magic */
    {4, 1, 2},                                /* 64-bit */
    {5, 1, 2},                                /* big-endian */
    {16, 2, 3},                               /* a shared object */
    {18, 2, 62},                              /* x86-64 */
    {28, 4, 0xFFFFFFF0},                      /* program headers outside the file */
    {28, 4, FILE_SIZE},  {42, 2, 56},         /* the size of one */
    {44, 2, 0xFFFF},                          /* their number */
    {44, 2, 0},          {52, 4, 3},          /* an interpreter */
    {52, 4, 0},                               /* nothing to load */
    {56, 4, 0x7FFFF000},                      /* outside the file */
    {56, 4, 1},                               /* not where the page would need it */
    {60, 4, 0x00100000},                      /* over the kernel */
    {60, 4, 0xC0000000}, {60, 4, 0xBF800000}, /* where the stack is to be */
    {60, 4, 0xFFFFF000}, {68, 4, 0xFFFFFFFF}, /* more than the file has */
    {72, 4, 0},                               /* less memory than file */
    {72, 4, 0xFFFFFFFF}, {72, 4, 0xC0000000},
};

KTEST(process_malformed_executable_is_refused)
{
    KCHECK_CALL(add_program());
    KCHECK_EQ(run_changed(0, 0x7F, 1), 0); /* nothing changed */
    for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
        int status = run_changed(changes[i].offset, changes[i].value, changes[i].size);
        if (status >= 0 || !find_text(process_error_text(status), "ELF"))
            ktest_fail(__FILE__, __LINE__, "change %zu: status 0x%x", i, (unsigned)status);
    }
}

/* The second segment begins on the first one's last page, or on the next. (Its header lies over the program's first
 * instructions: where it is taken, the program ends by a fault.) */
KTEST(process_segments_that_share_a_page_are_refused)
{
    unsigned first[8], second[8];

    KCHECK_CALL(add_program());
    memcpy(first, program_start + 52, sizeof(first)); /* System V ABI, figure 5-1 */
    unsigned end = (first[2] + first[5] + PAGE_MASK) & ~PAGE_MASK;
    memcpy(second, first, sizeof(second));
    second[1] = second[4] = 0; /* nothing of the file */
    second[5] = PAGE_SIZE;
    run_changed(0, 0x7F, 1); /* the file is there, as it was */
    for (unsigned at = end - PAGE_SIZE; at <= end; at += PAGE_SIZE) {
        const unsigned short headers = 2;
        second[2] = at;
        memcpy(file + 44, &headers, sizeof(headers));
        memcpy(file + 84, second, sizeof(second));
        int status = run("bad", 1);
        KCHECK_EQ(status < 0, at < end);
        KCHECK(status >= 0 || find_text(process_error_text(status), "ELF"));
    }
}

/* Whatever the headers say, the file is refused, or its program runs and ends. */
KTEST(process_random_executables_never_panic)
{
    KCHECK_CALL(add_program());
    random_seed(4);
    for (unsigned i = 0; i < 300; i++)
        run_changed(random_below(84), random_next(), 1 + random_below(4));
    KCHECK(true);
}
