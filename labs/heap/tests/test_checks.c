/* Lab heap, exercise checks: what kfree refuses, and kmalloc_size. */
#include "heap.h"

const char *check_panic_text(void);
extern uint8_t irqs_served;

static const size_t sizes[] = {1, 40, 104, 1000, 2000, 8192, 102400};
#define SIZES (sizeof sizes / sizeof sizes[0])

static void start(void) {
    start_with(FRAMES);
    doing("kmalloc_size(NULL)");
    CHECK(kmalloc_size(NULL) == 0, "kmalloc_size(NULL) is not 0: NULL is no object");
}

/* P, which is no live object, is refused, and nothing has changed. */
static void refuse(void *p, const char *what) {
    size_t before = pages.count;
    doing("kfree(0x%08x): %s", AS_NUMBER(p), what);
    MUST_PANIC(free_it, p, 0, "kfree(0x%08x) takes it for an object: %s", AS_NUMBER(p), what);
    CHECK(pages.count == before, "kfree(0x%08x) panics, as it should (%s), but pages have come or gone by then: check before the first change",
          AS_NUMBER(p), what);
    doing("kmalloc_size(0x%08x): %s", AS_NUMBER(p), what);
    CHECK(kmalloc_size(p) == 0, "kmalloc_size(0x%08x) is %u, but that is no live object: %s", AS_NUMBER(p), (unsigned)kmalloc_size(p), what);
}

/* All that a wrong free left is sound. */
static void check_sound(void) {
    check_all("a wrong kfree was refused");
    for (size_t i = 0; i < SIZES; i++) {
        const struct object *o = take(sizes[i]);
        for (size_t j = 0; j < live - 1; j++)
            CHECK(objects[j].p != o->p, "0x%08x is handed out a second time, after a wrong kfree of it was refused", AS_NUMBER(o->p));
    }
    while (live)
        drop(live - 1);
    check_heap();
}

CASE(the_size_of_an_object) {
    static const size_t asked[] = {8, 24, 40, 104, 1000, 3000, 8192, 40960};
    start();
    whole = true;
    for (size_t i = 0; i < 3 * sizeof asked / sizeof asked[0]; i++)
        take(asked[i / 3]);
    for (size_t i = 0; i < live; i++) {
        struct object *o = &objects[i];
        doing("kmalloc_size(0x%08x), when each byte that it promises of the objects before had been written to", AS_NUMBER(o->p));
        size_t size = kmalloc_size(o->p);
        CHECK(size >= o->size, "kmalloc_size of an object of %u bytes is %u", (unsigned)o->size, (unsigned)size);
        CHECK(size <= 4 * o->size + 4 * PAGE_SIZE, "kmalloc_size of an object of %u bytes is %u", (unsigned)o->size, (unsigned)size);
        check_place("kmalloc_size promises more than there is: kmalloc", o->p, size);
        o->size = size;
        fill(o);
    }
    check_all("each byte that kmalloc_size promises was written to");
    while (live) {
        void *p = objects[--live].p;
        doing("kfree(0x%08x), when each byte that kmalloc_size promises had been written to", AS_NUMBER(p));
        kfree(p);
        CHECK(kmalloc_size(p) == 0, "kmalloc_size of an object that was freed is %u: it is no live object any more", (unsigned)kmalloc_size(p));
    }
}

CASE(freed_twice) {
    unsigned char *p[3];
    start();
    for (size_t i = 0; i < SIZES; i++) {
        for (unsigned n = 0; n < 3; n++)
            p[n] = take(sizes[i])->p;
        live -= 2; /* the second and the third */
        kfree(p[1]);
        refuse(p[1], "it was freed already");
        kfree(p[2]);
        refuse(p[2], "it was freed already, and so was the one before it");
        refuse(p[1], "it was freed already, and then the one behind it");
        live--;
        kfree(p[0]);
        for (unsigned n = 0; n < 3; n++)
            refuse(p[n], "it was freed already, as were its neighbours");
        check_sound();
    }
    for (unsigned i = 0; i < 60; i++)
        take(104);
    struct object old[60];
    memcpy(old, objects, sizeof old);
    drop_all(ANY_ORDER);
    for (unsigned i = 0; i < 8; i++)
        take(1000);
    for (unsigned i = 0; i < 60; i++)
        if (object_in(old[i].p, 1) == NULL || object_in(old[i].p, 1)->p != old[i].p)
            refuse(old[i].p, "it was freed already, and larger objects came since");
    check_sound();
}

CASE(inside_an_object) {
    static const size_t offsets[] = {1, 4, 8, 16, 32, 48, 64, 512, 4096, 8192 - 16, 65536};
    static const unsigned char contents[] = {0, 1, 0xFF};
    start();
    for (size_t i = 1; i < SIZES; i++)
        for (size_t c = 0; c < sizeof contents; c++) {
            unsigned char *p = take(sizes[i])->p;
            live--; /* its contents are another */
            memset(p, contents[c], sizes[i]);
            for (size_t j = 0; j < sizeof offsets / sizeof offsets[0]; j++)
                if (offsets[j] < sizes[i])
                    refuse(p + offsets[j], "it lies inside an object");
            refuse(p + sizes[i] - 1, "it is an object's last byte");
            kfree(p);
        }
    check_sound();
}

