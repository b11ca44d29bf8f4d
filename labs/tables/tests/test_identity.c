/* Lab tables, exercise identity: make_identity_table, and identity_entry, what table 0 says in the end. */
#include "mm/vmem.c"

#include "machine.h"

#include <stdio.h>

static paddr_t make(void) {
    start_machine();
    size_t free_before = pm_count().free;
    doing("make_identity_table()");
    return check_table(make_identity_table(), free_before, "page table 0");
}

CASE(takes_one_frame) {
    paddr_t table = make();
    for (size_t i = 0; i < mmu_event_count; i++)
        CHECK(mmu_events[i].kind == MMU_WRITE && (mmu_events[i].where & PTE_FRAME) == table,
              "table 0 is at 0x%08x, but make_identity_table writes at 0x%08x too", table, mmu_events[i].where);
    CHECK(mmu_event_count >= ENTRIES_PER_TABLE, "a page table has 1024 entries, but only %zu are written",
          mmu_event_count);
}

CASE(each_page_is_its_frame) {
    paddr_t table = make();
    for (unsigned i = 0; i < ENTRIES_PER_TABLE; i++)
        CHECK((mmu_word(table + i * 4) & PTE_FRAME) == i * PAGE_SIZE,
              "PT[%u] is 0x%08x: in an identity map page %u is frame %u, at 0x%08x", i, mmu_word(table + i * 4), i, i,
              i * PAGE_SIZE);
}

CASE(all_is_writable_at_first) {
    char what[32];
    paddr_t table = make();
    for (unsigned i = 0; i < ENTRIES_PER_TABLE; i++) {
        snprintf(what, sizeof what, "PT[%u]", i);
        check_entry(what, mmu_word(table + i * 4), i * PAGE_SIZE);
    }
}

/* ---- what stays ---- */

static void check_absent(const void *va, const char *why) {
    doing("identity_entry of page 0x%08x", AS_NUMBER(va));
    pte_t entry = identity_entry(AS_NUMBER(va) / PAGE_SIZE);
    CHECK(!(entry & PTE_PRESENT), "the entry of 0x%08x is 0x%08x: the page must be absent, %s", AS_NUMBER(va), entry, why);
    CHECK(!entry, "the entry of 0x%08x is 0x%08x: an absent entry is 0", AS_NUMBER(va), entry);
}

static void check_page(unsigned at, bool writable, const char *what) {
    pte_t entry = identity_entry(at / PAGE_SIZE);
    CHECK((entry & (PTE_FRAME | PTE_PRESENT)) == (at | PTE_PRESENT), "the entry of 0x%08x, %s, is 0x%08x: it must be present, and "
          "lead to its own frame", at, what, entry);
    CHECK(!(entry & PTE_USER), "the entry of 0x%08x, %s, is 0x%08x: the user bit lets programs in", at, what, entry);
    CHECK(writable || !(entry & PTE_WRITE), "the entry of 0x%08x, %s, is 0x%08x: it must be read-only", at, what, entry);
    CHECK(!writable || entry & PTE_WRITE, "the entry of 0x%08x, %s, is 0x%08x: it must be writable", at, what, entry);
}

static void check_pages(const void *start, const void *end, bool writable, const char *what) {
    for (unsigned at = AS_NUMBER(start); at < AS_NUMBER(end); at += PAGE_SIZE)
        if (at != AS_NUMBER(boot_stack_guard) && at != AS_NUMBER(fault_stack_guard))
            check_page(at, writable, what);
}

CASE(page_0_and_the_guards_are_absent) {
    check_absent(NULL, "so that a null pointer faults");
    check_absent(boot_stack_guard, "so that an overflow of the stack above it faults");
    check_absent(fault_stack_guard, "so that an overflow of the stack above it faults");
    check_absent((void *)SCRATCH_PAGE, "it is only there while a frame is looked at");
    check_page(PAGE_SIZE, true, "the first MiB");
}

CASE(code_and_constants_are_read_only) {
    check_pages(kernel_start, text_end, false, "code");
    check_pages(rodata_start, rodata_end, false, "constants");
    check_pages(symtab_start, kernel_end, false, "the symbol table");
    check_pages(data_start, data_end, true, "data");
}

CASE(the_rest_is_writable) {
    check_pages((void *)PAGE_SIZE, kernel_start, true, "the first MiB");
    check_pages(data_start, data_end, true, "data");
    check_pages(kernel_end, (void *)SCRATCH_PAGE, true, "memory that pm hands out");
    check_page(AS_NUMBER(kernel_start), false, "code");
}
