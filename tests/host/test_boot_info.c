/* boot_info: what a loader reports, field by field, and whatever is wrong with it.
 *
 * The structures lie in arrays of this program, which has 32-bit addresses like the kernel. What would run off the end
 * of the address space must be refused unread: nothing is mapped there. */
#include "boot_info.h"

#include <stdio.h>
#include <string.h>

#include "memlayout.h"
#include "pm.h"
#include "support.h"

#define MIB 0x100000u
#define TOP 0xFFFFFFFFu
#define MMAP_MOST 65536
#define MODULES_MOST 1024

enum { MEMORY = 1, CMDLINE = 4, MODULES = 8, MMAP = 64, LOADER = 512, FRAMEBUFFER = 4096 };

/* Multiboot 0.6.96 section 3.3. */
static struct {
    uint32_t flags, mem_lower, mem_upper, boot_device, cmdline, mods_count, mods_addr, syms[4], mmap_length,
        mmap_addr, drives[2], config_table, loader, apm_table, vbe[4];
    uint64_t address;
    uint32_t pitch, width, height;
    uint8_t bits, type, colour[8];
} __attribute__((packed)) info;

static struct { uint32_t start, end, string, reserved; } mods[MODULES_MOST + 1];

static uint8_t mmap[(MMAP_MOST + 2) * 24];

static uint32_t address_of(const void *p) { return (uint32_t)(uintptr_t)p; }

/* ---- the log ---- */

static char logged[4096];
static size_t log_length;

void __wrap_kprintf(const char *fmt, ...);
void __wrap_kprintf(const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    if (log_length < sizeof logged)
        log_length += (size_t)vsnprintf(logged + log_length, sizeof logged - log_length, fmt, args);
    va_end(args);
}

#define CHECK_LOGGED(text) assert_string_equal(logged, text)

static void clear(void) {
    memset(&boot_info, 0, sizeof boot_info);
    logged[0] = '\0';
    log_length = 0;
}

static void read(unsigned flags) {
    clear();
    info.flags = flags;
    boot_info_read(address_of(&info));
}

/* ---- the memory map ---- */

/* Writes an entry of SIZE + 4 bytes at AT in the table; returns where the next one goes. */
static uint32_t put(uint32_t at, uint32_t size, uint64_t base, uint64_t length, uint32_t type) {
    memcpy(&mmap[at], &size, 4);
    memcpy(&mmap[at + 4], &base, 8);
    memcpy(&mmap[at + 12], &length, 8);
    memcpy(&mmap[at + 20], &type, 4);
    return at + size + 4;
}

static void read_table(uint32_t length) {
    info.mmap_addr = address_of(mmap);
    info.mmap_length = length;
    read(MMAP);
}

static bool is_memory(uint64_t at) { return boot_info_is_memory(at, at + 1); }

static void test_a_map_is_read_whatever_its_entries_size(void **state) {
    (void)state;
    for (uint32_t size = 20; size < 40; size++) {
        uint32_t at = put(0, size, 0x40000000, 0x1000, 1);
        at = put(at, size, 0x50000000, 0x1000, 2);
        at = put(at, size, 0x60000000, 0x1000, 1);
        read_table(at);
        CHECK_LOGGED("");
        assert_int_equal(boot_info.memmap_entries, 3);
        assert_true(is_memory(0x40000000) && is_memory(0x60000000));
        assert_false(is_memory(0x50000000));
        read_table(at + 23); /* not enough for one more */
        assert_int_equal(boot_info.memmap_entries, 3);
        assert_true(is_memory(0x60000000));
        read_table(at - size - 4);
        assert_int_equal(boot_info.memmap_entries, 2);
        assert_false(is_memory(0x60000000));
    }
}

/* Where entries overlap, one that says memory is enough, in any order. */
static void test_one_entry_that_says_memory_is_enough(void **state) {
    static const uint32_t types[][3] = {{1, 2, 2}, {2, 1, 2}, {2, 2, 1}};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        uint32_t at = put(0, 20, 0x40000000, 0x1000, types[i][0]);
        at = put(at, 20, 0x40000000, 0x1000, types[i][1]);
        read_table(put(at, 20, 0x40000000, 0x1000, types[i][2]));
        assert_true(is_memory(0x40000800));
    }
}

