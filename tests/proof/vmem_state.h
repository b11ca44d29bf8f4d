/* vmem in any well-formed state, over the MMU of mmu.h, and over pm's contract: pm_alloc_page gives a frame that is free,
 * pm_take_back frees one (pm_alloc and pm_owners prove it of pm.c).
 *
 * No frame's number matters but 0's. So the directory is frame 1, table 0 frame 2, a table that is linked at PD[I] frame
 * 2 + I, and the next frame that pm gives the last one, then the one before. The page and whether its table is there are
 * given, too, case by case: then nearly every access has one place, and only what is in memory is left open. (All cases in
 * one run take several times as long as one by one.) */
#ifndef QUIRE_PROOF_VMEM_STATE_H
#define QUIRE_PROOF_VMEM_STATE_H

#include "mmu.h"

#include "../../mm/vmem.c"

frame_t pm_frames[FRAMES_MAX];
memmap_frames pm_available;
paddr_t pm_recent[RECENT_MAX];
size_t pm_recents;
char kernel_start[1], rodata_end[1], boot_stack_guard[1], fault_stack_guard[1], symtab_start[1],
    kernel_end[1];

/* ---- pm ---- */

static bool is_free[FRAMES_MAX];
static unsigned given; /* by pm_alloc_page */

/* Left open, but where a proof has cases. */
#ifndef MAY_BE_FREE
#define MAY_BE_FREE(pfn) nondet_bool()
#define ARE_OTHERS_LINKED nondet_bool()
#endif

static bool any_is_free(void) {
    bool any = false;
    for (pfn_t pfn = 0; pfn < FRAMES_MAX; pfn++)
        any |= is_free[pfn];
    return any;
}

struct pm_counts pm_count(void) {
    struct pm_counts counts = {0};
    for (pfn_t pfn = 0; pfn < FRAMES_MAX; pfn++)
        counts.free += is_free[pfn];
    return counts;
}

#ifndef OWN_MAGAZINE /* no call here meets it */
paddr_t pm_alloc_page(void) {
    pfn_t pfn = FRAMES_MAX - 1 - given;
    if (!any_is_free())
        return PADDR_NONE;
    given++;
    GIVEN(is_free[pfn]);
    is_free[pfn] = false;
    frame_set_kind(pfn_to_pa(pfn), FRAME_PLAIN);
    return pfn_to_pa(pfn);
}

void pm_take_back(paddr_t pa) {
    PROVE(pa_offset(pa) == 0 && pa_to_pfn(pa) < FRAMES_MAX && *frame_at(pa) >= FRAME_PLAIN);
    PROVE(!is_free[pa_to_pfn(pa)]);
    PROVE(is_cached_right()); /* what led to it is forgotten */
    is_free[pa_to_pfn(pa)] = true;
    frame_set_kind(pa, FRAME_RECENT);
}
#endif

/* ---- what well-formed means ---- */

/* The tables as they are: the directory, and all entries of those that can be edited; 0 where there is no table. */
struct tables {
    unsigned pde[ENTRIES], pte[PAGES];
};

static void look_from(paddr_t directory, struct tables *t) {
    for (unsigned pdi = 0; pdi < ENTRIES; pdi++) {
        t->pde[pdi] = word(directory, pdi);
        for (unsigned i = 0; i < ENTRIES && pdi > 0 && pdi < FRAMES_PDI; i++)
            t->pte[pdi * ENTRIES + i] = t->pde[pdi] ? word(t->pde[pdi], i) : 0;
    }
}

static void look(struct tables *t) { look_from(cr3, t); }

static bool is_in_use(paddr_t pa, frame_t record) {
    return pa_to_pfn(pa) < FRAMES_MAX && !is_free[pa_to_pfn(pa) % FRAMES_MAX] &&
           (*frame_at(pa_to_pfn(pa) % FRAMES_MAX * PAGE_SIZE) & ~FRAME_PAGES) == record;
}

/* The table at PD[PDI], if there is one, counts its entries, has one at least, and each is present, or says how its page
 * is to come, or is zero. */
