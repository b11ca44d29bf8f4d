/* vmem_check: the page tables of every space, and the frame records, say the same.
 *
 * The records name every directory, and those lead to every table, so nobody has to keep a list of spaces. Tables, and
 * directories but the current one, are looked at through the scratch page. That each frame is mapped to as many pages
 * as its record says is checked in place: every page is taken from the record of its frame, all must then be zero, and
 * they are put back. */
#include "cpu.h"
#include "memlayout.h"
#include "paging.h"
#include "panic.h"

/* VPN's table was linked by vmem_init: it is the kernel's own, and its entries are not counted. */
static void check_fixed_table(vpn_t vpn) {
    ASSERT_OP(read_entry(pde_of(vpn)) & ~(PTE_FRAME | STATUS_BITS), ==, OWN_FLAGS);
    ASSERT_OP(*table_record(vpn) & ~FRAME_PAGES, ==, FRAME_TABLE);
}

/* Table 0, the directory's own entry and the array of records are as vmem_init left them. */
static void check_fixed_entries(void) {
    ASSERT_OP(read_entry(pde_of(vpn_of((void *)WINDOW_START))) & ~STATUS_BITS, ==,
              entry_to(get_page_directory(), OWN_FLAGS));
    ASSERT_OP(*frame_at(get_page_directory()) & FRAME_KIND, ==, FRAME_DIRECTORY);
    check_fixed_table(0);
    check_fixed_table(FRAMES_VPN);
    for (vpn_t vpn = 0; vpn < ENTRIES_PER_TABLE; vpn++)
        ASSERT_OP(read_entry(pte_of(vpn)) & ~STATUS_BITS, ==, identity_entry(vpn));
    for (vpn_t vpn = FRAMES_VPN; vpn < FRAMES_VPN + ENTRIES_PER_TABLE; vpn++)
        ASSERT_OP(read_entry(pte_of(vpn)) & ~(STATUS_BITS | PTE_FRAME), ==, OWN_FLAGS);
}

/* ---- every table ---- */

/* Whether the records from PFN on, one page of them, need no look: no memory, or plain frames that no page is mapped to. */
static bool is_dull(pfn_t pfn) {
    return !pm_has_memory(pfn) || words_are(&pm_frames[pfn], FRAME_PLAIN, FRAMES_PER_PAGE);
}

/* The first frame at or after PFN whose record IS what is looked for, which no dull one is; or FRAMES_MAX. */
pfn_t find_record(pfn_t pfn, bool (*is)(frame_t record)) {
    for (; pfn < FRAMES_MAX; pfn++)
        if (pfn % FRAMES_PER_PAGE == 0 && is_dull(pfn))
            pfn += FRAMES_PER_PAGE - 1;
        else if (is(pm_frames[pfn]))
            break;
    return pfn;
}

bool is_directory(frame_t record) { return (record & FRAME_KIND) == FRAME_DIRECTORY; }

/* The first entry of DIRECTORY at or after PDI that is not zero, or USER_TABLES. */
static unsigned next_entry(paddr_t directory, unsigned pdi) {
    const pde_t *entries = scratch_map(directory);
    while (pdi < USER_TABLES && !read_entry(&entries[pdi]))
        pdi++;
    scratch_unmap();
    return pdi;
}

/* Calls VISIT with each directory entry that counts: those of every user part, and the kernel's of the current
 * directory. Others may have missed a change. */
static void each_table(void (*visit)(pde_t pde, unsigned pdi)) {
    pde_t pde;
    for (pfn_t pfn = 0; (pfn = find_record(pfn, is_directory)) < FRAMES_MAX; pfn++) {
        paddr_t directory = pfn_to_pa(pfn);
        if (directory != get_page_directory())
            for (unsigned pdi = 1; (pdi = next_entry(directory, pdi)) < USER_TABLES; pdi++)
                visit(scratch_read(directory, pdi), pdi);
        else
            for (unsigned pdi = 1; pdi < FRAMES_PDI; pdi++)
                if ((pde = read_entry(pde_of(pdi * ENTRIES_PER_TABLE))))
                    visit(pde, pdi);
    }
}

/* An entry is zero, or present, or says in the user part how its page is to come. */
static bool is_valid(pte_t entry, unsigned pdi) {
    return entry == 0 || entry & PTE_PRESENT || (pdi < USER_TABLES && entry < PAGE_SIZE);
}

/* The table's record counts its entries, of which there is at least one. (No panic while the scratch page is mapped.) */
static void check_table(pde_t pde, unsigned pdi) {
    const pte_t *table = scratch_map(entry_frame(pde));
    unsigned entries = 0;
    bool valid = true;
    for (unsigned i = 0; i < ENTRIES_PER_TABLE; i++) {
        pte_t entry = read_entry(&table[i]);
        valid &= is_valid(entry, pdi);
        entries += entry != 0;
    }
    scratch_unmap();
    ASSERT_OP(pde & ~(PTE_FRAME | STATUS_BITS), ==, TABLE_FLAGS);
    if (!valid)
        PANIC("vmem: PD[%u] is 0x%08x, a table with an entry that is neither present nor zero", pdi, pde);
    if (entries == 0 || (*record_of(pde) & ~FRAME_PAGES) != FRAME_TABLE + entries * FRAME_ENTRY)
        PANIC("vmem: PD[%u] is 0x%08x, with %u entries; its record is 0x%08x", pdi, pde, entries,
              *record_of(pde));
}

/* ---- every page ---- */

static frame_t pages, links; /* what count_table adds for a page, and for a table's link */

static void count_table(pde_t pde, unsigned pdi) {
    const pte_t *table = scratch_map(entry_frame(pde));
    (void)pdi;
    *record_of(pde) += links;
    for (unsigned i = 0; i < ENTRIES_PER_TABLE; i++)
        if (is_counted(read_entry(&table[i])))
            *record_of(read_entry(&table[i])) += pages;
    scratch_unmap();
}

static void count_all(frame_t each_page, frame_t each_link) {
    pages = each_page;
    links = each_link;
    each_table(count_table);
    count_table(read_entry(pde_of(FRAMES_VPN)), FRAMES_PDI);
    *table_record(0) += links;
}

/* Whether a frame is left with a page, or is a table that was not linked once. */
static bool is_miscounted(frame_t record) {
    return (record & FRAME_PAGES) != ((record & FRAME_KIND) == FRAME_TABLE);
}

static void check_counts(void) {
    count_all(-FRAME_PAGE, FRAME_PAGE);
    pfn_t wrong = find_record(0, is_miscounted);
    count_all(FRAME_PAGE, -FRAME_PAGE);
    if (wrong < FRAMES_MAX)
        PANIC("vmem: the record of frame 0x%08x is 0x%08x: the tables say otherwise", pfn_to_pa(wrong),
              pm_frames[wrong]);
}

/* Every invariant; panics with the first one broken. */
void vmem_check(void) {
    check_fixed_entries();
    each_table(check_table);
    check_counts();
}
