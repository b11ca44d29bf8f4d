/* vmem against a map from page to entry, of two areas: one in the user part, one in the kernel's. */
#include "model.h"

#include "memlayout.h"
#include "panic.h"
#include "pm.h"
#include "string.h"
#include "vmem.h"

#define TABLES 3
#define PAGES (TABLES * ENTRIES_PER_TABLE)
#define OWN PTE_ACCESSED /* in the model's entry: vmem_alloc_range took the frame */
#define PERMISSIONS (VMEM_WRITE | VMEM_USER)
#define FLAGS (PERMISSIONS | VMEM_WRITE_COMBINING | VMEM_NO_CACHE)
#define DEVICE 0xE0000000u /* no memory is here, on any machine that runs this */
#define ALIASES 8

static struct area {
    char *va;
    pte_t page[PAGES];
    unsigned mapped[TABLES]; /* pages of each table */
    struct model_range range;
} *areas; /* two */

/* Pages that are mapped to another page's own frame. */
static struct alias {
    char *va; /* NULL: none */
    paddr_t pa;
} alias[ALIASES];

static size_t free_frames; /* when it began */
static size_t own;         /* frames from vmem_alloc_range */
static size_t other_tables;

static char *va_of(const struct area *a, size_t page) { return a->va + page * PAGE_SIZE; }

/* ---- what the model knows ---- */

static size_t count(const pte_t *page, size_t n, pte_t bit) {
    size_t found = 0;

    for (size_t i = 0; i < n; i++)
        found += (page[i] & bit) != 0;
    return found;
}

static void set_page(struct area *a, size_t i, pte_t entry) {
    a->mapped[i / ENTRIES_PER_TABLE] += (unsigned)(entry != 0) - (a->page[i] != 0);
    a->page[i] = entry;
}

static size_t count_tables(void) {
    size_t tables = 0;

    for (struct area *a = areas; a < areas + 2; a++)
        for (size_t i = 0; i < TABLES; i++)
            tables += a->mapped[i] > 0;
    return tables;
}

/* Tables that a range needs, and that are not there. */
static size_t missing_tables(const struct area *a, size_t first, size_t n) {
    size_t missing = 0;

    for (size_t i = first / ENTRIES_PER_TABLE; i <= (first + n - 1) / ENTRIES_PER_TABLE; i++)
        missing += a->mapped[i] == 0;
    return missing;
}

static struct alias *alias_of(paddr_t pa) {
    for (struct alias *at = alias; at < alias + ALIASES; at++)
        if (at->va && at->pa == (pa & PTE_FRAME))
            return at;
    return NULL;
}

static void forget_aliases(char *start, size_t n) {
    for (struct alias *at = alias; at < alias + ALIASES; at++)
        if (at->va >= start && at->va < start + n * PAGE_SIZE)
            at->va = NULL;
}

/* ---- checks ---- */

static void check_page(const struct area *a, size_t i) {
    struct vmem_walk walk;
    paddr_t pa = 1;
    pte_t want = a->page[i] & ~OWN;

    vmem_walk(va_of(a, i), &walk);
    if ((walk.pte & ~(PTE_ACCESSED | PTE_DIRTY)) != want)
        PANIC("model: the entry of %p is 0x%08x, not 0x%08x", va_of(a, i), walk.pte, want);
    ASSERT_OP(vmem_translate(va_of(a, i) + 5, &pa), ==, want != 0);
    ASSERT_OP(pa, ==, want ? (want & PTE_FRAME) + 5 : 1);
}

static void check_all(void) {
    for (struct area *a = areas; a < areas + 2; a++)
        for (size_t i = 0; i < PAGES; i++)
            check_page(a, i);
    vmem_check();
    pm_check();
}

static void check_counts(void) {
    ASSERT_OP(vmem_tables(), ==, other_tables + count_tables());
    ASSERT_OP(pm_count().free, ==, free_frames - own - count_tables());
}

/* ---- steps ---- */

static struct call {
    struct area *area;
    char *va;
    paddr_t pa;
    size_t n;
    unsigned flags;
} now;

static void call_map(void *arg) { (void)arg, vmem_map_range(now.va, now.pa, now.n, now.flags); }
static void call_alloc(void *arg) { (void)arg, vmem_alloc_range(now.va, now.n, now.flags); }
static void call_unmap(void *arg) { (void)arg, vmem_unmap_range(now.va, now.n); }
static void call_free(void *arg) { (void)arg, vmem_free_range(now.va, now.n); }
static void call_protect(void *arg) { (void)arg, vmem_protect(now.va, now.n, now.flags); }

