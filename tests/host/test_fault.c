/* Faults of programs: which signal each exception is, and what the report says of the callers. */
#include "../../kernel/process/fault.h"

#include "../../kernel/process/elf.h"
#include "../../kernel/process/process_inside.h"
#include "../../kernel/process/tty.h"
#include "../../kernel/process/user_memory.h"
#include "exception.h"
#include "format.h"
#include "log.h"
#include "string.h"
#include "support.h"

#define STACK_AT 0x1000u
#define WORDS 128u

static struct process program = {.pid = 7, .name = "it"};
struct process *current = &program;

/* ---- what it calls ---- */

static char said[8192];
static size_t length;

void __wrap_kprintf(const char *fmt, ...);
void __wrap_kprintf(const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    length += vformat_buffer(said + length, sizeof said - length, fmt, args);
    va_end(args);
}

static unsigned lines_begun, reports;
static const char *wanted_prefix = "it[7] ";
void tty_begin_output(void) { lines_begun++; }
void log_fresh_line(void) { lines_begun++; }

void exception_report_program(const struct trap_frame *frame, uintptr_t address, const char *prefix) {
    (void)frame, (void)address;
    assert_string_equal(prefix, wanted_prefix);
    reports++;
}

static unsigned words[WORDS]; /* the program's, from STACK_AT on */
static unsigned refusals;
static bool endless; /* or a frame everywhere, whose caller's is the next one */

int copy_from_user(void *to, const void *user, size_t n) {
    uintptr_t at = (uintptr_t)user - STACK_AT;
    if (endless) {
        memcpy(words, (unsigned[2]){(unsigned)(uintptr_t)user + 8, 0x6004}, sizeof(unsigned[2]));
        at = 0;
    }
    if (at > sizeof words || n > sizeof words - at) {
        assert_int_equal(refusals++, 0); /* it is not tried again */
        return -EFAULT;
    }
    memcpy(to, (char *)words + at, n);
    return 0;
}

static const char *name = "work";

/* Addresses in the program's first page after 0x5000 have a name. */
const char *elf_symbol(const struct module *module, uintptr_t address, size_t *offset) {
    assert_ptr_equal(module, program.program);
    *offset = address - 0x5000;
    return address >> 12 == 5 ? name : NULL;
}

static bool wanting;
static uintptr_t touched;
bool memory_wanting(const void *va, unsigned error) {
    assert_int_equal(error, 6);
    assert_int_equal((uintptr_t)va, touched);
    return wanting;
}

static unsigned signalled;
static bool has_handler;
bool signal_fault(unsigned signal, uintptr_t address) {
    assert_int_equal(address, touched);
    signalled = signal;
    return has_handler;
}

static jmp_buf end;
void process_exit(int status) { longjmp(end, status); }

/* The status that the fault ends the program with; 0 if it goes on. */
static int fault(unsigned vector, uintptr_t address, unsigned ebp) {
    struct trap_frame frame = {.vector = vector, .error = 6, .eip = 0x5010, .ebp = ebp};
    volatile int status;
    touched = address;
    said[length = 0] = '\0';
    lines_begun = reports = signalled = refusals = 0;
    if ((status = setjmp(end)) == 0)
        fault_in_program(&frame, address);
    assert_int_equal(lines_begun, status ? 2 : 0); /* the line of a program that goes on is its own */
    return status;
}

/* ---- signals ---- */

static void test_each_exception_is_a_signal(void **state) {
    (void)state;
    for (unsigned vector = 0; vector < 32; vector++) {
        int wanted = vector == 0 || vector == 16 || vector == 19 ? SIGFPE
                     : vector == 1 || vector == 3                ? SIGTRAP
                     : vector == 6                               ? SIGILL
                     : vector == 17                              ? SIGBUS
                                                                 : SIGSEGV;
        has_handler = false;
        assert_int_equal(fault(vector, 0x1234, 0), wanted);
        assert_int_equal(signalled, wanted);
        assert_int_equal(reports, 1);
        assert_string_equal(said, "it[7]   backtrace\nit[7]     0x00005010 work+0x10\n");
        has_handler = true;
        assert_int_equal(fault(vector, 0x1234, 0), 0);
        assert_int_equal(signalled, wanted);
        assert_true(reports == 0 && length == 0);
    }
    wanting = true;
    assert_int_equal(fault(TRAP_PAGE_FAULT, 0x1234, 0), SIGKILL);
    assert_string_equal(said, "it[7] out of memory: ended\n");
    assert_true(reports == 0 && signalled == 0);
    assert_int_equal(fault(TRAP_PAGE_FAULT - 1, 0x1234, 0), 0); /* no page is missing */
}

