/* The options: words on the command line, up to "--"; what follows that is the monitor's. */
#include "options.h"

#include "boot_info.h"
#include "log.h"
#include "string.h"

struct options options;

/* A setter takes what stands behind '=', or NULL, and refuses a value that it does not know. */
static bool set_test(const char *value) {
    options.test = value ? value : "*";
    return true;
}

static bool set_bench(const char *value) {
    options.bench = value ? value : "*";
    return true;
}

static bool set_diagnose(const char *value) {
    options.diagnose = !value;
    return !value;
}

static bool set_panic(const char *value) {
    if (!value || strcmp(value, "stay") != 0)
        return false;
    options.panic_stay = true;
    return true;
}

static bool set_heap(const char *value) {
    bool debug = value && strcmp(value, "debug") == 0, guard = value && strcmp(value, "guard") == 0;

    if (!debug && !guard)
        return false;
    options.heap = debug ? HEAP_DEBUG : HEAP_GUARD;
    return true;
}

static bool set_colour(const char *value) {
    if (!value || (strcmp(value, "on") != 0 && strcmp(value, "off") != 0 && strcmp(value, "auto") != 0))
        return false;
    options.colour = value;
    return true;
}

static const struct {
    const char *name, *form;
    bool (*set)(const char *value);
} known[] = {
    {"test", "test[=PATTERN]", set_test},         {"bench", "bench[=PATTERN]", set_bench},
    {"panic", "panic=stay", set_panic},           {"heap", "heap=debug|guard", set_heap},
    {"colour", "colour=on|off|auto", set_colour}, {"diagnose", "diagnose", set_diagnose},
};

static bool set_option(char *word) {
    char *equals = strchr(word, '=');
    size_t name_length = equals ? (size_t)(equals - word) : strlen(word);

    for (size_t i = 0; i < ARRAY_SIZE(known); i++)
        if (strlen(known[i].name) == name_length && strncmp(known[i].name, word, name_length) == 0)
            return known[i].set(equals ? equals + 1 : NULL);
    return false;
}

/* The next word at *CURSOR, NUL-ended in place, and the cursor moved behind it; NULL at the end. */
static char *next_word(char **cursor) {
    char *word = *cursor;

    while (*word == ' ')
        word++;
    if (!*word)
        return NULL;
    *cursor = strchr(word, ' ');
    if (*cursor)
        *(*cursor)++ = '\0';
    else
        *cursor = strchr(word, '\0');
    return word;
}

static bool ends_in_elf(const char *start, const char *end) {
    return end - start >= 4 && strncmp(end - 4, ".elf", 4) == 0;
}

/* What follows the kernel's path, which QEMU's -kernel puts in front, spaces and all. */
static char *skip_path(char *line) {
    for (char *word = line; *word;) {
        char *end = strchr(word, ' ');

        if (!end)
            end = strchr(word, '\0');
        if (ends_in_elf(word, end))
            return end;
        word = *end ? end + 1 : end;
    }
    return line;
}

/* GRUB puts a backslash before each quote and backslash in a word: takes them away again. */
static void unescape(char *line) {
    char *to = line;

    for (; *line; line++) {
        if (line[0] == '\\' && (line[1] == '\\' || line[1] == '"' || line[1] == '\''))
            line++;
        *to++ = *line;
    }
    *to = '\0';
}

static void read_word(char *word, bool cut) {
    if (cut)
        kprintf("quire: option \"%s\" may be cut: passed over\n", word);
    else if (!set_option(word))
        kprintf("quire: unknown option \"%s\"\n", word);
}

void options_parse(void) {
    char *cursor = boot_info.cmdline, *word;

    if (boot_info.cmdline_cut)
        kprintf("quire: command line cut after %d bytes\n", CMDLINE_MAX);
    if (strcmp(boot_info.loader, "qemu") == 0)
        cursor = skip_path(cursor);
    if (strncmp(boot_info.loader, "GRUB", 4) == 0)
        unescape(cursor);
    while ((word = next_word(&cursor))) {
        if (strcmp(word, "--") == 0) {
            options.commands = cursor;
            break;
        }
        read_word(word, boot_info.cmdline_cut && !*cursor);
    }
    if (boot_info.cmdline_cut && options.commands) {
        kprintf("quire: the commands behind -- were cut: none of them runs\n");
        options.commands = NULL;
    }
}
