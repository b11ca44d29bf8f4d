/* Lab mapping, a plain solution: a page at a time, and all of a range checked before its first page changes. */
#include "vmem.h"

/* ---- tables ---- */

static void link_table(vpn_t vpn) {
    paddr_t frame = pm_alloc_page();
    ASSERT(frame != PADDR_NONE);
    clear_frame(frame);
    frame_set_kind(frame, FRAME_TABLE);
    write_entry(pde_of(vpn), entry_to(frame, TABLE_FLAGS));
    if (is_kernel(vpn))
        vmem_generation++;
}

static void unlink_table(vpn_t vpn) {
    paddr_t frame = entry_frame(read_entry(pde_of(vpn)));
    write_entry(pde_of(vpn), 0);
    flush_page(pte_of(vpn));
    pm_take_back(frame);
    if (is_kernel(vpn))
        vmem_generation++;
}

/* ---- map ---- */

static void map_page(vpn_t vpn, paddr_t pa, unsigned flags) {
    add_entries(vpn, 1);
    write_entry(pte_of(vpn), entry_to(pa, flags | PTE_PRESENT));
    if (!(flags & VMEM_VIEW))
        *frame_at(pa) += FRAME_PAGE;
}

int vmem_map_range(void *va, paddr_t pa, size_t pages, unsigned flags) {
    vpn_t vpn = check_editable(va, pages);
    if (pa_offset(pa) || pages > FRAMES_MAX - pa_to_pfn(pa))
        PANIC("vmem: %zu frames at 0x%08x: not whole frames below 4 GiB", pages, pa);
    if (flags & VMEM_VIEW && is_kernel(vpn + pages - 1))
        PANIC("vmem: %zu pages at %p: a view must lie below 0x%08x", pages, va, KHEAP_START);
    if (check_unmapped(vpn, vpn + pages, flags & ~VMEM_VIEW) > pm_count().free)
        return VMEM_NO_MEMORY;
    for (size_t i = 0; i < pages; i++)
        map_page(vpn + i, pa + i * PAGE_SIZE, flags);
    return 0;
}

int vmem_map(void *va, paddr_t pa, unsigned flags) { return vmem_map_range(va, pa, 1, flags); }

/* ---- unmap ---- */

void flush_pages(vpn_t vpn, size_t n) {
    for (size_t i = 0; i < n; i++)
        flush_page(page_address(vpn + i));
}

static void unmap_page(vpn_t vpn) {
    pte_t entry = read_entry(pte_of(vpn));
    write_entry(pte_of(vpn), 0);
    flush_pages(vpn, 1);
    if (!(entry & VMEM_VIEW))
        *record_of(entry) -= FRAME_PAGE;
    remove_entries(vpn, 1);
}

int vmem_unmap_range(void *va, size_t pages) {
    vpn_t vpn = check_editable(va, pages);
    if (!all_present(vpn, vpn + pages))
        return VMEM_ABSENT;
    for (size_t i = 0; i < pages; i++)
        unmap_page(vpn + i);
    return 0;
}

int vmem_unmap(void *va) { return vmem_unmap_range(va, 1); }

/* ---- protect ---- */

int vmem_protect(void *va, size_t bytes, unsigned flags) {
    uintptr_t first = (uintptr_t)va, last = first + bytes - 1;
    if (bytes == 0 || last < first)
        PANIC("vmem: %zu bytes at %p: no range", bytes, va);
    ASSERT_OP(flags & ~PERMISSIONS, ==, 0u);
    vpn_t vpn = first / PAGE_SIZE, end = last / PAGE_SIZE + 1;
    check_editable(page_address(vpn), end - vpn);
    if (!all_present(vpn, end))
        return VMEM_ABSENT;
    for (; vpn < end; vpn++) {
        write_entry(pte_of(vpn), (read_entry(pte_of(vpn)) & ~PERMISSIONS) | flags);
        flush_page(page_address(vpn));
    }
    return 0;
}

/* ---- frames ---- */

int vmem_alloc_range(void *va, size_t pages, unsigned flags) {
    vpn_t vpn = check_editable(va, pages);
    size_t tables = check_unmapped(vpn, vpn + pages, flags), free = pm_count().free;
    if (pages > free || tables > free - pages)
        return VMEM_NO_MEMORY;
    for (size_t i = 0; i < pages; i++) {
        add_entries(vpn + i, 1);
        paddr_t frame = pm_alloc_page();
        *frame_at(frame) += FRAME_PAGE;
        write_entry(pte_of(vpn + i), entry_to(frame, flags | PTE_PRESENT));
    }
    return 0;
}

int vmem_free_range(void *va, size_t pages) {
    vpn_t vpn = check_editable(va, pages);
    if (!all_present(vpn, vpn + pages))
        return VMEM_ABSENT;
    check_own(vpn, vpn + pages);
    for (size_t i = 0; i < pages; i++) {
        paddr_t frame = entry_frame(read_entry(pte_of(vpn + i)));
        write_entry(pte_of(vpn + i), 0);
        flush_page(page_address(vpn + i));
        *frame_at(frame) -= FRAME_PAGE;
        pm_free_page(frame);
        remove_entries(vpn + i, 1);
    }
    return 0;
}
