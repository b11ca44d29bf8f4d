/* space_clone, from any well-formed state, over an MMU whose TLB looks ahead; and space_destroy of the clone.
 *
 * proved: the child has a directory of its own, with the kernel's part and itself, and where the parent has a table, one
 *     with the same pages; each of them is counted once more; none that has come may be written, by either, and nothing
 *     cached says otherwise; nothing else changes. Without a child (no room in the heap, no frame, a frame with too many
 *     owners), and once it is destroyed, every frame is free that was, every owner is counted as before, and the parent's
 *     pages are where they were
 * bounds: tables of 4 entries, one of them for the user part, one the kernel's, 8 frames; two of the parent's
 *     pages there, of whatever kind, or no table; room for owners or not; 0, 1 or 2 frames free
 * assumed: tables and records agree before, no page leads to a free frame, and the user part's pages are the space's own;
 *     pm keeps its contract (pm_alloc, pm_owners); the processor sets no accessed bits
 * cases: 7
 * with: -iquotetests/proof/small -DENTRIES_PER_TABLE=4 -DFRAMES_MAX=8u -DSUMMARY_MAX=1 -DRECENT_MAX=4u
 *     -DFLUSH_ALL_FROM=3 --no-pointer-check --unwind 17 --unwindset store_words.0:5,copy_words.0:5
 *     --unwindset zero_entries_at.0:5,zero_words.0:3,share_entries.0:5,clear_entries.0:5
 *     --unwindset space_clone.0:3,space_destroy.1:3 */
#define ARE_OTHERS_LINKED true
#define MAY_BE_FREE(pfn) (FRAMES_MAX - (pfn) <= cases[CASE].frames)
static const struct {
    _Bool there[4]; /* the parent's pages; none: no table */
    unsigned frames;
    _Bool has_room; /* the heap */
    _Bool is_destroyed;
} cases[] = {
    {{0, 1, 0, 1}, 2, 1, 0}, {{0, 1, 0, 1}, 2, 1, 1}, {{0, 1, 0, 1}, 1, 1, 0}, {{0, 1, 0, 1}, 0, 1, 0},
    {{0, 1, 0, 1}, 2, 0, 0}, {{0}, 1, 1, 0},          {{0}, 1, 1, 1},
};

#include "space_state.h"

_Static_assert(CASES == ARRAY_SIZE(cases), "each case is run");

NO_PANIC

static struct space its_memory;
static bool is_taken;

void *kmalloc(size_t size) {
    PROVE(size == sizeof(struct space) && !is_taken);
    is_taken = cases[CASE].has_room;
    return cases[CASE].has_room ? &its_memory : NULL;
}

void kfree(void *p) {
    PROVE(!p || (p == &its_memory && is_taken));
    is_taken &= !p;
}

static bool has_its_table(void) { return are_any(cases[CASE].there); }

/* A page that both have. */
static pte_t shared(pte_t was) {
    return is_counted(was) && was & PTE_WRITE ? (was & ~PTE_WRITE) | SPACE_COPY : was;
}

/* The parent's pages are shared with the child; without one, perhaps. */
static bool are_parents_pages_right(bool is_shared) {
    bool right = true;
    for (vpn_t vpn = USER_VPN; vpn < USER_END; vpn++) {
        pte_t was = before.tables.pte[vpn], is = after.pte[vpn];
        right &= is == shared(was) || (!is_shared && is == was);
    }
    return right;
}

static bool is_child_right(paddr_t directory) {
    struct tables its;
    look_from(directory, &its);
    bool right = is_in_use(directory, FRAME_DIRECTORY) && directory != cr3;
    right &= its.pde[RECURSIVE_PDI] == (directory | OWN_FLAGS) && its.pde[0] == after.pde[0];
    right &= (its.pde[1] != 0) == has_its_table() && (!its.pde[1] || its.pde[1] != after.pde[1]);
    right &= is_table_right(&its, 1) && its.pde[2] == after.pde[2];
    for (vpn_t vpn = USER_VPN; vpn < USER_END; vpn++)
        right &= its.pte[vpn] == after.pte[vpn];
    return right;
}

/* Each page is counted TIMES more often than before. */
static bool are_owners_counted(unsigned times) {
    bool right = true;
    for (pfn_t pfn = 0; pfn < FRAMES_MAX; pfn++)
        right &= (pm_frames[pfn] & FRAME_PAGES) ==
                 (before.frames[pfn] & FRAME_PAGES) + times * pages_of(&after, USER_VPN, USER_END, pfn);
    return right;
}

/* TAKEN frames are free no more, and no other is free that was not. */
static bool are_frames_right(unsigned taken) {
    bool right = true;
    for (pfn_t pfn = 0; pfn < FRAMES_MAX; pfn++) {
        right &= !is_free[pfn] || before.is_free[pfn];
        taken -= before.is_free[pfn] && !is_free[pfn];
    }
    return right && taken == 0;
}

static void prove_child(struct space *child) {
    PROVE(is_child_right(child->directory) && are_parents_pages_right(true));
    PROVE(are_owners_counted(1) && are_frames_right(1 + has_its_table()));
    PROVE(is_taken && spaces.previous == &child->list && child->generation == vmem_generation);
}

int main(void) {
    any_user_pages(cases[CASE].there);
    are_free_frames_unowned();
    space_init();
    struct space *child = space_clone();
    look(&after);
    REACH(child && has_its_table());
    REACH(!child && cases[CASE].frames == 2 && cases[CASE].has_room);
    REACH(tlb && cached_pde);
    if (child && cases[CASE].is_destroyed)
        space_destroy(child);
    else if (child)
        prove_child(child);
    pm_make_room(RECENT_MAX);
    if (!child || cases[CASE].is_destroyed) {
        PROVE(are_owners_counted(0) && are_frames_right(0) && are_parents_pages_right(false));
        PROVE(!is_taken && spaces.next == &first.list && spaces.previous == &first.list);
    }
    PROVE(is_cached_right());
    PROVE(is_well_formed(&after));
    PROVE(are_frames_unchanged());
    PROVE(are_other_pages_unchanged(USER_VPN, USER_END));
}
