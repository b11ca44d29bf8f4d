/* The runner's own tests: some fail on purpose, one way each. tests/boot/test_ktest.py runs them by name, and
 * reads what the runner says. */
#include "ktest.h"

#include "cpu.h"
#include "memlayout.h"
#include "panic.h"
#include "pm.h"
#include "vmem.h"

static volatile unsigned depth = 1;

static unsigned recur(unsigned n) {
    volatile unsigned room[32];

    room[0] = n;
    return depth ? recur(n + 1) + room[0] : 0;
}

KTEST(broken_by_a_check)
{ KCHECK_EQ(depth, 2); }

KTEST(broken_by_a_panic)
{ PANIC("on purpose: depth is %u", depth); }

KTEST(broken_by_a_fault)
{
    volatile unsigned *volatile field = (volatile unsigned *)0x10;

    *field = depth;
}

KTEST(broken_by_a_stack_overflow)
{ depth = recur(0); }

KTEST(broken_by_a_leak)
{ KCHECK(pm_alloc_page() != PADDR_NONE); }

KTEST(broken_by_nothing)
{ KCHECK_EQ(depth, 1); }

/* Changes the identity map behind vmem's back: vmem_check panics from then on. */
KTEST(broken_invariant)
{ write_entry((unsigned *)WINDOW_START + 0x200, 0x00201000 | PTE_PRESENT | PTE_WRITE); }

KTEST(broken_invariant_ends_the_run_before_this)
{ KCHECK_EQ(depth, 1); }
