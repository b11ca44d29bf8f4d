/* What the monitor's commands print, on its way to the log: pages, Ctrl-C, and colours.
 *
 * While a command runs, everything that is logged passes through gate. After Ctrl-C, or q at the end of a page, the
 * rest of the output is dropped, and a listing that asks output_stopped ends early. No function is torn out half-way,
 * so what the command does to memory is always complete.
 *
 * The PC's screen loses what scrolls off it, so output pauses when a page is full; but only for a command typed on
 * the PC's keyboard, unless `page` says otherwise. A terminal can scroll back, and a script must never wait for a key.
 *
 * Colours are escape sequences (ECMA-48, SGR). They never stand in a line that scripts read, and nothing
 * that is captured has them. The PC's screen always shows them. The serial line gets them only when a terminal
 * is there: the kernel asks for one before the first command that a person may have typed (or at once, with
 * the option colour=auto), and gives it a moment to answer. One that answers later has colours from the next
 * command on. A file or a script is not asked, and gets plain text. (The answer does not tell a terminal
 * without colours: a VT100 answers as some colour terminals do, and ignores what it cannot show.) */
#include "output.h"

#include "command.h"
#include "input.h"
#include "log.h"
#include "options.h"
#include "process.h"
#include "serial.h"
#include "string.h"
#include "terminal.h"
#include "timer.h"

#define ANSWER_PERIODS (TIMER_HZ / 5)

static enum from from;
static bool stopped;
static bool left_out; /* output has been dropped since it stopped */
static unsigned row, column;
static bool in_escape;

/* The screen's size; a terminal's where there is no screen. */
static unsigned columns(void) { return terminal_screen() ? terminal_screen()->columns : 80; }
unsigned output_rows(void) { return terminal_screen() ? terminal_screen()->rows : 25; }

/* The columns of what the reader looks at. */
unsigned output_columns(void) { return from == KEYBOARD || !serial_present() ? columns() : 80; }

static unsigned page_rows(void) { return output_rows() - 1; } /* one is for the question */

static enum { PAGE_AUTO, PAGE_ON, PAGE_OFF } paging;
static enum { COLOUR_AUTO, COLOUR_ON, COLOUR_OFF } colour;

static const char *const setting_names[] = {"auto", "on", "off"}; /* in the order of both enums */

/* The setting that WORD means for NAME, or BEFORE after an error line. */
static unsigned new_setting(const char *name, const char *word, unsigned before) {
    for (unsigned i = 0; i < ARRAY_SIZE(setting_names); i++)
        if (!strcmp(word, setting_names[i]))
            return i;
    command_error("expected: %s on|off|auto, not \"%.24s\"", name, word);
    return before;
}

/* ---- pages ---- */

static void say(const char *text) { log_pass(text, strlen(text)); }

static bool ends_it(int key) { return key == 'q' || key == 'Q' || key == KEY_CTRL_C || key == KEY_ESCAPE; }

/* Waits for a key. Programs rest: who prints may be half-way through an allocation, or a list of programs. */
static int wait_for_key(void) {
    for (;;) {
        int key = input_poll();

        if (key >= 0)
            return key;
        input_rest();
    }
}

static int ask(const char *question) {
    say(ink(REVERSE));
    say(question);
    say(ink(PLAIN));
    int key = wait_for_key();
    say("\r");
    for (size_t n = strlen(question); n--;)
        say(" "); /* works on any terminal */
    say("\r");
    return key;
}

/* A program's report or trace is never held up: while the program waits, the keys are not the monitor's. */
static bool pages(void) {
    return from != NOBODY && from != LISTED && !process_runs_program() &&
           (paging == PAGE_ON || (paging == PAGE_AUTO && from == KEYBOARD));
}

/* Whether Ctrl-C has been typed, for the monitor: while a program prints, it is for the program. */
static bool interrupted(void) { return !process_runs_program() && input_interrupted(); }

static void page_full(void) {
    int key = ask("-- more: a key for a page, Enter for a line, q to leave --");

    row = key == '\n' || key == KEY_DOWN ? page_rows() - 1 : 0;
    stopped = ends_it(key);
}

/* A line has ended. */
static void end_row(void) {
    row++;
    column = 0;
    stopped |= interrupted();
}

