/* terminal: text and escape sequences become cells, on a screen of the test's own. */
#include "terminal.h"

#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "support.h"

#define COLUMNS 10
#define ROWS 4
#define CELLS (COLUMNS * ROWS)
#define PLAIN 0x07

static struct log_sink *sink;
static cell_t *cells; /* a heap block of exactly that size, so that a write past it is found */
static unsigned cursor;
static cell_t painted[CELLS]; /* the cells as a screen has them that draws only what it is told */

void log_add_sink(struct log_sink *new_sink) { sink = new_sink; }

static void show(const struct screen *screen, unsigned first, unsigned end, unsigned where) {
    (void)screen;
    assert_true(end <= CELLS && where < CELLS);
    for (; first < end; first++)
        painted[first] = cells[first];
    assert_memory_equal(painted, cells, sizeof painted); /* it was told of every change */
    cursor = where;
}

static int start(void **state) {
    static struct screen screen = {COLUMNS, ROWS, NULL, show};

    (void)state;
    screen.cells = cells = malloc(CELLS * sizeof *cells);
    memset(cells, 0xEE, CELLS * sizeof *cells);
    terminal_start(&screen);
    return 0;
}

static int end(void **state) {
    (void)state;
    sink->write("\033[0m", 4);
    free(cells);
    return 0;
}

static void write_text(const char *text) { sink->write(text, strlen(text)); }

/* Checks that row WHICH is TEXT, filled with blanks. */
static void check_row(unsigned which, const char *text) {
    char row[COLUMNS + 1] = "";

    for (unsigned i = 0; i < COLUMNS; i++)
        row[i] = (char)cell_character(cells[which * COLUMNS + i]);
    for (unsigned i = COLUMNS; i && row[i - 1] == ' '; i--)
        row[i - 1] = '\0';
    assert_string_equal(row, text);
}

static void test_the_screen_begins_clear(void **state) {
    (void)state;
    for (unsigned i = 0; i < CELLS; i++)
        assert_int_equal(cells[i], PLAIN << 8 | ' ');
    assert_int_equal(cursor, 0);
}

static void test_text_fills_rows(void **state) {
    (void)state;
    write_text("one\ntwo\r\nthree");
    check_row(0, "one");
    check_row(1, "two");
    check_row(2, "three");
    assert_int_equal(cursor, 2 * COLUMNS + 5);
}

static void test_the_last_column_waits_for_the_next_character(void **state) {
    (void)state;
    write_text("0123456789");
    assert_int_equal(cursor, 9);
    write_text("\nnext");
    check_row(1, "next");
    write_text("\r0123456789X");
    check_row(1, "0123456789");
    check_row(2, "X");
}

static void test_the_screen_scrolls(void **state) {
    (void)state;
    write_text("a\nb\nc\nd\ne");
    check_row(0, "b");
    check_row(3, "e");
    write_text("\n\n");
    check_row(0, "d");
    check_row(2, "");
}

static void test_tabs_and_backspaces(void **state) {
    (void)state;
    write_text("a\tb");
    check_row(0, "a       b");
    write_text("\b\bX\r\b");
    check_row(0, "a      Xb");
    assert_int_equal(cursor, 0);
}

static void test_colours(void **state) {
    (void)state;
    write_text("\033[31ma\033[1mb\033[0;92;44mc\033[7md\033[27;39;49me\033[mf\033[103mg");
    assert_int_equal(cells[0] >> 8, 0x04);
    assert_int_equal(cells[1] >> 8, 0x0C);
    assert_int_equal(cells[2] >> 8, 0x1A);
    assert_int_equal(cells[3] >> 8, 0xA1);
    assert_int_equal(cells[4] >> 8, PLAIN);
    assert_int_equal(cells[5] >> 8, PLAIN);
    assert_int_equal(cells[6] >> 8, 0xE7);
}

static void test_the_cursor_moves_within_the_screen(void **state) {
    (void)state;
    write_text("\033[3;4Hx");
    assert_int_equal(cursor, 2 * COLUMNS + 4);
    write_text("\033[A\033[2D");
    assert_int_equal(cursor, COLUMNS + 2);
    write_text("\033[99B\033[99C");
    assert_int_equal(cursor, CELLS - 1);
    write_text("\033[99A\033[99D");
    assert_int_equal(cursor, 0);
    write_text("\033[5G\033[s\033[H\033[u");
    assert_int_equal(cursor, 4);
    write_text("\033[99999999999;99999999999H");
    assert_int_equal(cursor, CELLS - 1);
}

static void test_erasing(void **state) {
    (void)state;
    write_text("abcdef\nghijkl\nmnopqr\033[2;3H\033[K");
    check_row(1, "gh");
    write_text("\033[1K\033[J");
    check_row(0, "abcdef");
    check_row(1, "");
    check_row(2, "");
    write_text("\033[2J");
    check_row(0, "");
    assert_int_equal(cursor, COLUMNS + 2);
}

static void test_other_sequences_leave_no_trace(void **state) {
    (void)state;
    write_text("a\033[?25lb\033[>0cc\033=d\033[1;2;3;4;5;6;7;8;9;10;11;12;13;14;15;16;17;18;19;20qe\033[5nf");
    check_row(0, "abcdef");
}

static void test_utf8_becomes_code_page_437(void **state) {
    (void)state;
    write_text("\u2500\u2502\u253C\u2588\u00E9\u20AC");
    const uint8_t want[] = {0xC4, 0xB3, 0xC5, 0xDB, 0x82, '?'};
    for (unsigned i = 0; i < sizeof want; i++)
        assert_int_equal(cell_character(cells[i]), want[i]);
}

static void test_invalid_utf8_is_a_question_mark(void **state) {
    (void)state;
    write_text("\x80|\xC3|\xE2\x94|\xFF|\xC3\xC3\xA9");
    check_row(0, "?|?|?|?|?\x82");
}

static void test_a_character_may_come_in_pieces(void **state) {
    (void)state;
    write_text("\xE2");
    write_text("\x94");
    write_text("\x80\033");
    write_text("[3");
    write_text("1mx");
    check_row(0, "\xC4x");
    assert_int_equal(cells[1] >> 8, 0x04);
}

static void test_random_bytes_stay_on_the_screen(void **state) {
    static const char likely[] = "\033[;0123456789ABCDGHJKmsuf\n\r\b\t\xE2\x94\x80 x?";

    (void)state;
    for (unsigned n = 0; n < 200000; n++) {
        char c = random_between(0, 4) ? likely[random_between(0, sizeof likely - 1)] : (char)random_word();
        sink->write(&c, 1);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)

static const struct CMUnitTest tests[] = {
    TEST(test_the_screen_begins_clear),
    TEST(test_text_fills_rows),
    TEST(test_the_last_column_waits_for_the_next_character),
    TEST(test_the_screen_scrolls),
    TEST(test_tabs_and_backspaces),
    TEST(test_colours),
    TEST(test_the_cursor_moves_within_the_screen),
    TEST(test_erasing),
    TEST(test_other_sequences_leave_no_trace),
    TEST(test_utf8_becomes_code_page_437),
    TEST(test_invalid_utf8_is_a_question_mark),
    TEST(test_a_character_may_come_in_pieces),
    TEST(test_random_bytes_stay_on_the_screen),
};

HOST_MAIN(tests)
