/* tree [SEED]: a random tree of processes that map, touch, write, fork, exit, and kill each other at any moment. */
#include "user.h"

#define STEPS 12
#define DEPTH 4

static unsigned seed;

static unsigned below(unsigned limit) {
    seed = seed * 1664525 + 1013904223;
    return (seed >> 8) % limit;
}

static volatile unsigned shared[8 * PAGE / 4];

static void grow(unsigned depth);

static void step(unsigned depth) {
    char *page;
    int pid;

    switch (below(8)) {
    case 0:
        if ((page = map_pages(1 + below(20))))
            *(volatile char *)page = 1;
        break;
    case 1:
    case 2:
        shared[below(sizeof(shared) / 4)]++;
        break;
    case 3:
        system_call(SYS_brk, system_call(SYS_brk, 0) + (int)below(5 * PAGE));
        break;
    case 4:
        system_call(SYS_sched_yield);
        break;
    case 5:
        system_call(SYS_kill, system_call(SYS_getpid) + (int)below(3), 9);
        break;
    default:
        if (depth == DEPTH)
            break;
        seed += 77;
        pid = system_call(SYS_fork);
        if (pid == 0) {
            seed *= 3;
            grow(depth + 1);
            system_call(SYS_exit, 0);
        }
        if (pid > 0 && below(2))
            wait_for(pid);
    }
}

static void grow(unsigned depth) {
    for (unsigned i = 0; i < STEPS; i++)
        step(depth);
}

int main(int argc, char **argv) {
    for (const char *c = argc > 1 ? argv[1] : "1"; *c; c++)
        seed = seed * 31 + (unsigned)*c;
    grow(0);
    return 0;
}
