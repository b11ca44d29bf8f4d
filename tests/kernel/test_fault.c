/* Exceptions and panics: each kind is caught, and its report says what it was. */
#include "catch.h"
#include "cpu.h"
#include "descriptors.h"
#include "format.h"
#include "heap_debug.h"
#include "interrupt.h"
#include "kmalloc.h"
#include "ktest.h"
#include "log.h"
#include "memlayout.h"
#include "page_fault.h"
#include "panic.h"
#include "pm.h"
#include "stack.h"
#include "string.h"
#include "support.h"
#include "trap.h"
#include "vmem.h"

/* The mistakes, each in a function of its own, which the report must name. */

UNDEFINED_ON_PURPOSE static void read_word(void *va) { (void)*(volatile unsigned *)va; }

UNDEFINED_ON_PURPOSE static void write_word(void *va) { *(volatile unsigned *)va = 0x12345678; }

static void *word_below(const char *va) { return (void *)((uintptr_t)va - 4); }

static volatile unsigned calls_returned;

UNDEFINED_ON_PURPOSE static void call_function(void *va) {
    ((void (*)(void))va)();
    calls_returned++; /* keeps the call a call, and not a jump */
}

static void check_page_fault(void (*fn)(void *), void *va, const char *attempt, const char *cause) {
    KCHECK_TRAPS(fn, va, "page fault: ");
    KCHECK_EQ(ktest_vector, TRAP_PAGE_FAULT);
    KCHECK_REPORTED(attempt);
    KCHECK_REPORTED(cause);
    KCHECK_EQ(log_captures(), 0);
    KCHECK_EQ(read_eflags() & EFLAGS_IF, 0);
}

/* ---- page faults ---- */

KTEST(fault_null_pointer_read)
{
    KCHECK_CALL(check_page_fault(read_word, NULL, "read of 0x00000000", "null pointer"));
    KCHECK_REPORTED("not present");
    KCHECK_REPORTED("read_word");
    KCHECK_REPORTED("fault_null_pointer_read"); /* the backtrace */
}

KTEST(fault_write_to_a_null_structs_field)
{
    KCHECK_CALL(check_page_fault(write_word, (void *)0x10, "write to 0x00000010", "null pointer"));
    KCHECK_REPORTED("+0x10");
    KCHECK_REPORTED("write_word");
}

static void read_in_handler(void *va) {
    irqs_served = 1; /* the catch sets it back */
    read_word(va);
}

/* Where programs' pages come when they are touched: in an interrupt handler none does. */
KTEST(fault_in_an_interrupt_handler_is_a_page_fault_too)
{
    KCHECK_CALL(check_page_fault(read_in_handler, (void *)FREE_START, "read of 0x00400000", "free range"));
}

KTEST(fault_write_to_text)
{
    volatile unsigned *volatile text = (volatile unsigned *)(uintptr_t)ktest_run;
    unsigned before = *text;

    KCHECK_CALL(check_page_fault(write_word, (void *)(uintptr_t)text, "write to ", "read-only text"));
    KCHECK_REPORTED("refused");
    KCHECK_REPORTED("ktest_run");
    KCHECK_EQ(*text, before);
    KCHECK_CALL(check_page_fault(write_word, kernel_start, "write to 0x00100000", "read-only text"));
    KCHECK_CALL(check_page_fault(write_word, word_below(text_end), "write to ", "read-only text"));
}

static const unsigned a_constant = 0xC0457A47;

KTEST(fault_write_to_rodata)
{
    void *va = (void *)(uintptr_t)&a_constant;

    KCHECK_CALL(check_page_fault(write_word, va, "write to ", "read-only data"));
    KCHECK_REPORTED("a_constant");
    KCHECK_EQ(*(const volatile unsigned *)&a_constant, 0xC0457A47);
    KCHECK_CALL(check_page_fault(write_word, symtab_start, "write to ", "read-only data"));
}

