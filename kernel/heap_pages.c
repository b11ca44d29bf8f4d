/* The heap's pages in the kernel: frames from pm, mapped through the window. Most often it is a single page,
 * which has a shorter way than a range. */
#include "kmalloc.h"
#include "pm.h"
#include "vmem.h"

static int get_page(void *va) {
    paddr_t frame = pm_alloc_page();
    if (frame == PADDR_NONE)
        return VMEM_NO_MEMORY;
    if (vmem_map(va, frame, VMEM_WRITE) == 0)
        return 0;
    pm_free_page(frame); /* it was a page table that found none */
    return VMEM_NO_MEMORY;
}

static int give_page(void *va) {
    paddr_t frame;
    if (!vmem_translate(va, &frame))
        return VMEM_ABSENT;
    vmem_unmap(va);
    pm_free_page(frame);
    return 0;
}

static int get_pages(void *va, size_t pages) {
    return pages == 1 ? get_page(va) : vmem_alloc_range(va, pages, VMEM_WRITE);
}

static int give_pages(void *va, size_t pages) {
    return pages == 1 ? give_page(va) : vmem_free_range(va, pages);
}

const struct page_provider vmem_provider = {.get = get_pages, .give = give_pages};