static void test_an_entry_that_is_too_short_ends_the_map(void **state) {
    uint32_t second = put(0, 20, 0x40000000, 0x1000, 1);
    char text[100];
    (void)state;
    for (uint32_t size = 0; size < 20; size++) {
        put(second, size, 0x60000000, 0x1000, 1);
        read_table(second + 24);
        snprintf(text, sizeof text, "quire: the memory map ends at entry 1, whose size is %u\n", size);
        CHECK_LOGGED(text);
        assert_int_equal(boot_info.memmap_entries, 1);
        assert_int_equal(boot_info.map_runs, 1);
        assert_true(is_memory(0x40000000));
        assert_false(is_memory(0x60000000));
    }
}

static void test_an_entry_that_runs_off_the_map_is_the_last(void **state) {
    static const uint32_t sizes[] = {21, 44, 45, 0x1000, 0x7FFFFFFF, TOP - 4, TOP - 3, TOP};
    uint32_t second = put(0, 20, 0x40000000, 0x1000, 1);
    char text[100];
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        put(second, sizes[i], 0x60000000, 0x1000, 1);
        put(second + 24, 20, 0x70000000, 0x1000, 1);
        read_table(sizes[i] < 45 ? second + 24 : second + 48);
        snprintf(text, sizeof text, "quire: entry 1 of the memory map, of %u bytes, runs off the map's end\n",
                 sizes[i]);
        CHECK_LOGGED(text);
        assert_int_equal(boot_info.memmap_entries, 2);
        assert_true(is_memory(0x40000000) && is_memory(0x60000000));
        assert_false(is_memory(0x70000000));
        assert_int_equal(boot_info.map_runs, 2);
        assert_true(boot_info.map[1].base == 0x60000000 && boot_info.map[1].length == 0x1000);
    }
    put(second, 44, 0x60000000, 0x1000, 1); /* exactly to the end */
    read_table(second + 48);
    CHECK_LOGGED("");
    assert_int_equal(boot_info.memmap_entries, 2);
    assert_int_equal(boot_info.map_runs, 2);
}

/* What is left behind the last entry is too short for one, whatever lies behind the map. */
static void test_a_map_may_be_longer_than_its_entries(void **state) {
    uint32_t second = put(0, 20, 0x40000000, 0x1000, 1), third = put(second, 20, 0x60000000, 0x1000, 1);
    (void)state;
    put(third, 20, 0x70000000, 0x1000, 1);
    for (uint32_t more = 0; more < 24; more++) {
        read_table(third + more);
        CHECK_LOGGED("");
        assert_int_equal(boot_info.memmap_entries, 2);
        assert_true(is_memory(0x60000000));
        assert_false(is_memory(0x70000000));
    }
}

static void test_a_map_off_the_address_space_is_not_read(void **state) {
    (void)state;
    info.mmap_addr = TOP - 15;
    info.mmap_length = 17;
    read(MMAP);
    CHECK_LOGGED("quire: the memory map at 0xfffffff0, 17 bytes, runs off the end of the address space\n");
    assert_int_equal(boot_info.memmap_entries, 0);
    info.mmap_length = 16;
    read(MMAP);
    CHECK_LOGGED("");
    info.mmap_addr = 0; /* not given */
    info.mmap_length = 48;
    read(MMAP);
    CHECK_LOGGED("quire: the memory map at 0x00000000, 48 bytes, runs off the end of the address space\n");
    assert_int_equal(boot_info.memmap_entries, 0);
}

