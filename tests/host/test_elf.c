/* ELF executables: what elf_check passes and refuses, to the byte; what elf_map maps, page by page; what elf_symbol finds.
 *
 * A file lies in memory of exactly its size, so a read past its end is caught. The calls that map are recorded here. */
#include "../../kernel/process/elf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../kernel/process/memory.h"
#include "support.h"
#include "vmem.h"

#define ANY 0x08048000u
#define HEADER 52u
#define SEGMENT 32u
#define SECTION 40u
#define SYMBOL 16u
#define FILE_MOST 0x8000u
#define LOAD 1u

/* The words of a program header. */
enum { TYPE, OFFSET, VADDR, PADDR, FILESZ, MEMSZ, FLAGS, ALIGN };

/* Where the fields of the file's header are. */
enum {
    F_TYPE = 16,
    F_MACHINE = 18,
    F_ENTRY = 24,
    F_PHOFF = 28,
    F_SHOFF = 32,
    F_PHENTSIZE = 42,
    F_PHNUM = 44,
    F_SHENTSIZE = 46,
    F_SHNUM = 48
};

static uint8_t file[FILE_MOST];
static size_t size;

static void put16(size_t at, unsigned value) { memcpy(&file[at], &(uint16_t){(uint16_t)value}, 2); }
static void put32(size_t at, uint32_t value) { memcpy(&file[at], &value, 4); }

/* A file of BYTES bytes, without segments. */
static void new_file(size_t bytes) {
    memset(file, 0, sizeof file);
    memcpy(file, "\177ELF\1\1\1", 7);
    put16(F_TYPE, 2);
    put16(F_MACHINE, 3);
    put32(F_ENTRY, 0x1234);
    put32(F_PHOFF, HEADER);
    put16(F_PHENTSIZE, SEGMENT);
    put16(F_SHENTSIZE, SECTION);
    size = bytes;
}

/* Adds a segment's header. */
static void add(uint32_t type, uint32_t offset, uint32_t vaddr, uint32_t filesz, uint32_t memsz,
                uint32_t flags) {
    const uint32_t words[8] = {type, offset, vaddr, 0, filesz, memsz, flags, PAGE_SIZE};
    uint16_t n;
    memcpy(&n, &file[F_PHNUM], 2);
    memcpy(&file[HEADER + n * SEGMENT], words, sizeof words);
    put16(F_PHNUM, n + 1u);
}

static void new_file_with(uint32_t offset, uint32_t vaddr, uint32_t filesz, uint32_t memsz) {
    new_file(0x4000);
    add(LOAD, offset, vaddr, filesz, memsz, 5);
}

static struct module module;
static struct elf elf;

/* Reads FILE from memory of its size. */
static void with_exact(void (*use)(void)) {
    char *exact = malloc(size ? size : 1);
    memcpy(exact, file, size);
    module = (struct module){.name = "file", .data = exact, .size = size};
    use();
    free(exact);
}

static int result;

static void call_check(void) {
    memset(&elf, 0xA5, sizeof elf);
    result = elf_check(&module, &elf);
}

static bool passes(void) {
    with_exact(call_check);
    assert_true(result == 0 || result == -ENOEXEC);
    return result == 0;
}

/* ---- checks ---- */

static void test_what_the_files_header_must_say(void **state) {
    static const struct {
        unsigned at, bytes, value;
    } wrong[] = {{F_TYPE, 2, 1},     {F_TYPE, 2, 3},       {F_MACHINE, 2, 2},    {F_MACHINE, 2, 4},
                 {F_MACHINE, 2, 62}, {F_PHENTSIZE, 2, 31}, {F_PHENTSIZE, 2, 33}, {F_PHENTSIZE, 2, 56},
                 {F_PHNUM, 2, 0},    {F_PHNUM, 2, 33},     {F_PHNUM, 2, 0xFFFF}};
    (void)state;
    for (unsigned i = 0; i < 16; i++) {
        new_file_with(0, ANY, 0x4000, 0x4000);
        file[i] ^= 2;
        assert_int_equal(passes(), i > 6);
    }
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        new_file_with(0, ANY, 0x4000, 0x4000);
        put16(wrong[i].at, wrong[i].value);
        assert_false(passes());
    }
    for (unsigned bytes = 0; bytes <= HEADER; bytes++) { /* cut off */
        new_file_with(0, ANY, 0, 1);
        size = bytes;
        assert_false(passes());
    }
}

