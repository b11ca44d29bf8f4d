/* Signals. See signals.h.
 *
 * A handler gets one kind of frame, that of SA_SIGINFO: a handler that takes the number alone finds it at the same
 * place. The frame lies on the program's stack, where the program may change it; so what comes back by sigreturn
 * is made harmless: only flags that ring 3 may set, no segment, no reserved bit of MXCSR. */
#include "signals.h"

#include "cpu.h"
#include "descriptors.h"
#include "process.h"
#include "process_inside.h"
#include "system_calls.h"
#include "user_memory.h"

#define BIT(signal) (1u << ((signal)-1))
#define IGNORED_BY_DEFAULT (BIT(SIGCHLD) | BIT(SIGCONT) | BIT(SIGURG) | BIT(SIGWINCH))
#define STOPS (BIT(SIGSTOP) | BIT(SIGTSTP) | BIT(SIGTTIN) | BIT(SIGTTOU)) /* not known here */
#define UNBLOCKABLE (BIT(SIGKILL) | BIT(SIGSTOP))

/* The frame on the program's stack; its middle is asm/ucontext.h. The x87 and SSE registers follow it. */
struct signal_frame {
    unsigned return_address, signal, info_address, context_address;
    struct siginfo info;
    unsigned flags, link, stack[3];
    struct sigcontext context;
    unsigned mask, mask_high;
    uint8_t code[8];
};

static bool ignores(const struct signals *signals, unsigned signal) {
    unsigned handler = signals->action[signal].handler;

    return handler == SIG_IGN || (handler == SIG_DFL && BIT(signal) & (IGNORED_BY_DEFAULT | STOPS));
}

static unsigned ready(const struct signals *signals) { return signals->pending & ~signals->blocked; }

/* Whether the current process has a signal to act on. */
bool signal_pending(void) { return ready(&current->signals) != 0; }

/* Makes SIGNAL pending for PROCESS, and wakes it unless it ignores or blocks SIGNAL. */
void signal_send(struct process *process, unsigned signal) {
    if (process->state == ZOMBIE || process == &monitor || ignores(&process->signals, signal))
        return;
    process->signals.pending |= BIT(signal);
    if (ready(&process->signals))
        schedule_wake_process(process);
}

/* Sends SIGNAL, raised by a fault at ADDRESS, to the current process. */
bool signal_fault(unsigned signal, uintptr_t address) {
    struct signals *signals = &current->signals;

    if (signals->blocked & BIT(signal) || signals->action[signal].handler <= SIG_IGN)
        return false;
    signals->fault_address = address;
    signals->faulted = signal;
    signals->pending |= BIT(signal);
    return true;
}

/* Resets handlers to the default action; ignored signals stay ignored. */
void signals_reset(struct signals *signals) {
    for (struct sigaction *action = signals->action; action < signals->action + SIGNALS; action++)
        if (action->handler != SIG_IGN)
            *action = (struct sigaction){0};
}

/* ---- delivery ---- */

static struct sigcontext context_of(const struct trap_frame *frame) {
    struct sigcontext context = {.gs = read_gs(),
                                 .fs = read_fs(),
                                 .es = USER_DS,
                                 .ds = USER_DS,
                                 .frame = *frame,
                                 .cr2 = current->signals.fault_address};

    context.frame.esp_at_pusha = frame->user_esp;
    return context;
}

/* Makes FRAME continue in the handler of SIGNAL, which returns to where FRAME was. False if the stack has
 * no room. */
