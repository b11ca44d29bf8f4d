/* edges: calls at the edges of their arguments' ranges, or in an order that is seldom seen. `edges RULE` tries one rule
 * alone. */
#include "user.h"

enum { SYS_open = 5, SYS_sigaction = 67, SYS_llseek = 140 };
enum { ECHILD = 10, EINVAL = 22, ESRCH = 3, LOWEST = -0x7FFFFFFF - 1, SIGCHLD = 17, SIG_IGN = 1 };

#define TOP_PAGES 512u /* what mmap gives out first, above the stack */

/* A mapping that only fits where two freed ones meet the free part takes all of that; none is given out twice. */
static int gap_is_taken_once(void) {
    char *end = (char *)system_call(SYS_brk, 0);

    map_pages(TOP_PAGES);
    char *high = map_pages(1), *low = map_pages(1);
    system_call(SYS_munmap, high, PAGE);
    system_call(SYS_munmap, low, PAGE);
    if (high != low + PAGE || !map_pages((unsigned)(high + PAGE - end) / PAGE))
        return 0;
    return !map_pages(1) && (char *)system_call(SYS_brk, end + PAGE) == end;
}

/* Who ignores SIGCHLD and waits is told when the last child has ended. */
static int ignored_children_end_a_wait(void) {
    static const unsigned ignore[4] = {SIG_IGN};
    int status;

    system_call(SYS_sigaction, SIGCHLD, ignore, 0);
    if (system_call(SYS_fork) == 0) {
        for (unsigned i = 0; i < 10; i++)
            system_call(SYS_sched_yield);
        system_call(SYS_exit, 0);
    }
    return system_call(SYS_waitpid, -1, &status, 0) == -ECHILD;
}

static int lowest_number_is_no_pid(void) {
    int status;

    return system_call(SYS_kill, LOWEST, 0) == -ESRCH &&
           system_call(SYS_waitpid, LOWEST, &status, 0) == -ECHILD;
}

static int offset_does_not_overflow(void) {
    int fd = system_call(SYS_open, "/edges", 0), byte;
    uint64_t to;

    return system_call(SYS_read, fd, &byte, 1) == 1 &&
           system_call(SYS_llseek, fd, 0x7FFFFFFF, 0xFFFFFFFF, &to, 1) == -EINVAL;
}

static const struct {
    const char *name;
    int (*holds)(void);
} rules[] = {
    {"gap", gap_is_taken_once},
    {"ignored", ignored_children_end_a_wait},
    {"lowest", lowest_number_is_no_pid},
    {"offset", offset_does_not_overflow},
};
#define RULES (sizeof(rules) / sizeof(rules[0]))

int main(int argc, char **argv) {
    for (unsigned i = 0; argc > 1 && i < RULES; i++)
        if (!compare(argv[1], rules[i].name))
            return rules[i].holds() ? 0 : 1;
    return 2;
}