static void test_the_headers_lie_inside_the_file(void **state) {
    static const uint32_t outside[] = {0x3FE1, 0x3FFF, 0x4000, 0x4001, 0xFFFFFFE0, 0xFFFFFFFF};
    (void)state;
    for (unsigned count = 31; count <= 33; count++) {
        new_file(0x1000);
        for (unsigned i = 0; i < count; i++)
            add(LOAD, 0, ANY + i * PAGE_SIZE, 0, 1, 0);
        assert_int_equal(passes(), count <= 32);
        if (count <= 32)
            assert_true(elf.header_count == count && elf.end == ANY + (count - 1) * PAGE_SIZE + 1);
    }
    new_file_with(0, ANY, 0, 1);
    memcpy(&file[0x3FE0], &file[HEADER], SEGMENT); /* the file's last bytes */
    put32(F_PHOFF, 0x3FE0);
    assert_true(passes());
    for (size_t i = 0; i < ARRAY_SIZE(outside); i++) {
        put32(F_PHOFF, outside[i]);
        assert_false(passes());
    }
    new_file_with(0, ANY, 0, 1);
    put16(F_PHNUM, 2); /* the second one is cut off */
    size = HEADER + 2 * SEGMENT;
    assert_true(passes());
    size--;
    assert_false(passes());
}

static void test_a_segment_lies_inside_file_and_user_part(void **state) {
    static const struct {
        uint32_t offset, vaddr, filesz, memsz;
        bool fits;
    } cases[] = {
        {0, ANY, 0x4000, 0x4000, true},
        {0, ANY, 0x4001, 0x4001, false},
        {0, ANY, 2, 2, true},
        {0, ANY, 2, 1, false},
        {0x3FFF, ANY + 0xFFF, 1, 1, true},
        {0x3FFF, ANY + 0xFFF, 2, 2, false},
        {0x4000, ANY, 0, 1, true},
        {0x4000, ANY, 1, 1, false},
        {0x4001, ANY + 1, 0, 1, false},
        {0xFFFFF000, ANY, 0, 1, false},
        {0x1000, ANY, 0xFFFFF000, 0xFFFFF000, false},
        {0, ANY + 1, 1, 1, false},
        {1, ANY, 1, 1, false},
        {0x800, ANY, 1, 1, false},
        {0x1001, ANY + 1, 1, 1, true},
        {0, USER_START, 1, 1, true},
        {0, USER_START - PAGE_SIZE, 1, 1, false},
        {0, 0, 1, 1, false},
        {0, MAPPINGS_END - PAGE_SIZE, 1, PAGE_SIZE, true},
        {0, MAPPINGS_END - PAGE_SIZE, 1, PAGE_SIZE + 1, false},
        {0, MAPPINGS_END, 0, 1, false},
        {0, MAPPINGS_END + PAGE_SIZE, 0, 1, false},
        {0, KHEAP_START, 0, 1, false},
        {0, 0xFFFFF000, 0, 1, false},
        {0, ANY, 0, 0xFFFFFFFF, false},
        {0, USER_START, 0, MAPPINGS_END - USER_START, true},
        {0, USER_START, 0, MAPPINGS_END - USER_START + 1, false},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        new_file_with(cases[i].offset, cases[i].vaddr, cases[i].filesz, cases[i].memsz);
        if (passes() != cases[i].fits)
            fail_msg("case %zu: %s", i, cases[i].fits ? "refused" : "passed");
        if (cases[i].fits)
            assert_true(elf.end == cases[i].vaddr + cases[i].memsz && elf.entry == 0x1234 &&
                        elf.header_count == 1);
    }
}

