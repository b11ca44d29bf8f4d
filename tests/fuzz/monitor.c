/* The monitor's lines: Tab at the line's end, and each word as a number and as an address; numbers against strtoull. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "symbols.h"

#include "../../kernel/monitor/args.h"
#include "../../kernel/monitor/complete.h"
#include "../../kernel/monitor/objects.h"

/* ---- what they ask the rest of the monitor ---- */

static const char *test_name(size_t i) { return i == 0 ? "pm_a" : i == 1 ? "pm_b" : i == 2 ? "model.pm" : NULL; }

const struct command commands_start[] = {
    {.name = "walk", .arguments = "VA"},
    {.name = "map", .arguments = "VA PA [ro]"},
    {.name = "help", .arguments = "[CMD]"},
    {.name = "test", .arguments = "[PATTERN] [seed=N] [rounds=N]", .candidate = test_name},
    {.name = "trace", .arguments = "on|off|CMD"},
    {.name = "reboot", .arguments = "", .flags = LEAVES},
};
#define COMMANDS (sizeof commands_start / sizeof commands_start[0])
_Static_assert(COMMANDS == 6 && sizeof(struct command) == 44, "as below, in place of the linker script");
__asm__(".globl commands_end\n.set commands_end, commands_start + 6 * 44");

const struct command *command_find(const char *name, size_t n) {
    for (const struct command *c = commands_start; c < commands_start + COMMANDS; c++)
        if (strlen(c->name) == n && !memcmp(c->name, name, n))
            return c;
    return NULL;
}

bool command_runs_another(const struct command *c) { return !strcmp(c->name, "trace"); }
void command_error(const char *fmt, ...) { (void)fmt; }

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
    size_t n = size < 1023 ? size : 1023;
    char *line = malloc(n + 1);

    memcpy(line, data, n);
    line[n] = '\0';
    n = strlen(line);
    for (unsigned choice = 0; choice < 4; choice++)
        if (complete_word(line, n, choice, rest))
            EXPECT(strlen(rest) < sizeof rest);
    for (char *word = strtok(line, " ;"); word; word = strtok(NULL, " ;"))
        check_word(word);
    free(line);
    return 0;
}
