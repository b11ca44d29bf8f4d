/* A small MMU with memory for its tables, as forgetful and as greedy as the Intel SDM, vol. 3, 4.10, allows.
 *
 * One page is watched, any of them, the window's included. At each change, and after each flush, the processor may load
 * what the tables then say of that page into its TLB, and the page's directory entry into the cache of those; it may use
 * the cached entry for the next load, and keeps both until they are flushed. Whether it does is left open, so every
 * order is gone through. A kernel access that would fault, or that goes through a stale entry, fails the proof. */
#ifndef QUIRE_PROOF_MMU_H
#define QUIRE_PROOF_MMU_H

#include "cpu.h"
#include "memlayout.h"
#include "proof.h"
#include "vmem.h"

#define ENTRIES ENTRIES_PER_TABLE
#define PAGES (ENTRIES * ENTRIES)
#define SAYS (PTE_FRAME | PTE_PRESENT | PTE_WRITE | PTE_USER)

static unsigned memory[FRAMES_MAX][ENTRIES]; /* a frame has only the words of a table */
static paddr_t cr3;

static unsigned page;       /* the one that is watched */
static unsigned tlb;        /* what is cached of it: frame and permissions; 0: nothing */
static unsigned cached_pde; /* and of its directory entry */

/* Word I of a frame; what is no memory reads as 0. */
static unsigned word(paddr_t frame, unsigned i) {
    return pa_to_pfn(frame) < FRAMES_MAX ? memory[pa_to_pfn(frame)][i] : 0;
}

static unsigned pde_of_page(unsigned vpn) { return word(cr3, vpn / ENTRIES); }

static unsigned pte_of_page(unsigned vpn) {
    unsigned pde = pde_of_page(vpn);
    return pde & PTE_PRESENT ? word(pde, vpn % ENTRIES) : 0;
}

/* What a processor caches of a page with these entries. */
static unsigned says(unsigned pde, unsigned pte) {
    unsigned permissions = pde & pte & (PTE_WRITE | PTE_USER);
    return pde & pte & PTE_PRESENT ? (pte & PTE_FRAME) | PTE_PRESENT | permissions : 0;
}

static unsigned lookup(unsigned vpn) { return says(pde_of_page(vpn), pte_of_page(vpn)); }

/* The processor looks ahead, if it likes. */
static void prefetch(void) {
    unsigned now = pde_of_page(page);
    if (now & PTE_PRESENT && nondet_bool())
        cached_pde = now & SAYS;
    unsigned pde = nondet_bool() ? cached_pde : now, load = says(pde, word(pde, page % ENTRIES));
    if (load && nondet_bool())
        tlb = load;
}

static bool is_cached_right(void) {
    unsigned pde = pde_of_page(page) & SAYS;
    return (!tlb || tlb == lookup(page)) && (!cached_pde || (cached_pde == pde && pde & PTE_PRESENT));
}

/* The page at AT. In the window a table has a page of its own, with no more than its entries. */
static unsigned page_at(uintptr_t at) {
    return at < WINDOW_START ? at / PAGE_SIZE : RECURSIVE_PDI * ENTRIES + (at - WINDOW_START) / 4 / ENTRIES;
}

/* The word of memory that the kernel means by the address AT. */
static unsigned *access(uintptr_t at, bool write) {
    unsigned vpn = page_at(at), now = lookup(vpn);
    PROVE(at % 4 == 0 && vpn < PAGES && (at >= WINDOW_START || at % PAGE_SIZE / 4 < ENTRIES));
    PROVE(vpn != page || is_cached_right());
    PROVE(now & PTE_PRESENT && (!write || now & PTE_WRITE) && pa_to_pfn(now) < FRAMES_MAX);
    return &memory[pa_to_pfn(now) % FRAMES_MAX][at / 4 % ENTRIES];
}

unsigned read_entry(const volatile unsigned *entry) { return *access((uintptr_t)entry, false); }

void write_entry(volatile unsigned *entry, unsigned value) {
    *access((uintptr_t)entry, true) = value;
    prefetch();
}

/* A frame's words, those that the model has. */
void store_words(void **to, unsigned value, size_t words) {
    PROVE(words <= ENTRIES);
    for (size_t i = 0; i < words; i++)
        write_entry((unsigned *)*to + i, value);
}

void flush_page(const void *va) {
    cached_pde = 0;
    if (page_at((uintptr_t)va) == page)
        tlb = 0;
    prefetch();
}

paddr_t get_page_directory(void) { return cr3; }

void set_page_directory(paddr_t directory) {
    cr3 = directory;
    tlb = cached_pde = 0;
    prefetch();
}

void enable_paging(void) {}

#endif
