/* The page fault, in words: what was tried, how far the translation got, and the likely cause.
 *
 * The causes are a table, searched from its start: a range of addresses and what the error code must say,
 * with a sentence. The ranges are those of include/memlayout.h. */
#include "page_fault.h"

#include "format.h"
#include "heap_debug.h"
#include "kmalloc.h"
#include "log.h"
#include "memlayout.h"
#include "symbols.h"
#include "vmem.h"

/* The error code (SDM vol. 3, figure 4-12). No fetch bit without no-execute. */
#define ERROR_PRESENT 1u /* refused by a present entry; otherwise an entry was absent */
#define ERROR_WRITE 2u
#define ERROR_RESERVED 8u /* an entry had a reserved bit set */

#define INSTRUCTION_MAX 15 /* bytes: SDM vol. 2, 2.3.11 */

struct fault {
    const struct trap_frame *frame;
    uintptr_t address;
    unsigned error;
    bool fetch;
    struct vmem_walk walk;
};

struct cause {
    const char *first, *last; /* the addresses it is about, both included */
    unsigned mask, value;     /* of the error code */
    void (*explain)(const struct fault *fault);
    const char *text; /* where explain is NULL */
};

#define POISON_REACH 0x10000u /* a field of what a poisoned pointer leads to, or an element */

#define ANY 0, 0
#define ABSENT ERROR_PRESENT, 0
#define REFUSED_WRITE (ERROR_PRESENT | ERROR_WRITE), (ERROR_PRESENT | ERROR_WRITE)
#define ADDRESS(a) ((const char *)(a))

static void explain_null(const struct fault *fault) {
    if (fault->fetch)
        kprintf("null pointer: a function pointer that was never set was called");
    else if (fault->address)
        kprintf("null pointer: a field at +0x%x of a null struct, or an array", (unsigned)fault->address);
    else
        kprintf("null pointer: it was never set, or a call that failed returned it");
}

/* ---- heap objects ---- */

/* A further line of the cause: OBJECT, and who asked for it; CALLER is a return address. */
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

/* Without heap=debug and heap=guard: the object that ends nearest below ADDRESS, if one is near, as kmalloc
 * knows it. */
#define NEAR (1u << 20)

static bool nearest_object(uintptr_t address, uintptr_t *start) {
    uintptr_t lowest = address - KHEAP_START < NEAR ? KHEAP_START : address - NEAR;

    for (*start = address & ~15u; *start > lowest; *start -= 16)
        if (kmalloc_size((void *)*start))
            return true;
    return false;
}

static void explain_page_nobody_has(const struct fault *fault) {
    uintptr_t start;

    kprintf("freed heap page, or one that kmalloc never handed out:\n"
            "           a pointer used after kfree, or past its object");
    if (heap_mode() != HEAP_NORMAL || !nearest_object(fault->address, &start))
        return;
    size_t size = kmalloc_size((void *)start);
    kprintf("\n           the object below: %zu bytes at 0x%08x; this is %zu bytes past its end", size,
            (unsigned)start, (size_t)(fault->address - start - size));
}

