/* Turns: who is woken when, what a program finds in its registers when it goes on, and the stacks that the kernel works on
 * meanwhile. */
#include "process.h"

#include "../../kernel/process/process_inside.h"
#include "cpu.h"
#include "cpuid.h"
#include "descriptors.h"
#include "heap_debug.h"
#include "kmalloc.h"
#include "ktest.h"
#include "memlayout.h"
#include "puppet.h"
#include "space.h"
#include "string.h"
#include "timer.h"
#include "vmem.h"

#define USR1 10u
#define BIT(signal) (1u << ((signal)-1))

/* ---- waking ---- */

/* Whether CHILD is woken by an interrupt while it waits, without a limit or until the tick LATER ticks from now. */
static bool wakes(struct process *child, bool timed, int later) {
    child->state = WAITING;
    child->context.timed = timed;
    child->context.wake_at = timer_ticks() + (unsigned)later;
    schedule_interrupted();
    return child->state == RUNNABLE;
}

static void interrupts(void) {
    struct process *child;

    KCHECK((child = process_find(CALL(SYS_FORK))));
    KCHECK(!wakes(child, false, -1) && !wakes(child, false, 0) && !wakes(child, false, 1));
    KCHECK(!wakes(child, true, 1) && !wakes(child, true, INT32_MAX));
    KCHECK(wakes(child, true, 0) && wakes(child, true, -1) && wakes(child, true, -INT32_MAX));
    struct process *other; /* both at one tick */
    KCHECK((other = process_find(CALL(SYS_FORK))));
    other->state = WAITING;
    other->context.timed = true;
    other->context.wake_at = timer_ticks();
    KCHECK(wakes(child, true, 0) && other->state == RUNNABLE);
    current->context.timed = false; /* whoever runs */
    monitor.state = WAITING;
    schedule_interrupted();
    KCHECK_EQ(monitor.state, RUNNABLE);
}

KTEST(process_that_waits_is_woken_at_its_tick)
{ puppet_checks(interrupts); }

/* What becomes of the child, in STATE and waiting for CHANNEL, when WOKEN is woken. */
static enum state after_wake(struct process *child, enum state state, const void *channel,
                             const void *woken) {
    child->state = state;
    child->context.channel = channel;
    schedule_wake(woken);
    enum state found = child->state;
    child->state = RUNNABLE;
    return found;
}

static void channels(void) {
    struct process *child, *other;
    int mine, another;

    KCHECK((other = process_find(CALL(SYS_FORK))));
    KCHECK((child = process_find(CALL(SYS_FORK))));
    KCHECK_EQ(after_wake(child, WAITING, &mine, &mine), RUNNABLE);
    KCHECK_EQ(after_wake(other, WAITING, &mine, &mine), RUNNABLE);
    KCHECK_EQ(after_wake(child, WAITING, &mine, &another), WAITING);
    KCHECK_EQ(after_wake(child, WAITING, NULL, &another), WAITING);
    child->context.timed = true; /* whatever comes first */
    KCHECK_EQ(after_wake(child, WAITING, &mine, &mine), RUNNABLE);
    child->context.timed = false;
    KCHECK_EQ(after_wake(child, ZOMBIE, &mine, &mine), ZOMBIE);
    child->state = other->state = WAITING;
    child->context.channel = other->context.channel = &mine;
    schedule_wake(&mine); /* all that wait for it */
    KCHECK(child->state == RUNNABLE && other->state == RUNNABLE);
    child->state = WAITING;
    KCHECK_EQ(CALL(SYS_KILL, (unsigned)child->pid, SIGCHLD), 0); /* ignored */
    KCHECK_EQ(child->state, WAITING);
    child->signals.blocked = BIT(USR1);
    KCHECK_EQ(CALL(SYS_KILL, (unsigned)child->pid, USR1), 0);
    KCHECK_EQ(child->state, WAITING);
    KCHECK_EQ(CALL(SYS_KILL, (unsigned)child->pid, SIGKILL), 0);
    KCHECK_EQ(child->state, RUNNABLE);
}

KTEST(process_is_woken_by_its_channel_and_by_signals)
{ puppet_checks(channels); }

/* ---- turns ---- */

static unsigned turns[4]; /* the calls of those with PIDs from FIRST on */
static int first;