KTEST(fault_free_range)
{
    char *va = spare_area(1);

    KCHECK(va);
    KCHECK_CALL(check_page_fault(read_word, va + 0x123, "read of 0x", "absent"));
    KCHECK_CALL(check_page_fault(write_word, va, "write to 0x", "free range"));
    KCHECK_EQ(vmem_alloc_range(va, 1, 0), 0); /* now there is a table: the walk goes one step further */
    KCHECK_CALL(check_page_fault(read_word, va + PAGE_SIZE, "not present", "free range"));
    KCHECK_REPORTED("PT[1]");
    KCHECK_CALL(check_page_fault(write_word, va, "refused", "read-only"));
    KCHECK_REPORTED("PT[0]");
    KCHECK_EQ(vmem_free_range(va, 1), 0);
}

KTEST(fault_scratch_page)
{ KCHECK_CALL(check_page_fault(read_word, (void *)SCRATCH_PAGE, "read of 0x003ff000", "scratch page")); }

KTEST(fault_stack_guards)
{
    KCHECK_CALL(check_page_fault(read_word, boot_stack_guard, "read of 0x", "stack guard"));
    KCHECK_CALL(check_page_fault(write_word, word_below(boot_stack_bottom), "write to 0x", "stack guard"));
    KCHECK_CALL(check_page_fault(read_word, fault_stack_guard, "read of 0x", "stack guard"));
}

KTEST(fault_heap_range_without_a_page_table_is_no_freed_page)
{
    char *va = (char *)0xE0000000; /* in the zone of large objects, which fills from below */
    struct vmem_walk walk;

    vmem_walk(va, &walk);
    if (walk.pde & PTE_PRESENT)
        KSKIP("the heap has grown this far");
    KCHECK_CALL(check_page_fault(read_word, va, "read of 0xe0000000", "kmalloc has nothing in these 4 MiB"));
    KCHECK(!find_text(ktest_report, "freed heap page"));
    KCHECK_CALL(check_page_fault(write_word, va, "write to 0xe0000000", "damaged pointer"));
}

KTEST(fault_freed_heap_page)
{
    char *kept = kmalloc(100000), *p = kmalloc(100000);

    KCHECK(kept && p);
    write_word(p + 50000);
    kfree(p);
    kmalloc_trim();
    KCHECK_CALL(check_page_fault(read_word, p + 50000, "read of 0x", "freed heap page"));
    KCHECK_CALL(check_page_fault(write_word, p, "write to 0x", "freed heap page"));
    kfree(kept);
}

KTEST(fault_behind_the_heaps_first_object)
{
    char *p[8];
    size_t n = 0, first = ARRAY_SIZE(p);

    if (heap_mode() != HEAP_NORMAL)
        KSKIP("needs the normal heap: this one has records");
    kmalloc_trim();
    for (; n < ARRAY_SIZE(p) && (p[n] = kmalloc(PAGE_SIZE)); n++)
        if (p[n] == (char *)KHEAP_START)
            first = n;
    for (size_t i = 0; i < n; i++)
        if (i != first)
            kfree(p[i]);
    kmalloc_trim();
    if (first < n) {
        KCHECK_CALL(check_page_fault(read_word, p[first] + PAGE_SIZE, "read of 0xc0001000",
                                     "object below: 4096 bytes at 0xc0000000; this is 0 bytes past"));
        kfree(p[first]);
    }
    KCHECK(first < n);
}

KTEST(fault_page_table_that_is_not_there)
{
    char *va = spare_area(1), words[80];

    KCHECK(va);
    char *window = (char *)WINDOW_START + pd_index(va) * PAGE_SIZE;
    format_buffer(words, sizeof(words), "window: page table %u would be seen here, but PD[%u] is absent", pd_index(va),
                  pd_index(va));
    KCHECK_CALL(check_page_fault(read_word, window, "read of 0xff", words));
    KCHECK_CALL(check_page_fault(write_word, window + 64, "write to 0xff", "window"));
}

/* ---- stale TLB entries ---- */

static char stale_text[512];

