/* The terminal as programs see it: what is typed, shown and read, character by character.
 *
 * Here it has a keyboard and a screen of strings, and two processes; a program's memory is this one's. */
#include "../../kernel/process/tty.h"

#include "../../kernel/process/process_inside.h"
#include "../../kernel/process/user_memory.h"
#include "input.h"
#include "log.h"
#include "string.h"
#include "support.h"
#include "terminal.h"

#define LINE_MOST 1024
#define READY_MOST 4096
#define ALL 8192

/* ---- processes ---- */

static struct process reader = {.pid = 7, .group = 7, .session = 7},
                      other = {.pid = 8, .group = 8, .session = 7};
struct process monitor = {.pid = 1, .next = &reader};
struct process *current = &reader;

static unsigned sent[2]; /* signals, to the reader and to the other */
static bool pending;
static unsigned turns;
static void (*while_waiting)(void);

void signal_send(struct process *process, unsigned signal) { sent[process == &other] |= 1u << signal; }
bool signal_pending(void) { return pending; }
static const void *woken;
void schedule_wake(const void *channel) { woken = channel; }

static unsigned interrupts;
static bool signal_comes; /* in the next turn of another process */
static size_t shown_length, shown_at_turn;

void schedule_interrupted(void) { interrupts++; }
void schedule(void) {
    assert_int_equal(interrupts, ++turns); /* who waits for the clock has had the chance */
    pending = signal_comes;
    shown_at_turn = shown_length;
}

void schedule_wait(const void *channel, const unsigned *until) {
    assert_non_null(channel);
    assert_null(until);
    assert_non_null(while_waiting);
    woken = NULL;
    while_waiting();
    assert_true(pending || woken == channel);
}

/* ---- a program's memory ---- */

static size_t user_most;  /* bytes that can be accessed in one piece */
static size_t parts_most; /* after so many pieces, nothing can be accessed */
static bool faults;

size_t user_part(const void *va, size_t n, bool write) {
    assert_true(va && n > 0); /* nothing behind the buffer is touched */
    assert_false(write);
    return faults || parts_most-- == 0 ? 0 : n < user_most ? n : user_most;
}

static size_t copies_most; /* after so many, nothing can be accessed */

/* What cannot be accessed begins in the middle. */
int copy_to_user(void *user, const void *from, size_t n) {
    bool faulty = faults || copies_most-- == 0;
    memcpy(user, from, faulty ? n / 2 : n);
    return faulty ? -EFAULT : 0;
}

int copy_from_user(void *to, const void *user, size_t n) { return copy_to_user(to, user, n); }

/* ---- the keyboard and the screen ---- */

static const int *keys;
static size_t keys_left;

int input_poll(void) { return keys_left ? keys_left--, *keys++ : -1; }

static char shown[4 * ALL], captured[ALL];
static size_t captured_length, fresh_lines;
static bool capturing;

void log_pass(const char *text, size_t n) {
    memcpy(shown + shown_length, text, n);
    shown[shown_length += n] = '\0';
}

void log_write(const char *text, size_t n) {
    memcpy(captured + captured_length, text, n);
    captured[captured_length += n] = '\0';
}

void log_fresh_line(void) { fresh_lines++; }
size_t log_captures(void) { return capturing; }

static const struct screen *screen;
const struct screen *terminal_screen(void) { return screen; }

static int start(void **state) {
    (void)state;
    reader.next = &other;
    other.next = &monitor;
    user_most = parts_most = copies_most = SIZE_MAX;
    tty_give(7);
    assert_int_equal(fresh_lines, 1);
    return 0;
}

static void type_keys(const int *them, size_t n) {
    keys = them;
    keys_left = n;
    tty_poll();
}

static void type(const char *text) {
    static int them[ALL];
    size_t n = strlen(text);
    for (size_t i = 0; i < n; i++)
        them[i] = (unsigned char)text[i];
    type_keys(them, n);
}

static void clear_screen(void) { shown[shown_length = 0] = '\0'; }

static void check_shown(const char *text) {
    assert_string_equal(shown, text);
    clear_screen();
}

static struct file file = {.type = &tty_type, .flags = O_NONBLOCK};

/* Reading at most N characters gives TEXT, which is not empty, or an error. */
static void check_read(size_t n, const char *text) {
    char buffer[ALL];
    int got = tty_type.read(&file, buffer, n);
    assert_int_equal(got, strlen(text));
    assert_memory_equal(buffer, text, strlen(text));
}

