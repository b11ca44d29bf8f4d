/* The host's side of what mm/ calls (panic, log, interrupts), and the tests' common parts.
 *
 * A panic that a test expects returns to expect_panic by longjmp, as it returns to trap_catch in the
 * kernel; one that no test expects fails the test with its message. */
#include "support.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string.h>

#include "interrupt.h"
#include "log.h"
#include "memmap.h"
#include "panic.h"

/* ---- what mm/ calls ---- */

static jmp_buf *panic_catcher;
static char panic_message[512];

void panic_about(const void *address) { (void)address; }
const char *panic_advice;
void panic_advise(const char *advice) { panic_advice = advice; }

void panic_at(const char *file, int line, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    vsnprintf(panic_message, sizeof panic_message, fmt, args);
    va_end(args);
    if (panic_catcher)
        longjmp(*panic_catcher, 1);
    fail_msg("PANIC: %s (%s:%d)", panic_message, file, line);
    abort();
}

void kprintf(const char *fmt, ...) { (void)fmt; }

uint8_t irqs_served;

void expect_panic(const char *file, int line, const char *text, host_call *fn, uintptr_t a, uintptr_t b) {
    jmp_buf catcher;
    if (!setjmp(catcher)) {
        panic_catcher = &catcher;
        fn(a, b);
        panic_catcher = NULL;
        print_error("%s:%d: no panic, \"%s\" was expected\n", file, line, text);
        _fail(file, line);
    }
    panic_catcher = NULL;
    if (!strstr(panic_message, text)) {
        print_error("%s:%d: the panic says \"%s\", not \"%s\"\n", file, line, panic_message, text);
        _fail(file, line);
    }
}

/* ---- random numbers: Marsaglia's xorshift32 ---- */

unsigned random_word(void) {
    static uint32_t state;
    if (!state) {
        const char *seed = getenv("QUIRE_SEED");
        state = seed ? strtoul(seed, NULL, 0) | 1 : 0x2545F491;
    }
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

unsigned random_between(unsigned low, unsigned high) { return low + random_word() % (high - low); }

/* ---- running ---- */

static int run_one(const struct CMUnitTest *test) {
    return _cmocka_run_group_tests(test->name, test, 1, NULL, NULL) ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int run_in_child(const struct CMUnitTest *test) {
    int status;
    fflush(NULL);
    pid_t child = fork();
    if (child < 0) {
        perror("fork");
        return 1;
    }
    if (child == 0)
        exit(run_one(test));
    if (waitpid(child, &status, 0) < 0 || !WIFEXITED(status) || WEXITSTATUS(status)) {
        fprintf(stderr, "FAILED: %s\n", test->name);
        return 1;
    }
    return 0;
}

int host_main(const struct CMUnitTest *tests, size_t count, int argc, char **argv) {
    int failed = 0;
    if (argc > 1 && !strcmp(argv[1], "--list")) {
        for (size_t i = 0; i < count; i++)
            puts(tests[i].name);
        return EXIT_SUCCESS;
    }
    for (size_t i = 0; i < count; i++) {
        if (argc == 1)
            failed += run_in_child(&tests[i]);
        else if (!strcmp(argv[1], tests[i].name))
            return run_one(&tests[i]);
    }
    if (argc > 1) {
        fprintf(stderr, "%s: no test is named %s\n", argv[0], argv[1]);
        return 2;
    }
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* ---- the memory maps ---- */

static const struct memmap_entry *reader_entries;
static size_t reader_count;

void host_reader_set(const struct memmap_entry *entries, size_t count) {
    reader_entries = entries;
    reader_count = count;
}

bool host_reader(uint32_t *cursor, struct memmap_entry *entry) {
    if (*cursor >= reader_count)
        return false;
    *entry = reader_entries[(*cursor)++];
    return true;
}

static void read_map(const char *path, struct host_map *map) {
    char line[256];
    FILE *file = fopen(path, "r");
    if (!file)
        fail_msg("%s: cannot be opened", path);
    map->entries = malloc(64 * sizeof *map->entries);
    while (fgets(line, sizeof line, file)) {
        unsigned long long base, length;
        unsigned type;
        if (line[0] == '#')
            continue;
        if (sscanf(line, "%llx %llx %u", &base, &length, &type) != 3 || map->count == 64)
            fail_msg("%s: a line that cannot be read: %s", path, line);
        map->entries[map->count++] = (struct memmap_entry){base, length, type};
    }
    fclose(file);
}

static int is_map(const struct dirent *entry) {
    const char *dot = strrchr(entry->d_name, '.');
    return dot && !strcmp(dot, ".map");
}

size_t host_maps(const struct host_map **maps) {
    static struct host_map *all;
    static size_t count;
    if (!all) {
        struct dirent **files;
        const char *directory = getenv("QUIRE_MEMMAPS");
        if (!directory)
            directory = "tests/memmaps";
        int found = scandir(directory, &files, is_map, alphasort);
        if (found <= 0) {
            fail_msg("%s: no maps; run from the project's own directory, or set QUIRE_MEMMAPS", directory);
            return 0;
        }
        count = (size_t)found;
        all = calloc(count, sizeof *all);
        for (size_t i = 0; i < count; i++) {
            char path[512];
            snprintf(path, sizeof path, "%s/%s", directory, files[i]->d_name);
            snprintf(all[i].name, sizeof all[i].name, "%.127s", files[i]->d_name);
            read_map(path, &all[i]);
            free(files[i]);
        }
        free(files);
    }
    *maps = all;
    return count;
}

void each_host_map(void (*visit)(const struct host_map *map)) {
    const struct host_map *maps;
    size_t count = host_maps(&maps);
    assert_int_equal(count, 100);
    for (size_t i = 0; i < count; i++)
        visit(&maps[i]);
}
