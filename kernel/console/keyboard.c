/* The PC's keyboard: an 8042 controller, scan code set 1, US layout (IBM PS/2 Hardware Interface Technical
 * Reference, "Keyboard and Auxiliary Device Controller"). It is polled; its interrupt only ends a halt. Every wait
 * is bounded, and where no controller answers there is no keyboard.
 *
 * The controller has one output buffer for scan codes and answers alike: a key pressed while the configuration is
 * read would be taken for it. So keyboard_init first disables both devices' ports, then empties the buffer, and
 * then configures: the controller, and after it the keyboard, which firmware or a boot loader may have left in
 * another scan code set. The mouse's port stays disabled: nobody reads a mouse, and its bytes would fill the
 * buffer. */
#include "keyboard.h"

#include "cpu.h"
#include "input.h"
#include "string.h"

#define KEYBOARD_DATA 0x60
#define KEYBOARD_STATUS 0x64
#define KEYBOARD_COMMAND 0x64
#define STATUS_OUTPUT_FULL 0x01
#define STATUS_INPUT_FULL 0x02
#define STATUS_FROM_MOUSE 0x20
#define STATUS_ABSENT 0xFF
#define COMMAND_READ_CONFIG 0x20
#define COMMAND_WRITE_CONFIG 0x60
#define COMMAND_DISABLE_MOUSE 0xA7
#define COMMAND_DISABLE 0xAD
#define COMMAND_ENABLE 0xAE
#define CONFIG_INTERRUPT 0x01
#define CONFIG_MOUSE_INTERRUPT 0x02
#define CONFIG_DISABLE 0x10
#define CONFIG_DISABLE_MOUSE 0x20
#define CONFIG_TRANSLATE 0x40 /* the keyboard's set 2 into set 1 */

/* To the keyboard itself, by way of the controller's data port. */
#define DEVICE_SET_CODES 0xF0 /* the set's number follows */
#define DEVICE_ENABLE 0xF4
#define DEVICE_DEFAULTS 0xF5 /* and no scan codes until DEVICE_ENABLE */
#define DEVICE_ACK 0xFA
#define DEVICE_RESEND 0xFE
#define CODE_SET_2 2 /* the one that every keyboard has */

#define CONTROLLER_WAIT \
    50000 /* reads of the status, about a microsecond each; the keyboard answers in 20 ms */
#define CODES_AT_ONCE 16
#define RESENDS 3

#define CODE_EXTENDED 0xE0
#define CODE_RELEASED 0x80
#define CODE_CONTROL 0x1D
#define CODE_LEFT_SHIFT 0x2A
#define CODE_RIGHT_SHIFT 0x36
#define CODE_CAPS_LOCK 0x3A
#define CODE_SLASH 0x35
#define CODE_ESCAPE 0x01
#define CODE_ALT 0x38
#define CODE_BACKSPACE 0x0E
#define CODE_ENTER 0x1C

/* US layout, by scan code; a space where a key gives no character. The keypad gives digits. */
#define NONE_38_TO_46 "               " /* Alt, space, Caps Lock, F1 to F10, Num Lock, Scroll Lock */
static const char plain[] =
    "  1234567890-=\b\tqwertyuiop[]\n asdfghjkl;'` \\zxcvbnm,./ *" NONE_38_TO_46 "789-456+1230.";
static const char shifted[] =
    "  !@#$%^&*()_+\b\tQWERTYUIOP{}\n ASDFGHJKL:\"~ |ZXCVBNM<>? *" NONE_38_TO_46 "789-456+1230.";
#define CODE_SPACE 0x39
#define CODES 0x54 /* in these tables */
_Static_assert(sizeof(plain) == CODES + 1 && sizeof(shifted) == CODES + 1, "one character a code");

static struct {
    bool present;
    bool shift, control, alt, caps_lock, extended;
} keyboard;

/* ---- the controller ---- */

static bool wait_status(uint8_t mask, uint8_t value) {
    for (unsigned n = 0; n < CONTROLLER_WAIT; n++)
        if ((inb(KEYBOARD_STATUS) & mask) == value)
            return true;
    return false;
}

static bool controller_write(uint16_t port, uint8_t value) {
    if (!wait_status(STATUS_INPUT_FULL, 0))
        return false;
    outb(port, value);
    return true;
}

/* Keeps both devices from sending; false where the controller takes no commands. */
static bool disable_ports(void) {
    return controller_write(KEYBOARD_COMMAND, COMMAND_DISABLE) &&
           controller_write(KEYBOARD_COMMAND, COMMAND_DISABLE_MOUSE) && wait_status(STATUS_INPUT_FULL, 0);
}

static void empty_output(void) {
    for (unsigned n = 0; n < CODES_AT_ONCE && inb(KEYBOARD_STATUS) & STATUS_OUTPUT_FULL; n++)
        inb(KEYBOARD_DATA);
}

/* Interrupt on, translation on, the mouse off. A controller that does not answer is left as it is. */
static void configure_controller(void) {
    if (!controller_write(KEYBOARD_COMMAND, COMMAND_READ_CONFIG) ||
        !wait_status(STATUS_OUTPUT_FULL, STATUS_OUTPUT_FULL))
        return;
    unsigned config = inb(KEYBOARD_DATA);
    config |= CONFIG_INTERRUPT | CONFIG_TRANSLATE | CONFIG_DISABLE_MOUSE;
    config &= ~(unsigned)(CONFIG_DISABLE | CONFIG_MOUSE_INTERRUPT);
    if (controller_write(KEYBOARD_COMMAND, COMMAND_WRITE_CONFIG))
        controller_write(KEYBOARD_DATA, (uint8_t)config);
}

