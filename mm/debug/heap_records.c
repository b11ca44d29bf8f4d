/* Where the debugging heap's objects lie, and their records.
 *
 *   0xC0000000  objects   448 MiB of pages, each part of a slab, part of a run, or idle
 *   0xDC000000  records   one for each cell of the objects' range
 *   0xEA000000  uses      a word for each page of that range: what the page is part of
 *
 * A slab is a page of equal slots; only heap=debug has slabs. A run is one object's pages and an absent page
 * behind them. With heap=guard the object ends where its pages end, or as near as its alignment allows. With
 * heap=debug there is a red zone on either side of it.
 *
 * Nothing is kept in or beside an object. Its address leads to its page's use, and that to the record of the
 * first cell of the slot or run. A cell is 64 bytes, the smallest slot; with heap=guard, which has only runs,
 * it is a page.
 *
 * Pages are taken in turn through the whole range. A freed run's addresses thus stay absent for as long as
 * possible, and its record tells who freed it. A page of records or uses is mapped when it is first needed.
 * records_trim gives back what has become idle: on request, and when memory has run out. */
#include "heap_records.h"

#include "bitmap.h"
#include "memlayout.h"
#include "panic.h"
#include "string.h"
#include "vmem.h"

#define PAGES (448u * 1024 * 1024 / PAGE_SIZE)
#define RECORDS_START 0xDC000000u
#define USES_START 0xEA000000u
_Static_assert(KHEAP_START + PAGES * PAGE_SIZE == RECORDS_START, "objects end where records begin");

#define SHIFT_MIN 6 /* the smallest slot: 64 bytes */
#define SHIFT_MAX 11
#define RED_ZONE 16u /* bytes at least, on either side of an object */
_Static_assert(RECORDS_START + (PAGES * PAGE_SIZE >> SHIFT_MIN) * sizeof(struct record) == USES_START,
               "a record for each cell");
_Static_assert(USES_START + PAGES * sizeof(uint32_t) <= KHEAP_END, "a word for each page");

/* A page's use: 0 when it has none; for a slab, the power of two that a slot has bytes; for a run, USE_RUN
 * and the number of the run's first page. */
typedef uint32_t use_t;
#define USE_RUN 0x80000000u

static const struct page_provider *provider;
static enum heap_mode mode;
static unsigned cell_shift;
static size_t held, peak;
static uint32_t idle[PAGES / 32]; /* a bit for each page that has no use, or only a freed run's */
static size_t cursor, top;        /* where the next search starts; the end of the pages that may have a use */
static struct record *free_slots[SHIFT_MAX + 1];
static struct { size_t live, pages; } figures[RECORD_CLASSES];

void records_init(enum heap_mode heap_mode, const struct page_provider *pages) {
    provider = pages;
    mode = heap_mode;
    cell_shift = mode == HEAP_GUARD ? PAGE_SHIFT : SHIFT_MIN;
    held = peak = cursor = top = 0;
    memset(free_slots, 0, sizeof(free_slots));
    memset(figures, 0, sizeof(figures));
    bitmap_fill(idle, 0, PAGES, true);
}

/* ---- pages ---- */

static bool get(uintptr_t va, size_t pages) {
    if (provider->get((void *)va, pages) < 0)
        return false;
    held += pages;
    if (held > peak)
        peak = held;
    return true;
}

static void give(uintptr_t va, size_t pages) {
    if (provider->give((void *)va, pages) < 0)
        PANIC("kmalloc: the provider does not take back %zu pages at 0x%08x", pages, (unsigned)va);
    held -= pages;
}

static bool is_mapped(uintptr_t va) {
    paddr_t pa;

    return vmem_translate((const void *)va, &pa);
}

/* Maps, and clears, each page of [VA, VA + BYTES) that is not mapped yet: part of the records or of the
 * uses. */
