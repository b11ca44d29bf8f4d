/* The monitor's lines: which commands they run, with which arguments and in which space, or how many errors there are,
 * against a reader of its own; Tab at the line's end; each word as a number and as an address; numbers against strtoull. */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "log.h"
#include "monitor.h"
#include "process.h"
#include "symbols.h"

#include "../../kernel/monitor/args.h"
#include "../../kernel/monitor/complete.h"
#include "../../kernel/monitor/line.h"
#include "../../kernel/monitor/objects.h"
#include "../../kernel/monitor/output.h"
#include "../../kernel/monitor/trace.h"

/* ---- what commands did: a line for each, "walk@2 0xC0000000" in the space of program 2 ---- */

static char did[8192], expected[8192];

static void note(char *to, const char *name, int space, unsigned n, char **arg) {
    size_t length = strlen(to);

    length += (size_t)sprintf(to + length, "%s@%d", name, space);
    for (unsigned i = 0; i < n; i++)
        length += (size_t)sprintf(to + length, " %s", arg[i]);
    EXPECT(length < sizeof did - 2048);
    strcpy(to + length, "\n");
}

static int entered; /* the PID, or 0 */

static void ran(const char *name, int n, char **arg) {
    EXPECT(!arg[n]); /* what is left out is NULL */
    note(did, name, entered, (unsigned)n, arg);
}

#define RUNS(name) \
    static void run_##name(int n, char **arg) { ran(#name, n, arg); }
RUNS(walk) RUNS(maps) RUNS(peek) RUNS(map) RUNS(help) RUNS(test) RUNS(trace) RUNS(watch)

static const char *test_name(size_t i) { return i == 0 ? "pm_a" : i == 1 ? "pm_b" : i == 2 ? "model.pm" : NULL; }

#define NAMED(word) .name = #word, .run = run_##word
const struct command commands_start[] = {
    {NAMED(walk), .arguments = "VA", .least = 1, .most = 1, .flags = IN_SPACE},
    {NAMED(maps), .arguments = "", .flags = IN_SPACE},
    {NAMED(peek), .arguments = "VA [N]", .least = 1, .most = 2, .flags = IN_SPACE},
    {NAMED(map), .arguments = "VA PA [ro]", .least = 2, .most = 3},
    {NAMED(help), .arguments = "[CMD]", .most = 1, .flags = UNATTENDED},
    {NAMED(test), .arguments = "[PATTERN] [seed=N] [rounds=N]", .most = 3, .candidate = test_name},
    {NAMED(trace), .arguments = "on|off|CMD", .least = 1, .most = 1, .flags = TAKES_LINE},
    {NAMED(watch), .arguments = "CMD", .least = 1, .most = 1, .flags = TAKES_LINE | TAKES_LIST | LEAVES},
};
#define COMMANDS (sizeof commands_start / sizeof commands_start[0])
_Static_assert(COMMANDS == 8 && sizeof(struct command) == 44, "as below, in place of the linker script");
__asm__(".globl commands_end\n.set commands_end, commands_start + 8 * 44");

/* ---- what they ask the rest of the kernel ---- */

bool process_enter(int pid) {
    EXPECT(!entered);
    entered = pid >= 1 && pid <= 3 ? pid : 0;
    return entered;
}
void process_leave(void) { entered = 0; }

void kvprintf(const char *fmt, va_list args) { (void)fmt, (void)args; }
enum from output_from(void) { return NOBODY; }
void output_begin(enum from who) { (void)who; }
void output_end(void) {}
bool output_stopped(void) { return false; }
bool input_from_keyboard(void) { return false; }
bool line_read(char text[LINE_BYTES + 1]) { return text[0]; }
void trace_set_aside(bool aside) { (void)aside; }
bool trace_command(const struct command *c, int n, char **arg) { return (void)c, (void)n, (void)arg, false; }
void objects_set_aside(bool aside) { (void)aside; }
void machine_reset(void) { abort(); }
void machine_exit(bool success) { exit(success); }

bool object_latest(unsigned *k) {
    *k = 3;
    return true;
}
bool object_named(unsigned k, uintptr_t *va) {
    *va = 0xC0000000 + k * 64;
    return k <= 3;
}
bool object_lives(unsigned k) { return k != 1; }

static const char *const symbols[] = {"kmain", "kmalloc", "kmalloc_aligned", "a_name_that_is_much_longer_than_any_room"};
const char *symbol_name(size_t i) { return i < ARRAY_SIZE(symbols) ? symbols[i] : NULL; }
bool symbol_address(const char *name, uintptr_t *va) {
    for (size_t i = 0; i < ARRAY_SIZE(symbols); i++)
        if (!strcmp(symbols[i], name)) {
            *va = 0xFFFFFFF0 + i;
            return true;
        }
    return false;
}

