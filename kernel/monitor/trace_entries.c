/* What the traced command changes. A store into the window may change an entry: it is read before the store and after it,
 * and shown if it has changed, whatever stores a compiler may choose. Stores into the scratch page are counted, not shown. */
#include "cpu.h"
#include "log.h"
#include "memlayout.h"
#include "output.h"
#include "trace_inside.h"
#include "vmem.h"

static uintptr_t stored; /* the entry in the window that the last store may have changed, or 0 */
static unsigned value_before;
static unsigned scratch_stores; /* since the scratch page was mapped */

void trace_begin_entries(void) {
    stored = 0;
    scratch_stores = 0;
}

static bool readable_entry(uintptr_t entry) {
    paddr_t pa;

    return vmem_translate((const void *)entry, &pa);
}

static unsigned entry_value(uintptr_t entry) { return read_entry((const unsigned *)entry); }

static void directory_entry_changed(unsigned pdi, unsigned before, unsigned after) {
    bool is = after & PTE_PRESENT, was = before & PTE_PRESENT;

    trace_unfold();
    trace_sums.linked += is && !was;
    trace_sums.unlinked += was && !is;
    trace_begin_event();
    kprintf("%sPD[%u]%s 0x%08x -> 0x%08x  page table %u %s\n", ink(MAGENTA), pdi, ink(PLAIN), before, after,
            pdi,
            is && !was ? "linked"
            : is       ? "changed"
                       : "unlinked");
}

static void scratch_entry_changed(unsigned before, unsigned after) {
    trace_unfold();
    trace_begin_event();
    trace_print_entry_names(SCRATCH_PAGE, after & PTE_PRESENT);
    kprintf(" 0x%08x -> 0x%08x  scratch page ", before, after);
    if (after & PTE_PRESENT)
        kprintf("mapped\n");
    else
        kprintf("gone: %u stores\n", scratch_stores);
    scratch_stores = 0;
}

static void table_entry_changed(uintptr_t page, unsigned before, unsigned after) {
    bool is = after & PTE_PRESENT, was = before & PTE_PRESENT;

    if (is && !was && trace_takes(entry_frame(after)))
        trace_event((struct trace_event){FRAME_TAKEN, page, before, after & PTE_FRAME});
    trace_event((struct trace_event){is == was ? CHANGED : is ? MAPPED : UNMAPPED, page, before, after});
}

/* The last instruction may have changed an entry. */
void trace_look_at_entry(void) {
    uintptr_t entry = stored;

    stored = 0;
    if (!entry || !readable_entry(entry))
        return;
    unsigned after = entry_value(entry), before = value_before;
    uintptr_t page = (entry - WINDOW_START) / sizeof(pte_t) << PAGE_SHIFT;
    if (after == before)
        return;
    trace_sums.entries++;
    if (entry >= DIRECTORY_WINDOW)
        directory_entry_changed((entry - DIRECTORY_WINDOW) / sizeof(pde_t), before, after);
    else if (page == SCRATCH_PAGE)
        scratch_entry_changed(before, after);
    else
        table_entry_changed(page, before, after);
}

void trace_look_at_store(uintptr_t address) {
    address &= ~(uintptr_t)(sizeof(pte_t) - 1);
    scratch_stores += address >= SCRATCH_PAGE && address < SCRATCH_PAGE + PAGE_SIZE;
    if (address >= WINDOW_START && readable_entry(address)) {
        stored = address;
        value_before = entry_value(address);
    }
}

void trace_count_scratch_stores(unsigned n) { scratch_stores += n; }

void trace_flush(const struct effect *effect) {
    trace_sums.flushes++;
    if (effect->flushes == FLUSHES_PAGE) {
        trace_event((struct trace_event){FLUSHED, effect->operand & ~(uintptr_t)PAGE_MASK, 0, 0});
        return;
    }
    trace_unfold();
    trace_begin_event();
    kprintf("%smov to cr3%s 0x%08x  the whole TLB flushed\n", ink(YELLOW), ink(PLAIN),
            (unsigned)effect->operand);
}
