/* toucher: maps pages, touches each, unmaps them, and begins again. */
#include "user.h"

#define PAGES 64

int main(int argc, char **argv) {
    (void)argc, (void)argv;
    for (;;) {
        char *pages = map_pages(PAGES);
        for (unsigned i = 0; i < PAGES; i++)
            pages[i * PAGE] = 1;
        system_call(SYS_munmap, pages, PAGES * PAGE);
    }
}
