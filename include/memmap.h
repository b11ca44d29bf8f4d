/* memmap: from what the boot loader reports to what may be handed out.
 *
 * The rule: every frame starts as taken; each type-1 entry frees the whole frames inside it (rounded
 * inward); each other non-empty entry takes every frame that it touches (rounded outward); taken wins,
 * whatever the order of the entries and however many there are; ends saturate, they never wrap. */
#ifndef QUIRE_MEMMAP_H
#define QUIRE_MEMMAP_H

#include "bitmap.h"
#include "types.h"

/* Multiboot 0.6.96 section 3.3, mmap_*; ACPI 6.4 section 15 for the types. */
#define MEMMAP_RAM 1

struct memmap_entry {
    uint64_t base, length; /* bytes; base + length may pass 2^64 */
    uint32_t type;         /* MEMMAP_RAM, or anything else: not ours */
};

/* Reads the entry at *CURSOR (0 is the first), and moves the cursor past it; false at the end. */
typedef bool memmap_reader(uint32_t *cursor, struct memmap_entry *entry);

/* A bit for each frame below 4 GiB: set where the map calls the frame memory. (Proofs have fewer frames than a word has bits.) */
typedef uint32_t memmap_frames[(FRAMES_MAX + 31) / 32];

/* Fills FRAMES from all the entries that READ gives. READ is gone through twice. The frames below 1 MiB
 * are kept here as the map has them; pm never hands them out. */
void memmap_build(memmap_frames frames, memmap_reader *read);

#endif