/* The cause that the report gives for a fault at VA with ERROR when the live entries are PDE and PTE. */
static const char *cause_with(const void *va, unsigned error, pde_t pde, pte_t pte) {
    struct page_fault fault = {
        .address = (uintptr_t)va, .error = error, .eip = KERNEL_START, .walk = {.pde = pde, .pte = pte}};

    log_capture(stale_text, sizeof(stale_text));
    page_fault_print_cause(&fault);
    log_capture_end();
    return stale_text;
}

#define READ_ABSENT 0u
#define WRITE_ABSENT 2u
#define WRITE_REFUSED 3u
#define USER_READ_REFUSED 5u
#define RESERVED_BIT 9u
#define FRAME_RO (0x00500000u | PTE_PRESENT)
#define FRAME_RW (FRAME_RO | PTE_WRITE)

KTEST(fault_that_the_live_entries_allow_is_a_stale_tlb_entry)
{
    void *const places[] = {(void *)0x00000010, kernel_start,        (void *)0x00400000,
                            (void *)0x5A5A5A5A, (void *)KHEAP_START, (void *)DEVICES_START,
                            (void *)0xFFC00000};

    for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
        KCHECK(find_text(cause_with(places[i], READ_ABSENT, FRAME_RW, FRAME_RO), "stale TLB entry"));
        KCHECK(find_text(cause_with(places[i], WRITE_ABSENT, FRAME_RW, FRAME_RW), "stale TLB entry"));
        KCHECK(find_text(cause_with(places[i], WRITE_REFUSED, FRAME_RW, FRAME_RW), "stale TLB entry"));
        KCHECK(find_text(stale_text, "flush_page"));
    }
}

KTEST(fault_that_the_live_entries_forbid_is_no_stale_tlb_entry)
{
    void *va = (void *)0x00400000;

    KCHECK(!find_text(cause_with(va, READ_ABSENT, FRAME_RW, 0), "stale"));
    KCHECK(!find_text(cause_with(va, WRITE_REFUSED, FRAME_RW, FRAME_RO), "stale"));
    KCHECK(find_text(stale_text, "read-only"));
    KCHECK(!find_text(cause_with(va, WRITE_REFUSED, FRAME_RO, FRAME_RW), "stale"));
    KCHECK(!find_text(cause_with(va, USER_READ_REFUSED, FRAME_RW, FRAME_RW), "stale"));
    KCHECK(find_text(stale_text, "for the kernel only"));
    KCHECK(!find_text(cause_with(va, RESERVED_BIT, FRAME_RW, FRAME_RW), "stale"));
    KCHECK(find_text(stale_text, "reserved bit"));
}

KTEST(fault_near_poison_is_poison_up_to_its_reach)
{
    char *poison = (char *)HEAP_POISON;

    KCHECK(find_text(cause_with(poison - POISON_REACH, READ_ABSENT, 0, 0), "poison: "));
    KCHECK(find_text(cause_with(poison + POISON_REACH, READ_ABSENT, 0, 0), "poison: "));
    KCHECK(find_text(cause_with(poison - POISON_REACH - 1, READ_ABSENT, 0, 0), "free range"));
    KCHECK(find_text(cause_with(poison + POISON_REACH + 1, READ_ABSENT, 0, 0), "free range"));
}

KTEST(fault_call_through_a_null_pointer)
{
    for (uintptr_t at = 0; at <= 8; at += 8)
        KCHECK_CALL(check_page_fault(call_function, (void *)at, "fetch from 0x0000000",
                                     "a function pointer that was never set was called"));
}

KTEST(fault_report_has_each_bit_of_the_entries)
{
    struct page_fault fault = {.address = 0x00400000, .error = WRITE_REFUSED, .eip = KERNEL_START};

    fault.walk = (struct vmem_walk){.pdi = 1, .pde = FRAME_RW | PTE_ACCESSED};
    fault.walk.pte = FRAME_RO | PTE_USER | PTE_ACCESSED | PTE_DIRTY;
    log_capture(stale_text, sizeof(stale_text));
    page_fault_print(&fault);
    log_capture_end();
    KCHECK(find_text(stale_text, "0x00500023: table 0x00500000, writable, kernel, accessed\n"));
    KCHECK(find_text(stale_text, "0x00500065: page 0x00500000, read-only, user, accessed, dirty\n"));
}

