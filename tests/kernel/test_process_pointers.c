/* System calls with pointers at every border of a program's memory: each call works, or returns -EFAULT, exactly as the
 * program's own access would; and nothing that is not the program's changes. */
#include "process.h"

#include "../../kernel/process/process_inside.h"
#include "../../kernel/process/tty.h"
#include "format.h"
#include "ktest.h"
#include "memlayout.h"
#include "puppet.h"
#include "space.h"
#include "string.h"
#include "vmem.h"

/* ---- the program's memory ---- */

#define PAGES_AT 0x20000000u
#define LAST_PAGE (USER_END - PAGE_SIZE)

static char copied[PAGE_SIZE] __attribute__((aligned(PAGE_SIZE))); /* what the copy-on-write pages show */

enum page { ABSENT, WRITABLE, READ_ONLY, TO_COME, TO_COME_READ_ONLY, COPY, NO_ACCESS };

/* From PAGES_AT on. Each kind has each other that matters before or after it. */
static const uint8_t pages[] = {ABSENT, WRITABLE,  ABSENT, WRITABLE, READ_ONLY,         WRITABLE, TO_COME,
                                COPY,   READ_ONLY, COPY,   TO_COME,  TO_COME_READ_ONLY, WRITABLE, NO_ACCESS};

static void lay_out_page(char *va, enum page page, char fill) {
    space_release(va, 1);
    if (page == COPY)
        space_map_copy(va, (paddr_t)(uintptr_t)copied, 1, VMEM_WRITE | VMEM_USER);
    else if (page == TO_COME_READ_ONLY)
        space_reserve(va, 1, VMEM_USER);
    else if (page != ABSENT)
        space_reserve(va, 1, VMEM_WRITE | VMEM_USER);
    if (page == WRITABLE || page == READ_ONLY || page == NO_ACCESS)
        memset(va, fill, PAGE_SIZE); /* a first touch by the kernel: memory_fault brings the page in */
    if (page == READ_ONLY || page == NO_ACCESS)
        space_protect(va, 1, page == READ_ONLY ? VMEM_USER : 0);
}

static void lay_out(char fill) {
    memset(copied, fill, PAGE_SIZE);
    for (size_t i = 0; i < ARRAY_SIZE(pages); i++)
        lay_out_page((char *)PAGES_AT + i * PAGE_SIZE, pages[i], fill);
    lay_out_page((char *)USER_START, WRITABLE, fill);
    lay_out_page((char *)LAST_PAGE, WRITABLE, fill);
}

static bool is_filled(const char *va, char fill) {
    const unsigned *word = (const void *)va, wanted = (uint8_t)fill * 0x01010101u;

    for (size_t i = 0; i < PAGE_SIZE / sizeof(*word); i++)
        if (word[i] != wanted)
            return false;
    return true;
}

/* Whether what no call may change is as lay_out(FILL) left it. (After execve only COPIED is still there.) */
static bool is_untouched(char fill) {
    paddr_t pa;

    for (size_t i = 0; i < ARRAY_SIZE(pages); i++) {
        const char *va = (char *)PAGES_AT + i * PAGE_SIZE;
        if ((pages[i] == READ_ONLY || pages[i] == NO_ACCESS) && vmem_translate(va, &pa) &&
            !is_filled(va, fill))
            return false;
    }
    return is_filled(copied, fill);
}

static const uint32_t borders[] = {
    0, 0x00001000, 0x00100000, USER_START, USER_START + PAGE_SIZE, USER_END - PAGE_SIZE, USER_END, 0xFFC00000,
};

/* Border I, counted from 0: a page's start. False past the last. */
static bool border(size_t i, uint32_t *out) {
    if (i < ARRAY_SIZE(borders))
        *out = borders[i];
    else
        *out = PAGES_AT + (i - ARRAY_SIZE(borders)) * PAGE_SIZE;
    return i < ARRAY_SIZE(borders) + ARRAY_SIZE(pages) + 1;
}

/* ---- the calls ---- */

enum kind {
    IN,     /* SIZE bytes are read */
    OUT,    /* SIZE bytes are written */
    STRING, /* bytes are read up to a NUL */
    LISTED, /* the same, by an address in a list */
    PART,   /* up to SIZE bytes are read; as many as can be are used */
    FILLED, /* the same, written */
    QUIET,  /* SIZE bytes are written, or not: the call does not tell */
};

