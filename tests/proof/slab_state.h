/* A page of small objects in any well-formed state. An object is named by its first granule.
 *
 * The list of free objects is a stack: objects are taken from its end, and put there. LISTED is that stack, PLACE its
 * inverse: so no object is in it twice. What well-formed means is said of one granule and of one place in the list. Before
 * a call it is assumed of any one, and of those that the call meets; after it, it is proved of any one. */
#ifndef QUIRE_PROOF_SLAB_STATE_H
#define QUIRE_PROOF_SLAB_STATE_H

#include "proof.h"

struct slab;
static struct slab *slab_at(size_t page);
#define SLAB slab_at

#include "../../mm/bitmap.c"
#include "../../mm/kmalloc_small.c"

static struct slab slabs[1];
static struct slab *slab_at(size_t page) {
    PROVE(page == 0);
    return slabs;
}

#define STEP ((unsigned)small_granules[CLASS]) /* from one object to the next, in granules */
#define OBJECTS (PAGE_GRANULES / STEP)

/* ---- what well-formed means ---- */

static bool is_start[PAGE_GRANULES]; /* where objects start */
static uint8_t listed[PAGE_GRANULES], place[PAGE_GRANULES];
static unsigned frees; /* how many there are in the list */

static void find_starts(void) {
    for (unsigned object = 0; object < OBJECTS; object++)
        is_start[object * STEP] = true;
}

static unsigned listed_at(unsigned n) { return listed[n % PAGE_GRANULES]; }

static bool is_live(const struct slab *slab, unsigned granule) {
    return slab->links.next[granule % PAGE_GRANULES] == granule;
}

/* The free object in place N of the list leads to the one before. */
static bool is_place_right(unsigned n) {
    unsigned granule = listed_at(n) % PAGE_GRANULES;
    return n >= frees || (is_start[granule] && granule == listed_at(n) && place[granule] == n &&
                          slabs[0].links.next[granule] == (n > 0 ? listed_at(n - 1) : NO_GRANULE));
}

/* An object is live, or in the list. Where none starts, none seems to be live. */
static bool is_granule_right(unsigned granule) {
    unsigned n = place[granule];
    bool is_listed = n < frees && listed_at(n) == granule;
    return is_start[granule] ? is_live(slabs, granule) != is_listed
                             : slabs[0].links.next[granule] == NO_GRANULE;
}

/* The page knows its first free object, and counts the live ones, and itself while it is kept. */
static bool is_page_right(void) {
    const struct slab *slab = slabs;
    return slab->page == (char *)SMALL_START && slab->sc == CLASS && frees <= OBJECTS &&
           slab->first_free == (frees > 0 ? listed_at(frees - 1) : NO_GRANULE) &&
           slab->claims == OBJECTS - frees + slab->kept;
}

/* ---- the state before the call, and after it ---- */

static unsigned any_place, any_granule;
static struct slab before;

static bool is_well_formed(void) {
    return is_page_right() && is_place_right(any_place) && is_granule_right(any_granule);
}

static void any_page(void) {
    HAVOC(slabs);
    HAVOC(listed);
    HAVOC(place);
    frees = nondet_word();
    slabs[0].page = (char *)SMALL_START;
    slabs[0].kept = nondet_bool();
    any_place = any_below(OBJECTS);
    any_granule = any_below(PAGE_GRANULES);
    GIVEN(is_well_formed());
    before = slabs[0];
}

/* Every object but the one at GRANULE is live, or free, as before. */
static bool are_others_unchanged(unsigned granule) {
    return slabs[0].kept == before.kept &&
           (any_granule == granule || is_live(slabs, any_granule) == is_live(&before, any_granule));
}

static bool is_unchanged(void) {
    return slabs[0].first_free == before.first_free && slabs[0].claims == before.claims &&
           slabs[0].kept == before.kept && slabs[0].sc == before.sc && slabs[0].page == before.page &&
           slabs[0].links.next[any_granule] == before.links.next[any_granule];
}

#endif