/* Where the heap keeps no records, the object below is looked for over many pages. */
KTEST(fault_pages_behind_an_object_names_it)
{
    char *p, words[100];

    if (heap_mode() != HEAP_NORMAL)
        KSKIP("needs the normal heap: this one has records");
    p = kmalloc(5 * PAGE_SIZE);
    KCHECK(p);
    format_buffer(words, sizeof(words), "object below: 20480 bytes at 0x%08x; this is 40963 bytes past its end",
                  (unsigned)(uintptr_t)p);
    KCHECK(find_text(cause_with(p + 15 * PAGE_SIZE + 3, READ_ABSENT, FRAME_RW, 0), words));
    kfree(p);
}

/* The cause of a fault at an address of poison, when the registers and the stack are as in FRAME. */
static const char *cause_of_poison(const struct trap_frame *frame) {
    struct page_fault fault = {.address = HEAP_POISON + 8, .eip = KERNEL_START, .frame = frame};

    log_capture(stale_text, sizeof(stale_text));
    page_fault_print_cause(&fault);
    log_capture_end();
    return stale_text;
}

/* The object has poison in its last word alone, and the pointer to it is in one register, or in the last word of the
 * stack that is looked at. */
KTEST(fault_poison_names_the_object_wherever_the_pointer_is)
{
    volatile unsigned stack[33] = {0};
    unsigned *object;
    struct trap_frame frame = {.esp_at_pusha = (unsigned)(uintptr_t)stack - 5 * 4};
    volatile unsigned *const registers[] = {&frame.eax, &frame.ecx, &frame.edx, &frame.ebx,
                                            &frame.esi, &frame.edi, &stack[31]};

    if (heap_mode() != HEAP_DEBUG)
        KSKIP("needs heap=debug");
    object = kmalloc(32);
    KCHECK(object);
    memset(object, 1, 28);
    for (size_t i = 0; i < ARRAY_SIZE(registers); i++) {
        *registers[i] = (unsigned)(uintptr_t)object + 4;
        KCHECK(find_text(cause_of_poison(&frame), "an object that was never initialised\n           the object: 32"));
        *registers[i] = 0;
    }
    stack[32] = (unsigned)(uintptr_t)object;
    KCHECK(find_text(cause_of_poison(&frame), "an object that was freed, or never initialised"));
    stack[0] = (unsigned)(uintptr_t)object;
    object[7] = 1;
    KCHECK(find_text(cause_of_poison(&frame), "an object that was freed, or never initialised"));
    kfree(object);
    KCHECK(find_text(cause_of_poison(&frame), "use after free: a pointer read from an object after kfree"));
}

/* A directory entry is changed without a flush of the table's page in the window. What is then written
 * through the window goes to the old table; the report must say so, and show the entry that the processor
 * saw. */
KTEST(fault_after_a_missing_flush_in_the_window)
{
    char *va = spare_area(1), words[40];
    volatile pte_t *window;
    pde_t *pde;
    paddr_t table;

    KCHECK(va);
    KCHECK_EQ(vmem_alloc_range(va, 1, VMEM_WRITE), 0);
    table = pm_alloc_page();
    KCHECK(table != PADDR_NONE);
    KCHECK_EQ(vmem_map(va + PAGE_SIZE, table, VMEM_WRITE), 0);
    memset(va + PAGE_SIZE, 0, PAGE_SIZE);
    pde = (pde_t *)DIRECTORY_WINDOW + pd_index(va);
    window = (pte_t *)(WINDOW_START + pd_index(va) * PAGE_SIZE);
    pde_t old = *pde;
    KCHECK(window[0] & PTE_PRESENT); /* now the TLB has the window's page */
    *pde = table | PTE_PRESENT | PTE_WRITE;
    flush_page(va);
    pte_t shown = window[0]; /* in the old table */
    bool caught = ktest_traps(read_word, va, "not present", __FILE__, __LINE__);
    *pde = old;
    flush_page((void *)(uintptr_t)window);
    KCHECK(caught);
    KCHECK(shown & PTE_PRESENT);
    KCHECK_REPORTED("stale TLB entry for the window");
    format_buffer(words, sizeof(words), "with PT[0] 0x%08x", shown);
    KCHECK_REPORTED(words);
    KCHECK_REPORTED("PT[0]    0x00000000: absent");
    KCHECK_EQ(vmem_unmap(va + PAGE_SIZE), 0);
    KCHECK_EQ(vmem_free_range(va, 1), 0);
    pm_free_page(table);
}

