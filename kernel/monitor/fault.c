/* The commands fault and fault!: one mistake of each kind, made for real.
 *
 * Each kind is a function of its own, so that the report names it. What C leaves undefined is done through
 * volatile objects: the compiler must not see through it, nor the sanitizer stop it. `fault` catches the
 * report, shows it, and undoes what the kind left behind; `fault!` lets it end as it would in the kernel's
 * own code. */
#include "catch.h"
#include "command.h"
#include "cpu.h"
#include "heap_debug.h"
#include "kmalloc.h"
#include "log.h"
#include "memlayout.h"
#include "monitor.h"
#include "panic.h"
#include "pm.h"
#include "string.h"
#include "trap.h"
#include "vmem.h"

/* The report must name the function: it is neither inlined nor checked. */
#define PROVOKES static __attribute__((noinline)) UNDEFINED_ON_PURPOSE

struct node {
    unsigned values[4];
    struct node *next;
    unsigned more[3];
};
_Static_assert(sizeof(struct node) == 32, "with heap=guard it ends where its page ends");

static volatile unsigned result;

/* Finds 4 MiB between FREE_START and the heap without a page table; NULL if there are none. */
static char *absent_area(void) {
    struct vmem_walk walk;

    for (uintptr_t va = FREE_START; va < KHEAP_START; va += TABLE_SPAN) {
        vmem_walk((void *)va, &walk);
        if (!(walk.pde & PTE_PRESENT))
            return (char *)va;
    }
    return NULL;
}

/* Finds an absent page there; NULL if there is none. */
static char *absent_page(void) {
    struct vmem_walk walk;

    for (uintptr_t va = FREE_START; va < KHEAP_START; va += PAGE_SIZE)
        if (!vmem_walk((void *)va, &walk))
            return (char *)va;
    return NULL;
}

/* ---- addresses ---- */

PROVOKES void provoke_null(void) {
    volatile struct node *volatile node = NULL;

    result = node->next != NULL; /* NOLINT(clang-analyzer-core.NullDereference): the fault */
}

PROVOKES void provoke_null_write(void) {
    volatile struct node *volatile node = NULL;

    node->values[1] = 1; /* NOLINT(clang-analyzer-core.NullDereference): the fault */
}

PROVOKES void provoke_text_write(void) {
    volatile unsigned *volatile code = (volatile unsigned *)(uintptr_t)monitor_execute;

    *code = 0;
}

static const unsigned a_constant = 42;

PROVOKES void provoke_rodata_write(void) {
    volatile unsigned *volatile constant = (volatile unsigned *)(uintptr_t)&a_constant;

    *constant = 43;
}

static volatile unsigned endless = 1;

PROVOKES unsigned provoke_stack_overflow(unsigned depth) {
    volatile unsigned room[32];

    room[depth % 32] = depth;
    return endless ? provoke_stack_overflow(depth + 1) + room[depth % 32] : 0;
}

static void start_stack_overflow(void) { result = provoke_stack_overflow(0); }

PROVOKES void provoke_unmapped(void) {
    const volatile unsigned *volatile nowhere = (volatile void *)absent_page();

    result = *nowhere;
}

/* The page table of an absent range, as the window would show it. */
PROVOKES void provoke_window(void) {
    volatile unsigned *volatile entry;
    struct vmem_walk walk;
    uintptr_t va = KHEAP_START;

    do
        va -= TABLE_SPAN;
    while (vmem_walk((void *)va, &walk) || walk.pde & PTE_PRESENT);
    entry = (volatile unsigned *)WINDOW_START + va / PAGE_SIZE;
    *entry = 0;
}

PROVOKES void provoke_jump(void) {
    void (*volatile function)(void) = (void (*)(void))(uintptr_t)absent_page();

    function();
    result++; /* without it the call would be a jump, and this function missing from the backtrace */
}

