/* The page fault in words: what was tried, how far the translation got, and the likely cause.
 *
 * The causes that the entries show come first. The processor keeps copies of entries in its TLB: a fault
 * where the live entries allow the access means that a copy was older, because somebody changed an entry and
 * did not flush its page. The window is mapped like any memory, so its own entries can be the stale ones;
 * what it shows is compared before and after a flush. Then a table is searched from its start: ranges of
 * addresses (include/memlayout.h) and error codes, with a sentence for each. */
#include "page_fault.h"

#include "cpu.h"
#include "format.h"
#include "heap_debug.h"
#include "kmalloc.h"
#include "log.h"
#include "memlayout.h"
#include "report.h"
#include "stack.h"
#include "symbols.h"

/* The error code (SDM vol. 3, figure 4-12). Without no-execute it has no fetch bit. */
#define ERROR_PRESENT 1u /* refused by a present entry; otherwise an entry was absent */
#define ERROR_WRITE 2u
#define ERROR_USER 4u     /* in ring 3 */
#define ERROR_RESERVED 8u /* an entry had a reserved bit set */

#define INSTRUCTION_MAX 15 /* bytes: SDM vol. 2, 2.3.11 */

static bool is_fetch(const struct page_fault *fault) {
    return fault->address - fault->eip < INSTRUCTION_MAX && !(fault->error & ERROR_WRITE);
}

/* ---- null pointers ---- */