static bool need(uintptr_t va, size_t bytes) {
    for (uintptr_t page = va & ~PAGE_MASK; page < va + bytes; page += PAGE_SIZE) {
        if (is_mapped(page))
            continue;
        if (!get(page, 1))
            return false;
        memset((void *)page, 0, PAGE_SIZE);
    }
    return true;
}

static uintptr_t address_of(size_t page) { return KHEAP_START + page * PAGE_SIZE; }
static size_t page_of(const void *va) { return ((uintptr_t)va - KHEAP_START) / PAGE_SIZE; }
static use_t *use_of(size_t page) { return (use_t *)USES_START + page; }

static use_t read_use(size_t page) { return is_mapped((uintptr_t)use_of(page)) ? *use_of(page) : 0; }

/* The record of the cell that starts at VA. */
static struct record *record_of(uintptr_t va) {
    return (struct record *)RECORDS_START + ((va - KHEAP_START) >> cell_shift);
}

/* Takes N adjacent idle pages and maps their uses. Returns the first page, or PAGES when there are none. */
static size_t take_pages(size_t n) {
    for (unsigned rounds = 0; rounds < 2; rounds++, cursor = 0) {
        size_t start, end = cursor;

        while (bitmap_next_run(idle, &start, &end, PAGES)) {
            if (end - start < n)
                continue;
            if (start + n > top)
                top = start + n; /* before: what is mapped is trimmed, even if not all could be */
            if (!need((uintptr_t)use_of(start), n * sizeof(use_t)))
                return PAGES;
            bitmap_fill(idle, start, start + n, false);
            cursor = start + n;
            return start;
        }
    }
    return PAGES;
}

/* ---- slots ---- */

/* Takes a page for a new slab; its slots are free. */
static bool new_slab(unsigned shift) {
    size_t page = take_pages(1);
    uintptr_t va = address_of(page);

    if (page == PAGES)
        return false;
    if (!need((uintptr_t)record_of(va), (PAGE_SIZE >> cell_shift) * sizeof(struct record)) || !get(va, 1)) {
        bitmap_fill(idle, page, page + 1, true);
        return false;
    }
    *use_of(page) = shift;
    figures[shift - SHIFT_MIN].pages++;
    for (uintptr_t slot = va + PAGE_SIZE; slot > va;) {
        slot -= 1u << shift;
        *record_of(slot) =
            (struct record){.next = free_slots[shift], .object = (char *)slot, .slot_shift = shift};
        free_slots[shift] = record_of(slot);
    }
    return true;
}

static struct record *take_slot(size_t size, size_t align) {
    size_t front = align > RED_ZONE ? align : RED_ZONE;
    unsigned shift = SHIFT_MIN;

    while (1u << shift < front + size + RED_ZONE)
        shift++;
    if (!free_slots[shift] && !new_slab(shift))
        return NULL;
    struct record *record = free_slots[shift];
    free_slots[shift] = record->next;
    record->object = (char *)((uintptr_t)record->object & ~((1u << shift) - 1)) + front;
    return record;
}

/* ---- runs ---- */

/* The first page mapped for RECORD's run. The red zone of an object at a page's start is the page before. */
static size_t run_page(const struct record *record) {
    return page_of(mode == HEAP_GUARD ? record->object : record->object - 1);
}

static uintptr_t align_up(uintptr_t va, size_t align) { return (va + align - 1) & ~(align - 1); }

/* The address of an object of SIZE bytes in N pages from FIRST on. An alignment of more than a page moves it
 * up. */
static char *place(size_t first, size_t n, size_t size, size_t align) {
    if (mode == HEAP_DEBUG)
        return (char *)align_up(address_of(first) + RED_ZONE, align);
    if (align > PAGE_SIZE)
        return (char *)align_up(address_of(first), align);
    return (char *)((address_of(first + n) - size) & ~(align - 1));
}

/* The pages to map for an object of SIZE bytes; PAGES when that is more than there are. */
static size_t pages_needed(size_t size, size_t align) {
    size_t front = align > PAGE_SIZE ? PAGE_SIZE : align > RED_ZONE ? align : RED_ZONE;

    if (pages_for(size) >= PAGES)
        return PAGES;
    return pages_for(mode == HEAP_DEBUG ? front + size + RED_ZONE : size);
}

