/* kmalloc against a map from pointer to bytes.
 *
 * Each object holds words that follow from its number; of a large one only those near its ends and page borders are
 * written and read. Sizes lie near the size classes, a page, and the sizes that move an object to another zone. */
#include "model.h"

#include "kmalloc.h"
#include "panic.h"
#include "pm.h"

#define OBJECTS 400

static struct object {
    unsigned *p;
    size_t size;
    unsigned number;
} *objects;

static unsigned numbers;

/* The size of each of this heap's classes, 0 for that of large objects; none where it has no classes. */
static size_t class_size[32];
static unsigned classes;

/* ---- contents ---- */

static unsigned word_of(const struct object *o, size_t i) { return (o->number + (unsigned)i) * 2654435761u; }

/* The next word after word I that is written, of an object of WORDS: all of the first and the last 16, and the two at each
 * border of a page. */
static size_t next_word(size_t i, size_t words) {
    const size_t page = PAGE_SIZE / sizeof(unsigned);

    i++;
    if (i < 16 || i + 16 >= words || i % page == page - 1 || i % page == 0)
        return i;
    size_t border = i + page - 1 - i % page, end = words - 16;
    return border < end ? border : end;
}

static void fill(struct object *o) {
    size_t words = o->size / sizeof(unsigned);

    o->number = numbers += 0x10001;
    for (size_t i = 0; i < words; i = next_word(i, words))
        o->p[i] = word_of(o, i);
    for (size_t i = words * sizeof(unsigned); i < o->size; i++)
        ((uint8_t *)o->p)[i] = (uint8_t)o->number;
}

/* The first SIZE bytes of O lie at P. */
static void check_bytes(const struct object *o, const unsigned *p, size_t size) {
    size_t words = o->size / sizeof(unsigned);

    for (size_t i = 0; i < words && (i + 1) * sizeof(unsigned) <= size; i = next_word(i, words))
        if (p[i] != word_of(o, i))
            PANIC("model: word %zu of %zu at %p is 0x%08x, not 0x%08x", i, words, p, p[i], word_of(o, i));
    for (size_t i = words * sizeof(unsigned); i < o->size && i < size; i++)
        if (((const uint8_t *)p)[i] != (uint8_t)o->number)
            PANIC("model: byte %zu of %zu at %p is 0x%02x", i, o->size, p, ((const uint8_t *)p)[i]);
}

static void check_zero(const unsigned *p, size_t size) {
    size_t words = size / sizeof(unsigned), i = 0;

    while (i < words && !p[i])
        i++;
    for (i *= sizeof(unsigned); i < size; i++)
        if (((const uint8_t *)p)[i])
            PANIC("model: byte %zu of %zu at %p is not clear", i, size, p);
}

/* ---- sizes ---- */

/* About BORDER: one less, the same, one more. */
static size_t about(size_t border) { return border + model_below(3) - 1; }

static size_t pick_size(void) {
    size_t size;

    switch (model_below(8)) {
    case 0:
    case 1:
        if (!classes)
            return about((size_t)16 << model_below(9)); /* up to a page */
        size = class_size[model_below(classes)];
        return size ? about(size) : 1;
    case 2:
        return about(PAGE_SIZE << model_below(6)); /* up to 32 pages */
    case 3:
        return about(model_length(40) * PAGE_SIZE);
    case 4:
        return model_one_in(8) ? about(model_length(1025) * PAGE_SIZE) : model_length(1025);
    default:
        return 1 + model_below(300);
    }
}

static void find_classes(void) {
    struct kmalloc_stats stats;

    for (classes = 0; kmalloc_stats(classes, &stats); classes++) {
        ASSERT(classes < ARRAY_SIZE(class_size));
        class_size[classes] = stats.size;
    }
}

static size_t pick_alignment(void) { return (size_t)1 << model_below(17); }

/* ---- steps ---- */

/* Frames that an object of SIZE bytes may take besides its own: for records, page tables, and the alignment. */
static size_t frames_for(size_t size, size_t align) { return pages_for(size) + pages_for(align) + 8; }

static unsigned *call_for(struct object *o, size_t size, size_t align) {
    if (o->p)
        return krealloc(o->p, size);
    if (align)
        return kmalloc_aligned(size, align);
    if (model_one_in(3))
        return kmalloc(size);
    unsigned *p = kzalloc(size);
    if (p)
        check_zero(p, size);
    return p;
}

/* An object, or O with another size; NULL, and nothing has changed, where memory has run out. */
static unsigned *get(struct object *o, size_t size, size_t align) {
    size_t need = frames_for(size, align);

    if (model_one_in(4))
        model_leave(model_below(4) ? model_below((unsigned)pages_for(size) + 2) : 0);
    size_t before = pm_count().free;
    unsigned *p = call_for(o, size, align);
    if (p)
        return p;
    if (o->p)
        check_bytes(o, o->p, o->size);
    ASSERT(before < need || !model_heap_is_exact());
    ASSERT(pm_count().free >= before || !model_heap_is_exact()); /* pages without objects may have gone back */
    model_release();
    if (model_one_in(2))
        kmalloc_trim();
    before = pm_count().free;
    p = call_for(o, size, align); /* now, or the pool is too small */
    ASSERT(p || before < need || !model_heap_is_exact());
    return p;
}