/* Entries that do not touch, one more each time. */
static void test_neighbours_of_one_type_are_kept_as_one(void **state) {
    (void)state;
    uint32_t at = put(0, 20, 0x1000, 0x1000, 1);
    at = put(at, 20, 0x2000, 0x3000, 1);
    at = put(at, 20, 0x5000, 0x1000, 2); /* another type */
    at = put(at, 20, 0x6001, 0x1000, 2); /* a byte lies between */
    at = put(at, 20, 0x7000, 0x1000, 2); /* they overlap */
    read_table(at);
    assert_int_equal(boot_info.memmap_entries, 5);
    assert_int_equal(boot_info.map_runs, 4);
    assert_true(boot_info.map[0].base == 0x1000 && boot_info.map[0].length == 0x4000 &&
                boot_info.map[0].type == 1);
    assert_true(boot_info.map[1].base == 0x5000 && boot_info.map[1].length == 0x1000 &&
                boot_info.map[1].type == 2);
    assert_true(boot_info.map[2].base == 0x6001 && boot_info.map[3].base == 0x7000);

    at = put(0, 20, 0x1000, 0x1000, 2); /* they touch, and neither is memory */
    at = put(at, 20, 0x2000, 0x1000, 3);
    memset(&boot_info, 0, sizeof boot_info);
    read_table(at);
    assert_int_equal(boot_info.map_runs, 2);
    assert_int_equal(boot_info.map[1].type, 3);

    at = put(0, 20, 0x1000, 0x1000, 1); /* one has no length: it is kept all the same */
    at = put(at, 20, 0x8000, 0, 2);
    memset(&boot_info, 0, sizeof boot_info);
    read_table(at);
    assert_int_equal(boot_info.map_runs, 2);
    assert_true(boot_info.map[1].base == 0x8000 && boot_info.map[1].length == 0 && boot_info.map[1].type == 2);

    for (unsigned n = MAP_KEPT - 1; n <= MAP_KEPT + 3; n++) {
        at = 0;
        for (unsigned i = 0; i < n; i++)
            at = put(at, 20, i * 0x2000, 0x1000, 1);
        at = put(at, 20, (n - 1) * 0x2000 + 0x1000, 0x800, 1); /* touches the last one, if that was kept */
        memset(&boot_info, 0, sizeof boot_info);
        read_table(at);
        assert_int_equal(boot_info.map_runs, n <= MAP_KEPT ? n : n + 1);
        if (n <= MAP_KEPT)
            assert_true(boot_info.map[n - 1].length == 0x1800);
        assert_true(boot_info.map[MAP_KEPT - 2].base == (MAP_KEPT - 2) * 0x2000);
        assert_int_equal(boot_info.mem_lower, 0); /* what follows map[] is as it was */
    }
}

/* An entry that continues the last one kept is merged into it only if no entry that was not kept lies between. */
static void test_no_entry_is_merged_across_one_that_was_not_kept(void **state) {
    uint32_t at = 0;
    (void)state;
    for (unsigned i = 0; i <= MAP_KEPT; i++)
        at = put(at, 20, i * 0x2000, 0x1000, 1);
    at = put(at, 20, (MAP_KEPT - 1) * 0x2000 + 0x1000, 0x800, 1);
    memset(&boot_info, 0, sizeof boot_info);
    read_table(at);
    assert_int_equal(boot_info.map_runs, MAP_KEPT + 2);
    assert_int_equal(boot_info.map[MAP_KEPT - 1].length, 0x1000);
}

static void call_memory(uintptr_t a, uintptr_t b) {
    (void)a;
    (void)b;
    boot_info_memory();
}

static void test_more_entries_than_any_map_has_are_a_panic(void **state) {
    (void)state;
    for (unsigned n = MMAP_MOST; n <= MMAP_MOST + 2; n++) {
        uint32_t at = 0;
        for (unsigned i = 0; i + 1 < n; i++)
            at = put(at, 20, 0x80000000 + (uint64_t)i * 0x2000, 0x1000, 1);
        at = put(at, 20, MIB, 64 * MIB, 1);
        read_table(at);
        if (n > MMAP_MOST)
            EXPECT_PANIC("quire: the memory map has more than 65536 entries", call_memory, 0, 0);
        else
            boot_info_memory();
        assert_int_equal(boot_info.memmap_entries, n > MMAP_MOST ? MMAP_MOST + 1 : n);
    }
}

