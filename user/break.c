/* break: breaks every rule that there is for programs, each in a child of its own, and tells how the child ended.
 * `break RULE` breaks that rule alone, so that its report can be read. */
#include "user.h"

#include "break.h"

static void read_null(void) { *(volatile char *)0; } /* NOLINT(clang-analyzer-core.NullDereference): the fault */
static void read_kernel(void) { *(volatile char *)0x00100000; }
static void write_kernel(void) { *(volatile char *)0x00100000 = 0; }
static void read_heap(void) { *(volatile char *)0xC0000000; }
static void read_window(void) { *(volatile char *)0xFFFFF000; }
static void write_window(void) { *(volatile int *)0xFFFFF000 = 7; }
static void write_text(void) { *(volatile char *)write_text = 0; }
static void run_kernel(void) { ((void (*)(void))0x00100000)(); }

static void write_protected(void) {
    char *page = map_pages(1);

    *page = 1;
    system_call(SYS_mprotect, page, PAGE, 1);
    *(volatile char *)page = 2;
}

static void use_unmapped(void) {
    char *page = map_pages(1);

    *page = 1;
    system_call(SYS_munmap, page, PAGE);
    *(volatile char *)page = 2;
}

/* Has the kernel read and write what is not the program's: each call must fail with EFAULT. */
static void pass_bad_pointers(void) {
    static const unsigned bad[] = {0, 0x00100000, 0xC0000000, 0xFFFFF000, 0xBFFFFFFF};
    int pipe[2];

    if (system_call(SYS_pipe, pipe) < 0)
        return;
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (system_call(SYS_write, pipe[1], bad[i], 4096) > 1 || system_call(SYS_pipe, bad[i]) >= 0 ||
            system_call(SYS_execve, bad[i], bad[i], bad[i]) >= 0)
            return;
    system_call(SYS_exit, 42);
}

static const struct {
    const char *name;
    void (*run)(void);
    int status; /* how it must end: 11 SIGSEGV, 4 SIGILL, 5 SIGTRAP, 8 SIGFPE; 42 << 8 an exit */
} rules[] = {
    {"null", read_null, 11},
    {"read-kernel", read_kernel, 11},
    {"write-kernel", write_kernel, 11},
    {"run-kernel", run_kernel, 11},
    {"heap", read_heap, 11},
    {"read-window", read_window, 11},
    {"write-window", write_window, 11},
    {"text", write_text, 11},
    {"protected", write_protected, 11},
    {"unmapped", use_unmapped, 11},
    {"pointers", pass_bad_pointers, 42 << 8},
    {"cli", break_cli, 11},
    {"hlt", break_hlt, 11},
    {"in", break_in, 11},
    {"out", break_out, 11},
    {"cr0", break_cr0, 11},
    {"cr3", break_cr3, 11},
    {"lgdt", break_lgdt, 11},
    {"invlpg", break_invlpg, 11},
    {"int", break_int, 11},
    {"call-gate", break_call_gate, 11},
    {"segment", break_segment, 11},
    {"stack-segment", break_stack_segment, 11},
    {"nested-task", break_nested_task, 11},
    {"undefined", break_undefined, 4},
    {"step", break_step, 5},
    {"divide", break_divide, 8},
    {"popf", break_popf, 42 << 8},
};
#define RULES (sizeof(rules) / sizeof(rules[0]))

/* Breaks rule I in a child. */
static int try(unsigned i) {
    int pid = system_call(SYS_fork), status;

    if (pid == 0) {
        rules[i].run();
        system_call(SYS_exit, 0); /* it was let through */
    }
    status = wait_for(pid);
    print("%s: %s %d%s\n", rules[i].name, status & 127 ? "ended by signal" : "exit status",
          status & 127 ? status & 127 : status >> 8, status == rules[i].status ? "" : ", which is WRONG");
    return status == rules[i].status;
}

int main(int argc, char **argv) {
    unsigned kept = 0;

    for (unsigned i = 0; argc > 1 && i < RULES; i++)
        if (!compare(argv[1], rules[i].name))
            rules[i].run();
    if (argc > 1)
        return 1;
    for (unsigned i = 0; i < RULES; i++)
        kept += (unsigned)try(i);
    print("%u of %u rules hold\n", kept, RULES);
    return kept == RULES ? 0 : 1;
}
