/* The rule of memmap.h, said of one frame, and any map of ENTRIES entries to hold it against. */
#ifndef QUIRE_PROOF_MEMMAP_RULE_H
#define QUIRE_PROOF_MEMMAP_RULE_H

#include "memmap.h"
#include "proof.h"

static struct memmap_entry entries[ENTRIES];
static uint32_t count;

static void any_map(void) {
    HAVOC(entries);
    count = any_below(ENTRIES + 1);
}

static bool read_map(uint32_t *cursor, struct memmap_entry *entry) {
    if (*cursor == count)
        return false;
    *entry = entries[(*cursor)++];
    return true;
}

/* Where ENTRY ends; it saturates. */
static uint64_t end_at(const struct memmap_entry *entry) {
    uint64_t end = entry->base + entry->length;
    return end < entry->base ? UINT64_MAX : end;
}

/* Whether some memory has all of frame PFN, and nothing else touches it. */
static bool is_kept(pfn_t pfn) {
    uint64_t start = (uint64_t)pfn << PAGE_SHIFT, end = start + PAGE_SIZE;
    bool freed = false, taken = false;
    for (uint32_t i = 0; i < count; i++) {
        const struct memmap_entry *entry = &entries[i];
        if (entry->type == MEMMAP_RAM)
            freed |= entry->base <= start && end <= end_at(entry);
        else if (entry->length)
            taken |= entry->base < end && start < end_at(entry);
    }
    return freed && !taken;
}

#endif
