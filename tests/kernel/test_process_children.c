/* Children: how they begin, who waits for them, and what is left of them. */
#include "process.h"

#include "../../kernel/process/process_inside.h"
#include "cpu.h"
#include "heap_debug.h"
#include "kmalloc.h"
#include "ktest.h"
#include "puppet.h"
#include "string.h"

#define PLACE PUPPET_AREA
#define MORE (PLACE + PAGE_SIZE)
#define END (PLACE + PUPPET_AREA_PAGES * PAGE_SIZE) /* nothing is there */
#define USR1 10u
#define STACK (PLACE + 8 * PAGE_SIZE)

static unsigned word(unsigned i) { return ((unsigned *)PLACE)[i]; }

static void put_action(unsigned handler, unsigned flags, unsigned restorer, unsigned mask) {
    memcpy((char *)PLACE, (const unsigned[5]){handler, flags, restorer, mask, 0}, 20);
}

/* ---- waiting ---- */

/* Whether PID is the program with the lowest number from FROM on, with that parent. */
static bool next_is(int from, int pid, int parent) {
    struct process_info info;

    return process_next(from, &info) && info.pid == pid && info.parent == parent &&
           !strcmp(info.name, "puppet");
}

static void groups(void) {
    const unsigned me = (unsigned)current->pid;

    KCHECK_EQ(CALL(SYS_GETPID), (int)me);
    KCHECK_EQ(CALL(SYS_GETPGRP), (int)me);
    EXPECT(MONITOR_PID, SYS_GETPPID);
    const int child = CALL(SYS_FORK);
    KCHECK(child > (int)me);
    KCHECK_EQ(CALL(SYS_GETPGID, (unsigned)child), (int)me);
    KCHECK_EQ(CALL(SYS_SETPGID, (unsigned)child, 0), 0);
    KCHECK_EQ(CALL(SYS_GETPGID, (unsigned)child), child);
    EXPECT(-EINVAL, SYS_SETPGID, 0, (unsigned)-1);
    EXPECT(-ESRCH, SYS_SETPGID, 9999, 0);
    EXPECT(-ESRCH, SYS_SETPGID, MONITOR_PID, 0);
    EXPECT(-ESRCH, SYS_GETPGID, 9999);
    KCHECK_EQ(CALL(SYS_WAITPID, (unsigned)child, PLACE, 0), child);
    KCHECK_EQ(CALL(SYS_SETPGID, me, 0), 0);
    KCHECK_EQ(CALL(SYS_GETPGRP), (int)me);
    EXPECT(-EPERM, SYS_SETPGID, 0, 0x1234); /* there is no such group */
    const int other = CALL(SYS_FORK);
    KCHECK(other > 0);
    KCHECK_EQ(CALL(SYS_SETPGID, (unsigned)other, 0), 0);
    KCHECK_EQ(CALL(SYS_SETPGID, 0, (unsigned)other), 0);
    KCHECK(CALL(SYS_GETPGID, 0) == other && CALL(SYS_GETPGRP) == other);
    EXPECT(0, SYS_SETPGID, 0, 0);
    process_find(other)->session = 0x1234;
    KCHECK_EQ(CALL(SYS_SETPGID, 0, (unsigned)other), -EPERM);
    KCHECK_EQ(CALL(SYS_GETPGRP), (int)me);
}

KTEST(process_groups_are_set_and_told)
{ puppet_checks(groups); }

/* As a shell makes a pipeline: its first part may end before the second is there. */
static void a_group_of_one_that_has_ended(void) {
    const int leader = CALL(SYS_FORK);

    KCHECK_EQ(CALL(SYS_SETPGID, (unsigned)leader, 0), 0);
    for (unsigned turns = 0; process_find(leader)->state != ZOMBIE; turns++) {
        KCHECK(turns < 1000);
        EXPECT(0, SYS_SCHED_YIELD);
    }
    const int second = CALL(SYS_FORK);
    KCHECK_EQ(CALL(SYS_SETPGID, (unsigned)second, (unsigned)leader), 0);
    KCHECK_EQ(CALL(SYS_WAITPID, (unsigned)leader, PLACE, 0), leader);
    KCHECK_EQ(CALL(SYS_WAITPID, (unsigned)-leader, PLACE, 0), second);
}

KTEST(process_group_lasts_until_its_members_are_waited_for)
{ puppet_checks(a_group_of_one_that_has_ended); }

