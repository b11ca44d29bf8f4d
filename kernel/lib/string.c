/* Strings and blocks of memory.
 *
 * Blocks are moved by the string instructions, a word at a time. That is short and close to the fastest on every
 * processor since the 486, and the compiler cannot turn it into a call of the function itself, as it does loops. */
#include "string.h"

#include "cpu.h"

void *memcpy(void *restrict to, const void *restrict from, size_t n) {
    void *rest_to = to;
    const void *rest_from = from;

    copy_words(&rest_to, &rest_from, n / 4);
    copy_bytes(&rest_to, &rest_from, n % 4);
    return to;
}

void *memmove(void *to, const void *from, size_t n) {
    /* Copy upwards unless TO lies in [FROM, FROM + n): then the unsigned difference is less than n. */
    if ((uintptr_t)to - (uintptr_t)from >= n) {
        void *rest_to = to;
        const void *rest_from = from;

        copy_words(&rest_to, &rest_from, n / 4);
        copy_bytes(&rest_to, &rest_from, n % 4);
    } else {
        copy_bytes_down(to, from, n);
    }
    return to;
}

void *memset(void *to, int byte, size_t n) {
    void *rest = to;
    unsigned word = (unsigned char)byte * 0x01010101u;

    store_words(&rest, word, n / 4);
    store_bytes(&rest, word, n % 4);
    return to;
}

int memcmp(const void *a, const void *b, size_t n) {
    const unsigned char *x = a, *y = b;

    for (; n; n--, x++, y++)
        if (*x != *y)
            return *x < *y ? -1 : 1;
    return 0;
}

size_t strlen(const char *s) { return (size_t)(strchr(s, '\0') - s); }

int strcmp(const char *a, const char *b) { return strncmp(a, b, (size_t)-1); }

int strncmp(const char *a, const char *b, size_t n) {
    for (; n; n--, a++, b++) {
        if (*a != *b)
            return (unsigned char)*a < (unsigned char)*b ? -1 : 1;
        if (*a == '\0')
            break;
    }
    return 0;
}

char *strchr(const char *s, int c) {
    for (;; s++) {
        if (*s == (char)c)
            return (char *)s;
        if (*s == '\0')
            return NULL;
    }
}