/* ---- oracle ---- */

static bool own_number(const char *text, unsigned *value) {
    bool hex = text[0] == '0' && (text[1] | 32) == 'x';
    const char *digits = text + 2 * hex;
    char *end;

    if (!*digits || !strchr(hex ? "0123456789abcdefABCDEF" : "0123456789", *digits))
        return false;
    size_t length = strspn(digits, hex ? "0123456789abcdefABCDEF" : "0123456789"); /* strtoull would take another 0x */
    char plain[1100];
    memcpy(plain, digits, length);
    plain[length] = '\0';
    unsigned long long sum = strtoull(plain, NULL, hex ? 16 : 10);
    end = (char *)(uintptr_t)digits + length;
    static const char letters[] = "kKmMgG";
    unsigned shift = 0;
    if (*end) {
        const char *letter = strchr(letters, *end);
        if (!letter || end[1])
            return false;
        shift = (unsigned)((letter - letters) / 2 + 1) * 10;
    }
    if (sum > 0xFFFFFFFFull >> shift)
        return false;
    *value = (unsigned)(sum << shift);
    return true;
}

static size_t blanks(const char *text) { return strspn(text, " \t"); }

static const struct command *own_command(const char *name, size_t n) {
    for (const struct command *c = commands_start; c < commands_start + COMMANDS; c++)
        if (strlen(c->name) == n && !memcmp(c->name, name, n))
            return c;
    return NULL;
}

/* Reads one command, of N bytes, as command.h says; whether it is to run, or nothing: else it is an error. */
static bool own_run(const char *text, size_t n) {
    char line[LINE_BYTES + 1], *word[LINE_BYTES / 2 + 2] = {NULL}, **arg = word + 1;
    unsigned words = 0, space = 0;

    if (n > LINE_BYTES)
        return false;
    memcpy(line, text, n);
    line[n] = '\0';
    while (n && strchr(" \t", line[n - 1]))
        line[--n] = '\0';
    const struct command *c = NULL;
    for (char *at = line + blanks(line); *at; at += blanks(at)) {
        word[words++] = at;
        if (words == 2 && c && c->flags & TAKES_LINE)
            break;
        at += strcspn(at, " \t");
        if (*at)
            *at++ = '\0';
        if (words == 1)
            c = own_command(word[0], strlen(word[0]));
    }
    if (!words--)
        return true;
    if (!c)
        return false;
    char *colon = words && c->flags & IN_SPACE ? strchr(*arg, ':') : NULL;
    if (colon) {
        *colon = '\0';
        if (!own_number(*arg, &space) || space < 1 || space > 3)
            return false;
        *arg = colon + 1;
        if (!**arg)
            arg++, words--;
    }
    if (words < c->least || words > c->most)
        return false;
    note(expected, c->name, (int)space, words, arg);
    return true;
}

static void check_line(const char *line) {
    unsigned before = command_errors(), errors = 0;

    did[0] = expected[0] = '\0';
    monitor_execute(line);
    EXPECT(!entered);
    for (const char *text = line;; text++) {
        const char *first = text + blanks(text);
        const struct command *c = own_command(first, strcspn(first, " \t;"));
        size_t n = c && c->flags & TAKES_LIST ? strlen(text) : strcspn(text, ";");
        errors += !own_run(text, n);
        text += n;
        if (!*text)
            break;
    }
    EXPECT(!strcmp(did, expected));
    EXPECT(command_errors() - before == errors);
}

static void check_word(char *word) {
    unsigned value = 1, own = 1;
    uintptr_t va;
    char before[1100];

    strcpy(before, word);
    bool found = argument_number("N", word, &value);
    EXPECT(found == own_number(word, &own));
    EXPECT(!found || value == own);
    if (argument_address("VA", word, &va) && found)
        EXPECT(va == value);
    EXPECT(!strcmp(before, word));
    bool second;
    argument_either("ro|rw", word, &second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char rest[COMPLETION_MAX];
    size_t n = size < LINE_BYTES + 8 ? size : LINE_BYTES + 8;
    char *line = malloc(n + 1);

    memcpy(line, data, n);
    line[n] = '\0';
    check_line(line);
    if ((n = strlen(line)) > LINE_BYTES)
        line[n = LINE_BYTES] = '\0';
    for (unsigned choice = 0; choice < 4; choice++)
        if (complete_word(line, n, choice, rest))
            EXPECT(strlen(rest) < sizeof rest);
    for (char *word = strtok(line, " ;"); word; word = strtok(NULL, " ;"))
        check_word(word);
    free(line);
    return 0;
}
