/* The sanitizer's handlers (UBSAN=1): each kind of undefined behaviour is a panic with its values. */
#include "ktest.h"

#ifdef QUIRE_UBSAN

/* The compiler knows nothing of their values; what they lead to is read as it is, not as volatile. */
static volatile int largest = 0x7FFFFFFF, least = -0x7FFFFFFF - 1, one = 1, bits = 32, zero;
static volatile long long wide = 0x7FFFFFFFFFFFFFFF;
static int table[4];
static unsigned char two = 2;
static int *volatile null, *volatile odd;
static bool *volatile no_bool;
static char *volatile top = (char *)0xFFFFFFF0, *volatile wrapped;
static volatile int sink;

#define KIND(name, statement) \
    static void name(void *arg) { \
        (void)arg; \
        statement; \
    }

KIND(add, sink = largest + one)
KIND(subtract, sink = least - one)
KIND(multiply, sink = largest * largest)
KIND(negate, sink = -least)
KIND(add_wide, wide = wide + wide)
KIND(divide, sink = largest / zero)
KIND(shift_far, sink = one << bits)
KIND(index_far, sink = table[one + 3])
KIND(read_null, sink = *null)
KIND(read_odd, sink = *odd)
KIND(read_no_bool, sink = *no_bool)
KIND(wrap, wrapped = top + bits)
KIND(count_zeros, sink = __builtin_ctz((unsigned)zero))

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wvla" /* that its length is checked is what this shows */
static void make_empty_array(void *arg) {
    volatile char array[zero];

    (void)arg;
    array[0] = 0;
    sink = array[0];
}
#pragma GCC diagnostic pop

static const struct {
    void (*fn)(void *arg);
    const char *text;
} kinds[] = {
    {add, "signed overflow: 2147483647 + 1"},
    {subtract, "signed overflow: -2147483648 - 1"},
    {multiply, "signed overflow: 2147483647 * 2147483647"},
    {negate, "signed overflow: -(-2147483648)"},
    {add_wide, "signed overflow: 9223372036854775807 + 9223372036854775807"},
    {divide, "division: 2147483647 / 0"},
    {shift_far, "shift: 1 shifted by 32"},
    {index_far, "out of bounds: index 4"},
    {read_null, "null pointer to 'int'"},
    {read_odd, "misaligned pointer: 0x"},
    {read_no_bool, "invalid value: 0x2"},
    {wrap, "pointer arithmetic wrapped: 0xfffffff0 became 0x00000010"},
    {count_zeros, "__builtin_ctz of 0"},
    {make_empty_array, "array length: 0 is not positive"},
};

KTEST(ubsan_names_each_kind_with_its_values)
{
    odd = (int *)((uintptr_t)table + 1);
    no_bool = (bool *)&two;
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        KCHECK_TRAPS(kinds[i].fn, NULL, kinds[i].text);
        KCHECK_REPORTED("undefined behaviour: ");
        KCHECK_REPORTED("test_ubsan.c:");
        KCHECK_EQ(ktest_vector, -1);
    }
}

#else

KTEST(ubsan_names_each_kind_with_its_values)
{ KSKIP("needs a kernel built with UBSAN=1"); }

#endif
