/* The monitor's line editor.
 *
 * The line is shown behind the prompt, in a window of WINDOW columns; a longer line moves through it by half a
 * window at a time. SHOWN and COLUMN are what the terminal displays, so only changes are sent. The cursor moves left
 * by backspaces and right by rewriting what is there: any terminal can do that, and the prompt is never touched.
 * Nothing is sent while more keys are waiting. The last column stays free, because terminals disagree on where the
 * cursor is after it.
 *
 * A line that grows too long is dropped whole, and a byte that is no text becomes '?', so that garbage is a line with
 * an error. The history keeps the latest lines, in HISTORY_BYTES. */
#include "line.h"

#include "complete.h"
#include "input.h"
#include "log.h"
#include "process.h"
#include "string.h"

#define CONTROL(letter) ((letter) - 'A' + 1)
#define WINDOW (80 - (sizeof(PROMPT) - 1) - 1)
#define HISTORY_BYTES 4096

static struct {
    char *text;      /* LINE_BYTES of room, and a NUL */
    size_t length;   /* at most LINE_BYTES */
    size_t overflow; /* bytes typed that had no room */
    size_t cursor;
    size_t first;    /* the byte in the window's first column */
    unsigned recall; /* how far back in the history this line is; 0: it is new */
    size_t tabbed;   /* if Tab was the last key, where its text begins; else NOT_TABBED */
    unsigned choice; /* the candidate that Tab put there */
} line;

#define NOT_TABBED ((size_t)-1)

/* ---- the display ---- */

static char shown[WINDOW];
static size_t column;

static void move_to(size_t to) {
    for (; column > to; column--)
        log_write("\b", 1);
    if (column < to)
        log_write(shown + column, to - column);
    column = to;
}

/* Moves the window so that the cursor is in it. */
static void scroll(void) {
    if (line.cursor < line.first)
        line.first = line.cursor > WINDOW / 2 ? line.cursor - WINDOW / 2 : 0;
    while (line.cursor - line.first >= WINDOW)
        line.first += WINDOW / 2;
}

/* What column I of the window should show. */
static char wanted(size_t i) { return line.first + i < line.length ? line.text[line.first + i] : ' '; }

/* The line behind the prompt is empty. */
static void nothing_shown(void) {
    memset(shown, ' ', sizeof(shown));
    column = 0;
}

static void refresh(void) {
    size_t end = WINDOW, i = 0;

    scroll();
    while (end > 0 && shown[end - 1] == wanted(end - 1))
        end--;
    while (i < end && shown[i] == wanted(i))
        i++;
    if (i < end) {
        move_to(i);
        for (; i < end; i++)
            shown[i] = wanted(i);
        move_to(end);
    }
    move_to(line.cursor - line.first);
}

static bool reading; /* a line is being typed */

/* Shows the prompt and the line again, after programs have printed. */
static void show_again(void) {
    if (!reading)
        return;
    kprintf(PROMPT);
    nothing_shown();
    refresh();
}

/* ---- editing ---- */

static void insert(const char *text, size_t n) {
    size_t room = LINE_BYTES - line.length;

    if (n > room) {
        line.overflow += n - room;
        n = room;
    }
    memmove(line.text + line.cursor + n, line.text + line.cursor, line.length - line.cursor);
    memcpy(line.text + line.cursor, text, n);
    line.length += n;
    line.cursor += n;
}

static void erase(size_t from, size_t to) {
    memmove(line.text + from, line.text + to, line.length - to);
    line.length -= to - from;
    line.cursor = from;
}

static void erase_all(void) {
    line.overflow = 0;
    erase(0, line.length);
}

static void backspace(void) {
    if (line.overflow)
        line.overflow--;
    else if (line.cursor)
        erase(line.cursor - 1, line.cursor);
}

static bool blank_at(size_t i) { return line.text[i] == ' '; }

static size_t word_start(void) {
    size_t i = line.cursor;

    while (i && blank_at(i - 1))
        i--;
    while (i && !blank_at(i - 1))
        i--;
    return i;
}

static size_t word_end(void) {
    size_t i = line.cursor;

    while (i < line.length && blank_at(i))
        i++;
    while (i < line.length && !blank_at(i))
        i++;
    return i;
}