static void children(void) {
    EXPECT(-ECHILD, SYS_WAITPID, (unsigned)-1, PLACE, 0);
    const int child = CALL(SYS_FORK);
    KCHECK(child > 0);
    *(unsigned *)PLACE = 7;
    EXPECT(0, SYS_WAITPID, (unsigned)-1, PLACE, WNOHANG);
    KCHECK_EQ(word(0), 7); /* there is no status yet */
    EXPECT(0, SYS_WAITPID, 0, PLACE, WNOHANG); /* of the group */
    EXPECT(-ECHILD, SYS_WAITPID, 9999, PLACE, WNOHANG);
    KCHECK_EQ(CALL(SYS_WAITPID, (unsigned)child + 1, PLACE, WNOHANG), -ECHILD);
    for (unsigned bit = 2; bit < 32; bit++) { /* WUNTRACED, WCONTINUED and three about threads are known */
        bool is_known = bit == 3 || bit >= 29;
        KCHECK_EQ(CALL(SYS_WAITPID, (unsigned)-1, PLACE, WNOHANG | 1u << bit), is_known ? 0 : -EINVAL);
    }
    EXPECT(0, SYS_WAITPID, (unsigned)-1, PLACE, WNOHANG | 2, 7); /* this call has three arguments */
    current->context.timed = true; /* of a wait before this one */
    KCHECK_EQ(CALL(SYS_WAITPID, (unsigned)-1, PLACE, 0), child);
    KCHECK(!current->context.timed);
    KCHECK_EQ(word(0), ((unsigned)child & 0xFF) << 8); /* what a puppet's child exits with */
    EXPECT(-ECHILD, SYS_WAITPID, (unsigned)-1, PLACE, 0);
}

KTEST(process_children_are_waited_for)
{ puppet_checks(children); }

static void group_of_a_child(void) {
    const int child = CALL(SYS_FORK);

    KCHECK(child > 0);
    KCHECK_EQ(CALL(SYS_SETPGID, (unsigned)child, 0), 0);
    EXPECT(-ECHILD, SYS_WAITPID, 0, PLACE, WNOHANG);
    KCHECK_EQ(CALL(SYS_WAIT4, (unsigned)-child, END), -EFAULT); /* it can be waited for again */
    KCHECK_EQ(CALL(SYS_WAIT4, (unsigned)-child, PLACE, 0, END), -EFAULT);
    KCHECK_EQ(CALL(SYS_GETPGID, (unsigned)child), child);
    EXPECT(-ECHILD, SYS_WAITPID, 0, PLACE, 0); /* its group is another */
    KCHECK_EQ(CALL(SYS_KILL, (unsigned)child, SIGKILL), 0); /* as on Linux: it has ended, but is there */
    KCHECK_EQ(CALL(SYS_KILL, (unsigned)-child, 0), 0);
    KCHECK_EQ(CALL(SYS_WAIT4, (unsigned)-child, PLACE, 0, MORE), child);
    KCHECK_EQ(word(0), ((unsigned)child & 0xFF) << 8);
    KCHECK_EQ(CALL(SYS_KILL, (unsigned)-child, 0), -ESRCH);
    EXPECT(-ECHILD, SYS_WAITPID, (unsigned)-1, PLACE, 0);
}

KTEST(process_children_are_waited_for_by_their_group)
{ puppet_checks(group_of_a_child); }

static void clones(void) {
    const unsigned me = (unsigned)current->pid;
    int child;

    EXPECT(-EINVAL, SYS_CLONE, CLONE_THREAD);
    EXPECT(-EINVAL, SYS_CLONE, CLONE_SETTLS);
    EXPECT(-EINVAL, SYS_CLONE, CLONE_VM);
    KCHECK((child = CALL(SYS_CLONE, CLONE_VM | CLONE_VFORK | CLONE_PARENT_SETTID | CLONE_CHILD_SETTID, 0,
                         MORE, 0, MORE + 4)) > 0);
    KCHECK_EQ(*(int *)MORE, child);
    KCHECK_EQ(process_find(child)->set_tid, MORE + 4);
    const int other = CALL(SYS_CLONE, SIGCHLD, STACK, MORE, 0, MORE + 4); /* which it does not ask for */
    KCHECK_EQ(*(int *)MORE, child);
    KCHECK(other > child);
    KCHECK(next_is(0, (int)me, MONITOR_PID) && next_is((int)me + 1, child, (int)me));
    KCHECK(next_is(child + 1, other, (int)me) && !next_is(other + 1, 0, 0));
    KCHECK_EQ(process_find(other)->set_tid, 0);
    KCHECK_EQ(CALL(SYS_WAITPID, (unsigned)other, PLACE, 0), other);
    KCHECK_EQ(CALL(SYS_WAITPID, (unsigned)child, PLACE, 0), child);
    EXPECT(-ECHILD, SYS_WAITPID, (unsigned)-1, PLACE, 0);
}