/* An alignment of more than a page takes further addresses, but no memory. */
static struct record *take_run(size_t size, size_t align) {
    size_t n = pages_needed(size, align), margin = align > PAGE_SIZE ? align / PAGE_SIZE - 1 : 0;

    if (n >= PAGES || margin >= PAGES - n)
        return NULL;
    size_t all = n + margin + 1, first = take_pages(all);
    if (first == PAGES)
        return NULL;
    struct record *record = record_of(address_of(first));
    struct record run = {.object = place(first, n, size, align), .size = size, .slot_shift = RUN, .pages = n};
    if (!need((uintptr_t)record, sizeof(*record)) || !get(address_of(run_page(&run)), n)) {
        bitmap_fill(idle, first, first + all, true);
        return NULL;
    }
    for (size_t page = first; page < first + all; page++)
        *use_of(page) = USE_RUN | first;
    *record = run;
    figures[RECORD_CLASSES - 1].pages += n;
    return record;
}

static void release_run(struct record *record) {
    size_t mapped = run_page(record), first = *use_of(mapped) & ~USE_RUN, end;

    for (end = mapped; end < PAGES && read_use(end) == (USE_RUN | first); end++)
        ; /* up to the end of the addresses taken for its alignment */
    give(address_of(mapped), record->pages);
    figures[RECORD_CLASSES - 1].pages -= record->pages;
    bitmap_fill(idle, first, end, true);
}

/* ---- records ---- */

static unsigned class_of(const struct record *record) {
    return record->slot_shift == RUN ? RECORD_CLASSES - 1 : record->slot_shift - SHIFT_MIN;
}

struct record *record_take(size_t size, size_t align) {
    size_t least = size < 16 ? 8 : 16;
    struct record *record;

    align = align > least ? align : least;
    bool fits = size <= 1u << SHIFT_MAX && /* so the sum does not wrap */
                (align > RED_ZONE ? align : RED_ZONE) + size + RED_ZONE <= 1u << SHIFT_MAX;
    record = mode == HEAP_DEBUG && fits ? take_slot(size, align) : take_run(size, align);
    if (record)
        figures[class_of(record)].live++;
    return record;
}

void record_retire(struct record *record) {
    record->state = RECORD_QUARANTINED;
    figures[class_of(record)].live--;
}

void record_release(struct record *record) {
    record->state = RECORD_FREED;
    if (record->slot_shift == RUN) {
        release_run(record);
    } else {
        record->next = free_slots[record->slot_shift];
        free_slots[record->slot_shift] = record;
    }
}

struct record *record_at(uintptr_t address) {
    size_t page = page_of((void *)address);
    use_t use = page < top ? read_use(page) : 0; /* the normal heap never raises TOP */

    if (!use)
        return NULL;
    if (!(use & USE_RUN))
        return record_of(address & ~((1u << use) - 1));
    /* When a freed run's first page is used again, the uses of its others are stale. */
    struct record *record = record_of(address_of(use & ~USE_RUN));
    bool is_stale = *use_of(use & ~USE_RUN) != use;
    return is_stale || page - run_page(record) > record->pages ? NULL : record; /* nor below it */
}

void record_bounds(const struct record *record, char **start, char **end) {
    bool run = record->slot_shift == RUN;
    size_t bytes = run ? record->pages * PAGE_SIZE : 1u << record->slot_shift;

    *start = (char *)(run ? address_of(run_page(record)) : (uintptr_t)record->object & ~(bytes - 1));
    *end = *start + bytes;
}

/* The address from which to look for the record that follows RECORD. */
static uintptr_t after(const struct record *record) {
    uintptr_t cell = (uintptr_t)(record - (struct record *)RECORDS_START);
    size_t bytes = record->slot_shift == RUN ? PAGE_SIZE : 1u << record->slot_shift;

    return KHEAP_START + (cell << cell_shift) + bytes;
}