static void check_error(int error) {
    char c = 'x';
    assert_int_equal(tty_type.read(&file, &c, 1), error);
    assert_int_equal(c, 'x');
}

static int control(unsigned request, void *argument) { return tty_type.control(request, argument); }

static struct termios mode(void) {
    struct termios now;
    assert_int_equal(control(TCGETS, &now), 0);
    return now;
}

static void set(unsigned iflag_off, unsigned lflag_off) {
    struct termios wanted = mode();
    wanted.iflag &= ~iflag_off;
    wanted.lflag &= ~lflag_off;
    assert_int_equal(control(TCSETS, &wanted), 0);
}

/* ---- lines ---- */

/* What is typed before a call and after it is one line. */
static void test_a_line_is_typed_on(void **state) {
    int group = 8;
    (void)state;
    type("ab");
    woken = NULL;
    assert_int_equal(control(TIOCSPGRP, &group), 0);
    assert_non_null(woken); /* who waits may no longer read */
    type("c");
    set(0, ECHO);
    current = &other;
    check_error(-EAGAIN);
    type("d\n");
    check_shown("abc");
    check_read(ALL, "abcd\n");
}

/* What was typed while lines were read can be read at once when they no longer are. */
static void test_a_line_that_has_not_ended_is_read_without_lines(void **state) {
    (void)state;
    type("ab");
    woken = NULL;
    set(0, ICANON);
    assert_non_null(woken);
    type("c");
    check_read(ALL, "abc");
    struct termios wanted = mode();
    wanted.lflag |= ICANON;
    assert_int_equal(control(TCSETS, &wanted), 0);
    type("d\n");
    check_read(ALL, "d\n");
    type("kept\n");
    assert_int_equal(control(TCSETS + 1, &wanted), 0);
    check_read(ALL, "kept\n");
    type("dropped");
    wanted.lflag &= ~ICANON;
    assert_int_equal(control(TCSETSF, &wanted), 0);
    check_error(-EAGAIN);
}

static void test_a_line_can_be_read_once_it_has_ended(void **state) {
    (void)state;
    type("ab");
    check_shown("ab");
    assert_int_equal(tty_type.events(&file), POLLOUT);
    check_error(-EAGAIN);
    type("c\nde\n");
    check_shown("c\nde\n");
    assert_int_equal(tty_type.events(&file), POLLIN | POLLOUT);
    check_read(2, "ab");
    check_read(ALL, "c\n");
    check_read(ALL, "de\n");
    assert_int_equal(tty_type.events(&file), POLLOUT);
    type("\n");
    check_read(ALL, "\n");
}

static void test_a_read_gives_what_it_can(void **state) {
    (void)state;
    type("\xFF" "a\n"); /* a byte like any other */
    check_read(9, "\xFF" "a\n");
    type("abcd\n");
    copies_most = 2;
    check_read(ALL, "ab");
    copies_most = 0;
    check_error(-EFAULT);
    copies_most = SIZE_MAX;
    check_read(ALL, "cd\n"); /* nothing is lost */
}

static void test_a_line_is_edited(void **state) {
    (void)state;
    type("\177\b");
    check_shown(""); /* nothing to erase */
    type("ab\177c\b\n");
    check_shown("ab\b \bc\b \b\n");
    check_read(ALL, "a\n");
    type("a\001\177\t \177");
    check_shown("a^A\b \b\b \b\t \b \b");
    type("\025x\n"); /* erases the line; of a tab it takes back one column */
    check_shown("\b \b\b \bx\n");
    check_read(ALL, "x\n");
    type("\033\177");
    check_shown("^[\b \b\b \b");
    char many[151] = {0};
    memset(many, 'x', 150); /* more than a screen is wide */
    type(many);
    clear_screen();
    type("\025y\n");
    assert_int_equal(shown_length, 3 * 150 + 2);
    check_read(ALL, "y\n");
    clear_screen();
    set(0, ECHO);
    type("\001ab\177\n");
    check_shown("");
    check_read(ALL, "\001a\n");
}

