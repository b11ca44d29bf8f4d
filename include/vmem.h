/* vmem: builds and edits the page tables.
 *
 * A virtual address is PDI (10 bits) | PTI (10 bits) | offset (12 bits). Translating it takes four steps:
 * CR3 gives the directory's frame; PD[PDI] gives the table's frame; PT[PTI] gives the page's frame; plus
 * the offset (Intel SDM vol. 3, 4.3). After vmem_init every table is edited through the recursive window.
 *
 * The calls that edit mappings work from FREE_START (0x00400000) up to FRAMES_START (0xFF800000): the identity map,
 * the frame records and the window cannot be edited. Addresses are page-aligned, ranges lie inside those borders and
 * are never empty; anything else is a panic that prints the values. The pages of a space (space.h) are edited by its own
 * calls alone.
 *
 * An interrupt handler may call vmem_translate, vmem_walk, vmem_tables and get_page_directory. To edit anything
 * there is a panic. */
#ifndef QUIRE_VMEM_H
#define QUIRE_VMEM_H

#include "types.h"

typedef unsigned int pde_t; /* a page-directory entry: SDM vol. 3, table 4-5 */
typedef unsigned int pte_t; /* a page-table entry: SDM vol. 3, table 4-6 */

/* The bits that both entries share. */
#define PTE_PRESENT 0x001u
#define PTE_WRITE 0x002u
#define PTE_USER 0x004u
#define PTE_WRITE_THROUGH 0x008u /* PWT: selects entry 1 of the page attribute table */
#define PTE_NO_CACHE 0x010u      /* PCD */
#define PTE_ACCESSED 0x020u
#define PTE_DIRTY 0x040u /* of a page only */
#define PTE_FRAME 0xFFFFF000u

#ifndef ENTRIES_PER_TABLE /* a proof has fewer */
#define ENTRIES_PER_TABLE 1024
#endif
#define TABLE_SPAN (ENTRIES_PER_TABLE * PAGE_SIZE) /* the bytes that a table maps */

/* The entry that leads to the frame at PA, and the frame that ENTRY leads to. */
static inline pte_t entry_to(paddr_t pa, unsigned flags) { return (pte_t)pa | flags; }

static inline paddr_t entry_frame(pte_t entry) { return (paddr_t)(entry & PTE_FRAME); }

static inline unsigned pd_index(const void *va) { return ((uintptr_t)va >> PAGE_SHIFT) / ENTRIES_PER_TABLE; }

static inline unsigned pt_index(const void *va) {
    return (uintptr_t)va >> PAGE_SHIFT & (ENTRIES_PER_TABLE - 1);
}

static inline unsigned page_offset(const void *va) { return (uintptr_t)va & PAGE_MASK; }

/* How a page is mapped: none of these is read-only, cached, for the kernel. Write and user are its permissions; the
 * others are its memory type. Write-combining is write-through where there is no page attribute table
 * (machine_write_combines). */
#define VMEM_WRITE PTE_WRITE
#define VMEM_USER PTE_USER
#define VMEM_WRITE_COMBINING PTE_WRITE_THROUGH
#define VMEM_NO_CACHE PTE_NO_CACHE

/* For vmem_map and vmem_map_range, below KHEAP_START (from there on it is a panic): a look at a frame that stays somebody
 * else's, or free. The page is not counted, so the frame may be given back, and handed out again, under it. (A bit that
 * the processor leaves to software: SDM vol. 3, table 4-6.) */
#define VMEM_VIEW 0x800u

enum vmem_error {
    VMEM_NO_MEMORY = -1, /* no frame was left, for a page or for a page table */
    VMEM_ABSENT = -2,    /* a page in the range is not mapped */
};

/* A directory page, clear; page table 0, the identity map of the first 4 MiB; PD[0]; PD[1023] = the
 * directory itself; set_page_directory; enable_paging. Then the protections: page 0, the scratch page and
 * the stacks' guard pages absent, text and constants read-only with CR0.WP. Then the frame records, at FRAMES_START.
 * Panics when there is no frame. */
void vmem_init(void);

/* In assembly (mm/paging.S). get_ and set_ are CR3, a physical address; enable_paging sets CR0.PG and
 * CR0.WP. set_page_directory drops every TLB entry (no page is global: CR4.PGE stays clear). */
paddr_t get_page_directory(void);
void set_page_directory(paddr_t directory);
void enable_paging(void);

/* Maps the page at VA to the frame PA (any physical address: memory or a device); a range, to adjacent frames. A page
 * that is present already is a panic, and so are frames that are not whole, or go on beyond 4 GiB. 0, or VMEM_NO_MEMORY
 * with everything as it was. The frames stay the caller's; pm refuses to take one back while a page is mapped to it, unless
 * the page is a view. */
int vmem_map(void *va, paddr_t pa, unsigned flags);
int vmem_map_range(void *va, paddr_t pa, size_t pages, unsigned flags);

/* Unmaps; a page table left empty goes back to pm. 0, or VMEM_ABSENT with everything as it was. */
int vmem_unmap(void *va);
int vmem_unmap_range(void *va, size_t pages);

/* Maps pages at VA to frames from pm; vmem_free_range unmaps them and gives the frames back. Their contents
 * are whatever was left there. Errors as above. To free a page whose frame pm has not handed out, or is mapped to
 * another page too, is a panic. */
int vmem_alloc_range(void *va, size_t pages, unsigned flags);
int vmem_free_range(void *va, size_t pages);

/* Gives every page that [VA, VA + BYTES) touches the permissions FLAGS, and leaves its memory type alone. 0, or
 * VMEM_ABSENT with everything as it was. */
int vmem_protect(void *va, size_t bytes, unsigned flags);

/* The physical address behind VA (any address, any offset); false, *PA untouched, where none is mapped. */
bool vmem_translate(const void *va, paddr_t *pa);

/* The four steps of translating VA, with the live entries. */
struct vmem_walk {
    unsigned pdi, pti, offset;
    paddr_t directory; /* CR3 */
    pde_t pde;         /* PD[pdi] */
    pte_t pte;         /* PT[pti]; 0 where the directory entry is absent */
    paddr_t pa;        /* the address, where both are present; else PADDR_NONE */
};

/* Fills *OUT for any VA; true where it is mapped. */
bool vmem_walk(const void *va, struct vmem_walk *out);

/* Page tables in use, table 0 included; the directory and the frame records' table not. */
size_t vmem_tables(void);

/* Frames that the frame records take: their pages and their table. */
size_t vmem_record_frames(void);

/* Every invariant; panics with the first one broken. */
void vmem_check(void);

#endif
