/* The simulated MMU of mmu.h.
 *
 * Nothing is scanned ahead of use. Instead each change to memory is looked at when it happens: a word written
 * into a frame that some cached directory entry leads to is a translation that a processor could load then
 * and there, so it is learnt; a directory entry that becomes present brings all of its table's. For each
 * page the TLB remembers the one translation learnt, or that there was more than one (MIXED): then any of
 * them may be in use. For each 4 MiB the directory entries learnt are kept, all of them. */
#include "mmu.h"

#include <string.h>

#include "cpu.h"
#include "memlayout.h"
#include "support.h"
#include "vmem.h"

#define WORDS ENTRIES_PER_TABLE
#define PAGES (1u << 20)
#define MIXED 0x200u                              /* in a TLB entry: more than one was learnt */
#define BOTH (PTE_WRITE | PTE_USER | PTE_PRESENT) /* allowed where both levels allow it */
#define SAYS (PTE_FRAME | PTE_WRITE_THROUGH | PTE_NO_CACHE | BOTH) /* what a cached entry holds */
#define WAYS 4

static unsigned memory[MMU_FRAMES][WORDS] __attribute__((aligned(PAGE_SIZE)));
static bool paging;
static paddr_t cr3;

static unsigned tlb[PAGES];
static bool region_used[WORDS]; /* some TLB entry of these 4 MiB may be set */

static struct {
    unsigned count;
    unsigned pde[WAYS]; /* SAYS bits */
} directory_cache[WORDS];
static unsigned cached_pdi[WORDS]; /* where COUNT is not 0: wherever the directory has a present entry, at least */
static unsigned cached_pdis;
static unsigned table_refs[MMU_FRAMES]; /* directory-cache entries that lead to the frame */
static unsigned table_pdi[MMU_FRAMES];  /* where the first of them may be */

struct mmu_event mmu_events[MMU_EVENTS];
size_t mmu_event_count;

void (*mmu_before_event)(void);
unsigned mmu_shared_from;

void mmu_event(enum mmu_event_kind kind, unsigned where, unsigned value) {
    if (mmu_before_event)
        mmu_before_event();
    if (mmu_event_count < MMU_EVENTS)
        mmu_events[mmu_event_count++] = (struct mmu_event){kind, where, value};
}

/* ---- memory ---- */

static unsigned *word_at(paddr_t pa) {
    if (pa % 4 || pa / PAGE_SIZE >= MMU_FRAMES) {
        fail_msg("mmu: there is no word at physical address 0x%08x", pa);
        __builtin_unreachable(); /* fail_msg does not return, but is not declared so */
    }
    return &memory[pa / PAGE_SIZE][pa % PAGE_SIZE / 4];
}

unsigned mmu_word(paddr_t pa) { return *word_at(pa); }

void *mmu_frame(paddr_t pa) { return word_at(pa & PTE_FRAME); }

bool mmu_paging(void) { return paging; }

/* ---- what the tables say ---- */

static unsigned *pde_in_memory(unsigned pdi) { return word_at((cr3 & PTE_FRAME) + pdi * 4); }

static unsigned combine(unsigned pde, unsigned pte) {
    if (!(pde & PTE_PRESENT) || !(pte & PTE_PRESENT))
        return 0;
    return (pte & (SAYS & ~BOTH)) | (pde & pte & BOTH);
}

static unsigned lookup(unsigned page) {
    unsigned pde = *pde_in_memory(page / WORDS);
    return pde & PTE_PRESENT ? combine(pde, *word_at((pde & PTE_FRAME) + page % WORDS * 4)) : 0;
}

unsigned mmu_lookup(const void *va) { return lookup((uintptr_t)va / PAGE_SIZE); }

void mmu_lookup_all(unsigned *pages) {
    for (unsigned pdi = 0; pdi < WORDS; pdi++) {
        bool present = *pde_in_memory(pdi) & PTE_PRESENT;
        for (unsigned page = pdi * WORDS; page < (pdi + 1) * WORDS; page++)
            pages[page] = present ? lookup(page) : 0;
    }
}