/* What an argument stands for, besides small numbers. */
enum { POINTER = 0x70000001, GOOD, LIST, VECTOR, LINK, FD_FILE, FD_DIRECTORY, FD_READ, FD_WRITE, CHILD };

static const struct pointer_call {
    const char *name;
    unsigned number;
    enum kind kind;
    size_t size;
    bool may_be_null;
    unsigned arg[5];
} calls[] = {
    {"read", 3, FILLED, 100, false, {FD_FILE, POINTER, 100}},
    {"read, a pipe", 3, FILLED, 4, false, {FD_READ, POINTER, 4}},
    {"write", 4, PART, 4, false, {FD_WRITE, POINTER, 4}},
    {"write, the terminal", 4, PART, 4, false, {1, POINTER, 4}},
    {"open", 5, STRING, 0, false, {POINTER}},
    {"waitpid", 7, OUT, 4, true, {CHILD, POINTER}},
    {"execve", 11, STRING, 0, false, {POINTER}},
    {"chdir", 12, STRING, 0, false, {POINTER}},
    {"time", 13, OUT, 4, true, {POINTER}},
    {"access", 33, STRING, 0, false, {POINTER}},
    {"pipe", 42, OUT, 8, false, {POINTER}},
    {"ioctl TCGETS", 54, OUT, sizeof(struct termios), false, {1, TCGETS, POINTER}},
    {"ioctl TIOCGWINSZ", 54, OUT, sizeof(struct winsize), false, {1, TIOCGWINSZ, POINTER}},
    {"ioctl TIOCGPGRP", 54, OUT, 4, false, {1, TIOCGPGRP, POINTER}},
    {"sigaction", 67, IN, 16, true, {10, POINTER}},
    {"sigaction, old", 67, OUT, 16, true, {10, 0, POINTER}},
    {"getrusage", 77, OUT, sizeof(struct rusage), false, {0, POINTER}},
    {"gettimeofday", 78, OUT, 8, true, {POINTER}},
    {"readlink", 85, STRING, 0, false, {POINTER, GOOD, 10}},
    {"readlink, out", 85, OUT, 7, false, {LINK, POINTER, 7}},
    {"mmap", 90, IN, 24, false, {POINTER}},
    {"wait4", 114, OUT, 4, true, {CHILD, POINTER}},
    {"wait4, usage", 114, OUT, sizeof(struct rusage), true, {CHILD, GOOD, 0, POINTER}},
    {"uname", 122, OUT, 390, false, {POINTER}},
    {"sigprocmask", 126, IN, 4, true, {SIG_BLOCK, POINTER}},
    {"sigprocmask, old", 126, OUT, 4, true, {SIG_BLOCK, 0, POINTER}},
    {"_llseek", 140, OUT, 8, false, {FD_FILE, 0, 0, POINTER, SEEK_SET}},
    {"readv", 145, IN, 8, false, {FD_FILE, POINTER, 1}},
    {"writev", 146, IN, 8, false, {FD_WRITE, POINTER, 1}},
    {"nanosleep", 162, IN, 8, false, {POINTER}},
    {"poll", 168, OUT, 8, false, {POINTER, 1, 0}},
    {"rt_sigaction", 174, IN, 20, true, {10, POINTER, 0, 8}},
    {"rt_sigaction, old", 174, OUT, 20, true, {10, 0, POINTER, 8}},
    {"rt_sigprocmask", 175, IN, 4, true, {SIG_BLOCK, POINTER, 0, 8}},
    {"rt_sigprocmask, old", 175, OUT, 8, true, {SIG_BLOCK, 0, POINTER, 8}},
    {"rt_sigsuspend", 179, IN, 4, false, {POINTER, 8}},
    {"getcwd", 183, OUT, 2, false, {POINTER, 2}},
    {"stat64", 195, STRING, 0, true, {POINTER, GOOD}},
    {"stat64, out", 195, OUT, sizeof(struct stat64), false, {PUPPET_NAME, POINTER}},
    {"lstat64, out", 196, OUT, sizeof(struct stat64), false, {PUPPET_NAME, POINTER}},
    {"fstat64", 197, OUT, sizeof(struct stat64), false, {FD_FILE, POINTER}},
    {"getdents64", 220, OUT, 21, false, {FD_DIRECTORY, POINTER, 24}},
    {"clock_gettime", 265, OUT, 8, false, {0, POINTER}},
    {"clock_nanosleep", 267, IN, 8, false, {0, 0, POINTER}},
    {"openat", 295, STRING, 0, false, {(unsigned)AT_FDCWD, POINTER}},
    {"fstatat64", 300, STRING, 0, true, {(unsigned)AT_FDCWD, POINTER, GOOD}},
    {"fstatat64, out", 300, OUT, sizeof(struct stat64), false, {(unsigned)AT_FDCWD, PUPPET_NAME, POINTER}},
    {"faccessat", 307, STRING, 0, false, {(unsigned)AT_FDCWD, POINTER}},
    {"pipe2", 331, OUT, 8, false, {POINTER}},
    {"statx", 383, STRING, 0, true, {(unsigned)AT_FDCWD, POINTER, 0, 0, GOOD}},
    {"statx, out", 383, OUT, sizeof(struct statx), false, {(unsigned)AT_FDCWD, PUPPET_NAME, 0, 0, POINTER}},
    {"clock_gettime64", 403, OUT, 16, false, {0, POINTER}},
    {"nanosleep, left", 162, OUT, 8, true, {GOOD, POINTER}},
    {"clock_nanosleep, left", 267, OUT, 8, true, {0, 0, GOOD, POINTER}},
    {"clone, the child's number", 120, QUIET, 4, true, {CLONE_PARENT_SETTID, 0, POINTER}},
    {"clone, the child's own number", 120, QUIET, 4, true, {CLONE_CHILD_SETTID, 0, 0, 0, POINTER}},
    {"readv, a part", 145, FILLED, 100, false, {FD_FILE, VECTOR, 1}},
    {"writev, a part", 146, PART, 4, false, {FD_WRITE, VECTOR, 1}},
    {"execve, an argument", 11, LISTED, 0, true, {PUPPET_NAME, LIST}},
    {"execve, a variable", 11, LISTED, 0, true, {PUPPET_NAME, 0, LIST}},
    {"execve, arguments", 11, IN, 4, true, {PUPPET_NAME, POINTER}},
    {"execve, environment", 11, IN, 4, true, {PUPPET_NAME, 0, POINTER}},
    {"set_thread_area", 243, IN, 16, false, {POINTER}},
    {"ioctl TCSETS", 54, IN, sizeof(struct termios), false, {1, TCSETS, POINTER}},
    {"ioctl TIOCSPGRP", 54, IN, 4, false, {1, TIOCSPGRP, POINTER}},
};