/* A panic's report takes as long as hundreds of calls. */
static void refuse(const char *text, void (*call)(void *arg)) {
    if (model_one_in(30))
        model_refuses(text, call, NULL);
}

/* Leaves about as many frames as a call needs. */
static void leave_about(size_t need) {
    if (model_one_in(3))
        model_leave(need + model_below(3) - (need ? 1 : 0));
}

/* A frame of another page, with an alias to note it in; NULL where there is none. */
static struct alias *pick_alias(void) {
    const struct area *a = &areas[model_below(2)];
    pte_t entry = a->page[model_below(PAGES)];

    for (struct alias *at = alias; entry & OWN && at < alias + ALIASES; at++)
        if (!at->va) {
            at->pa = entry & PTE_FRAME;
            return at;
        }
    return NULL;
}

/* A device's frames, or the kernel's. */
static paddr_t pick_frames(size_t n) {
    size_t image = (size_t)(text_end - kernel_start) / PAGE_SIZE;

    if (n < image && model_one_in(3))
        return KERNEL_START + model_below((unsigned)(image - n)) * PAGE_SIZE;
    return DEVICE + model_below(0x8000) * PAGE_SIZE;
}

static void map(struct area *a, size_t first, size_t n) {
    struct alias *at = n == 1 && model_one_in(2) ? pick_alias() : NULL;
    unsigned flags = model_word() & FLAGS;

    if (!at && a == areas && model_one_in(8))
        flags |= VMEM_VIEW;
    now = (struct call){a, va_of(a, first), at ? at->pa : pick_frames(n), n, flags};
    if (count(&a->page[first], n, PTE_PRESENT)) {
        refuse("is mapped already", call_map);
        return;
    }
    size_t need = missing_tables(a, first, n);
    leave_about(need);
    bool enough = pm_count().free >= need;
    int result = n == 1 && !(flags & VMEM_VIEW) && model_one_in(2) ? vmem_map(now.va, now.pa, flags)
                                                                  : vmem_map_range(now.va, now.pa, n, flags);
    ASSERT_OP(result, ==, enough ? 0 : VMEM_NO_MEMORY);
    for (size_t i = 0; enough && i < n; i++)
        set_page(a, first + i, (now.pa + i * PAGE_SIZE) | flags | PTE_PRESENT);
    if (enough && at)
        at->va = now.va;
}

static void alloc(struct area *a, size_t first, size_t n) {
    unsigned flags = model_word() & FLAGS;
    size_t need = missing_tables(a, first, n) + n;
    struct vmem_walk walk;

    now = (struct call){a, va_of(a, first), 0, n, flags};
    if (count(&a->page[first], n, PTE_PRESENT)) {
        refuse("is mapped already", call_alloc);
        return;
    }
    leave_about(need);
    bool enough = pm_count().free >= need;
    ASSERT_OP(vmem_alloc_range(now.va, n, flags), ==, enough ? 0 : VMEM_NO_MEMORY);
    for (size_t i = 0; enough && i < n; i++) {
        ASSERT(vmem_walk(va_of(a, first + i), &walk));
        ASSERT(pm_state(walk.pte) == PM_USED);
        set_page(a, first + i, (walk.pte & PTE_FRAME) | flags | PTE_PRESENT | OWN);
    }
    own += enough ? n : 0;
}

/* Why the frames of mapped pages cannot be given back; NULL: they can. */
static const char *refusal(const pte_t *page, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (page[i] & VMEM_VIEW)
            return "only views";
        if (!(page[i] & OWN) && !alias_of(page[i]))
            return "has not handed out";
        if (alias_of(page[i]))
            return "another page";
    }
    return NULL;
}

/* Unmaps; own frames, all of a range, are given back. */
static void drop(struct area *a, size_t first, size_t n) {
    pte_t *page = &a->page[first];
    bool whole = count(page, n, PTE_PRESENT) == n;
    size_t owned = count(page, n, OWN);

    now = (struct call){a, va_of(a, first), 0, n, 0};
    if (!whole) {
        ASSERT_OP(vmem_unmap_range(now.va, n), ==, VMEM_ABSENT);
        ASSERT_OP(vmem_free_range(now.va, n), ==, VMEM_ABSENT);
        return;
    }
    const char *why = refusal(page, n);
    if (why)
        refuse(why, call_free);
    if (why && owned)
        return;
    ASSERT_OP(owned                          ? vmem_free_range(now.va, n)
              : n == 1 && model_one_in(2) ? vmem_unmap(now.va)
                                             : vmem_unmap_range(now.va, n), ==, 0);
    own -= owned;
    forget_aliases(now.va, n);
    for (size_t i = first; i < first + n; i++)
        set_page(a, i, 0);
}