static void test_the_end_of_file_ends_a_read(void **state) {
    (void)state;
    type("\004");
    assert_int_equal(tty_type.events(&file), POLLIN | POLLOUT);
    assert_int_equal(tty_type.read(&file, (char[1]){0}, 1), 0);
    check_error(-EAGAIN);
    type("ab\004cd\n");
    check_read(ALL, "ab");
    check_read(ALL, "cd\n");
    type("ab\004");
    check_read(2, "ab"); /* the buffer is full, but this read has been ended */
    check_error(-EAGAIN);
    type("abc\004\004");
    check_read(2, "ab");
    check_read(ALL, "c");
    assert_int_equal(tty_type.read(&file, (char[1]){0}, 1), 0);
    type("a\n\004"); /* the line had ended before */
    check_read(2, "a\n");
    assert_int_equal(tty_type.read(&file, (char[1]){0}, 0), 0);
    assert_int_equal(tty_type.events(&file), POLLIN | POLLOUT);
    assert_int_equal(tty_type.read(&file, (char[1]){0}, 1), 0);
    check_error(-EAGAIN);
    check_shown("abcd\nababca\n");
}

static void test_what_is_echoed(void **state) {
    (void)state;
    type("\t\033~ \037\n");
    check_shown("\t^[~ ^_\n");
    set(0, ECHOCTL);
    type("\t\033x\377\n");
    check_shown("\tx\377\n");
    type("x\033\177\n");
    check_shown("x\n"); /* what is not shown takes no column */
    struct termios wanted = mode();
    wanted.lflag |= ECHOCTL;
    wanted.cc[VERASE] = 'e';
    control(TCSETS, &wanted);
    type("\177e\n");
    check_shown("^?\b \b\b \b\n");
}

static void test_signals_are_typed(void **state) {
    (void)state;
    type("old\nab\003");
    check_shown("old\nab^C");
    assert_true(sent[0] == 1u << SIGINT && sent[1] == 0); /* the other is of another group */
    check_error(-EAGAIN);
    int group = 8;
    assert_int_equal(control(TIOCSPGRP, &group), 0);
    type("old\nab\034");
    assert_true(sent[0] == 1u << SIGINT && sent[1] == 1u << SIGQUIT);
    group = 7;
    control(TIOCSPGRP, &group);
    type("x\n");
    check_read(ALL, "x\n");
    set(0, ISIG);
    type("\003\034\n");
    check_read(ALL, "\003\034\n");
    assert_int_equal(sent[0], 1u << SIGINT);
}

static void test_a_signal_is_for_the_whole_group(void **state) {
    (void)state;
    reader.state = ZOMBIE; /* not waited for yet */
    other.group = 7;
    type("\003");
    assert_int_equal(sent[1], 1u << SIGINT);
}

static void test_a_line_has_an_end(void **state) {
    static char line[LINE_MOST + 10];
    (void)state;
    set(0, ECHO);
    memset(line, 'x', LINE_MOST + 1);
    line[LINE_MOST - 1] = 'y';
    type(line);
    type("\n");
    line[LINE_MOST] = '\n';
    line[LINE_MOST + 1] = '\0';
    check_read(ALL, line);
    check_error(-EAGAIN);
}

/* The longest line just fits behind the most that may be ready. */
static void test_there_is_room_for_a_whole_line(void **state) {
    static int many[READY_MOST];
    char text[READY_MOST + 1];
    (void)state;
    set(0, ECHO | ICANON);
    for (int i = 0; i < READY_MOST; i++)
        many[i] = text[i] = (char)('a' + i % 26);
    type_keys(many, READY_MOST - LINE_MOST - 1);
    struct termios lines = mode();
    lines.lflag |= ICANON;
    assert_int_equal(control(TCSETS, &lines), 0);
    many[READY_MOST - 1] = text[READY_MOST - 1] = '\n';
    type_keys(many + READY_MOST - LINE_MOST - 1, LINE_MOST + 1);
    text[READY_MOST] = '\0';
    check_read(ALL, text);
    check_error(-EAGAIN);
}

/* No more is taken from the keyboard than there is room for a whole line. */
static void test_what_is_typed_ahead_waits(void **state) {
    static int many[READY_MOST];
    (void)state;
    set(0, ECHO | ICANON);
    for (int i = 0; i < READY_MOST; i++)
        many[i] = 'a' + i % 26;
    type_keys(many, READY_MOST);
    assert_int_equal(keys_left, LINE_MOST);
    for (int i = 0; i < READY_MOST; i++) {
        check_read(1, (char[2]){(char)many[i], '\0'});
        tty_poll();
    }
    check_error(-EAGAIN);
    for (int i = 0; i < 3; i++) { /* round the ring */
        type("once more");
        check_read(5, "once ");
        check_read(5, "more");
    }
}

