/* Runs one case on the build machine: CASE SECONDS on the command line, a word from standard input.
 *
 * The last line is that word and `passed`, or that word and what is wrong; without such a line the case did not get so
 * far, and grade.py says why. A word that is new each time keeps a program from passing by saying so by accident. */
#define _GNU_SOURCE /* REG_EIP */
#include "check.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

extern const struct check_case __start_check_cases[], __stop_check_cases[];

static char word[64];
static jmp_buf *catcher;
static char panic_text[512];

const char *__asan_default_options(void);

const char *__asan_default_options(void) {
    return "detect_leaks=0:handle_abort=0:detect_stack_use_after_return=0:color=never";
}

static void __attribute__((noreturn)) finish(const char *text) {
    fflush(stdout);
    printf("\n%s %s\n", word, text);
    fflush(stdout);
    _exit(0);
}

void wrong(const char *fmt, ...) {
    static char text[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    finish(text);
}

/* ---- what was being done when it crashed ---- */

static char doing_text[256];

void doing(const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    vsnprintf(doing_text, sizeof doing_text, fmt, args);
    va_end(args);
}

void check_found(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* What the simulated machine finds wrong (cmocka.h). */
void check_found(const char *fmt, ...) {
    static char text[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    wrong("%s%s%s", doing_text, doing_text[0] ? ": " : "", text);
}

/* The sanitizers' runtime has it. */
void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

static void on_death(void) {
    if (doing_text[0]) {
        printf("\n%s: %s\n", word, doing_text);
        fflush(stdout);
    }
}

/* ---- what mm/ calls ---- */

const char *check_panic_text(void);

const char *check_panic_text(void) { return panic_text; }

uint8_t irqs_served;

void panic_at(const char *file, int line, const char *fmt, ...);
void panic_about(const void *address);
void panic_advise(const char *advice);
void kprintf(const char *fmt, ...);

void panic_about(const void *address) { (void)address; }
void panic_advise(const char *advice) { (void)advice; }
void kprintf(const char *fmt, ...) { (void)fmt; }

static const char not_written[] = "not written yet: ";

void panic_at(const char *file, int line, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    vsnprintf(panic_text, sizeof panic_text, fmt, args);
    va_end(args);
    if (!strncmp(panic_text, not_written, sizeof not_written - 1))
        wrong("%s", panic_text);
    if (catcher)
        longjmp(*catcher, 1);
    wrong("%s%sa panic where nothing is wrong: %s (%s:%d)", doing_text, doing_text[0] ? ": " : "", panic_text, file, line);
}

bool check_panics(check_call *fn, uintptr_t a, uintptr_t b) {
    jmp_buf here;
    bool panicked = true;
    catcher = &here;
    if (!setjmp(here)) {
        fn(a, b);
        panicked = false;
    }
    catcher = NULL;
    return panicked;
}

/* ---- random numbers: Marsaglia's xorshift32 ---- */

unsigned random_word(void) {
    static uint32_t state = 0x2545F491;
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

unsigned random_between(unsigned low, unsigned high) { return low + random_word() % (high - low); }

/* ---- running ---- */

static void on_alarm(int signal, siginfo_t *info, void *context) {
    char text[512];
    (void)signal, (void)info;
    int n = snprintf(text, sizeof text, "\n%s: %s\n%s endless 0x%08lx\n", word, doing_text, word,
                     (unsigned long)((ucontext_t *)context)->uc_mcontext.gregs[REG_EIP]);
    write(STDOUT_FILENO, text, (size_t)n);
    _exit(0);
}

int main(int argc, char **argv) {
    if (argc != 3 || scanf("%63s", word) != 1)
        return 2;
    struct sigaction action = {.sa_sigaction = on_alarm, .sa_flags = SA_SIGINFO};
    struct itimerval limit = {.it_value.tv_sec = atoi(argv[2])};
    sigaction(SIGPROF, &action, NULL);
    setitimer(ITIMER_PROF, &limit, NULL);
    if (__sanitizer_set_death_callback)
        __sanitizer_set_death_callback(on_death);
    for (const struct check_case *c = __start_check_cases; c < __stop_check_cases; c++)
        if (!strcmp(c->name, argv[1])) {
            c->run();
            finish("passed");
        }
    fprintf(stderr, "no case %s\n", argv[1]);
    return 2;
}
