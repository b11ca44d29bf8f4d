/* Lab tables, exercise assembly: the three functions of mm/paging.S, on a processor. The test does by itself what comes before
 * and after each. */
#include "check.h"
#include "cpu.h"
#include "types.h"

paddr_t get_page_directory(void);
void set_page_directory(paddr_t directory);
void enable_paging(void);
bool check_preserved(void (*fn)(void), unsigned argument, unsigned *result);

static unsigned directory[1024] __attribute__((aligned(4096)));
static unsigned table[1024] __attribute__((aligned(4096)));
static unsigned high[1024] __attribute__((aligned(4096))); /* of 0x00400000 */
static unsigned page_a[1024] __attribute__((aligned(4096))), page_b[1024] __attribute__((aligned(4096)));

static unsigned read_cr3(void) {
    unsigned value;
    __asm__ volatile("mov %%cr3, %0" : "=r"(value));
    return value;
}

static void write_cr3(void *at) { __asm__ volatile("mov %0, %%cr3" : : "r"(at) : "memory"); }

static void make_tables(void) {
    for (unsigned i = 0; i < 1024; i++)
        table[i] = i << 12 | 3;
    directory[0] = (unsigned)table | 3;
    directory[1] = (unsigned)high | 3;
    high[0] = (unsigned)page_a | 3;
    page_a[0] = 0xAAAA;
    page_b[0] = 0xBBBB;
}

/* Paging as the test itself switches it on. */
static void start_paging(void) {
    make_tables();
    write_cr3(directory);
    write_cr0(read_cr0() | CR0_PG);
}

CASE(get_reads_cr3) {
    make_tables();
    write_cr3(directory);
    doing("get_page_directory()");
    unsigned got = get_page_directory();
    CHECK(got == (unsigned)directory, "CR3 is 0x%08x, but get_page_directory returns 0x%08x: a result is returned in EAX",
          (unsigned)directory, got);
    write_cr3(table);
    CHECK(get_page_directory() == (unsigned)table, "CR3 has changed, but get_page_directory returns what it was before");
}

CASE(set_loads_cr3) {
    make_tables();
    write_cr3(0);
    doing("set_page_directory(0x%08x)", (unsigned)directory);
    set_page_directory((paddr_t)directory);
    CHECK(read_cr3() == (unsigned)directory,
          "set_page_directory(0x%08x) leaves CR3 at 0x%08x: at a function's start 0(%%esp) is where it returns to, and 4(%%esp) "
          "its first argument",
          (unsigned)directory, read_cr3());
}

CASE(set_drops_the_tlb) {
    start_paging();
    const volatile unsigned *at = (unsigned *)0x400000;
    CHECK(*at == 0xAAAA, "the test is wrong");
    high[0] = (unsigned)page_b | 3;
    doing("set_page_directory, with the directory that is loaded already");
    set_page_directory((paddr_t)directory);
    CHECK(*at == 0xBBBB, "the processor still uses an entry that has changed: CR3 must be loaded, even with the same value");
}

CASE(enable_switches_paging_on) {
    make_tables();
    write_cr3(directory);
    doing("enable_paging()");
    enable_paging();
    CHECK(read_cr0() & CR0_PG,
          "CR0 is 0x%08x: PG, bit 31, is still clear. (An immediate begins with $; without it `or` takes a number for an address, "
          "and reads memory there.)",
          read_cr0());
    CHECK(*(volatile unsigned *)0x400000 == 0xAAAA, "paging is on, but an address is not translated");
}

CASE(read_only_binds_the_kernel) {
    make_tables();
    write_cr3(directory);
    write_cr0(read_cr0() & ~CR0_WP);
    doing("enable_paging()");
    enable_paging();
    CHECK(read_cr0() & CR0_WP, "CR0 is 0x%08x: WP, bit 16, is clear, and the kernel can write to pages that are read-only", read_cr0());
}

CASE(other_bits_of_cr0_stay) {
    make_tables();
    write_cr3(directory);
    unsigned before = read_cr0() | CR0_MP | CR0_NE | CR0_AM;
    write_cr0(before);
    doing("enable_paging()");
    enable_paging();
    CHECK(read_cr0() == (before | CR0_PG | CR0_WP), "CR0 was 0x%08x and is 0x%08x: only PG and WP are to be set, the others stay", before,
          read_cr0());
}

static void check_registers(const char *what, void (*fn)(void), unsigned argument) {
    unsigned result;
    doing("%s", what);
    CHECK(check_preserved(fn, argument, &result),
          "%s changes EBX, ESI, EDI, EBP or ESP, which belong to its caller: EAX, ECX and EDX are free to use", what);
}

CASE(registers_are_kept) {
    make_tables();
    check_registers("set_page_directory", (void (*)(void))set_page_directory, (unsigned)directory);
    check_registers("get_page_directory", (void (*)(void))get_page_directory, 0);
    check_registers("enable_paging", enable_paging, 0);
    CHECK(read_cr3() == (unsigned)directory && read_cr0() & CR0_PG, "nothing was done");
}
