/* Formatted text: the conversions that format.h lists, sent to a sink in pieces.
 *
 * The kernel is linked without the compiler's library, which holds the 64-bit division: 64-bit numbers are divided
 * 16 bits at a time. */
#include "format.h"

#include "string.h"
#include "types.h"

#define DIGITS_MAX 20 /* of 2^64 - 1 in decimal */

struct output {
    format_sink *sink;
    void *context;
};

struct spec {
    bool left, zero, plus;
    int width, precision; /* precision -1: none */
    int size;             /* the value's bytes: 1, 2, 4 or 8 */
    char conversion;
};

static void put(const struct output *out, const char *text, size_t n) {
    if (n)
        out->sink(out->context, text, n);
}

static void put_repeated(const struct output *out, char c, int n) {
    for (; n > 0; n--)
        put(out, &c, 1);
}

/* Puts TEXT, padded with spaces to the width. */
static void put_padded(const struct output *out, const struct spec *spec, const char *text, size_t n) {
    int padding = spec->width - (int)n;

    if (!spec->left)
        put_repeated(out, ' ', padding);
    put(out, text, n);
    if (spec->left)
        put_repeated(out, ' ', padding);
}

/* Divides *VALUE by 10; the remainder. */
static unsigned divide_by_ten(uint64_t *value) {
    uint64_t quotient = 0;
    unsigned rest = 0;

    for (int shift = 48; shift >= 0; shift -= 16) {
        unsigned part = rest << 16 | ((unsigned)(*value >> shift) & 0xFFFF);

        quotient |= (uint64_t)(part / 10) << shift;
        rest = part % 10;
    }
    *value = quotient;
    return rest;
}

/* Writes the digits of VALUE, the last of them before END; where the first is. */
static char *put_digits(char *end, uint64_t value, char conversion) {
    const char *digits = conversion == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";

    do {
        if (conversion == 'u') {
            *--end = (char)('0' + divide_by_ten(&value));
        } else {
            *--end = digits[value & 15];
            value >>= 4;
        }
    } while (value);
    return end;
}

/* Puts PREFIX (a sign, or 0x), zeros up to the width if SPEC asks for them, and the digits. */
static void put_number(const struct output *out, struct spec spec, const char *prefix, uint64_t value) {
    char text[DIGITS_MAX];
    char *start = put_digits(text + sizeof(text), value, spec.conversion);
    int digits = (int)(text + sizeof(text) - start);
    int length = (int)strlen(prefix) + digits;
    int zeros = spec.zero && !spec.left && spec.width > length ? spec.width - length : 0;

    if (!spec.left)
        put_repeated(out, ' ', spec.width - length - zeros);
    put(out, prefix, strlen(prefix));
    put_repeated(out, '0', zeros);
    put(out, start, (size_t)digits);
    if (spec.left)
        put_repeated(out, ' ', spec.width - length);
}

