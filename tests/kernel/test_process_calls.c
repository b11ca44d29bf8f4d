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

#define PLACE PUPPET_AREA
#define FAR 0x30000000u

/* ---- pipes ---- */

/* Only LEFT descriptors are free: a pipe wants two, and takes none. */
static void pipe_wants_two_descriptors(void) {
    int fd;

    for (int left = 1; left >= 0; left--) {
        while ((fd = CALL(SYS_DUP, 0)) < FILES_MAX - 1 - left)
            KCHECK(fd >= 0);
        EXPECT(-EMFILE, SYS_PIPE, PLACE);
        for (fd = FILES_MAX - left; fd < FILES_MAX; fd++)
            KCHECK(!file_get(fd));
    }
    EXPECT(0, SYS_CLOSE, 5);
    EXPECT(0, SYS_CLOSE, 9);
    EXPECT(0, SYS_PIPE, PLACE);
    KCHECK_EQ(((int *)PLACE)[0], 5);
    KCHECK_EQ(((int *)PLACE)[1], 9);
}

KTEST(process_pipe_wants_two_descriptors_or_takes_none)
{ puppet_checks(pipe_wants_two_descriptors); }

/* ---- mappings ---- */

/* With 0, 1, ... frames left, until the puppet's file is mapped: two pages' worth, of which it has less. */
static void mapping_runs_out(void) {
    int value = -ENOMEM;

    EXPECT(3, SYS_OPEN, PUPPET_NAME);
    file_get(3)->module = &(const struct module){"part", file_get(3)->module->data, PAGE_SIZE - 1, 0};
    for (size_t left = 0; left < 4 && value < 0; left++) {
        kmalloc_trim();
        frames_hold_all();
        frames_release(left);
        value = CALL(SYS_MMAP2, FAR, PAGE_SIZE + 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, 3);
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
{ puppet_checks(mapping_runs_out); }

/* ---- pointers ---- */

/* A page of the kernel's part that even programs may access: no system call does for them. */
static void kernel_pages_are_refused(void) {
    int *const page = (int *)(MODULES_START - PAGE_SIZE);

    KCHECK_EQ(vmem_alloc_range(page, 1, VMEM_WRITE | VMEM_USER), 0);
    *page = 77;
    KCHECK_EQ(CALL(SYS_PIPE, (unsigned)page), -EFAULT);
    KCHECK_EQ(CALL(SYS_OPEN, (unsigned)page), -EFAULT);
    int word = *page;
    KCHECK_EQ(vmem_free_range(page, 1), 0);
    KCHECK_EQ(word, 77);
}

KTEST(process_pointer_into_the_kernels_part_is_refused_whatever_lies_there)
{ puppet_checks(kernel_pages_are_refused); }
