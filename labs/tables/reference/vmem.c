/* Lab tables, a plain solution: the first tables, and looking at them. */
#include "vmem.h"

/* ---- window ---- */

bool vmem_walk(const void *va, struct vmem_walk *out) {
    out->pdi = pd_index(va);
    out->pti = pt_index(va);
    out->offset = page_offset(va);
    out->directory = get_page_directory();
    out->pde = read_entry(pde_of(vpn_of(va)));
    out->pte = 0;
    out->pa = PADDR_NONE;
    if (!(out->pde & PTE_PRESENT))
        return false;
    out->pte = read_entry(pte_of(vpn_of(va)));
    if (!(out->pte & PTE_PRESENT))
        return false;
    out->pa = entry_frame(out->pte) + out->offset;
    return true;
}

bool vmem_translate(const void *va, paddr_t *pa) {
    struct vmem_walk walk;
    if (!vmem_walk(va, &walk))
        return false;
    *pa = walk.pa;
    return true;
}

/* ---- identity ---- */

static bool is_between(const char *va, const char *start, const char *end) { return va >= start && va < end; }

pte_t identity_entry(vpn_t vpn) {
    const char *va = page_address(vpn);
    if (va == NULL || va == boot_stack_guard || va == fault_stack_guard || va == (char *)SCRATCH_PAGE)
        return 0;
    if (is_between(va, kernel_start, rodata_end) || is_between(va, symtab_start, kernel_end))
        return entry_to(identity_pa(va), PTE_PRESENT);
    return entry_to(identity_pa(va), PTE_PRESENT | PTE_WRITE);
}

static pte_t *make_identity_table(void) {
    pte_t *table = boot_table("page table 0");
    for (unsigned i = 0; i < ENTRIES_PER_TABLE; i++)
        write_entry(&table[i], entry_to(pfn_to_pa(i), PTE_PRESENT | PTE_WRITE));
    return table;
}

/* ---- directory ---- */

static pde_t *make_directory(void) {
    pde_t *directory = boot_table("the page directory");
    for (unsigned i = 0; i < ENTRIES_PER_TABLE; i++)
        write_entry(&directory[i], 0);
    return directory;
}

/* ---- paging ---- */

static void start_paging(pde_t *directory, pte_t *table) {
    write_entry(&directory[0], entry_to(identity_pa(table), PTE_PRESENT | PTE_WRITE));
    write_entry(&directory[RECURSIVE_PDI], entry_to(identity_pa(directory), PTE_PRESENT | PTE_WRITE));
    set_page_directory(identity_pa(directory));
    enable_paging();
}
