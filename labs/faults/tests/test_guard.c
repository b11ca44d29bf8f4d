/* Lab faults, exercise guard: report_failed, through report_begin, which is given. What the report prints with may fault itself. */
#include "kernel/trap/report.c"

#include "check.h"
#include "string.h"

static char printed[2048], sent[2048];
static volatile unsigned lines, captures, captures_before, exits; /* volatile: looked at after a jump back */
static bool printing_faults, catching;
static void *back[5];

/* ---- what report.c calls ---- */

struct options options;
bool catch_takes_report(void) { return catching; }
bool catch_waits(void) { return catching; }
void catch_leave(int vector) { (void)vector, wrong("the report goes back to the catch that waits (report_end), though it has failed: stop() is the end"); }
void log_set_gate(void (*gate)(const char *text, size_t n)) { (void)gate; }
void log_fresh_line(void) {}
void trap_on_step(void (*handler)(struct trap_frame *frame)) { (void)handler; }
bool machine_has_exit_port(void) { return true; }
void run_on_fault_stack(void (*fn)(void)) { (void)fn, wrong("a last look is taken in the middle of a report that failed"); }

size_t log_captures(void) { return captures; }

size_t log_capture_end(void) {
    CHECK(captures > 0, "log_capture_end is called with no capture open: that is a panic, and the next report that fails");
    return captures--, 0;
}

/* A second fault, in what is called to report the first. */
static void fault_again(const char *in) {
    CHECK(reports < 3, "%s is used again, though it is what has faulted: it faults again, and nothing is ever said", in);
    report_begin("page fault", 0x00102000);
    CHECK(reports > 1, "reports has become %u: the next fault is taken for the first report, and makes a whole one. It is report_begin's to count", reports);
    wrong("report_failed returns: the fault's handler goes on with a second report inside the first");
}

const char *address_text(uintptr_t address, char text[ADDRESS_TEXT]) {
    CHECK(reports < 3, "the log, or its text from the symbol table, is used again, though it is what has faulted: print the number");
    format_buffer(text, ADDRESS_TEXT, "0x%08x a_function+0x1c", (unsigned)address);
    return text;
}

void kprintf(const char *fmt, ...) {
    size_t n = strlen(printed);
    va_list args;
    if (printing_faults)
        fault_again("the log");
    CHECK(!captures, "the line is printed while a capture is open: it goes into somebody's buffer, and nobody sees it");
    va_start(args, fmt);
    vformat_buffer(printed + n, sizeof printed - n, fmt, args);
    va_end(args);
    lines++;
}

void serial_write(const char *text, size_t n) {
    CHECK(n < sizeof sent, "serial_write is given %u characters, more than any text here has", (unsigned)n);
    size_t before = strlen(sent);
    CHECK(before + n < sizeof sent, "serial_write is called without end");
    memcpy(sent + before, text, n);
    sent[before + n] = 0;
    CHECK(strlen(sent) == before + n, "serial_write is given %u characters of a text of %u: format_buffer returns the length of the whole text, "
          "cut or not", (unsigned)n, (unsigned)(strlen(sent) - before));
}

void machine_exit(bool ok) {
    CHECK(!ok, "the machine is left with success, after a panic");
    CHECK(reports < REPORTS_MAX, "the third report that failed has led to a fourth: the end is stop()");
    exits++;
    __builtin_longjmp(back, 1);
}

/* ---- the cases ---- */

static void __attribute__((noinline)) fail(const char *what) {
    report_begin("null pointer", 0x00101000);
    captures = captures_before; /* by the report that is being made */
    doing("a page fault while a report is being made%s", printing_faults ? ", and another while that is printed" : "");
    report_begin(what, 0x00101234);
    wrong("report_failed returns: the fault's handler goes on with a second report inside the first");
}

static void fails(const char *what) {
    if (!__builtin_setjmp(back))
        fail(what);
    CHECK(exits == 1, "the machine is not left");
}

/* TEXT as one line, which a message can have in it. */
static const char *in_a_line(const char *text) {
    static char line[256];
    size_t n = 0;
    for (; *text && n + 2 < sizeof line; text++) {
        if (*text == '\n')
            line[n++] = '\\';
        line[n++] = *text == '\n' ? 'n' : *text;
    }
    line[n] = 0;
    return line;
}

/* Whether TEXT is somewhere in WHERE. */
static bool has(const char *where, const char *text) {
    for (; *where; where++)
        if (!strncmp(where, text, strlen(text)))
            return true;
    return false;
}

CASE(one_line_instead_of_a_report) {
    fails("page fault");
    CHECK(printed[0], "a fault in a report is passed over in silence: nothing was printed");
    CHECK(has(printed, "PANIC: page fault"), "the line tells neither `PANIC: ` nor what it was, `page fault`, but: %s", in_a_line(printed));
    CHECK(has(printed, "PANIC: page fault while a report was being made, at "), "the line is to say `while a report was being made, at `, "
          "but is: %s", in_a_line(printed));
    CHECK(has(printed, "0x00101234 a_function+0x1c"), "the line does not say where, 0x00101234 and its function (address_text), but is: %s",
          in_a_line(printed));
    CHECK(printed[0] == '\n', "another line may have got half-way when the fault came: begin this one with \\n. It is: %s", in_a_line(printed));
    CHECK(printed[strlen(printed) - 1] == '\n', "the line does not end with \\n: %s", in_a_line(printed));
    CHECK(!sent[0], "the line was printed, and more goes to the serial line: %s", in_a_line(sent));
    CHECK(lines == 1, "%u lines are printed instead of one", lines);
}

CASE(it_is_seen) {
    captures_before = 2;
    fails("page fault");
    CHECK(lines == 1, "nothing was printed");
}

CASE(a_fault_in_that_line) {
    printing_faults = true;
    fails("page fault");
    CHECK(sent[0], "the log is what faults, and nothing goes to the serial line (serial_write)");
    CHECK(has(sent, "PANIC: page fault at 0x00102000"), "the words are to say what, and where, as a number: the symbol table is not asked any "
          "more. They are: %s", in_a_line(sent));
    CHECK(has(sent, ": the log is out of order\n"), "the words are to end with `: the log is out of order`, but are: %s",
          in_a_line(sent));
}

/* A panic, with a long reason, in the line that told of a fault in a report. */
static void __attribute__((noinline)) fail_again(const char *reason) {
    reports = 2;
    report_begin(reason, 0x00102000);
    wrong("report_failed returns: the fault's handler goes on with a second report inside the first");
}

CASE(that_is_the_end) {
    static char reason[600];
    memset(reason, 'x', sizeof reason - 1);
    catching = true;
    fails(reason);
    reports = 0, exits = 0, sent[0] = 0;
    printing_faults = true;
    if (!__builtin_setjmp(back))
        fail_again(reason);
    CHECK(exits == 1, "the machine is not left");
    CHECK(has(sent, "PANIC: xxxxxxxx"), "a long reason is not said: %s", in_a_line(sent));
    CHECK(reports == 3, "reports counts those that have begun, but %u is what it says after the third: it is report_begin's to count", reports);
}
