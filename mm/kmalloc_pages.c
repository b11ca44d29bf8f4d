/* The heap's pages in the kernel: frames from pm, mapped through the window. */
#include "kmalloc.h"
#include "vmem.h"

static int get_pages(void *va, size_t pages) { return vmem_alloc_range(va, pages, VMEM_WRITE); }

const struct page_provider vmem_provider = {.get = get_pages, .give = vmem_free_range};