/* Gives up the turn; after the last one ends, once all children have ended. */
static void yield_or_end(struct trap_frame *frame, bool last) {
    static const unsigned none[6], any[6] = {(unsigned)-1};

    while (last && puppet_call(frame, SYS_WAITPID, any) > 0)
        ;
    puppet_call(frame, last ? SYS_EXIT : SYS_SCHED_YIELD, none);
}

/* The first has three children. Each makes 8 calls, and gives up its turn in each. */
static void take_turns(struct trap_frame *frame) {
    static const unsigned none[6];
    const unsigned i = (unsigned)(current->pid - first);

    for (unsigned child = 0; i == 0 && turns[0] == 0 && child < 3; child++)
        puppet_call(frame, SYS_FORK, none);
    for (unsigned other = 0; other < 4; other++) /* in ring 3 one may lose a turn to the timer */
        if (turns[i] > turns[other] + 3)
            ktest_fail(__FILE__, __LINE__, "process %u has had %u turns, process %u only %u", i, turns[i],
                       other, turns[other]);
    yield_or_end(frame, ++turns[i] == 8);
}

KTEST(process_turns_go_round)
{
    for (unsigned i = 0; i < 4; i++)
        turns[i] = 0;
    first = last_pid + 1;
    puppet_run(take_turns, &first);
    KCHECK(turns[0] == 8 && turns[1] == 8 && turns[2] == 8 && turns[3] == 8);
}

/* Counts in its memory, for ever. */
static void count(struct trap_frame *frame) {
    static const uint8_t counting[] = {0xFF, 0x45, 0, 0xEB, 0xFB}; /* 1: incl (%ebp); jmp 1b */

    memcpy((char *)PUPPET_AREA, counting, sizeof(counting));
    if (current->pid == first)
        puppet_call(frame, SYS_FORK, (const unsigned[6]){0});
    frame->eip = PUPPET_AREA;
    frame->ebp = PUPPET_AREA + PAGE_SIZE;
}

/* What PID has counted to. */
static unsigned counted(int pid) {
    unsigned n = 0;

    if (process_enter(pid) && space_allows((void *)(PUPPET_AREA + PAGE_SIZE), sizeof(n), 0))
        n = *(unsigned *)(PUPPET_AREA + PAGE_SIZE);
    process_leave();
    return n;
}

/* Neither of two that make no call keeps the other from its turn. */
KTEST(process_turns_come_by_the_timer)
{
    unsigned at[2] = {0}, changes[2] = {0};

    first = last_pid + 1;
    KCHECK_EQ(puppet_start_with(count), first);
    for (unsigned i = 0; i < 1000 && (changes[0] < 3 || changes[1] < 3); i++) {
        process_rest();
        for (int who = 0; who < 2; who++)
            if (counted(first + who) != at[who]) {
                at[who] = counted(first + who);
                changes[who]++;
            }
    }
    puppet_end_all();
    KCHECK(changes[0] >= 3 && changes[1] >= 3);
}

/* ---- registers ---- */

#define FXSR (1u << 24) /* CPUID.1:EDX */
#define SSE (1u << 25)
#define CODE PUPPET_AREA
#define WORDS (PUPPET_AREA + PAGE_SIZE) /* thread-local storage: the parent's word, the child's */
#define STACK (PUPPET_AREA + 8 * PAGE_SIZE)

/* 1: mov %fs:0, %eax; int $0x80; jmp 1b */
static const uint8_t code[] = {0x64, 0xA1, 0, 0, 0, 0, 0xCD, 0x80, 0xEB, 0xF6};

#define XMM0 160 /* in what FXSAVE stores (SDM vol. 1, 10.5.1) */

/* What tells one program's registers from another's: the x87's control word, GS, and the word that %fs:0 is
 * and XMM0 begins with. */
struct mark {
    unsigned control, gs, word;
};

static const struct mark marks[] = {
    {0x027F, USER_TLS, 0x1111}, {0x007F, USER_DS, 0x2222}, {0x027F, USER_DS, 0x3333}};

static void set_registers(const struct mark *mark, uintptr_t tls) {
    struct fpu_state state;

    fpu_reset(&state);
    state.bytes[0] = (uint8_t)mark->control;
    state.bytes[1] = (uint8_t)(mark->control >> 8);
    memcpy(&state.bytes[XMM0], &mark->word, sizeof(mark->word));
    fpu_load(&state);
    trap_set_tls(current->context.tls = tls);
    load_fs(USER_TLS);
    load_gs((uint16_t)mark->gs);
}