static void protect(struct area *a, size_t first, size_t n) {
    unsigned flags = model_word() & PERMISSIONS, from = model_below(PAGE_SIZE);
    unsigned to = n > 1 ? 1 + model_below(PAGE_SIZE) : from + 1 + model_below(PAGE_SIZE - from);
    bool whole = count(&a->page[first], n, PTE_PRESENT) == n;
    char *start = va_of(a, first) + from, *end = va_of(a, first + n - 1) + to; /* in the first and the last page */

    ASSERT_OP(vmem_protect(start, (size_t)(end - start), flags), ==, whole ? 0 : VMEM_ABSENT);
    for (size_t i = first; whole && i < first + n; i++)
        a->page[i] = (a->page[i] & ~PERMISSIONS) | flags;
}

/* Writes to a page and reads it again, there and at its alias. */
static void touch(const struct area *a, size_t i) {
    unsigned word = model_word(), offset = model_below(ENTRIES_PER_TABLE) * 4;
    const struct alias *at = alias_of(a->page[i]);

    if (!(a->page[i] & OWN) || !(a->page[i] & VMEM_WRITE))
        return;
    model_store(va_of(a, i) + offset, word);
    ASSERT_OP(model_load(va_of(a, i) + offset), ==, word);
    if (at)
        ASSERT_OP(model_load(at->va + offset), ==, word);
}

/* What vmem must refuse, whether the table is there or not. */
static void misuse(struct area *a, size_t first, size_t n) {
    static void (*const calls[])(void *arg) = {call_map, call_alloc, call_unmap, call_free, call_protect};
    unsigned which = model_below(ARRAY_SIZE(calls));
    char *va = va_of(a, first);

    now = (struct call){a, va, pick_frames(n), n, 0};
    switch (model_below(4)) {
    case 0:
        now.n = 0;
        break;
    case 1: /* past FRAMES_START */
        now.n = ((uintptr_t)FRAMES_START - (uintptr_t)va) / (calls[which] == call_protect ? 1 : PAGE_SIZE) + 1;
        break;
    case 2:
        if (calls[which] == call_protect)
            now.n = (uintptr_t)0 - (uintptr_t)va + model_below(PAGE_SIZE);
        else if (calls[which] == call_map && model_one_in(2))
            now.pa += 1 + model_below(PAGE_SIZE - 1);
        else
            now.va += 1 + model_below(PAGE_SIZE - 1);
        break;
    default:
        now.va = (char *)(FRAMES_START + model_below(2048) * PAGE_SIZE);
    }
    model_refuses("vmem: ", calls[which], NULL);
}

static void step(void) {
    struct area *a = &areas[model_below(2)];

    model_choose(&a->range, PAGES);
    size_t first = a->range.first, n = a->range.n;
    switch (model_below(8)) {
    case 0:
    case 1:
        map(a, first, n);
        break;
    case 2:
    case 3:
        alloc(a, first, n);
        break;
    case 4:
    case 5:
        drop(a, first, n);
        break;
    case 6:
        protect(a, first, n);
        break;
    default:
        if (model_one_in(50))
            misuse(a, first, n);
        else
            touch(a, first);
    }
    model_release();
    check_page(a, first);
    check_page(a, first + n - 1);
}

/* Pages go one by one: own frames once nobody else is mapped to them. */
static void drop_all(struct area *a, bool owned) {
    for (size_t i = 0; i < PAGES; i++)
        if (a->page[i] && (a->page[i] & OWN) == (owned ? OWN : 0))
            drop(a, i, 1);
}

void model_vmem(unsigned steps) {
    areas = model_begin(2 * sizeof(*areas));
    memset(alias, 0, sizeof(alias));
    areas[0].va = model_area(0x40000000, KHEAP_START, TABLES);
    areas[1].va = model_area(DEVICES_START, KERNEL_STACKS, TABLES);
    ASSERT(areas[0].va && areas[1].va);
    own = 0;
    free_frames = pm_count().free;
    other_tables = vmem_tables();
    for (unsigned i = 0; i < steps && model_goes_on(); i++) {
        step();
        check_counts();
        model_look();
        if (i % 100 == 0)
            check_all();
    }
    check_all();
    for (unsigned pass = 0; pass < 2; pass++)
        for (struct area *a = areas; a < areas + 2; a++)
            drop_all(a, pass);
    check_counts();
    ASSERT_OP(own, ==, 0u);
    vmem_check();
    model_end();
}
