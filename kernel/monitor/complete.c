/* Completion: what Tab offers for a word.
 *
 * The first word of a command is its name. What may follow is read from the command's usage, the one that help
 * shows: VA is a symbol, a place or an object of alloc; CMD is a command with its arguments; another word in
 * capitals (PATTERN, KIND) is what the command's own function offers; a word in small letters is itself, up to a =. */
#include "complete.h"

#include "args.h"
#include "command.h"
#include "format.h"
#include "objects.h"
#include "string.h"
#include "symbols.h"

struct search {
    const char *word; /* as far as it has been typed */
    size_t typed;     /* how many bytes that is */
    unsigned choice;  /* the candidate wanted, counted from 1; 0: what all share */
    unsigned found;   /* candidates so far */
    char *rest;       /* the result: what is to be added to the word */
};

/* Makes TEXT the result, cut to its room. */
static void keep(char *rest, const char *text) {
    size_t n = strlen(text);

    n = n < COMPLETION_MAX - 2 ? n : COMPLETION_MAX - 2; /* room for a blank */
    memcpy(rest, text, n);
    rest[n] = '\0';
}

/* NAME is a candidate if it begins as the word does. */
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

/* NAME(I) is candidate I, counted from 0; NULL past the last. */
static void consider_all(struct search *search, const char *(*name)(size_t i)) {
    for (size_t i = 0; name(i); i++)
        consider(search, name(i));
}

/* The live objects that alloc named, the latest first. */
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
        return; /* there are two thousand symbols */
    consider_all(search, place_name);
    consider_all(search, symbol_name);
}

static bool is_kind(const char *kind, size_t n, const char *name) {
    return n == strlen(name) && !strncmp(kind, name, n);
}

/* KIND, N bytes, is one alternative in an argument's usage. */
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

static bool ends_word(char c) { return c == ' ' || c == '\t' || c == ';'; }

/* Word INDEX of USAGE, counted from 0; NULL past the last. */
static const char *usage_word(const char *usage, unsigned index) {
    while (index-- && usage) {
        usage = strchr(usage, ' ');
        if (usage)
            usage++;
    }
    return usage;
}

/* Argument INDEX of C. */
static void consider_argument(struct search *search, const struct command *c, unsigned index) {
    const char *usage = usage_word(c->arguments, index);
    size_t n;

    for (; usage && *usage && *usage != ' '; usage += n) {
        while (*usage == '[' || *usage == '|' || *usage == ']')
            usage++;
        size_t fixed = 0; /* what comes before N in seed=N */
        for (n = 0; usage[n] && !strchr(" []|", usage[n]); n++)
            if (usage[n] == '=')
                fixed = n + 1;
        consider_kind(search, c, usage, fixed ? fixed : n);
    }
}

/* The context of the word at END: the command that TEXT..END gives, and how many of its arguments. If the command
 * takes another one, that one counts. False after a word that is no command. */
static bool read_context(const char *text, const char *end, const struct command **c, unsigned *index) {
    *c = NULL;
    *index = 0;
    while (text < end) {
        const char *start = text;
        while (text < end && !ends_word(*text))
            text++;
        if (text > start && text < end) { /* a whole word */
            if (*c && !command_runs_another(*c))
                ++*index;
            else if (!(*c = command_find(start, (size_t)(text - start))))
                return false;
        }
        for (; text < end && ends_word(*text); text++) {
            if (*text == ';') {
                *c = NULL;
                *index = 0;
            }
        }
    }
    return true;
}

/* Completes the last word of TEXT[0..END). */
bool complete_word(const char *text, size_t end, unsigned choice, char rest[COMPLETION_MAX]) {
    const struct command *c;
    size_t start = end;
    unsigned index;

    while (start && !ends_word(text[start - 1]))
        start--;
    struct search search = {text + start, end - start, choice, 0, rest};
    rest[0] = '\0';
    if (read_context(text, text + end, &c, &index)) {
        if (c)
            consider_argument(&search, c, index);
        else
            consider_commands(&search);
    }
    if (!choice && search.found == 1 && !strchr(rest, '='))
        memcpy(rest + strlen(rest), " ", 2);
    return search.found && search.found >= choice;
}