#define GOOD_PLACE (PUPPET_AREA + PAGE_SIZE)

static int puppet; /* its PID; its children end at once */
static int fd_file, fd_directory, fd_read, fd_write;
static unsigned first_free_fd;

static int make_call(struct trap_frame *frame, unsigned number, unsigned a, unsigned b, unsigned c) {
    const unsigned arg[6] = {a, b, c};

    return puppet_call(frame, number, arg);
}

/* Opens what the calls need, as the lowest descriptors. */
static void open_files(struct trap_frame *frame) {
    int *fd = (int *)GOOD_PLACE;

    memcpy((char *)PUPPET_AREA, "/", 2);
    fd_file = make_call(frame, 5, PUPPET_NAME, 0, 0);
    fd_directory = make_call(frame, 5, PUPPET_AREA, 0, 0);
    make_call(frame, 331, GOOD_PLACE, O_NONBLOCK, 0);
    fd_read = fd[0];
    fd_write = fd[1];
    first_free_fd = (unsigned)fd_write + 1;
}

static unsigned argument(struct trap_frame *frame, const struct pointer_call *call, unsigned i, unsigned at) {
    switch (call->arg[i]) {
    case POINTER:
        return at;
    case LIST: /* of one string, or part */
    case VECTOR:
        memcpy((char *)GOOD_PLACE, (const unsigned[2]){at, call->size}, 8);
        return GOOD_PLACE;
    case LINK:
        memcpy((char *)GOOD_PLACE, "/proc/self/exe", 15);
        return GOOD_PLACE;
    case GOOD: /* a long time to sleep */
        memcpy((char *)GOOD_PLACE, (const unsigned[2]){1000, 0}, 8);
        return GOOD_PLACE;
    case FD_FILE:
        return (unsigned)fd_file;
    case FD_DIRECTORY:
        return (unsigned)fd_directory;
    case FD_READ:
        make_call(frame, 4, (unsigned)fd_write, GOOD_PLACE, 8); /* more than is read */
        return (unsigned)fd_read;
    case FD_WRITE:
        return (unsigned)fd_write;
    case CHILD:
        return (unsigned)make_call(frame, 2, 0, 0, 0);
    default:
        return call->arg[i];
    }
}