static void test_without_a_map_the_two_sizes_are_taken(void **state) {
    (void)state;
    clear();
    info.mem_lower = 639;
    info.mem_upper = 63 * 1024;
    read(MEMORY);
    assert_int_equal(boot_info.mem_lower, 639);
    assert_int_equal(boot_info.mem_upper, 63 * 1024);
    assert_true(is_memory(0) && is_memory(639 * 1024 - 1) && is_memory(MIB) && is_memory(64 * MIB - 1));
    assert_false(is_memory(639 * 1024) || is_memory(MIB - 1) || is_memory(64 * MIB));
    info.mem_upper = 0x400000; /* in KiB: up to 1 MiB past 4 GiB */
    read(MEMORY);
    assert_true(is_memory(TOP) && is_memory((uint64_t)TOP + MIB));
    assert_false(is_memory((uint64_t)TOP + MIB + 1));
    info.mem_upper = 63 * 1024;
    read(MEMORY);
    boot_info_memory();
    CHECK_LOGGED("quire: no memory map; using mem_lower, 639 KiB, and mem_upper, 64512 KiB\n"
                 "memmap: 0 entries; 64512 KiB of memory from 1 MiB up\n"
                 "pm: 16287 frames: 16072 free, 215 reserved\n"); /* 159 below 1 MiB, 56 the kernel's */
    read(0);
    assert_int_equal(boot_info.mem_lower, 0);
    assert_int_equal(boot_info.mem_upper, 0);
    EXPECT_PANIC("quire: the boot loader reports neither a memory map nor the memory's size", call_memory, 0,
                 0);
}

static void test_what_is_memory_to_the_byte(void **state) {
    const uint64_t far = (uint64_t)1 << 40;
    (void)state;
    uint32_t at = put(0, 20, 0x40000800, 0x1000, 1);
    at = put(at, 20, 0x50000000, 0, 1);
    at = put(at, 20, far, ~(uint64_t)0, 1); /* its end wraps */
    read_table(at);
    assert_false(boot_info_is_memory(0x40000000, 0x40000800));
    assert_true(boot_info_is_memory(0x40000000, 0x40000801));
    assert_true(boot_info_is_memory(0x400017FF, 0x40002000));
    assert_false(boot_info_is_memory(0x40001800, 0x40002000));
    assert_true(boot_info_is_memory(0x40000900, 0x40000901));
    assert_false(boot_info_is_memory(0x50000000, 0x50001000));
    assert_false(boot_info_is_memory(0x4FFFF000, 0x50001000));
    assert_false(boot_info_is_memory(far - 1, far));
    assert_true(boot_info_is_memory(far, far + 1));
    assert_true(boot_info_is_memory(~(uint64_t)0 - 1, ~(uint64_t)0));
    assert_true(boot_info_is_memory((uintptr_t)kernel_start, (uintptr_t)kernel_start + 1));
    assert_false(boot_info_is_memory(0, (uintptr_t)kernel_start));
    assert_true(boot_info_is_memory((uintptr_t)kernel_end - 1, (uintptr_t)kernel_end + 1));
    assert_false(boot_info_is_memory((uintptr_t)kernel_end, (uintptr_t)kernel_end + 1));
}

/* ---- text, and fields ---- */

static char text[CMDLINE_MAX + 10];

static void fill_text(size_t length) {
    memset(text, 'a', sizeof text);
    for (size_t i = 0; i < length; i++)
        text[i] = (char)('a' + i % 26);
    text[length] = '\0';
}

