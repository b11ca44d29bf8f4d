/* Arguments: numbers, and everything that may stand for an address. */
#include "args.h"

#include "command.h"
#include "memlayout.h"
#include "objects.h"
#include "string.h"
#include "symbols.h"

static int digit_value(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return 16;
}

/* The power of two that K, M or G stands for; 0 for any other character. */
static unsigned suffix_shift(char c) {
    switch (c) {
    case 'K':
    case 'k':
        return 10;
    case 'M':
    case 'm':
        return 20;
    case 'G':
    case 'g':
        return 30;
    default:
        return 0;
    }
}

/* All of TEXT as a number below 2^32. */
static bool parse_number(const char *text, unsigned *value) {
    unsigned base = 10, sum = 0, shift;

    if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
        base = 16, text += 2;
    if (digit_value(*text) >= (int)base)
        return false;
    for (; digit_value(*text) < (int)base; text++) {
        unsigned digit = (unsigned)digit_value(*text);
        if (sum > (0xFFFFFFFF - digit) / base)
            return false;
        sum = sum * base + digit;
    }
    if ((shift = suffix_shift(*text)))
        text++;
    if (*text || sum > 0xFFFFFFFF >> shift)
        return false;
    *value = sum << shift;
    return true;
}

/* Names of addresses that no symbol has. */
static const struct {
    const char *name;
    uintptr_t va;
} places[] = {
    {"page_directory", DIRECTORY_WINDOW}, {"page_tables", WINDOW_START}, {"heap", KHEAP_START},
    {"scratch_page", SCRATCH_PAGE},       {"screen", EGA_TEXT},
};

/* The name of place I; NULL past the last. */
const char *place_name(size_t i) { return i < ARRAY_SIZE(places) ? places[i].name : NULL; }

static bool named_address(const char *name, uintptr_t *va) {
    for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
        if (!strcmp(places[i].name, name)) {
            *va = places[i].va;
            return true;
        }
    }
    return symbol_address(name, va);
}

static bool parse_base(const char *text, uintptr_t *va) {
    unsigned number;

    if (*text == '$')
        return parse_number(text + 1, &number) && object_named(number, va);
    if (digit_value(*text) >= 10)
        return named_address(text, va);
    if (!parse_number(text, &number))
        return false;
    *va = number;
    return true;
}

/* A base, or BASE+NUMBER, as backtraces and walk print them. */
static bool parse_address(char *text, uintptr_t *va) {
    char *plus = strchr(text, '+');
    unsigned offset = 0;

    if (plus && !parse_number(plus + 1, &offset))
        return false;
    if (plus)
        *plus = '\0';
    bool found = parse_base(text, va);
    if (plus)
        *plus = '+';
    *va += found ? offset : 0;
    return found && *va >= offset;
}

/* TEXT as a number; false after an error line. */
bool argument_number(const char *name, const char *text, unsigned *value) {
    if (parse_number(text, value))
        return true;
    command_error("%s must be a number below 4G (10, 0x1f, 64K), not \"%.24s\"", name, text);
    return false;
}

/* TEXT as an address; false after an error line. */
bool argument_address(const char *name, char *text, uintptr_t *va) {
    if (parse_address(text, va))
        return true;
    const char *why = *text == '$' ? "alloc has named no" : digit_value(*text) >= 10 ? "no symbol is" : "not";
    command_error("%s must be an address (4M, 0x1000, $0, kmain): %s \"%.24s\"", name, why, text);
    return false;
}

/* TEXT as the first or second of two words; false after an error line. */
bool argument_either(const char *words, const char *text, bool *second) {
    const char *border = strchr(words, '|');
    size_t n = (size_t)(border - words);

    if (strcmp(text, border + 1) && (strlen(text) != n || strncmp(text, words, n))) {
        command_error("expected %.*s or %s, not \"%.24s\"", (int)n, words, border + 1, text);
        return false;
    }
    *second = !strcmp(text, border + 1);
    return true;
}
