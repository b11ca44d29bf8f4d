/* The runner of the tests inside the kernel. It prints KTAP version 1: the version, the plan, a line for
 * each test, and below a test that failed a "# " line that says why.
 *
 * Around each test stand the checks that no test need repeat: every invariant of the memory system holds,
 * and the frames that were free before are free again, once the heap has given back its spare pages. */
#include "ktest.h"

#include "catch.h"
#include "input.h"
#include "format.h"
#include "kmalloc.h"
#include "log.h"
#include "monitor.h"
#include "pm.h"
#include "support.h"

extern const struct ktest ktests_start[], ktests_end[]; /* linker.ld */

char ktest_report[4096];
int ktest_vector;

enum outcome { PASSED, FAILED, SKIPPED };

static enum outcome outcome;
static char why[256]; /* the first failure, or why it was skipped */

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

void ktest_skip(const char *reason) {
    outcome = SKIPPED;
    format_buffer(why, sizeof(why), "%s", reason);
}

bool ktest_failing(void) { return outcome != PASSED; }

/* The first line of the report, cut. */
static const char *report_line(char text[120]) {
    size_t n = 0;

    while (ktest_report[n] == '\n')
        n++;
    format_buffer(text, 120, "%s", ktest_report + n);
    for (n = 0; text[n] && text[n] != '\n'; n++)
        ;
    text[n] = '\0';
    return text;
}

bool ktest_reported(const char *text, const char *file, int line) {
    char first[120];

    if (find_text(ktest_report, text))
        return true;
    ktest_fail(file, line, "the report does not say \"%s\": %s", text, report_line(first));
    return false;
}

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

static void trim_and_check(void *arg) {
    (void)arg;
    kmalloc_trim();
    check_memory();
}

/* What holds after every test. */
static void check_after(size_t free_before) {
    char first[120];

    while (log_captures())
        log_capture_end();
    frames_release_all();
    if (trap_catch(trim_and_check, NULL, ktest_report, sizeof(ktest_report), NULL))
        ktest_fail(__FILE__, __LINE__, "afterwards: %s", report_line(first));
    else if (pm_count().free != free_before && outcome != FAILED)
        ktest_fail(__FILE__, __LINE__, "%zu frames were free before, %zu afterwards", free_before,
                   pm_count().free);
}

static void run(const struct ktest *test, unsigned number) {
    kmalloc_trim();
    size_t free_before = pm_count().free;

    outcome = PASSED;
    test->run();
    check_after(free_before);
    if (outcome == SKIPPED)
        kprintf("ok %u %s # SKIP %s\n", number, test->name, why);
    else
        kprintf("%sok %u %s\n", outcome == PASSED ? "" : "not ", number, test->name);
    if (outcome == FAILED)
        kprintf("# %s\n", why);
}

static unsigned count_matches(const char *pattern) {
    unsigned n = 0;

    for (const struct ktest *test = ktests_start; test < ktests_end; test++)
        n += pattern_matches(pattern, test->name);
    return n;
}

bool ktest_run(const char *pattern) {
    unsigned planned = count_matches(pattern), number = 0, count[] = {0, 0, 0};

    kprintf("KTAP version 1\n1..%u\n", planned);
    if (!planned)
        kprintf("# no test has a name like %.80s\n", pattern);
    for (const struct ktest *test = ktests_start; test < ktests_end; test++) {
        if (!pattern_matches(pattern, test->name))
            continue;
        if (monitor_stopped() || input_interrupted()) { /* Ctrl-C: the plan is not fulfilled */
            kprintf("... stopped\n");
            break;
        }
        run(test, ++number);
        count[outcome]++;
    }
    kprintf("# %u passed, %u failed, %u skipped\n", count[PASSED], count[FAILED], count[SKIPPED]);
    return count[PASSED] && !count[FAILED] && number == planned;
}