KTEST(process_clones_are_children)
{ puppet_checks(clones); }

static void not_waited_for(void) {
    put_action(SIG_DFL, SA_NOCLDWAIT, 0, 0);
    EXPECT(0, SYS_RT_SIGACTION, SIGCHLD, PLACE, 0, 8);
    KCHECK(CALL(SYS_FORK) > 0);
    EXPECT(-ECHILD, SYS_WAITPID, (unsigned)-1, PLACE, 0); /* once it has ended: it is forgotten */
    put_action(0x1000, SA_NOCLDWAIT, 0, 0); /* its end is told all the same */
    EXPECT(0, SYS_RT_SIGACTION, SIGCHLD, PLACE, 0, 8);
    current->signals.blocked = 1u << (SIGCHLD - 1);
    KCHECK(CALL(SYS_FORK) > 0);
    EXPECT(-ECHILD, SYS_WAITPID, (unsigned)-1, PLACE, 0);
    KCHECK_EQ(current->signals.pending, 1u << (SIGCHLD - 1));
    put_action(SIG_IGN, 0, 0, 0); /* nor is it kept where the signal is blocked */
    EXPECT(0, SYS_RT_SIGACTION, SIGCHLD, PLACE, 0, 8);
    KCHECK(CALL(SYS_FORK) > 0);
    EXPECT(-ECHILD, SYS_WAITPID, (unsigned)-1, PLACE, 0);
    KCHECK_EQ(current->signals.pending, 0);
}

KTEST(process_children_are_forgotten_if_their_parent_says_so)
{ puppet_checks(not_waited_for); }

/* A child that is killed before its first turn has none; its status is the signal. */
static void killed(void) {
    static const unsigned deadly[] = {1, SIGINT, SIGKILL, USR1, SIGPIPE, 15};

    for (size_t i = 0; i < ARRAY_SIZE(deadly); i++) {
        const int child = CALL(SYS_FORK);
        KCHECK(child > 0);
        KCHECK_EQ(CALL(SYS_KILL, (unsigned)child, deadly[i]), 0);
        KCHECK_EQ(CALL(SYS_WAITPID, (unsigned)child, PLACE, 0), child);
        KCHECK_EQ(word(0), deadly[i]);
    }
}

KTEST(process_killed_has_the_signal_as_status)
{ puppet_checks(killed); }

/* Runs others until CHILD has ended. */
static void let_end(int child) {
    for (unsigned i = 0; i < 10 && process_find(child)->state != ZOMBIE; i++)
        EXPECT(0, SYS_SCHED_YIELD);
    KCHECK_EQ(process_find(child)->state, ZOMBIE);
}

/* Of two children that wait4 could mean, it takes the one that has ended, wherever that is in the ring. */
static void zombie_first(void) {
    const int first = CALL(SYS_FORK);

    KCHECK_CALL(let_end(first));
    const int second = CALL(SYS_FORK);
    KCHECK_EQ(CALL(SYS_WAITPID, (unsigned)-1, PLACE, WNOHANG), first);
    process_find(second)->state = WAITING;
    const int third = CALL(SYS_FORK);
    KCHECK_CALL(let_end(third));
    current->signals.blocked = process_find(second)->signals.blocked = 1u << (USR1 - 1);
    EXPECT(0, SYS_KILL, 0, USR1); /* a zombie does not stop it from reaching the next process */
    KCHECK(current->signals.pending && process_find(second)->signals.pending);
    current->signals.pending = process_find(second)->signals.pending = 0;
    KCHECK_EQ(CALL(SYS_WAITPID, (unsigned)-1, PLACE, WNOHANG), third);
    EXPECT(0, SYS_WAITPID, (unsigned)-1, PLACE, WNOHANG);
    schedule_wake_process(process_find(second));
    KCHECK_EQ(CALL(SYS_WAITPID, (unsigned)-1, PLACE, 0), second);
}