static void test_raw_characters_are_there_at_once(void **state) {
    struct termios wanted = mode();
    char c = 'x';
    (void)state;
    wanted.lflag &= ~ICANON;
    assert_int_equal(control(TCSETS + 1, &wanted), 0);
    check_error(-EAGAIN);
    type("a\n\177\004b");
    check_shown("a\n^?^Db");
    check_read(3, "a\n\177");
    check_read(ALL, "\004b");
    type_keys((const int[]){0}, 1); /* Ctrl-Space: a character as any other */
    assert_int_equal(tty_type.read(&file, &c, 1), 1);
    assert_int_equal(c, 0);
    wanted.cc[VMIN] = 0;
    assert_int_equal(control(TCSETS, &wanted), 0);
    assert_int_equal(tty_type.read(&file, (char[1]){0}, 1), 0); /* does not wait */
    current = &other;
    check_error(-EIO); /* nor does who is in the background; but it is told */
    current = &reader;
    type("c");
    check_read(ALL, "c");
    set(ICRNL, 0);
    type("\n");
    check_read(ALL, "\r");
}

static void test_keys_arrive_as_a_terminal_sends_them(void **state) {
    static const char *const wanted[] = {"\033[A", "\033[B",  "\033[D",    "\033[C",   "\033[H",
                                         "\033[F", "\033[3~", "\033[1;5D", "\033[1;5C"};
    static const int them[] = {KEY_UP,  KEY_DOWN,   KEY_LEFT,      KEY_RIGHT,     KEY_HOME,
                               KEY_END, KEY_DELETE, KEY_WORD_LEFT, KEY_WORD_RIGHT};
    (void)state;
    set(0, ICANON | ECHO);
    for (size_t i = 0; i < ARRAY_SIZE(them); i++) {
        type_keys(&them[i], 1);
        check_read(ALL, wanted[i]);
    }
    type_keys((const int[]){KEY_WORD_RIGHT + 1}, 1);
    check_error(-EAGAIN);
}

/* ---- who has it ---- */

static void test_who_has_the_terminal(void **state) {
    (void)state;
    type("a\n");
    current = &other;                      /* of the same session, but in the background */
    assert_int_equal(tty_type.events(&file), POLLIN | POLLOUT); /* it would not wait */
    check_error(-EIO);
    current = &reader;
    check_read(ALL, "a\n");
    current = &other;
    check_error(-EIO);
    assert_int_equal(tty_type.events(&file), POLLIN | POLLOUT);
    int group = 8;
    assert_int_equal(control(TIOCSPGRP, &group), 0);
    check_error(-EAGAIN);
    assert_int_equal(tty_type.events(&file), POLLOUT);
    group = 0;
    assert_int_equal(control(TIOCGPGRP, &group), 0);
    assert_int_equal(group, 8);

    struct termios wanted = mode();
    wanted.lflag = 0;
    other.session = 9;
    assert_int_equal(tty_type.events(&file), POLLIN | POLLOUT); /* its group's number is no help */
    check_error(-EIO);
    assert_int_equal(control(TIOCSPGRP, &group), -EPERM);
    assert_int_equal(control(TCSETS, &wanted), -EIO);
    assert_int_not_equal(mode().lflag, 0);
    other.session = 7;
    assert_int_equal(control(TCSETS, &wanted), 0);
    assert_int_equal(mode().lflag, 0);

    type("b");
    woken = NULL;
    tty_give(9); /* a new session finds all as it is at first */
    assert_non_null(woken); /* who waits, waits in vain */
    assert_int_not_equal(mode().lflag, 0);
    assert_int_equal(fresh_lines, 2);
    reader.session = reader.group = 9;
    current = &reader;
    type("c\n");
    check_read(ALL, "c\n");
    type("d\ne");
    tty_give(9);
    check_error(-EAGAIN);
    type("\n");
    check_read(ALL, "\n");
    tty_give(0);
    type("x\n");
    assert_int_equal(keys_left, 2); /* they are the monitor's */
}