static bool push_handler(struct trap_frame *frame, unsigned signal) {
    struct signals *signals = &current->signals;
    struct sigaction *action = &signals->action[signal];
    /* At the handler's first instruction ESP + 4 is a multiple of 16, as after a call (System V ABI, i386). */
    uintptr_t at = ((frame->user_esp - sizeof(struct signal_frame) - sizeof(struct fpu_state)) & ~15u) - 4;
    struct signal_frame to = {
        .return_address =
            action->flags & SA_RESTORER ? action->restorer : at + offsetof(struct signal_frame, code),
        .signal = signal,
        .info_address = at + offsetof(struct signal_frame, info),
        .context_address = at + offsetof(struct signal_frame, flags),
        .info = {.signo = (int)signal, .address = signals->faulted == signal ? signals->fault_address : 0},
        .context = context_of(frame),
        .mask = signals->suspended ? signals->before_suspend : signals->blocked,
        /* mov $173, %eax; int $0x80: rt_sigreturn, for programs that give no SA_RESTORER */
        .code = {0xB8, 173, 0, 0, 0, 0xCD, 0x80},
    };

    fpu_save(&current->context.fpu);
    if (copy_to_user((void *)at, &to, sizeof(to)) < 0 ||
        copy_to_user((char *)at + sizeof(to), &current->context.fpu, sizeof(struct fpu_state)) < 0)
        return false;
    fpu_reset(&current->context.fpu); /* as on Linux, a handler may count on what the ABI says of its registers */
    fpu_load(&current->context.fpu);
    signals->faulted = 0;
    signals->suspended = false;
    signals->blocked |= (action->mask | (action->flags & SA_NODEFER ? 0 : BIT(signal))) & ~UNBLOCKABLE;
    frame->eip = action->handler;
    frame->user_esp = at;
    frame->eax = signal;
    frame->edx = to.info_address;
    frame->ecx = to.context_address;
    frame->eflags &= ~(EFLAGS_DF | EFLAGS_TF);
    if (action->flags & SA_RESETHAND)
        action->handler = SIG_DFL;
    return true;
}

/* A signal has interrupted system call NUMBER. If AGAIN, the call is repeated; otherwise it fails with
 * EINTR. */
static void end_call(struct trap_frame *frame, int number, bool again) {
    if (number < 0 || frame->eax != (unsigned)-ERESTART)
        return;
    frame->eax = again ? (unsigned)number : (unsigned)-EINTR;
    if (again)
        frame->eip -= 2; /* INT 0x80 */
}

/* On the way back to ring 3: ends the program or makes it run a handler. */
void signals_deliver(struct trap_frame *frame, int number) {
    struct signals *signals = &current->signals;

    for (unsigned bits; (bits = ready(signals)) != 0;) {
        unsigned signal = (unsigned)__builtin_ctz(bits) + 1;
        const struct sigaction *action = &signals->action[signal];

        signals->pending &= ~BIT(signal);
        if (ignores(signals, signal))
            continue;
        if (action->handler == SIG_DFL)
            process_exit((int)signal);
        end_call(frame, number, action->flags & SA_RESTART);
        if (!push_handler(frame, signal))
            process_exit(SIGSEGV);
    }
    end_call(frame, number, true);
    if (signals->suspended)
        signals->blocked = signals->before_suspend;
    signals->suspended = false;
}

/* ---- the system calls ---- */

/* Goes on where the handler's frame at AT says. */
static int go_back(struct trap_frame *frame, uintptr_t at) {
    struct signal_frame from;

    if (copy_from_user(&from, (void *)at, sizeof(from)) < 0 ||
        copy_from_user(&current->context.fpu, (char *)at + sizeof(from), sizeof(struct fpu_state)) < 0)
        process_exit(SIGSEGV);
    *frame = from.context.frame;
    frame->cs = USER_CS;
    frame->user_ss = USER_DS;
    frame->eflags = user_eflags(frame->eflags);
    current->signals.blocked = from.mask & ~UNBLOCKABLE;
    fpu_sanitize(&current->context.fpu);
    fpu_load(&current->context.fpu);
    return (int)frame->eax;
}

/* The handler's return popped the return address. The restorer of sigreturn has popped the signal's
 * number, too. */
int sys_rt_sigreturn(struct trap_frame *frame) { return go_back(frame, frame->user_esp - 4); }
int sys_sigreturn(struct trap_frame *frame) { return go_back(frame, frame->user_esp - 8); }

/* Exchanges the action for SIGNAL with *TO, which may be NULL. 0 or a negative error. SIGKILL and SIGSTOP keep
 * SIG_DFL: nobody ignores or handles them. */
static int exchange_action(unsigned signal, const struct sigaction *to, struct sigaction *old) {
    if (signal == 0 || signal >= SIGNALS || (to && BIT(signal) & UNBLOCKABLE))
        return -EINVAL;
    *old = current->signals.action[signal];
    if (to)
        current->signals.action[signal] = *to;
    if (ignores(&current->signals, signal))
        current->signals.pending &= ~BIT(signal);
    return 0;
}

int sys_rt_sigaction(struct trap_frame *frame) {
    struct sigaction action, old;

    if (frame->ecx && copy_from_user(&action, (void *)frame->ecx, sizeof(action)) < 0)
        return -EFAULT;
    int error = exchange_action(frame->ebx, frame->ecx ? &action : NULL, &old);
    return error < 0 || !frame->edx ? error : copy_to_user((void *)frame->edx, &old, sizeof(old));
}

