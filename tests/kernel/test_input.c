/* Input: a terminal's bytes as keys. */
#include "input.h"

#include "ktest.h"
#include "string.h"

#include "../../kernel/console/terminal_keys.h"

/* TYPED, a NUL-ended string, as keys; a '!' ends it, which must arrive as itself: no sequence is left open. */
static size_t type(const char *typed, int keys[], size_t most) {
    struct terminal_keys terminal = {0};
    size_t n = 0;

    for (; *typed; typed++) {
        int key = terminal_key(&terminal, (uint8_t)*typed);
        if (key >= 0 && n < most)
            keys[n++] = key;
    }
    int last = terminal_key(&terminal, '!');
    return last == '!' ? n : most + 1;
}

static bool gives_nothing(const char *typed) { return type(typed, (int[1]){0}, 1) == 0; }

static bool gives(const char *typed, int key) {
    int keys[2];

    return type(typed, keys, 2) == 1 && keys[0] == key;
}

KTEST(input_terminals_keys)
{
    KCHECK(gives("\033[A", KEY_UP) && gives("\033OA", KEY_UP));
    KCHECK(gives("\033[1;5C", KEY_WORD_RIGHT) && gives("\033b", KEY_WORD_LEFT));
    KCHECK(gives("\033[3~", KEY_DELETE) && gives("\033[4~", KEY_END));
    KCHECK(gives("\033OM", '\n')); /* Enter on a keypad in application mode */
    KCHECK(gives("\r\n", '\n') && gives("\n", '\n') && gives("\r", '\n'));
    KCHECK(gives("\033\177", KEY_KILL_WORD) && gives("\033\b", KEY_KILL_WORD));
}

/* What terminals send besides: none of it reaches the line. */
KTEST(input_unknown_sequences_are_consumed_whole)
{
    static const char *const typed[] = {
        "\033[[A",              /* the Linux console's F1 */
        "\033[15~",             /* F5 */
        "\033OP",               /* a VT100's PF1 */
        "\033[1;2P",            /* Shift-F1 */
        "\033[200~",            /* a paste begins */
        "\033[M #!",            /* an X10 mouse report */
        "\033[<0;10;20M",       /* xterm's */
        "\033[32;10;20M",       /* rxvt's */
        "\033[?64;1;2;6;9;15c", /* device attributes */
        "\033[>41;366;0c",      /* the second ones */
        "\033[24;80R",          /* the cursor's place */
        "\033[?1;2$y",          /* a mode */
        "\033[8;24;80t",        /* the window's size */
        "\033[ q",              /* an intermediate byte */
        "\033(B",
        "\033$(C",                          /* a character set */
        "\033]11;rgb:0000/0000/0000\033\\", /* a colour, ended by ST */
        "\033]11;rgb:ffff/ffff/ffff\a",     /* and by BEL */
        "\033P>|xterm(380)\033\\",          /* the version, a device-control string */
        "\033P1+r544e=787465726d\033\\",    /* a capability */
        "\033_Gi=31;OK\033\\",              /* an application's string */
        "\033Xstart\033\\\033^privacy\033\\",
        "\033]0;a\033]0;b\a",
    };

    for (size_t i = 0; i < ARRAY_SIZE(typed); i++)
        KCHECK(gives_nothing(typed[i]));
}

/* ESC [ [ and ESC [ M are longer only without a parameter. */
KTEST(input_a_sequence_takes_no_byte_that_is_not_its_own)
{
    KCHECK(gives("\033[1[x", 'x'));
    KCHECK(gives("\033[1Mx", 'x'));
    KCHECK(gives("\033[[Ax", 'x'));
    KCHECK(gives("\033[Mabcx", 'x'));
    KCHECK(gives("\033]0;title\ax", 'x'));
    KCHECK(gives("\033]0;title\033\\x", 'x'));
    KCHECK(gives("\033(Bx", 'x'));
}

/* A sequence that never ends costs no more than its line. */
KTEST(input_a_lines_end_breaks_any_sequence_off)
{
    static const char *const begun[] = {"\033",   "\033[",    "\033[1;", "\033[ ", "\033O",
                                        "\033(",  "\033]0;x", "\033P",   "\033_",  "\033]0;x\033",
                                        "\033[M", "\033[M!",  "\033[["};
    char typed[16];

    for (size_t i = 0; i < ARRAY_SIZE(begun); i++) {
        size_t n = strlen(begun[i]);
        memcpy(typed, begun[i], n + 1);
        memcpy(typed + n, "\r", 2);
        KCHECK(gives(typed, '\n'));
        memcpy(typed + n, "\003", 2);
        KCHECK(gives(typed, KEY_CTRL_C));
        memcpy(typed + n, "\033[A", 4);
        KCHECK(gives(typed, KEY_UP));
    }
}

KTEST(input_only_a_terminals_answer_is_one)
{
    static const char *const other[] = {"\033[6c", "\033[?6h",   "\033[?1;2",
                                        "?6c",     "\033]?6c\a", "\033[>0;1;0c"};
    static const char *const answer[] = {"\033[?6c", "\033[?1;2c", "\033[?64;1;22c"};

    for (size_t i = 0; i < ARRAY_SIZE(other) + ARRAY_SIZE(answer); i++) {
        bool is_answer = i >= ARRAY_SIZE(other);
        struct terminal_keys terminal = {0};
        for (const char *c = is_answer ? answer[i - ARRAY_SIZE(other)] : other[i]; *c; c++)
            terminal_key(&terminal, (uint8_t)*c);
        KCHECK_EQ(terminal.answered, is_answer);
    }
}

KTEST(input_a_script_is_not_taken_for_a_terminal)
{
    struct terminal_keys terminal = {0};

    for (const char *c = "mem\nwalk 0x00400000\n\303\244\t\003"; *c; c++)
        terminal_key(&terminal, (uint8_t)*c);
    KCHECK(!terminal.likely);
    terminal_key(&terminal, '\r');
    KCHECK(terminal.likely);
}
