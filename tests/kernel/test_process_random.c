/* Random trees of programs that map, touch, write, fork, execute, talk, sleep, exit, and are killed at any moment, with
 * memory and without: whatever they did, nothing is left of them. */
#include "process.h"

#include "../../kernel/process/process_inside.h"
#include "kmalloc.h"
#include "ktest.h"
#include "pm.h"
#include "puppet.h"
#include "space.h"
#include "string.h"
#include "support.h"

#define MAPS 0x203F0000u /* where the programs map, across the border of two page tables */
#define MAP_PAGES 32u
#define PROGRAMS_MOST 10
#define SIGUSR1 10

static unsigned calls, calls_most, kill_at_call, kill_at_fault, faults;
static bool wanting; /* memory has run out */

static size_t programs(void) {
    size_t n = 0;

    for (struct process *process = monitor.next; process != &monitor; process = process->next)
        n++;
    return n;
}

static int some_pid(void) {
    struct process *process = current;

    for (unsigned i = random_below(PROGRAMS_MOST); i; i--)
        process = process->next;
    return process == &monitor ? 0 : process->pid;
}

static unsigned some_page(unsigned pages) { return random_below(pages) * PAGE_SIZE; }
static unsigned some_word(void) { return random_below(PAGE_SIZE / 4) * 4; }
static unsigned buffer(void) { return PUPPET_AREA + some_page(PUPPET_AREA_PAGES - 4) + some_word(); }

/* Fills in a system call that is as good as any; its number. */
static unsigned choose(unsigned arg[6]) {
    static const unsigned protections[] = {0, PROT_READ, PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE};
    unsigned at = some_page(MAP_PAGES), bytes = some_page(MAP_PAGES - at / PAGE_SIZE) + PAGE_SIZE;

    arg[0] = MAPS + at;
    arg[1] = bytes;
    arg[2] = protections[random_below(ARRAY_SIZE(protections))];
    switch (random_below(22)) {
    case 0:
    case 1:
        arg[3] = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
        return SYS_MMAP2;
    case 2:
        arg[3] = MAP_PRIVATE | MAP_FIXED;
        arg[4] = 3 + random_below(4);
        return SYS_MMAP2;
    case 3:
        arg[0] = arg[3] = 0;
        arg[3] = MAP_PRIVATE | MAP_ANONYMOUS;
        return SYS_MMAP2;
    case 4:
        return SYS_MUNMAP;
    case 5:
        return SYS_MPROTECT;
    case 6:
        arg[0] = current->memory.brk + random_below(6 * PAGE_SIZE) - 2 * PAGE_SIZE;
        return SYS_BRK;
    case 7:
    case 8:
    case 9:
        return programs() < PROGRAMS_MOST ? SYS_FORK : SYS_SCHED_YIELD;
    case 10:
        arg[0] = SIGCHLD | CLONE_CHILD_SETTID | CLONE_PARENT_SETTID;
        arg[1] = 0;
        arg[2] = arg[4] = buffer();
        return programs() < PROGRAMS_MOST ? SYS_CLONE : SYS_SCHED_YIELD;
    case 11:
        arg[0] = PUPPET_NAME;
        arg[1] = arg[2] = PUPPET_ARGUMENTS;
        return SYS_EXECVE;
    case 12:
        return random_below(8) ? SYS_SCHED_YIELD : SYS_EXIT;
    case 13:
        arg[0] = random_below(32) ? (unsigned)some_pid() : (unsigned)-1;
        arg[1] = random_below(4) ? SIGUSR1 : SIGKILL;
        return SYS_KILL;
    case 14:
        arg[0] = (unsigned)-1;
        arg[1] = buffer();
        arg[2] = random_below(4) ? WNOHANG : 0;
        arg[3] = 0;
        return SYS_WAIT4;
    case 15:
        arg[0] = buffer();
        return SYS_PIPE;
    case 16:
    case 17:
        arg[0] = 3 + random_below(5);
        arg[1] = buffer();
        arg[2] = random_below(3 * PAGE_SIZE);
        return random_below(2) ? SYS_WRITE : SYS_READ;
    case 18:
        arg[0] = random_below(8);
        return SYS_CLOSE;
    case 19:
        arg[0] = PUPPET_NAME;
        arg[1] = 0;
        return SYS_OPEN;
    case 20:
        arg[0] = SIGUSR1;
        arg[1] = PUPPET_ACTION;
        arg[2] = 0;
        return SYS_RT_SIGACTION;
    default:
        arg[0] = random_below(8);
        arg[1] = 3 + random_below(5);
        return SYS_DUP2;
    }
}