static void test_the_command_line_is_cut_at_its_limit(void **state) {
    static const size_t lengths[] = {0,
                                     1,
                                     2,
                                     3,
                                     1000,
                                     CMDLINE_MAX - 2,
                                     CMDLINE_MAX - 1,
                                     CMDLINE_MAX,
                                     CMDLINE_MAX + 1,
                                     CMDLINE_MAX + 2};
    (void)state;
    info.cmdline = address_of(text);
    for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
        size_t length = lengths[i];
        fill_text(length);
        read(CMDLINE);
        size_t kept = length < CMDLINE_MAX ? length : CMDLINE_MAX;
        assert_int_equal(strlen(boot_info.cmdline), kept);
        assert_memory_equal(boot_info.cmdline, text, kept);
        assert_int_equal(boot_info.cmdline_cut, length > CMDLINE_MAX);
    }
    info.cmdline = 0;
    read(CMDLINE);
    assert_string_equal(boot_info.cmdline, "");
    assert_true(boot_info.cmdline_cut);
}

static void test_the_loaders_name_is_cut(void **state) {
    (void)state;
    info.loader = address_of(text);
    for (size_t length = 62; length <= 66; length++) {
        fill_text(length);
        read(LOADER);
        assert_int_equal(strlen(boot_info.loader), length < 63 ? length : 63);
        assert_memory_equal(boot_info.loader, text, length < 63 ? length : 63);
    }
    assert_false(boot_info.cmdline_cut);
}

static void test_a_field_without_its_flag_is_not_read(void **state) {
    static const struct boot_info nothing;
    (void)state;
    fill_text(5);
    uint32_t at = put(0, 20, 0x40000000, 0x1000, 1);
    memset(&info, 0x11, sizeof info);
    info.mmap_addr = address_of(mmap);
    info.mmap_length = at;
    info.cmdline = info.loader = address_of(text);
    info.mods_addr = address_of(mods);
    info.mods_count = 2;
    read(~(unsigned)(MEMORY | CMDLINE | MODULES | MMAP | LOADER | FRAMEBUFFER));
    assert_memory_equal(&boot_info, &nothing, sizeof boot_info);
    CHECK_LOGGED("");
    for (unsigned flag = 1; flag; flag <<= 1) {
        read(flag);
        assert_int_equal(boot_info.mem_lower != 0, flag == MEMORY);
        assert_int_equal(boot_info.mem_upper != 0, flag == MEMORY);
        assert_int_equal(boot_info.cmdline[0] != 0, flag == CMDLINE);
        assert_int_equal(boot_info.modules != 0, flag == MODULES);
        assert_int_equal(boot_info.memmap_entries != 0, flag == MMAP);
        assert_int_equal(boot_info.loader[0] != 0, flag == LOADER);
        assert_int_equal(boot_info.framebuffer.pitch != 0, flag == FRAMEBUFFER);
    }
}

static void test_information_off_the_address_space_is_not_read(void **state) {
    static const struct boot_info nothing;
    static const uint32_t places[] = {0, TOP, TOP - 1, TOP - sizeof info + 2};
    char words[100];
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
        info.mem_lower = 5;
        info.mods_count = 3;
        read(MEMORY | MODULES); /* what was read before is forgotten */
        clear();
        boot_info_read(places[i]);
        snprintf(words, sizeof words,
                 "quire: the boot information at 0x%08x runs off the end of the address space\n", places[i]);
        CHECK_LOGGED(words);
        assert_memory_equal(&boot_info, &nothing, sizeof boot_info);
        EXPECT_PANIC("neither a memory map nor", call_memory, 0, 0);
    }
}

static void test_the_framebuffers_fields(void **state) {
    (void)state;
    info.address = 0x1FD000000;
    info.pitch = 4096, info.width = 1024, info.height = 768, info.bits = 32;
    for (unsigned type = 0; type < 256; type++) {
        unsigned red = type % 2 ? 16 : 0;
        info.type = (uint8_t)type;
        for (unsigned by = 0; by <= 2; by += 2) { /* where GRUB has them, they begin two bytes later */
            memset(info.colour, 0, sizeof info.colour);
            memcpy(&info.colour[by], (uint8_t[]){(uint8_t)red, 8, 9, 7, 1, 6}, 6);
            read(FRAMEBUFFER);
            const struct framebuffer_info *f = &boot_info.framebuffer;
            assert_int_equal(f->type, type < FRAMEBUFFER_NONE ? type : FRAMEBUFFER_NONE);
            assert_true(f->address == 0x1FD000000);
            assert_true(f->pitch == 4096 && f->width == 1024 && f->height == 768 && f->bits_per_pixel == 32);
            assert_true(f->red_shift == red && f->red_bits == 8 && f->green_shift == 9 && f->green_bits == 7 &&
                        f->blue_shift == 1 && f->blue_bits == 6);
        }
    }
}