/* ---- history ---- */

static char history[HISTORY_BYTES]; /* lines, each with its NUL, the latest first */
static size_t history_used;

/* The line BACK places back (1 is the latest), or NULL. */
static const char *history_line(unsigned back) {
    size_t at = 0;

    while (back-- > 1 && at < history_used)
        at += strlen(history + at) + 1;
    return at < history_used ? history + at : NULL;
}

/* Puts TEXT in front. The oldest lines go, as many as have no room. */
static void history_add(const char *text) {
    size_t n = strlen(text) + 1;
    const char *latest = history_line(1);

    if (n == 1 || (latest && !strcmp(latest, text)))
        return;
    if (history_used + n > HISTORY_BYTES)
        for (history_used = HISTORY_BYTES - n; history_used && history[history_used - 1];)
            history_used--;
    memmove(history + n, history, history_used);
    memcpy(history, text, n);
    history_used += n;
}

/* Shows the line that is BACK places back, or an empty one for 0. */
static void recall(unsigned back) {
    const char *text = back ? history_line(back) : "";

    if (!text)
        return;
    line.recall = back;
    erase_all();
    insert(text, strlen(text));
}

/* ---- completion ---- */

/* Completes the word before the cursor as far as all candidates agree; pressed again, puts in one candidate after
 * the other. */
static void complete(void) {
    char word[COMPLETION_MAX];
    size_t typed = line.tabbed == NOT_TABBED ? line.cursor : line.tabbed;

    line.choice = line.tabbed == NOT_TABBED ? 0 : line.choice + 1;
    if (!complete_word(line.text, typed, line.choice, word))
        complete_word(line.text, typed, line.choice = 0, word);
    erase(typed, line.cursor);
    insert(word, strlen(word));
    line.tabbed = typed;
}

/* ---- keys ---- */

static void add(int c) {
    char text = c >= ' ' && c < 127 ? (char)c : '?';

    if (c < 0x100)
        insert(&text, 1);
}

static void edit(int key) {
    switch (key) {
    case '\b':
    case 127:
        backspace();
        break;
    case '\t':
        complete();
        break;
    case KEY_DELETE:
    case CONTROL('D'):
        if (line.cursor < line.length)
            erase(line.cursor, line.cursor + 1);
        break;
    case KEY_KILL_WORD:
        erase(word_start(), line.cursor);
        break;
    case CONTROL('K'):
        line.overflow = 0;
        erase(line.cursor, line.length);
        break;
    case CONTROL('U'):
    case KEY_CTRL_C:
        erase_all();
        break;
    case KEY_LEFT:
    case CONTROL('B'):
        line.cursor -= line.cursor > 0;
        break;
    case KEY_RIGHT:
    case CONTROL('F'):
        line.cursor += line.cursor < line.length;
        break;
    case KEY_HOME:
    case CONTROL('A'):
        line.cursor = 0;
        break;
    case KEY_END:
    case CONTROL('E'):
        line.cursor = line.length;
        break;
    case KEY_WORD_LEFT:
        line.cursor = word_start();
        break;
    case KEY_WORD_RIGHT:
        line.cursor = word_end();
        break;
    case KEY_UP:
    case CONTROL('P'):
        recall(line.recall + 1);
        break;
    case KEY_DOWN:
    case CONTROL('N'):
        if (line.recall)
            recall(line.recall - 1);
        break;
    case KEY_ESCAPE:
        break;
    default:
        add(key);
    }
}

/* A line from the console. False, with an empty TEXT, when it was too long. */
bool line_read(char text[LINE_BYTES + 1]) {
    int key;

    memset(&line, 0, sizeof(line));
    line.text = text;
    line.tabbed = NOT_TABBED;
    nothing_shown();
    reading = true;
    process_on_output(show_again);
    while ((key = input_read()) != '\n') {
        if (key != '\t')
            line.tabbed = NOT_TABBED;
        edit(key);
        if (!input_waiting())
            refresh();
    }
    reading = false;
    line.cursor = line.length;
    refresh();
    log_write("\n", 1);
    text[line.overflow ? 0 : line.length] = '\0';
    history_add(text);
    return !line.overflow;
}