/* The old call has the mask, one word, before the flags. */
int sys_sigaction(struct trap_frame *frame) {
    enum { HANDLER, MASK, FLAGS, RESTORER, WORDS };
    unsigned word[WORDS] = {0};
    struct sigaction old;

    if (frame->ecx && copy_from_user(word, (void *)frame->ecx, sizeof(word)) < 0)
        return -EFAULT;
    const struct sigaction action = {word[HANDLER], word[FLAGS], word[RESTORER], word[MASK], 0};
    int error = exchange_action(frame->ebx, frame->ecx ? &action : NULL, &old);
    if (error < 0 || !frame->edx)
        return error;
    const unsigned back[WORDS] = {old.handler, old.mask, old.flags, old.restorer};
    return copy_to_user((void *)frame->edx, back, sizeof(back));
}

/* Changes the mask as HOW and the words at SET say, and gives the old one, of SIZE bytes, to OLD. */
static int change_mask(unsigned how, const void *set, void *old, size_t size) {
    unsigned *blocked = &current->signals.blocked, before[2] = {*blocked, 0}, bits = 0;

    if (set && copy_from_user(&bits, set, sizeof(bits)) < 0)
        return -EFAULT;
    if (set && how > SIG_SETMASK)
        return -EINVAL;
    if (old && copy_to_user(old, before, size < sizeof(before) ? size : sizeof(before)) < 0)
        return -EFAULT;
    if (set)
        *blocked = (how == SIG_BLOCK     ? *blocked | bits
                    : how == SIG_UNBLOCK ? *blocked & ~bits
                                         : bits) &
                   ~UNBLOCKABLE;
    return 0;
}

int sys_rt_sigprocmask(struct trap_frame *frame) {
    return change_mask(frame->ebx, (void *)frame->ecx, (void *)frame->edx, frame->esi);
}

int sys_sigprocmask(struct trap_frame *frame) {
    return change_mask(frame->ebx, (void *)frame->ecx, (void *)frame->edx, sizeof(unsigned));
}

/* Waits for a signal while MASK is blocked. */
static int suspend(unsigned mask) {
    struct signals *signals = &current->signals;

    signals->before_suspend = signals->blocked;
    signals->suspended = true;
    signals->blocked = mask & ~UNBLOCKABLE;
    while (!signal_pending())
        schedule_wait(NULL, NULL);
    return -EINTR;
}

int sys_sigsuspend(struct trap_frame *frame) { return suspend(frame->edx); }

int sys_rt_sigsuspend(struct trap_frame *frame) {
    unsigned mask;

    return copy_from_user(&mask, (void *)frame->ebx, sizeof(mask)) < 0 ? -EFAULT : suspend(mask);
}

int sys_pause(struct trap_frame *frame) {
    (void)frame;
    return suspend(current->signals.blocked);
}

/* Whether kill's PID reaches PROCESS; -1 spares the caller. What has ended is reached, too, and ignores all. */
static bool reaches(int pid, const struct process *process) {
    return process != &monitor && process_is_meant(process, pid) && !(pid == -1 && process == current);
}

int sys_kill(struct trap_frame *frame) {
    unsigned signal = frame->ecx;
    bool found = false;

    if (signal >= SIGNALS)
        return -EINVAL;
    for (struct process *process = monitor.next; process != &monitor; process = process->next) {
        if (!reaches((int)frame->ebx, process))
            continue;
        found = true;
        if (signal)
            signal_send(process, signal);
    }
    if ((int)frame->ebx == MONITOR_PID)
        return -EPERM;
    return found ? 0 : -ESRCH;
}

/* A process is its only thread. */
static int kill_thread(int pid, unsigned signal) {
    struct process *process = process_find(pid);

    if (pid <= 0 || signal >= SIGNALS)
        return -EINVAL;
    if (pid == MONITOR_PID)
        return -EPERM;
    if (!process)
        return -ESRCH;
    if (signal)
        signal_send(process, signal);
    return 0;
}

int sys_tkill(struct trap_frame *frame) { return kill_thread((int)frame->ebx, frame->ecx); }

int sys_tgkill(struct trap_frame *frame) {
    int group = (int)frame->ebx, pid = (int)frame->ecx;

    if (group <= 0)
        return -EINVAL;
    return group == pid || pid <= 0 ? kill_thread(pid, frame->edx) : -ESRCH;
}
