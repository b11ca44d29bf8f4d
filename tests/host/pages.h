/* The heap's address range on the build machine, and a page provider over it. */
#ifndef QUIRE_HOST_PAGES_H
#define QUIRE_HOST_PAGES_H

#include "kmalloc.h"

/* Sets KHEAP_START to KHEAP_END aside; false where other mappings lie there, or where the system leaves
 * programs less than that. Once, before the provider is used. GUARDED: a page that is not held is
 * inaccessible. Systems allow a program only so many changes of access (65,530 mappings on Linux); without,
 * there is no such limit, and less to do. */
bool host_pages_reserve(bool guarded);

/* Pages of that range, without contents when they are got anew. Getting a page that is held, giving one that
 * is not, and anything outside the heap's range is a panic. */
extern const struct page_provider host_pages;

/* Whether the page at VA is held, and how many are. */
bool host_page_held(const void *va);
size_t host_pages_held(void);

#endif