KTEST(process_that_has_ended_is_waited_for_first)
{ puppet_checks(zombie_first); }

/* A child's child is nobody to its grandparent. It ends before its parent, which has not waited for it: it is the monitor's
 * then. */
static void grandchildren(void) {
    const int child = CALL(SYS_FORK);
    KCHECK(child > 0);
    process_find(child)->state = WAITING;
    const int grandchild = CALL(SYS_FORK);
    KCHECK(grandchild > 0);
    process_find(grandchild)->parent = process_find(child);
    KCHECK_EQ(CALL(SYS_SETPGID, (unsigned)grandchild, 0), -ESRCH);
    KCHECK_EQ(CALL(SYS_WAITPID, (unsigned)grandchild, PLACE, WNOHANG), -ECHILD);
    KCHECK_CALL(let_end(grandchild));
    KCHECK_EQ(CALL(SYS_WAITPID, (unsigned)grandchild, PLACE, 0), -ECHILD);
    schedule_wake_process(process_find(child));
    KCHECK_CALL(let_end(child));
    const struct process *zombie = process_find(grandchild);
    KCHECK(!zombie || zombie->parent == &monitor); /* which may have buried it already */
    KCHECK_EQ(CALL(SYS_WAITPID, (unsigned)-1, PLACE, 0), child);
    EXPECT(-ECHILD, SYS_WAITPID, (unsigned)-1, PLACE, 0);
}

KTEST(process_has_no_say_over_its_grandchildren)
{ puppet_checks(grandchildren); }

static void what_a_child_has(void) {
    current->signals.blocked = 1u << (USR1 - 1);
    current->signals.action[USR1].handler = 0x1234;
    KCHECK_EQ(CALL(SYS_KILL, (unsigned)current->pid, USR1), 0);
    *(char *)(PLACE + 5 * PAGE_SIZE) = 1;
    puppet_frame->eflags |= EFLAGS_DF;
    const struct process *child = process_find(CALL(SYS_FORK, 1, 2, 3, 4, 5));
    struct trap_frame begins = *puppet_frame;
    begins.eax = 0;
    KCHECK(child && !memcmp((struct trap_frame *)(uintptr_t)child->context.stack.top - 1, &begins, sizeof(begins)));
    KCHECK(child->parent == current && child->faults == 0 && current->faults > 0);
    KCHECK(child->signals.pending == 0 && current->signals.pending != 0);
    KCHECK(child->signals.blocked == current->signals.blocked &&
           child->signals.action[USR1].handler == 0x1234);
    KCHECK(child->group == current->group && child->session == current->session &&
           child->program == current->program);
}

KTEST(process_child_has_all_but_what_was_sent_to_its_parent)
{ puppet_checks(what_a_child_has); }

static void pids_go_round(void) {
    const int before = last_pid;
    int second = MONITOR_PID + 1, third = current->pid + 1;

    while (process_find(second))
        second++;
    last_pid = 32766; /* Linux's highest is 32,767, too */
    EXPECT(32767, SYS_FORK);
    KCHECK_EQ(CALL(SYS_FORK), second);
    last_pid = current->pid - 1;
    while (process_find(third))
        third++;
    KCHECK_EQ(CALL(SYS_FORK), third); /* the program has the one before */
    KCHECK_CALL(let_end(third)); /* nobody has waited for it: its number is its own */
    last_pid = third - 1;
    KCHECK(CALL(SYS_FORK) > third);
    struct process *stays = process_find(second); /* in a group and in a session whose leaders are gone */
    stays->group = 20000;
    stays->session = 20001;
    last_pid = 19999;
    EXPECT(20002, SYS_FORK);
    last_pid = before;
    for (unsigned i = 0; i < 5; i++)
        KCHECK(CALL(SYS_WAITPID, (unsigned)-1, PLACE, 0) > 0);
    EXPECT(-ECHILD, SYS_WAITPID, (unsigned)-1, PLACE, 0);
}

KTEST(process_numbers_go_round)
{ puppet_checks(pids_go_round); }