static void explain_null(const struct page_fault *fault) {
    if (is_fetch(fault))
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

    for (*start = address & ~15u; *start > lowest; *start -= 16)
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

/* ---- what the entries show ---- */

static void explain_reserved(const struct page_fault *fault) {
    (void)fault;
    kprintf("an entry has a reserved bit set: a damaged page table");
}

static void explain_stale_window(const struct page_fault *fault) {
    kprintf("stale TLB entry for the window: it showed an older page table %u,\n"
            "           with PT[%u] 0x%08x; whoever changes PD[%u] must flush the table's\n"
            "           page in the window (flush_page, INVLPG) before using it",
            fault->walk.pdi, fault->walk.pti, fault->shown.pte, fault->walk.pdi);
}

static void explain_stale(const struct page_fault *fault) {
    (void)fault;
    kprintf("stale TLB entry: the entries above allow this, so the processor used an older\n"
            "           copy; whoever changes a present entry must flush its page\n"
            "           (flush_page, INVLPG)");
}

/* Whether the live entries allow the access, CR0.WP being set (SDM vol. 3, 4.6). */
static bool entries_allow(const struct page_fault *fault) {
    unsigned needed = PTE_PRESENT | (fault->error & ERROR_WRITE ? PTE_WRITE : 0) |
                      (fault->error & ERROR_USER ? PTE_USER : 0);

    return (fault->walk.pde & fault->walk.pte & needed) == needed;
}

static void explain_table(const struct page_fault *fault) {
    kprintf("window: page table %u would be seen here, but PD[%u] is absent", fault->walk.pti,
            fault->walk.pti);
}

static void explain_stack_guard(const struct page_fault *fault) {
    kprintf("stack guard: the page below the %s stack; a stack overflow",
            stack_guarded_at(fault->address)->name);
}

/* The cause that holds wherever the address lies, or NULL. */
typedef void explain_fn(const struct page_fault *fault);

static explain_fn *general_cause(const struct page_fault *fault) {
    if (fault->error & ERROR_RESERVED)
        return explain_reserved;
    if (fault->window_stale)
        return explain_stale_window;
    if (entries_allow(fault))
        return explain_stale;
    if (!(fault->error & ERROR_PRESENT) && stack_guarded_at(fault->address))
        return explain_stack_guard;
    return NULL;
}

/* ---- what the address tells ---- */

struct cause {
    const char *first, *last; /* the addresses it is about, both included */
    unsigned mask, value;     /* of the error code */
    explain_fn *explain;
    const char *text; /* where explain is NULL */
};

#define POISON_REACH 0x10000u /* a field of what a poisoned pointer leads to, or an element */

#define ABSENT ERROR_PRESENT, 0
#define USER ERROR_USER, ERROR_USER
#define USER_ABSENT (ERROR_PRESENT | ERROR_USER), ERROR_USER
#define KERNEL_ABSENT (ERROR_PRESENT | ERROR_USER), 0
#define REFUSED_WRITE (ERROR_PRESENT | ERROR_WRITE), (ERROR_PRESENT | ERROR_WRITE)
#define ADDRESS(a) ((const char *)(a))
#define EVERYWHERE ADDRESS(0), ADDRESS(0xFFFFFFFF)

static const struct cause causes[] = {
    {ADDRESS(0), ADDRESS(PAGE_SIZE - 1), ABSENT, explain_null, NULL},
    {ADDRESS(0), ADDRESS(FREE_START - 1), USER, NULL, "kernel memory: closed to programs"},
    {ADDRESS(KHEAP_START), ADDRESS(0xFFFFFFFF), USER, NULL, "kernel memory: closed to programs"},
    {ADDRESS(FREE_START), ADDRESS(KHEAP_START - 1), USER_ABSENT, NULL,
     "nothing is mapped here: a bad pointer, or past the end of an array or a stack"},
    {kernel_start, text_end - 1, REFUSED_WRITE, NULL, "write to read-only text: the kernel's own code"},
    {rodata_start, rodata_end - 1, REFUSED_WRITE, NULL, "write to read-only data: a constant or a string"},
    {symtab_start, kernel_end - 1, REFUSED_WRITE, NULL, "write to read-only data: the kernel's symbol table"},
    {ADDRESS(SCRATCH_PAGE), ADDRESS(IDENTITY_END - 1), ABSENT, NULL,
     "scratch page: present only while vmem clears a new page table"},
    {ADDRESS(HEAP_POISON - POISON_REACH), ADDRESS(HEAP_POISON + POISON_REACH), KERNEL_ABSENT, explain_poison,
     NULL},
    {ADDRESS(FREE_START), ADDRESS(KHEAP_START - 1), KERNEL_ABSENT, NULL,
     "free range: nothing is mapped here but by `map`, programs, your code"},
    {ADDRESS(KHEAP_START), ADDRESS(KHEAP_END - 1), ABSENT, explain_heap, NULL},
    {ADDRESS(DEVICES_START), ADDRESS(FRAMES_START - 1), ABSENT, NULL,
     "device range: no device is mapped here"},
    {ADDRESS(WINDOW_START), ADDRESS(0xFFFFFFFF), ABSENT, explain_table, NULL},
    {EVERYWHERE, REFUSED_WRITE, NULL, "write to a page that is mapped read-only"},
    {EVERYWHERE, ABSENT, NULL, "an entry is absent that Quire never clears: a damaged page table"},
    {EVERYWHERE, 0, 0, NULL, "the page is mapped for the kernel only"},
};

static bool applies(const struct cause *cause, const struct page_fault *fault) {
    return fault->address >= (uintptr_t)cause->first && fault->address <= (uintptr_t)cause->last &&
           (fault->error & cause->mask) == cause->value;
}

static void explain_by_address(const struct page_fault *fault) {
    const struct cause *cause = causes;

    while (!applies(cause, fault))
        cause++; /* the last applies to every fault */
    if (cause->explain)
        cause->explain(fault);
    else
        kprintf("%s", cause->text);
}

/* Prints the likely cause alone, from what FAULT says. */
void page_fault_print_cause(const struct page_fault *fault) {
    explain_fn *explain = general_cause(fault);

    kprintf("  cause    " CAUSE_INK);
    if (explain)
        explain(fault);
    else
        explain_by_address(fault);
    kprintf(PLAIN_INK "\n");
    if (is_fetch(fault))
        kprintf("           it was to be executed: a bad function pointer or return address\n");
}

/* ---- the report's first lines ---- */

/* Prints an entry of either level, its bits in words. */
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

static void print_attempt(const struct page_fault *fault) {
    const char *attempt = is_fetch(fault)              ? "fetch from"
                          : fault->error & ERROR_WRITE ? "write to"
                                                       : "read of";
    const char *refused = fault->error & ERROR_PRESENT ? "present but refused" : "not present";
    const char *ring = fault->error & ERROR_USER ? "user" : "kernel";

    kprintf("page fault: %s 0x%08x, %s (%s, error code 0x%x)\n", attempt, (unsigned)fault->address, refused,
            ring, fault->error);
}

static void print_symbol(uintptr_t address) {
    char text[SYMBOL_TEXT];
    size_t offset;

    kprintf("  symbol   %s\n", symbol_at(address, &offset) ? symbol_text(address, text) : "none");
}

/* Prints the report's first lines: the attempt, the walk, and the likely cause. */
void page_fault_print(const struct page_fault *fault) {
    char where[PLACE_TEXT];

    print_attempt(fault);
    if (fault->error & ERROR_USER)
        kprintf("  by       0x%08x, in the program\n", (unsigned)fault->eip);
    else
        kprintf("  by       %s\n", place_text(fault->eip, where));
    print_walk(&fault->walk);
    if (!(fault->error & ERROR_USER))
        print_symbol(fault->address);
    page_fault_print_cause(fault);
}

/* Walks to the page fault at ADDRESS that FRAME is about. */
struct page_fault page_fault_at(const struct trap_frame *frame, uintptr_t address) {
    struct page_fault fault = {.address = address, .error = frame->error, .eip = frame->eip, .frame = frame};

    vmem_walk((const void *)address, &fault.shown);
    flush_page((const void *)(WINDOW_START + fault.shown.pdi * PAGE_SIZE));
    vmem_walk((const void *)address, &fault.walk);
    fault.window_stale = fault.shown.pte != fault.walk.pte;
    return fault;
}