/* CALL with its pointer at VA: what it returns. */
static int make_pointer_call(struct trap_frame *frame, const struct pointer_call *call, uintptr_t va) {
    unsigned arg[6] = {0};

    for (unsigned i = 0; i < 5; i++)
        arg[i] = argument(frame, call, i, va);
    if (call->number == 162 || call->number == 179 || call->number == 267)
        current->signals.pending |= 1u << (SIGCHLD - 1); /* or it would wait for one */
    puppet_paint_stack();
    return puppet_call(frame, call->number, arg);
}

/* Puts back what a call may have changed: offsets, descriptors, what the pipe holds, children, the terminal's group. */
static void tidy_up(struct trap_frame *frame) {
    files_close(&current->files, ~0u << first_free_fd);
    file_get(fd_file)->offset = file_get(fd_directory)->offset = 0;
    make_call(frame, 3, (unsigned)fd_read, GOOD_PLACE, 16);
    make_call(frame, 7, (unsigned)-1, 0, 0);
    tty_give(puppet);
}

/* ---- what must come of them ---- */

static bool may(uintptr_t va, size_t n, bool write) {
    return va >= USER_START && va < USER_END && n <= USER_END - va &&
           space_allows((void *)va, n, VMEM_USER | (write ? VMEM_WRITE : 0));
}

/* How many of the N bytes at VA the program may access. */
static size_t prefix(uintptr_t va, size_t n, bool write) {
    size_t i = 0;

    while (i < n && may(va + i, 1, write))
        i++;
    return i;
}

/* Whether a string that begins at VA, of at most MOST bytes, runs into a page that the program may not read. */
static bool string_runs_out(uintptr_t va, size_t most) {
    paddr_t pa;

    for (size_t i = 0; i < most; i++) {
        if (!may(va + i, 1, false))
            return true;
        /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): nothing may be read at NULL */
        if (!vmem_translate((void *)(va + i), &pa) || !*(char *)(va + i))
            return false;
    }
    return false;
}

/* What CALL returns with its pointer at VA, if it is known; *FAULTS: whether that is -EFAULT. */
static int expected(const struct pointer_call *call, uintptr_t va, bool *faults) {
    bool write = call->kind == OUT || call->kind == FILLED || call->kind == QUIET;
    size_t can = prefix(va, call->size, write);

    if (call->kind == STRING || call->kind == LISTED)
        *faults = string_runs_out(va, call->kind == STRING ? PATH_MAX : sizeof(pages) * PAGE_SIZE);
    else
        *faults = call->kind == PART || call->kind == FILLED ? can == 0 : can < call->size;
    *faults &= (va || !call->may_be_null) && call->kind != QUIET;
    return *faults ? -EFAULT : (int)can;
}

/* Whether CALL, whose pointer was VA, has brought in the page behind its last byte. */
static bool goes_beyond(const struct pointer_call *call, uintptr_t va) {
    const size_t end = va + call->size, page = (end - PAGES_AT) / PAGE_SIZE;
    paddr_t pa;

    return call->size && end % PAGE_SIZE == 0 && page < ARRAY_SIZE(pages) &&
           (pages[page] == TO_COME || pages[page] == TO_COME_READ_ONLY) && vmem_translate((void *)end, &pa);
}

static char failure[160]; /* the first one */

static void check_call(struct trap_frame *frame, const struct pointer_call *call, uintptr_t va) {
    char fill = call->size ? '\0' : 'x'; /* of a string */
    int group = -1;
    bool faults;

    lay_out(fill);
    int wanted = expected(call, va, &faults);
    int value = make_pointer_call(frame, call, va);
    bool known = faults || call->kind == PART || call->kind == FILLED;
    bool right = known ? value == wanted : value != -EFAULT;
    bool untouched = is_untouched(fill) && !goes_beyond(call, va);
    make_call(frame, 54, 1, TIOCGPGRP, GOOD_PLACE);
    memcpy(&group, (int *)GOOD_PLACE, sizeof(group));
    bool kept = group == puppet || (call->arg[1] == TIOCSPGRP && !faults);
    if (!failure[0] && !(right && untouched && kept))
        format_buffer(failure, sizeof(failure), "%s at 0x%08x: returned %d, wanted %s%d%s%s", call->name,
                      (unsigned)va, value, known ? "" : "any but ", known ? wanted : -EFAULT,
                      untouched ? "" : "; another page was touched", kept ? "" : "; the terminal's group changed");
    tidy_up(frame);
}