struct record *record_next(const struct record *previous) {
    uintptr_t va = previous ? after(previous) : KHEAP_START;

    for (size_t page; (page = page_of((void *)va)) < top;) {
        use_t use = read_use(page);
        bool begins = use && (!(use & USE_RUN) || use == (USE_RUN | page));

        if (begins && record_of(va)->state != RECORD_NONE)
            return record_of(va);
        va += use && !(use & USE_RUN) ? 1u << use : PAGE_SIZE;
    }
    return NULL;
}

/* ---- giving back ---- */

static bool slab_has_live(size_t page, unsigned shift) {
    for (uintptr_t va = address_of(page); va < address_of(page + 1); va += 1u << shift)
        if (record_of(va)->state == RECORD_LIVE)
            return true;
    return false;
}

static void trim_slab(size_t page, unsigned shift) {
    if (!slab_has_live(page, shift)) {
        give(address_of(page), 1);
        bitmap_fill(idle, page, page + 1, true);
        figures[shift - SHIFT_MIN].pages--;
        *use_of(page) = 0;
        return;
    }
    for (uintptr_t va = address_of(page); va < address_of(page + 1); va += 1u << shift) {
        if (record_of(va)->state == RECORD_LIVE)
            continue;
        record_of(va)->next = free_slots[shift];
        free_slots[shift] = record_of(va);
    }
}

/* Gives back the pages of records that belong only to pages without a use, of [FIRST, END). */
static void trim_records(size_t first, size_t end) {
    size_t pages =
        PAGE_SIZE / sizeof(struct record) / (PAGE_SIZE >> cell_shift); /* whose records fill a page */

    for (; first < end; first += pages) {
        uintptr_t va = (uintptr_t)record_of(address_of(first));
        size_t page = first;

        while (page < first + pages && !*use_of(page))
            page++;
        if (page == first + pages && is_mapped(va))
            give(va, 1);
    }
}

/* Gives back what can be of the pages [FIRST, END), whose uses fill a page; whether one of them is still used. */
static bool trim_pages(size_t first, size_t end) {
    bool used = false;

    for (size_t page = first; page < end; page++) {
        use_t use = *use_of(page);

        if (use && !(use & USE_RUN))
            trim_slab(page, use);
        else if (use && bitmap_test(idle, page))
            *use_of(page) = 0;
        used |= *use_of(page) != 0;
    }
    trim_records(first, end);
    if (!used)
        give((uintptr_t)use_of(first), 1);
    return used;
}

void records_trim(void) {
    size_t uses = PAGE_SIZE / sizeof(use_t), end = top;

    memset(free_slots, 0, sizeof(free_slots));
    top = 0;
    for (size_t page = 0; page < end; page += uses)
        if (is_mapped((uintptr_t)use_of(page)) && trim_pages(page, page + uses))
            top = page + uses;
}

/* Whether PAGE is part of a slab, or of a run whose object has not been freed. */
static bool is_taken(size_t page) {
    const struct record *record = record_at(address_of(page));
    return record && (record->slot_shift != RUN || record->state != RECORD_FREED);
}

/* A page that is idle is part of nothing but a freed run; any other one is part of something. */
void records_check(void) {
    for (size_t page = 0; page < top; page++)
        if (bitmap_test(idle, page) ? is_taken(page) : !read_use(page))
            PANIC("kmalloc: the page at 0x%08x is %s", (unsigned)address_of(page),
                  bitmap_test(idle, page) ? "idle and used" : "neither idle nor used");
}

void records_stats(unsigned sc, struct kmalloc_stats *out) {
    bool run = sc == RECORD_CLASSES - 1;

    out->size = run ? 0 : 1u << (SHIFT_MIN + sc);
    out->live = figures[sc].live;
    out->pages = figures[sc].pages;
    out->capacity = run ? out->live : out->pages * PAGE_SIZE / out->size;
}

size_t records_pages(void) { return held; }
size_t records_peak_pages(void) { return peak; }
