/* Runs one case in a machine of its own: WORD CASE on the command line. The last line on the serial line is that word and
 * `passed`, or that word and what is wrong (host.c has the same). */
#include "check.h"
#include "cpu.h"
#include "format.h"
#include "string.h"

#include <stdarg.h>

extern const struct check_case __start_check_cases[], __stop_check_cases[];
extern void (*const check_exceptions[32])(void);

struct gate {
    uint16_t low, selector, type, high;
};

static char word[64] = "?";
static char doing_text[256]; /* with a colon behind it */

void check_main(const unsigned *multiboot);
void check_exception(unsigned number, unsigned error, unsigned eip) __attribute__((noreturn));
void panic_at(const char *file, int line, const char *fmt, ...);

static void put(const char *text) {
    for (; *text; text++) {
        while (!(inb(0x3FD) & 0x20)) {
        }
        outb(0x3F8, (uint8_t)*text);
    }
}

static void __attribute__((noreturn)) finish(const char *text) {
    put("\n");
    put(word);
    put(" ");
    put(text);
    put("\n");
    outb(0xF4, 0);
    for (;;)
        halt();
}

void wrong(const char *fmt, ...) {
    static char text[1024];
    va_list args;
    va_start(args, fmt);
    vformat_buffer(text, sizeof text, fmt, args);
    va_end(args);
    finish(text);
}

void doing(const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    size_t n = vformat_buffer(doing_text, sizeof doing_text - 2, fmt, args);
    va_end(args);
    n = n < sizeof doing_text - 3 ? n : sizeof doing_text - 3;
    memcpy(&doing_text[n], ": ", 3);
    put("\n");
    put(word);
    put(": ");
    put(doing_text);
    put("\n");
}

void panic_at(const char *file, int line, const char *fmt, ...) {
    static char text[512];
    va_list args;
    (void)file, (void)line;
    __asm__ volatile("cld"); /* an exception's entry that is not written yet: DF is whatever it was */
    va_start(args, fmt);
    vformat_buffer(text, sizeof text, fmt, args);
    va_end(args);
    finish(text);
}

void check_exception(unsigned number, unsigned error, unsigned eip) {
    static const char *const names[32] = {[0] = "a division by zero", [6] = "an instruction that does not exist",
                                          [8] = "a double fault", [13] = "a general protection fault"};
    if (number == 14)
        wrong("%sa page fault at 0x%08x, by the code at 0x%08x (error code %u)", doing_text, read_cr2(), eip, error);
    wrong("%s%s (exception %u), by the code at 0x%08x", doing_text, names[number] ? names[number] : "an exception",
          number, eip);
}

static void catch_exceptions(void) {
    static struct gate idt[32] __attribute__((aligned(8)));
    for (int i = 0; i < 32; i++) {
        uintptr_t at = (uintptr_t)check_exceptions[i];
        idt[i] = (struct gate){(uint16_t)at, 8, 0x8E00, (uint16_t)(at >> 16)};
    }
    struct descriptor_table pointer = {sizeof idt - 1, (uintptr_t)idt};
    lidt(&pointer);
}

/* The last two words of the command line: WORD CASE. Returns CASE. */
static const char *read_words(const char *line) {
    const char *last = line, *before = line;
    for (const char *c = line; *c; c++)
        if (*c == ' ') {
            before = last;
            last = c + 1;
        }
    size_t n = (size_t)(last - before) - 1;
    if (last > before && n < sizeof word) {
        memcpy(word, before, n);
        word[n] = 0;
    }
    return last;
}

void check_main(const unsigned *multiboot) {
    const char *name = read_words((const char *)(uintptr_t)multiboot[4]);
    catch_exceptions();
    for (const struct check_case *c = __start_check_cases; c < __stop_check_cases; c++)
        if (!strcmp(c->name, name)) {
            c->run();
            finish("passed");
        }
    put("no such case\n");
    outb(0xF4, 1);
}
