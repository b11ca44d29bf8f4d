/* The paths that most calls of kmalloc, kmalloc_aligned and kfree take, from any well-formed page of small objects.
 *
 * proved: of a page that is not full, an object is given that was free, lies whole in the page, has the size and the
 *     alignment that were asked for, and is live from now on; kfree frees the live object at the pointer, and refuses
 *     every other pointer before any change; no other object changes; the page stays well-formed; the rest of the heap
 *     is called for a full page, and told of one that was opened or emptied, and of no other
 * bounds: real pages, of 4 KiB; all 21 classes, of 128 objects a page to 1; all sizes and all pointers, of 2^32; alignments
 *     up to 8 KiB
 * assumed: the page's free objects form a list before; it is the heap's only page
 * cases: 22
 * with: -DSUMMARY_MAX=32 -DNARROW_START=0xC0020000u --unwind 129
 *     --unwindset kmalloc_aligned.0:14 */
/* Those with few objects come first: where a bug is, they show it soon. */
#define CLASS (SMALL_CLASSES - 1 - CASE % SMALL_CLASSES)
#include "slab_state.h"

/* ---- the rest of the heap: what it is told, or asked for ---- */

static unsigned asked, opened, emptied, large;

static void *ask(size_t size) {
    PROVE(size > 0 && size <= SMALL_MAX);
    asked++;
    return NULL;
}
static void tell_opened(struct slab *slab) { opened += slab == slabs; }
static void tell_emptied(struct slab *slab) { emptied += slab == slabs; }

void *large_alloc(size_t size) {
    PROVE(size == 0 || size > SMALL_MAX);
    large++;
    return NULL;
}

void *large_alloc_aligned(size_t size, size_t align) {
    PROVE(size > SMALL_MAX || align > SMALL_MAX);
    large++;
    return NULL;
}

#define small_alloc ask
#define small_opened tell_opened
#define small_emptied tell_emptied
#include "../../mm/kmalloc.c"

_Static_assert(CASES == SMALL_CLASSES + 1, "each class, and the start");

size_t large_spare_pages;
void large_free(void *p) { bad_kfree(p); }
void bad_kfree(const char *p) {
    if (p)
        PANIC("no live object");
}

/* ---- the proof ---- */

static bool freeing;
static void *freed;
static unsigned its_granule;

static bool may_be_freed(void) {
    uintptr_t offset = (uintptr_t)freed - SMALL_START;
    return offset < PAGE_SIZE && offset % GRANULE == 0 && is_start[its_granule] &&
           is_live(&before, its_granule);
}

static void at_panic(void) {
    REACH(is_start[its_granule]);
    REACH(!is_small(freed));
    PROVE(freeing && freed && !may_be_freed() && is_unchanged());
}

/* Whether SIZE is one of this class's: no class below has room for it. */
static bool is_of_class(size_t size) {
    unsigned below = CLASS > 0 ? small_granules[CLASS - 1] * GRANULE : 0;
    return size > below && size <= STEP * GRANULE;
}

static unsigned granule_at(uintptr_t at) { return at % PAGE_SIZE / GRANULE; }

/* What well-formed means, of the first object in the list. */
static void given_first(void) {
    GIVEN(is_place_right(frees - 1) && is_granule_right(listed_at(frees - 1) % PAGE_GRANULES));
}

/* What a call has given that asked for SIZE bytes at a multiple of ALIGN. */
static void check_given(uintptr_t at, size_t size, size_t align) {
    unsigned granule = granule_at(at);
    PROVE(at - SMALL_START < PAGE_SIZE && at % GRANULE == 0 && is_start[granule]);
    PROVE(size <= STEP * GRANULE && (at & (align - 1)) == 0);
    PROVE(!is_live(&before, granule) && is_live(slabs, granule) && are_others_unchanged(granule));
    frees--;
}

static void allocate(void) {
    size_t size = nondet_word(), align = 1u << any_below(14);
    bool aligned = nondet_bool(), full = frees == 0;
    given_first();
    void *p = aligned ? kmalloc_aligned(size, align) : kmalloc(size);
    if (p)
        check_given((uintptr_t)p, size, aligned ? align : 16);
    else
        PROVE(is_unchanged() && asked + large == 1);
    REACH(p && aligned);
    REACH(p && !aligned);
    REACH(asked == 1);
    REACH(large == 1);
    PROVE(p || asked == 0 || full || !is_of_class(size) || aligned);
    PROVE(!p || is_of_class(size) || aligned);
}

static void give_back(void) {
    freeing = true;
    freed = (void *)(uintptr_t)nondet_word();
    its_granule = granule_at((uintptr_t)freed);
    given_first();
    GIVEN(is_granule_right(its_granule));
    GIVEN(!may_be_freed() || frees < OBJECTS); /* those in the list are others, each once */
    kfree(freed);
    if (!freed) {
        PROVE(is_unchanged() && opened + emptied == 0);
        return;
    }
    REACH(emptied == 1);
    REACH(opened == 1);
    REACH(opened + emptied == 0);
    PROVE(may_be_freed() && !is_live(slabs, its_granule) && are_others_unchanged(its_granule));
    PROVE(emptied == (slabs[0].claims == 0) && opened == (frees == 0 && slabs[0].claims != 0));
    listed[frees] = (uint8_t)its_granule;
    place[its_granule] = (uint8_t)frees++;
}

/* The least class whose objects have GRANULES granules. */
static uint8_t class_for(unsigned granules) {
    uint8_t sc = 0;
    while (small_granules[sc] < granules)
        sc++;
    return sc;
}

/* In a page that the class has taken over, every object is free. */
static void prove_empty_page(void) {
    init_class(CLASS);
    slabs[0] = (struct slab){.page = (char *)SMALL_START, .sc = CLASS, .links = all_free[CLASS]};
    frees = OBJECTS;
    for (unsigned n = 0; n < OBJECTS; n++)
        place[listed[n] = (uint8_t)((OBJECTS - 1 - n) * STEP)] = (uint8_t)n;
    any_place = any_below(OBJECTS);
    any_granule = any_below(PAGE_GRANULES);
    PROVE(is_well_formed());
}

static void prove_page(void) {
    for (unsigned i = 0; i < PAGE_GRANULES; i++)
        small_class_of[i] = class_for(i + 1);
    for (unsigned sc = 0; sc < SMALL_CLASSES; sc++)
        small_current[sc] = sc == CLASS ? slabs : &no_page;
    no_page.first_free = NO_GRANULE;
    small_bytes = PAGE_SIZE;
    any_page();
    if (nondet_bool())
        allocate();
    else
        give_back();
    PROVE(is_well_formed());
}

/* The last case. */
static void prove_init(void) {
    small_init();
    for (unsigned i = 0; i < PAGE_GRANULES; i++)
        PROVE(small_class_of[i] == class_for(i + 1));
    for (unsigned sc = 0; sc < SMALL_CLASSES; sc++)
        PROVE(small_current[sc]->first_free == NO_GRANULE);
}

int main(void) {
    if (CASE == CASES - 1) {
        prove_init();
    } else {
        find_starts();
        prove_empty_page();
        prove_page();
    }
}