/* Where the stack meets its guard, the report says so. */
static void test_the_stacks_guard_is_named(void **state) {
    static const struct {
        uintptr_t address;
        bool guard;
    } cases[] = {{MAPPINGS_END - 1, false}, {MAPPINGS_END, true}, {STACK_END - 1, true}, {STACK_END, false}};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        for (unsigned vector = TRAP_PAGE_FAULT; vector <= TRAP_PAGE_FAULT + 1; vector++) {
            fault(vector, cases[i].address, 0);
            const char *line =
                "it[7]   stack    this is the guard below the stack, which has grown to its 8 MiB\n";
            assert_int_equal(!strncmp(said, line, strlen(line)), cases[i].guard && vector == TRAP_PAGE_FAULT);
        }
}

/* ---- callers ---- */

/* Frame I of the program: its caller's frame, and the return address. */
static void put(unsigned i, unsigned next, unsigned address) {
    words[2 * i] = STACK_AT + 8 * next;
    words[2 * i + 1] = address;
}

#define HEAD "it[7]   backtrace\nit[7]     0x00005010 work+0x10\n"

static void check_callers(const char *wanted) {
    assert_int_equal(fault(6, 0x1234, STACK_AT), SIGILL);
    assert_memory_equal(said, HEAD, strlen(HEAD));
    assert_string_equal(said + strlen(HEAD), wanted);
}

static void test_callers_are_followed_as_far_as_they_go(void **state) {
    (void)state;
    put(0, 1, 0x5004);
    put(1, 2, 0x6004);
    put(2, 3, 0); /* the outermost */
    put(3, 4, 0x7004);
    check_callers("it[7]     0x00005004 work+0x4\nit[7]     0x00006004\n");
    put(0, 1, 0); /* the first one is the outermost, whatever comes then */
    check_callers("");
    put(0, 1, 1); /* an address as good as any */
    check_callers("it[7]     0x00000001\nit[7]     0x00006004\n");
    put(0, 1, 0x5004);
    put(2, 2, 0x8004); /* leads to itself */
    check_callers("it[7]     0x00005004 work+0x4\nit[7]     0x00006004\nit[7]     0x00008004\n");
    put(2, 1, 0x8004); /* leads back */
    check_callers("it[7]     0x00005004 work+0x4\nit[7]     0x00006004\nit[7]     0x00008004\n");
    put(2, WORDS / 2 - 1, 0x8004);
    put(WORDS / 2 - 1, WORDS / 2, 0x9004); /* its last words; what comes then is not the program's */
    check_callers(
        "it[7]     0x00005004 work+0x4\nit[7]     0x00006004\nit[7]     0x00008004\nit[7]     0x00009004\n");
}

static void test_a_recursion_is_counted(void **state) {
    (void)state;
    for (unsigned i = 0; i < 5; i++)
        put(i, i + 1, i < 4 ? 0x6004 : 0x7004);
    put(5, 0, 0x7004);
    check_callers("it[7]     0x00006004\nit[7]     ... the same 3 times more\nit[7]     0x00007004\n"
                  "it[7]     ... the same 1 times more\n");
    put(5, 6, 0);
    check_callers("it[7]     0x00006004\nit[7]     ... the same 3 times more\nit[7]     0x00007004\n");
}

static void test_sixteen_callers_are_shown(void **state) {
    char wanted[1024] = "";
    (void)state;
    for (unsigned i = 0; i < 20; i++) {
        put(i, i + 1, 0x6004 + 4 * i);
        if (i < 16)
            format_buffer(wanted + strlen(wanted), 64, "it[7]     0x%08x\n", 0x6004 + 4 * i);
    }
    check_callers(wanted);
}

/* A chain that never ends is followed as far as a stack of 8 MiB reaches. */
static void test_an_endless_recursion_ends(void **state) {
    (void)state;
    endless = true;
    check_callers("it[7]     0x00006004\nit[7]     ... the same 1048575 times more\n");
}

static void test_the_longest_name_leads_the_report(void **state) {
    (void)state;
    program = (struct process){.pid = 32767, .name = "a_name_of_thirty-one_characters"};
    wanted_prefix = "a_name_of_thirty-one_characters[32767] ";
    assert_int_equal(fault(6, 0x1234, 0), SIGILL);
    assert_int_equal(reports, 1);
}

/* A symbol's name is cut to 60 characters. */
static void test_a_long_name_is_cut(void **state) {
    (void)state;
    name = "a_name_that_is_longer_than_sixty_characters_is_cut_to_that_many";
    assert_int_equal(fault(6, 0x1234, 0), SIGILL);
    assert_string_equal(
        said, "it[7]   backtrace\n"
              "it[7]     0x00005010 a_name_that_is_longer_than_sixty_characters_is_cut_to_that_m+0x10\n");
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_each_exception_is_a_signal),
    cmocka_unit_test(test_the_stacks_guard_is_named),
    cmocka_unit_test(test_callers_are_followed_as_far_as_they_go),
    cmocka_unit_test(test_a_recursion_is_counted),
    cmocka_unit_test(test_sixteen_callers_are_shown),
    cmocka_unit_test(test_an_endless_recursion_ends),
    cmocka_unit_test(test_the_longest_name_leads_the_report),
    cmocka_unit_test(test_a_long_name_is_cut),
};

HOST_MAIN(tests)
