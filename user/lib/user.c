/* What the programs here share. See user.h. */
#include "user.h"

#include <stdarg.h>

/* 0 if A and B are the same text. */
int compare(const char *a, const char *b) {
    while (*a && *a == *b)
        a++, b++;
    return *a - *b;
}

/* ---- text ---- */

static char text[256];
static unsigned length;

static void flush(void) {
    system_call(SYS_write, 1, text, length);
    length = 0;
}

static void put(char c) {
    if (length == sizeof(text))
        flush();
    text[length++] = c;
}

static void put_number(unsigned value, unsigned base, int digits) {
    char reversed[10];
    int n = 0;

    do
        reversed[n++] = "0123456789abcdef"[value % base];
    while ((value /= base) || n < digits);
    while (n)
        put(reversed[--n]);
}

static void put_signed(int value) {
    if (value < 0)
        put('-');
    put_number(value < 0 ? -(unsigned)value : (unsigned)value, 10, 1);
}

static void put_string(const char *string) {
    while (*string)
        put(*string++);
}

static void put_conversion(char conversion, va_list *args) {
    switch (conversion) {
    case 's':
        put_string(va_arg(*args, const char *));
        break;
    case 'c':
        put((char)va_arg(*args, int));
        break;
    case 'x':
        put_number(va_arg(*args, unsigned), 16, 8);
        break;
    case 'd':
        put_signed(va_arg(*args, int));
        break;
    default:
        put_number(va_arg(*args, unsigned), 10, 1);
    }
}

/* Prints on standard output. %d, %u, %x (8 digits), %s, %c. */
void print(const char *format, ...) {
    va_list args;

    va_start(args, format);
    for (; *format; format++) {
        if (*format == '%')
            put_conversion(*++format, &args);
        else
            put(*format);
    }
    va_end(args);
    flush();
}

/* ---- memory and processes ---- */

#define READ_WRITE 3
#define PRIVATE_ANONYMOUS 0x22

/* PAGES pages, clear, readable and writable; NULL if there is no memory. */
char *map_pages(unsigned pages) {
    int va = system_call(SYS_mmap2, 0, pages * PAGE, READ_WRITE, PRIVATE_ANONYMOUS, -1);

    return va < 0 && va > -4096 ? NULL : (char *)va;
}

/* How many page faults the kernel has mended for this program. */
unsigned count_faults(void) {
    struct {
        int times[4], sizes[4], minor_faults, rest[9];
    } usage;

    system_call(SYS_getrusage, 0, &usage);
    return (unsigned)usage.minor_faults;
}

/* Waits for a child and returns its wait status. */
int wait_for(int pid) {
    int status = -1;

    system_call(SYS_waitpid, pid, &status, 0);
    return status;
}
