/* hello: says who it is, and with what it was called. */
#include "user.h"

int main(int argc, char **argv) {
    print("hello from ring 3: process %d, main at 0x%x, its stack at 0x%x\n", system_call(SYS_getpid),
          (unsigned)main, (unsigned)&argc);
    for (int i = 1; i < argc; i++)
        print("argument %d is \"%s\"\n", i, argv[i]);
    return 0;
}
