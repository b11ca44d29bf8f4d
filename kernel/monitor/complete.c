/* Completion: what may follow what has been typed.
 *
 * The first word is a command's name. What stands further on is found in that command's own usage line, the
 * one that help shows: VA is a symbol, a place or an object that alloc named, CMD a command and all that it
 * takes, PATTERN a test or a benchmark, KIND a fault, and words in small letters stand for themselves, with |
 * between them. */
#include "complete.h"

#include "args.h"
#include "command.h"
#include "format.h"
#include "objects.h"
#include "string.h"
#include "symbols.h"

struct search {
    const char *word; /* what has been typed of it */
    size_t typed;
    unsigned choice, found;
    char *rest; /* the result: what CHOICE adds; for choice 0 what all found so far share */
};

static void keep(char *rest, const char *text) {
    size_t n = strlen(text);

    n = n < COMPLETION_MAX - 2 ? n : COMPLETION_MAX - 2; /* room for a blank */
    memcpy(rest, text, n);
    rest[n] = '\0';
}

static void consider(struct search *search, const char *name) {
    const char *rest = name + search->typed;
    size_t same = 0;

    if (strncmp(name, search->word, search->typed))
        return;
    search->found++;
    if (search->found == (search->choice ? search->choice : 1)) {
        keep(search->rest, rest);
    } else if (!search->choice) {
        while (search->rest[same] && search->rest[same] == rest[same])
            same++;
        search->rest[same] = '\0';
    }
}

static void consider_commands(struct search *search) {
    for (const struct command *c = commands_start; c < commands_end; c++)
        if (!(c->flags & LEAVES) || search->typed > 1)
            consider(search, c->name);
}

/* A function's that names thing I, or says NULL. */
static void consider_all(struct search *search, const char *(*name)(size_t i)) {
    for (size_t i = 0; name(i); i++)
        consider(search, name(i));
}

/* What alloc named, the latest first, as long as it lives. */
static void consider_objects(struct search *search) {
    char name[12];
    uintptr_t va;
    unsigned k;

    for (bool more = object_latest(&k); more && object_named(k, &va); more = k-- > 0) {
        format_buffer(name, sizeof(name), "$%u", k);
        if (object_lives(k))
            consider(search, name);
    }
}

static void consider_addresses(struct search *search) {
    consider_objects(search);
    if (!search->typed)
        return; /* symbols are some two thousand */
    consider_all(search, place_name);
    consider_all(search, symbol_name);
}

static bool is_kind(const char *kind, size_t n, const char *name) {
    return n == strlen(name) && !strncmp(kind, name, n);
}

/* One alternative of an argument's usage. Another word in capitals (PATTERN, KIND) is what C itself offers. */
static void consider_kind(struct search *search, const struct command *c, const char *kind, size_t n) {
    char word[16];

    if (is_kind(kind, n, "CMD"))
        consider_commands(search);
    else if (is_kind(kind, n, "VA"))
        consider_addresses(search);
    else if (*kind >= 'A' && *kind <= 'Z' && c->candidate)
        consider_all(search, c->candidate);
    else if (*kind >= 'a' && *kind <= 'z' && n < sizeof(word)) {
        memcpy(word, kind, n);
        word[n] = '\0';
        consider(search, word);
    }
}

static bool is_blank(char c) { return c == ' ' || c == '\t'; }

/* Word INDEX of USAGE, or NULL. */
static const char *usage_word(const char *usage, unsigned index) {
    while (index-- && usage) {
        usage = strchr(usage, ' ');
        usage += usage != NULL;
    }
    return usage;
}

static void consider_argument(struct search *search, const struct command *c, unsigned index) {
    const char *usage = usage_word(c->arguments, index);
    size_t n;

    for (; usage && *usage && *usage != ' '; usage += n) {
        while (*usage == '[' || *usage == '|' || *usage == ']')
            usage++;
        for (n = 0; usage[n] && !strchr(" []|", usage[n]); n++)
            ;
        consider_kind(search, c, usage, n);
    }
}

/* SEARCH's word is word INDEX behind the command C, or behind no command. One that takes a whole line takes
 * another command, and that is what counts. */
static void look(struct search *search, const char *text, const char *end) {
    const struct command *c = NULL;
    unsigned index = 0;

    while (text < end) {
        const char *start = text;
        while (text < end && !is_blank(*text))
            text++;
        if (text > start && text < end) { /* a whole word */
            if (c && !(c->flags & TAKES_LINE && index == 0))
                index++;
            else if (!(c = command_find(start, (size_t)(text - start))))
                return;
        }
        while (text < end && is_blank(*text))
            text++;
    }
    if (c)
        consider_argument(search, c, index);
    else
        consider_commands(search);
}

bool complete_word(const char *text, size_t end, unsigned choice, char rest[COMPLETION_MAX]) {
    size_t start = end;

    while (start && !is_blank(text[start - 1]))
        start--;
    struct search search = {text + start, end - start, choice, 0, rest};
    rest[0] = '\0';
    look(&search, text, text + end);
    if (!choice && search.found == 1)
        memcpy(rest + strlen(rest), " ", 2);
    return search.found && search.found >= choice;
}
