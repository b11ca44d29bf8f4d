/* Inside mm/: pages by number, and the recursive window. Only mm/ edits entries.
 *
 * A virtual page number (vpn) is an address divided by the page size. Through the window, the entry of page
 * vpn is the vpn-th of all page-table entries, and page table i the i-th entry of the directory. */
#ifndef QUIRE_MM_PAGING_H
#define QUIRE_MM_PAGING_H

#include "cpu.h"
#include "frames.h"
#include "memlayout.h"
#include "vmem.h"

typedef uintptr_t vpn_t;

static inline vpn_t vpn_of(const void *va) { return (uintptr_t)va >> PAGE_SHIFT; }
static inline void *page_address(vpn_t vpn) { return (void *)(vpn << PAGE_SHIFT); }

static inline pte_t *pte_of(vpn_t vpn) { return (pte_t *)WINDOW_START + vpn; }
static inline pde_t *pde_of(vpn_t vpn) { return (pde_t *)DIRECTORY_WINDOW + vpn / ENTRIES_PER_TABLE; }
static inline bool has_table(vpn_t vpn) { return read_entry(pde_of(vpn)) & PTE_PRESENT; }

/* The record of VPN's page table; of frame 0, which is never a table, where there is none. */
static inline frame_t *table_record(vpn_t vpn) { return frame_at(read_entry(pde_of(vpn))); }

/* The end of that part of [VPN, END) which VPN's table maps. */
static inline vpn_t part_end(vpn_t vpn, vpn_t end) {
    vpn_t next = (vpn | (ENTRIES_PER_TABLE - 1)) + 1;
    return next < end ? next : end;
}

#endif