/* ---- the keyboard ---- */

/* The keyboard's answer to a byte, or -1; scan codes sent before it are dropped. */
static int device_answer(void) {
    for (unsigned n = 0; n <= CODES_AT_ONCE; n++) {
        if (!wait_status(STATUS_OUTPUT_FULL, STATUS_OUTPUT_FULL))
            return -1;
        uint8_t byte = inb(KEYBOARD_DATA);
        if (byte == DEVICE_ACK || byte == DEVICE_RESEND)
            return byte;
    }
    return -1;
}

/* Sends BYTE to the keyboard; true when it acknowledges. */
static bool device_send(uint8_t byte) {
    for (unsigned n = 0; n < RESENDS; n++) {
        if (!controller_write(KEYBOARD_DATA, byte))
            return false;
        int answer = device_answer();
        if (answer != DEVICE_RESEND)
            return answer == DEVICE_ACK;
    }
    return false;
}

/* Scan code set 2, which the controller translates, and scanning on. A keyboard that answers nothing (there is
 * none, or firmware imitates it) is left as it is, after one wait. */
static void configure_keyboard(void) {
    if (!device_send(DEVICE_DEFAULTS))
        return;
    if (device_send(DEVICE_SET_CODES))
        device_send(CODE_SET_2);
    device_send(DEVICE_ENABLE);
}

/* True where there is a keyboard controller. */
bool keyboard_present(void) { return inb(KEYBOARD_STATUS) != STATUS_ABSENT; }

/* Brings the controller and the keyboard to a known state, with no key held. */
void keyboard_init(void) {
    memset(&keyboard, 0, sizeof(keyboard));
    keyboard.present = keyboard_present();
    if (!keyboard.present || !disable_ports())
        return;
    empty_output();
    configure_controller();
    controller_write(KEYBOARD_COMMAND, COMMAND_ENABLE);
    configure_keyboard();
}

/* ---- scan codes ---- */

/* Notes that a modifier is pressed or released; false for any other key. */
static bool modifier(uint8_t key, bool pressed) {
    if (key == CODE_LEFT_SHIFT || key == CODE_RIGHT_SHIFT)
        keyboard.shift = pressed;
    else if (key == CODE_CONTROL)
        keyboard.control = pressed;
    else if (key == CODE_ALT)
        keyboard.alt = pressed;
    else if (key == CODE_CAPS_LOCK)
        keyboard.caps_lock ^= pressed;
    else
        return false;
    return true;
}

static bool is_letter(char c) { return c >= 'a' && c <= 'z'; }

/* The key that KEY gives after CODE_EXTENDED, or -1. */
static int extended_key(uint8_t key) {
    switch (key) {
    case 0x48:
        return KEY_UP;
    case 0x50:
        return KEY_DOWN;
    case 0x4B:
        return keyboard.control ? KEY_WORD_LEFT : KEY_LEFT;
    case 0x4D:
        return keyboard.control ? KEY_WORD_RIGHT : KEY_RIGHT;
    case 0x47:
        return KEY_HOME;
    case 0x4F:
        return KEY_END;
    case 0x53:
        return KEY_DELETE;
    case CODE_ENTER:
        return '\n';
    case CODE_SLASH:
        return '/';
    default: /* and the fake shifts that come with these keys */
        return -1;
    }
}

/* The key that KEY gives while Alt is held, or -1. */
static int alt_key(uint8_t key) {
    if (key == CODE_BACKSPACE)
        return KEY_KILL_WORD;
    return plain[key] == 'b' ? KEY_WORD_LEFT : plain[key] == 'f' ? KEY_WORD_RIGHT : -1;
}

/* The character that KEY gives now, or -1. */
static int character(uint8_t key) {
    if (key == CODE_SPACE)
        return ' ';
    if (key == CODE_ESCAPE)
        return KEY_ESCAPE;
    if (key >= CODES || plain[key] == ' ')
        return -1;
    if (keyboard.alt)
        return alt_key(key);
    bool letter = is_letter(plain[key]);
    if (letter && keyboard.control)
        return plain[key] & 0x1F;
    return keyboard.shift != (letter && keyboard.caps_lock) ? shifted[key] : plain[key];
}

/* The key that CODE completes, or -1. */
static int decode(uint8_t code) {
    uint8_t key = code & (CODE_RELEASED - 1);
    bool extended = keyboard.extended, held = key == CODE_CONTROL || key == CODE_ALT;

    keyboard.extended = code == CODE_EXTENDED;
    if (keyboard.extended)
        return -1;
    if ((!extended || held) && modifier(key, !(code & CODE_RELEASED)))
        return -1;
    if (code & CODE_RELEASED)
        return -1;
    return extended ? extended_key(key) : character(key);
}

/* The next key typed, or -1. */
int keyboard_poll(void) {
    for (unsigned n = 0; keyboard.present && n < CODES_AT_ONCE; n++) {
        uint8_t status = inb(KEYBOARD_STATUS);

        if (!(status & STATUS_OUTPUT_FULL))
            break;
        uint8_t code = inb(KEYBOARD_DATA);
        int c = status & STATUS_FROM_MOUSE ? -1 : decode(code);
        if (c >= 0)
            return c;
    }
    return -1;
}
