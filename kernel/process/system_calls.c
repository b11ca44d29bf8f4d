/* The way from a program into the kernel and back: system calls, faults, interrupts. See system_calls.h. */
#include "system_calls.h"

#include "descriptors.h"
#include "fault.h"
#include "process.h"
#include "process_inside.h"
#include "string.h"
#include "timer.h"
#include "user_memory.h"

/* ---- the small ones ---- */

static int sys_getpid(struct trap_frame *frame) {
    (void)frame;
    return current->pid;
}

static int sys_getppid(struct trap_frame *frame) {
    (void)frame;
    return current->parent->pid;
}

static int sys_getpgrp(struct trap_frame *frame) {
    (void)frame;
    return current->group;
}

/* Every program runs as user 0. */
static int sys_zero(struct trap_frame *frame) {
    (void)frame;
    return 0;
}

static int sys_umask(struct trap_frame *frame) {
    (void)frame;
    return 022;
}

static int sys_sched_yield(struct trap_frame *frame) {
    (void)frame;
    schedule();
    return 0;
}

static int sys_uname(struct trap_frame *frame) {
    static const char names[6][65] = {"Linux", "quire", "5.10.0", "Quire", "i686", ""};

    return copy_to_user((void *)frame->ebx, names, sizeof(names));
}

/* Only the page faults are counted. */
static int sys_getrusage(struct trap_frame *frame) {
    const struct rusage usage = {.minor_faults = current->faults};

    return copy_to_user((void *)frame->ecx, &usage, sizeof(usage));
}

/* There is one entry for thread-local storage, of 4 GiB from its base. */
static int sys_set_thread_area(struct trap_frame *frame) {
    struct user_desc wanted;

    if (copy_from_user(&wanted, (void *)frame->ebx, sizeof(wanted)) < 0)
        return -EFAULT;
    if (wanted.entry != UINT32_MAX && wanted.entry != USER_TLS / 8)
        return -EINVAL;
    wanted.entry = USER_TLS / 8;
    if (copy_to_user((void *)frame->ebx, &wanted.entry, sizeof(wanted.entry)) < 0)
        return -EFAULT;
    trap_set_tls(current->context.tls = wanted.base);
    return 0;
}

/* ---- the table ---- */

enum { SIGRETURN = 119, RT_SIGRETURN = 173 };

static system_call *const calls[] = {
    [1] = sys_exit,
    [2] = sys_fork,
    [3] = sys_read,
    [4] = sys_write,
    [5] = sys_open,
    [6] = sys_close,
    [7] = sys_waitpid,
    [11] = sys_execve,
    [12] = sys_chdir,
    [13] = sys_time,
    [19] = sys_lseek,
    [20] = sys_getpid,
    [24] = sys_zero, /* getuid */
    [29] = sys_pause,
    [33] = sys_access,
    [37] = sys_kill,
    [41] = sys_dup,
    [42] = sys_pipe,
    [45] = sys_brk,
    [47] = sys_zero, /* getgid */
    [49] = sys_zero, /* geteuid */
    [50] = sys_zero, /* getegid */
    [54] = sys_ioctl,
    [55] = sys_fcntl64, /* fcntl */
    [57] = sys_setpgid,
    [60] = sys_umask,
    [63] = sys_dup2,
    [64] = sys_getppid,
    [65] = sys_getpgrp,
    [67] = sys_sigaction,
    [72] = sys_sigsuspend,
    [77] = sys_getrusage,
    [78] = sys_gettimeofday,
    [85] = sys_readlink,
    [90] = sys_mmap,
    [91] = sys_munmap,
    [114] = sys_wait4,
    [SIGRETURN] = sys_sigreturn,
    [120] = sys_clone,
    [122] = sys_uname,
    [125] = sys_mprotect,
    [126] = sys_sigprocmask,
    [132] = sys_getpgid,
    [140] = sys_llseek,
    [145] = sys_readv,
    [146] = sys_writev,
    [158] = sys_sched_yield,
    [162] = sys_nanosleep,
    [168] = sys_poll,
    [RT_SIGRETURN] = sys_rt_sigreturn,
    [174] = sys_rt_sigaction,
    [175] = sys_rt_sigprocmask,
    [179] = sys_rt_sigsuspend,
    [183] = sys_getcwd,
    [190] = sys_fork, /* vfork */
    [192] = sys_mmap2,
    [195] = sys_stat64,
    [196] = sys_stat64, /* lstat64 */
    [197] = sys_fstat64,
    [199] = sys_zero, /* getuid32 */
    [200] = sys_zero, /* getgid32 */
    [201] = sys_zero, /* geteuid32 */
    [202] = sys_zero, /* getegid32 */
    [220] = sys_getdents64,
    [221] = sys_fcntl64,
    [224] = sys_getpid, /* gettid */
    [238] = sys_tkill,
    [243] = sys_set_thread_area,
    [252] = sys_exit,   /* exit_group */
    [258] = sys_getpid, /* set_tid_address */
    [265] = sys_clock_gettime,
    [267] = sys_clock_nanosleep,
    [270] = sys_tgkill,
    [295] = sys_openat,
    [300] = sys_fstatat64,
    [307] = sys_faccessat,
    [330] = sys_dup3,
    [331] = sys_pipe2,
    [383] = sys_statx,
    [403] = sys_clock_gettime64,
};

static void handle_call(struct trap_frame *frame) {
    unsigned number = frame->eax;

    if (number < ARRAY_SIZE(calls) && calls[number])
        frame->eax = (unsigned)calls[number](frame);
    else
        frame->eax = (unsigned)-ENOSYS;
    /* After a handler's return eax is the program's, no call's result. */
    if (unlikely(signal_pending()))
        signals_deliver(frame, number == SIGRETURN || number == RT_SIGRETURN ? -1 : (int)number);
}

static void handle_fault(struct trap_frame *frame, uintptr_t address) {
    fault_in_program(frame, address);
    signals_deliver(frame, -1);
}

static void handle_interrupt(struct trap_frame *frame) {
    schedule_interrupted();
    schedule();
    if (signal_pending())
        signals_deliver(frame, -1);
}

/* Registers the handlers of system calls, faults and interrupts of programs. */
void system_calls_init(void) {
    static const struct trap_handlers handlers = {
        .page_fault = memory_fault,
        .program_fault = handle_fault,
        .system_call = handle_call,
        .interrupted = handle_interrupt,
    };

    trap_set_handlers(&handlers);
}