KTEST(fault_above_the_heap)
{
    paddr_t pa;

    if (vmem_translate((void *)(FRAMES_START - PAGE_SIZE), &pa))
        KSKIP("a device is mapped at the last page below the frame records");
    KCHECK_CALL(check_page_fault(read_word, (void *)(FRAMES_START - 8), "read of 0xff7ffff8", "device"));
}

KTEST(fault_fetch_from_an_absent_page)
{
    char *va = spare_area(1);

    KCHECK(va);
    KCHECK_CALL(check_page_fault(call_function, va + 0x40, "fetch from 0x", "execute"));
    KCHECK_REPORTED("call_function"); /* the caller: the faulting function has no frame */
    KCHECK_CALL(check_page_fault(call_function, NULL, "fetch from 0x00000000", "null pointer"));
    KCHECK_REPORTED("call_function");
}

KTEST(fault_word_across_a_page_names_the_absent_half)
{
    char *va = spare_area(1);
    char attempt[32];

    KCHECK(va);
    KCHECK_EQ(vmem_alloc_range(va, 1, VMEM_WRITE), 0);
    format_buffer(attempt, sizeof(attempt), "read of 0x%08x", (unsigned)(uintptr_t)va + PAGE_SIZE);
    KCHECK_CALL(check_page_fault(read_word, va + PAGE_SIZE - 2, attempt, "not present"));
    KCHECK_EQ(vmem_free_range(va, 1), 0);
}

/* ---- the stack ---- */

static volatile unsigned endless = 1;

static unsigned fill_stack(unsigned depth) {
    volatile unsigned room[64];

    room[0] = depth;
    return endless ? fill_stack(depth + 1) + room[0] : 0;
}

static void run_invalid_opcode(void *arg) {
    (void)arg;
    __builtin_trap(); /* UD2 */
}

static void overflow_stack(void *arg) {
    (void)arg;
    fill_stack(0);
}

KTEST(fault_stack_overflow_is_a_double_fault_on_its_own_stack)
{
    if (on_v86())
        KSKIP("v86 has no task switch at a double fault");
    for (unsigned i = 0; i < 3; i++) { /* the task can be entered again */
        KCHECK_TRAPS(overflow_stack, NULL, "double fault");
        KCHECK_EQ(ktest_vector, TRAP_DOUBLE_FAULT);
        KCHECK_REPORTED("stack overflow");
        KCHECK_REPORTED("fill_stack");
        KCHECK_EQ(log_captures(), 0);
    }
    KCHECK_CALL(check_page_fault(read_word, NULL, "read of 0x00000000", "null pointer")); /* as ever */
}

/* It need not be the recursive function that runs when the stack ends: the report names both. */
static __attribute__((noinline)) void use_more_stack(unsigned depth) {
    volatile unsigned room[600];

    room[depth % 600] = depth;
    calls_returned += room[depth % 600];
}

static unsigned recur_and_call(unsigned depth) {
    volatile unsigned room[32];

    use_more_stack(depth);
    room[0] = depth;
    return endless ? recur_and_call(depth + 1) + room[0] : 0;
}

static void overflow_in_a_call(void *arg) {
    (void)arg;
    recur_and_call(0);
}

KTEST(fault_stack_overflow_names_who_has_used_the_stack)
{
    if (on_v86())
        KSKIP("v86 has no task switch at a double fault");
    KCHECK_TRAPS(overflow_in_a_call, NULL, "kernel stack overflow in use_more_stack");
    KCHECK_REPORTED("most     used by recur_and_call: ");
}

