/* pm: the physical page allocator, for the frames below 4 GiB.
 *
 * Every call takes the same time at 16 MiB as at 4 GiB, empty or all but full; only runs are searched for. pm
 * never touches the memory that it hands out, mapped or not. Exhaustion is a return value. A caller's bug is a
 * panic that prints the values and leaves everything as it was.
 *
 * Before vmem_init frames can be reserved and handed out, but not given back, nor asked about by pm_state.
 *
 * An interrupt handler may call pm_count, pm_state and pm_next_range. To allocate or free there is a panic. */
#ifndef QUIRE_PM_H
#define QUIRE_PM_H

#include "memmap.h"
#include "types.h"

/* Quire's minimum: a machine of 5 MiB has this much above 1 MiB, less what firmware keeps for itself. */
#define PM_MIN_FRAMES (3584 * 1024 / PAGE_SIZE)

/* What a frame is. */
enum pm_state {
    PM_ABSENT,   /* the memory map does not call it memory */
    PM_RESERVED, /* memory that is never handed out: the first MiB, the kernel, boot modules */
    PM_FREE,
    PM_USED,      /* handed out */
    PM_TABLE,     /* handed out, and a page table */
    PM_DIRECTORY, /* handed out, and a page directory */
};

/* In frames; total = free + reserved + those handed out. */
struct pm_counts {
    size_t total, free, reserved;
};

/* Starts afresh with the frames of a memory map, which must stay where it is. All from 1 MiB up become free;
 * those below are reserved. */
void pm_init(const memmap_frames ram);

/* Withholds for good every frame that [START, END) touches. START <= END, END at most 2^32. Once a frame is handed
 * out it is too late: a panic. */
void pm_reserve(uint64_t start, uint64_t end);

/* A free frame's address, or PADDR_NONE. Its contents are whatever was left there. */
paddr_t pm_alloc_page(void);

/* Gives back a frame that pm_alloc_page or pm_alloc_pages handed out. Panics on a double free, on an unaligned,
 * reserved or absent frame, on a page table or directory, and on a frame that a page is still mapped to. */
void pm_free_page(paddr_t pa);

/* N adjacent frames, the address of the first; PADDR_NONE when no such run is free, or for N = 0. */
paddr_t pm_alloc_pages(size_t n);

/* Gives back N adjacent frames: a whole run, a part of one, or frames that came one by one. Panics, before
 * anything changes, when pm_free_page would refuse any of them. N = 0 does nothing. */
void pm_free_pages(paddr_t pa, size_t n);

/* Owners of a frame that is handed out: the pages that are mapped to it, in any space, and whoever calls pm_share
 * besides. pm_drop takes one away, and the last one frees the frame. Anything else than the address of a frame handed
 * out, and to drop where there is no owner, is a panic. */
void pm_share(paddr_t pa);
bool pm_is_shared(paddr_t pa); /* more than one */
void pm_drop(paddr_t pa);

struct pm_counts pm_count(void);
enum pm_state pm_state(paddr_t pa);

/* The next range of frames at or after FROM that the memory map calls memory: [*START, *END) in frame
 * numbers, with the frames below 1 MiB left out; false when there is none. */
bool pm_next_range(pfn_t from, pfn_t *start, pfn_t *end);

/* Every invariant of the bitmap, the magazine, the records and the counts; panics with the first one broken. */
void pm_check(void);

#endif