bool mmu_linked(paddr_t frame) {
    for (unsigned pdi = 0; pdi < WORDS; pdi++) {
        unsigned pde = *pde_in_memory(pdi);
        if (!(pde & PTE_PRESENT))
            continue;
        if ((pde & PTE_FRAME) == frame)
            return true;
        for (unsigned pti = 0; pdi != 0 && pti < WORDS; pti++) {
            unsigned pte = *word_at((pde & PTE_FRAME) + pti * 4);
            if (pte & PTE_PRESENT && (pte & PTE_FRAME) == frame)
                return true;
        }
    }
    return false;
}

/* ---- caches ---- */

static void learn_page(unsigned page, unsigned pde, unsigned *pte) {
    unsigned says = combine(pde, *pte);
    if (!says)
        return;
    *pte |= PTE_ACCESSED;
    region_used[page / WORDS] = true;
    if (!tlb[page])
        tlb[page] = says;
    else if (tlb[page] != says)
        tlb[page] |= MIXED;
}

static void learn_table(unsigned pdi, unsigned pde) {
    for (unsigned pti = 0; pti < WORDS; pti++)
        learn_page(pdi * WORDS + pti, pde, word_at((pde & PTE_FRAME) + pti * 4));
}

static void add_ref(unsigned pdi, unsigned pde) {
    table_refs[pde / PAGE_SIZE]++;
    table_pdi[pde / PAGE_SIZE] = pdi;
}

static void learn_directory_entry(unsigned pdi, unsigned pde) {
    pde &= SAYS;
    for (unsigned way = 0; way < directory_cache[pdi].count; way++)
        if (directory_cache[pdi].pde[way] == pde)
            return;
    if (directory_cache[pdi].count == WAYS)
        fail_msg("mmu: PD[%u] has changed %d times without a flush", pdi, WAYS);
    if (!directory_cache[pdi].count)
        cached_pdi[cached_pdis++] = pdi;
    directory_cache[pdi].pde[directory_cache[pdi].count++] = pde;
    learn_table(pdi, pde); /* fails where there is no such frame */
    add_ref(pdi, pde);
    *pde_in_memory(pdi) |= PTE_ACCESSED;
}

static void drop_directory_entries(unsigned pdi) {
    for (unsigned way = 0; way < directory_cache[pdi].count; way++)
        table_refs[directory_cache[pdi].pde[way] / PAGE_SIZE]--;
    directory_cache[pdi].count = 0;
}

/* The word at PA is being set: what could a processor learn from it? */
static void learn_from(paddr_t pa, unsigned value) {
    unsigned index = pa % PAGE_SIZE / 4, frame = pa & PTE_FRAME;
    if (!paging || !(value & PTE_PRESENT))
        return;
    if (frame == (cr3 & PTE_FRAME))
        learn_directory_entry(index, value);
    unsigned left = table_refs[frame / PAGE_SIZE];
    for (unsigned pdi = table_pdi[frame / PAGE_SIZE]; left > 0; pdi = (pdi + 1) % WORDS)
        for (unsigned way = 0; way < directory_cache[pdi].count; way++)
            if ((directory_cache[pdi].pde[way] & PTE_FRAME) == frame) {
                learn_page(pdi * WORDS + index, directory_cache[pdi].pde[way], word_at(pa));
                left--;
            }
}

/* Present words in a table that is being linked are live mappings that nobody asked for. */
static void check_link(paddr_t pa, unsigned old, unsigned value) {
    if (!paging || (pa & PTE_FRAME) != (cr3 & PTE_FRAME) || !(value & PTE_PRESENT) || old & PTE_PRESENT)
        return;
    for (unsigned pti = 0; pti < WORDS; pti++)
        if (*word_at((value & PTE_FRAME) + pti * 4))
            fail_msg("mmu: PD[%u] = 0x%08x links a table that is not clear: PT[%u] is 0x%08x",
                     pa % PAGE_SIZE / 4, value, pti, *word_at((value & PTE_FRAME) + pti * 4));
}

void mmu_set_word(paddr_t pa, unsigned value) {
    unsigned *word = word_at(pa);
    unsigned old = *word;
    check_link(pa, old, value);
    *word = value;
    learn_from(pa, value);
}

void mmu_scribble(paddr_t frame) {
    for (unsigned i = 0; i < WORDS; i++)
        mmu_set_word(frame + i * 4, (random_word() & SAYS) | PTE_PRESENT);
}

/* Fills the caches with all that the tables say. */
static void learn_all(void) {
    for (unsigned pdi = 0; pdi < WORDS; pdi++)
        if (*pde_in_memory(pdi) & PTE_PRESENT)
            learn_directory_entry(pdi, *pde_in_memory(pdi));
}