CASE(never_an_object) {
    static int in_data;
    int on_stack;
    start();
    refuse(&in_data, "a variable is no object of the heap");
    refuse(&on_stack, "a variable on the stack is no object of the heap");
    refuse((void *)1, "it lies far below the heap");
    refuse((void *)(KHEAP_START - 16), "it lies right below the heap");
    refuse((void *)KHEAP_END, "it lies right behind the heap");
    refuse((void *)0xFFFFFFF0, "it lies far behind the heap");
    refuse((void *)KHEAP_START, "the heap is empty");
    refuse((void *)(KHEAP_END - 16), "the heap has no page there");
    unsigned char *p = take(40)->p, *page = p - (uintptr_t)p % PAGE_SIZE;
    for (unsigned char *q = page; q < page + PAGE_SIZE; q += 8)
        if (q < p || q >= p + 40)
            refuse(q, "no object was ever there");
    for (unsigned i = 0; i < 200; i++)
        refuse((void *)(KHEAP_START + 0x8000000 + random_between(0, 0x20000000)), "the heap has no page there");
    check_sound();
}

/* What lies before an object and at its page's start may be what the heap knows of it. Copies must not convince it. */
CASE(contents_cannot_pretend) {
    start();
    unsigned char *model = take(104)->p, *page = model - (uintptr_t)model % PAGE_SIZE;
    unsigned char *large = take(10 * PAGE_SIZE)->p, *inside = large + PAGE_SIZE;
    size_t known = (size_t)(model - page) < 64 ? (size_t)(model - page) : 64;
    live--; /* its contents are another */
    inside += -(uintptr_t)inside % PAGE_SIZE;
    memcpy(inside, page, PAGE_SIZE);
    refuse(inside + (model - page), "it lies inside an object, in which there is a copy of a page of the heap's");
    unsigned char *medium = take(2000)->p;
    live--;
    memset(medium, 0, 2000);
    for (size_t offset = 64; offset < 1800; offset += 128)
        memcpy(medium + offset, model - known, known + 16);
    for (size_t offset = 64; offset < 1800; offset += 128)
        refuse(medium + offset + known, "it lies inside an object, whose contents look like what the heap knows of another");
    check_sound();
}

/* The text, without the numbers in it. */
static void words_of(void *p, const char *what, char words[200]) {
    char address[16];
    refuse(p, what);
    snprintf(address, sizeof address, "%x", AS_NUMBER(p));
    CHECK(strstr(check_panic_text(), address), "the panic (%s) does not tell the address: %s", what, check_panic_text());
    size_t n = 0;
    for (const char *c = check_panic_text(); *c && n < 199; c++)
        if ((*c < '0' || *c > '9') && (*c < 'a' || *c > 'f') && *c != 'x')
            words[n++] = *c;
    words[n] = 0;
}

CASE(it_says_which) {
    char twice[200], inside[200], nowhere[200];
    start();
    unsigned char *p = take(104)->p, *freed = take(104)->p;
    take(104);
    objects[1] = objects[--live];
    kfree(freed);
    words_of(freed, "it was freed already", twice);
    words_of(p + 16, "it lies inside an object", inside);
    words_of(twice, "it is no address of the heap", nowhere);
    CHECK(strcmp(twice, inside), "an object that was freed already, and an address inside an object, are the same to the panic: \"%s\"", check_panic_text());
    CHECK(strcmp(twice, nowhere), "an object that was freed already, and an address outside the heap, are the same to the panic: \"%s\"", check_panic_text());
    CHECK(strcmp(inside, nowhere), "an address inside an object, and one outside the heap, are the same to the panic: \"%s\"", check_panic_text());
}

static void allocate_it(uintptr_t size, uintptr_t unused) {
    (void)unused;
    kmalloc(size);
}

CASE(handlers_are_refused) {
    start();
    for (size_t i = 0; i < SIZES; i++) {
        unsigned char *p = take(sizes[i])->p;
        irqs_served = 1;
        doing("kmalloc(%u), in an interrupt handler", (unsigned)sizes[i]);
        MUST_PANIC(allocate_it, sizes[i], 0, "an interrupt handler calls kmalloc(%u), and gets an object: it may have interrupted kmalloc half-way",
                   (unsigned)sizes[i]);
        MUST_PANIC(free_it, p, 0, "an interrupt handler calls kfree, which does as it says: it may have interrupted kmalloc half-way");
        irqs_served = 0;
        CHECK(kmalloc_size(p) >= sizes[i], "an interrupt handler's kfree was refused, but the object is gone");
    }
    check_sound();
}