/* ---- modules ---- */

static void use_modules(uint32_t count) {
    info.mods_addr = address_of(mods);
    info.mods_count = count;
    read(MODULES);
}

static void set_module(unsigned i, uint32_t start, uint32_t end, const char *string) {
    mods[i].start = start;
    mods[i].end = end;
    mods[i].string = address_of(string);
}

static void test_modules_are_kept_and_logged(void **state) {
    char words[60];
    (void)state;
    for (unsigned i = 0; i <= MODULES_KEPT; i++)
        set_module(i, 0x400000 + i * 0x1000, 0x400800 + i * 0x1000, "/boot/dir/file --an=/option");
    use_modules(MODULES_KEPT + 1);
    assert_int_equal(boot_info.modules, MODULES_KEPT + 1);
    for (unsigned i = 0; i < MODULES_KEPT; i++) {
        assert_int_equal(boot_info.module[i].start, mods[i].start);
        assert_int_equal(boot_info.module[i].end, mods[i].end);
        assert_string_equal(boot_info.module[i].name, "/boot/dir/file --an=/option");
        assert_string_equal(boot_info.module[i].file, "file");
        snprintf(words, sizeof words, "quire: module %u at 0x%08x-0x%08x: /boot/", i, mods[i].start,
                 mods[i].end);
        assert_non_null(strstr(logged, words));
    }
    assert_null(strstr(logged, "module 16"));
    assert_int_equal(boot_info.framebuffer.pitch, 0); /* what follows module[] is as it was */
}

static void check_file(const char *string, const char *file) {
    set_module(0, 0x400000, 0x401000, string);
    use_modules(1);
    assert_string_equal(boot_info.module[0].file, file);
}

static void test_a_modules_file_is_the_last_part_of_its_path(void **state) {
    (void)state;
    check_file("plain", "plain");
    check_file("/a/b/c", "c");
    check_file("a/b ", "b");
    check_file("dir/", "");
    check_file("", "");
    check_file(" x/y", "");
    check_file("name x/y/z", "name");
    check_file("/1234567890123456789012345678901",
               "1234567890123456789012345678901"); /* 31: as many as fit */
    check_file("/12345678901234567890123456789012", "1234567890123456789012345678901");
    static char path[CMDLINE_MAX + 3];
    memset(path, 'x', CMDLINE_MAX + 2);
    memcpy(path + CMDLINE_MAX - 2, "/abc", 4); /* cut where a command line is */
    check_file(path, "a");
    path[CMDLINE_MAX] = '\0';
    check_file(path, "a");
    fill_text(70);
    set_module(0, 0, 0, text);
    use_modules(1);
    assert_int_equal(strlen(boot_info.module[0].name), 63);
}

static void test_a_text_ends_where_it_does_whatever_was_there_before(void **state) {
    (void)state;
    set_module(0, 0x400000, 0x401000, "/a/long/name/of/a/file");
    use_modules(1);
    set_module(0, 0x400000, 0x401000, "b");
    boot_info_read(address_of(&info)); /* over the first */
    assert_string_equal(boot_info.module[0].name, "b");
    assert_string_equal(boot_info.module[0].file, "b");
}

static void test_modules_without_their_flag_are_not_reserved(void **state) {
    (void)state;
    set_module(0, 0x400000, 0x500000, "m");
    info.mods_addr = address_of(mods);
    info.mods_count = 1;
    info.mmap_addr = address_of(mmap);
    info.mmap_length = put(0, 20, MIB, 15 * MIB, 1);
    read(MMAP);
    boot_info_memory();
    assert_int_equal(pm_count().free, 3840 - 56);
}

