/* The monitor's fault: provokes one mistake of each kind, for real.
 *
 * Each kind is a function of its own, so that the report names it. What is undefined in C is done through
 * volatile objects: the compiler must not see through it, nor the sanitizer stop it. */
#include "command.h"
#include "cpu.h"
#include "heap_debug.h"
#include "kmalloc.h"
#include "log.h"
#include "memlayout.h"
#include "monitor.h"
#include "panic.h"
#include "string.h"
#include "trap.h"
#include "vmem.h"

/* A function that the report is to name: neither inlined nor checked. */
#define PROVOKES static __attribute__((noinline)) UNDEFINED_ON_PURPOSE

struct node {
    unsigned values[4];
    struct node *next;
    unsigned more[3];
};
_Static_assert(sizeof(struct node) == 32, "with heap=guard it ends where its page ends");

static volatile unsigned result;

/* An absent page between FREE_START and the heap; or NULL. */
static char *absent_page(void) {
    struct vmem_walk walk;

    for (uintptr_t va = FREE_START; va < KHEAP_START; va += walk.pde & PTE_PRESENT ? PAGE_SIZE : IDENTITY_END)
        if (!vmem_walk((void *)va, &walk))
            return (char *)va;
    return NULL;
}

/* ---- addresses ---- */

PROVOKES void provoke_null(void) {
    volatile struct node *volatile node = NULL;

    result = node->next != NULL;
}

PROVOKES void provoke_null_write(void) {
    volatile struct node *volatile node = NULL;

    node->values[1] = 1;
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
    volatile unsigned *volatile nowhere = (volatile unsigned *)absent_page();

    result = *nowhere;
}

/* The page table of an absent range, as the window would show it. */
PROVOKES void provoke_window(void) {
    volatile unsigned *volatile entry;
    struct vmem_walk walk;
    uintptr_t va = KHEAP_START;

    do
        va -= ENTRIES_PER_TABLE * PAGE_SIZE;
    while (vmem_walk((void *)va, &walk) || walk.pde & PTE_PRESENT);
    entry = (volatile unsigned *)WINDOW_START + va / PAGE_SIZE;
    *entry = 0;
}

PROVOKES void provoke_jump(void) {
    void (*volatile function)(void) = (void (*)(void))(uintptr_t)absent_page();

    function();
    result++; /* or the call would be a jump, and this function gone from the backtrace */
}

/* ---- the heap ---- */

static struct node *volatile kept;

PROVOKES void provoke_double_free(void) {
    kept = kmalloc(sizeof(struct node));
    kfree(kept);
    kfree(kept);
}

PROVOKES void provoke_bad_free(void) {
    kept = kmalloc(sizeof(struct node));
    kfree(kept->values + 2);
}

/* heap=guard faults at the write, heap=debug finds it in kfree. */
PROVOKES void provoke_heap_overflow(void) {
    volatile unsigned *words = kmalloc(sizeof(struct node));
    volatile unsigned n = sizeof(struct node) / sizeof(unsigned);

    words[n] = 0x0BADF00D;
    kfree((void *)words);
}

/* heap=guard faults at the first read, heap=debug at the use of what was read. */
PROVOKES void provoke_use_after_free(void) {
    struct node *volatile node = kmalloc(sizeof(struct node));

    kfree(node);
    result = node->next->values[0];
}

PROVOKES void provoke_uninitialised(void) {
    struct node *volatile node = kmalloc(sizeof(struct node));

    result = node->next->values[0];
}

/* ---- the processor ---- */

PROVOKES void provoke_divide(void) {
    volatile int zero = 0;

    result = (unsigned)(1000 / zero);
}

PROVOKES void provoke_invalid_opcode(void) { __builtin_trap(); /* UD2 */ }

PROVOKES void provoke_gp(void) {
    ltr(0x1230);
    result++; /* as above */
}

/* An IDT that ends behind the double fault's gate: a page fault cannot be delivered, nor can that be
 * reported (SDM vol. 3, 6.15, table 6-5). */
