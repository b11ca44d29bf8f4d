/* The runner of the tests inside the kernel. It prints KTAP version 1: the version, the plan, a line for each
 * test, and below a test that failed "# " lines that say why.
 *
 * The checks that no test need repeat stand around each: every invariant of the memory system holds, and the
 * frames that were free before are free again, once the heap has given back its spare pages. A panic or a
 * fault in a test is caught, and the run goes on; if an invariant is broken then, nothing later would mean
 * anything, and the run ends. */
#include "ktest.h"

#include "catch.h"
#include "format.h"
#include "input.h"
#include "kmalloc.h"
#include "log.h"
#include "monitor.h"
#include "pm.h"
#include "string.h"
#include "support.h"

extern const struct ktest ktests_start[], ktests_end[]; /* linker.ld */

char ktest_report[4096];
int ktest_vector;

enum outcome { PASSED, FAILED, SKIPPED };

struct ktest_chance ktest_chance;

static bool whole_suite;
static enum outcome outcome;
static char why[256]; /* the first failure, or why it was skipped */

/* Fails the running test, unless it has failed already. For the macros of ktest.h. */
void ktest_fail(const char *file, int line, const char *fmt, ...) {
    va_list args;

    if (outcome == FAILED)
        return;
    outcome = FAILED;
    size_t n = format_buffer(why, sizeof(why), "%s:%d: ", file, line);
    va_start(args, fmt);
    if (n < sizeof(why))
        vformat_buffer(why + n, sizeof(why) - n, fmt, args);
    va_end(args);
}

/* Marks the running test as not run here. */
void ktest_skip(const char *reason) {
    outcome = SKIPPED;
    format_buffer(why, sizeof(why), "%s", reason);
}

/* Whether the running test has failed, or is skipped. */
bool ktest_failing(void) { return outcome != PASSED; }

bool ktest_whole_suite(void) { return whole_suite; }

#define LINE_TEXT 160

/* The first line of REPORT, cut, without escape sequences (ECMA-48, SGR). */
static const char *first_line(const char *report, char text[LINE_TEXT]) {
    size_t n = 0;

    while (*report == '\n')
        report++;
    for (; *report && *report != '\n' && n < LINE_TEXT - 1; report++) {
        if (*report == '\033')
            while (*report && *report != 'm')
                report++;
        else
            text[n++] = *report;
    }
    text[n] = '\0';
    return text;
}

/* Whether the last report caught has TEXT in it; otherwise the test fails. */
bool ktest_reported(const char *text, const char *file, int line) {
    char first[LINE_TEXT];

    if (find_text(ktest_report, text))
        return true;
    ktest_fail(file, line, "the report does not say \"%s\": %s", text, first_line(ktest_report, first));
    return false;
}

/* Whether FN(ARG) panics or faults with TEXT in its report; otherwise the test fails. */
bool ktest_traps(void (*fn)(void *), void *arg, const char *text, const char *file, int line) {
    ktest_report[0] = '\0';
    if (trap_catch(fn, arg, ktest_report, sizeof(ktest_report), &ktest_vector))
        return ktest_reported(text, file, line);
    ktest_fail(file, line, "neither a panic nor a fault came; \"%s\" was expected", text);
    return false;
}