static void drop_all(void) {
    while (cached_pdis)
        drop_directory_entries(cached_pdi[--cached_pdis]);
    for (unsigned pdi = 0; pdi < WORDS; pdi++) {
        if (region_used[pdi])
            memset(&tlb[pdi * WORDS], 0, WORDS * sizeof(tlb[0]));
        region_used[pdi] = false;
    }
}

/* INVLPG drops the page's translation and every directory entry (4.10.4.1); both may be back at once. The
 * translations that a dropped directory entry gave stay. */
static void flush(unsigned page) {
    unsigned before = cached_pdis;
    tlb[page] = 0;
    cached_pdis = 0;
    for (unsigned i = 0; i < before; i++) {
        unsigned pdi = cached_pdi[i], pde = *pde_in_memory(pdi) & SAYS;
        drop_directory_entries(pdi);
        if (!(pde & PTE_PRESENT))
            continue;
        cached_pdi[cached_pdis++] = pdi;
        directory_cache[pdi].count = 1;
        directory_cache[pdi].pde[0] = pde;
        add_ref(pdi, pde);
        if (pdi == page / WORDS)
            learn_page(page, pde, word_at((pde & PTE_FRAME) + page % WORDS * 4));
    }
}

bool mmu_cached(paddr_t frame) {
    if (table_refs[frame / PAGE_SIZE])
        return true;
    for (unsigned pdi = 1; pdi < WORDS; pdi++)
        for (unsigned page = pdi * WORDS; region_used[pdi] && page < (pdi + 1) * WORDS; page++)
            if (tlb[page] & MIXED || (tlb[page] && (tlb[page] & PTE_FRAME) == frame))
                return true;
    return false;
}

static void check_directory_cache(unsigned pdi) {
    unsigned pde = *pde_in_memory(pdi) & SAYS;
    if (!(pde & PTE_PRESENT))
        pde = 0;
    for (unsigned way = 0; way < directory_cache[pdi].count; way++)
        if (directory_cache[pdi].pde[way] != pde)
            fail_msg("mmu: PD[%u] is 0x%08x, but may still be cached as 0x%08x", pdi, pde,
                     directory_cache[pdi].pde[way]);
}

/* The tables say SAYS of PAGE. */
static void check_tlb(unsigned page, unsigned says) {
    if (tlb[page] && tlb[page] != says)
        fail_msg("mmu: the page 0x%05x000 is 0x%08x, but may still be cached as 0x%08x%s%s", page, says,
                 tlb[page] & ~MIXED, tlb[page] & MIXED ? " or as another" : "",
                 page == SCRATCH_PAGE / PAGE_SIZE ? " (the scratch page, which shows one frame at a time)" : "");
}

void mmu_check_caches(void) {
    for (unsigned pdi = 0; pdi < WORDS; pdi++) {
        check_directory_cache(pdi);
        for (unsigned page = pdi * WORDS; region_used[pdi] && page < (pdi + 1) * WORDS; page++)
            if (tlb[page])
                check_tlb(page, lookup(page));
    }
}

/* ---- accesses ---- */

/* Translates VA as the least forgiving processor would: by a stale TLB entry where there is one. */
static paddr_t translate(uintptr_t va, bool write) {
    unsigned page = va / PAGE_SIZE, says;
    if (!paging)
        return va;
    says = lookup(page);
    check_directory_cache(page / WORDS);
    check_tlb(page, says);
    if (!says)
        fail_msg("mmu: page fault: %s of 0x%08lx, not present", write ? "write" : "read", (unsigned long)va);
    if (write && !(says & PTE_WRITE))
        fail_msg("mmu: page fault: write to 0x%08lx, read-only", (unsigned long)va);

    unsigned pde = *pde_in_memory(page / WORDS);
    unsigned *pte = word_at((pde & PTE_FRAME) + page % WORDS * 4);
    *pde_in_memory(page / WORDS) |= PTE_ACCESSED;
    *pte |= PTE_ACCESSED | (write ? PTE_DIRTY : 0);
    return (says & PTE_FRAME) | (va & PAGE_MASK);
}

