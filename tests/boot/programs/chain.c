/* chain: faults with a chain of 4 million stack frames, all with the same return address. */
#include "user.h"

#define FRAMES (4u << 20)

int main(int argc, char **argv) {
    struct link {
        struct link *next;
        unsigned eip;
    } *links = (void *)map_pages(FRAMES / PAGE * sizeof(*links));

    (void)argc, (void)argv;
    for (unsigned i = 0; links && i < FRAMES; i++)
        links[i] = (struct link){&links[i + 1], 1};
    __asm__ volatile("mov %0, %%ebp; ud2" : : "r"(links));
    return 0;
}