static void test_more_modules_than_are_read(void **state) {
    (void)state;
    for (unsigned i = 0; i <= MODULES_MOST; i++)
        set_module(i, 0x400000, 0x401000, "");
    use_modules(MODULES_MOST);
    assert_int_equal(boot_info.modules, MODULES_MOST);
    assert_int_equal(strncmp(logged, "quire: module 0 ", 16), 0);
    use_modules(MODULES_MOST + 1);
    assert_int_equal(boot_info.modules, MODULES_MOST);
    assert_int_equal(strncmp(logged, "quire: 1025 modules: only the first 1024 are read\n", 50), 0);
    use_modules(TOP);
    assert_int_equal(boot_info.modules, MODULES_MOST);
}

static void test_a_list_of_modules_off_the_address_space_ends(void **state) {
    const uint32_t high[4] = {0x400000, 0x401000, 0, 0}; /* the stack lies above 2 GiB */
    (void)state;
    info.mods_count = 1;
    info.mods_addr = address_of(high);
    read(MODULES);
    assert_int_equal(boot_info.modules, 1);
    assert_int_equal(boot_info.module[0].start, 0x400000);
    info.mods_count = 3;
    for (uint32_t at = TOP - 14; at; at++) {
        char words[100];
        info.mods_addr = at;
        read(MODULES);
        snprintf(words, sizeof words,
                 "quire: the list of modules at 0x%08x runs off the end of the address space\n", at);
        CHECK_LOGGED(words);
        assert_int_equal(boot_info.modules, 0);
    }
    info.mods_addr = 0;
    read(MODULES);
    assert_int_equal(boot_info.modules, 0);
}

static void test_a_module_backwards_or_over_the_kernel_is_said(void **state) {
    const uint32_t start = (uint32_t)(uintptr_t)kernel_start, end = (uint32_t)(uintptr_t)kernel_end;
    (void)state;
    set_module(0, 0x400001, 0x400000, "m");
    use_modules(1);
    CHECK_LOGGED("quire: module 0 ends at 0x00400000, before it starts at 0x00400001\n"
                 "quire: module 0 at 0x00400001-0x00400001: m\n");
    assert_int_equal(boot_info.module[0].end, 0x400001);
    set_module(0, 0x400000, 0x400000, "m");
    use_modules(1);
    CHECK_LOGGED("quire: module 0 at 0x00400000-0x00400000: m\n");
    const struct {
        uint32_t start, end;
        bool over;
    } cases[] = {{0, start, false}, {0, start + 1, true}, {end - 1, end + 5, true}, {end, end + 5, false}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char words[100];
        set_module(0, cases[i].start, cases[i].end, "m");
        use_modules(1);
        snprintf(words, sizeof words, "quire: module 0 at 0x%08x-0x%08x lies over the kernel\n",
                 cases[i].start, cases[i].end);
        assert_int_equal(strstr(logged, words) != NULL, cases[i].over);
    }
}

/* ---- pm ---- */

static void test_pm_gets_the_map_without_the_kernel_and_the_modules(void **state) {
    (void)state;
    set_module(0, 0x400800, 0x401801, "two frames, touched");
    set_module(1, 0x500000, 0x500000, "none");
    set_module(2, 0x600000, 0x5FF000, "none, backwards");
    set_module(3, 0x700FFF, 0x701000, "one");
    set_module(4, 0x800000, 0x804000, "four");
    set_module(5, 0x801000, 0x802000, "inside these");
    set_module(6, (uint32_t)(uintptr_t)kernel_end - 1, (uint32_t)(uintptr_t)kernel_end + 1, "one beyond the kernel");
    info.mods_addr = address_of(mods);
    info.mods_count = 7;
    info.mmap_addr = address_of(mmap);
    info.mmap_length = put(put(0, 20, 0, 0x9F000, 1), 20, MIB, 15 * MIB, 1);
    read(MMAP | MODULES);
    log_length = 0;
    boot_info_memory();
    CHECK_LOGGED("memmap: 2 entries; 15360 KiB of memory from 1 MiB up\n"
                 "pm: 3999 frames: 3776 free, 223 reserved\n");
    assert_int_equal(pm_count().free, 3840 - 56 - 3 - 4 - 1);
    assert_false(boot_info_is_memory(0x10000000, 0x10001000));
}