/* Of a saved state, wherever it lies. */
static unsigned control_of(const uint8_t *bytes) { return bytes[0] | (unsigned)bytes[1] << 8; }

static unsigned control(void) {
    struct fpu_state state;

    fpu_save(&state);
    return control_of(state.bytes);
}

/* The first word of XMM0; WANTED where there is none. */
static unsigned xmm0_or(unsigned wanted) {
    struct fpu_state state;
    unsigned word;

    fpu_save(&state);
    memcpy(&word, &state.bytes[XMM0], sizeof(word));
    return cpu_features() & SSE ? word : wanted;
}

static bool has_registers(const struct mark *mark) {
    return control() == mark->control && read_fs() == USER_TLS && read_gs() == mark->gs &&
           xmm0_or(mark->word) == mark->word;
}

static int parent;
static unsigned rounds[2];
static const struct mark *of_child;

/* Parent and child run CODE in turn. The child begins with its parent's registers. */
static void keep_registers(struct trap_frame *frame) {
    static const unsigned none[6];
    const unsigned i = current->pid != parent, round = rounds[i]++;
    const struct mark *mark = i && round > 0 ? of_child : marks;

    if (i == 0 && round == 0) {
        memcpy((char *)CODE, code, sizeof(code));
        ((unsigned *)WORDS)[0] = marks->word;
        ((unsigned *)WORDS)[1] = of_child->word;
        set_registers(mark, WORDS);
        frame->eip = CODE;
        puppet_call(frame, SYS_FORK, none);
        return;
    }
    if (!has_registers(mark) || frame->eax != mark->word)
        ktest_fail(__FILE__, __LINE__,
                   "round %u of process %u: control word 0x%x, FS 0x%x, GS 0x%x, its word 0x%lx", round, i,
                   control(), read_fs(), read_gs(), (unsigned long)frame->eax);
    if (i == 1 && round == 0)
        set_registers(of_child, WORDS + 4);
    yield_or_end(frame, round == 8);
    if (!has_registers(i ? of_child : marks))
        ktest_fail(__FILE__, __LINE__, "round %u of process %u: its registers after its turn", round, i);
}

KTEST(process_registers_go_with_their_program)
{
    /* the last one's x87 is as the parent's */
    for (of_child = &marks[1]; of_child < marks + ARRAY_SIZE(marks); of_child++) {
        rounds[0] = rounds[1] = 0;
        parent = last_pid + 1;
        puppet_run(keep_registers, &parent);
        KCHECK(rounds[0] == 9 && rounds[1] == 9);
    }
}

static unsigned fs_found, word_found;

/* The parent has thread-local storage, the child none: it finds FS as 0, and the segment begins at 0. */
static void follow_without_storage(struct trap_frame *frame) {
    static const unsigned none[6];

    if (current->pid == parent) {
        *(unsigned *)WORDS = 0x1111;
        set_registers(&marks[0], WORDS);
        struct process *child = process_find(puppet_call(frame, SYS_FORK, none));
        child->context.tls = child->context.fs = 0;
        yield_or_end(frame, true);
    }
    fs_found = read_fs();
    load_fs(USER_TLS);
    __asm__ volatile("movl %%fs:(%1), %0" : "=r"(word_found) : "r"(WORDS));
    puppet_call(frame, SYS_EXIT, none);
}

KTEST(process_without_thread_local_storage_finds_none)
{
    fs_found = word_found = 7;
    parent = last_pid + 1;
    puppet_run(follow_without_storage, &parent);
    KCHECK_EQ(fs_found, 0);
    KCHECK_EQ(word_found, 0x1111);
}

static unsigned served;

/* With segments for data that begin elsewhere a program waits for an interrupt, after which it has the usual ones; and makes
 * a call with them. */