static bool is_table_right(const struct tables *t, unsigned pdi) {
    unsigned entries = 0;
    bool right = (t->pde[pdi] & PAGE_MASK) == TABLE_FLAGS;
    for (unsigned i = 0; i < ENTRIES; i++) {
        unsigned entry = t->pte[pdi * ENTRIES + i];
        entries += entry != 0;
        right &= pa_to_pfn(entry) < FRAMES_MAX;
        right &= !entry || entry & PTE_PRESENT || (pdi < USER_TABLES && entry < PAGE_SIZE);
        right &= pdi < USER_TABLES || !(entry & VMEM_VIEW);
    }
    return !t->pde[pdi] ||
           (right && entries > 0 && is_in_use(t->pde[pdi], FRAME_TABLE + entries * FRAME_ENTRY));
}

/* The directory, table 0 and the tables are what their records say; the scratch page is absent. */
static bool is_well_formed(const struct tables *t) {
    bool right = is_in_use(cr3, FRAME_DIRECTORY) && t->pde[RECURSIVE_PDI] == (cr3 | OWN_FLAGS);
    right &= (pm_frames[0] & FRAME_KIND) <= FRAME_RESERVED; /* frame 0 is never handed out */
    right &= is_in_use(t->pde[0], FRAME_TABLE) && (t->pde[0] & PAGE_MASK) == OWN_FLAGS;
    right &= word(t->pde[0], ENTRIES - 1) == 0;
    for (unsigned pdi = 1; pdi < FRAMES_PDI; pdi++)
        right &= is_table_right(t, pdi);
    return right;
}

/* How many of the pages [FIRST, END) count as owners of the frame PFN. (Views do not.) */
static unsigned pages_of(const struct tables *t, vpn_t first, vpn_t end, pfn_t pfn) {
    unsigned pages = 0;
    for (vpn_t vpn = first; vpn < end; vpn++)
        pages += is_counted(t->pte[vpn]) && pa_to_pfn(t->pte[vpn]) == pfn;
    return pages;
}

static bool is_linked_table(const struct tables *t, pfn_t pfn) {
    bool linked = false;
    for (unsigned pdi = 1; pdi < FRAMES_PDI; pdi++)
        linked |= t->pde[pdi] && pa_to_pfn(t->pde[pdi]) == pfn;
    return linked;
}

/* ---- the state before the call, and after it ---- */

static struct {
    struct tables tables;
    unsigned memory[FRAMES_MAX][ENTRIES];
    frame_t frames[FRAMES_MAX];
    bool is_free[FRAMES_MAX];
    unsigned tlb, cached_pde;
} before;

static void remember(void) {
    for (pfn_t pfn = 0; pfn < FRAMES_MAX; pfn++) {
        for (unsigned i = 0; i < ENTRIES; i++)
            before.memory[pfn][i] = memory[pfn][i];
        before.frames[pfn] = pm_frames[pfn];
        before.is_free[pfn] = is_free[pfn];
    }
    before.tlb = tlb;
    before.cached_pde = cached_pde;
}

/* Pages that have no entry: the others may have one. */
static bool is_zero[PAGES];

/* With a table at PD[PDI], or without; others may be there or not. */
static void any_state(unsigned its_pdi, bool is_linked) {
    HAVOC(memory);
    HAVOC(pm_frames);
    for (vpn_t vpn = ENTRIES; vpn < FRAMES_PDI * ENTRIES; vpn++)
        if (is_zero[vpn])
            memory[2 + vpn / ENTRIES][vpn % ENTRIES] = 0;
    for (pfn_t pfn = 1; pfn < FRAMES_MAX; pfn++)
        is_free[pfn] = MAY_BE_FREE(pfn);
    cr3 = pfn_to_pa(1);
    memory[1][0] = pfn_to_pa(2) | OWN_FLAGS;
    for (unsigned pdi = 1; pdi < FRAMES_PDI; pdi++)
        memory[1][pdi] =
            (pdi == its_pdi ? is_linked : ARE_OTHERS_LINKED) ? pfn_to_pa(2 + pdi) | TABLE_FLAGS : 0;
    memory[1][RECURSIVE_PDI] = cr3 | OWN_FLAGS;
    look(&before.tables);
    GIVEN(is_well_formed(&before.tables));
    page = any_below(PAGES);
    tlb = nondet_bool() ? lookup(page) : 0;
    cached_pde = nondet_bool() && pde_of_page(page) & PTE_PRESENT ? pde_of_page(page) & SAYS : 0;
    remember();
}

static bool is_unchanged(void) {
    bool same = tlb == before.tlb && cached_pde == before.cached_pde;
    for (pfn_t pfn = 0; pfn < FRAMES_MAX; pfn++) {
        same &= pm_frames[pfn] == before.frames[pfn] && is_free[pfn] == before.is_free[pfn];
        for (unsigned i = 0; i < ENTRIES; i++)
            same &= memory[pfn][i] == before.memory[pfn][i];
    }
    return same;
}

