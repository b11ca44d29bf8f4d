/* The check of the protections: a walk over every present entry of every page table, once at boot.
 *
 * Page 0 and the page below each stack are absent. The kernel's code and constants are read-only wherever
 * they are mapped, and CR0.WP makes that bind the kernel. That is all: without PAE there is no no-execute
 * bit, so data can be executed; the rest of the first 4 MiB is writable, and so are the page tables whose
 * frames lie there. */
#include "protection.h"

#include "cpu.h"
#include "log.h"
#include "memlayout.h"
#include "panic.h"
#include "vmem.h"

struct findings {
    size_t pages, code, constants;
};

static bool in_code(paddr_t pa) { return pa >= identity_pa(kernel_start) && pa < identity_pa(text_end); }

static bool in_constants(paddr_t pa) {
    return (pa >= identity_pa(rodata_start) && pa < identity_pa(rodata_end)) ||
           (pa >= identity_pa(symtab_start) && pa < identity_pa(kernel_end));
}

static void look_at_page(uintptr_t va, const struct vmem_walk *walk, struct findings *found) {
    bool code = in_code(walk->pa), constant = in_constants(walk->pa);

    if ((code || constant) && walk->pde & walk->pte & PTE_WRITE)
        PANIC("protection: 0x%08x is writable, and its frame 0x%08x holds %s", (unsigned)va, walk->pa,
              code ? "code" : "constants");
    found->pages++;
    found->code += code;
    found->constants += constant;
}

/* Looks at every present page of the PAGES from VA on. */
static void look_at_pages(uintptr_t va, size_t pages, struct findings *found) {
    struct vmem_walk walk;

    for (; pages; pages--, va += PAGE_SIZE)
        if (vmem_walk((void *)va, &walk))
            look_at_page(va, &walk, found);
}

/* Looks at each page table, which is itself a page of the window, and then at what it maps. The last is the
 * directory: it maps the window, which is looked at already. */
static void look_at_tables(struct findings *found) {
    for (uintptr_t i = 0; i < ENTRIES_PER_TABLE; i++) {
        uintptr_t table = WINDOW_START + i * PAGE_SIZE;
        paddr_t frame;

        if (!vmem_translate((void *)table, &frame))
            continue;
        look_at_pages(table, 1, found);
        if (i != RECURSIVE_PDI)
            look_at_pages(i * TABLE_SPAN, ENTRIES_PER_TABLE, found);
    }
}

static void must_be_absent(const void *va, const char *what) {
    struct vmem_walk walk;

    if (vmem_walk(va, &walk))
        PANIC("protection: %s at %p is mapped: PT[%u] is 0x%08x", what, va, walk.pti, walk.pte);
}

/* Walks all page tables and logs one line; panics with the first protection that does not hold. */
void protection_check(void) {
    struct findings found = {0};

    must_be_absent(NULL, "page 0");
    must_be_absent(boot_stack_guard, "the page below the kernel stack");
    must_be_absent(fault_stack_guard, "the page below the double-fault stack");
    if (!(read_cr0() & CR0_WP))
        PANIC("protection: CR0.WP is clear (CR0 is 0x%08x): read-only does not bind the kernel", read_cr0());
    look_at_tables(&found);
    kprintf("vmem: protections checked: %zu pages; %zu of code, %zu of constants read-only\n", found.pages,
            found.code, found.constants);
}
