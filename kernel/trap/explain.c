/* The likely cause of a page fault in words: a sentence for each (cause.c decides which), and for some what else the report
 * can find out: the heap's objects, and who freed them. */
#include "format.h"
#include "heap_debug.h"
#include "kmalloc.h"
#include "log.h"
#include "memlayout.h"
#include "page_fault.h"
#include "report.h"
#include "stack.h"
#include "symbols.h"

/* ---- null pointers ---- */

static void explain_null(const struct page_fault *fault) {
    if (page_fault_access(fault) == ACCESS_FETCH)
        kprintf("null pointer: a function pointer that was never set was called");
    else if (fault->address)
        kprintf("null pointer: a field at +0x%x of a null struct, or an array", (unsigned)fault->address);
    else
        kprintf("null pointer: it was never set, or a call that failed returned it");
}

/* ---- heap objects ---- */

/* A further line of the cause: WHAT was done to the object, and by whom; CALLER is a return address. */
static void print_caller(const char *what, uintptr_t caller) {
    char text[ADDRESS_TEXT];

    kprintf("\n           %s by %s", what, caller_text(caller, text));
}

static void print_object(const struct heap_object *object) {
    kprintf("\n           the object: %zu bytes at 0x%08x", object->size, (unsigned)object->start);
    print_caller("allocated", object->allocated_by);
    if (!object->live)
        print_caller("freed", object->freed_by);
}

#define NEAR (1u << 20)

/* Finds the object that ends nearest below ADDRESS, if one is near. For the normal heap: it keeps no records,
 * so each place where an object could start is asked about. */
static bool nearest_object(uintptr_t address, uintptr_t *start) {
    uintptr_t lowest = address - KHEAP_START < NEAR ? KHEAP_START : address - NEAR;

    for (*start = address & ~15u; *start >= lowest; *start -= 16)
        if (kmalloc_size((void *)*start))
            return true;
    return false;
}

static void explain_page_nobody_has(const struct page_fault *fault) {
    uintptr_t start;

    if (!(fault->walk.pde & PTE_PRESENT))
        kprintf("heap range, but kmalloc has nothing in these 4 MiB: a damaged pointer, or\n"
                "           one kept after everything here was freed");
    else
        kprintf("freed heap page, or one that kmalloc never handed out:\n"
                "           a pointer used after kfree, or past its object");
    if (heap_mode() != HEAP_NORMAL || !nearest_object(fault->address, &start))
        return;
    size_t size = kmalloc_size((void *)start);
    kprintf("\n           the object below: %zu bytes at 0x%08x; this is %zu bytes past its end", size,
            (unsigned)start, (size_t)(fault->address - start - size));
}

static void explain_heap(const struct page_fault *fault) {
    struct heap_object object;

    if (!heap_debug_find(fault->address, &object)) {
        explain_page_nobody_has(fault);
        return;
    }
    size_t past = fault->address - object.start;
    if (!object.live)
        kprintf("use after free: a freed page, +0x%zx from the start of its object", past);
    else
        kprintf("heap overflow: the page behind an object, %zu bytes past its end", past - object.size);
    print_object(&object);
}

static bool is_mapped(uintptr_t va) {
    paddr_t pa;

    return vmem_translate((const void *)va, &pa);
}

/* Whether OBJECT has a word of poison in it. */
static bool has_poison(const struct heap_object *object) {
    for (uintptr_t va = object->start; va + 4 <= object->start + object->size; va += 4)
        if (is_mapped(va) && *(const unsigned *)va == HEAP_POISON)
            return true;
    return false;
}

#define WORDS_SEARCHED 32

/* Finds the object that the poison was read from: a register, or the stack above ESP, mostly still holds a
 * pointer to it. */
static bool poison_source(const struct trap_frame *frame, struct heap_object *object) {
    const unsigned registers[] = {frame->eax, frame->ecx, frame->edx, frame->ebx, frame->esi, frame->edi};
    uintptr_t esp = frame_esp(frame) & ~3u;

    for (size_t i = 0; i < ARRAY_SIZE(registers); i++)
        if (heap_debug_find(registers[i], object) && has_poison(object))
            return true;
    for (unsigned i = 0; i < WORDS_SEARCHED && is_mapped(esp); i++, esp += 4)
        if (heap_debug_find(*(const unsigned *)esp, object) && has_poison(object))
            return true;
    return false;
}

