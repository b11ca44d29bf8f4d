/* The undefined-behaviour sanitizer's handlers, linked by `make UBSAN=1`.
 *
 * Before an operation that C leaves undefined for some values, the compiler tests for these values and calls
 * one of the functions below, with a record of the place and the types. Each panics at the operation's source
 * line, before the operation is done. The names and the records' layout are the ABI that GCC and clang share
 * (compiler-rt, ubsan_handlers.h). */
#include "format.h"
#include "panic.h"
#include "types.h"

struct place {
    const char *file;
    unsigned line, column;
};

struct type {
    uint16_t kind; /* 0: an integer */
    uint16_t info; /* of an integer: bit 0 signed, the others the width's power of two */
    char name[];   /* in quotes */
};

/* Each handler's record begins with one of these. */
struct with_type {
    struct place place;
    const struct type *type;
};

struct with_two_types {
    struct place place;
    const struct type *left, *right;
};

struct mismatch {
    struct place place;
    const struct type *type;
    uint8_t log_alignment, kind;
};

struct with_kind {
    struct place place;
    uint8_t kind;
};

struct with_argument {
    struct place place, attribute;
    int index;
};

/* A value that fits in a word is passed as it is, a wider one by its address. */
typedef uintptr_t value_t;

#define VALUE_TEXT 24

static const char *value_text(char text[VALUE_TEXT], const struct type *type, value_t value) {
    unsigned bits = 1u << (type->info >> 1);
    long long wide = bits > 32 ? *(const long long *)value : (long long)(int)value;

    if (type->kind != 0)
        format_buffer(text, VALUE_TEXT, "?");
    else if (type->info & 1)
        format_buffer(text, VALUE_TEXT, "%lld", wide);
    else
        format_buffer(text, VALUE_TEXT, "%llu", bits > 32 ? (unsigned long long)wide : value);
    return text;
}

#define UNDEFINED(place, fmt, ...) \
    panic_at((place)->file, (int)(place)->line, "undefined behaviour: " fmt, __VA_ARGS__)

static void overflow(const struct with_type *data, const char *operator, value_t left, value_t right) {
    char a[VALUE_TEXT], b[VALUE_TEXT];

    UNDEFINED(&data->place, "signed overflow: %s %s %s does not fit in %s",
              value_text(a, data->type, left), operator, value_text(b, data->type, right), data->type->name);
}

#define HANDLER(name, ...) \
    void __ubsan_handle_##name(__VA_ARGS__); \
    void __ubsan_handle_##name(__VA_ARGS__)

HANDLER(add_overflow, const struct with_type *data, value_t a, value_t b) { overflow(data, "+", a, b); }
HANDLER(sub_overflow, const struct with_type *data, value_t a, value_t b) { overflow(data, "-", a, b); }
HANDLER(mul_overflow, const struct with_type *data, value_t a, value_t b) { overflow(data, "*", a, b); }

HANDLER(negate_overflow, const struct with_type *data, value_t value) {
    char text[VALUE_TEXT];

    UNDEFINED(&data->place, "signed overflow: -(%s) does not fit in %s", value_text(text, data->type, value),
              data->type->name);
}

HANDLER(divrem_overflow, const struct with_type *data, value_t a, value_t b) {
    char left[VALUE_TEXT], right[VALUE_TEXT];

    UNDEFINED(&data->place, "division: %s / %s in %s", value_text(left, data->type, a),
              value_text(right, data->type, b), data->type->name);
}

HANDLER(shift_out_of_bounds, const struct with_two_types *data, value_t a, value_t b) {
    char left[VALUE_TEXT], right[VALUE_TEXT];

    UNDEFINED(&data->place, "shift: %s shifted by %s in %s", value_text(left, data->left, a),
              value_text(right, data->right, b), data->left->name);
}

HANDLER(out_of_bounds, const struct with_two_types *data, value_t index) {
    char text[VALUE_TEXT];

    UNDEFINED(&data->place, "out of bounds: index %s of %s", value_text(text, data->right, index),
              data->left->name);
}

HANDLER(type_mismatch_v1, const struct mismatch *data, uintptr_t pointer) {
    uintptr_t alignment = 1u << data->log_alignment;

    if (!pointer)
        UNDEFINED(&data->place, "null pointer to %s used", data->type->name);
    if (pointer & (alignment - 1))
        UNDEFINED(&data->place, "misaligned pointer: 0x%08x to %s, which needs %u", (unsigned)pointer,
                  data->type->name, (unsigned)alignment);
    UNDEFINED(&data->place, "object too small: 0x%08x for %s", (unsigned)pointer, data->type->name);
}

HANDLER(alignment_assumption, const struct with_type *data, uintptr_t pointer, value_t alignment,
        value_t offset) {
    UNDEFINED(&data->place, "misaligned pointer: 0x%08x less %u, assumed to be aligned to %u",
              (unsigned)pointer, (unsigned)offset, (unsigned)alignment);
}

HANDLER(pointer_overflow, const struct place *place, uintptr_t base, uintptr_t result) {
    UNDEFINED(place, "pointer arithmetic wrapped: 0x%08x became 0x%08x", (unsigned)base, (unsigned)result);
}

HANDLER(load_invalid_value, const struct with_type *data, value_t value) {
    UNDEFINED(&data->place, "invalid value: 0x%x is none of %s", (unsigned)value, data->type->name);
}

HANDLER(vla_bound_not_positive, const struct with_type *data, value_t bound) {
    char text[VALUE_TEXT];

    UNDEFINED(&data->place, "array length: %s is not positive", value_text(text, data->type, bound));
}

HANDLER(builtin_unreachable, const struct place *place) {
    UNDEFINED(place, "%s", "a place was reached that cannot be reached");
}

HANDLER(missing_return, const struct place *place) {
    UNDEFINED(place, "%s", "a function that returns a value has ended without one");
}

HANDLER(invalid_builtin, const struct with_kind *data) {
    UNDEFINED(&data->place, "%s of 0", data->kind == 0 ? "__builtin_ctz" : "__builtin_clz");
}

HANDLER(nonnull_arg, const struct with_argument *data) {
    UNDEFINED(&data->place, "null pointer: argument %d must not be NULL", data->index);
}

HANDLER(nonnull_return_v1, const struct place *attribute, const struct place *place) {
    (void)attribute;
    UNDEFINED(place, "%s", "null pointer: this function must not return NULL");
}