static void zombies(void) {
    const int child = CALL(SYS_FORK);
    struct process_info info;

    KCHECK(child > 0 && process_enter(child));
    process_leave();
    KCHECK(process_next(child, &info) && !strcmp(info.state, "runnable") && info.pages > 0 &&
           info.shared > 0);
    for (unsigned i = 0; i < 10 && process_find(child)->state != ZOMBIE; i++)
        EXPECT(0, SYS_SCHED_YIELD);
    KCHECK(process_next(child, &info) && info.pid == child && !strcmp(info.state, "zombie"));
    KCHECK(info.pages == 0 && info.shared == 0);
    KCHECK(!process_enter(child) && !process_find(child)->space);
    KCHECK_EQ(CALL(SYS_KILL, (unsigned)child, SIGKILL), 0);
    KCHECK(process_kill(child)); /* there is nothing to do */
    KCHECK_EQ(CALL(SYS_WAITPID, (unsigned)child, PLACE, 0), child);
    KCHECK_EQ(word(0), ((unsigned)child & 0xFF) << 8); /* it had exited before */
    KCHECK(!process_find(child));
}

KTEST(process_zombie_has_nothing_but_its_status)
{ puppet_checks(zombies); }

/* ---- how they begin ---- */

#define WORD MORE /* in each program's own memory */

static const unsigned none[6];
static int root; /* the first one's PID */
static unsigned child_calls, wrong;

static int make_call(struct trap_frame *frame, unsigned number, unsigned a, unsigned b, unsigned c,
                     unsigned d, unsigned e) {
    return puppet_call(frame, number, (const unsigned[6]){a, b, c, d, e});
}

/* Runs CALL as a program and its children; the first is to wait for them before it exits. */
static void run_family(void (*call)(struct trap_frame *frame)) {
    child_calls = wrong = 0;
    root = last_pid + 1;
    puppet_run(call, &root);
}

static void wait_and_exit(struct trap_frame *frame) {
    while (make_call(frame, SYS_WAITPID, (unsigned)-1, 0, 0, 0, 0) > 0)
        ;
    puppet_call(frame, SYS_EXIT, none);
}

/* The child finds its number where clone was to put it, and only there; its own child, which fork makes, finds none. */
static void tell_numbers(struct trap_frame *frame) {
    int *number = (int *)WORD;

    if (current->pid == root) {
        *number = 7;
        make_call(frame, SYS_CLONE, SIGCHLD | CLONE_CHILD_SETTID, 0, 0, 0, WORD);
        wrong += *number != 7;
    } else if (child_calls++ == 0) {
        wrong += *number != current->pid;
        *number = 8;
        puppet_call(frame, SYS_FORK, none);
    } else {
        wrong += *number != 8;
    }
    wait_and_exit(frame);
}

KTEST(process_clone_tells_the_child_its_number)
{
    run_family(tell_numbers);
    KCHECK(child_calls == 2 && wrong == 0);
}

/* A signal comes before the child's first turn: it begins in its handler, which would lead to where fork returns 0. */
static void begin_in_handler(struct trap_frame *frame) {
    const unsigned *on = (const unsigned *)frame->user_esp;

    if (current->pid == root) {
        make_call(frame, SYS_RT_SIGACTION, USR1, PUPPET_ACTION, 0, 8, 0);
        frame->eip = 0x1234;
        frame->user_esp = STACK;
        make_call(frame, SYS_KILL, (unsigned)puppet_call(frame, SYS_FORK, none), USR1, 0, 0, 0);
    } else {
        const struct sigcontext *context = (const struct sigcontext *)(on[3] + 20); /* behind 5 words */
        child_calls++;
        wrong += on[1] != USR1 || frame->user_esp >= STACK;
        wrong += context->frame.eip != 0x1234 || context->frame.eax != 0 || context->frame.user_esp != STACK;
    }
    wait_and_exit(frame);
}

KTEST(process_child_can_begin_in_a_handler)
{
    run_family(begin_in_handler);
    KCHECK(child_calls == 1 && wrong == 0);
}

/* What clone says: the child's stack. */
static void begin_on_stack(struct trap_frame *frame) {
    if (current->pid == root) {
        frame->user_esp = STACK;
        make_call(frame, SYS_CLONE, CLONE_VM | CLONE_VFORK | SIGCHLD, STACK - 0x100, 0, 0, 0);
        wrong += frame->user_esp != STACK;
        make_call(frame, SYS_CLONE, SIGCHLD, 0, 0, 0, 0);
    } else {
        wrong += frame->user_esp != (current->pid == root + 1 ? STACK - 0x100 : STACK);
        child_calls++;
    }
    wait_and_exit(frame);
}

