/* The heap's address range on the build machine, and a page provider over it. */
#ifndef QUIRE_HOST_PAGES_H
#define QUIRE_HOST_PAGES_H

#include "kmalloc.h"

/* Reserves KHEAP_START to KHEAP_END; false when something else lies there, or when programs get fewer
 * addresses. Once, before the provider is used. GUARDED: a page that is not held is inaccessible. That
 * limits the number of pages, since Linux allows a program 65,530 mappings. */
bool host_pages_reserve(bool guarded);

/* Pages of that range; a page that is got is zero. Getting a held page, giving another, and any page
 * outside the range is a panic. */
extern const struct page_provider host_pages;

/* Whether the page at VA is held, and how many are. */
bool host_page_held(const void *va);
size_t host_pages_held(void);

#endif