static void test_modules_that_are_not_kept_are_reserved_too(void **state) {
    (void)state;
    for (unsigned i = 0; i < MODULES_KEPT + 2; i++)
        set_module(i, 0x400000 + i * 0x1000, 0x401000 + i * 0x1000, "m");
    info.mods_addr = address_of(mods);
    info.mods_count = MODULES_KEPT + 2;
    info.mmap_addr = address_of(mmap);
    info.mmap_length = put(0, 20, MIB, 15 * MIB, 1);
    read(MMAP | MODULES);
    boot_info_memory();
    assert_int_equal(pm_count().free, 3840 - 56 - (MODULES_KEPT + 2));
}

static void test_too_little_memory_is_a_panic_that_says_how_much(void **state) {
    (void)state;
    info.mmap_addr = address_of(mmap);
    for (unsigned frames = PM_MIN_FRAMES - 1; frames <= PM_MIN_FRAMES; frames++) {
        char words[200];
        info.mmap_length = put(0, 20, MIB, (uint64_t)frames * PAGE_SIZE, 1);
        read(MMAP);
        snprintf(words, sizeof words,
                 "memmap: %u KiB of memory from 1 MiB up is too little: Quire needs %u KiB", frames * 4,
                 PM_MIN_FRAMES * 4);
        if (frames < PM_MIN_FRAMES)
            EXPECT_PANIC(words, call_memory, 0, 0);
        else
            boot_info_memory();
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_a_map_is_read_whatever_its_entries_size),
    cmocka_unit_test(test_one_entry_that_says_memory_is_enough),
    cmocka_unit_test(test_an_entry_that_is_too_short_ends_the_map),
    cmocka_unit_test(test_an_entry_that_runs_off_the_map_is_the_last),
    cmocka_unit_test(test_a_map_may_be_longer_than_its_entries),
    cmocka_unit_test(test_a_map_off_the_address_space_is_not_read),
    cmocka_unit_test(test_neighbours_of_one_type_are_kept_as_one),
    cmocka_unit_test(test_no_entry_is_merged_across_one_that_was_not_kept),
    cmocka_unit_test(test_more_entries_than_any_map_has_are_a_panic),
    cmocka_unit_test(test_without_a_map_the_two_sizes_are_taken),
    cmocka_unit_test(test_what_is_memory_to_the_byte),
    cmocka_unit_test(test_the_command_line_is_cut_at_its_limit),
    cmocka_unit_test(test_the_loaders_name_is_cut),
    cmocka_unit_test(test_a_field_without_its_flag_is_not_read),
    cmocka_unit_test(test_information_off_the_address_space_is_not_read),
    cmocka_unit_test(test_the_framebuffers_fields),
    cmocka_unit_test(test_modules_are_kept_and_logged),
    cmocka_unit_test(test_a_modules_file_is_the_last_part_of_its_path),
    cmocka_unit_test(test_a_text_ends_where_it_does_whatever_was_there_before),
    cmocka_unit_test(test_modules_without_their_flag_are_not_reserved),
    cmocka_unit_test(test_more_modules_than_are_read),
    cmocka_unit_test(test_a_list_of_modules_off_the_address_space_ends),
    cmocka_unit_test(test_a_module_backwards_or_over_the_kernel_is_said),
    cmocka_unit_test(test_pm_gets_the_map_without_the_kernel_and_the_modules),
    cmocka_unit_test(test_modules_that_are_not_kept_are_reserved_too),
    cmocka_unit_test(test_too_little_memory_is_a_panic_that_says_how_much),
};

HOST_MAIN(tests)
