/* soak SEED: one of the many programs of the monitor's `soak`. Maps, touches, writes, forks, executes itself, talks
 * through pipes, and ends at any moment; and looks whether its pages hold what it wrote, and nobody else.
 *
 * The exit status is a sum, its children's included: 1, a page was wrong; 2, a call returned -ENOMEM; 4, a child was
 * ended because a touch got no memory. */
#include "user.h"

enum { WRONG = 1, NO_MEMORY = 2, ENDED = 4 };

#define ENOMEM 12
#define SIGKILL 9
#define STEPS 40
#define DEPTH 3
#define FAMILIES 4
#define PAGES 200u

static unsigned seed, status;
static unsigned area[PAGES][PAGE / sizeof(unsigned)]; /* a word of each page: the same as in WRITTEN */
static unsigned written[PAGES];

static unsigned below(unsigned limit) {
    seed = seed * 1664525 + 1013904223;
    return (seed >> 8) % limit;
}

/* Others run before WRITTEN follows: whoever shares a page by mistake sees the difference. */
static void touch(void) {
    unsigned first = below(PAGES), end = first + below(PAGES - first), value = seed;

    for (unsigned i = first; i < end; i++)
        area[i][i] = value + i;
    system_call(SYS_sched_yield);
    for (unsigned i = first; i < end; i++)
        written[i] = value + i;
}

static void look(void) {
    for (unsigned i = 0; i < PAGES; i++) {
        if (area[i][i] == written[i])
            continue;
        print("soak: page %u has 0x%x, not 0x%x\n", i, area[i][i], written[i]);
        status |= WRONG;
    }
}

/* VALUE of a system call. */
static int note(int value) {
    if (value == -ENOMEM)
        status |= NO_MEMORY;
    return value;
}

/* CHILD is a wait status. A fault of its own is a page that was wrong. */
static void note_end(int child) {
    int signal = child & 0x7F;

    status |= !signal ? (unsigned)child >> 8 & 0xFF : signal == SIGKILL ? ENDED : WRONG;
}

static void map_and_unmap(void) {
    unsigned pages = 1 + below(64);
    char *page = map_pages(pages);

    if (!page) {
        status |= NO_MEMORY;
        return;
    }
    for (unsigned i = below(pages); i < pages; i++)
        page[i * PAGE] = (char)i;
    note(system_call(SYS_mprotect, page, PAGE, 1 + below(2) * 2));
    if (below(2))
        system_call(SYS_munmap, page, (1 + below(pages)) * PAGE);
}

static void talk(void) {
    unsigned word = seed, back = 0;
    int fd[2];

    if (note(system_call(SYS_pipe, fd)) < 0)
        return;
    if (system_call(SYS_write, fd[1], &word, sizeof(word)) == sizeof(word) &&
        system_call(SYS_read, fd[0], &back, sizeof(back)) == sizeof(back) && back != word)
        status |= WRONG;
    system_call(SYS_close, fd[0]);
    if (below(4))
        system_call(SYS_close, fd[1]);
}

static void execute(void) {
    char text[2] = {(char)('a' + below(26)), '\0'};
    const char *argv[] = {"soak", text, "0", NULL}, *const none = NULL;

    note(system_call(SYS_execve, argv[0], argv, &none));
}

static void grow(unsigned depth);

static void breed(unsigned depth) {
    unsigned next = below(1u << 24);
    int pid = note(system_call(SYS_fork));

    if (pid == 0) {
        seed = next;
        status = 0;
        grow(depth + 1);
        system_call(SYS_exit, status);
    }
    if (pid < 0)
        return;
    if (below(3) == 0)
        touch();
    if (below(8) == 0) {
        system_call(SYS_kill, pid, SIGKILL);
        wait_for(pid);
        return;
    }
    note_end(wait_for(pid));
}

static void step(unsigned depth) {
    switch (below(8)) {
    case 0:
        map_and_unmap();
        break;
    case 1:
    case 2:
        touch();
        break;
    case 3:
        system_call(SYS_brk, system_call(SYS_brk, 0) + (int)below(5 * PAGE));
        break;
    case 4:
        talk();
        break;
    case 5:
        system_call(SYS_sched_yield);
        break;
    default:
        if (depth < DEPTH)
            breed(depth);
        else if (below(4) == 0)
            execute();
    }
}

static void grow(unsigned depth) {
    for (unsigned i = below(STEPS); i < STEPS && !(status & WRONG); i++) {
        step(depth);
        look();
        if (below(64) == 0)
            system_call(SYS_exit, status);
    }
}

/* Several at once, each with a seed of its own. */
static void grow_families(void) {
    int pid[FAMILIES];

    for (unsigned i = 0; i < FAMILIES; i++) {
        unsigned next = below(1u << 24);
        pid[i] = note(system_call(SYS_fork));
        if (pid[i] == 0) {
            seed = next;
            status = 0;
            grow(0);
            system_call(SYS_exit, status);
        }
    }
    for (unsigned i = 0; i < FAMILIES; i++)
        if (pid[i] > 0)
            note_end(wait_for(pid[i]));
}

/* A second argument: executed by another one, and no parent again. */
int main(int argc, char **argv) {
    for (const char *c = argc > 1 ? argv[1] : "1"; *c; c++)
        seed = seed * 31 + (unsigned)*c;
    if (argc > 2)
        grow(DEPTH);
    else
        grow_families();
    return (int)status;
}
