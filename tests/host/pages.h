/* The heap's address range on the build machine, and a page provider over it. */
#ifndef QUIRE_HOST_PAGES_H
#define QUIRE_HOST_PAGES_H

#include "kmalloc.h"

/* Sets KHEAP_START to KHEAP_END aside, inaccessible; false where other mappings lie there, or where the
 * system leaves programs less than that. Once, before the provider is used. */
bool host_pages_reserve(void);

/* mmap'ed pages: accessible while they are got, and only then. Getting a page that is held, giving one that is
 * not, and anything outside the heap's range is a panic. */
extern const struct page_provider host_pages;

/* Whether the page at VA is held, and how many are. */
bool host_page_held(const void *va);
size_t host_pages_held(void);

#endif