static unsigned some_place(const struct trap_frame *frame) {
    switch (random_below(4)) {
    case 0:
        return PUPPET_AREA + some_page(PUPPET_AREA_PAGES) + some_word();
    case 1:
        return MAPS + some_page(MAP_PAGES) + some_word();
    case 2:
        return (current->memory.brk & ~3u) - PAGE_SIZE;
    default:
        return (frame->user_esp & ~3u) - some_page(4);
    }
}

/* Whether the program may touch VA, or, now and then, must end for it. */
static bool touches(unsigned va, bool write) {
    return (va >= STACK_END && va < STACK_TOP) ||
           space_allows((void *)va, 4, VMEM_USER | (write ? VMEM_WRITE : 0)) || random_below(100) == 0;
}

/* Whether the system call got no memory. (Where a handler is to run, VALUE is its argument.) */
static bool failed(unsigned number, const unsigned arg[6], int value) {
    if (number == 45)
        return arg[0] >= current->memory.brk_start && value != (int)arg[0] && value != SIGUSR1;
    return number != 125 && (value == -ENOMEM || value == -EFAULT); /* mprotect's means a gap */
}

static void call(struct trap_frame *frame) {
    unsigned arg[6] = {0}, number = ++calls > calls_most ? 1 : choose(arg);

    if (calls % 64 == 0)
        space_check();
    if (calls == kill_at_call)
        puppet_kill_all();
    int value = puppet_call(frame, number, arg);
    wanting |= failed(number, arg, value);
    bool write = random_below(2);
    unsigned place = some_place(frame);
    frame->ebp = touches(place, write) ? place : 0;
    frame->edi = write;
}

/* The kernel may be in the middle of a system call, or of loading a program. */
static void on_fault(const struct process_fault *fault) {
    (void)fault;
    if (++faults == kill_at_fault)
        puppet_kill_all();
}

/* Runs a tree until its root has ended, or TICKS have passed, or it has been killed; then ends what there is. */
static void grow_tree(unsigned ticks) {
    struct process *root;

    calls = faults = 0;
    wanting = false;
    process_on_fault(on_fault);
    int pid = puppet_start_with(call);
    for (; ticks && pid > 0 && (root = process_find(pid)) && root->state != ZOMBIE; ticks--)
        process_rest();
    puppet_end_all();
    process_on_fault(NULL);
    kmalloc_trim();
    wanting |= pid < 0 || find_text(puppet_said, "out of memory");
}

/* Every invariant of the spaces, with vmem's, of pm and of kmalloc. */
static void check_all(void) {
    space_check();
    pm_check();
    kmalloc_check();
}

KTEST(process_random_trees_leave_nothing)
{
    unsigned rounds = random_rounds(7, 1000);
    size_t free, kept;

    calls_most = 300;
    grow_tree(1);
    free = pm_count().free;
    kept = objects_live();
    for (unsigned i = 0; i < rounds; i++) {
        kill_at_call = random_below(2) ? 1 + random_below(200) : 0;
        kill_at_fault = random_below(2) ? 1 + random_below(100) : 0;
        grow_tree(1 + random_below(3));
        check_all();
        KCHECK_EQ(pm_count().free, free);
        KCHECK_EQ(objects_live(), kept);
    }
}

static bool tree_has_all(void *arg) {
    random_seed(*(unsigned *)arg);
    grow_tree(2);
    check_all();
    return !wanting;
}

KTEST(process_random_trees_out_of_memory_lose_nothing)
{
    unsigned seed = ktest_whole_suite() ? (unsigned)pm_count().total : 1,
             last = ktest_whole_suite() ? seed : seed + 9;

    calls_most = 120;
    kill_at_call = kill_at_fault = 0;
    for (; seed <= last; seed++) {
        size_t kept = objects_live();
        KCHECK_CALL(exhaust(tree_has_all, &seed, 5));
        KCHECK_EQ(objects_live(), kept);
    }
}
