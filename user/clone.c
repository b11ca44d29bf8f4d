/* clone: fork shares every page; whoever writes first gets a copy, and the last owner keeps the page as it is. */
#include "user.h"

#define PAGES 4u

static volatile unsigned *page;

static volatile unsigned *word(unsigned i) { return &page[i * PAGE / sizeof(unsigned)]; }

static unsigned sum(void) {
    unsigned value = 0;

    for (unsigned i = 0; i < PAGES; i++)
        value += *word(i);
    return value;
}

static void write_all(unsigned value) {
    for (unsigned i = 0; i < PAGES; i++)
        *word(i) = value;
}

/* In the child: reads and then writes the pages that it shares with its parent. */
static int child(void) {
    unsigned start = count_faults(), read, written, value = sum();

    read = count_faults();
    write_all(2);
    written = count_faults();
    print("child %d reads %u from %u shared pages: %u faults\n", system_call(SYS_getpid), value, PAGES,
          read - start);
    print("child %d writes to each: %u faults, a copy each\n", system_call(SYS_getpid), written - read);
    return value == PAGES && sum() == 2 * PAGES && read == start && written - read == PAGES ? 0 : 1;
}

int main(int argc, char **argv) {
    unsigned before, after;
    int pid, status;

    (void)argc, (void)argv;
    page = (void *)map_pages(PAGES);
    if (!page)
        return 1;
    write_all(1);
    pid = system_call(SYS_fork);
    if (pid == 0)
        return child();
    status = wait_for(pid);
    print("parent still reads %u\n", sum());
    before = count_faults();
    write_all(3);
    after = count_faults();
    print("parent writes to each, the only owner now: %u faults\n", after - before);
    return status == 0 && sum() == 3 * PAGES ? 0 : 1;
}