static void put_signed(const struct output *out, struct spec spec, int64_t value) {
    const char *sign = value < 0 ? "-" : spec.plus ? "+" : "";

    spec.conversion = 'u';
    put_number(out, spec, sign, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

static void put_string(const struct output *out, const struct spec *spec, const char *s) {
    size_t n = 0;

    if (!s)
        s = "(null)";
    while ((spec->precision < 0 || n < (size_t)spec->precision) && s[n])
        n++;
    put_padded(out, spec, s, n);
}

static int64_t signed_argument(int size, va_list *args) {
    if (size == 8)
        return va_arg(*args, int64_t);
    int value = va_arg(*args, int);
    return size == 1 ? (signed char)value : size == 2 ? (short)value : value;
}

static uint64_t unsigned_argument(int size, va_list *args) {
    if (size == 8)
        return va_arg(*args, uint64_t);
    unsigned value = va_arg(*args, unsigned);
    return size == 1 ? (unsigned char)value : size == 2 ? (unsigned short)value : value;
}

static void put_conversion(const struct output *out, struct spec *spec, va_list *args) {
    char c;

    switch (spec->conversion) {
    case 'c':
        c = (char)va_arg(*args, int);
        put_padded(out, spec, &c, 1);
        break;
    case 's':
        put_string(out, spec, va_arg(*args, const char *));
        break;
    case 'd':
    case 'i':
        put_signed(out, *spec, signed_argument(spec->size, args));
        break;
    case 'u':
    case 'x':
    case 'X':
        put_number(out, *spec, "", unsigned_argument(spec->size, args));
        break;
    case 'p':
        *spec = (struct spec){.zero = true, .width = 10, .conversion = 'x'};
        put_number(out, *spec, "0x", (uintptr_t)va_arg(*args, void *));
        break;
    default: /* %%, and anything that is no conversion */
        put(out, &spec->conversion, 1);
    }
}

static const char *read_flags(const char *fmt, struct spec *spec) {
    for (;; fmt++) {
        if (*fmt == '-')
            spec->left = true;
        else if (*fmt == '0')
            spec->zero = true;
        else if (*fmt == '+')
            spec->plus = true;
        else
            return fmt;
    }
}

/* Reads a number, or takes it from ARGS at a *. */
static const char *read_count(const char *fmt, int *count, va_list *args) {
    if (*fmt == '*') {
        *count = va_arg(*args, int);
        return fmt + 1;
    }
    for (*count = 0; *fmt >= '0' && *fmt <= '9'; fmt++)
        *count = *count * 10 + (*fmt - '0');
    return fmt;
}

static const char *read_length(const char *fmt, struct spec *spec) {
    for (;; fmt++) {
        if (*fmt == 'h')
            spec->size /= 2;
        else if (*fmt == 'l' && fmt[1] == 'l')
            spec->size = 8;
        else if (*fmt != 'l' && *fmt != 'z')
            return fmt;
    }
}

/* Reads what follows a '%', up to the conversion's letter. */
static const char *read_spec(const char *fmt, struct spec *spec, va_list *args) {
    *spec = (struct spec){.precision = -1, .size = 4};
    fmt = read_flags(fmt, spec);
    fmt = read_count(fmt, &spec->width, args);
    if (spec->width < 0) {
        spec->left = true;
        spec->width = -spec->width;
    }
    if (*fmt == '.')
        fmt = read_count(fmt + 1, &spec->precision, args);
    fmt = read_length(fmt, spec);
    spec->conversion = *fmt;
    return fmt;
}

/* Sends the text that FMT and ARGS make to SINK. */
void format(format_sink *sink, void *context, const char *fmt, va_list args) {
    struct output out = {sink, context};
    struct spec spec;
    va_list rest;

    va_copy(rest, args);
    for (;;) {
        const char *literal = fmt;

        while (*fmt && *fmt != '%')
            fmt++;
        put(&out, literal, (size_t)(fmt - literal));
        if (*fmt)
            fmt = read_spec(fmt + 1, &spec, &rest);
        if (!*fmt)
            break;
        put_conversion(&out, &spec, &rest);
        fmt++;
    }
    va_end(rest);
}

struct buffer {
    char *text;
    size_t size, length; /* length: of the whole text, whether it fits or not */
};

static void buffer_sink(void *context, const char *text, size_t n) {
    struct buffer *buffer = context;
    size_t space = buffer->length < buffer->size - 1 ? buffer->size - 1 - buffer->length : 0;

    memcpy(buffer->text + (space ? buffer->length : 0), text, n < space ? n : space);
    buffer->length += n;
}

/* Writes the text to BUF, cut to SIZE; the whole text's length. */
size_t vformat_buffer(char *buf, size_t size, const char *fmt, va_list args) {
    struct buffer buffer = {buf, size, 0};

    format(buffer_sink, &buffer, fmt, args);
    buf[buffer.length < size ? buffer.length : size - 1] = '\0';
    return buffer.length;
}

size_t format_buffer(char *buf, size_t size, const char *fmt, ...) {
    va_list args;

    va_start(args, fmt);
    size_t length = vformat_buffer(buf, size, fmt, args);
    va_end(args);
    return length;
}
