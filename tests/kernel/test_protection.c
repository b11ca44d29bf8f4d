/* The protections: the check at boot notices each one that is missing. The canary. */
#include "protection.h"

#include "cpu.h"
#include "ktest.h"
#include "log.h"
#include "memlayout.h"
#include "string.h"
#include "support.h"
#include "vmem.h"

static char line[512];

static void check_quietly(void *arg) {
    (void)arg;
    log_capture(line, sizeof(line));
    protection_check();
    log_capture_end();
}

KTEST(protection_is_in_one_row)
{
    check_quietly(NULL);
    KCHECK(find_text(line, "vmem: protections checked"));
    KCHECK(find_text(line, "of code") && find_text(line, "read-only"));
    KCHECK(strlen(line) <= 80 + 1);
}

KTEST(protection_sees_writable_code_at_another_address)
{
    char *va = spare_area(1);

    KCHECK(va);
    KCHECK_EQ(vmem_map(va, KERNEL_START, 0), 0);
    check_quietly(NULL);
    KCHECK_EQ(vmem_protect(va, PAGE_SIZE, VMEM_WRITE), 0);
    KCHECK_TRAPS(check_quietly, NULL, "protection: ");
    KCHECK_REPORTED("code");
    KCHECK_EQ(vmem_unmap(va), 0);
    KCHECK_EQ(vmem_map(va, (paddr_t)(uintptr_t)symtab_start, VMEM_WRITE), 0);
    KCHECK_TRAPS(check_quietly, NULL, "constants");
    KCHECK_EQ(vmem_unmap(va), 0);
    check_quietly(NULL);
}

static void map_behind_vmem(const void *va, unsigned entry) {
    write_entry((unsigned *)WINDOW_START + (uintptr_t)va / PAGE_SIZE, entry);
    flush_page(va);
}

KTEST(protection_sees_a_page_that_must_be_absent)
{
    const char *const absent[] = {NULL, boot_stack_guard, fault_stack_guard};

    for (size_t i = 0; i < ARRAY_SIZE(absent); i++) {
        map_behind_vmem(absent[i], (uintptr_t)absent[i] | PTE_PRESENT | PTE_WRITE);
        bool trapped = ktest_traps(check_quietly, NULL, "is mapped", __FILE__, __LINE__);
        map_behind_vmem(absent[i], 0);
        KCHECK(trapped);
    }
}

KTEST(protection_sees_write_protection_switched_off)
{
    write_cr0(read_cr0() & ~CR0_WP);
    bool trapped = ktest_traps(check_quietly, NULL, "CR0.WP", __FILE__, __LINE__);
    write_cr0(read_cr0() | CR0_WP);
    KCHECK(trapped);
}

/* A stray write to the IDT faults at once, and the way into a report stays. */
UNDEFINED_ON_PURPOSE static void write_to_idt(void *arg) {
    struct descriptor_table idt;

    (void)arg;
    sidt(&idt);
    *(volatile unsigned *)idt.base = 0;
}

KTEST(protection_keeps_the_idt_read_only)
{ KCHECK_TRAPS(write_to_idt, NULL, "write to read-only data"); }

/* ---- the canary ---- */

extern uintptr_t __stack_chk_guard;

static __attribute__((noinline)) void write_bytes(volatile char *text, size_t n) {
    for (size_t i = 0; i < n; i++)
        text[i] = 'A';
}

static volatile char last;

static __attribute__((noinline)) void overrun_array(void *n) {
    volatile char text[16];

    write_bytes(text, (size_t)n);
    last = text[15];
}

KTEST(canary_is_chosen_and_notices_an_overrun)
{
    KCHECK(__stack_chk_guard != 0);
    overrun_array((void *)16);
    KCHECK_TRAPS(overrun_array, (void *)20, "stack canary: overrun_array");
    KCHECK_EQ(ktest_vector, -1);
}
