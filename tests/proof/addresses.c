/* The arithmetic of addresses, pages, tables and the window, as the kernel has it.
 *
 * proved: an address is its two indices and offset, and nothing else; the window has each page's entry where the
 *     processor looks for it; part_end ends a range at the table's end; pages_for rounds up
 * bounds: none: all 2^32 addresses, sizes and pairs of pages
 * assumed: nothing
 * round: short */
#include "paging.h"
#include "proof.h"

NO_PANIC

static void split(uintptr_t at) {
    const void *va = (const void *)at;
    PROVE(pd_index(va) < ENTRIES_PER_TABLE && pt_index(va) < ENTRIES_PER_TABLE && page_offset(va) < PAGE_SIZE);
    PROVE(((uintptr_t)pd_index(va) << 22 | (uintptr_t)pt_index(va) << 12 | page_offset(va)) == at);
    PROVE(vpn_of(va) == pd_index(va) * ENTRIES_PER_TABLE + pt_index(va));
    PROVE(vpn_of(page_address(vpn_of(va))) == vpn_of(va) && page_offset(page_address(vpn_of(va))) == 0);
    PROVE(is_kernel(vpn_of(va)) == (at >= KHEAP_START));
}

/* The recursive entry maps table I at page I of the window: translating an entry's address takes the directory twice. */
static void window(uintptr_t at) {
    const void *va = (const void *)at;
    const void *pte = pte_of(vpn_of(va)), *pde = pde_of(vpn_of(va));
    PROVE(pd_index(pte) == RECURSIVE_PDI && pt_index(pte) == pd_index(va));
    PROVE(page_offset(pte) == pt_index(va) * sizeof(pte_t));
    PROVE(pd_index(pde) == RECURSIVE_PDI && pt_index(pde) == RECURSIVE_PDI);
    PROVE(page_offset(pde) == pd_index(va) * sizeof(pde_t));
    PROVE(pde == pte_of(vpn_of(pte))); /* a table's own page has the directory's entry */
}

/* [VPN, part_end) lies in one table, ends with it or with the range, and is not empty. */
static void part(vpn_t vpn, vpn_t end) {
    GIVEN(vpn < end && end <= FRAMES_MAX);
    vpn_t stop = part_end(vpn, end);
    PROVE(vpn < stop && stop <= end);
    PROVE(vpn / ENTRIES_PER_TABLE == (stop - 1) / ENTRIES_PER_TABLE);
    PROVE(stop == end || stop % ENTRIES_PER_TABLE == 0);
}

static void sizes(size_t bytes, paddr_t pa) {
    PROVE(pages_for(bytes) == ((uint64_t)bytes + PAGE_SIZE - 1) / PAGE_SIZE);
    PROVE(pa_to_pfn(pa) < FRAMES_MAX && pfn_to_pa(pa_to_pfn(pa)) == (pa & ~PAGE_MASK));
}

int main(void) {
    uintptr_t at = nondet_word();
    split(at);
    window(at);
    part(nondet_word(), nondet_word());
    sizes(nondet_word(), nondet_word());
}
