/* spin: never ends by itself. */
#include "user.h"

int main(int argc, char **argv) {
    (void)argv;
    for (volatile int i = argc;; i++)
        ;
}
