/* spaces against a map from page to word and permission, one a space; and pages of the kernel's part, whose tables
 * come and go while other spaces are current. */
#include "model.h"

#include "kmalloc.h"
#include "memlayout.h"
#include "panic.h"
#include "pm.h"
#include "space.h"
#include "string.h"
#include "vmem.h"

#define SPACES 4
#define PAGES 1088 /* half in one table, half in the next */
#define KERNEL_PAGES 4 /* each in a table of its own */

enum { THERE = 1, WRITABLE = 2, IMAGE = 4 }; /* IMAGE: shows the kernel's own frames until it is written to */

static struct model_space {
    struct space *space;
    struct space_counts others; /* what is in it besides */
    uint8_t what[PAGES];
    unsigned word[PAGES]; /* what its first word must be */
} *spaces, *now;

static char *area, *kernel_area;
static unsigned kernel_word[KERNEL_PAGES]; /* 0: no page */
static size_t free_frames;
static struct model_range range;

static char *va_of(size_t page) { return area + TABLE_SPAN - PAGES / 2 * PAGE_SIZE + page * PAGE_SIZE; }
static char *kernel_va(unsigned i) { return kernel_area + i * (TABLE_SPAN + PAGE_SIZE); }

/* ---- what the model knows ---- */

static size_t count(const uint8_t *what, size_t n) {
    size_t found = 0;

    for (size_t i = 0; i < n; i++)
        found += what[i] != 0;
    return found;
}

/* Tables that the range needs, and that are not there. */
static size_t missing_tables(size_t first, size_t n) {
    size_t half = PAGES / 2;

    size_t lower = first < half && !count(now->what, half), upper = first + n > half && !count(now->what + half, half);
    return lower + upper;
}

/* ---- steps ---- */

static struct call {
    char *va;
    size_t n;
    unsigned flags;
} call;

static void call_reserve(void *arg) { (void)arg, space_reserve(call.va, call.n, call.flags); }
static void call_release(void *arg) { (void)arg, space_release(call.va, call.n); }
static void call_protect(void *arg) { (void)arg, space_protect(call.va, call.n, call.flags); }
static void call_destroy(void *arg) { space_destroy(arg); }

static void leave_about(size_t need) {
    if (model_one_in(3))
        model_leave(need + model_below(3) - (need ? 1 : 0));
}

/* Frames of the kernel's code: their words never change. */
static size_t image_pages(void) { return (size_t)(text_end - kernel_start) / PAGE_SIZE; }

static void fill(size_t first, size_t n) {
    unsigned flags = model_one_in(4) ? 0 : VMEM_WRITE;
    size_t image = model_one_in(3) ? 1 + model_below((unsigned)image_pages()) : 0; /* frames from here on; 0: clear */

    if (image && n > image_pages() - image + 1)
        n = image_pages() - image + 1;
    call = (struct call){va_of(first), n, flags};
    if (count(&now->what[first], n)) {
        if (model_one_in(30)) /* its report takes long */
            model_refuses("vmem: ", call_reserve, NULL);
        return;
    }
    size_t need = missing_tables(first, n);
    leave_about(need);
    bool enough = pm_count().free >= need;
    int result = image ? space_map_copy(call.va, KERNEL_START + (image - 1) * PAGE_SIZE, n, flags)
                       : space_reserve(call.va, n, flags);
    ASSERT_OP(result, ==, enough ? 0 : VMEM_NO_MEMORY);
    for (size_t i = 0; enough && i < n; i++) {
        now->what[first + i] = THERE | (flags ? WRITABLE : 0) | (image ? IMAGE : 0);
        now->word[first + i] = image ? model_load((char *)KERNEL_START + (image - 1 + i) * PAGE_SIZE) : 0;
    }
}

static void release(size_t first, size_t n) {
    space_release(va_of(first), n);
    memset(&now->what[first], 0, n);
}