static void test_segments_share_no_page_and_come_in_order(void **state) {
    static const uint32_t lengths[] = {1, PAGE_SIZE - 1, PAGE_SIZE, PAGE_SIZE + 1, 2 * PAGE_SIZE};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(lengths); i++)
        for (uint32_t second = ANY - PAGE_SIZE; second <= ANY + 3 * PAGE_SIZE; second += PAGE_SIZE) {
            new_file_with(0, ANY, 0, lengths[i]);
            add(LOAD, 0, second, 0, 1, 6);
            assert_int_equal(passes(), second >= ANY + lengths[i]);
        }
    new_file_with(0, ANY, 0x100, 0x1100); /* the second one begins in the first one's last page, which is clear */
    add(LOAD, 0x800, ANY + 0x1800, 0x100, 0x100, 6);
    assert_false(passes());
    new_file_with(0, ANY, 0x100, 0x1100);
    add(LOAD, 0x800, ANY + 0x2800, 0x100, 0x100, 6);
    assert_true(passes());
}

static void test_what_is_passed_over_and_what_is_refused(void **state) {
    (void)state;
    new_file_with(0, ANY, 1, 1);
    add(LOAD, 0xFFFFFFFF, 7, 0, 0, 0); /* no memory */
    add(0x6474E551, 0, 0, 0, 99, 0);   /* the stack's permissions */
    add(2, 0, 0, 0, 99, 0);
    add(4, 0, 0, 0, 99, 0);
    assert_true(passes());
    assert_true(elf.end == ANY + 1 && elf.header_count == 5);
    add(LOAD, 0, ANY + 0x5000, 0, 0, 0); /* nor any as the last one: the heap begins behind what there is */
    assert_true(passes());
    assert_int_equal(elf.end, ANY + 1);
    add(3, 0, 0, 0, 0, 0); /* an interpreter */
    assert_false(passes());
    new_file(0x1000);
    add(4, 0, ANY, 1, 1, 0);
    add(LOAD, 0, ANY, 0, 0, 0);
    assert_false(passes()); /* nothing to load */
}

/* Where a segment shows the program headers, the program is told. */
static void test_where_the_headers_are_seen(void **state) {
    static const struct {
        uint32_t offset, filesz;
        uintptr_t seen;
    } cases[] = {{0, 0x1000, ANY + HEADER}, {0, HEADER + 1, ANY + HEADER}, {0, HEADER, 0},     {0, 0, 0},
                 {HEADER, 1, ANY + HEADER}, {HEADER + 1, 0x100, 0},        {0x1000, 0x1000, 0}};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        new_file_with(cases[i].offset, ANY + cases[i].offset % PAGE_SIZE, cases[i].filesz, 0x1000);
        assert_true(passes());
        assert_int_equal(elf.headers, cases[i].seen);
    }
    new_file_with(0, ANY, 0x1000, 0x1000); /* where two do, of the last, as on Linux */
    add(LOAD, 0, ANY + 0x3000, 0x200, 0x1000, 6);
    assert_true(passes());
    assert_int_equal(elf.headers, ANY + 0x3000 + HEADER);
}

/* ---- mapping ---- */

static struct mapped {
    uintptr_t va;
    size_t offset, bytes; /* of the file; or PAGES clear ones */
    size_t pages;
    unsigned flags;
} mapped[4];
static size_t mapped_count, mapped_most;

static int record(struct mapped call) {
    if (mapped_count == mapped_most)
        return -ENOMEM;
    mapped[mapped_count++] = call;
    return 0;
}

int memory_map_file(char *va, const struct module *from, size_t offset, size_t bytes, unsigned flags) {
    assert_ptr_equal(from, &module);
    return record((struct mapped){(uintptr_t)va, offset, bytes, 0, flags});
}

int space_reserve(void *va, size_t pages, unsigned flags) {
    return record((struct mapped){(uintptr_t)va, 0, 0, pages, flags});
}

static void call_map(void) {
    mapped_count = 0;
    result = elf_map(&module);
}

