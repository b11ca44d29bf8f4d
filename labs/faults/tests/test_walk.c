/* Lab faults, exercise walk: vmem_walk, vmem_translate and page_fault_at, on a machine whose TLB is as a processor's: an entry that
 * it has is used until it is flushed, whatever memory says by then. */
#include "fault.h"
#include "pm.h"
#include "symbols.h"

#define FRAMES 32
#define DIRECTORY 0x1000u
#define TABLE 0x2000u     /* of 0xD0000000 */
#define NEW_TABLE 0x3000u /* what replaces it */
#define HEAP 0xD0000000u
#define TABLE_ENTRY_FLAGS (PTE_PRESENT | PTE_WRITE | PTE_USER)
#define PDI 832
#define WINDOW_PAGE (WINDOW_START + PDI * PAGE_SIZE)

static unsigned memory[FRAMES][ENTRIES_PER_TABLE], tlb[1 << 20];
static paddr_t cr3 = DIRECTORY;

static unsigned *word(paddr_t pa) {
    CHECK(pa / PAGE_SIZE < FRAMES, "there is no memory at the physical address 0x%08x", pa);
    return &memory[pa / PAGE_SIZE][pa % PAGE_SIZE / 4];
}

static void no_page(uintptr_t va) {
    unsigned table = (va - WINDOW_START) / PAGE_SIZE, pde = va < WINDOW_START ? 0 : *word(cr3 + table * 4);
    CHECK(!pde, "the walk looks into page table %u, but bit 0 of PD[%u], 0x%08x, is clear: the table is absent, whatever else the entry holds",
          table, table, pde);
    CHECK(va < WINDOW_START, "the walk looks into page table %u though PD[%u] is absent: the window has a hole there, at 0x%08x, so this is "
          "a page fault, in the report of a page fault", table, table, (unsigned)va);
    wrong("the walk reads 0x%08x: entries are seen in the window, from 0x%08x on", (unsigned)va, WINDOW_START);
}

static paddr_t translate(uintptr_t va) {
    unsigned *seen = &tlb[va / PAGE_SIZE];
    if (!*seen) {
        unsigned pde = *word(cr3 + (va >> 22) * 4);
        unsigned pte = pde & PTE_PRESENT ? *word(entry_frame(pde) + (va >> 12 & 1023) * 4) : 0;
        if (!(pte & PTE_PRESENT))
            no_page(va);
        *seen = pte;
    }
    return entry_frame(*seen) | (va & PAGE_MASK);
}

/* ---- the processor, as mm/vmem.c and page_fault.c know it ---- */

static unsigned reads;
unsigned read_entry(const volatile unsigned *entry) { return reads++, *word(translate((uintptr_t)entry)); }
void flush_page(const void *va) { tlb[(uintptr_t)va / PAGE_SIZE] = 0; }
paddr_t get_page_directory(void) { return cr3; }

void set_page_directory(paddr_t directory) {
    cr3 = directory;
    memset(tlb, 0, sizeof tlb);
}

static void changes(void) { wrong("an entry is written: to look must change nothing"); }
void write_entry(volatile unsigned *entry, unsigned value) { (void)entry, (void)value, changes(); }
void store_words(void **to, unsigned value, size_t words) { (void)to, (void)value, (void)words, changes(); }
void copy_words(void **to, const void **from, size_t words) { (void)to, (void)from, (void)words, changes(); }
size_t zero_words(const void *at, size_t words) { return (void)at, (void)words, changes(), 0; }
void enable_paging(void) { changes(); }

const char *symbol_at(uintptr_t address, size_t *offset) { return (void)address, (void)offset, NULL; }
const char *symbol_text(uintptr_t address, char text[SYMBOL_TEXT]) { return (void)address, text; }
const char *place_text(uintptr_t address, char text[PLACE_TEXT]) { return (void)address, text; }
void page_fault_print_cause(const struct page_fault *fault) { (void)fault; }

/* ---- the machine ---- */