static void explain_poison(const struct page_fault *fault) {
    struct heap_object object;

    if (!fault->frame || !poison_source(fault->frame, &object)) {
        kprintf("poison: a pointer from an object that was freed, or never initialised");
        return;
    }
    kprintf(object.live ? "poison: a pointer read from an object that was never initialised"
                        : "poison: use after free: a pointer read from an object after kfree");
    print_object(&object);
}

/* ---- tables and stacks ---- */

static void explain_stale_window(const struct page_fault *fault) {
    kprintf("stale TLB entry for the window: it showed an older page table %u,\n"
            "           with PT[%u] 0x%08x; whoever changes PD[%u] must flush the table's\n"
            "           page in the window (flush_page, INVLPG) before using it",
            fault->walk.pdi, fault->walk.pti, fault->shown.pte, fault->walk.pdi);
}

static void explain_window(const struct page_fault *fault) {
    kprintf("window: page table %u would be seen here, but PD[%u] is absent", fault->walk.pti,
            fault->walk.pti);
}

static void explain_stack_guard(const struct page_fault *fault) {
    kprintf("stack guard: the page below the %s stack; a stack overflow",
            stack_guarded_at(fault->address)->name);
}

/* ---- all of them ---- */

struct words {
    void (*explain)(const struct page_fault *fault);
    const char *text; /* where explain is NULL */
};

static const struct words words[] = {
    [CAUSE_RESERVED_BIT] = {NULL, "an entry has a reserved bit set: a damaged page table"},
    [CAUSE_STALE_WINDOW] = {explain_stale_window, NULL},
    [CAUSE_STALE_ENTRY] = {NULL, "stale TLB entry: the entries above allow this, so the processor used an older\n"
                                 "           copy; whoever changes a present entry must flush its page\n"
                                 "           (flush_page, INVLPG)"},
    [CAUSE_STACK_GUARD] = {explain_stack_guard, NULL},
    [CAUSE_NULL_POINTER] = {explain_null, NULL},
    [CAUSE_KERNEL_MEMORY] = {NULL, "kernel memory: closed to programs"},
    [CAUSE_NOT_MAPPED] = {NULL, "nothing is mapped here: a bad pointer, or past the end of an array or a stack"},
    [CAUSE_TEXT] = {NULL, "write to read-only text: the kernel's own code"},
    [CAUSE_RODATA] = {NULL, "write to read-only data: a constant or a string"},
    [CAUSE_SYMBOLS] = {NULL, "write to read-only data: the kernel's symbol table"},
    [CAUSE_SCRATCH] = {NULL, "scratch page: present only while vmem clears a new page table"},
    [CAUSE_POISON] = {explain_poison, NULL},
    [CAUSE_FREE_RANGE] = {NULL, "free range: nothing is mapped here but by `map`, programs, your code"},
    [CAUSE_HEAP] = {explain_heap, NULL},
    [CAUSE_DEVICES] = {NULL, "device range: no device is mapped here"},
    [CAUSE_WINDOW] = {explain_window, NULL},
    [CAUSE_READ_ONLY] = {NULL, "write to a page that is mapped read-only"},
    [CAUSE_DAMAGED] = {NULL, "an entry is absent that Quire never clears: a damaged page table"},
    [CAUSE_KERNEL_ONLY] = {NULL, "the page is mapped for the kernel only"},
};

/* Prints the likely cause alone, from what FAULT says. */
void page_fault_print_cause(const struct page_fault *fault) {
    const struct words *cause = &words[page_fault_cause(fault)];

    kprintf("  cause    " CAUSE_INK);
    if (cause->explain)
        cause->explain(fault);
    else
        kprintf("%s", cause->text);
    kprintf(PLAIN_INK "\n");
    if (page_fault_access(fault) == ACCESS_FETCH)
        kprintf("           it was to be executed: a bad function pointer or return address\n");
}
