/* The options: words on the command line, up to "--"; the commands behind it are the monitor's.
 *
 * Some boot loaders put the kernel's path in front of the command line, others do not (see skip_path). What is no
 * option is reported and ignored. */
#include "options.h"

#include "boot_info.h"
#include "log.h"
#include "string.h"

struct options options;

/* ---- the options ---- */

/* A setter gets the text after '=', or NULL where there is no '='. False: it has no such value. */
static bool set_test(const char *value) {
    options.test = value ? value : "*";
    return true;
}

static bool set_seed(const char *value) {
    if (value)
        options.seed = value;
    return value;
}

static bool set_rounds(const char *value) {
    if (value)
        options.rounds = value;
    return value;
}

static bool set_bench(const char *value) {
    options.bench = value ? value : "*";
    return true;
}

static bool set_diagnose(const char *value) {
    options.diagnose |= !value;
    return !value;
}

static bool is(const char *value, const char *wanted) { return value && strcmp(value, wanted) == 0; }

static bool set_panic(const char *value) {
    options.panic_stay |= is(value, "stay");
    return is(value, "stay");
}

static bool set_heap(const char *value) {
    if (!is(value, "debug") && !is(value, "guard"))
        return false;
    options.heap = is(value, "debug") ? HEAP_DEBUG : HEAP_GUARD;
    return true;
}

static bool set_colour(const char *value) {
    if (!is(value, "on") && !is(value, "off") && !is(value, "auto"))
        return false;
    options.colour = value;
    return true;
}

static const struct option {
    const char *name, *form;
    bool (*set)(const char *value);
} known[] = {
    {"test", "test[=PATTERN]", set_test},    {"seed", "seed=N", set_seed},
    {"rounds", "rounds=N", set_rounds},      {"bench", "bench[=PATTERN]", set_bench},
    {"panic", "panic=stay", set_panic},      {"heap", "heap=debug|guard", set_heap},
    {"diagnose", "diagnose", set_diagnose},  {"colour", "colour=on|off|auto", set_colour},
};

/* The length of the word at WORD, which a blank or NUL ends. */
static size_t word_length(const char *word) {
    size_t n = 0;

    while (word[n] && word[n] != ' ')
        n++;
    return n;
}

/* The option that the word at WORD names, whatever its value; NULL when it names none. */
static const struct option *option_named(const char *word) {
    size_t n = 0;

    while (word[n] && word[n] != ' ' && word[n] != '=')
        n++;
    for (size_t i = 0; i < ARRAY_SIZE(known); i++)
        if (strlen(known[i].name) == n && strncmp(known[i].name, word, n) == 0)
            return &known[i];
    return NULL;
}

static bool set_option(char *word) {
    const struct option *option = option_named(word);
    const char *equals = strchr(word, '=');

    return option && option->set(equals ? equals + 1 : NULL);
}

static bool list_logged;

/* Logs what options there are, once. */
static void log_options(void) {
    if (list_logged)
        return;
    list_logged = true;
    kprintf("quire: the options are");
    for (size_t i = 0; i < ARRAY_SIZE(known); i++)
        kprintf(" %s", known[i].form);
    kprintf("\n");
}

static void read_word(char *word, bool cut) {
    if (cut) {
        kprintf("quire: option \"%s\" may be cut: ignored\n", word);
    } else if (!set_option(word)) {
        kprintf("quire: unknown option \"%s\"\n", word);
        log_options();
    }
}

/* ---- the command line ---- */

static bool is_dashes(const char *word) { return word_length(word) == 2 && strncmp(word, "--", 2) == 0; }

static bool ends_in_elf(const char *word) {
    size_t n = word_length(word);

    return n >= 4 && (strncmp(word + n - 4, ".elf", 4) == 0 || strncmp(word + n - 4, ".ELF", 4) == 0);
}

static bool has_slash(const char *word) {
    while (*word && *word != ' ' && *word != '/')
        word++;
    return *word == '/';
}

static char *skip_blanks(char *line) {
    while (*line == ' ')
        line++;
    return line;
}

/* Behind the path that QEMU's -kernel puts in front, with any blanks that it has: up to the first word that ends
 * in .elf and is neither an option nor a command. LINE itself where there is no such word. */
static char *skip_qemus_path(char *line) {
    for (char *word = skip_blanks(line); *word && !is_dashes(word);) {
        char *end = word + word_length(word);

        if (ends_in_elf(word) && !option_named(word))
            return end;
        word = skip_blanks(end);
    }
    return line;
}

/* Behind the kernel's path, if the line begins with it. GRUB 2 and v86 put nothing in front. QEMU puts the path of
 * -kernel there, GRUB 0.97 and mboot.c32 (ISOLINUX and its like) the file's path on the disc, iPXE its address;
 * all but QEMU's are one word. So the first word is the kernel's when it looks like a file and is no option. */
static char *skip_path(char *line) {
    if (strncmp(boot_info.loader, "GRUB", 4) == 0)
        return line;
    char *rest = strcmp(boot_info.loader, "qemu") == 0 ? skip_qemus_path(line) : line;
    if (rest > line)
        return rest;
    line = skip_blanks(line);
    bool file = has_slash(line) || ends_in_elf(line);
    return file && !option_named(line) ? line + word_length(line) : line;
}

/* Removes the backslash that GRUB 2 puts before each quote and backslash in a word. */
static void unescape(char *line) {
    char *to = line;

    for (; *line; line++) {
        if (line[0] == '\\' && (line[1] == '\\' || line[1] == '"' || line[1] == '\''))
            line++;
        *to++ = *line;
    }
    *to = '\0';
}

/* The next word at *CURSOR, NUL-ended in place, and the cursor moved behind it; NULL at the end. */
static char *next_word(char **cursor) {
    char *word = skip_blanks(*cursor), *end = word + word_length(word);

    if (end == word)
        return NULL;
    *cursor = *end ? end + 1 : end;
    *end = '\0';
    return word;
}

const char *options_text(void) { return skip_blanks(skip_path(boot_info.cmdline)); }

void options_parse(void) {
    char *cursor = skip_path(boot_info.cmdline), *word;

    if (boot_info.cmdline_cut)
        kprintf("quire: command line cut after %zu bytes\n", strlen(boot_info.cmdline));
    if (strncmp(boot_info.loader, "GRUB", 4) == 0)
        unescape(cursor);
    while ((word = next_word(&cursor))) {
        if (is_dashes(word)) {
            options.commands = cursor;
            break;
        }
        read_word(word, boot_info.cmdline_cut && cursor == word + strlen(word)); /* no blank ends it */
    }
    if (boot_info.cmdline_cut && options.commands) {
        kprintf("quire: the commands after -- were cut: none of them runs\n");
        options.commands = NULL;
    }
}
