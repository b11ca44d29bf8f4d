/* flood: one write of 64 MiB to the terminal. Ctrl-C must end it all the same. */
#include "user.h"

#define PAGES 16384u
#define LINE 64u

int main(int argc, char **argv) {
    char *page = map_pages(PAGES);

    (void)argc, (void)argv;
    for (unsigned i = 0; page && i < PAGE; i++)
        page[i] = i % LINE == LINE - 1 ? '\n' : 'x';
    return page && system_call(SYS_write, 1, page, PAGES * PAGE) > 0 ? 0 : 1;
}
