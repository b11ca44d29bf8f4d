/* System calls of a program, one after the other: what each returns, and what is left of one that fails. */
#include "process.h"

#include "../../kernel/process/process_inside.h"
#include "kmalloc.h"
#include "ktest.h"
#include "memlayout.h"
#include "pm.h"
#include "puppet.h"
#include "space.h"
#include "support.h"
#include "vmem.h"

enum { READ = 3, WRITE = 4, OPEN = 5, CLOSE = 6, DUP = 41, PIPE = 42, MMAP2 = 192 };

#define PLACE PUPPET_AREA
#define FAR 0x30000000u

static struct trap_frame *frame; /* of the puppet's call */
static void (*checks)(void);

static int call(unsigned number, unsigned a, unsigned b, unsigned c) {
    const unsigned arg[6] = {a, b, c};

    return puppet_call(frame, number, arg);
}

static void check_and_exit(struct trap_frame *from) {
    frame = from;
    checks();
    call(1, 0, 0, 0);
}

/* Calls THEM as a program. */
static void as_program(void (*them)(void)) {
    int pid;

    checks = them;
    puppet_run(check_and_exit, &pid);
    KCHECK(pid > 0);
}

/* ---- pipes ---- */

/* Only LEFT descriptors are free: a pipe wants two, and takes none. */
static void pipe_wants_two_descriptors(void) {
    int fd;

    for (int left = 1; left >= 0; left--) {
        while ((fd = call(DUP, 0, 0, 0)) < FILES_MAX - 1 - left)
            KCHECK(fd >= 0);
        KCHECK_EQ(call(PIPE, PLACE, 0, 0), -EMFILE);
        for (fd = FILES_MAX - left; fd < FILES_MAX; fd++)
            KCHECK(!file_get(fd));
    }
    KCHECK_EQ(call(CLOSE, 5, 0, 0), 0);
    KCHECK_EQ(call(CLOSE, 9, 0, 0), 0);
    KCHECK_EQ(call(PIPE, PLACE, 0, 0), 0);
    KCHECK_EQ(((int *)PLACE)[0], 5);
    KCHECK_EQ(((int *)PLACE)[1], 9);
}

KTEST(process_pipe_wants_two_descriptors_or_takes_none)
{ as_program(pipe_wants_two_descriptors); }

/* ---- mappings ---- */

/* With 0, 1, ... frames left, until the puppet's file is mapped: two pages' worth, of which it has less. */
static void mapping_runs_out(void) {
    static const unsigned arg[6] = {FAR, PAGE_SIZE + 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, 3};
    int value = -ENOMEM;

    KCHECK_EQ(call(OPEN, PUPPET_NAME, 0, 0), 3);
    file_get(3)->module = &(const struct module){"part", file_get(3)->module->data, PAGE_SIZE - 1, 0};
    for (size_t left = 0; left < 4 && value < 0; left++) {
        kmalloc_trim();
        frames_hold_all();
        frames_release(left);
        value = puppet_call(frame, MMAP2, arg);
        size_t free = pm_count().free;
        bool there = space_allows((void *)FAR, 1, 0);
        frames_release_all();
        KCHECK_EQ(there, value >= 0);
        KCHECK_EQ(free, value >= 0 ? 0 : left);
        KCHECK(value == (int)FAR || value == -ENOMEM);
        KCHECK_EQ(value < 0, left < 2); /* a table and a page */
    }
    KCHECK_EQ(value, FAR);
}

KTEST(process_mapping_that_fails_leaves_nothing)
{ as_program(mapping_runs_out); }

/* ---- pointers ---- */

/* A page of the kernel's part that even programs may access: no system call does for them. */
static void kernel_pages_are_refused(void) {
    int *const page = (int *)(MODULES_START - PAGE_SIZE);

    KCHECK_EQ(vmem_alloc_range(page, 1, VMEM_WRITE | VMEM_USER), 0);
    *page = 77;
    KCHECK_EQ(call(PIPE, (unsigned)page, 0, 0), -EFAULT);
    KCHECK_EQ(call(OPEN, (unsigned)page, 0, 0), -EFAULT);
    int word = *page;
    KCHECK_EQ(vmem_free_range(page, 1), 0);
    KCHECK_EQ(word, 77);
}

KTEST(process_pointer_into_the_kernels_part_is_refused_whatever_lies_there)
{ as_program(kernel_pages_are_refused); }
