/* What programs do in several calls, which calls one by one hardly ever come to. See program.h. */
#include "program.h"

#include "memlayout.h"
#include "string.h"

#include "../../kernel/call_numbers.h"
#include "../../model/model.h"

#include "../../../kernel/process/process_inside.h"

#define MAPPED (MAP_PRIVATE | MAP_ANONYMOUS)

static unsigned call_with(struct trap_frame *frame, unsigned number, const unsigned arg[6]) {
    frame->ebx = arg[0];
    frame->ecx = arg[1];
    frame->edx = arg[2];
    frame->esi = arg[3];
    frame->edi = arg[4];
    frame->ebp = arg[5];
    make_call(frame, number);
    return frame->eax;
}

/* Call NUMBER with these arguments, and 0 for the others. What it returned. (Clang takes the choices in them from left to
 * right, so that an input keeps its meaning.) */
#define CALL(number, ...) call_with(frame, number, (const unsigned[6]){__VA_ARGS__})

/* ---- signals, children ---- */

static unsigned usual_signal(void) {
    static const uint8_t usual[] = {SIGINT, SIGQUIT, SIGSEGV, SIGPIPE, SIGCHLD, SIGCONT, SIGWINCH};

    return model_one_in(4) ? 1 + model_below(SIGNALS - 1) : usual[model_below(ARRAY_SIZE(usual))];
}

static void handle_a_signal(struct trap_frame *frame) {
    static const unsigned flags[] = {0,          SA_RESTART,   SA_SIGINFO | SA_RESTORER,
                                     SA_NODEFER, SA_RESETHAND, SA_NOCLDWAIT};
    struct sigaction action = {.handler = model_one_in(4) ? model_below(2) : TEXT,
                               .flags = flags[model_below(ARRAY_SIZE(flags))],
                               .restorer = TEXT};

    action.mask = model_one_in(2) ? model_word() : 0;
    put(frame, last.stored = place(frame), &action, sizeof(action));
    CALL(SYS_RT_SIGACTION, usual_signal(), last.stored, 0, 8);
}

/* A child, which may be sent a signal, and is waited for. */
static void have_a_child(struct trap_frame *frame) {
    unsigned child = CALL(model_one_in(4) ? SYS_VFORK : SYS_FORK), to = place(frame);

    if (model_one_in(2))
        CALL(SYS_KILL, child, usual_signal());
    CALL(SYS_WAIT4, model_one_in(2) ? child : -1u, to, model_below(2), model_one_in(4) ? to : 0);
}

static void send_a_signal(struct trap_frame *frame) {
    static const int whom[] = {0, -1, 1, 2};

    CALL(SYS_KILL, (unsigned)(current->pid + whom[model_below(ARRAY_SIZE(whom))]), usual_signal());
}

static void end(struct trap_frame *frame) { CALL(SYS_EXIT, model_below(256)); }

/* Its stack is of many calls, of one function or of several; then it stores to nowhere. */
static void recurse(struct trap_frame *frame) {
    unsigned at = place(frame), n = model_below(40), one = model_below(2), word = 0;

    frame->ebp = at;
    for (; n && at < DATA_END - 16; n--, at += 8) {
        const unsigned link[] = {at + 8, TEXT + (one ? 0 : n)};
        put(frame, at, link, sizeof(link));
    }
    access_word(frame, PAGE_SIZE, true, &word);
}

/* ---- pipes, files, the terminal ---- */

static unsigned length(void) {
    static const uint16_t border[] = {1, 511, PAGE_SIZE - 1, PAGE_SIZE, PAGE_SIZE + 1, 2 * PAGE_SIZE};

    return model_one_in(2) ? model_below(64) : border[model_below(ARRAY_SIZE(border))];
}

static void use_a_pipe(struct trap_frame *frame) {
    unsigned fd[2], at = place(frame);

    CALL(SYS_PIPE2, at, model_one_in(2) ? O_NONBLOCK : 0);
    if (!access_word(frame, at, false, &fd[0]) || !access_word(frame, at + 4, false, &fd[1]))
        return;
    if (model_one_in(4))
        CALL(SYS_FORK);
    for (unsigned n = model_below(4), to; n; n--) {
        to = place(frame);
        CALL(SYS_WRITE, fd[1], to, length());
        to = place(frame);
        CALL(SYS_READ, fd[0], to, length());
    }
    if (model_one_in(4))
        CALL(SYS_CLOSE, fd[model_below(2)]);
}

static void use_a_file(struct trap_frame *frame) {
    static const char *const path[] = {"/table", "/program", "/bin/program", "/", "/dev/null"};
    unsigned fd = CALL(SYS_OPEN, put_text(frame, path[model_below(ARRAY_SIZE(path))]),
                       model_one_in(8) ? O_WRONLY : O_RDONLY);

    for (unsigned n = model_below(5), at, bytes; n; n--) {
        at = place(frame);
        switch (model_below(6)) {
        case 0:
            CALL(SYS_READ, fd, at, length());
            break;
        case 1:
            bytes = model_one_in(2) ? model_word() : model_below(2 * PAGE_SIZE);
            CALL(SYS_LSEEK, fd, bytes, model_below(4));
            break;
        case 2:
            CALL(SYS_LLSEEK, fd, model_one_in(4) ? -1u : 0, model_below(2 * PAGE_SIZE), at, model_below(3));
            break;
        case 3:
            CALL(SYS_GETDENTS64, fd, at, model_below(512));
            break;
        case 4:
            bytes = 1 + model_below(4 * PAGE_SIZE);
            at = model_below(4);
            CALL(SYS_MMAP2, 0, bytes, model_below(8), MAP_PRIVATE, fd, at);
            break;
        default:
            bytes = 1 + model_below(4 * PAGE_SIZE);
            CALL(SYS_MMAP2, last.mapped, bytes, model_below(8), MAP_PRIVATE | MAP_FIXED, fd, model_below(2));
        }
    }
}

