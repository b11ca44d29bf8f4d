/* What the programs here share: system calls, text, numbers. There is no C library. */
#ifndef QUIRE_USER_H
#define QUIRE_USER_H

#include <stddef.h>
#include <stdint.h>

/* Linux's numbers for i386. */
enum {
    SYS_exit = 1,
    SYS_fork = 2,
    SYS_read = 3,
    SYS_write = 4,
    SYS_close = 6,
    SYS_waitpid = 7,
    SYS_execve = 11,
    SYS_getpid = 20,
    SYS_kill = 37,
    SYS_pipe = 42,
    SYS_brk = 45,
    SYS_dup2 = 63,
    SYS_getrusage = 77,
    SYS_munmap = 91,
    SYS_mprotect = 125,
    SYS_sched_yield = 158,
    SYS_mmap2 = 192,
};

#define PAGE 4096u

/* System call NUMBER with up to 5 arguments (start.S): what it returns, a negative error number if it failed. */
int system_call(int number, ...);

/* The program. Its value is the exit status. */
int main(int argc, char **argv);

/* Prints on standard output. %d, %u, %x (8 digits), %s, %c. */
void print(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* 0 if A and B are the same text. */
int compare(const char *a, const char *b);

/* PAGES pages, clear, readable and writable; NULL if there is no memory. */
char *map_pages(unsigned pages);

/* How many page faults the kernel has mended for this program. */
unsigned count_faults(void);

/* Waits for a child and returns its wait status. */
int wait_for(int pid);

/* The time-stamp counter (start.S). */
uint64_t read_clock(void);

#endif