static void make(struct object *o, size_t size, size_t align) {
    unsigned *p;

    if (size == 0) {
        ASSERT(!kmalloc(0));
        return;
    }
    if (!(p = get(o, size, align)))
        return;
    if (align)
        ASSERT_OP((uintptr_t)p % align, ==, 0u);
    ASSERT_OP((uintptr_t)p % (size < 16 ? 8 : 16), ==, 0u);
    ASSERT_OP(kmalloc_size(p), >=, size);
    *o = (struct object){p, size, 0};
    fill(o);
}

static void drop(struct object *o) {
    check_bytes(o, o->p, o->size);
    kfree(o->p);
    ASSERT_OP(kmalloc_size(o->p), ==, 0u); /* NOLINT(clang-analyzer-unix.Malloc): any pointer may be asked about */
    o->p = NULL;
}

static void resize(struct object *o) {
    size_t size = model_one_in(50) ? 0 : pick_size();
    unsigned *p;

    if (!size) {
        ASSERT(!krealloc(o->p, 0));
        o->p = NULL;
        return;
    }
    if (!(p = get(o, size, 0)))
        return;
    check_bytes(o, p, size < o->size ? size : o->size);
    ASSERT_OP(kmalloc_size(p), >=, size);
    *o = (struct object){p, size, 0};
    fill(o);
}

static void call_kfree(void *p) { kfree(p); }

/* What kfree must refuse: an object's inside, and one that was freed. */
static void misuse(struct object *o) {
    unsigned *p = o->p;
    size_t size = kmalloc_size(p);

    if (size > 1)
        model_refuses("cannot be freed", call_kfree, (char *)p + 1 + model_below((unsigned)size - 1));
    drop(o);
    model_refuses("cannot be freed", call_kfree, p);
}

static size_t live_objects(void) {
    struct kmalloc_stats stats;
    size_t live = 0;

    for (unsigned sc = 0; kmalloc_stats(sc, &stats); sc++)
        live += stats.live;
    return live;
}

static void check_all(size_t others) {
    struct kmalloc_stats stats;
    size_t live = 0;

    kmalloc_check();
    for (struct object *o = objects; o < objects + OBJECTS; o++)
        if (o->p) {
            check_bytes(o, o->p, o->size);
            live++;
        }
    if (kmalloc_stats(0, &stats)) /* a heap without size classes keeps no figures */
        ASSERT_OP(live_objects(), ==, others + live);
}

/* Trims; no more than the spare pages come back. */
static void trim(void) {
    size_t before = kmalloc_pages();

    kmalloc_trim();
    ASSERT(before - kmalloc_pages() <= KMALLOC_SPARE || !model_heap_is_exact());
}

/* Many objects of one size at once, which fill pages; or every second or third one is freed. */
static void do_many(struct object *o) {
    size_t size = pick_size(), n = model_length(100), by = 1 + model_below(3);
    bool makes = model_one_in(2);

    for (const struct object *end = objects + OBJECTS; n && o < end; n--, o += makes ? 1 : by)
        if (o->p && !makes)
            drop(o);
        else if (!o->p && makes)
            make(o, size, 0);
}

/* FILLS: of 8 objects that are not there, how many are made. */
static void step(unsigned fills) {
    struct object *o = &objects[model_below(OBJECTS)];

    if (model_one_in(32)) {
        do_many(o);
    } else if (!o->p) {
        if (model_below(8) < fills) {
            size_t size = pick_size();
            make(o, size, model_one_in(4) ? pick_alignment() : 0);
        }
    } else if (model_one_in(4)) {
        resize(o);
    } else if (model_one_in(500)) {
        misuse(o);
    } else if (model_below(8) >= fills) {
        drop(o);
    }
    model_release();
}

void model_kmalloc(unsigned steps) {
    objects = model_begin(OBJECTS * sizeof(*objects));
    find_classes();
    size_t others = live_objects(), free_frames = pm_count().free;

    for (unsigned i = 0; i < steps && model_goes_on(); i++) {
        step(i / 1000 % 2 ? 2 : 7); /* filling and emptying by turns */
        if (i % 500 == 0 || model_one_in(200)) {
            check_all(others);
            model_look();
        }
        if (i % 700 == 0)
            trim();
    }
    for (struct object *o = objects; o < objects + OBJECTS; o++)
        if (o->p)
            drop(o);
    kmalloc_trim();
    check_all(others);
    /* (A page of the debugging heaps' records may stay as long as the model's own memory is beside it. When that has gone
     * back, the kernel's runner of tests counts again.) */
    ASSERT(pm_count().free == free_frames || !model_heap_is_exact());
    model_end();
}
