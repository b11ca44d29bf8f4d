/* The heap's pages in the kernel: frames from pm, mapped one by one through the window. */
#include "kmalloc.h"
#include "pm.h"
#include "vmem.h"

static int give_pages(void *va, size_t pages) {
    for (char *page = va; pages > 0; pages--, page += PAGE_SIZE) {
        paddr_t frame;
        if (!vmem_translate(page, &frame) || vmem_unmap(page) < 0)
            return VMEM_ABSENT;
        pm_free_page(frame);
    }
    return 0;
}

static int get_pages(void *va, size_t pages) {
    if (pages > 1 && pages > pm_count().free)
        return VMEM_NO_MEMORY;
    for (size_t i = 0; i < pages; i++) {
        paddr_t frame = pm_alloc_page();
        if (frame != PADDR_NONE && vmem_map((char *)va + i * PAGE_SIZE, frame, VMEM_WRITE) == 0)
            continue;
        if (frame != PADDR_NONE) /* it was a page table that found none */
            pm_free_page(frame);
        give_pages(va, i);
        return VMEM_NO_MEMORY;
    }
    return 0;
}

const struct page_provider vmem_provider = {.get = get_pages, .give = give_pages};
