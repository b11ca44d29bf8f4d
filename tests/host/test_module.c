/* Boot modules as files: which become files, where each is mapped, and what a path names. */
#include "../../kernel/process/module.h"

#include "boot_info.h"
#include "format.h"
#include "memlayout.h"
#include "string.h"
#include "support.h"
#include "vmem.h"

#define AREA_PAGES ((KERNEL_STACKS - MODULES_START) / PAGE_SIZE)
#define HIGH 0x10000000u

/* ---- what it calls ---- */

struct boot_info boot_info;

static struct mapped {
    char *va;
    paddr_t pa;
    size_t pages;
} mapped[MODULES_KEPT];
static size_t ranges, room = SIZE_MAX; /* the pages that there is memory to map */

int vmem_map_range(void *va, paddr_t pa, size_t pages, unsigned flags) {
    assert_true(pages > 0 && flags == 0);
    assert_true((uintptr_t)va % PAGE_SIZE == 0 && pa % PAGE_SIZE == 0);
    if (pages > room)
        return VMEM_NO_MEMORY;
    mapped[ranges++] = (struct mapped){va, pa, pages};
    return 0;
}

static char said[256];

void __wrap_kprintf(const char *fmt, ...);
void __wrap_kprintf(const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    vformat_buffer(said + strlen(said), sizeof said - strlen(said), fmt, args);
    va_end(args);
}

/* The boot loader brings a module of SIZE bytes at START. */
static void bring(const char *file, paddr_t start, size_t size) {
    struct boot_module *module = &boot_info.module[boot_info.modules++];
    module->start = start;
    module->end = start + size;
    memcpy(module->file, file, strlen(file) + 1);
}

static void check_file(const struct module *file, const char *name, uintptr_t data, size_t size,
                       paddr_t start) {
    assert_non_null(file);
    assert_string_equal(file->name, name);
    assert_int_equal((uintptr_t)file->data, data);
    assert_int_equal(file->size, size);
    assert_int_equal(file->start, start);
}

static void check_mapped(size_t i, uintptr_t va, paddr_t pa, size_t pages) {
    assert_true(i < ranges);
    assert_int_equal((uintptr_t)mapped[i].va, va);
    assert_int_equal(mapped[i].pa, pa);
    assert_int_equal(mapped[i].pages, pages);
}

/* ---- what is mapped ---- */

static void test_files_are_mapped_one_after_the_other(void **state) {
    (void)state;
    bring("one", HIGH, PAGE_SIZE);
    bring("two", HIGH + 3 * PAGE_SIZE + 0x123, PAGE_SIZE); /* across a border */
    bring("three", HIGH + PAGE_SIZE + 4095, 1);
    modules_init();
    assert_int_equal(ranges, 3);
    check_mapped(0, MODULES_START, HIGH, 1);
    check_mapped(1, MODULES_START + PAGE_SIZE, HIGH + 3 * PAGE_SIZE, 2);
    check_mapped(2, MODULES_START + 3 * PAGE_SIZE, HIGH + PAGE_SIZE, 1);
    check_file(module_at(0), "one", MODULES_START, PAGE_SIZE, HIGH);
    check_file(module_at(1), "two", MODULES_START + PAGE_SIZE + 0x123, PAGE_SIZE,
               HIGH + 3 * PAGE_SIZE + 0x123);
    check_file(module_at(2), "three", MODULES_START + 3 * PAGE_SIZE + 4095, 1, HIGH + PAGE_SIZE + 4095);
    assert_null(module_at(3));
    assert_string_equal(said, "process: 3 boot modules are files for programs\n");
}

static void test_without_modules_nothing_is_said(void **state) {
    (void)state;
    modules_init();
    assert_string_equal(said, "");
    assert_null(module_at(0));
    assert_null(module_find("one"));
}

/* Wherever it lies; the others do not miss it. */
static void test_an_empty_module_is_left_out(void **state) {
    (void)state;
    bring("empty", HIGH, 0);
    bring("hollow", HIGH + 5, 0);
    bring("one", HIGH, 1);
    modules_init();
    assert_int_equal(ranges, 1);
    check_file(module_at(0), "one", MODULES_START, 1, HIGH);
    assert_string_equal(said, "process: module 0 cannot be mapped: left out\n"
                              "process: module 1 cannot be mapped: left out\n"
                              "process: 1 boot modules are files for programs\n");
}