static unsigned cases;

static void check_border(struct trap_frame *frame, const struct pointer_call *call, uint32_t at) {
    const uintptr_t places[] = {at - call->size, at - call->size / 2, at - 1, at};

    for (size_t i = 0; i < ARRAY_SIZE(places); i++, cases++)
        check_call(frame, call, places[i]);
}

static void check_calls(struct trap_frame *frame) {
    uint32_t at;

    if (current->pid != puppet)
        make_call(frame, 1, 0, 0, 0);
    open_files(frame);
    tty_give(puppet);
    for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
        for (size_t b = 0; border(b, &at); b++)
            check_border(frame, &calls[i], at);
    make_call(frame, 1, 0, 0, 0);
}

static void run(void (*handler)(struct trap_frame *frame)) {
    puppet_run(handler, &puppet);
    tty_give(0);
}

KTEST(process_pointers_at_borders_work_or_fault)
{
    cases = 0;
    failure[0] = '\0';
    run(check_calls);
    KCHECK(puppet > 0);
    if (failure[0])
        ktest_fail(__FILE__, __LINE__, "%s", failure);
    KCHECK(cases > 4000);
}

/* ---- nothing of the kernel's stack ---- */

/* Each call that writes to the program, with the stack painted before it: FAILURE names the first that lets four bytes
 * of paint through. */
static void look_for_paint(struct trap_frame *frame) {
    char *to = (char *)PUPPET_AREA + 2 * PAGE_SIZE;

    if (current->pid != puppet)
        make_call(frame, 1, 0, 0, 0);
    open_files(frame);
    tty_give(puppet);
    for (const struct pointer_call *call = calls; call < calls + ARRAY_SIZE(calls); call++) {
        if (call->kind != OUT && call->kind != FILLED && call->kind != QUIET)
            continue;
        memset(to, 0, PAGE_SIZE);
        int value = make_pointer_call(frame, call, (unsigned)to);
        if (value < 0 && value != -EINTR && !failure[0])
            format_buffer(failure, sizeof(failure), "%s fails", call->name);
        for (size_t i = 0; i + 4 <= call->size; i++, cases++)
            if (!failure[0] && !memcmp(to + i, "xxxx", 4))
                format_buffer(failure, sizeof(failure), "%s shows the kernel's stack, %zu bytes in", call->name, i);
        tidy_up(frame);
    }
    make_call(frame, 1, 0, 0, 0);
}

KTEST(process_calls_show_nothing_of_the_kernels_stack)
{
    cases = 0;
    failure[0] = '\0';
    run(look_for_paint);
    if (failure[0])
        ktest_fail(__FILE__, __LINE__, "%s", failure);
    KCHECK(cases > 1000);
}

/* ---- the frames of signals ---- */

static unsigned stack_at; /* 0 once it is used */
static bool returns;      /* from a handler, or else enters one */

static void enter_or_return(struct trap_frame *frame) {
    if (stack_at == 0) /* it has come through */
        make_call(frame, 1, 0, 0, 0);
    lay_out('\0');
    make_call(frame, 174, 10, PUPPET_ACTION, 0);
    frame->user_esp = stack_at;
    stack_at = 0;
    make_call(frame, returns ? 173 : 37, (unsigned)puppet, 10, 0);
}

KTEST(process_signal_frames_at_borders_end_the_program_at_worst)
{
    uint32_t at;

    for (size_t b = 0; border(b, &at); b++)
        for (unsigned i = 0; i < 12; i++) {
            static const unsigned offsets[] = {0, 4, 300, 900, (unsigned)-4, (unsigned)-500};
            stack_at = at + offsets[i / 2];
            returns = i % 2;
            run(enter_or_return);
            KCHECK(puppet > 0);
            KCHECK(is_filled(copied, '\0'));
        }
}
