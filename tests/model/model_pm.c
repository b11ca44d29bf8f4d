/* pm against a set of frames, each with its owner: a run that was handed out, or nobody.
 *
 * Any free frame, any free run will do. So the model takes pm's answer, once it has seen that it is a right one, and
 * looks itself only when pm says that there is none. */
#include "model.h"

#include "panic.h"
#include "pm.h"
#include "string.h"

#define RUNS 100

struct run {
    size_t first, n; /* of frame[]; N = 0: none */
    unsigned owners; /* of its first frame, besides the run: pm_share */
};

struct pm_model {
    paddr_t frame[MODEL_POOL]; /* the pool, ascending */
    uint8_t owner[MODEL_POOL]; /* of each: 1 + the run, 0: free */
    struct run run[RUNS];
};

static paddr_t *frame;
static uint8_t *owner;
static struct run *run;
static size_t frames;

/* The place of PA in frame[]. */
static size_t place_of(paddr_t pa) {
    size_t low = 0, high = frames;

    while (low < high) {
        size_t middle = (low + high) / 2;
        if (frame[middle] < pa)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == frames || frame[low] != pa)
        PANIC("model: 0x%08x was handed out; it was not free", pa);
    return low;
}

/* What is free becomes the pool. */
static void fill_pool(void) {
    pfn_t start, end = 0;

    struct pm_model *model = model_begin(sizeof(*model));
    frame = model->frame;
    owner = model->owner;
    run = model->run;
    frames = 0;
    while (pm_next_range(end, &start, &end))
        for (pfn_t pfn = start; pfn < end; pfn++)
            if (pm_state(pfn_to_pa(pfn)) == PM_FREE) {
                ASSERT_OP(frames, <, (size_t)MODEL_POOL);
                frame[frames++] = pfn_to_pa(pfn);
            }
    ASSERT_OP(pm_count().free, ==, frames);
}

static size_t count_free(void) {
    size_t n = 0;

    for (size_t i = 0; i < frames; i++)
        n += owner[i] == 0;
    return n;
}

/* Whether the model has N adjacent free frames. */
static bool has_run(size_t n) {
    size_t found = 0;

    for (size_t i = 0; i < frames && found < n; i++) {
        bool adjacent = i && frame[i] == frame[i - 1] + PAGE_SIZE;
        found = owner[i] ? 0 : adjacent ? found + 1 : 1;
    }
    return found >= n;
}

static void take(struct run *r, size_t n) {
    paddr_t pa = n == 1 && model_one_in(2) ? pm_alloc_page() : pm_alloc_pages(n);

    if (pa == PADDR_NONE) {
        if (has_run(n))
            PANIC("model: there are %zu adjacent free frames, pm found none", n);
        return;
    }
    size_t first = place_of(pa);
    for (size_t i = 0; i < n; i++) {
        ASSERT_OP(place_of(pa + i * PAGE_SIZE), ==, first + i);
        ASSERT_OP(owner[first + i], ==, 0);
        ASSERT(pm_state(pa + i * PAGE_SIZE) == PM_USED);
        owner[first + i] = (uint8_t)(1 + (r - run));
    }
    *r = (struct run){first, n, 0};
}

/* All of R, or its end. */
static void give(struct run *r) {
    size_t n = model_one_in(4) ? 1 + model_below((unsigned)r->n) : r->n;
    paddr_t pa = frame[r->first + r->n - n];

    if (n == r->n && r->owners)
        return;
    if (n == 1 && model_one_in(2))
        pm_free_page(pa);
    else
        pm_free_pages(pa, n);
    r->n -= n;
    for (size_t i = 0; i < n; i++) {
        owner[r->first + r->n + i] = 0;
        ASSERT(pm_state(pa + i * PAGE_SIZE) == PM_FREE);
    }
}

/* One owner more or fewer of R's first frame; the last one gives the frame back. */
static void share(struct run *r) {
    paddr_t pa = frame[r->first];

    if (!r->owners || model_one_in(3)) {
        pm_share(pa);
        r->owners++;
    } else {
        pm_drop(pa);
        if (--r->owners == 0) {
            owner[r->first++] = 0;
            r->n--;
            ASSERT(pm_state(pa) == PM_FREE);
            return;
        }
    }
    ASSERT_OP(pm_is_shared(pa), ==, r->owners > 1);
}

static void free_page(void *pa) { pm_free_page((paddr_t)(uintptr_t)pa); }
static void free_run(void *r) { pm_free_pages(frame[((struct run *)r)->first], ((struct run *)r)->n); }

/* Whether pm must refuse to free FRAME[i]: it is free, or has an owner besides its run. */
static bool refused(size_t i) {
    const struct run *r = owner[i] ? &run[owner[i] - 1] : NULL;

    return !r || (r->first == i && r->owners);
}

static void misuse(void) {
    size_t i = model_below((unsigned)frames), most = model_length(frames - i);
    struct run wrong = {i, 1, 0};
    bool any = refused(i);

    if (any)
        model_refuses("pm: cannot free", free_page, (void *)(uintptr_t)frame[i]);
    model_refuses("pm: cannot free", free_page, (void *)(uintptr_t)(frame[i] + 1 + model_below(PAGE_SIZE - 1)));
    model_refuses("pm: cannot free", free_page, (void *)(uintptr_t)(model_below(256) * PAGE_SIZE));
    for (; wrong.n < most && frame[i + wrong.n] == frame[i] + wrong.n * PAGE_SIZE; wrong.n++)
        any |= refused(i + wrong.n);
    if (any)
        model_refuses("pm: cannot free", free_run, &wrong);
}

static void give_all(void) {
    for (struct run *r = run; r < run + RUNS; r++) {
        while (r->owners) /* the last one gives the first frame back */
            if (pm_drop(frame[r->first]), --r->owners == 0)
                owner[r->first++] = 0, r->n--;
        if (r->n) {
            pm_free_pages(frame[r->first], r->n);
            memset(&owner[r->first], 0, r->n);
            r->n = 0;
        }
    }
}

/* FILLS: of 8 runs that are not there, how many are taken. */
static void step(unsigned fills) {
    struct run *r = &run[model_below(RUNS)];

    if (model_one_in(400))
        misuse();
    else if (!r->n && model_below(8) < fills)
        take(r, model_length(1100));
    else if (r->n && model_one_in(6))
        share(r);
    else if (r->n && model_below(8) >= fills)
        give(r);
}

void model_pm(unsigned steps) {
    fill_pool();
    for (unsigned i = 0; i < steps && model_goes_on(); i++) {
        step(i / 500 % 2 ? 1 : 6);
        if (i % 1000 == 999) /* long runs must be free now and then */
            give_all();
        if (i % 8 == 0)
            ASSERT_OP(pm_count().free, ==, count_free());
        if (i % 500 == 0)
            pm_check();
    }
    give_all();
    ASSERT_OP(pm_count().free, ==, frames);
    pm_check();
    model_end();
}