static void test_the_area_is_filled_to_its_last_page(void **state) {
    (void)state;
    bring("most", HIGH, (AREA_PAGES - 2) * PAGE_SIZE);
    bring("much", HIGH, 2 * PAGE_SIZE + 1);
    bring("last", HIGH, 2 * PAGE_SIZE);
    bring("late", HIGH, 1);
    modules_init();
    check_file(module_at(0), "most", MODULES_START, (AREA_PAGES - 2) * PAGE_SIZE, HIGH);
    check_file(module_at(1), "last", KERNEL_STACKS - 2 * PAGE_SIZE, 2 * PAGE_SIZE, HIGH);
    assert_null(module_at(2));
    assert_string_equal(said, "process: module 1 cannot be mapped: left out\n"
                              "process: module 3 cannot be mapped: left out\n"
                              "process: 2 boot modules are files for programs\n");
}

static void test_a_module_without_memory_to_map_it_is_left_out(void **state) {
    (void)state;
    room = 2;
    bring("large", HIGH, 3 * PAGE_SIZE);
    bring("small", HIGH, 2 * PAGE_SIZE);
    modules_init();
    check_file(module_at(0), "small", MODULES_START, 2 * PAGE_SIZE, HIGH);
    assert_null(module_at(1));
}

/* Of more modules than boot_info keeps only their number is known. Four files more are the tests'. */
static void test_files_have_a_limit(void **state) {
    const struct module more = {"more", "", 1, HIGH};
    (void)state;
    for (unsigned i = 0; i < MODULES_KEPT; i++)
        bring((const char[2]){(char)('a' + i)}, HIGH + i * PAGE_SIZE, 1);
    boot_info.modules += 20;
    modules_init();
    assert_int_equal(ranges, MODULES_KEPT);
    assert_string_equal(said, "process: 16 boot modules are files for programs\n");
    assert_string_equal(module_at(MODULES_KEPT - 1)->name, "p");
    assert_null(module_at(MODULES_KEPT));
    for (unsigned i = 0; i < 4; i++)
        assert_true(module_add(&more));
    assert_false(module_add(&more));
    check_file(module_at(MODULES_KEPT + 3), "more", (uintptr_t)more.data, 1, HIGH);
    assert_null(module_at(MODULES_KEPT + 4));
}

/* ---- paths ---- */

static void test_paths_lead_to_files(void **state) {
    static const struct {
        const char *path, *base;
    } cases[] = {
        {"two", "two"},
        {"/two", "two"},
        {"./two", "two"},
        {"/bin/two", "two"},
        {"/usr/bin/two", "two"},
        {"/./two", "two"},
        {"//two", "two"},
        {"././two", "two"},
        {"tw", "tw"},
        {"twos", "twos"},
        {"bin/two", "bin/two"},
        {"/lib/two", "lib/two"},
        {"/", ""},
        {"", ""},
        {".", "."},
        {"/usr/two", "usr/two"},
    };
    (void)state;
    bring("one", HIGH, 1);
    bring("two", HIGH + PAGE_SIZE, 1);
    bring("two", HIGH + 2 * PAGE_SIZE, 1); /* the first of a name is it */
    modules_init();
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_string_equal(module_base(cases[i].path), cases[i].base);
        assert_ptr_equal(module_find(cases[i].path), strcmp(cases[i].base, "two") ? NULL : module_at(1));
    }
    assert_ptr_equal(module_find("one"), module_at(0));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_files_are_mapped_one_after_the_other),
    cmocka_unit_test(test_without_modules_nothing_is_said),
    cmocka_unit_test(test_an_empty_module_is_left_out),
    cmocka_unit_test(test_the_area_is_filled_to_its_last_page),
    cmocka_unit_test(test_a_module_without_memory_to_map_it_is_left_out),
    cmocka_unit_test(test_files_have_a_limit),
    cmocka_unit_test(test_paths_lead_to_files),
};

HOST_MAIN(tests)