/* An array of more than a page must not reach past the guard page. */
static unsigned fill_stack_by_pages(unsigned depth) {
    volatile char room[3 * PAGE_SIZE];

    room[0] = (char)depth;
    return endless ? fill_stack_by_pages(depth + 1) + (unsigned)room[0] : 0;
}

static void overflow_stack_by_pages(void *arg) {
    (void)arg;
    fill_stack_by_pages(0);
}

KTEST(fault_stack_overflow_by_a_large_array)
{
    if (on_v86())
        KSKIP("v86 has no task switch at a double fault");
    KCHECK_TRAPS(overflow_stack_by_pages, NULL, "kernel stack overflow in fill_stack_by_pages");
    KCHECK_EQ(ktest_vector, TRAP_DOUBLE_FAULT);
}

/* WRONG is called with LEFT bytes of the stack left. */
static struct {
    size_t left;
    void (*wrong)(void *arg);
} near_end;

static void panic_near_end(void *arg) { PANIC("near the end: %p", arg); }

static __attribute__((noinline)) void with_little_stack(void *arg) {
    size_t used = (size_t)((char *)__builtin_frame_address(0) - boot_stack_bottom) - near_end.left;
    volatile char *room = __builtin_alloca(used);

    room[0] = 0; /* keeps the array */
    near_end.wrong(arg);
    calls_returned++;
}

/* Goes down to the last word. A report needs none of the stack it is about; if not even the exception's frame
 * finds room, the overflow is reported. */
static void check_near_end(void (*wrong)(void *arg), const char *first, const char *function) {
    bool whole = false, overflown = false;

    near_end.wrong = wrong;
    for (near_end.left = 16; near_end.left < 512; near_end.left += 16) {
        KCHECK_TRAPS(with_little_stack, NULL, "backtrace");
        overflown |= find_text(ktest_report, "kernel stack overflow in ") != NULL;
        if (find_text(ktest_report, first))
            whole = true;
        else if (whole || !find_text(ktest_report, "kernel stack overflow in "))
            KCHECK(!ktest_failing());
        KCHECK_REPORTED("with_little_stack");
        KCHECK(!find_text(ktest_report, "while a report was being made"));
        KCHECK(!find_text(ktest_report, "overflow in exception_handled"));
    }
    KCHECK(whole && overflown);
    KCHECK_REPORTED(function);
}

KTEST(fault_near_the_stacks_end)
{
    if (on_v86())
        KSKIP("v86 has no task switch at a double fault");
    KCHECK_CALL(check_near_end(read_word, "page fault: read of 0x00000000", "read_word"));
    KCHECK_CALL(check_near_end(panic_near_end, "near the end", "panic_near_end"));
    KCHECK_CALL(check_near_end(run_invalid_opcode, "PANIC: invalid opcode", "run_invalid_opcode"));
}

static bool never_asked(const void *va, unsigned error) {
    (void)va, (void)error;
    calls_returned++;
    return false;
}

/* Faults outside the user part do not pass through the handler, which would need the stack. */
KTEST(fault_near_the_stacks_end_with_a_handler_for_page_faults)
{
    static const struct trap_handlers handlers = {.page_fault = never_asked};

    if (on_v86())
        KSKIP("v86 has no task switch at a double fault");
    const struct trap_handlers *before = trap_set_handlers(&handlers);
    check_near_end(read_word, "page fault: read of 0x00000000", "read_word");
    trap_set_handlers(before);
}

/* ---- a stack of one's own ---- */

/* Runs FN(ARG) on the stack that ends at TOP. FN must not return. */
static void run_on_stack(char *top, void (*fn)(void *), void *arg) {
    struct trap_frame *frame = (void *)(top - FRAME_KERNEL_SIZE - 4 * sizeof(unsigned));
    unsigned *call = (void *)((char *)frame + FRAME_KERNEL_SIZE);

    memset(frame, 0, FRAME_KERNEL_SIZE);
    frame->eip = (uintptr_t)fn;
    frame->cs = KERNEL_CS;
    call[0] = 0; /* FN's return address */
    call[1] = (uintptr_t)arg;
    trap_resume(frame);
}