KTEST(process_clone_gives_the_child_a_stack)
{
    run_family(begin_on_stack);
    KCHECK(child_calls == 2 && wrong == 0);
}

static unsigned waiting; /* of two children, the one that waits for its parent */

/* Who waits for any child goes on when one has ended, whichever came first. */
static void wait_for_either(struct trap_frame *frame) {
    if (current->pid == root) {
        make_call(frame, SYS_PIPE, PLACE, 0, 0, 0, 0);
        puppet_call(frame, SYS_FORK, none);
        puppet_call(frame, SYS_FORK, none);
        wrong += make_call(frame, SYS_WAITPID, (unsigned)-1, 0, 0, 0, 0) != root + 2 - (int)waiting;
        make_call(frame, SYS_WRITE, 4, PLACE, 1, 0, 0);
    } else if (current->pid == root + 1 + (int)waiting) {
        make_call(frame, SYS_READ, 3, PLACE, 1, 0, 0);
        child_calls++;
    }
    wait_and_exit(frame);
}

KTEST(process_that_waits_for_any_child_goes_on_with_the_first)
{
    for (waiting = 0; waiting < 2; waiting++) {
        run_family(wait_for_either);
        KCHECK(child_calls == 1 && wrong == 0);
    }
}

/* A program that the monitor starts, has a session of its own, its name as argument, and an environment. */
static void started(void) {
    const struct trap_frame *begun = puppet_frame; /* with nothing of the kernel's */
    const unsigned *stack = (const unsigned *)begun->user_esp;
    struct fpu_state now, fresh;

    KCHECK_EQ(begun->eax | begun->ebx | begun->ecx | begun->edx | begun->esi | begun->edi | begun->ebp, 0);
    KCHECK_EQ(begun->eflags, 0x202);
    fpu_save(&now);
    fpu_reset(&fresh);
    KCHECK(now.bytes[0] == fresh.bytes[0] && now.bytes[1] == fresh.bytes[1]);
    KCHECK(stack[0] == 1 && !strcmp((const char *)stack[1], "puppet") && stack[2] == 0);
    KCHECK(!strcmp((const char *)stack[3], "PATH=/") && !strcmp((const char *)stack[4], "HOME=/"));
    KCHECK(!strcmp((const char *)stack[5], "TERM=linux") && stack[6] == 0);
    KCHECK(current->session == current->pid && current->group == current->pid);
    KCHECK(current->context.fs == 0 && current->context.gs == 0 && current->context.tls == 0);
    KCHECK(file_get(0) && file_get(1) == file_get(0) && file_get(2) == file_get(0) && !file_get(3));
    KCHECK(current->files.close_on_exec == 0 && current->signals.blocked == 0 &&
           current->signals.pending == 0);
}

KTEST(process_start_gives_a_program_what_it_needs)
{ puppet_checks(started); }

/* Outside of 64-bit mode FXSAVE does not write the last 224 bytes of its area (SDM vol. 1, 10.5.1), but a signal handler
 * finds all of it on its stack. */
static void child_of_painted_memory(void) {
    void *object = kmalloc(sizeof(struct process));

    KCHECK(object);
    memset(object, 'x', sizeof(struct process));
    kfree(object);
    const int pid = CALL(SYS_FORK);
    KCHECK(pid > 0);
    const struct process *child = process_find(pid);
    KCHECK(heap_mode() != HEAP_NORMAL || !kmalloc_books_apart || child == object); /* its record is the painted one */
    for (unsigned at = 288; at < sizeof(struct fpu_state); at++)
        KCHECK_EQ(child->context.fpu.bytes[at], 0);
    KCHECK_EQ(CALL(SYS_WAITPID, (unsigned)pid, PLACE, 0), pid);
}

KTEST(process_child_shows_nothing_of_what_its_record_held)
{ puppet_checks(child_of_painted_memory); }

/* ---- what becomes of them ---- */

static bool forgets; /* the first one its child, which is gone before its own */