static void start(void) {
    *word(DIRECTORY + PDI * 4) = TABLE | TABLE_ENTRY_FLAGS;
    *word(DIRECTORY + 1023 * 4) = DIRECTORY | PTE_PRESENT | PTE_WRITE;
    for (unsigned i = 0; i < ENTRIES_PER_TABLE; i++) {
        *word(TABLE + i * 4) = (0x100000 + i * PAGE_SIZE) | PTE_PRESENT | (i % 2 ? PTE_WRITE : 0);
        *word(NEW_TABLE + i * 4) = 0;
    }
}

static struct vmem_walk walk_to(uintptr_t va, bool mapped) {
    struct vmem_walk walk;
    memset(&walk, 0x5A, sizeof walk);
    doing("vmem_walk(0x%08x), where PD[%u] is 0x%08x (entries are read with read_entry)", (unsigned)va, (unsigned)(va >> 22), *word(cr3 + (va >> 22) * 4));
    reads = 0;
    bool says = vmem_walk((void *)va, &walk);
    CHECK(reads, "vmem_walk has read no entry: entries are read with read_entry, which is what reaches the machine's memory here");
    CHECK(says == mapped, "vmem_walk(0x%08x) returns %s, but the page is %s", (unsigned)va, says ? "true" : "false",
          mapped ? "mapped" : "not mapped");
    return walk;
}

CASE(an_address_is_split) {
    static const struct {
        uintptr_t va;
        unsigned pdi, pti, offset;
        bool mapped;
    } addresses[] = {{HEAP, 832, 0, 0, true},          {HEAP + 0x3FF123, 832, 1023, 0x123, true}, {0, 0, 0, 0, false},
                     {0x00401FFF, 1, 1, 0xFFF, false}, {0x7FFFFFFF, 511, 1023, 0xFFF, false},     {0x80000000, 512, 0, 0, false},
                     {0xFFFFFFFF, 1023, 1023, 0xFFF, true}};
    start();
    for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
        struct vmem_walk walk = walk_to(addresses[i].va, addresses[i].mapped);
        CHECK(walk.pdi == addresses[i].pdi, "0x%08x: PDI is its upper 10 bits, %u, but vmem_walk says %u", (unsigned)addresses[i].va,
              addresses[i].pdi, walk.pdi);
        CHECK(walk.pti == addresses[i].pti, "0x%08x: PTI is its middle 10 bits, %u, but vmem_walk says %u", (unsigned)addresses[i].va,
              addresses[i].pti, walk.pti);
        CHECK(walk.offset == addresses[i].offset, "0x%08x: the offset is its lower 12 bits, 0x%x, but vmem_walk says 0x%x%s",
              (unsigned)addresses[i].va, addresses[i].offset, walk.offset,
              walk.offset == (addresses[i].va & 0x3FFFFF) ? ": 22 bits would be that of a page of 4 MiB" : "");
    }
}

CASE(the_four_steps) {
    start();
    struct vmem_walk walk = walk_to(HEAP + 0x5678, true);
    CHECK(walk.directory == DIRECTORY, "CR3 is 0x%08x, but vmem_walk says that the directory is at 0x%08x", DIRECTORY, walk.directory);
    CHECK(walk.pde == (TABLE | TABLE_ENTRY_FLAGS), "PD[832] is 0x%08x, but vmem_walk says 0x%08x", TABLE | TABLE_ENTRY_FLAGS, walk.pde);
    CHECK(walk.pte == (0x105000 | PTE_PRESENT | PTE_WRITE), "PT[5] is 0x%08x, but vmem_walk says 0x%08x", 0x105003, walk.pte);
    CHECK(walk.pa == 0x105678, "the address is the frame's, 0x00105000, plus the offset, 0x678, but vmem_walk says 0x%08x%s", walk.pa,
          (walk.pa & 7) != 0 && walk.pa != 0x105000 ? ": the entry's flags are no part of it" : "");
    *word(DIRECTORY + PDI * 4) |= 0x80;
    walk = walk_to(HEAP + 0x5678, true);
    CHECK(walk.pte == 0x105003 && walk.pa == 0x105678, "bit 7 of PD[832] is set: it means a page of 4 MiB only where CR4.PSE is set, and Quire never sets "
          "it, so there is a table as ever (SDM vol. 3, table 4-6), but vmem_walk says PT 0x%08x, address 0x%08x", walk.pte, walk.pa);
    CHECK(walk_to(HEAP + 0x3FFFFF, true).pa == 0x4FFFFF, "the last byte of the 4 MiB is at 0x004fffff");
}

