/* What the kernel's code and the simulated MMU call, for the fuzz targets (fuzz.h). A panic that nobody expects is a
 * finding. */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "interrupt.h"
#include "log.h"
#include "panic.h"
#include "support.h"

const char *__asan_default_options(void);
/* Few freed objects are kept back: system_calls has half a GiB of addresses for itself. */
const char *__asan_default_options(void) { return "detect_leaks=0:quarantine_size_mb=16"; }

static jmp_buf *catcher;
static char message[512];

void fuzz_finding(const char *file, int line, const char *what) {
    fprintf(stderr, "FINDING: %s:%d: %s\n", file, line, what);
    abort();
}

void panic_at(const char *file, int line, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    vsnprintf(message, sizeof message, fmt, args);
    va_end(args);
    if (catcher)
        longjmp(*catcher, 1);
    fuzz_finding(file, line, message);
}

void panic_about(const void *address) { (void)address; }
void panic_advise(const char *advice) { (void)advice; }
/* Weak: a target may have the kernel's own log. */
__attribute__((weak)) void kprintf(const char *fmt, ...) { (void)fmt; }
uint8_t irqs_served;

bool fuzz_panics(void (*fn)(void *arg), void *arg) {
    jmp_buf here, *outer = catcher;
    bool panicked = true;

    if (!setjmp(here)) {
        catcher = &here;
        fn(arg);
        panicked = false;
    }
    catcher = outer;
    return panicked;
}

/* ---- support.h, as far as the machine and the MMU use it ---- */

static struct {
    host_call *fn;
    uintptr_t a, b;
} expected;

static void call_expected(void *arg) {
    (void)arg;
    expected.fn(expected.a, expected.b);
}

void expect_panic(const char *file, int line, const char *text, host_call *fn, uintptr_t a, uintptr_t b) {
    expected.fn = fn;
    expected.a = a;
    expected.b = b;
    if (!fuzz_panics(call_expected, NULL) || !strstr(message, text))
        fuzz_finding(file, line, text);
}

unsigned random_word(void) {
    static uint32_t state = 0x2545F491;
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

/* What cmocka's fail_msg calls. */
void cm_print_error(const char *const format, ...) {
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
}
void print_error(const char *const format, ...) {
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
}
void _fail(const char *const file, const int line) { fuzz_finding(file, line, "see above"); }