/* Its parent ends first: the monitor is its parent then, and buries it. */
static void be_orphaned(struct trap_frame *frame) {
    if (current->pid == root) {
        put_action(forgets ? SIG_IGN : SIG_DFL, 0, 0, 0);
        make_call(frame, SYS_RT_SIGACTION, SIGCHLD, PLACE, 0, 8, 0);
        puppet_call(frame, SYS_FORK, none);
        for (unsigned i = 0; i < 30; i++)
            puppet_call(frame, SYS_SCHED_YIELD, none);
        wait_and_exit(frame);
    } else if (current->pid == root + 1) {
        puppet_call(frame, SYS_FORK, none);
        puppet_call(frame, SYS_EXIT, none);
    }
    if (child_calls++ < 20 && puppet_call(frame, SYS_GETPPID, none) != MONITOR_PID)
        puppet_call(frame, SYS_SCHED_YIELD, none);
    else
        puppet_call(frame, SYS_EXIT, none);
}

KTEST(process_orphan_becomes_the_monitors)
{
    struct process_info info;

    for (unsigned i = 0; i < 2; i++) {
        forgets = i;
        run_family(be_orphaned);
        KCHECK(child_calls > 0 && child_calls < 20);
        KCHECK(!process_next(0, &info));
    }
}

/* Gives its turn away until the monitor has buried its grandchild, which is an orphan; a tick at a time. */
static void bear_an_orphan(struct trap_frame *frame) {
    if (current->pid == root) {
        puppet_call(frame, SYS_FORK, none);
        make_call(frame, SYS_WAITPID, (unsigned)-1, 0, 0, 0, 0);
        for (child_calls = 0; child_calls < 100 && process_find(root + 2); child_calls++) {
            *(struct timespec *)PLACE = (struct timespec){0, 1};
            make_call(frame, SYS_NANOSLEEP, PLACE, 0, 0, 0, 0);
        }
    } else if (current->pid == root + 1) {
        puppet_call(frame, SYS_FORK, none);
    }
    puppet_call(frame, SYS_EXIT, none);
}

KTEST(process_orphans_are_buried_while_another_is_waited_for)
{
    struct process_info info;

    root = last_pid + 1;
    KCHECK_EQ(puppet_start_with(bear_an_orphan), root);
    int status = process_wait_for(root);
    bool more = process_next(0, &info);
    puppet_end_all();
    KCHECK(status == 0 && child_calls < 100 && !more);
}

static void forgotten(void) {
    put_action(SIG_IGN, 0, 0, 0);
    EXPECT(0, SYS_RT_SIGACTION, SIGCHLD, PLACE, 0, 8);
    KCHECK(CALL(SYS_FORK) > 0);
    EXPECT(-ECHILD, SYS_WAITPID, (unsigned)-1, PLACE, 0); /* once it has ended */
    KCHECK(current->signals.pending == 0);
}

KTEST(process_that_ignores_its_children_waits_for_none)
{ puppet_checks(forgotten); }

static unsigned ended(void) {
    unsigned n = 0;

    for (const struct process *process = monitor.next; process != &monitor; process = process->next)
        n += process->state == ZOMBIE;
    return n;
}

/* Children whom nobody waits for take none of the 256 places for long, however fast they come. */
static void many_forgotten(void) {
    put_action(SIG_IGN, 0, 0, 0);
    EXPECT(0, SYS_RT_SIGACTION, SIGCHLD, PLACE, 0, 8);
    for (unsigned i = 0; i < 20; i++) {
        KCHECK(CALL(SYS_FORK) > 0);
        EXPECT(-ECHILD, SYS_WAITPID, (unsigned)-1, PLACE, 0);
        KCHECK(ended() <= 1);
    }
}

KTEST(process_children_that_are_forgotten_are_gone_at_once)
{ puppet_checks(many_forgotten); }

/* It waits for the child that ends, though it has another one. */
static void one_forgotten(void) {
    put_action(SIG_IGN, 0, 0, 0);
    EXPECT(0, SYS_RT_SIGACTION, SIGCHLD, PLACE, 0, 8);
    const int first = CALL(SYS_FORK), second = CALL(SYS_FORK);
    KCHECK(first > 0 && second > 0);
    process_find(second)->state = WAITING;
    KCHECK_EQ(CALL(SYS_WAITPID, (unsigned)first, PLACE, 0), -ECHILD);
    KCHECK_EQ(process_find(second)->parent->pid, current->pid);
}

KTEST(process_that_waits_for_one_of_two_it_ignores_is_woken)
{ puppet_checks(one_forgotten); }
