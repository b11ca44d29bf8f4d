/* The system calls: Linux's numbers for i386, INT 0x80. Arguments: ebx, ecx, edx, esi, edi, ebp. Each returns what
 * the program finds in eax, a negative error number if it fails. */
#ifndef QUIRE_SYSTEM_CALLS_H
#define QUIRE_SYSTEM_CALLS_H

#include "cpu.h"
#include "trap.h"

typedef int system_call(struct trap_frame *frame);

/* EFLAGS for ring 3: interrupts on, and from WISH only what a program could set by POPF. */
static inline unsigned user_eflags(unsigned wish) { return (wish & EFLAGS_PROGRAM) | EFLAGS_IF | 2; }

/* Registers the handlers of system calls, faults and interrupts of programs. */
void system_calls_init(void);

/* memory.c */
system_call sys_brk, sys_mmap, sys_mmap2, sys_mprotect, sys_munmap;

/* process.c, exec.c */
system_call sys_clone, sys_execve, sys_exit, sys_fork, sys_getpgid, sys_setpgid, sys_wait4, sys_waitpid;

/* file.c */
system_call sys_close, sys_dup, sys_dup2, sys_dup3, sys_fcntl64, sys_ioctl, sys_llseek, sys_lseek, sys_poll;
system_call sys_read, sys_readv, sys_write, sys_writev;

/* directory.c */
system_call sys_access, sys_chdir, sys_faccessat, sys_fstat64, sys_fstatat64, sys_getcwd, sys_getdents64;
system_call sys_open, sys_openat, sys_readlink, sys_stat64, sys_statx;

/* pipe.c */
system_call sys_pipe, sys_pipe2;

/* signals.c */
system_call sys_kill, sys_pause, sys_rt_sigaction, sys_rt_sigprocmask, sys_rt_sigreturn, sys_rt_sigsuspend;
system_call sys_sigaction, sys_sigprocmask, sys_sigreturn, sys_sigsuspend, sys_tgkill, sys_tkill;

/* clock.c */
system_call sys_clock_gettime, sys_clock_gettime64, sys_clock_nanosleep, sys_gettimeofday, sys_nanosleep,
    sys_time;

#endif