static void explain_heap(const struct fault *fault) {
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

/* The object has a word of poison in it. */
static bool has_poison(const struct heap_object *object) {
    for (uintptr_t va = object->start; va + 4 <= object->start + object->size; va += 4)
        if (is_mapped(va) && *(const unsigned *)va == HEAP_POISON)
            return true;
    return false;
}

/* The object that the poison was read from: a register, or else the stack above ESP, mostly still holds a
 * pointer to it. */
#define WORDS_SEARCHED 32

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

static void explain_poison(const struct fault *fault) {
    struct heap_object object;

    if (!poison_source(fault->frame, &object)) {
        kprintf("poison: a pointer from an object that was freed, or never initialised");
        return;
    }
    kprintf(object.live ? "poison: a pointer read from an object that was never initialised"
                        : "poison: use after free: a pointer read from an object after kfree");
    print_object(&object);
}

static void explain_table(const struct fault *fault) {
    kprintf("window: page table %u would be seen here, but PD[%u] is absent", fault->walk.pti,
            fault->walk.pti);
}

static const struct cause causes[] = {
    {ADDRESS(0), ADDRESS(PAGE_SIZE - 1), ABSENT, explain_null, NULL},
    {boot_stack_guard, boot_stack_bottom - 1, ABSENT, NULL,
     "stack guard: the page below the kernel stack; a stack overflow"},
    {fault_stack_guard, fault_stack_bottom - 1, ABSENT, NULL,
     "stack guard: the page below the double-fault stack; a stack overflow"},
    {kernel_start, text_end - 1, REFUSED_WRITE, NULL, "write to read-only text: the kernel's own code"},
    {rodata_start, rodata_end - 1, REFUSED_WRITE, NULL, "write to read-only data: a constant or a string"},
    {symtab_start, kernel_end - 1, REFUSED_WRITE, NULL, "write to read-only data: the kernel's symbol table"},
    {ADDRESS(SCRATCH_PAGE), ADDRESS(IDENTITY_END - 1), ABSENT, NULL,
     "scratch page: present only while vmem clears a new page table"},
    {ADDRESS(HEAP_POISON - POISON_REACH), ADDRESS(HEAP_POISON + POISON_REACH), ABSENT, explain_poison, NULL},
    {ADDRESS(FREE_START), ADDRESS(KHEAP_START - 1), ABSENT, NULL,
     "free range: nothing is mapped here but by `map`, or your own code"},
    {ADDRESS(KHEAP_START), ADDRESS(KHEAP_END - 1), ABSENT, explain_heap, NULL},
    {ADDRESS(DEVICES_START), ADDRESS(WINDOW_START - 1), ABSENT, NULL,
     "device range: no device is mapped here"},
    {ADDRESS(WINDOW_START), ADDRESS(0xFFFFFFFF), ABSENT, explain_table, NULL},
    {ADDRESS(0), ADDRESS(0xFFFFFFFF), ERROR_RESERVED, ERROR_RESERVED, NULL,
     "an entry has a reserved bit set: a damaged page table"},
    {ADDRESS(0), ADDRESS(0xFFFFFFFF), REFUSED_WRITE, NULL, "write to a page that is mapped read-only"},
    {ADDRESS(0), ADDRESS(0xFFFFFFFF), ABSENT, NULL,
     "an entry is absent that Quire never clears: a damaged page table"},
    {ADDRESS(0), ADDRESS(0xFFFFFFFF), ANY, NULL, "the entries allow it now: the TLB still held older ones"},
};

static bool applies(const struct cause *cause, const struct fault *fault) {
    return fault->address >= (uintptr_t)cause->first && fault->address <= (uintptr_t)cause->last &&
           (fault->error & cause->mask) == cause->value;
}

static void print_cause(const struct fault *fault) {
    const struct cause *cause = causes;

    while (!applies(cause, fault))
        cause++; /* the last applies to every fault */
    kprintf("  cause    ");
    if (cause->explain)
        cause->explain(fault);
    else
        kprintf("%s", cause->text);
    kprintf("\n");
    if (fault->fetch)
        kprintf("           it was to be executed: a bad function pointer or return address\n");
}

/* An entry of either level, its bits in words. */
static void print_entry(const char *level, unsigned index, unsigned entry, const char *of) {
    char label[16];

    format_buffer(label, sizeof(label), "%s[%u]", level, index);
    kprintf("  %-9s0x%08x: ", label, entry);
    if (!(entry & PTE_PRESENT)) {
        kprintf("absent\n");
        return;
    }
    kprintf("%s 0x%08x, %s, %s%s%s\n", of, entry & PTE_FRAME, entry & PTE_WRITE ? "writable" : "read-only",
            entry & PTE_USER ? "user" : "kernel", entry & PTE_ACCESSED ? ", accessed" : "",
            entry & PTE_DIRTY ? ", dirty" : "");
}

static void print_walk(const struct vmem_walk *walk) {
    kprintf("  split    PDI %u, PTI %u, offset 0x%03x\n", walk->pdi, walk->pti, walk->offset);
    print_entry("PD", walk->pdi, walk->pde, "table");
    if (walk->pde & PTE_PRESENT)
        print_entry("PT", walk->pti, walk->pte, "page");
}

static void print_attempt(const struct fault *fault) {
    const char *attempt = fault->fetch ? "fetch from" : fault->error & ERROR_WRITE ? "write to" : "read of";
    const char *refused = fault->error & ERROR_PRESENT ? "present but refused" : "not present";

    kprintf("page fault: %s 0x%08x, %s (error code 0x%x)\n", attempt, (unsigned)fault->address, refused,
            fault->error);
}

static void print_symbol(uintptr_t address) {
    char text[SYMBOL_TEXT];
    size_t offset;

    kprintf("  symbol   %s\n", symbol_at(address, &offset) ? symbol_text(address, text) : "none");
}

void page_fault_report(const struct trap_frame *frame, uintptr_t address) {
    struct fault fault = {.frame = frame, .address = address, .error = frame->error};
    char where[ADDRESS_TEXT];

    fault.fetch = address - frame->eip < INSTRUCTION_MAX && !(frame->error & ERROR_WRITE);
    vmem_walk((const void *)fault.address, &fault.walk);
    print_attempt(&fault);
    kprintf("  by       %s\n", address_text(frame->eip, where));
    print_walk(&fault.walk);
    print_symbol(fault.address);
    print_cause(&fault);
}
