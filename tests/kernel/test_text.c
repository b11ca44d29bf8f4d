/* Text: string.c, format.c, the log's captures, patterns, symbols, options. */
#include "boot_info.h"
#include "format.h"
#include "kmalloc.h"
#include "ktest.h"
#include "log.h"
#include "memlayout.h"
#include "options.h"
#include "string.h"
#include "support.h"
#include "symbols.h"

/* ---- string.c ---- */

KTEST(string_memset_fills_exactly)
{
    unsigned char buf[80];

    for (size_t start = 0; start < 9; start++)
        for (size_t n = 0; n < 64; n++) {
            for (size_t i = 0; i < sizeof(buf); i++)
                buf[i] = 0x11;
            /* NOLINTNEXTLINE(bugprone-suspicious-memset-usage): taken as a byte, 0xAB */
            KCHECK_EQ(memset(buf + start, 0x3AB, n), buf + start);
            for (size_t i = 0; i < sizeof(buf); i++)
                KCHECK_EQ(buf[i], i >= start && i < start + n ? 0xAB : 0x11);
        }
}

static void check_move(void *(*move)(void *, const void *, size_t), size_t from, size_t to, size_t n) {
    unsigned char buf[128];

    for (size_t i = 0; i < sizeof(buf); i++)
        buf[i] = (unsigned char)i;
    KCHECK_EQ(move(buf + to, buf + from, n), buf + to);
    for (size_t i = 0; i < sizeof(buf); i++)
        KCHECK_EQ(buf[i], i >= to && i < to + n ? i - to + from : i);
}

static void *copy(void *to, const void *from, size_t n) { return memcpy(to, from, n); }

KTEST(string_memcpy_and_memmove)
{
    for (size_t n = 0; n < 50; n++)
        for (size_t shift = 0; shift < 9; shift++) {
            KCHECK_CALL(check_move(copy, shift, 70, n));
            KCHECK_CALL(check_move(copy, 70, shift, n));
            KCHECK_CALL(check_move(memmove, 20, 20 + shift, n)); /* overlapping, upwards */
            KCHECK_CALL(check_move(memmove, 20 + shift, 20, n)); /* and downwards */
        }
}

static int sign(int n) { return (n > 0) - (n < 0); }

KTEST(string_comparisons)
{
    KCHECK_EQ(memcmp("abc", "abd", 2), 0);
    KCHECK_EQ(sign(memcmp("abc", "abd", 3)), -1);
    KCHECK_EQ(sign(memcmp("\x80", "\x7f", 1)), 1); /* as unsigned bytes */
    KCHECK_EQ(memcmp("a", "b", 0), 0);
    KCHECK_EQ(strcmp("", ""), 0);
    KCHECK_EQ(sign(strcmp("a", "")), 1);
    KCHECK_EQ(sign(strcmp("a", "ab")), -1);
    KCHECK_EQ(sign(strcmp("\xff", "a")), 1);
    KCHECK_EQ(strncmp("abc", "abd", 2), 0);
    KCHECK_EQ(sign(strncmp("abc", "abd", 3)), -1);
    KCHECK_EQ(strncmp("ab", "ab", 9), 0);
    KCHECK_EQ(strncmp("x", "y", 0), 0);
}

KTEST(string_lengths_and_searches)
{
    static const char text[] = "quire";

    KCHECK_EQ(strlen(""), 0);
    KCHECK_EQ(strlen(text), 5);
    KCHECK_EQ(strchr(text, 'q'), text);
    KCHECK_EQ(strchr(text, 'e'), text + 4);
    KCHECK_EQ(strchr(text, '\0'), text + 5);
    KCHECK_EQ(strchr(text, 'z'), NULL);
}

/* ---- format.c ---- */

/* Fails the test unless FMT gives TEXT. */
#define CHECK_FORMAT(text, ...) \
    do { \
        char out_[128]; \
        size_t n_ = format_buffer(out_, sizeof(out_), __VA_ARGS__); \
        if (strcmp(out_, text) || n_ != strlen(text)) { \
            ktest_fail(__FILE__, __LINE__, "\"%s\", not \"%s\"", out_, text); \
            return; \
        } \
    } while (0)

