/* The page fault, in words: what was tried, how far the translation got, and the likely cause.
 *
 * The causes are a table, searched from its start: a range of addresses and what the error code must say,
 * with a sentence. The ranges are those of include/memlayout.h. */
#include "trap.h"

#include "format.h"
#include "log.h"
#include "memlayout.h"
#include "symbols.h"
#include "vmem.h"

/* The error code (SDM vol. 3, figure 4-12). No fetch bit without no-execute. */
#define ERROR_PRESENT 1u /* refused by a present entry; otherwise an entry was absent */
#define ERROR_WRITE 2u
#define ERROR_RESERVED 8u /* an entry had a reserved bit set */

#define INSTRUCTION_MAX 15 /* bytes: SDM vol. 2, 2.3.11 */

struct fault {
    uintptr_t address;
    unsigned error;
    bool fetch;
    struct vmem_walk walk;
};

struct cause {
    const char *first, *last; /* the addresses it is about, both included */
    unsigned mask, value;     /* of the error code */
    void (*explain)(const struct fault *fault);
    const char *text; /* where explain is NULL */
};

#define ANY 0, 0
#define ABSENT ERROR_PRESENT, 0
#define REFUSED_WRITE (ERROR_PRESENT | ERROR_WRITE), (ERROR_PRESENT | ERROR_WRITE)
#define ADDRESS(a) ((const char *)(a))

static void explain_null(const struct fault *fault) {
    if (fault->fetch)
        kprintf("null pointer: a function pointer that was never set was called");
    else
        kprintf("null pointer: offset +0x%x from address 0", (unsigned)fault->address);
}

static void explain_table(const struct fault *fault) {
    kprintf("window: the page table %u is seen here, and PD[%u] is absent: there is no such table",
            fault->walk.pti, fault->walk.pti);
}

static const struct cause causes[] = {
    {ADDRESS(0), ADDRESS(PAGE_SIZE - 1), ABSENT, explain_null, NULL},
    {boot_stack_guard, boot_stack_bottom - 1, ABSENT, NULL,
     "stack guard: the page below the kernel stack; the stack has overflowed"},
    {fault_stack_guard, fault_stack_bottom - 1, ABSENT, NULL,
     "stack guard: the page below the double-fault stack; that stack has overflowed"},
    {kernel_start, text_end - 1, REFUSED_WRITE, NULL, "write to read-only text: the kernel's own code"},
    {rodata_start, rodata_end - 1, REFUSED_WRITE, NULL, "write to read-only data: a constant or a string"},
    {symtab_start, kernel_end - 1, REFUSED_WRITE, NULL, "write to read-only data: the kernel's symbol table"},
    {ADDRESS(SCRATCH_PAGE), ADDRESS(IDENTITY_END - 1), ABSENT, NULL,
     "scratch page: present only while vmem clears a new page table"},
    {ADDRESS(FREE_START), ADDRESS(KHEAP_START - 1), ABSENT, NULL,
     "free range: nothing is mapped here but what the monitor's map or your own code maps"},
    {ADDRESS(KHEAP_START), ADDRESS(KHEAP_END - 1), ABSENT, NULL,
     "freed heap page, or one that kmalloc never handed out: a pointer used after kfree, or past its object"},
    {ADDRESS(DEVICES_START), ADDRESS(WINDOW_START - 1), ABSENT, NULL,
     "device range: no device is mapped here"},
    {ADDRESS(WINDOW_START), ADDRESS(0xFFFFFFFF), ABSENT, explain_table, NULL},
    {ADDRESS(0), ADDRESS(0xFFFFFFFF), ERROR_RESERVED, ERROR_RESERVED, NULL,
     "an entry has a bit set that this processor reserves: a damaged page table"},
    {ADDRESS(0), ADDRESS(0xFFFFFFFF), REFUSED_WRITE, NULL, "write to a page that is mapped read-only"},
    {ADDRESS(0), ADDRESS(0xFFFFFFFF), ABSENT, NULL,
     "an entry is absent that Quire never clears: a damaged page table"},
    {ADDRESS(0), ADDRESS(0xFFFFFFFF), ANY, NULL, "the entries allow it now: the TLB still held older ones"},
};

static bool applies(const struct cause *cause, const struct fault *fault) {
    return fault->address >= (uintptr_t)cause->first && fault->address <= (uintptr_t)cause->last &&
           (fault->error & cause->mask) == cause->value;
}

static void print_cause(const struct fault *fault) {
    const struct cause *cause = causes;

    while (!applies(cause, fault))
        cause++; /* the last applies to every fault */
    kprintf("  cause    ");
    if (cause->explain)
        cause->explain(fault);
    else
        kprintf("%s", cause->text);
    kprintf("\n");
    if (fault->fetch)
        kprintf("           it was to be executed: a bad function pointer or return address\n");
}

/* An entry of either level, its bits in words. */
static void print_entry(const char *level, unsigned index, unsigned entry, const char *of) {
    char label[16];

    format_buffer(label, sizeof(label), "%s[%u]", level, index);
    kprintf("  %-9s0x%08x: ", label, entry);
    if (!(entry & PTE_PRESENT)) {
        kprintf("absent\n");
        return;
    }
    kprintf("%s 0x%08x, %s, %s%s%s\n", of, entry & PTE_FRAME, entry & PTE_WRITE ? "writable" : "read-only",
            entry & PTE_USER ? "user" : "kernel", entry & PTE_ACCESSED ? ", accessed" : "",
            entry & PTE_DIRTY ? ", dirty" : "");
}

static void print_walk(const struct vmem_walk *walk) {
    kprintf("  split    PDI %u, PTI %u, offset 0x%03x\n", walk->pdi, walk->pti, walk->offset);
    print_entry("PD", walk->pdi, walk->pde, "table");
    if (walk->pde & PTE_PRESENT)
        print_entry("PT", walk->pti, walk->pte, "page");
}

static void print_attempt(const struct fault *fault) {
    const char *attempt = fault->fetch ? "fetch from" : fault->error & ERROR_WRITE ? "write to" : "read of";
    const char *refused = fault->error & ERROR_PRESENT ? "present but refused" : "not present";

    kprintf("page fault: %s 0x%08x, %s (error code 0x%x)\n", attempt, (unsigned)fault->address, refused,
            fault->error);
}

static void print_symbol(uintptr_t address) {
    char text[SYMBOL_TEXT];
    size_t offset;

    kprintf("  symbol   %s\n", symbol_at(address, &offset) ? symbol_text(address, text) : "none");
}

void page_fault_report(const struct trap_frame *frame, unsigned address) {
    struct fault fault = {.address = address, .error = frame->error};
    char where[ADDRESS_TEXT];

    fault.fetch = address - frame->eip < INSTRUCTION_MAX && !(frame->error & ERROR_WRITE);
    vmem_walk((const void *)fault.address, &fault.walk);
    print_attempt(&fault);
    kprintf("  by       %s\n", address_text(frame->eip, where));
    print_walk(&fault.walk);
    print_symbol(fault.address);
    print_cause(&fault);
}