/* A page table is replaced as a kernel that forgets one flush would do it: the window still shows the old
 * table, so the new mapping is written there, and the processor does not see it. */
static struct {
    char *area; /* 4 MiB without a page table, before */
    pte_t *window;
    paddr_t new_table;
    pde_t old_pde;
} replaced;

static pde_t *replaced_pde(void) { return (pde_t *)DIRECTORY_WINDOW + pd_index(replaced.area); }

#define MAPPED_LAST 2 /* the page of the area that the mistake is about */

/* A clear frame for a page table; PADDR_NONE when there is no memory. */
static paddr_t clear_frame_at(char *va) {
    paddr_t frame;

    if (vmem_alloc_range(va, 1, VMEM_WRITE))
        return PADDR_NONE;
    memset(va, 0, PAGE_SIZE);
    vmem_translate(va, &frame);
    vmem_unmap(va);
    return frame;
}

static bool prepare_missing_flush(void) {
    replaced.area = absent_area();
    if (!replaced.area || vmem_alloc_range(replaced.area, 1, VMEM_WRITE))
        return false;
    replaced.new_table = clear_frame_at(replaced.area + PAGE_SIZE);
    if (replaced.new_table == PADDR_NONE) {
        vmem_free_range(replaced.area, 1);
        return false;
    }
    replaced.window = (pte_t *)(WINDOW_START + pd_index(replaced.area) * PAGE_SIZE);
    replaced.old_pde = *replaced_pde();
    return true;
}

PROVOKES void provoke_missing_flush(void) {
    volatile pte_t *window = replaced.window;
    char *va = replaced.area + MAPPED_LAST * PAGE_SIZE;
    pte_t entry = window[0]; /* the TLB now has the window's page */

    write_entry(replaced_pde(), entry_to(replaced.new_table, replaced.old_pde & ~PTE_FRAME));
    flush_page(replaced.area); /* and flush_page(window) is what is missing */
    window[MAPPED_LAST] = entry;
    result = *(volatile unsigned *)(void *)va;
}

static void restore_table(void) {
    write_entry(replaced_pde(), replaced.old_pde);
    flush_page(replaced.window);
    write_entry(&replaced.window[MAPPED_LAST], 0);
    flush_page(replaced.area + MAPPED_LAST * PAGE_SIZE);
    vmem_free_range(replaced.area, 1);
    pm_free_page(replaced.new_table);
}

/* ---- the heap ---- */

static struct node *volatile kept;

static bool prepare_object(void) {
    void *object = kmalloc(sizeof(struct node));

    kfree(object);
    return object != NULL;
}

PROVOKES void provoke_double_free(void) {
    kept = kmalloc(sizeof(struct node));
    kfree(kept);
    kfree(kept);
}

static void free_kept(void) { kfree(kept); }

PROVOKES void provoke_bad_free(void) {
    kept = kmalloc(sizeof(struct node));
    kfree(kept->values + 2);
}

static unsigned overwritten;

/* heap=guard faults at the write; heap=debug finds the damage in kfree. */
PROVOKES void provoke_heap_overflow(void) {
    volatile unsigned n = sizeof(struct node) / sizeof(unsigned);
    volatile unsigned *words = kmalloc(sizeof(struct node));

    kept = (struct node *)(uintptr_t)words;
    if (heap_mode() == HEAP_DEBUG)
        overwritten = words[n];
    words[n] = 0x0BADF00D;
    kfree((void *)(uintptr_t)words);
}

static void repair_and_free(void) {
    if (heap_mode() == HEAP_DEBUG)
        ((volatile unsigned *)kept)[sizeof(struct node) / sizeof(unsigned)] = overwritten;
    free_kept();
}

/* heap=guard faults at the first read; heap=debug at the use of what was read. */
PROVOKES void provoke_use_after_free(void) {
    struct node *volatile node = kmalloc(sizeof(struct node));

    kfree(node);
    result = node->next->values[0]; /* NOLINT(clang-analyzer-unix.Malloc): the fault */
}