KTEST(format_integers)
{
    CHECK_FORMAT("0 -1 2147483647 -2147483648", "%d %d %d %d", 0, -1, 2147483647, -2147483647 - 1);
    CHECK_FORMAT("0 4294967295 ffffffff DEADBEEF", "%u %u %x %X", 0u, 0xFFFFFFFFu, 0xFFFFFFFFu, 0xDEADBEEFu);
    CHECK_FORMAT("+5 -5 7", "%+d %+d %i", 5, -5, 7);
    CHECK_FORMAT("4096 1000 12 -3", "%zu %zx %lu %ld", (size_t)4096, (size_t)4096, 12UL, -3L);
    CHECK_FORMAT("123456789abcdef0 100000000", "%llx %llx", 0x123456789ABCDEF0ull, 1ull << 32);
    CHECK_FORMAT("ab 7f", "%hhx %hhx", (unsigned char)0xAB, (unsigned char)0x7F);
}

KTEST(format_widths)
{
    CHECK_FORMAT("[   42][42   ][00042][-0042]", "[%5d][%-5d][%05d][%05d]", 42, 42, 42, -42);
    CHECK_FORMAT("[0x0000beef][    beef][beef    ]", "[0x%08x][%8x][%-8x]", 0xBEEFu, 0xBEEFu, 0xBEEFu);
    CHECK_FORMAT("[123456][   7][7   ]", "[%3d][%*d][%-*d]", 123456, 4, 7, 4, 7);
    CHECK_FORMAT("0x100000000", "0x%08llx", 1ull << 32);
    CHECK_FORMAT("0x00000000 0x00101234", "%p %p", (void *)NULL, (void *)0x101234);
}

KTEST(format_strings)
{
    CHECK_FORMAT("abc  [  abc][abc  ][ab][ab][   ]", "%s %s [%5s][%-5s][%.2s][%.*s][%3s]", "abc", "", "abc",
                 "abc", "abc", 2, "abc", "");
    CHECK_FORMAT("x%y", "%c%%%c", 'x', 'y');
    CHECK_FORMAT("", "%s", "");
    CHECK_FORMAT("plain", "plain");
}

KTEST(format_reads_no_further_than_the_precision)
{
    static const char unended[3] = {'a', 'b', 'c'};

    CHECK_FORMAT("abc", "%.3s", unended);
}

KTEST(format_buffer_cuts_and_tells_the_length)
{
    char buf[8] = "0123456";

    KCHECK_EQ(format_buffer(buf, 4, "%s", "abcdefgh"), 8);
    KCHECK_EQ(strcmp(buf, "abc"), 0);
    KCHECK_EQ(buf[4], '4'); /* untouched */
    KCHECK_EQ(format_buffer(buf, 1, "%d", 12345), 5);
    KCHECK_EQ(buf[0], '\0');
    KCHECK_EQ(buf[1], 'b');
}

/* ---- the log ---- */

KTEST(log_capture_takes_what_is_printed)
{
    char text[16], inner[8];

    log_capture(text, sizeof(text));
    KCHECK(log_capturing());
    kprintf("one %d ", 2);
    log_capture(inner, sizeof(inner)); /* a capture in a capture */
    kprintf("inside");
    KCHECK_EQ(log_capture_end(), 6);
    log_write("three and more", 14);
    KCHECK_EQ(log_capture_end(), sizeof(text) - 1);
    KCHECK(!log_capturing());
    KCHECK_EQ(strcmp(text, "one 2 three and"), 0);
    KCHECK_EQ(strcmp(inner, "inside"), 0);
}

/* ---- patterns ---- */

KTEST(pattern_star_is_any_text)
{
    static const char *const match[][2] = {{"*", "abc"},    {"*", ""},        {"", ""},
                                           {"abc", "abc"},  {"a*", "a"},      {"a*c", "abbc"},
                                           {"*b*", "abc"},  {"**c", "abc"},   {"a*b*c", "axxbyyc"},
                                           {"*ab", "aaab"}, {"a*a*a", "aaaa"}};
    static const char *const differ[][2] = {{"", "a"},     {"a", ""},       {"abc", "ab"},
                                            {"ab", "abc"}, {"a*c", "abcd"}, {"*x*", "abc"},
                                            {"b*", "abc"}, {"*b", "abc"},   {"a*a*a", "aa"}};

    for (size_t i = 0; i < ARRAY_SIZE(match); i++)
        KCHECK(pattern_matches(match[i][0], match[i][1]));
    for (size_t i = 0; i < ARRAY_SIZE(differ); i++)
        KCHECK(!pattern_matches(differ[i][0], differ[i][1]));
}