static void use_other_segments(struct trap_frame *frame) {
    /* mov $USER_TLS, %eax; mov %eax, %ds; mov %eax, %es; 1: mov %ds, %edx; cmp %eax, %edx; je 1b; mov %eax, %ds;
     * mov %eax, %es; int $0x80 */
    static const uint8_t other[] = {0xB8, USER_TLS, 0,    0,    0,    0x8E, 0xD8, 0x8E, 0xC0, 0x8C, 0xDA,
                                    0x39, 0xC2,     0x74, 0xFA, 0x8E, 0xD8, 0x8E, 0xC0, 0xCD, 0x80};

    if (served++ == 0) {
        memcpy((char *)CODE, other, sizeof(other));
        trap_set_tls(current->context.tls = 0x10000000);
        frame->eip = CODE;
        return;
    }
    word_found = (unsigned)puppet_call(frame, SYS_UNAME, (const unsigned[6]){WORDS});
    puppet_call(frame, SYS_EXIT, (const unsigned[6]){7});
}

KTEST(process_with_other_segments_is_served)
{
    served = 0;
    word_found = 7;
    KCHECK_EQ(puppet_status(use_other_segments), 7 << 8);
    KCHECK_EQ(word_found, 0);
}

static void is_running(void) { KCHECK(process_runs_program()); }

KTEST(process_or_monitor_has_the_turn)
{
    KCHECK(!process_runs_program());
    puppet_checks(is_running);
    KCHECK(!process_runs_program());
}

static void execute(void) {
    struct fpu_state fresh;

    fpu_reset(&fresh);
    set_registers(&marks[1], WORDS);
    EXPECT(0, SYS_EXECVE, PUPPET_NAME);
    KCHECK(control() == control_of(fresh.bytes) && read_fs() == 0 && read_gs() == 0);
    KCHECK_EQ(control(), 0x037F); /* as after FNINIT */
    KCHECK_EQ(xmm0_or(0), 0);
    KCHECK(!(cpu_features() & SSE) || read_cr4() & CR4_OSFXSR); /* QEMU has no such bit without SSE */
    KCHECK_EQ(current->context.tls, 0);
}

KTEST(process_exec_begins_with_fresh_registers)
{ puppet_checks(execute); }

static void leave_registers(void) {
    struct fpu_state state;

    set_registers(&marks[1], WORDS);
    fpu_save(&state);
    memset(&state.bytes[XMM0], 'x', 16);
    fpu_load(&state);
}

static void find_registers(void) {
    struct fpu_state state;

    KCHECK(control() == 0x037F && read_fs() == 0 && read_gs() == 0);
    fpu_save(&state);
    for (unsigned i = 0; cpu_features() & FXSR && i < 16; i++)
        KCHECK_EQ(state.bytes[XMM0 + i], 0);
}

KTEST(process_start_begins_with_fresh_registers)
{
    puppet_checks(leave_registers);
    puppet_checks(find_registers);
}

static struct process *record; /* of the program that ran last */
static bool same;

static void leave_registers_and_record(void) {
    record = current;
    leave_registers();
}

static void find_registers_in_record(void) {
    same |= current == record;
    find_registers();
}

/* Runs a program, and then one that can have its record: what is in the way is taken, and another object beside it, so
 * that its page stays as it is. */
static void start_again(void) {
    void *taken[64], *beside;
    size_t n = 0;

    puppet_checks(leave_registers_and_record);
    while (n < ARRAY_SIZE(taken) && (taken[n] = kmalloc(sizeof(*record))) && taken[n] != record)
        n++;
    beside = kmalloc(sizeof(*record));
    if (n < ARRAY_SIZE(taken))
        kfree(taken[n]);
    puppet_checks(find_registers_in_record);
    kfree(beside);
    while (n)
        kfree(taken[--n]);
}

KTEST(process_start_begins_with_fresh_registers_where_another_left_them)
{
    same = false;
    for (unsigned i = 0; i < 3; i++) /* the first time, the page may be full with the record */
        start_again();
    KCHECK(same || heap_mode() != HEAP_NORMAL); /* the debugging heaps keep what was freed */
}

/* The segment of thread-local storage begins at 0 again: the program reads at WORDS by it. */
static void execute_and_read(struct trap_frame *frame) {
    static const uint8_t reading[] = {0x64,        0xA1, WORDS & 0xFF, WORDS >> 8 & 0xFF, WORDS >> 16 & 0xFF,
                                      WORDS >> 24, 0xCD, 0x80};

    if (word_found == 0) {
        set_registers(&marks[1], WORDS);
        puppet_call(frame, SYS_EXECVE, (const unsigned[6]){PUPPET_NAME});
        memcpy((char *)CODE, reading, sizeof(reading));
        *(unsigned *)WORDS = 0x3333;
        load_fs(USER_TLS);
        frame->eip = CODE;
        word_found = 1;
        return;
    }
    word_found = frame->eax;
    puppet_call(frame, SYS_EXIT, (const unsigned[6]){0});
}