static struct stack own = {.name = "worker"};

static void write_null_on_own_stack(void *arg) { run_on_stack((char *)(uintptr_t)own.top, write_word, arg); }

static void overflow_own_stack(void *arg) { run_on_stack((char *)(uintptr_t)own.top, overflow_stack, arg); }

#define OWN_STACK_PAGES 2

/* Registers a stack between two absent pages; false where there is no room. */
static bool make_own_stack(void) {
    char *va = spare_area(1);

    if (!va || vmem_alloc_range(va + PAGE_SIZE, OWN_STACK_PAGES, VMEM_WRITE))
        return false;
    own.bottom = va + PAGE_SIZE;
    own.top = own.bottom + OWN_STACK_PAGES * PAGE_SIZE;
    stack_register(&own);
    return true;
}

static bool free_own_stack(void) {
    stack_unregister(&own);
    return vmem_free_range((void *)(uintptr_t)own.bottom, OWN_STACK_PAGES) == 0;
}

KTEST(fault_on_a_registered_stack_is_reported_as_what_it_is)
{
    KCHECK(make_own_stack());
    KCHECK_CALL(check_page_fault(write_null_on_own_stack, NULL, "write to 0x00000000", "null pointer"));
    KCHECK_REPORTED("write_word");
    KCHECK(!find_text(ktest_report, "  stack    "));
    KCHECK(free_own_stack());
    KCHECK_TRAPS((void (*)(void *))stack_unregister, &own, "\"worker\"");
}

KTEST(fault_overflow_of_a_registered_stack_names_it)
{
    if (on_v86())
        KSKIP("v86 has no task switch at a double fault");
    KCHECK(make_own_stack());
    KCHECK_TRAPS(overflow_own_stack, NULL, "double fault: worker stack overflow in fill_stack");
    KCHECK_REPORTED("most     used by fill_stack: ");
    KCHECK(free_own_stack());
}

KTEST(fault_below_a_registered_stack_is_its_guard)
{
    KCHECK(make_own_stack());
    KCHECK_CALL(check_page_fault(write_word, word_below(own.bottom), "write to 0x", "stack guard"));
    KCHECK_REPORTED("worker stack");
    KCHECK(free_own_stack());
}

/* Without an absent page below it, only the report notices that the stack has overflowed. */
KTEST(fault_on_a_stack_that_has_overflowed_unnoticed)
{
    KCHECK(make_own_stack());
    own.bottom += PAGE_SIZE;
    own.top -= PAGE_SIZE; /* just above the page that now counts as the guard */
    bool caught = ktest_traps(write_null_on_own_stack, NULL, "null pointer", __FILE__, __LINE__);
    own.bottom -= PAGE_SIZE;
    own.top += PAGE_SIZE;
    KCHECK(caught);
    KCHECK_REPORTED("lies below the worker stack");
    KCHECK(free_own_stack());
}

/* ---- the other exceptions ---- */

static volatile int zero, result, dividend = 1000;

UNDEFINED_ON_PURPOSE static void divide_by_zero(void *arg) {
    (void)arg;
    result = dividend / zero;
}

static void load_bad_selector(void *arg) { load_fs((uint16_t)(uintptr_t)arg); }

static void check_exception(void (*fn)(void *), void *arg, int vector, const char *name,
                            const char *function) {
    KCHECK_TRAPS(fn, arg, name);
    KCHECK_EQ(ktest_vector, vector);
    KCHECK_REPORTED("PANIC: ");
    KCHECK_REPORTED(function);
    KCHECK_EQ(log_captures(), 0);
}

KTEST(fault_divide_error)
{ KCHECK_CALL(check_exception(divide_by_zero, NULL, TRAP_DIVIDE, "divide error", "divide_by_zero")); }

KTEST(fault_invalid_opcode)
{
    KCHECK_CALL(check_exception(run_invalid_opcode, NULL, TRAP_INVALID_OPCODE, "invalid opcode",
                                "run_invalid_opcode"));
}

