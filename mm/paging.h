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

#define TABLE_FLAGS (PTE_PRESENT | PTE_WRITE | PTE_USER) /* the pages' own entries say what is allowed */
#define OWN_FLAGS (PTE_PRESENT | PTE_WRITE)              /* of the tables that vmem_init has linked */
#define PERMISSIONS (VMEM_WRITE | VMEM_USER)
#define STATUS_BITS (PTE_ACCESSED | PTE_DIRTY) /* the processor sets them when it likes */

#define USER_TABLES (KHEAP_START / PAGE_SIZE / ENTRIES_PER_TABLE) /* PD[1] up to it are a space's own */
#define FRAMES_VPN ((vpn_t)FRAMES_START >> PAGE_SHIFT)

typedef uintptr_t vpn_t;

#ifdef QUIRE_LAB
#define set_page_directory(directory) (lab_place = LAB_HERE, set_page_directory(directory))
#endif

static inline vpn_t vpn_of(const void *va) { return (uintptr_t)va >> PAGE_SHIFT; }
static inline void *page_address(vpn_t vpn) { return (void *)(vpn << PAGE_SHIFT); }

static inline pte_t *pte_of(vpn_t vpn) { return (pte_t *)WINDOW_START + vpn; }
static inline pde_t *pde_of(vpn_t vpn) { return (pde_t *)DIRECTORY_WINDOW + vpn / ENTRIES_PER_TABLE; }
static inline bool has_table(vpn_t vpn) { return read_entry(pde_of(vpn)) & PTE_PRESENT; }

/* Whether the frame of ENTRY counts its page: a page that is present, and no view (VMEM_VIEW). */
static inline bool is_counted(pte_t entry) { return (entry & (PTE_PRESENT | VMEM_VIEW)) == PTE_PRESENT; }

/* The record of the frame that ENTRY leads to; of frame 0 where it leads nowhere. */
static inline frame_t *record_of(pte_t entry) { return frame_at(entry_frame(entry)); }

/* The record of VPN's page table; of frame 0, which is never a table, where there is none. */
static inline frame_t *table_record(vpn_t vpn) { return record_of(read_entry(pde_of(vpn))); }

/* The end of that part of [VPN, END) which VPN's table maps. */
static inline vpn_t part_end(vpn_t vpn, vpn_t end) {
    vpn_t next = (vpn | (ENTRIES_PER_TABLE - 1)) + 1;
    return next < end ? next : end;
}

/* Whether VPN lies in the part that all spaces share, and that changes. */
static inline bool is_kernel(vpn_t vpn) { return vpn >= (vpn_t)KHEAP_START >> PAGE_SHIFT; }

/* Counts the changes of the kernel's directory entries. They are made in the current directory alone. */
extern unsigned vmem_generation;

/* Maps the frame at PA at the scratch page, and unmaps it. One frame at a time. */
void *scratch_map(paddr_t pa);
void scratch_unmap(void);
pte_t scratch_read(paddr_t pa, unsigned i); /* entry I of the table or directory there */
void clear_frame(paddr_t pa);

/* Makes the processor forget the N pages from VPN on. */
void flush_pages(vpn_t vpn, size_t n);

/* The first of PAGES pages at VA; a panic unless they are whole pages, at least one, in [START, END). */
vpn_t check_range(const void *va, size_t pages, uintptr_t start, uintptr_t end);

/* Panics where any of the pages [VPN, END) has an entry, or FLAGS has more than permissions and memory type (VMEM_VIEW is
 * neither). Returns how many tables are missing: as many frames must be free when they are filled. */
size_t check_unmapped(vpn_t vpn, vpn_t end, unsigned flags);

/* VPN's table has N entries more, and is linked if there is none; or N fewer, and goes back if it is empty. */
void add_entries(vpn_t vpn, size_t n);
void remove_entries(vpn_t vpn, size_t n);

/* For the checks: the first frame at or after PFN whose record IS what is looked for, or FRAMES_MAX. Plain frames that no
 * page is mapped to are passed over. */
pfn_t find_record(pfn_t pfn, bool (*is)(frame_t record));
bool is_directory(frame_t record);

/* What table 0 says of a page below 4 MiB: the identity, or absent. */
pte_t identity_entry(vpn_t vpn);

#endif