/* Reads or writes parts, or asks which of some descriptors are ready. */
static void use_several(struct trap_frame *frame) {
    unsigned words[6], at = place(frame), n = 1 + model_below(3), fd = descriptor();
    bool poll = model_one_in(2);

    for (unsigned i = 0; i < 6; i += 2) {
        words[i] = poll ? descriptor() : place(frame);
        words[i + 1] = poll ? POLLIN | POLLOUT : length();
    }
    put(frame, at, words, sizeof(words));
    if (poll)
        CALL(SYS_POLL, at, n, model_below(16));
    else
        CALL(model_one_in(2) ? SYS_READV : SYS_WRITEV, fd, at, n);
}

/* Turns features of the terminal on and off, then reads from it. */
static void use_the_terminal(struct trap_frame *frame) {
    static const unsigned local[] = {ICANON, ISIG, ECHO, ICANON | ECHO, ICANON | ISIG};
    struct termios mode = {.iflag = ICRNL, .lflag = ICANON | ISIG | ECHO};
    unsigned at = place(frame);

    mode.iflag ^= model_one_in(2) ? ICRNL : 0;
    mode.lflag ^= local[model_below(ARRAY_SIZE(local))];
    for (unsigned i = 0; i <= VMIN; i++)
        mode.cc[i] = (uint8_t)(i + 1);
    put(frame, at, &mode, sizeof(mode));
    CALL(SYS_IOCTL, 0, model_one_in(2) ? TCSETS : TCSETSF, at);
    CALL(SYS_READ, 0, at, model_below(64));
}

/* ---- memory ---- */

/* A mapping at a border of where they can be, so that others must find a gap; then some that are taken apart. */
static void use_mappings(struct trap_frame *frame) {
    const unsigned border[] = {pages_for(current->memory.brk) * PAGE_SIZE, STACK_TOP, MAPPINGS_END, USER_END};
    unsigned at = border[model_below(ARRAY_SIZE(border))], pages = 1 + model_below(4);

    if (at == MAPPINGS_END || at == USER_END || model_one_in(4))
        at -= pages * PAGE_SIZE;
    CALL(SYS_MMAP2, at, pages * PAGE_SIZE, PROT_WRITE, MAPPED | MAP_FIXED);
    for (unsigned n = model_below(4); n; n--) {
        at = CALL(SYS_MMAP2, 0, (1 + model_below(8)) * PAGE_SIZE, PROT_WRITE, MAPPED);
        CALL(SYS_MUNMAP, at + model_below(3) * PAGE_SIZE, (1 + model_below(2)) * PAGE_SIZE);
    }
}

static void move_the_break(struct trap_frame *frame) {
    unsigned start = current->memory.brk_start;

    CALL(SYS_BRK, start + model_below(8) * PAGE_SIZE);
    CALL(SYS_BRK, start + model_below(8 * PAGE_SIZE));
}

static void use_thread_storage(struct trap_frame *frame) {
    const struct user_desc wanted = {.entry = -1u, .base = place(frame)};

    put(frame, wanted.base, &wanted, sizeof(wanted));
    CALL(SYS_SET_THREAD_AREA, wanted.base);
}

/* Executes a program with up to 63 arguments of up to two pages each, which may be too much for the kernel. */
static void execute(struct trap_frame *frame) {
    unsigned bytes = model_one_in(2) ? model_below(64) : model_below(2 * PAGE_SIZE), n = model_below(64);
    unsigned text = DATA, vector = DATA_END - PAGE_SIZE, word = 0x20202020, none = 0;
    unsigned path = put_text(frame, model_one_in(2) ? "/program" : LONG_NAME);

    for (unsigned i = 0; i < bytes; i += 4)
        access_word(frame, text + i, true, &word);
    access_word(frame, text + (bytes & ~3u), true, &none);
    for (unsigned i = 0; i < n; i++)
        access_word(frame, vector + i * 4, true, &text);
    access_word(frame, vector + n * 4, true, &none);
    CALL(SYS_EXECVE, path, vector, model_one_in(2) ? vector : 0);
}

void follow_habit(struct trap_frame *frame) {
    static void (*const habits[])(struct trap_frame *) = {
        handle_a_signal, handle_a_signal, have_a_child,       send_a_signal, end,        recurse,
        use_a_pipe,      use_several,     use_several,        use_a_file,    use_a_file, use_the_terminal,
        use_mappings,    move_the_break,  use_thread_storage, execute};

    habits[model_below(ARRAY_SIZE(habits))](frame);
}
