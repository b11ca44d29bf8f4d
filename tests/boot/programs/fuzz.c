/* fuzz [CHILDREN [SEED]]: children that do whatever chance says: system calls with any arguments, jumps to anywhere,
 * instructions made of any bytes. The parent ends those that do not end. It must be there at the end, and say so. */
#include "user.h"

#define CALLS 130   /* by each child */
#define PATIENCE 60 /* turns that a child gets */

#define WAIT_NO_HANG 1

enum { SYS_getpgid = 132 };

static unsigned seed = 1;

static unsigned random_next(void) {
    seed = seed * 1664525 + 1013904223;
    return seed >> 8 ^ seed << 20;
}

static unsigned below(unsigned limit) { return random_next() % limit; }

static char area[3 * PAGE] __attribute__((aligned(4096)));

/* A number that borders on something: an address, a size, a descriptor; or any. */
static unsigned argument(void) {
    static const unsigned borders[] = {0,          1,          2,          3,          4096,       0x400000,
                                       0x08048000, 0xBFDFF000, 0xBFE00000, 0xC0000000, 0xFFFFF000, 0x100000,
                                       0xFFC00000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF};

    switch (below(6)) {
    case 0:
        return random_next();
    case 1:
        return borders[below(sizeof(borders) / sizeof(borders[0]))] - below(3);
    case 2:
        return (unsigned)area + below(sizeof(area)) - below(2) * 2;
    case 3:
        return below(40);
    case 4:
        return below(64) * PAGE;
    default:
        return (unsigned)area + PAGE - below(16);
    }
}

static int parent;

/* Whether kill's PID means the parent of all: by its PID, or by its group, which has the same number. */
static int means_parent(int pid) {
    int group = pid ? -pid : system_call(SYS_getpgid, 0);

    return pid == parent || pid == -1 || group == parent;
}

/* Kills anything but the parent: mostly itself, or a child that came shortly before or after. */
static void kill_anything(void) {
    int pid = below(2) ? system_call(SYS_getpid) - (int)below(3) + 1 : (int)argument();
    unsigned signal = below(4) ? below(40) : argument();

    if (!means_parent(pid))
        system_call(SYS_kill, pid, signal);
}

static void call_anything(void) {
    unsigned number = below(16) ? below(460) : random_next();

    if (number == SYS_kill || below(50) == 0)
        kill_anything();
    else
        system_call((int)number, argument(), argument(), argument(), argument(), argument());
}

static void run_anything(void) {
    for (unsigned i = 0; i < 64; i++)
        area[i] = (char)random_next();
    ((void (*)(void))(unsigned)area)();
}

static void touch_anything(void) {
    volatile char *at = (volatile char *)argument();

    if (below(2))
        *at = 1;
    else
        (void)*at;
}

static void do_anything(void) {
    for (unsigned i = 0; i < CALLS; i++)
        call_anything();
    switch (below(4)) {
    case 0:
        run_anything();
        break;
    case 1:
        ((void (*)(void))argument())();
        break;
    case 2:
        touch_anything();
    }
    system_call(SYS_exit, 0);
}

static void end(int pid) {
    int status;

    for (unsigned turns = 0; turns < PATIENCE; turns++) {
        if (system_call(SYS_waitpid, pid, &status, WAIT_NO_HANG) != 0)
            return;
        system_call(SYS_sched_yield);
    }
    system_call(SYS_kill, pid, 9);
    wait_for(pid);
}

static unsigned number(const char *text) {
    unsigned value = 0;

    while (*text >= '0' && *text <= '9')
        value = value * 10 + (unsigned)(*text++ - '0');
    return value;
}

int main(int argc, char **argv) {
    unsigned children = argc > 1 ? number(argv[1]) : 100, first = argc > 2 ? number(argv[2]) : 1;

    parent = system_call(SYS_getpid);
    for (unsigned i = 0; i < children; i++) {
        seed = (first + i) * 2654435761u;
        int pid = system_call(SYS_fork);
        if (pid == 0)
            do_anything();
        if (pid > 0)
            end(pid);
    }
    print("\n%u children, %u calls: the parent is still here\n", children, children * CALLS);
    return 0;
}