PROVOKES void provoke_double_fault(void) {
    struct descriptor_table idt;

    sidt(&idt);
    idt.limit = (TRAP_DOUBLE_FAULT + 1) * 8 - 1;
    lidt(&idt);
    provoke_null();
    result++; /* as above */
}

PROVOKES void provoke_int3(void) {
    breakpoint();
    result++; /* as above */
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

/* ---- the command ---- */

static const struct kind {
    const char *name;
    void (*provoke)(void);
    enum { ANY_HEAP, DEBUG_OR_GUARD, DEBUG } needs;
    const char *what;
} kinds[] = {
    {"null", provoke_null, ANY_HEAP, "reads a field of a null struct"},
    {"null-write", provoke_null_write, ANY_HEAP, "writes a field of a null struct"},
    {"text-write", provoke_text_write, ANY_HEAP, "writes to the kernel's code"},
    {"rodata-write", provoke_rodata_write, ANY_HEAP, "writes to a constant"},
    {"stack-overflow", start_stack_overflow, ANY_HEAP, "calls itself without end"},
    {"unmapped", provoke_unmapped, ANY_HEAP, "reads where nothing is mapped"},
    {"window", provoke_window, ANY_HEAP, "writes an entry of a page table that is not there"},
    {"jump", provoke_jump, ANY_HEAP, "calls a function where nothing is mapped"},
    {"double-free", provoke_double_free, ANY_HEAP, "frees an object twice"},
    {"bad-free", provoke_bad_free, ANY_HEAP, "frees an address inside an object"},
    {"heap-overflow", provoke_heap_overflow, DEBUG_OR_GUARD, "writes past an object's end"},
    {"use-after-free", provoke_use_after_free, DEBUG_OR_GUARD, "follows a pointer in a freed object"},
    {"uninitialised", provoke_uninitialised, DEBUG, "follows a pointer in a new object"},
    {"divide", provoke_divide, ANY_HEAP, "divides by zero"},
    {"invalid-opcode", provoke_invalid_opcode, ANY_HEAP, "runs an instruction that is none"},
    {"gp", provoke_gp, ANY_HEAP, "loads a selector beyond the GDT: general protection"},
    {"double-fault", provoke_double_fault, ANY_HEAP, "faults where no fault can be delivered"},
    {"int3", provoke_int3, ANY_HEAP, "a breakpoint: reported, and the kernel goes on"},
    {"assert", provoke_assert, ANY_HEAP, "an assertion that does not hold"},
    {"canary", provoke_canary, ANY_HEAP, "overruns an array on the stack"},
};

static const char *kind_name(size_t i) { return i < ARRAY_SIZE(kinds) ? kinds[i].name : NULL; }

static void list_kinds(void) {
    static const char *const needs[] = {"", " (heap=debug or heap=guard)", " (heap=debug)"};

    for (const struct kind *kind = kinds; kind < kinds + ARRAY_SIZE(kinds); kind++)
        kprintf("  %-16s%s%s\n", kind->name, kind->what, needs[kind->needs]);
}

static bool heap_serves(const struct kind *kind) {
    if (kind->needs == DEBUG_OR_GUARD && heap_mode() == HEAP_NORMAL)
        command_error("%s needs the option heap=debug or heap=guard", kind->name);
    else if (kind->needs == DEBUG && heap_mode() != HEAP_DEBUG)
        command_error("%s needs the option heap=debug", kind->name);
    else
        return true;
    return false;
}

COMMAND(CHECK, 1, fault, .arguments = "[KIND]", .most = 1, .candidate = kind_name,
        .help = "a real fault; alone: the kinds there are",
        .detail = "int3 reports, and goes on. The others end in a report: then QEMU exits, or stays for "
                  "a last look (the option panic=stay).",
        .example = "fault null")
{
    if (!n) {
        list_kinds();
        return;
    }
    for (const struct kind *kind = kinds; kind < kinds + ARRAY_SIZE(kinds); kind++) {
        if (strcmp(kind->name, arg[0]))
            continue;
        if (heap_serves(kind))
            kind->provoke();
        return;
    }
    command_error("there is no kind \"%.24s\": fault alone lists them", arg[0]);
}