/* Where the text differs, the last star takes one character more: no recursion, whatever the pattern. */
bool pattern_matches(const char *pattern, const char *name) {
    const char *star = NULL, *taken = NULL; /* the last star, and the end of what it stands for */

    while (*name) {
        if (*pattern == '*') {
            star = pattern++;
            taken = name;
        } else if (*pattern == *name) {
            pattern++, name++;
        } else if (star) {
            pattern = star + 1;
            name = ++taken;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return !*pattern;
}

/* ---- a test, and what stands around it ---- */

static char caught[6144]; /* the report of a panic or fault that the test did not expect */

static void call_test(void *test) { ((const struct ktest *)test)->run(); }

static void call_and_catch(const struct ktest *test) {
    outcome = PASSED;
    why[0] = '\0';
    if (trap_catch(call_test, (void *)(uintptr_t)test, caught, sizeof(caught), NULL))
        outcome = FAILED;
}

static void release_frames(void *arg) {
    (void)arg;
    frames_release_all();
}

static void call_trim(void *arg) {
    (void)arg;
    kmalloc_trim();
}

/* The heap gives back its spare pages; false when it panics. In a lab's folder that may be yet to be written: then the tests go on
 * without, and those fail that leave spare pages. */
static bool trim(void) {
    return !trap_catch(call_trim, NULL, ktest_report, sizeof(ktest_report), NULL) || find_text(ktest_report, "not written yet: ");
}

static void check(void *arg) {
    (void)arg;
    check_memory();
}

/* What holds after every test; false when an invariant is broken. */
static bool check_after(size_t free_before) {
    char first[LINE_TEXT];

    while (log_captures())
        log_capture_end();
    if (trap_catch(release_frames, NULL, ktest_report, sizeof(ktest_report), NULL))
        ktest_fail(__FILE__, __LINE__, "afterwards: %s", first_line(ktest_report, first));
    if (!trim() || trap_catch(check, NULL, ktest_report, sizeof(ktest_report), NULL)) {
        ktest_fail(__FILE__, __LINE__, "afterwards: %s", first_line(ktest_report, first));
        return false;
    }
    if (pm_count().free != free_before && outcome != FAILED)
        ktest_fail(__FILE__, __LINE__, "%zu frames were free before, %zu afterwards", free_before,
                   pm_count().free);
    return true;
}

static void print_result(const struct ktest *test, unsigned number) {
    if (outcome == SKIPPED)
        kprintf("ok %u %s # SKIP %s\n", number, test->name, why);
    else
        kprintf("%sok %u %s\n", outcome == PASSED ? "" : "not ", number, test->name);
    if (outcome == FAILED && why[0])
        kprintf("# %s\n", why);
    log_lines("# ", caught);
}

/* Runs TEST; false when the run cannot go on. */
static bool run(const struct ktest *test, unsigned number) {
    char first[LINE_TEXT];

    trim();
    size_t free_before = pm_count().free;

    call_and_catch(test);
    bool holds = check_after(free_before);
    print_result(test, number);
    if (!holds)
        kprintf("Bail out! An invariant is broken: %s\n", first_line(ktest_report, first));
    return holds;
}

/* ---- the run ---- */

/* Tests that fail on purpose, for the tests of the runner. */
static bool is_broken(const char *name) { return strncmp(name, "broken_", 7) == 0; }

/* Whether PATTERN chooses TEST. A broken_ test is chosen only by a pattern that begins so. */
static bool chosen(const char *pattern, const struct ktest *test) {
    return pattern_matches(pattern, test->name) && (!is_broken(test->name) || is_broken(pattern));
}

static unsigned count_matches(const char *pattern) {
    unsigned n = 0;

    for (const struct ktest *test = ktests_start; test < ktests_end; test++)
        n += chosen(pattern, test);
    return n;
}

/* Runs the tests that PATTERN chooses; true when at least one ran and all passed. */
bool ktest_run(const char *pattern, const struct ktest_chance *chance) {
    unsigned planned = count_matches(pattern), number = 0, count[] = {0, 0, 0};

    ktest_chance = *chance;
    whole_suite = strcmp(pattern, "*") == 0;
    kprintf("KTAP version 1\n1..%u\n", planned);
    if (!planned)
        kprintf("# no test has a name like %.80s\n", pattern);
    for (const struct ktest *test = ktests_start; test < ktests_end; test++) {
        if (!chosen(pattern, test))
            continue;
        if (monitor_stopped() || input_interrupted()) { /* Ctrl-C: the plan is not fulfilled */
            kprintf("... stopped\n");
            break;
        }
        bool goes_on = run(test, ++number);
        count[outcome]++;
        if (!goes_on)
            break;
    }
    kprintf("# %u passed, %u failed, %u skipped\n", count[PASSED], count[FAILED], count[SKIPPED]);
    return count[PASSED] && !count[FAILED] && number == planned;
}