static void test_the_usual_mode(void **state) {
    struct termios wanted = mode();
    (void)state;
    assert_true(wanted.iflag == ICRNL && wanted.oflag == (OPOST | ONLCR) && wanted.cflag == 0x04BF);
    assert_int_equal(wanted.lflag, ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN);
    assert_true(wanted.cc[VINTR] == 3 && wanted.cc[VQUIT] == 28 && wanted.cc[VERASE] == 127);
    assert_true(wanted.cc[VKILL] == 21 && wanted.cc[VEOF] == 4 && wanted.cc[VMIN] == 1 &&
                wanted.cc[VTIME] == 0);
    type("a\nb");
    assert_int_equal(control(TCSETS, &wanted), 0);
    check_read(1, "a");
    assert_int_equal(control(TCSETSF, &wanted), 0); /* drops what was typed */
    wanted.cc[VINTR] = wanted.cc[VQUIT] = wanted.cc[VERASE] = wanted.cc[VKILL] = wanted.cc[VEOF] = 0; /* there are none */
    assert_int_equal(control(TCSETS, &wanted), 0);
    const struct termios now = mode();
    assert_memory_equal(&now, &wanted, sizeof(now));
    check_error(-EAGAIN);
    type_keys((const int[]){'a', 0, '\n'}, 3); /* nor is 0 one */
    char line[ALL];
    assert_int_equal(tty_type.read(&file, line, ALL), 3);
    assert_memory_equal(line, "a\0\n", 3);
    assert_int_equal(control(0, &wanted), -ENOTTY);
    assert_int_equal(control(TCSETSF + 1, &wanted), -ENOTTY);
}

static void test_a_bad_pointer_changes_nothing(void **state) {
    const struct termios before = mode();
    struct termios wanted = {0}, after;
    int group = 8;
    (void)state;
    type("a\nb");
    faults = true;
    assert_int_equal(control(TCSETS, &wanted), -EFAULT);
    assert_int_equal(control(TCSETSF, &wanted), -EFAULT);
    assert_int_equal(control(TIOCSPGRP, &group), -EFAULT);
    assert_int_equal(control(TCGETS, &after), -EFAULT);
    assert_int_equal(control(TIOCGPGRP, &group), -EFAULT);
    faults = false;
    after = mode();
    assert_memory_equal(&after, &before, sizeof after);
    check_read(ALL, "a\n");
    type("c\n");
    check_read(ALL, "bc\n");
}

static void test_the_screens_size(void **state) {
    const struct screen large = {.columns = 128, .rows = 48};
    struct winsize size;
    (void)state;
    assert_int_equal(control(TIOCGWINSZ, &size), 0);
    assert_true(size.rows == 24 && size.columns == 80 && size.width == 0 && size.height == 0);
    screen = &large;
    assert_int_equal(control(TIOCGWINSZ, &size), 0);
    assert_true(size.rows == 48 && size.columns == 128);
}

/* ---- waiting ---- */

static void type_a_line(void) { type("late\n"); }
static void give_away(void) {
    int group = 8;
    control(TIOCSPGRP, &group);
    type("theirs\n");
}
static void give_away_for_a_while(void) {
    int group = 7;
    give_away();
    control(TIOCSPGRP, &group);
}
static void interrupt(void) { pending = true; }

static void test_a_read_waits(void **state) {
    (void)state;
    file.flags = 0;
    while_waiting = type_a_line;
    check_read(ALL, "late\n");
    while_waiting = interrupt;
    check_error(-ERESTART);
    file.flags = O_NONBLOCK;
    check_error(-EAGAIN); /* where it does not wait, no signal interrupts it */
    file.flags = 0;
    type("now\n");
    check_read(ALL, "now\n"); /* nothing to wait for */
    pending = false;
    while_waiting = give_away;
    check_error(-EIO);
    int group = 7;
    control(TIOCSPGRP, &group);
    check_read(ALL, "theirs\n"); /* nobody has read it */
    while_waiting = give_away_for_a_while;
    check_read(ALL, "theirs\n");
    type("ab\n");
    faults = true;
    check_error(-EFAULT);
    faults = false;
    check_read(ALL, "ab\n"); /* nothing is lost */
}

/* ---- output ---- */

static int write(const char *text, size_t n) { return tty_type.write(&file, text, n); }