CASE(without_a_table_no_look) {
    start();
    *word(DIRECTORY + 1 * 4) = 0;
    struct vmem_walk walk = walk_to(0x00401234, false);
    CHECK(walk.pde == 0 && walk.pte == 0, "PD[1] is 0: there is no table, and pte is to be 0, but vmem_walk says PD 0x%08x and PT 0x%08x", walk.pde,
          walk.pte);
    CHECK(walk.pa == PADDR_NONE, "nothing is mapped, but vmem_walk says that the address is 0x%08x", walk.pa);
    *word(DIRECTORY + 2 * 4) = TABLE | PTE_WRITE | PTE_USER;
    walk = walk_to(0x00801234, false);
    CHECK(walk.pte == 0 && walk.pa == PADDR_NONE, "PD[2] is 0x%08x: bit 0 is clear, so it is absent, whatever else it holds, but vmem_walk says "
          "PT 0x%08x", TABLE | 6, walk.pte);
    CHECK(walk.pde == (TABLE | PTE_WRITE | PTE_USER), "PD[2] is 0x%08x, absent, but vmem_walk says 0x%08x: show what stands there", TABLE | 6,
          walk.pde);
    paddr_t pa = 0x1234;
    doing("vmem_translate(0x00401234)");
    CHECK(!vmem_translate((void *)0x00401234, &pa), "vmem_translate says that 0x00401234 is mapped, but PD[1] is absent");
}

CASE(an_absent_page) {
    start();
    *word(TABLE + 7 * 4) = 0x00345000 | PTE_WRITE | SPACE_PAGE; /* what a space keeps there for later */
    struct vmem_walk walk = walk_to(HEAP + 0x7010, false);
    CHECK(walk.pte == (0x00345000 | PTE_WRITE | SPACE_PAGE), "PT[7] is 0x%08x, absent, but vmem_walk says 0x%08x: show what stands there",
          0x00345202, walk.pte);
    CHECK(walk.pa == PADDR_NONE, "PT[7] is 0x00345202: bit 0 is clear, so nothing is mapped, but vmem_walk says that the address is 0x%08x", walk.pa);
    CHECK(walk.pde == (TABLE | TABLE_ENTRY_FLAGS), "PD[832] is 0x%08x, but vmem_walk says 0x%08x", TABLE | TABLE_ENTRY_FLAGS, walk.pde);
}

CASE(translate_gives_the_address) {
    start();
    *word(TABLE + 7 * 4) = 0x00345000 | PTE_WRITE;
    paddr_t pa = 0x1234;
    doing("vmem_translate(0x%08x)", HEAP + 0x5678);
    CHECK(vmem_translate((void *)(HEAP + 0x5678), &pa), "vmem_translate says that 0x%08x is not mapped", HEAP + 0x5678);
    CHECK(pa == 0x105678, "0x%08x is at 0x00105678, but vmem_translate says 0x%08x", HEAP + 0x5678, pa);
    pa = 0x1234;
    CHECK(!vmem_translate((void *)(HEAP + 0x7000), &pa), "vmem_translate says that a page whose entry is absent is mapped");
    CHECK(pa == 0x1234, "vmem_translate returns false, and *pa is to be as it was, but is 0x%08x", pa);
}

CASE(the_window_is_mapped_too) {
    start();
    struct vmem_walk walk = walk_to(WINDOW_PAGE + 5 * 4, true);
    CHECK(walk.pa == TABLE + 5 * 4, "PT[5] of table 832 is at 0x%08x, but vmem_walk says 0x%08x", TABLE + 5 * 4, walk.pa);
    walk = walk_to(DIRECTORY_WINDOW, true);
    CHECK(walk.pa == DIRECTORY, "the directory is at 0x%08x, but vmem_walk says 0x%08x", DIRECTORY, walk.pa);
    walk = walk_to(WINDOW_START, false);
    CHECK(walk.pde == (DIRECTORY | 3) && walk.pte == 0, "0xffc00000 is where table 0 would be seen; PD[0] is absent, and that is the walk's pte");
}

