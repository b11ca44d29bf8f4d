/* include/memlayout.h's place in the fuzz target system_calls: the user part begins above what a program with
 * AddressSanitizer occupies, and above QEMU's stack for one; the kernel stacks lie where Linux puts nothing. */
#include "../../../include/memlayout.h"

#undef FREE_START
#define FREE_START 0x44000000
#undef KERNEL_STACKS
#define KERNEL_STACKS 0xF0000000
#undef KERNEL_STACKS_END
#define KERNEL_STACKS_END 0xF0400000
