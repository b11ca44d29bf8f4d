/* Lab faults, a plain solution: the walk. */
#include "vmem.h"

bool vmem_walk(const void *va, struct vmem_walk *out) {
    uintptr_t address = (uintptr_t)va;
    out->pdi = address >> 22;
    out->pti = address >> 12 & 1023;
    out->offset = address & 4095;
    out->directory = pa_frame(get_page_directory());
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
