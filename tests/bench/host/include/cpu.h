/* Replaces include/cpu.h in bench_heap: page tables in plain memory.
 *
 * The window is an array with an entry for each page, so an access costs what it costs in the kernel. It has no frames
 * behind it: a table is clear when it is linked because unmapping has left zeros, and writes to the scratch page or
 * before paging go nowhere. Flushes do nothing. */
#ifndef QUIRE_CPU_H
#define QUIRE_CPU_H

#include "memlayout.h"
#include "types.h"

extern unsigned bench_window[1 << 20], bench_scratch[1024];

static inline unsigned *entry_at(const volatile unsigned *entry) {
    uintptr_t address = (uintptr_t)entry;
    if (unlikely(address < WINDOW_START))
        return &bench_scratch[address % PAGE_SIZE / sizeof(unsigned)];
    return (unsigned *)((uintptr_t)bench_window + (address - WINDOW_START));
}

static inline unsigned read_entry(const volatile unsigned *entry) { return *entry_at(entry); }
static inline void write_entry(volatile unsigned *entry, unsigned value) { *entry_at(entry) = value; }
static inline void flush_page(const void *va) { (void)va; }
static inline void store_words(void **to, unsigned word, size_t words) { (void)to, (void)word, (void)words; }

static inline bool words_are(const void *at, unsigned word, size_t words) {
    const unsigned *next = at;
    while (words && *next == word)
        words--, next++;
    return words == 0;
}

#endif
