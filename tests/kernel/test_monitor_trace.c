/* The tracer: what its lines say is compared with what the command did. */
#include "catch.h"
#include "format.h"
#include "heap_debug.h"
#include "kmalloc.h"
#include "ktest.h"
#include "memlayout.h"
#include "pm.h"
#include "says.h"
#include "string.h"
#include "support.h"
#include "trap.h"
#include "vmem.h"

/* Whether the command was run step by step. Otherwise only what the lab's kernel tells is shown (lab.h), or nothing. */
static bool was_stepped(void) { return find_text(said, "instructions in these calls"); }

KTEST(monitor_trace_sees_what_a_map_does)
{
    char *va = spare_area(1), line[80];
    unsigned pdi = pd_index(va), at = (unsigned)(uintptr_t)va;

    KCHECK(va);
    says("trace map 0x%08x 0x000b8000", at);
    if (find_text(said, "no single steps")) {
        says("unmap 0x%08x", at);
        KSKIP("this machine does not single-step");
    }
    bool stepped = was_stepped();
    if (stepped) {
        format_buffer(line, sizeof(line), "vmem_map(va 0x%08x, pa 0x000b8000", at);
        KCHECK(find_text(said, line));
        KCHECK(find_text(said, "pm_alloc_page() = 0x"));
        KCHECK(find_text(said, "flags writable) = 0\n") || find_text(said, "flags writable)\n"));
    } else {
        KCHECK(find_text(said, "vmem_map\n"));
        KCHECK(find_text(said, "link_table, mm/vmem.c:"));
    }
    KCHECK(find_text(said, "scratch page mapped\n"));
    KCHECK(find_text(said, "scratch page gone: 1024 stores\n"));
    KCHECK(find_text(said, "invlpg 0x003ff000"));
    format_buffer(line, sizeof(line), "PD[%u] 0x00000000 -> 0x", pdi);
    KCHECK(find_text(said, line));
    format_buffer(line, sizeof(line), "PD[%u] PT[0] 0x00000000 -> 0x000b8003  0x%08x mapped", pdi, at);
    KCHECK(find_text(said, line));
    KCHECK(find_text(said, "frames: 1 taken, 0 given back"));
    KCHECK(find_text(said, "tables: 1 linked, 0 unlinked; entries: 4 changed; flushes: 1"));

    says("trace unmap 0x%08x", at);
    format_buffer(line, sizeof(line), "PD[%u] PT[0] 0x000b8003 -> 0x00000000  0x%08x unmapped", pdi, at);
    KCHECK(find_text(said, line));
    format_buffer(line, sizeof(line), "invlpg 0x%08x  a table's page", WINDOW_START + pdi * PAGE_SIZE);
    KCHECK(find_text(said, line));
    KCHECK(find_text(said, "tables: 0 linked, 1 unlinked; entries: 2 changed; flushes: 2"));
    KCHECK(find_text(said, "frames: 0 taken, 1 given back"));
    KCHECK_EQ(times_said("1 frame back to pm\n"), stepped); /* not once for each call around it */
}

/* Whether the frame PA was shown, as a call's result or by itself. */
static bool has_shown(paddr_t pa) {
    char frame[40], call[40];

    format_buffer(frame, sizeof(frame), "frame 0x%08x from pm\n", pa);
    format_buffer(call, sizeof(call), "pm_alloc_page() = 0x%08x\n", pa);
    return find_text(said, frame) || find_text(said, call);
}

KTEST(monitor_trace_shows_each_frame_that_comes_from_pm)
{
    says("trace alloc 5000");
    unsigned name = number_behind("$", 10);
    uintptr_t va = number_behind("kmalloc = 0x", 16) & ~(uintptr_t)PAGE_MASK;
    paddr_t pa = PADDR_NONE;
    char line[80];

    if (!was_stepped()) {
        says("free $%u", name);
        KSKIP("this machine does not single-step");
    }
    KCHECK_EQ(times_said("pm_alloc_page() = ") + times_said(" from pm\n"), number_behind("frames: ", 10));
    for (unsigned i = 0; i < 2; i++) {
        KCHECK(vmem_translate((void *)(va + i * PAGE_SIZE), &pa));
        KCHECK(has_shown(pa));
        format_buffer(line, sizeof(line), "PD[%u] PT[%u] 0x00000000 -> 0x%08x", pd_index((void *)va),
                      pt_index((void *)va) + i, pa | PTE_PRESENT | PTE_WRITE);
        KCHECK(find_text(said, line));
    }
    says("free $%u", name);
}