/* The calls of the two segments, or the first, which have FILESZ bytes of the file and MEMSZ in all. */
static void check_map(const struct mapped *wanted, size_t count) {
    assert_true(passes());
    for (mapped_most = 0; mapped_most < count; mapped_most++) { /* memory runs out */
        with_exact(call_map);
        assert_int_equal(result, -ENOMEM);
        assert_int_equal(mapped_count, mapped_most);
    }
    mapped_most = ARRAY_SIZE(mapped);
    with_exact(call_map);
    assert_int_equal(result, 0);
    assert_int_equal(mapped_count, count);
    assert_memory_equal(mapped, wanted, count * sizeof *wanted);
}

#define RO VMEM_USER
#define RW (VMEM_USER | VMEM_WRITE)

static void test_a_segments_pages(void **state) {
    static const struct {
        uint32_t offset, vaddr, filesz, memsz, flags;
        struct mapped wanted[2];
    } cases[] = {
        /* whole pages */
        {0, ANY, 0x2000, 0x2000, 5, {{ANY, 0, 0x2000, 0, RO}}},
        {0x1000, ANY, 0x2000, 0x2000, 6, {{ANY, 0x1000, 0x2000, 0, RW}}},
        /* the last page shows what follows in the file */
        {0, ANY, 1, 1, 4, {{ANY, 0, 0x1000, 0, RO}}},
        {0, ANY, 0x1001, 0x1001, 4, {{ANY, 0, 0x2000, 0, RO}}},
        /* as far as there is any */
        {0x3000, ANY, 0x800, 0x800, 4, {{ANY, 0x3000, 0x1000, 0, RO}}},
        {0x4000, ANY, 0x400, 0x400, 4, {{ANY, 0x4000, 0x456, 0, RO}}},
        {0x4123, ANY + 0x123, 0x333, 0x333, 4, {{ANY, 0x4000, 0x456, 0, RO}}},
        /* a clear part: the rest of the page is clear */
        {0, ANY, 0x800, 0x801, 7, {{ANY, 0, 0x800, 0, RW}}},
        {0, ANY, 0x800, 0x1000, 6, {{ANY, 0, 0x800, 0, RW}}},
        {0, ANY, 0x800, 0x801, 4, {{ANY, 0, 0x800, 0, RO}}},
        {0, ANY, 0x800, 0x1001, 6, {{ANY, 0, 0x800, 0, RW}, {ANY + 0x1000, 0, 0, 1, RW}}},
        {0, ANY, 0x1000, 0x3001, 4, {{ANY, 0, 0x1000, 0, RO}, {ANY + 0x1000, 0, 0, 3, RO}}},
        /* nothing of the file */
        {0, ANY, 0, 0x1001, 6, {{ANY, 0, 0, 2, RW}}},
        {0x123, ANY + 0x123, 0, 0xEDD, 2, {{ANY, 0, 0, 1, RW}}},
        {0x123, ANY + 0x123, 0, 0xEDE, 2, {{ANY, 0, 0, 2, RW}}},
        /* it begins inside a page */
        {0x1123, ANY + 0x123, 0xEDD, 0xEDD, 4, {{ANY, 0x1000, 0x1000, 0, RO}}},
        {0x1123, ANY + 0x123, 0xEDE, 0xEDE, 4, {{ANY, 0x1000, 0x2000, 0, RO}}},
        {0x1123, ANY + 0x123, 0x100, 0x200, 6, {{ANY, 0x1000, 0x223, 0, RW}}},
        {0x1123, ANY + 0x123, 0x100, 0xEDD, 6, {{ANY, 0x1000, 0x223, 0, RW}}},
        {0x1123, ANY + 0x123, 0x100, 0xEDE, 6, {{ANY, 0x1000, 0x223, 0, RW}, {ANY + 0x1000, 0, 0, 1, RW}}},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        new_file(0x4456);
        add(LOAD, cases[i].offset, cases[i].vaddr, cases[i].filesz, cases[i].memsz, cases[i].flags);
        check_map(cases[i].wanted, 1 + (cases[i].wanted[1].va != 0));
    }
}

/* A header behind the last one that counts is none. */
static void test_only_the_headers_that_count_are_mapped(void **state) {
    static const struct mapped wanted[] = {{ANY, 0, 0, 1, VMEM_USER}};
    (void)state;
    new_file(0x1000);
    add(LOAD, 0, ANY, 0, PAGE_SIZE, 4);
    add(LOAD, 0, ANY + PAGE_SIZE, 0, PAGE_SIZE, 4);
    put16(F_PHNUM, 1);
    check_map(wanted, 1);
}