PROVOKES void provoke_uninitialised(void) {
    struct node *volatile node = kmalloc(sizeof(struct node));

    kept = node;
    result = node->next->values[0];
}

/* ---- the processor ---- */

static volatile int zero;

PROVOKES void provoke_divide(void) {
    result = (unsigned)(1000 / zero);
}

PROVOKES void provoke_invalid_opcode(void) { __builtin_trap(); /* UD2 */ }

PROVOKES void provoke_gp(void) {
    ltr(0x1230);
    result++; /* as in provoke_jump */
}

/* Loads an IDT that ends behind the double fault's gate. A page fault cannot be delivered then, nor can the
 * general protection fault that results (SDM vol. 3, 6.15, table 6-5). The double fault's report loads the
 * IDT again. */
PROVOKES void provoke_double_fault(void) {
    struct descriptor_table idt;

    sidt(&idt);
    idt.limit = (TRAP_DOUBLE_FAULT + 1) * 8 - 1;
    lidt(&idt);
    provoke_null();
    result++; /* as in provoke_jump */
}

PROVOKES void provoke_int3(void) {
    breakpoint();
    result++; /* as in provoke_jump */
}

/* ---- the kernel's own checks ---- */

PROVOKES void provoke_assert(void) {
    volatile unsigned frames_taken = 3, frames_given_back = 2;

    ASSERT_OP(frames_given_back, ==, frames_taken);
}

PROVOKES void overrun(volatile char *text, size_t n) {
    for (size_t i = 0; i < n; i++)
        text[i] = 'A';
}

PROVOKES void provoke_canary(void) {
    volatile char text[16];

    overrun(text, sizeof(text) + 4);
    result = (unsigned)text[0];
}

/* ---- the kinds ---- */

enum needs { ANY_HEAP, DEBUG_OR_GUARD, DEBUG };

static const struct kind {
    const char *name, *what;
    void (*provoke)(void);
    enum needs needs;      /* the heaps that notice it */
    bool (*prepare)(void); /* comes first; false when there is no memory for it. May be NULL */
    void (*undo)(void);    /* puts back what the kind left behind; may be NULL */
} kinds[] = {
    {"null", "reads a field of a null struct", provoke_null, ANY_HEAP, NULL, NULL},
    {"null-write", "writes a field of a null struct", provoke_null_write, ANY_HEAP, NULL, NULL},
    {"text-write", "writes to the kernel's code", provoke_text_write, ANY_HEAP, NULL, NULL},
    {"rodata-write", "writes to a constant", provoke_rodata_write, ANY_HEAP, NULL, NULL},
    {"stack-overflow", "calls itself without end", start_stack_overflow, ANY_HEAP, NULL, NULL},
    {"unmapped", "reads where nothing is mapped", provoke_unmapped, ANY_HEAP, NULL, NULL},
    {"window", "writes an entry of a page table that is not there", provoke_window, ANY_HEAP, NULL, NULL},
    {"missing-flush", "replaces a page table without a flush of its page in the window",
     provoke_missing_flush, ANY_HEAP, prepare_missing_flush, restore_table},
    {"jump", "calls a function where nothing is mapped", provoke_jump, ANY_HEAP, NULL, NULL},
    {"double-free", "frees an object twice", provoke_double_free, ANY_HEAP, prepare_object, NULL},
    {"bad-free", "frees an address inside an object", provoke_bad_free, ANY_HEAP, prepare_object, free_kept},
    {"heap-overflow", "writes past an object's end", provoke_heap_overflow, DEBUG_OR_GUARD, prepare_object,
     repair_and_free},
    {"use-after-free", "follows a pointer in a freed object", provoke_use_after_free, DEBUG_OR_GUARD,
     prepare_object, NULL},
    {"uninitialised", "follows a pointer in a new object", provoke_uninitialised, DEBUG, prepare_object,
     free_kept},
    {"divide", "divides by zero", provoke_divide, ANY_HEAP, NULL, NULL},
    {"invalid-opcode", "runs an invalid instruction", provoke_invalid_opcode, ANY_HEAP, NULL, NULL},
    {"gp", "loads a selector beyond the GDT: general protection", provoke_gp, ANY_HEAP, NULL, NULL},
    {"double-fault", "faults where no fault can be delivered", provoke_double_fault, ANY_HEAP, NULL, NULL},
    {"int3", "a breakpoint: reported, and the kernel goes on", provoke_int3, ANY_HEAP, NULL, NULL},
    {"assert", "an assertion that does not hold", provoke_assert, ANY_HEAP, NULL, NULL},
    {"canary", "overruns an array on the stack", provoke_canary, ANY_HEAP, NULL, NULL},
};

