/* A terminal's bytes as keys: characters, and the escape sequences that its other keys send (ECMA-48 5.3 and
 * 5.4; xterm's "Control Sequences").
 *
 * Every sequence is consumed whole, known or not: cursor and function keys, mouse reports, and the answers to
 * questions, which are control strings. Nothing of one reaches the line. Three rules keep input from being
 * lost behind a sequence that never ends:
 *
 *   - a control character, the end of a line above all, breaks a sequence or string off and counts itself
 *   - ESC begins a new one
 *   - a string ends at BEL too, as xterm's do
 *
 * The 8-bit forms of ESC [ and its like (0x9B, ...) are not recognized: UTF-8 uses these bytes, and terminals
 * send them only when told to. */
#include "terminal_keys.h"

#include "input.h"

enum { BEL = 7, BACKSPACE = 8, DELETE = 127 };

#define MOUSE_BYTES 3 /* of an X10 mouse report after ESC [ M: buttons, column, row */
#define PARAMETER_LIMIT 9999u

/* The key that FINAL names after ESC [ or ESC O, or -1. A VT100 sends letters, and numbers with ~ for some
 * keys. A last parameter of 5 means Ctrl. */
static int named_key(const struct terminal_keys *terminal, uint8_t final) {
    static const short numbered[] = {
        [1] = KEY_HOME, [3] = KEY_DELETE, [4] = KEY_END, [7] = KEY_HOME, [8] = KEY_END};
    bool control = terminal->parameter == 5;

    switch (final) {
    case 'A':
        return KEY_UP;
    case 'B':
        return KEY_DOWN;
    case 'C':
        return control ? KEY_WORD_RIGHT : KEY_RIGHT;
    case 'D':
        return control ? KEY_WORD_LEFT : KEY_LEFT;
    case 'H':
        return KEY_HOME;
    case 'F':
        return KEY_END;
    case '~':
        if (terminal->parameter < ARRAY_SIZE(numbered) && numbered[terminal->parameter])
            return numbered[terminal->parameter];
        return -1;
    default:
        return -1;
    }
}

/* The key of the control sequence that FINAL ends, or -1. */
static int sequence_key(struct terminal_keys *terminal, uint8_t final) {
    if (final == 'c' && terminal->private_use) /* the answer to a device-attributes request */
        terminal->answered = true;
    if (final == '[' && terminal->bare) /* the Linux console's F1 to F5: ESC [ [ A to E */
        terminal->following = 1;
    if (final == 'M' && terminal->bare)
        terminal->following = MOUSE_BYTES;
    return named_key(terminal, final);
}

/* The key of ESC O and FINAL, or -1. */
static int shifted_key(const struct terminal_keys *terminal, uint8_t final) {
    return final == 'M' ? '\n' : named_key(terminal, final); /* the keypad's Enter */
}

/* A parameter or intermediate byte of a sequence. */
static void parameter_byte(struct terminal_keys *terminal, uint8_t byte) {
    if (byte == ';')
        terminal->parameter = 0;
    else if (byte >= '0' && byte <= '9' && terminal->parameter <= PARAMETER_LIMIT)
        terminal->parameter = terminal->parameter * 10 + (unsigned)(byte - '0');
    terminal->private_use |= byte == '?';
    terminal->bare = false;
}

static bool is_final(uint8_t byte) { return byte >= '@' && byte <= '~'; }

static bool is_intermediate(uint8_t byte) { return byte >= ' ' && byte <= '/'; }

/* The key of ESC and BYTE, which Alt and a key send too, or -1; or a longer sequence begins. */
static int after_escape(struct terminal_keys *terminal, uint8_t byte) {
    switch (byte) {
    case '[':
    case 'O':
        terminal->state = byte == '[' ? STATE_SEQUENCE : STATE_SHIFT;
        terminal->parameter = 0;
        terminal->private_use = false;
        terminal->bare = true;
        return -1;
    case ']': /* operating-system command, device control, start of string, privacy message, application */
    case 'P':
    case 'X':
    case '^':
    case '_':
        terminal->state = STATE_STRING;
        return -1;
    case 'b':
        return KEY_WORD_LEFT;
    case 'f':
        return KEY_WORD_RIGHT;
    case BACKSPACE:
    case DELETE:
        return KEY_KILL_WORD;
    default:
        if (is_intermediate(byte))
            terminal->state = STATE_CHARSET;
        return -1;
    }
}

/* The key of a byte that is part of no sequence, or -1. The LF after a CR is no second Enter. */
static int text_key(struct terminal_keys *terminal, uint8_t byte) {
    bool pair = byte == '\n' && terminal->after_cr;

    terminal->after_cr = byte == '\r';
    if (byte == '\r' || byte == KEY_ESCAPE)
        terminal->likely = true;
    if (byte == KEY_ESCAPE)
        terminal->state = STATE_ESCAPE;
    if (pair || byte == 0 || byte == KEY_ESCAPE)
        return -1;
    return byte == '\r' ? '\n' : byte;
}

/* A byte of a string, which ends at BEL, at ESC \ (an ESC and a byte that is no key), and at a control character. */
static int string_byte(struct terminal_keys *terminal, uint8_t byte) {
    if (byte == BEL)
        return -1;
    if (byte < ' ')
        return text_key(terminal, byte);
    terminal->state = STATE_STRING;
    return -1;
}

/* A byte of a control sequence, or of ESC O and what follows, in STATE; the key that it completes, or -1. */
static int sequence_byte(struct terminal_keys *terminal, enum terminal_state state, uint8_t byte) {
    if (is_final(byte))
        return state == STATE_SHIFT ? shifted_key(terminal, byte) : sequence_key(terminal, byte);
    if (byte < '@') {
        parameter_byte(terminal, byte);
        terminal->state = state;
    }
    return -1;
}

/* The key (input.h) that BYTE completes, or -1. */
int terminal_key(struct terminal_keys *terminal, uint8_t byte) {
    enum terminal_state state = terminal->state;

    terminal->state = STATE_TEXT;
    if (state == STATE_STRING)
        return string_byte(terminal, byte);
    if (byte < ' ' && !(byte == BACKSPACE && state == STATE_ESCAPE)) {
        terminal->following = 0;
        return text_key(terminal, byte);
    }
    switch (state) {
    case STATE_ESCAPE:
        return after_escape(terminal, byte);
    case STATE_SEQUENCE:
    case STATE_SHIFT:
        return sequence_byte(terminal, state, byte);
    case STATE_CHARSET:
        terminal->state = is_intermediate(byte) ? STATE_CHARSET : STATE_TEXT;
        return -1;
    default:
        if (!terminal->following)
            return text_key(terminal, byte);
        terminal->following--;
        return -1;
    }
}
