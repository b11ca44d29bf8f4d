/* Linux's system-call interface for i386: error numbers, flags and structures, as its uapi headers have them.
 * A system call returns the negative of an error number. */
#ifndef QUIRE_LINUX_H
#define QUIRE_LINUX_H

#include "trap.h"
#include "types.h"

/* asm-generic/errno-base.h, errno.h */
#define EPERM 1
#define ENOENT 2
#define ESRCH 3
#define EINTR 4
#define EIO 5
#define E2BIG 7
#define ENOEXEC 8
#define EBADF 9
#define ECHILD 10
#define EAGAIN 11
#define ENOMEM 12
#define EACCES 13
#define EFAULT 14
#define EEXIST 17
#define ENOTDIR 20
#define EISDIR 21
#define EINVAL 22
#define EMFILE 24
#define ENOTTY 25
#define ESPIPE 29
#define EROFS 30
#define EPIPE 32
#define ERANGE 34
#define ENAMETOOLONG 36
#define ENOSYS 38
#define ERESTART 512 /* never seen by a program: becomes EINTR, or the call is repeated */

/* asm/signal.h */
#define SIGINT 2
#define SIGQUIT 3
#define SIGILL 4
#define SIGTRAP 5
#define SIGBUS 7
#define SIGFPE 8
#define SIGKILL 9
#define SIGSEGV 11
#define SIGPIPE 13
#define SIGCHLD 17
#define SIGCONT 18
#define SIGSTOP 19
#define SIGTSTP 20
#define SIGTTIN 21
#define SIGTTOU 22
#define SIGURG 23
#define SIGWINCH 28
#define SIGNALS 32 /* real-time signals, from 32 on, are refused */

#define SIG_DFL 0
#define SIG_IGN 1
#define SA_NOCLDWAIT 0x00000002
#define SA_SIGINFO 0x00000004
#define SA_RESTORER 0x04000000
#define SA_RESTART 0x10000000
#define SA_NODEFER 0x40000000
#define SA_RESETHAND 0x80000000

#define SIG_BLOCK 0
#define SIG_UNBLOCK 1
#define SIG_SETMASK 2

/* As rt_sigaction has it; the mask's upper half is of the real-time signals. */
struct sigaction {
    unsigned handler, flags, restorer, mask, mask_high;
};

/* asm/sigcontext.h: struct sigcontext_32. Its middle is laid out as the kernel's own frame. */
struct sigcontext {
    unsigned gs, fs, es, ds;
    struct trap_frame frame; /* esp_at_pusha: the program's ESP once more */
    unsigned fpstate, oldmask, cr2;
};
_Static_assert(sizeof(struct sigcontext) == 88, "asm/sigcontext.h");

struct siginfo {
    int signo, error, code;
    unsigned address; /* of a fault; 0 of others */
    unsigned rest[28];
};
_Static_assert(sizeof(struct siginfo) == 128, "asm-generic/siginfo.h");

/* sched.h */
#define CLONE_VM 0x00000100
#define CLONE_VFORK 0x00004000
#define CLONE_SETTLS 0x00080000
#define CLONE_PARENT_SETTID 0x00100000
#define CLONE_CHILD_SETTID 0x01000000
#define CLONE_THREAD 0x00010000

/* wait.h */
#define WNOHANG 1
#define WAIT_OPTIONS 0xE000000Bu /* all: WNOHANG, WUNTRACED, WCONTINUED, __WNOTHREAD, __WALL, __WCLONE */

/* fcntl.h */
#define PATH_MAX 256 /* of Linux's 4,096; a longer path is refused */
#define AT_FDCWD (-100)
#define O_ACCMODE 3
#define O_RDONLY 0
#define O_WRONLY 1
#define O_RDWR 2
#define O_CREAT 0100
#define O_EXCL 0200
#define O_TRUNC 01000
#define O_NONBLOCK 04000
#define O_DIRECTORY 0200000
#define O_CLOEXEC 02000000
#define F_DUPFD 0
#define F_GETFD 1
#define F_SETFD 2
#define F_GETFL 3
#define F_SETFL 4
#define F_DUPFD_CLOEXEC 1030
#define FD_CLOEXEC 1