/* How many columns C takes. */
static unsigned width_of(char c) {
    if (in_escape) {
        in_escape = !((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'));
        return 0;
    }
    in_escape = c == '\033';
    return !in_escape && (c & 0xC0) != 0x80; /* the later bytes of a UTF-8 character take none */
}

/* Of a listing that is cut. */
static unsigned lines_limit; /* 0: none */
static unsigned lines_shown, lines_cut;

static bool cutting(void) { return lines_limit && lines_shown == lines_limit; }

static struct {
    char *buffer; /* NULL: nothing is held */
    size_t size, used;
} held;

static void hold(const char *text, size_t n) {
    size_t room = held.size - held.used;

    memcpy(held.buffer + held.used, text, n < room ? n : room);
    held.used += n < room ? n : room;
    stopped |= interrupted();
}

static void gate(const char *text, size_t n) {
    left_out |= stopped;
    if (held.buffer) {
        hold(text, n);
        return;
    }
    for (size_t end = 0; n && !stopped; text += end, n -= end, end = 0) {
        bool full = false;

        if (row >= page_rows() && pages() && !cutting()) { /* only when there is more to show */
            page_full();
            if ((left_out = stopped))
                return;
        }
        while (end < n && !full) {
            char c = text[end++];
            column += width_of(c);
            full = c == '\n' || column > columns();
        }
        bool line = text[end - 1] == '\n';
        if (cutting()) {
            lines_cut += line;
            column = 0;
            continue;
        }
        lines_shown += line;
        log_pass(text, end);
        if (full)
            end_row();
    }
}

static bool colour_on_line(void) {
    return colour == COLOUR_ON || (colour == COLOUR_AUTO && input_terminal_answered());
}

static bool has_answered(void) {
    stopped |= input_interrupted(); /* reads all that has come */
    return stopped || input_terminal_answered();
}

/* Asks once, for a terminal that is there stays. */
static void ask_for_terminal(void) {
    static bool asked;

    if (asked || colour != COLOUR_AUTO || !serial_present() || input_terminal_answered() ||
        !(options.colour || input_terminal_likely()))
        return;
    asked = true;
    input_ask_terminal();
    timer_wait(has_answered, ANSWER_PERIODS);
}

/* Takes the command line's colour=..., which holds until `colour` says otherwise. */
static void take_option(void) {
    static bool taken;

    if (!taken && options.colour)
        colour = new_setting("colour", options.colour, colour);
    taken = true;
}

/* Before a command line that WHO gave. */
void output_begin(enum from who) {
    from = who;
    stopped = left_out = in_escape = false;
    take_option();
    ask_for_terminal();
    serial_sequences(colour_on_line());
    lines_limit = 0;
    held.buffer = NULL;
    row = column = 0;
    log_set_gate(gate);
}

/* After that line. */
void output_end(void) {
    if (left_out)
        say("... stopped\n");
    log_set_gate(NULL);
    from = NOBODY;
    stopped = false;
}

/* Who gave the running command line. */
enum from output_from(void) { return from; }

/* Before a command that runs though the one before never ended. */
void output_restart(void) { stopped = left_out = false; }

/* True once the command should end. */
bool output_stopped(void) {
    if (from != NOBODY && !stopped && interrupted())
        stopped = true;
    left_out |= stopped;
    return stopped;
}

/* Begins a new page without waiting for a key. */
void output_new_page(void) { row = 0; }

/* From here on what is printed goes into BUFFER, cut to SIZE bytes. */
void output_hold(char *buffer, size_t size) {
    held.buffer = buffer;
    held.size = size;
    held.used = 0;
}

/* Ends output_hold; returns how many bytes there are. */
size_t output_held(void) {
    held.buffer = NULL;
    return held.used;
}

/* From here on only LINES lines are shown; 0: all. */
void output_cut(unsigned lines) {
    lines_limit = lines;
    lines_shown = lines_cut = 0;
}

/* Ends output_cut; returns how many lines were left out. */
unsigned output_uncut(void) {
    lines_limit = 0;
    return lines_cut;
}

/* True when somebody can press a key. A command line's commands run for a person if a terminal is there. */
bool output_attended(void) {
    return from == SERIAL || from == KEYBOARD || (from == LISTED && input_terminal_answered());
}

/* Waits for a key if somebody can press one; true when it was a key that ends things. */
bool output_pause(const char *prompt) {
    if (!output_attended())
        return false;
    if (stopped)
        return true;
    stopped = ends_it(ask(prompt));
    say("\n");
    row = 0;
    return stopped;
}

#define WRAP_WIDTH 78

/* Prints TEXT, a paragraph, in lines of at most WRAP_WIDTH columns, each indented by INDENT and in the ink CODE. */
void output_wrapped(const char *text, unsigned indent, const char *code) {
    while (*text) {
        size_t n = strlen(text), width = WRAP_WIDTH - indent;
        if (n > width)
            for (n = width; text[n] != ' ';)
                n--;
        kprintf("%s%*s%.*s%s\n", code, (int)indent, "", (int)n, text, *code ? PLAIN : "");
        text += n + (text[n] == ' ');
    }
}

/* ---- colours ---- */

/* CODE where colours are shown, else "". The log removes it on its way to a plain serial line. */
const char *ink(const char *code) {
    if (colour == COLOUR_OFF || from == NOBODY || log_capturing())
        return "";
    return code;
}

/* True where the reader can be shown drawings of coloured blocks. */
bool output_draws(void) { return *ink(PLAIN) && (from == KEYBOARD || !serial_present() || colour_on_line()); }

/* ---- page, colour, clear ---- */

COMMAND(PROMPT_AND_MACHINE, 2, page, .arguments = "[on|off|auto]", .most = 1,
        .help = "wait when a page is full; auto: at the PC's keyboard",
        .detail = "At the end of a page: a key for the next, Enter for a line, q to leave.",
        .example = "page on")
{
    if (n)
        paging = new_setting("page", arg[0], paging);
    else
        kprintf("page %s\n", setting_names[paging]);
}

COMMAND(PROMPT_AND_MACHINE, 3, colour, .arguments = "[on|off|auto]", .most = 1,
        .help = "show colours; auto: if the other end is a terminal",
        .detail = "auto asks the serial line once whether a terminal is there.", .example = "colour off")
{
    if (n)
        colour = new_setting("colour", arg[0], colour);
    else
        kprintf("colour %s\n", setting_names[colour]);
}

COMMAND(PROMPT_AND_MACHINE, 4, clear, .arguments = "", .help = "clear the screen", .example = "clear")
{ kprintf("%s", from == NOBODY ? "" : "\033[H\033[J"); }