static const char *kind_name(size_t i) { return i < ARRAY_SIZE(kinds) ? kinds[i].name : NULL; }

static void list_kinds(void) {
    static const char *const needs[] = {"", " (heap=debug or heap=guard)", " (heap=debug)"};

    for (const struct kind *kind = kinds; kind < kinds + ARRAY_SIZE(kinds); kind++)
        kprintf("  %-16s%s%s\n", kind->name, kind->what, needs[kind->needs]);
}

static bool heap_notices(const struct kind *kind) {
    if (kind->needs == DEBUG_OR_GUARD && heap_mode() == HEAP_NORMAL)
        command_error("%s needs the option heap=debug or heap=guard", kind->name);
    else if (kind->needs == DEBUG && heap_mode() != HEAP_DEBUG)
        command_error("%s needs the option heap=debug", kind->name);
    else
        return true;
    return false;
}

static bool is_prepared(const struct kind *kind) {
    if (!kind->prepare || kind->prepare())
        return true;
    command_error("%s needs memory, and there is none", kind->name);
    return false;
}

/* Finds the kind NAME and prepares it; NULL, after an error line, if it cannot be provoked. */
static const struct kind *find_kind(const char *name) {
    for (const struct kind *kind = kinds; kind < kinds + ARRAY_SIZE(kinds); kind++)
        if (!strcmp(kind->name, name))
            return heap_notices(kind) && is_prepared(kind) ? kind : NULL;
    command_error("there is no kind \"%.24s\": fault alone lists them", name);
    return NULL;
}

/* ---- the commands ---- */

static char report[6144];

/* An int3 only reports: what it prints is kept here, as a catch keeps a report. */
static void provoke_quietly(void *kind) {
    log_capture(report, sizeof(report));
    ((const struct kind *)kind)->provoke();
    log_capture_end();
}

COMMAND(CHECK, 1, fault, .arguments = "[KIND]", .most = 1, .candidate = kind_name,
        .help = "provoke a real fault and report it; alone: the kinds",
        .detail = "The report's lines begin with |. What the fault left behind is put back, and the prompt "
                  "returns. fault! does not catch it.",
        .example = "fault null")
{
    const struct kind *kind;

    if (!n) {
        list_kinds();
        return;
    }
    if (!(kind = find_kind(arg[0])))
        return;
    trap_catch(provoke_quietly, (void *)(uintptr_t)kind, report, sizeof(report), NULL);
    if (kind->undo)
        kind->undo();
    log_lines("| ", report);
}

COMMAND_NAMED(CHECK, 1, fault_uncaught, "fault!", .arguments = "KIND", .least = 1, .most = 1, .flags = LEAVES,
              .candidate = kind_name, .help = "provoke a real fault, and do not catch it",
              .detail =
                  "It ends as a fault in the kernel's own code does: the report, then QEMU exits, or the "
                  "last look begins (the option panic=stay). int3 only reports.",
              .example = "fault! null")
{
    const struct kind *kind = find_kind(arg[0]);

    if (kind)
        kind->provoke();
}
