/* dots: prints a dot at each of its turns, and never ends its line. */
#include "user.h"

int main(int argc, char **argv) {
    (void)argc, (void)argv;
    for (;;) {
        print(".");
        system_call(SYS_sched_yield);
    }
}