static void protect(size_t first, size_t n) {
    unsigned flags = model_one_in(3) ? 0 : VMEM_WRITE;
    bool whole = count(&now->what[first], n) == n;

    ASSERT_OP(space_protect(va_of(first), n, flags), ==, whole ? 0 : VMEM_ABSENT);
    for (size_t i = first; whole && i < first + n; i++)
        now->what[i] = (uint8_t)((now->what[i] & ~WRITABLE) | (flags ? WRITABLE : 0));
}

/* Whether an access to VA, which the space allows, is possible: a fault is mended unless no frame is left. */
static bool reach(char *va, bool write) {
    struct vmem_walk walk;

    vmem_walk(va, &walk);
    bool present = walk.pte & PTE_PRESENT;
    if (present && (!write || walk.pte & PTE_WRITE))
        return true;
    bool enough = pm_count().free > 0;
    bool mended = space_fault(va, (write ? FAULT_WRITE : 0) | (present ? FAULT_PRESENT : 0));
    if (!mended)
        ASSERT(!enough);
    return mended;
}

static void refuse_fault(char *va, unsigned error) { ASSERT(!space_fault(va, error)); }

/* A load, and a store where it is allowed. */
static void touch(size_t i) {
    char *va = va_of(i);
    unsigned what = now->what[i];

    ASSERT_OP(space_allows(va + 5, 6, 0), ==, what != 0);
    ASSERT_OP(space_allows(va + 5, 6, VMEM_WRITE), ==, (what & WRITABLE) != 0);
    if (!what) {
        refuse_fault(va, 0);
        return;
    }
    if (!reach(va, false))
        return;
    ASSERT_OP(model_load(va), ==, now->word[i]);
    if (!(what & WRITABLE)) {
        refuse_fault(va, FAULT_WRITE | FAULT_PRESENT);
        return;
    }
    if (model_one_in(4) || !reach(va, true))
        return;
    model_store(va, now->word[i] = model_word());
    now->what[i] &= (uint8_t)~IMAGE;
}

/* Touches N pages; memory may run out on the way. */
static void touch_many(size_t first, size_t n) {
    leave_about(model_below((unsigned)n));
    for (size_t i = first; i < first + n; i++)
        touch(i);
}

static size_t table_count(void) {
    return now->others.tables + (count(now->what, PAGES / 2) > 0) + (count(now->what + PAGES / 2, PAGES / 2) > 0);
}

static void begin_or_end(struct model_space *other) {
    if (other == now)
        return;
    if (other->space) {
        if (other != spaces) /* the first is not ours to destroy */
            space_destroy(other->space), memset(other, 0, sizeof(*other));
        return;
    }
    bool clone = !model_one_in(4);
    size_t need = 1 + (clone ? table_count() : 0);
    leave_about(need);
    size_t before = pm_count().free;
    struct space *space = clone ? space_clone() : space_create();
    if (!space) {
        ASSERT(before < need + 3 || !model_heap_is_exact()); /* the heap may have needed some */
        kmalloc_trim(); /* it may have a page more to spare */
        ASSERT(pm_count().free >= before || !model_heap_is_exact());
        return;
    }
    ASSERT(before >= need || !model_heap_is_exact());
    if (clone)
        *other = *now;
    else
        memset(other, 0, sizeof(*other));
    other->space = space;
}

static void go_to(struct model_space *other) {
    if (other->space)
        space_switch((now = other)->space);
    ASSERT_OP(space_current(), ==, now->space);
}

/* Adds or removes a page of the kernel's part, with its table. */
static void turn_kernel_page(unsigned i) {
    if (kernel_word[i]) {
        ASSERT_OP(model_load(kernel_va(i)), ==, kernel_word[i]);
        ASSERT_OP(vmem_free_range(kernel_va(i), 1), ==, 0);
        kernel_word[i] = 0;
        return;
    }
    leave_about(2);
    bool enough = pm_count().free >= 2;
    ASSERT_OP(vmem_alloc_range(kernel_va(i), 1, VMEM_WRITE), ==, enough ? 0 : VMEM_NO_MEMORY);
    if (enough)
        model_store(kernel_va(i), kernel_word[i] = model_word() | 1);
}

static void check_kernel_pages(void) {
    for (unsigned i = 0; i < KERNEL_PAGES; i++)
        if (kernel_word[i])
            ASSERT_OP(model_load(kernel_va(i)), ==, kernel_word[i]);
}