/* ---- page_fault_at ---- */

static struct page_fault fault_at(uintptr_t address) {
    static struct trap_frame frame = {.error = FAULT_WRITE, .eip = 0x00101234};
    doing("page_fault_at, of 0x%08x", (unsigned)address);
    struct page_fault fault = page_fault_at(&frame, address);
    CHECK(fault.frame == &frame, "the fault's frame is not the one that was given");
    return fault;
}

CASE(the_fault_is_described) {
    start();
    struct page_fault fault = fault_at(HEAP + 0x5678);
    CHECK(fault.address == HEAP + 0x5678, "the address is 0x%08x, but the fault's is 0x%08x", HEAP + 0x5678, (unsigned)fault.address);
    CHECK(fault.error == FAULT_WRITE, "the error code is 0x2, but the fault's is 0x%x", fault.error);
    CHECK(fault.eip == 0x00101234, "EIP is 0x00101234, but the fault's is 0x%08x", (unsigned)fault.eip);
    CHECK(fault.walk.pti == 5 && fault.walk.pte == 0x105003, "PT[5] is 0x00105003, but the fault's walk says PT[%u] 0x%08x", fault.walk.pti,
          fault.walk.pte);
    fault = fault_at(0x00401234);
    CHECK(fault.walk.pdi == 1 && fault.walk.pte == 0 && fault.walk.pa == PADDR_NONE, "there is no table, but the fault's walk has got somewhere");
}

/* Somebody puts another table in PD[832], and does not flush its page in the window, which the processor has. */
static struct page_fault after_a_missing_flush(paddr_t table) {
    start();
    read_entry((unsigned *)WINDOW_PAGE);
    *word(DIRECTORY + PDI * 4) = table | TABLE_ENTRY_FLAGS;
    return fault_at(HEAP + 0x5678);
}

CASE(the_entries_are_the_live_ones) {
    struct page_fault fault = after_a_missing_flush(NEW_TABLE);
    CHECK(fault.walk.pde == (NEW_TABLE | TABLE_ENTRY_FLAGS), "PD[832] leads to the new table, but the walk says 0x%08x", fault.walk.pde);
    CHECK(fault.walk.pte == 0,
          "PD[832] leads to a new table, where PT[5] is absent, but the walk says 0x%08x: that stands in the old table, which the TLB still shows "
          "at 0x%08x; flush the table's page in the window before the walk", fault.walk.pte, WINDOW_PAGE);
    CHECK(fault.walk.pa == PADDR_NONE, "the walk comes to 0x%08x, through the old table", fault.walk.pa);
}

CASE(a_stale_window_is_noticed) {
    struct page_fault fault = after_a_missing_flush(NEW_TABLE);
    CHECK(fault.shown.pte == 0x105003, "the window showed PT[5] as 0x00105003, in the old table, but shown says 0x%08x: look there before the flush, too",
          fault.shown.pte);
    CHECK(fault.window_stale, "the window showed PT[5] as 0x%08x and it is 0x%08x, but window_stale is false", fault.shown.pte, fault.walk.pte);
}

CASE(nothing_is_stale) {
    struct page_fault fault = after_a_missing_flush(TABLE);
    CHECK(fault.walk.pte == 0x105003, "PT[5] is 0x00105003, but the walk says 0x%08x", fault.walk.pte);
    CHECK(!fault.window_stale, "the window shows the entry as it is, but window_stale is true");
    translate(HEAP + 0x5678); /* the page itself is in the TLB, and then its entry changes */
    *word(TABLE + 5 * 4) = 0;
    fault = fault_at(HEAP + 0x5678);
    CHECK(!fault.window_stale, "the page's entry has changed, and the window shows it as it is, but window_stale is true");
    CHECK(fault.walk.pte == 0, "PT[5] is 0 by now, but the walk says 0x%08x", fault.walk.pte);
    fault = fault_at(0x00401234);
    CHECK(!fault.window_stale, "there is no table at all, but window_stale is true");
}