#define SEEK_SET 0
#define SEEK_CUR 1
#define SEEK_END 2

/* stat.h */
#define S_IFIFO 0010000
#define S_IFCHR 0020000
#define S_IFDIR 0040000
#define S_IFREG 0100000
#define STATX_BASIC_STATS 0x7FF

struct stat64 {
    uint64_t dev;
    unsigned pad, ino32, mode, nlink, uid, gid;
    uint64_t rdev;
    unsigned pad2;
    uint64_t size;
    unsigned blksize;
    uint64_t blocks;
    unsigned atime, atime_ns, mtime, mtime_ns, ctime, ctime_ns;
    uint64_t ino;
} __attribute__((packed));
_Static_assert(sizeof(struct stat64) == 96, "asm/stat.h");

struct statx {
    unsigned mask, blksize;
    uint64_t attributes;
    unsigned nlink, uid, gid;
    uint16_t mode, pad;
    uint64_t ino, size, blocks, attributes_mask;
    struct {
        uint64_t seconds;
        unsigned ns, pad;
    } atime, btime, ctime, mtime;
    unsigned rdev_major, rdev_minor, dev_major, dev_minor;
    uint64_t rest[14];
};
_Static_assert(sizeof(struct statx) == 256, "linux/stat.h");

struct dirent64 {
    uint64_t ino, offset;
    uint16_t length;
    uint8_t type;
    char name[];
} __attribute__((packed));

#define POLLIN 1
#define POLLOUT 4
#define POLLERR 8 /* this, POLLHUP and POLLNVAL are reported even when not requested */
#define POLLHUP 16
#define POLLNVAL 32

struct pollfd {
    int fd;
    uint16_t events, revents;
};

struct iovec {
    unsigned base, length;
};

struct timespec {
    int seconds, ns;
};

/* resource.h */
struct rusage {
    unsigned times[4], sizes[4], minor_faults, rest[9];
};

/* mman.h */
#define PROT_READ 1
#define PROT_WRITE 2
#define PROT_EXEC 4
#define MAP_SHARED 1
#define MAP_PRIVATE 2
#define MAP_TYPE 0xF
#define MAP_FIXED 0x10
#define MAP_ANONYMOUS 0x20

/* asm/termbits.h, asm/ioctls.h */
#define TCGETS 0x5401
#define TCSETS 0x5402
#define TCSETSF 0x5404
#define TIOCGPGRP 0x540F
#define TIOCSPGRP 0x5410
#define TIOCGWINSZ 0x5413

struct termios {
    unsigned iflag, oflag, cflag, lflag;
    uint8_t line, cc[19];
};
#define ICRNL 0000400u
#define OPOST 0000001u
#define ONLCR 0000004u
#define ISIG 0000001u
#define ICANON 0000002u
#define ECHO 0000010u
#define ECHOE 0000020u
#define ECHOK 0000040u
#define ECHOCTL 0001000u
#define ECHOKE 0004000u
#define IEXTEN 0100000u
enum { VINTR, VQUIT, VERASE, VKILL, VEOF, VTIME, VMIN };

struct winsize {
    uint16_t rows, columns, width, height;
};

/* asm/ldt.h */
struct user_desc {
    unsigned entry, base, limit;
    unsigned seg_32bit : 1, contents : 2, read_exec_only : 1, limit_in_pages : 1, seg_not_present : 1,
        useable : 1;
};

/* auxvec.h */
enum auxiliary {
    AT_NULL = 0,
    AT_PHDR = 3,
    AT_PHENT,
    AT_PHNUM,
    AT_PAGESZ,
    AT_BASE,
    AT_FLAGS,
    AT_ENTRY,
    AT_UID = 11,
    AT_EUID,
    AT_GID,
    AT_EGID,
    AT_HWCAP = 16,
    AT_CLKTCK,
    AT_SECURE = 23,
    AT_RANDOM = 25,
    AT_EXECFN = 31,
};

#endif