/* A page of any space, seen from the current one. */
static void look_into(const struct model_space *other, size_t i) {
    struct vmem_walk walk;

    if (!other->space)
        return;
    ASSERT_OP(space_walk(other->space, va_of(i), &walk), ==, (walk.pte & PTE_PRESENT) != 0);
    ASSERT_OP(walk.pte != 0, ==, other->what[i] != 0);
    ASSERT(!(walk.pte & PTE_WRITE) || other->what[i] & WRITABLE);
    ASSERT_OP(walk.pa == PADDR_NONE, ==, !(walk.pte & PTE_PRESENT));
}

/* What space must refuse. */
static void misuse(size_t first, size_t n) {
    static void (*const calls[])(void *arg) = {call_reserve, call_release, call_protect};

    call = (struct call){va_of(first), n, 0};
    switch (model_below(4)) {
    case 0:
        call.n = 0;
        break;
    case 1:
        call.n = (KHEAP_START - (uintptr_t)call.va) / PAGE_SIZE + 1;
        break;
    case 2:
        call.va += 1 + model_below(PAGE_SIZE - 1);
        break;
    default:
        model_refuses("space", call_destroy, now->space);
        return;
    }
    model_refuses("vmem: ", calls[model_below(ARRAY_SIZE(calls))], NULL);
}

/* ---- checks ---- */

static void check_counts(void) {
    struct space_counts counts = space_count(now->space);

    size_t others = now->others.present + now->others.absent;

    ASSERT_OP(counts.present + counts.absent, ==, others + count(now->what, PAGES));
    ASSERT_OP(counts.tables, ==, table_count());
}

static void check_all(void) {
    space_check();
    pm_check();
    check_counts();
    check_kernel_pages();
}

static void step(void) {
    struct model_space *other = &spaces[model_below(SPACES)];

    model_choose(&range, PAGES);
    switch (model_below(16)) {
    case 0:
    case 1:
    case 2:
        fill(range.first, range.n);
        break;
    case 3:
        release(range.first, range.n);
        break;
    case 4:
        protect(range.first, range.n);
        break;
    case 5:
        begin_or_end(other);
        break;
    case 6:
    case 7:
        go_to(other);
        break;
    case 8:
        turn_kernel_page(model_below(KERNEL_PAGES));
        break;
    case 9:
        if (model_one_in(100))
            misuse(range.first, range.n);
        else
            touch_many(range.first, range.n);
        break;
    case 10:
        look_into(other, model_below(PAGES));
        break;
    default:
        leave_about(0);
        touch(range.first + model_below((unsigned)range.n));
    }
    model_release();
}

static void begin(void) {
    spaces = model_begin(SPACES * sizeof(*spaces));
    memset(kernel_word, 0, sizeof(kernel_word));
    range = (struct model_range){0};
    now = spaces;
    now->space = space_current();
    area = model_area(0x40000000, KHEAP_START, 2);
    kernel_area = model_area(DEVICES_START, KERNEL_STACKS, KERNEL_PAGES + 1);
    ASSERT(area && kernel_area);
    now->others = space_count(now->space);
    free_frames = pm_count().free;
}

static void end(void) {
    go_to(spaces);
    for (struct model_space *s = spaces + 1; s < spaces + SPACES; s++)
        if (s->space)
            space_destroy(s->space);
    for (unsigned i = 0; i < KERNEL_PAGES; i++)
        if (kernel_word[i])
            turn_kernel_page(i);
    release(0, PAGES);
    kmalloc_trim();
    check_all();
    /* (A page of the debugging heaps' records may stay as long as the model's own memory is beside it. When that has gone
     * back, the kernel's runner of tests counts again.) */
    ASSERT(pm_count().free == free_frames || !model_heap_is_exact());
    model_end();
}

void model_space(unsigned steps) {
    begin();
    for (unsigned i = 0; i < steps && model_goes_on(); i++) {
        step();
        model_look();
        if (i % 100 == 0)
            check_all();
    }
    end();
}
