/* touch: maps pages, touches some, and counts the page faults: a page costs one at its first touch, and none before
 * or after. */
#include "user.h"

#define PAGES 40u
#define TOUCHED 12u

static void touch(volatile char *page, unsigned pages) {
    for (unsigned i = 0; i < pages; i++)
        page[i * PAGE]++;
}

int main(int argc, char **argv) {
    unsigned before, mapped, first, second;
    char *page;

    (void)argc, (void)argv;
    before = count_faults();
    page = map_pages(PAGES);
    if (!page)
        return 1;
    mapped = count_faults();
    touch(page, TOUCHED);
    first = count_faults();
    touch(page, TOUCHED);
    second = count_faults();
    print("%u pages mapped at 0x%x: %u faults\n", PAGES, (unsigned)page, mapped - before);
    print("%u of them touched: %u faults\n", TOUCHED, first - mapped);
    print("the same %u touched again: %u faults\n", TOUCHED, second - first);
    return first - mapped == TOUCHED && mapped == before && second == first ? 0 : 1;
}