/* Whether the access would fault. A cached entry that would let it pass, or stop it, fails the test. */
static bool faults(uintptr_t va, bool write) {
    unsigned page = va / PAGE_SIZE, says = lookup(page);
    check_directory_cache(page / WORDS);
    check_tlb(page, says);
    return !says || (write && !(says & PTE_WRITE));
}

bool mmu_try_load(const void *va, unsigned *word) {
    if (faults((uintptr_t)va, false))
        return false;
    *word = mmu_load(va);
    return true;
}

bool mmu_try_store(void *va, unsigned value) {
    if (faults((uintptr_t)va, true))
        return false;
    mmu_store(va, value);
    return true;
}

unsigned mmu_load(const void *va) { return *word_at(translate((uintptr_t)va, false)); }

void mmu_store(void *va, unsigned value) { mmu_set_word(translate((uintptr_t)va, true), value); }

/* ---- what mm/vmem.c calls: cpu.h and mm/paging.S ---- */

unsigned read_entry(const volatile unsigned *entry) { return mmu_load((const void *)entry); }

void write_entry(volatile unsigned *entry, unsigned value) {
    paddr_t pa = translate((uintptr_t)entry, true);
    mmu_event(MMU_WRITE, pa, value);
    mmu_set_word(pa, value);
}

void store_words(void **to, unsigned word, size_t words) {
    for (unsigned *at = *to; words > 0; words--)
        write_entry(at++, word);
}

void copy_words(void **to, const void **from, size_t words) {
    const unsigned *source = *from;
    for (unsigned *at = *to; words > 0; words--)
        mmu_store(at++, mmu_load(source++));
}

size_t zero_words(const void *at, size_t words) {
    size_t n = 0;
    if (words == 0) /* the processor says whatever its flags were */
        fail_msg("mmu: a search through no words");
    while (n < words && mmu_load((const unsigned *)at + n) == 0)
        n++;
    return n;
}

void flush_page(const void *va) {
    mmu_event(MMU_FLUSH, (uintptr_t)va, 0);
    if (paging)
        flush((uintptr_t)va / PAGE_SIZE);
}

paddr_t get_page_directory(void) { return cr3; }

/* The directory to be loaded has the shared entries as the current one has them. */
static void check_shared_part(paddr_t directory) {
    for (unsigned pdi = 0; mmu_shared_from && pdi < WORDS - 1; pdi++)
        if ((pdi == 0 || pdi >= mmu_shared_from) &&
            (*word_at(directory + pdi * 4) & SAYS) != (*pde_in_memory(pdi) & SAYS))
            fail_msg("mmu: the directory 0x%08x is loaded with PD[%u] = 0x%08x; it has become 0x%08x",
                     directory, pdi, *word_at(directory + pdi * 4), *pde_in_memory(pdi));
}

void set_page_directory(paddr_t directory) {
    mmu_event(MMU_SET_DIRECTORY, directory, 0);
    if (paging)
        check_shared_part(directory);
    cr3 = directory;
    if (paging) {
        drop_all();
        learn_all();
    }
}

/* The next instruction, and all that the kernel has, is where it was. */
void enable_paging(void) {
    mmu_event(MMU_ENABLE, cr3, 0);
    paging = true;
    learn_all();
    for (paddr_t pa = (uintptr_t)kernel_start; pa < (uintptr_t)kernel_end; pa += PAGE_SIZE)
        if (lookup(pa / PAGE_SIZE) != (pa | PTE_PRESENT | PTE_WRITE))
            fail_msg("mmu: paging begins, and 0x%08x is mapped to 0x%08x", pa, lookup(pa / PAGE_SIZE));
}

void mmu_poke(paddr_t pa, unsigned value) {
    *word_at(pa) = value;
    drop_all();
    learn_all();
}

/* The same garbage everywhere, each frame's begins elsewhere. */
static void fill_with_garbage(void) {
    static unsigned garbage[8 * WORDS];
    for (unsigned i = 0; !garbage[0] && i < ARRAY_SIZE(garbage); i++)
        garbage[ARRAY_SIZE(garbage) - 1 - i] = (random_word() & SAYS) | PTE_PRESENT;
    for (unsigned frame = 0; frame < MMU_FRAMES; frame++)
        memcpy(memory[frame], &garbage[frame * 61 % (7 * WORDS)], PAGE_SIZE);
}

void mmu_reset(void) {
    paging = false;
    cr3 = 0;
    drop_all();
    mmu_event_count = 0;
    fill_with_garbage();
}