static void test_each_segment_is_mapped_and_nothing_else(void **state) {
    static const struct mapped wanted[] = {
        {ANY, 0, 0x1000, 0, RO}, {ANY + 0x1000, 0x1000, 0x10, 0, RW}, {ANY + 0x2000, 0, 0, 1, RW}};
    (void)state;
    new_file(0x2000);
    add(4, 0, ANY, 0x1000, 0x1000, 4);
    add(LOAD, 0, ANY, 0x1000, 0x1000, 5);
    add(LOAD, 0, 0, 0, 0, 5);
    add(LOAD, 0, ANY + 0x3000, 0x800, 0, 6); /* empty, whatever it says of the file */
    add(LOAD, 0x1000, ANY + 0x1000, 0x10, 0x1010, 6);
    check_map(wanted, 3);
}

/* ---- symbols ---- */

enum { SECTIONS = 0x100, SYMBOLS = 0x400, STRINGS = 0x800 };

static void put_section(unsigned i, uint32_t type, uint32_t offset, uint32_t bytes, uint32_t link) {
    size_t at = SECTIONS + i * SECTION;
    put32(at + 4, type);
    put32(at + 16, offset);
    put32(at + 20, bytes);
    put32(at + 24, link);
}

static void put_symbol(unsigned i, uint32_t name, uint32_t value, uint32_t bytes, uint8_t info,
                       unsigned section) {
    size_t at = SYMBOLS + i * SYMBOL;
    put32(at, name);
    put32(at + 4, value);
    put32(at + 8, bytes);
    file[at + 12] = info;
    put16(at + 14, section);
}

enum { OBJECT = 1, FUNC = 2, GLOBAL = 0x10 };

/* A symbol table of six, and its strings. */
static void new_symbols(void) {
    new_file(STRINGS + 19);
    put32(F_SHOFF, SECTIONS);
    put16(F_SHNUM, 4);
    put_section(1, 3, STRINGS, 19, 0);
    put_section(2, 2, SYMBOLS, 6 * SYMBOL, 1);
    put_section(3, 2, SYMBOLS, 0, 1);                      /* a second table is not read */
    memcpy(&file[STRINGS], "\0one\0two\0three\0four", 19); /* without the last NUL */
    put_symbol(1, 9, 0x100, 0x100, 4, 1);                  /* a file's name */
    put_symbol(2, 1, 0x100, 0x10, FUNC | GLOBAL, 1);
    put_symbol(3, 5, 0x110, 4, OBJECT, 1);
    put_symbol(4, 9, 0x120, 0, 0, 1); /* a label */
    put_symbol(5, 9, 0x130, 8, 0, 0); /* not defined here */
}

static uintptr_t address;
static size_t offset_found;
static char name[16];

static void call_symbol(void) {
    const char *found = elf_symbol(&module, address, &offset_found);
    strncpy(name, found ? found : "none", sizeof name - 1);
}

static void check_symbol(uintptr_t at, const char *wanted, size_t offset) {
    address = at;
    offset_found = 0x5555;
    with_exact(call_symbol);
    assert_string_equal(name, wanted);
    if (strcmp(wanted, "none"))
        assert_int_equal(offset_found, offset);
}

static void test_an_address_has_the_symbol_that_holds_it(void **state) {
    (void)state;
    new_symbols();
    check_symbol(0xFF, "none", 0);
    check_symbol(0x100, "one", 0);
    check_symbol(0x10F, "one", 15);
    check_symbol(0x110, "two", 0);
    check_symbol(0x113, "two", 3);
    check_symbol(0x114, "none", 0);
    check_symbol(0x120, "three", 0);
    check_symbol(0x121, "none", 0);
    check_symbol(0x130, "none", 0);
    check_symbol(0x1FF, "none", 0);
    put_symbol(2, 0, 0x100, 0x10, FUNC, 1);
    check_symbol(0x100, "", 0);
    for (uint8_t type = 0; type < 16; type++) { /* a label only where it is defined */
        put_symbol(5, 9, 0x130, 8, type, 1);
        check_symbol(0x131, type <= FUNC ? "three" : "none", 1);
        put_symbol(5, 9, 0x130, 8, type, 0);
        check_symbol(0x131, type == OBJECT || type == FUNC ? "three" : "none", 1);
    }
    put_section(0, 2, SYMBOLS, 6 * SYMBOL, 1); /* any section may be the table */
    put_section(2, 0, 0, 0, 0);
    check_symbol(0x110, "two", 0);
}

