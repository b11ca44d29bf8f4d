/* space: several address spaces, pages that come when they are touched, and pages that are shared until they are
 * written to.
 *
 * The user part of a space, from FREE_START (0x00400000) up to KHEAP_START (0xC0000000), is its own. All the rest is
 * the kernel's and the same in every space. Only the current space's tables can be seen, through its own window; so
 * every call works on the current space but those that take one.
 *
 * Ranges are whole pages, at least one, inside the user part; anything else is a panic that prints the values, and
 * so is a range that already has pages where new ones are to come. Frames are counted by their owners: a frame goes
 * back to pm with the last page of a space that is mapped to it. Exhaustion is a return value and changes nothing.
 *
 * An interrupt handler may call space_current and space_allows. A handler that interrupted a program, not the kernel,
 * may call all (interrupt.h). To call anything else in a handler is a panic. */
#ifndef QUIRE_SPACE_H
#define QUIRE_SPACE_H

#include "types.h"
#include "vmem.h"

struct space;

/* How a page is to come stands in its own entry, in bits that the processor leaves to software (SDM vol. 3, tables
 * 4-5 and 4-6). An absent entry with SPACE_PAGE has no frame: it comes clear at its first touch, with the permissions
 * that stand in the entry. A present entry with SPACE_COPY is read-only only until it is written to. */
#define SPACE_PAGE 0x200u /* a page of the space's, not one that vmem_map has put there */
#define SPACE_COPY 0x400u /* the page may be written, but its frame may be somebody else's too */

/* What the processor pushes at a page fault (SDM vol. 3, 4.7). */
#define FAULT_PRESENT 1u /* refused by a present entry; otherwise one was absent */
#define FAULT_WRITE 2u
#define FAULT_USER 4u /* in ring 3 */
#define FAULT_RESERVED 8u /* an entry had a reserved bit set */

/* The directory that vmem_init has built becomes the first space. After kmalloc_init. */
void space_init(void);

/* Calls HOOK with the directory's address whenever another space becomes current, before CR3 is loaded. */
void space_on_switch(void (*hook)(paddr_t directory));

/* A space with nothing in its user part; NULL when memory has run out. */
struct space *space_create(void);

/* A copy of the current space: every page is shared, and copied when either side writes to it. NULL when memory has
 * run out. */
struct space *space_clone(void);

void space_switch(struct space *to);
struct space *space_current(void);

/* Gives back all that SPACE has, and SPACE itself. The current space and the first one are a panic. */
void space_destroy(struct space *space);

/* PAGES pages at VA that come clear at their first touch. 0, or VMEM_NO_MEMORY (for a page table). FLAGS are
 * VMEM_WRITE and VMEM_USER. */
int space_reserve(void *va, size_t pages, unsigned flags);

/* PAGES pages at VA that show the frames from PA on until they are written to; then each gets a copy. 0, or
 * VMEM_NO_MEMORY. The frames are memory that pm never handed out, such as a boot module's, and stay as they are. */
int space_map_copy(void *va, paddr_t pa, size_t pages, unsigned flags);

/* Gives the pages the permissions FLAGS, those still to come too. 0, or VMEM_ABSENT, with everything as it was, when
 * one of them is no page of the space's. */
int space_protect(void *va, size_t pages, unsigned flags);

/* Unmaps what there is in the range, page tables left empty included. Pages may be missing. */
void space_release(void *va, size_t pages);

/* Mends the page fault at VA, if it was to be expected: the first touch of a page, or the first write to a shared
 * one. ERROR is the processor's. False: it is a real fault, or no frame is left; space_allows tells which. */
bool space_fault(const void *va, unsigned error);

/* Whether [VA, VA + BYTES), any range of a byte or more, lies in pages of the current space that have all of FLAGS,
 * whether they have come yet or not. */
bool space_allows(const void *va, size_t bytes, unsigned flags);

/* vmem_walk, for any space: the four steps of translating VA there. */
bool space_walk(struct space *space, const void *va, struct vmem_walk *out);

/* The user part of SPACE, in pages: that have come, that share their frame, and that are still to come; and its page
 * tables. */
struct space_counts {
    size_t present, shared, absent, tables;
};
struct space_counts space_count(struct space *space);

/* Every invariant of every space; panics with the first one broken. */
void space_check(void);

#endif
