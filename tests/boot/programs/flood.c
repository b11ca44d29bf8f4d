/* flood: one write of 64 MiB to the terminal; `flood parts`: one writev of 1,024 pages. Ctrl-C must end either. */
#include "user.h"

#define PAGES 16384u
#define LINE 64u
#define PARTS 1024u

enum { SYS_writev = 146 };

static struct {
    char *base;
    unsigned length;
} parts[PARTS];

int main(int argc, char **argv) {
    char *page = map_pages(PAGES);

    (void)argv;
    for (unsigned i = 0; page && i < PAGE; i++)
        page[i] = i % LINE == LINE - 1 ? '\n' : 'x';
    for (unsigned i = 0; i < PARTS; i++)
        parts[i].base = page, parts[i].length = PAGE;
    if (argc > 1)
        return page && system_call(SYS_writev, 1, parts, PARTS) > 0 ? 0 : 1;
    return page && system_call(SYS_write, 1, page, PAGES * PAGE) > 0 ? 0 : 1;
}
