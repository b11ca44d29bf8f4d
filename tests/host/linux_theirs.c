/* Linux's interface as its own headers have it, those for programs on i386. */
#define _GNU_SOURCE
#include <dirent.h>
#include <stddef.h>

/* It leaves the file types to the C library's sys/stat.h, which has another struct stat64. */
#undef __GLIBC__
#include <linux/stat.h>

#include <asm/errno.h>
#include <asm/ioctls.h>
#include <asm/ldt.h>
#include <asm/mman.h>
#include <asm/poll.h>
#include <asm/sigcontext.h>
#include <asm/siginfo.h>
#include <asm/signal.h>
#include <asm/stat.h>
#include <asm/termbits.h>
#include <asm/termios.h>
#include <linux/auxvec.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/mman.h>
#include <linux/resource.h>
#include <linux/sched.h>
#include <linux/time_types.h>
#include <linux/uio.h>
#include <linux/wait.h>

#include "linux_facts.h"

#define SIZE(type, linux) linux_fact(facts, #type, sizeof(linux));
#define FIELD(type, field, linux, same) linux_fact(facts, #type "." #field, offsetof(linux, same));

void linux_theirs(struct linux_facts *facts) {
#include "linux_names.h"
}