/* Every field that leads outside the file, or to a name that does not end in its table, leads to no name. */
static void test_a_symbol_table_is_not_trusted(void **state) {
    (void)state;
    for (uint32_t at = 13; at <= 20; at++) { /* the table's last name does not end */
        new_symbols();
        put_symbol(2, at, 0x100, 0x10, FUNC, 1);
        check_symbol(0x100, at == 13 ? "e" : at == 14 ? "" : "none", 0);
    }
    new_symbols();
    put_section(1, 3, STRINGS, 20, 0); /* past the file's end */
    check_symbol(0x100, "none", 0);
    put_section(1, 3, STRINGS + 19, 0, 0);
    check_symbol(0x100, "none", 0);
    put_section(1, 3, STRINGS + 20, 0, 0);
    check_symbol(0x100, "none", 0);
    put_section(1, 3, STRINGS, 4, 0); /* the name would end just behind it */
    check_symbol(0x100, "none", 0);
    put_section(1, 3, STRINGS, 5, 0);
    check_symbol(0x100, "one", 0);

    new_symbols();
    put_section(2, 2, SYMBOLS, 6 * SYMBOL, 3);
    put_section(3, 3, STRINGS, 19, 0); /* linked to the last section */
    check_symbol(0x100, "one", 0);
    put_section(2, 2, SYMBOLS, 6 * SYMBOL, 4);
    check_symbol(0x100, "none", 0);
    put_section(2, 2, SYMBOLS, 2 * SYMBOL, 1); /* ends before the symbol */
    check_symbol(0x100, "none", 0);
    put_section(2, 2, SYMBOLS, 2 * SYMBOL + 1, 1);
    check_symbol(0x100, "one", 0);
    put_section(2, 2, STRINGS + 19, 6 * SYMBOL, 1);
    check_symbol(0x100, "none", 0);
    put_section(2, 2, 0xFFFFFFF0, 6 * SYMBOL, 1);
    check_symbol(0x100, "none", 0);

    static const uint32_t places[] = {STRINGS + 19, STRINGS + 20, 0xFFFFFFD8, 0xFFFFFFFF};
    for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
        new_symbols();
        put32(F_SHOFF, places[i]);
        check_symbol(0x100, "none", 0);
    }
    new_symbols();
    put16(F_SHENTSIZE, SECTION + 1);
    check_symbol(0x100, "none", 0);
    new_symbols();
    put16(F_SHNUM, 2);
    check_symbol(0x100, "none", 0);
    new_symbols();
    file[0] = 0;
    check_symbol(0x100, "none", 0);
    new_symbols();
    size = SYMBOLS + 2 * SYMBOL; /* cut off inside the table */
    check_symbol(0x100, "none", 0);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_what_the_files_header_must_say),
    cmocka_unit_test(test_the_headers_lie_inside_the_file),
    cmocka_unit_test(test_a_segment_lies_inside_file_and_user_part),
    cmocka_unit_test(test_segments_share_no_page_and_come_in_order),
    cmocka_unit_test(test_what_is_passed_over_and_what_is_refused),
    cmocka_unit_test(test_where_the_headers_are_seen),
    cmocka_unit_test(test_a_segments_pages),
    cmocka_unit_test(test_each_segment_is_mapped_and_nothing_else),
    cmocka_unit_test(test_only_the_headers_that_count_are_mapped),
    cmocka_unit_test(test_an_address_has_the_symbol_that_holds_it),
    cmocka_unit_test(test_a_symbol_table_is_not_trusted),
};

HOST_MAIN(tests)