KTEST(pattern_of_many_stars_ends)
{
    char pattern[600];

    memset(pattern, '*', sizeof(pattern));
    for (size_t i = 0; i < sizeof(pattern); i += 2)
        pattern[i] = 'a';
    pattern[sizeof(pattern) - 2] = 'b';
    pattern[sizeof(pattern) - 1] = '\0';
    KCHECK(!pattern_matches(pattern, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
}

/* ---- symbols ---- */

KTEST(symbols_find_functions_and_data)
{
    uintptr_t address = 0;
    size_t offset = 99;
    char text[SYMBOL_TEXT];

    KCHECK(symbol_address("ktest_run", &address));
    KCHECK_EQ(address, (uintptr_t)ktest_run);
    KCHECK(symbol_address("options", &address));
    KCHECK_EQ(address, (uintptr_t)&options);
    KCHECK_EQ(strcmp(symbol_at((uintptr_t)ktest_run, &offset), "ktest_run"), 0);
    KCHECK_EQ(offset, 0);
    KCHECK_EQ(strcmp(symbol_at((uintptr_t)ktest_report + 100, &offset), "ktest_report"), 0);
    KCHECK_EQ(offset, 100);
    KCHECK_EQ(strcmp(symbol_text((uintptr_t)ktest_run + 3, text), "ktest_run+0x3"), 0);
}

static volatile unsigned asked;

static __attribute__((noinline)) uintptr_t return_address(void) {
    asked++; /* so that no two calls become one */
    return (uintptr_t)__builtin_return_address(0);
}

KTEST(symbols_find_the_source_line)
{
    unsigned first = 0, second = 0;
    uintptr_t a = return_address();
    uintptr_t b = return_address();
    unsigned lines[] = {__LINE__ - 2, __LINE__ - 1};
    char text[PLACE_TEXT], wanted[48];

    KCHECK_EQ(strcmp(source_line(a - 1, &first), "tests/kernel/test_text.c"), 0);
    KCHECK_EQ(strcmp(source_line(b - 1, &second), "tests/kernel/test_text.c"), 0);
    KCHECK_EQ(first, lines[0]);
    KCHECK_EQ(second, lines[1]);
    format_buffer(wanted, sizeof(wanted), ", tests/kernel/test_text.c:%u", lines[0]);
    caller_place_text(a, text);
    KCHECK(find_text(text, "ktest_symbols_find_the_source_line+0x"));
    KCHECK(find_text(text, ", test_text.c:") || find_text(text, wanted));
}

KTEST(symbols_have_no_source_line_outside_the_text)
{
    unsigned line = 77;

    KCHECK(!source_line(0, &line));
    KCHECK(!source_line(KERNEL_START, &line)); /* the Multiboot header */
    KCHECK(!source_line((uintptr_t)text_end, &line));
    KCHECK(!source_line((uintptr_t)ktest_report, &line));
    KCHECK(!source_line(0xFFFFFFFF, &line));
    KCHECK_EQ(line, 77);
}

KTEST(symbols_unknown_addresses_have_no_name)
{
    static const uintptr_t nowhere[] = {0, 0x1000, KERNEL_START - 1, IDENTITY_END, KHEAP_START, 0xFFFFFFFF};
    char text[SYMBOL_TEXT];
    size_t offset = 99;
    uintptr_t address = 99;

    for (size_t i = 0; i < ARRAY_SIZE(nowhere); i++) {
        KCHECK_EQ(symbol_at(nowhere[i], &offset), NULL);
        KCHECK_EQ(strcmp(symbol_text(nowhere[i], text), "?"), 0);
    }
    KCHECK_EQ(offset, 99);
    KCHECK(!symbol_address("", &address));
    KCHECK(!symbol_address("no_such_symbol", &address));
    KCHECK(!symbol_address("ktest_ru", &address));
    KCHECK_EQ(address, 99);
}

/* ---- options ---- */

static const struct option_case {
    const char *line, *loader;
    const char *test, *bench, *commands; /* as in struct options */
    bool panic_stay;
    const char *said; /* part of the log; NULL: nothing is logged */
} option_cases[] = {
    {"", "grub", NULL, NULL, NULL, false, NULL},
    {"test", "grub", "*", NULL, NULL, false, NULL},
    {"  test=pm_*   bench  ", "grub", "pm_*", "*", NULL, false, NULL},
    {"bench=W* panic=stay", "grub", NULL, "W*", NULL, true, NULL},
    {"panic=go", "grub", NULL, NULL, NULL, false, "panic=go"},
    {"colour test", "grub", "*", NULL, NULL, false, "colour"},
    {"tests", "grub", NULL, NULL, NULL, false, "tests"},
    {"/tmp/my kernels/quire.elf test", "qemu", "*", NULL, NULL, false, NULL},
    {"quire.elf", "qemu", NULL, NULL, NULL, false, NULL},
    {"out/kernel.bin test -- run hello.elf", "qemu", "*", NULL, "run hello.elf", false, NULL},
    {"my/quire.elf test note.elf bench", "qemu", "*", "*", NULL, false, "note.elf"},
    {"/boot/quire.elf test", "ISOLINUX 6.04", "*", NULL, NULL, false, NULL},
    {"tftp://10.0.2.2/quire bench", "iPXE 1.0", NULL, "*", NULL, false, NULL},
    {"test=a/b.elf", "GNU GRUB 0.97", "a/b.elf", NULL, NULL, false, NULL},
    {"/quire test", "GRUB 2.06", "*", NULL, NULL, false, "/quire"},
    {"test -- mem; walk 0 ; test", "grub", "*", NULL, "mem; walk 0 ; test", false, NULL},
    {"-- bench", "grub", NULL, NULL, "bench", false, NULL},
    {"test -- find \\\"a b\\\"", "GRUB 2.06", "*", NULL, "find \"a b\"", false, NULL},
};

static bool same_text(const char *a, const char *b) {
    while (a && *a == ' ')
        a++;
    return a && b ? strcmp(a, b) == 0 : a == b;
}

/* The parsed options; they point into the line, so they are checked while it is there. */
static bool options_are(const struct option_case *c, const char *said) {
    return same_text(options.test, c->test) && same_text(options.bench, c->bench) &&
           same_text(options.commands, c->commands) && options.panic_stay == c->panic_stay &&
           (c->said ? find_text(said, c->said) != NULL : !*said);
}

/* Reads LINE, as if LOADER had given it, and calls JUDGE with what is logged. */
static void read_line(const char *line, const char *loader, bool cut, void (*judge)(const void *wanted, const char *said),
                      const void *wanted) {
    struct {
        struct boot_info info;
        struct options options;
    } *kept = kmalloc(sizeof(*kept));
    char said[400];

    KCHECK(kept);
    kept->info = boot_info;
    kept->options = options;
    format_buffer(boot_info.cmdline, sizeof(boot_info.cmdline), "%s", line);
    format_buffer(boot_info.loader, sizeof(boot_info.loader), "%s", loader);
    boot_info.cmdline_cut = cut;
    options = (struct options){0};
    log_capture(said, sizeof(said));
    options_parse();
    log_capture_end();
    judge(wanted, said);
    boot_info = kept->info;
    options = kept->options;
    kfree(kept);
}

static void judge_case(const void *wanted, const char *said) {
    const struct option_case *c = wanted;

    if (!options_are(c, said))
        ktest_fail(__FILE__, __LINE__, "\"%s\" is read wrong", c->line);
}

static void read_options(const struct option_case *cases, size_t n, bool cut) {
    for (const struct option_case *c = cases; c < cases + n; c++)
        read_line(c->line, c->loader, cut, judge_case, c);
}

/* Each option is given first with a valid value, then with an invalid one. */
static void judge_first_values(const void *wanted, const char *said) {
    (void)wanted;
    KCHECK(same_text(options.seed, "5") && same_text(options.rounds, "7") && same_text(options.colour, "on"));
    KCHECK(options.diagnose && options.panic_stay && options.heap == HEAP_GUARD);
    KCHECK(find_text(said, "\"seed\"") && find_text(said, "\"rounds\"") && find_text(said, "diagnose=x"));
}

KTEST(options_that_are_wrong_change_nothing)
{
    read_line("seed=5 rounds=7 diagnose panic=stay heap=guard colour=on seed rounds diagnose=x panic=go heap=x colour=x",
              "grub", false, judge_first_values, NULL);
}

KTEST(options_are_read)
{ read_options(option_cases, ARRAY_SIZE(option_cases), false); }

/* The loader's line was longer. What may be a part of a word only is ignored, and so are commands. */
static const struct option_case cut_cases[] = {
    {"test=a bench=b", "grub", "a", NULL, NULL, false, "option \"bench=b\" may be cut: ignored"},
    {"test=a bench=b ", "grub", "a", "b", NULL, false, "cut after 15 bytes"},
    {"bench", "grub", NULL, NULL, NULL, false, "option \"bench\" may be cut"},
    {"seed=\\\"1 test", "GRUB 2.06", NULL, NULL, NULL, false, "option \"test\" may be cut"},
    {"test -- mem; he", "grub", "*", NULL, NULL, false, "none of them runs"},
    {"test --", "grub", "*", NULL, NULL, false, "none of them runs"},
};

KTEST(options_of_a_cut_line_are_read)
{ read_options(cut_cases, ARRAY_SIZE(cut_cases), true); }