#define TRACED_BYTES (300 * PAGE_SIZE)

/* True when what alloc has named lies in one page table. */
static bool lies_in_one_table(void) {
    uintptr_t first = number_in(naming_line(), " = 0x", 16);

    return pd_index((void *)first) == pd_index((void *)(first + TRACED_BYTES));
}

/* Whether vmem calls pm for each page, as plain ones do. */
static bool calls_pm_for_each_page(void) {
    says("trace alloc %u", 8 * PAGE_SIZE);
    unsigned calls = times_said("pm_alloc_page() = ");
    says("free $%u", number_in(naming_line(), "$", 10));
    kmalloc_trim();
    return calls >= 8;
}

/* The debugging heaps take more pages than these, and keep what is freed. */
KTEST(monitor_trace_folds_pages_alike)
{
    if (calls_pm_for_each_page())
        KSKIP("this kernel calls pm for each page: there are no pages alike in a row");
    size_t free = pm_count().free;
    char line[80];

    /* A second table would make two runs. The heap goes on behind the last place: a second try lies elsewhere. */
    says("trace alloc %u", TRACED_BYTES);
    for (unsigned tries = 0; tries < 4 && !lies_in_one_table(); tries++) {
        says("free $%u", number_in(naming_line(), "$", 10));
        kmalloc_trim();
        says("trace alloc %u", TRACED_BYTES);
    }
    unsigned name = number_behind("$", 10), taken = number_behind("frames: ", 10);
    if (!was_stepped()) {
        says("free $%u", name);
        KSKIP("this machine does not single-step");
    }
    if (number_behind("kmalloc = 0x", 16) & PAGE_MASK && !kmalloc_books_apart) {
        says("free $%u", name);
        KSKIP("this heap keeps its books beside its objects: the last page is not of the others' run");
    }
    unsigned folded = number_behind("... ", 10);
    uintptr_t first = number_behind("kmalloc = 0x", 16) & ~(uintptr_t)PAGE_MASK;
    KCHECK_EQ(taken, free - pm_count().free);
    KCHECK_EQ(number_behind("taken, ", 10), 0);
    KCHECK(folded >= 296);
    KCHECK_EQ(times_said(" from pm\n") + folded, taken - times_said("pm_alloc_page() = "));
    format_buffer(line, sizeof(line), "... %u more, up to 0x%08x\n", folded,
                  (unsigned)first + (folded + 3) * PAGE_SIZE);
    KCHECK(find_text(said, line));

    free = pm_count().free;
    says("trace free $%u", name);
    KCHECK_EQ(number_behind("frames: ", 10), 0);
    KCHECK_EQ(number_behind("taken, ", 10), pm_count().free - free);
    if (heap_mode() != HEAP_NORMAL)
        return;
    KCHECK_EQ(times_said(" unmapped\n"), 4);
    KCHECK(find_text(said, line));
    format_buffer(line, sizeof(line), "  %u frames back to pm\n", 300 + number_behind(" linked, ", 10));
    KCHECK(find_text(said, line));
}

static void trace_then_panic(void *arg) {
    (void)arg;
    says("trace alloc 100");
    trap_on_step((void (*)(struct trap_frame *))(uintptr_t)ktest_failing);
    kfree((void *)1);
}

KTEST(monitor_trace_is_over_when_a_report_comes)
{
    KCHECK_TRAPS(trace_then_panic, NULL, "cannot be freed");
    KCHECK(!trap_stepping());
    says("alloc 100");
    unsigned name = number_behind("$", 10);
    says("free $%u", name);
    says("free $%u", name - 1);
    KCHECK(find_text(said, "freed"));
}
