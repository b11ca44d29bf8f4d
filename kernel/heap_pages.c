/* The heap's pages in the kernel: frames from pm, mapped through the window. Most often it is a single page,
 * which has a shorter way than a range. An interrupt may have come in the middle of the heap's own work, or of
 * pm's: its handler must not use them. That is asserted here, where the heap has less to lose than on its short
 * ways. Small objects' pages are then half changed, which is seen only where such a panic is caught. */
#include "kmalloc.h"
#include "panic.h"
#include "vmem.h"

static int get_pages(void *va, size_t pages) {
    ASSERT(!in_interrupt());
    return pages == 1 ? vmem_alloc_page(va, VMEM_WRITE) : vmem_alloc_range(va, pages, VMEM_WRITE);
}

static int give_pages(void *va, size_t pages) {
    ASSERT(!in_interrupt());
    return pages == 1 ? vmem_free_page(va) : vmem_free_range(va, pages);
}

const struct page_provider vmem_provider = {.get = get_pages, .give = give_pages};