KTEST(fault_general_protection)
{
    KCHECK_CALL(check_exception(load_bad_selector, (void *)0x1230, TRAP_GENERAL_PROTECTION,
                                "general protection", "load_bad_selector"));
    KCHECK_REPORTED("0x1230");
    KCHECK_CALL(check_exception(load_bad_selector, (void *)MAIN_TSS, TRAP_GENERAL_PROTECTION,
                                "general protection", "load_bad_selector"));
}

KTEST(fault_int3_reports_and_goes_on)
{
    static char report[2048];
    volatile unsigned before = 5, after = 0;

    log_capture(report, sizeof(report));
    breakpoint();
    after = before + 1;
    log_capture_end();
    KCHECK_EQ(after, 6);
    KCHECK(find_text(report, "breakpoint"));
    KCHECK(find_text(report, "fault_int3_reports_and_goes_on"));
    KCHECK(!find_text(report, "PANIC"));
}

/* ---- panics ---- */

static void panic_with_values(void *arg) { PANIC("seven is %d, arg is %p", 7, arg); }

static void fail_assertion(void *arg) { ASSERT(arg == NULL); }

static void fail_comparison(void *arg) { ASSERT_OP((uintptr_t)arg, <, 16u); }

KTEST(panic_prints_its_values_and_where)
{
    KCHECK_TRAPS(panic_with_values, (void *)0x1234, "seven is 7, arg is 0x00001234");
    KCHECK_REPORTED("PANIC: ");
    KCHECK_EQ(ktest_vector, -1);
    KCHECK_REPORTED("test_fault.c:");
    KCHECK_REPORTED("panic_with_values");
    KCHECK_REPORTED("panic_prints_its_values_and_where");
    KCHECK_REPORTED("eax");
}

KTEST(assertions_print_what_failed)
{
    fail_assertion(NULL);
    fail_comparison((void *)15);
    KCHECK_TRAPS(fail_assertion, (void *)1, "assertion failed: arg == NULL");
    KCHECK_TRAPS(fail_comparison, (void *)0x11, "0x11, 0x10");
}

static void do_nothing(void *arg) { *(unsigned *)arg = 0x900D; }

static void print_and_panic(void *arg) {
    (void)arg;
    log_capture(ktest_report + 2048, 64); /* a capture that the panic leaves open */
    PANIC("in a capture");
}

KTEST(catch_leaves_no_trace)
{
    char report[256] = "old";
    unsigned done = 0;
    int vector = 77;

    KCHECK(!trap_catch(do_nothing, &done, report, sizeof(report), &vector));
    KCHECK_EQ(done, 0x900D);
    KCHECK_EQ(report[0], '\0');
    KCHECK(trap_catch(print_and_panic, NULL, report, sizeof(report), NULL));
    KCHECK(find_text(report, "in a capture"));
    KCHECK_EQ(log_captures(), 0);
    KCHECK(trap_catch(panic_with_values, NULL, report, 12, &vector)); /* cut to its size */
    KCHECK_EQ(strlen(report), 11);
    KCHECK_EQ(vector, -1);
}

static char inner_report[512];

static void catch_and_panic(void *arg) {
    int vector = 0;

    if (trap_catch(read_word, arg, inner_report, sizeof(inner_report), &vector))
        PANIC("after vector %d", vector);
}

KTEST(catches_nest)
{
    KCHECK_TRAPS(catch_and_panic, NULL, "after vector 14");
    KCHECK(find_text(inner_report, "page fault: read of 0x00000000"));
    KCHECK_EQ(ktest_vector, -1);
    KCHECK_EQ(log_captures(), 0);
    KCHECK_TRAPS(read_word, NULL, "null pointer"); /* none is left armed */
}

/* ---- interrupts that nobody asked for ---- */

KTEST(fault_stray_interrupts_are_ignored)
{
    const struct trap_handlers *before = trap_set_handlers(NULL);

    software_interrupt(48); /* the first behind the PICs' lines */
    software_interrupt(TRAP_SYSCALL);
    software_interrupt(255); /* a local APIC's spurious one */
    trap_set_handlers(before);
    KCHECK_EQ(log_captures(), 0);
}