static void test_output_is_shown(void **state) {
    (void)state;
    user_most = 3;
    assert_int_equal(write("ab\ncd", 5), 5);
    check_shown("ab\ncd");
    capturing = true;
    assert_int_equal(write("ef", 2), 2);
    check_shown("");
    assert_string_equal(captured, "ef");
    capturing = false;
    faults = true;
    assert_int_equal(write("x", 1), -EFAULT);
    faults = false;
    pending = true;
    assert_int_equal(write("x", 1), -ERESTART);
    check_shown("");
    assert_int_equal(fresh_lines, 1);
    assert_false(tty_printed_beside());
}

static void test_long_output_lets_others_run(void **state) {
    static char text[PAGE_SIZE];
    (void)state;
    memset(text, 'x', sizeof text);
    user_most = PAGE_SIZE / 2;
    assert_int_equal(write(text, PAGE_SIZE - 1), PAGE_SIZE - 1);
    assert_int_equal(turns, 0);
    assert_int_equal(write(text, 1), 1);
    assert_int_equal(turns, 1);
    assert_int_equal(shown_at_turn, PAGE_SIZE);
    assert_int_equal(write(text, PAGE_SIZE - 1), PAGE_SIZE - 1); /* counted from the last turn on */
    assert_int_equal(turns, 1);
    assert_int_equal(write(text, 1), 1);
    assert_int_equal(turns, 2);
}

/* What has been shown counts, though a signal comes. */
static void test_long_output_can_be_interrupted(void **state) {
    static char text[2 * PAGE_SIZE];
    (void)state;
    memset(text, 'x', sizeof text);
    user_most = PAGE_SIZE;
    signal_comes = true;
    assert_int_equal(write(text, sizeof text), PAGE_SIZE);
    assert_int_equal(shown_length, PAGE_SIZE);
    assert_int_equal(write(text, sizeof text), -ERESTART);
}

/* Of a buffer that ends where the program may not read, what comes before is shown. */
static void test_output_is_shown_as_far_as_it_can_be_read(void **state) {
    (void)state;
    parts_most = 2;
    user_most = 3;
    assert_int_equal(write("abcdefghi", 9), 6);
    check_shown("abcdef");
}

/* A program without the terminal begins on a line of its own, and so does the prompt after it. */
static void test_output_beside_begins_a_line(void **state) {
    (void)state;
    write("x", 1);
    assert_int_equal(fresh_lines, 1);
    other.session = 9;
    current = &other;
    write("a", 1);
    assert_int_equal(fresh_lines, 2);
    write("b", 1);
    assert_int_equal(fresh_lines, 2);
    assert_true(tty_printed_beside());
    assert_int_equal(fresh_lines, 3);
    assert_false(tty_printed_beside());
    assert_int_equal(fresh_lines, 3);
    tty_begin_output();
    assert_int_equal(fresh_lines, 4);
    assert_true(tty_printed_beside());
}

#define TEST(name) cmocka_unit_test_setup(name, start)

static const struct CMUnitTest tests[] = {
    TEST(test_a_line_is_typed_on),
    TEST(test_a_line_can_be_read_once_it_has_ended),
    TEST(test_a_line_that_has_not_ended_is_read_without_lines),
    TEST(test_a_read_gives_what_it_can),
    TEST(test_a_line_is_edited),
    TEST(test_the_end_of_file_ends_a_read),
    TEST(test_what_is_echoed),
    TEST(test_signals_are_typed),
    TEST(test_a_signal_is_for_the_whole_group),
    TEST(test_a_line_has_an_end),
    TEST(test_there_is_room_for_a_whole_line),
    TEST(test_what_is_typed_ahead_waits),
    TEST(test_raw_characters_are_there_at_once),
    TEST(test_keys_arrive_as_a_terminal_sends_them),
    TEST(test_who_has_the_terminal),
    TEST(test_the_usual_mode),
    TEST(test_a_bad_pointer_changes_nothing),
    TEST(test_the_screens_size),
    TEST(test_a_read_waits),
    TEST(test_output_is_shown),
    TEST(test_long_output_lets_others_run),
    TEST(test_long_output_can_be_interrupted),
    TEST(test_output_is_shown_as_far_as_it_can_be_read),
    TEST(test_output_beside_begins_a_line),
};

HOST_MAIN(tests)