static bool any_was_free(void) {
    bool any = false;
    for (pfn_t pfn = 0; pfn < FRAMES_MAX; pfn++)
        any |= before.is_free[pfn];
    return any;
}

static struct tables after;

/* No word of a frame that was somebody's, and is no table, has changed. */
static bool are_frames_unchanged(void) {
    bool same = true;
    for (pfn_t pfn = 0; pfn < FRAMES_MAX; pfn++)
        for (unsigned i = 0; i < ENTRIES; i++)
            same &= before.frames[pfn] >= FRAME_DIRECTORY || before.is_free[pfn] ||
                    memory[pfn][i] == before.memory[pfn][i];
    return same;
}

/* The pages [FIRST, END) are counted, those of the frame PFN at least as often as they are there; and there is room for
 * more. (The pages of other spaces are counted too.) */
static void are_counted(vpn_t first, vpn_t end) {
    for (pfn_t pfn = 0; pfn < FRAMES_MAX; pfn++) {
        unsigned owners = pm_frames[pfn] & FRAME_PAGES;
        GIVEN(owners >= pages_of(&before.tables, first, end, pfn) && owners < FRAME_PAGES - PAGES);
    }
}

/* Each frame's owners have become as many more or fewer as pages in [FIRST, END) lead to it now. */
static bool are_owners_right(vpn_t first, vpn_t end) {
    bool right = true;
    for (pfn_t pfn = 0; pfn < FRAMES_MAX; pfn++)
        right &= (pm_frames[pfn] & FRAME_PAGES) + pages_of(&before.tables, first, end, pfn) ==
                 (before.frames[pfn] & FRAME_PAGES) + pages_of(&after, first, end, pfn);
    return right;
}

/* A frame has been handed out where it is a table now, and is free again where it was one: none is lost. */
static bool are_frames_accounted_for(void) {
    bool right = true;
    for (pfn_t pfn = 0; pfn < FRAMES_MAX; pfn++) {
        bool was = is_linked_table(&before.tables, pfn), is = is_linked_table(&after, pfn);
        right &= is_free[pfn] == (before.is_free[pfn] ? !is : was && !is);
        right &= is_free[pfn] != before.is_free[pfn] || is == was;
    }
    return right;
}

/* Table 0, and every page that is not in [FIRST, END), is as it was. */
static bool are_other_pages_unchanged(vpn_t first, vpn_t end) {
    bool same = after.pde[0] == before.tables.pde[0];
    for (unsigned i = 0; i < ENTRIES; i++)
        same &= memory[2][i] == before.memory[2][i];
    for (vpn_t vpn = ENTRIES; vpn < FRAMES_PDI * ENTRIES; vpn++)
        same &= (first <= vpn && vpn < end) || after.pte[vpn] == before.tables.pte[vpn];
    return same;
}

/* After a call that may have changed the pages [FIRST, END): all is well-formed, and nothing else has changed. */
static void check_state(vpn_t first, vpn_t end) {
    look(&after);
    PROVE(is_cached_right());
    PROVE(is_well_formed(&after));
    PROVE(are_owners_right(first, end));
    PROVE(are_frames_accounted_for());
    PROVE(are_frames_unchanged());
    PROVE(are_other_pages_unchanged(first, end));
}

/* The cases, each in a run of its own: the pages at the tables' borders that may be edited, with their table there or not;
 * then an address that may not be: below, inside a page, and above. */
#define BORDER_CASES ((FRAMES_PDI - 1) * 4)
#define PAGE_CASES (BORDER_CASES + 3)

static void prove_call(vpn_t vpn, void *va);

static void prove_at(vpn_t vpn, unsigned offset, bool is_linked) {
    any_state(vpn / ENTRIES, is_linked);
    prove_call(vpn, (char *)page_address(vpn) + offset);
}

static void prove_page_case(unsigned n) {
    if (n < BORDER_CASES)
        prove_at((1 + n / 4) * ENTRIES + (n & 2 ? ENTRIES - 1 : 0), 0, n & 1);
    else if (n == BORDER_CASES)
        prove_at(ENTRIES - 1, 0, true);
    else if (n == BORDER_CASES + 1)
        prove_at(ENTRIES, 1, true);
    else
        prove_at(RECURSIVE_PDI * ENTRIES, 0, true);
}

#endif