KTEST(process_exec_takes_thread_local_storage_away)
{
    int pid;

    word_found = 0;
    puppet_run(execute_and_read, &pid);
    KCHECK_EQ(word_found, 0x3333);
}

/* A handler has the x87's and SSE's registers as a program does that begins, and may change them; then all are again what
 * the frame says, whatever that is. */
static void interrupt_floats(void) {
    struct fpu_state now;
    const size_t frame_bytes = 4 * 4 + sizeof(struct siginfo) + 5 * 4 + sizeof(struct sigcontext) + 2 * 4 + 8;

    memcpy((char *)CODE, (const unsigned[5]){0x1000, SA_NODEFER}, 20);
    EXPECT(0, SYS_RT_SIGACTION, USR1, CODE, 0, 8);
    set_registers(&marks[0], WORDS);
    puppet_frame->user_esp = STACK;
    EXPECT(USR1, SYS_KILL, 0, USR1);
    const unsigned at = puppet_frame->user_esp;
    uint8_t *saved = (uint8_t *)(at + frame_bytes);
    KCHECK(control() == 0x037F && read_fs() == USER_TLS && read_gs() == marks[0].gs);
    KCHECK_EQ(xmm0_or(0), 0);
    KCHECK_EQ(control_of(saved), marks[0].control);
    const struct sigcontext *context =
        (const struct sigcontext *)(at + 4 * 4 + sizeof(struct siginfo) + 5 * 4);
    KCHECK(context->fs == USER_TLS && context->gs == marks[0].gs);
    set_registers(&marks[1], WORDS);
    saved[1] = 0x0F;             /* rounds towards zero */
    memset(&saved[24], 0xFF, 4); /* MXCSR, where there is one */
    puppet_frame->user_esp = at + 4;
    EXPECT(0, SYS_RT_SIGRETURN);
    KCHECK_EQ(control(), 0x0F7F);
    KCHECK_EQ(xmm0_or(marks[0].word), marks[0].word);
    fpu_save(&now);
    KCHECK(!(cpu_features() & FXSR) ||
           (now.bytes[26] == 0 && now.bytes[27] == 0)); /* no processor has these bits */

    /* nor where the signal is blocked again when the handler returns */
    current->signals.blocked = current->signals.pending = BIT(USR1);
    set_registers(&marks[0], WORDS);
    puppet_frame->user_esp = STACK;
    EXPECT(USR1, SYS_SIGSUSPEND, 0, 0, 0);
    set_registers(&marks[1], WORDS);
    puppet_frame->user_esp += 4;
    EXPECT(-EINTR, SYS_RT_SIGRETURN);
    KCHECK_EQ(control(), marks[0].control);
}

KTEST(process_signal_handlers_leave_the_floats)
{ puppet_checks(interrupt_floats); }

/* ---- kernel stacks ---- */

static void stacks(void) {
    const struct stack *stack = &current->context.stack;
    const char *bottom = stack->bottom, *top = stack->top;
    struct vmem_walk walk;

    EXPECT(0, SYS_EXECVE, PUPPET_NAME); /* which keeps it */
    KCHECK(stack->bottom == bottom && stack->top == top);
    KCHECK((uintptr_t)bottom >= KERNEL_STACKS && (uintptr_t)top <= KERNEL_STACKS_END);
    KCHECK_EQ(top - bottom, 2 * PAGE_SIZE);
    KCHECK(!strcmp(stack->name, "puppet"));
    KCHECK((char *)puppet_frame == top - sizeof(*puppet_frame));
    for (const char *page = bottom - 2 * PAGE_SIZE; page < top; page += PAGE_SIZE) {
        vmem_walk(page, &walk);
        KCHECK_EQ(walk.pte & (PTE_PRESENT | PTE_WRITE | PTE_USER),
                  page < bottom ? 0 : PTE_PRESENT | PTE_WRITE);
    }
}

KTEST(process_kernel_stack_has_a_guard)
{ puppet_checks(stacks); }
