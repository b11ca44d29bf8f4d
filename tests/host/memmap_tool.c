/* memmap: what the kernel would keep of a memory map.
 *
 * Reads `BASE LENGTH TYPE` lines on standard input, numbers decimal or 0x hexadecimal; # begins a comment,
 * blank lines are allowed. Prints the ranges of memory kept from 1 MiB to 4 GiB, merged where they touch, one
 * `START END` a line, half-open, hexadecimal, ascending. A malformed line: a message with its number, and
 * exit status 2, before anything is printed. */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bitmap.h"
#include "memlayout.h"
#include "memmap.h"
#include "panic.h"

#define EXIT_MALFORMED 2

void panic_at(const char *file, int line, const char *fmt, ...) {
    va_list args;
    fprintf(stderr, "memmap: PANIC: %s:%d: ", file, line);
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
    abort();
}

static struct memmap_entry *entries;
static size_t count;

static bool read_stored(uint32_t *cursor, struct memmap_entry *entry) {
    if (*cursor >= count)
        return false;
    *entry = entries[(*cursor)++];
    return true;
}

/* ---- reading ---- */

static unsigned digit_value(char c) {
    if (isdigit((unsigned char)c))
        return (unsigned)(c - '0');
    return isxdigit((unsigned char)c) ? (unsigned)tolower((unsigned char)c) - 'a' + 10 : 16;
}

/* Reads a number of at most MOST at *TEXT, which must end at a blank or the line's end; moves *TEXT past
 * it. */
static bool read_number(const char **text, uint64_t most, uint64_t *number) {
    const char *c = *text;
    unsigned base = 10;
    if (c[0] == '0' && (c[1] == 'x' || c[1] == 'X')) {
        base = 16;
        c += 2;
    }
    const char *digits = c;
    for (*number = 0; digit_value(*c) < base; c++)
        if (*number > (most - digit_value(*c)) / base)
            return false;
        else
            *number = *number * base + digit_value(*c);
    *text = c;
    return c > digits && (*c == '\0' || isspace((unsigned char)*c));
}

static const char *skip_blanks(const char *text) {
    while (isspace((unsigned char)*text))
        text++;
    return text;
}

/* The entry that LINE holds; false where it is malformed. *BLANK where there is none. */
static bool read_line(const char *line, struct memmap_entry *entry, bool *blank) {
    static const uint64_t most[] = {UINT64_MAX, UINT64_MAX, UINT32_MAX};
    uint64_t field[3];
    line = skip_blanks(line);
    *blank = *line == '\0';
    for (size_t i = 0; i < ARRAY_SIZE(field) && !*blank; i++) {
        if (!read_number(&line, most[i], &field[i]))
            return false;
        line = skip_blanks(line);
    }
    if (!*blank)
        *entry = (struct memmap_entry){field[0], field[1], (uint32_t)field[2]};
    return *line == '\0';
}

static void store(const struct memmap_entry *entry) {
    static size_t room;
    if (count == room) {
        room = room ? 2 * room : 64;
        entries = realloc(entries, room * sizeof(*entries));
        if (!entries) {
            fprintf(stderr, "memmap: out of memory at %zu entries\n", count);
            exit(EXIT_FAILURE);
        }
    }
    entries[count++] = *entry;
}

static void read_map(FILE *in) {
    char *line = NULL;
    size_t size = 0;
    ssize_t length;
    for (unsigned long number = 1; (length = getline(&line, &size, in)) >= 0; number++) {
        struct memmap_entry entry;
        bool blank, whole = strlen(line) == (size_t)length; /* no NUL in it */
        line[strcspn(line, "#")] = '\0';
        if (!whole || !read_line(line, &entry, &blank)) {
            fprintf(stderr, "memmap: line %lu is malformed: BASE LENGTH TYPE is expected\n", number);
            exit(EXIT_MALFORMED);
        }
        if (!blank)
            store(&entry);
    }
    if (ferror(in)) {
        fprintf(stderr, "memmap: standard input: %s\n", strerror(errno));
        exit(EXIT_FAILURE);
    }
    free(line);
}

/* ---- printing ---- */

static void print_ranges(void) {
    static memmap_frames frames;
    memmap_build(frames, read_stored);
    for (size_t start, end = LOW_MEMORY_END / PAGE_SIZE; bitmap_next_run(frames, &start, &end, FRAMES_MAX);)
        printf("0x%08llx 0x%08llx\n", (unsigned long long)start << PAGE_SHIFT,
               (unsigned long long)end << PAGE_SHIFT);
}

int main(void) {
    read_map(stdin);
    print_ranges();
    free(entries);
    if (fflush(stdout) == EOF) {
        fprintf(stderr, "memmap: standard output: %s\n", strerror(errno));
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
