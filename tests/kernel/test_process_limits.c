/* System calls where something has run out: memory before each step of a call, descriptors, processes, the heap's room. Each
 * fails as it says, and leaves what was there. */
#include "process.h"

#include "../../kernel/process/process_inside.h"
#include "cpu.h"
#include "descriptors.h"
#include "kmalloc.h"
#include "ktest.h"
#include "pm.h"
#include "puppet.h"
#include "space.h"
#include "string.h"
#include "support.h"

#define PLACE PUPPET_AREA
#define MORE (PLACE + PAGE_SIZE)
#define FAR 0x30000000u
#define USR1 10u
#define HANDLER 0x12345678u

/* Makes CALL with FRAMES frames free and room for OBJECTS small objects in the heap's pages. Where it fails, nothing may be
 * gone. */
static int call_with(size_t frames, unsigned objects, const unsigned call[7]) {
    objects_hold_all(objects);
    kmalloc_trim();
    frames_hold_all();
    frames_release(frames);
    int value = puppet_makes(call);
    kmalloc_trim();
    size_t free = pm_count().free;
    frames_release_all();
    objects_release_all();
    if (value < 0 && free != frames)
        ktest_fail(__FILE__, __LINE__, "%zu frames and %u objects were left, then %zu frames", frames, objects, free);
    return value;
}

/* ---- files ---- */

static void open_runs_out(void) {
    const unsigned open[7] = {SYS_OPEN, PUPPET_NAME};

    KCHECK_EQ(call_with(0, 0, open), -ENOMEM);
    KCHECK(!file_get(3));
    KCHECK_EQ(call_with(16, 1, open), 3);
    KCHECK(file_get(3));
}

KTEST(process_open_wants_memory_for_a_file)
{ puppet_checks(open_runs_out); }

/* A pipe is three small objects and a page: each of them may be what there is no memory for. */
static void pipe_runs_out(void) {
    const unsigned pipe[7] = {SYS_PIPE, PLACE};

    *(int *)PLACE = 0; /* the page is there */
    for (unsigned objects = 0; objects <= 3; objects++) {
        for (size_t frames = 0; call_with(frames, objects, pipe) < 0; frames++)
            KCHECK(frames < 16 && !ktest_failing() && !file_get(3) && !file_get(4));
        KCHECK(file_get(3) && file_get(4) && !file_get(5));
        EXPECT(0, SYS_CLOSE, 3);
        EXPECT(0, SYS_CLOSE, 4);
    }
}

KTEST(process_pipe_is_whole_or_not_at_all)
{ puppet_checks(pipe_runs_out); }

/* ---- processes ---- */

static void fork_runs_out(void) {
    const unsigned fork[7] = {SYS_CLONE, SIGCHLD | CLONE_PARENT_SETTID, MORE, PLACE};
    const struct process *after = current->next;
    const uintptr_t stack = puppet_frame->user_esp;

    *(int *)PLACE = 7;

    for (size_t frames = 0; call_with(frames, 0, fork) < 0; frames++) {
        KCHECK(frames < 64 && !ktest_failing());
        KCHECK_EQ(current->next, after);
        KCHECK_EQ(*(int *)PLACE, 7);
        KCHECK_EQ(puppet_frame->user_esp, stack);
    }
    const int child = current->next->pid;
    KCHECK_EQ(CALL(SYS_WAITPID, (unsigned)-1, PLACE, 0), child);
}

KTEST(process_fork_without_memory_makes_no_child)
{ puppet_checks(fork_runs_out); }

/* The strings of the new stack take USED bytes. */
static void exec_with_strings(unsigned used) {
    const unsigned exec[7] = {SYS_EXECVE, PUPPET_NAME, PLACE};
    const struct space *space = current->space;
    const struct trap_frame before = *puppet_frame;

    current->signals.action[USR1].handler = HANDLER;
    trap_set_tls(current->context.tls = FAR);
    load_fs(USER_TLS);
    load_gs(USER_DS);
    EXPECT(9, SYS_DUP3, 0, 9, O_CLOEXEC);
    memcpy((char *)PLACE, (const unsigned[2]){MORE, 0}, 8);
    memset((char *)MORE, 'x', used - 1);
    for (size_t frames = 0; call_with(frames, 0, exec) < 0; frames++) {
        KCHECK(frames < 64 && !ktest_failing());
        KCHECK(current->space == space && space_current() == space && *(char *)MORE == 'x');
        KCHECK(file_get(9) && current->files.close_on_exec);
        KCHECK_EQ(current->signals.action[USR1].handler, HANDLER);
        KCHECK(current->context.tls == FAR && read_fs() == USER_TLS && read_gs() == USER_DS);
        KCHECK(puppet_frame->eip == before.eip && puppet_frame->user_esp == before.user_esp);
        KCHECK_EQ(puppet_frame->eflags, before.eflags);
    }
    KCHECK(current->space != space && *(char *)MORE == 0 && !file_get(9));
    const unsigned *stack = (const unsigned *)puppet_frame->user_esp;
    KCHECK(stack[0] == 1 && strlen((const char *)stack[1]) == used - 1);
}

/* What lies below the strings begins on a page of its own, or the vectors do. */
static void exec_runs_out(void) {
    static const unsigned used[] = {7, PAGE_SIZE - 8, PAGE_SIZE - 100, 3 * PAGE_SIZE};

    for (size_t i = 0; i < ARRAY_SIZE(used); i++)
        KCHECK_CALL(exec_with_strings(used[i]));
}

KTEST(process_exec_without_memory_goes_on_as_before)
{ puppet_checks(exec_runs_out); }

/* Every program has a kernel stack, for which there are 256 places. (On a small machine memory runs out first.) */
static void as_many_as_can_be(void) {
    unsigned children = 0;
    int value;

    while ((value = CALL(SYS_FORK)) > 0)
        children++;
    KCHECK_EQ(value, -ENOMEM);
    KCHECK(children == 255 || (children < 255 && pm_count().free < 16));
    for (; children; children--)
        KCHECK(CALL(SYS_WAITPID, (unsigned)-1, PLACE, 0) > 0);
    EXPECT(-ECHILD, SYS_WAITPID, (unsigned)-1, PLACE, 0);
    KCHECK(CALL(SYS_FORK) > 0);
}

KTEST(process_number_has_a_limit)
{ puppet_checks(as_many_as_can_be); }

/* ---- memory ---- */

static void heap_runs_out(void) {
    const unsigned start = current->memory.brk_start, far = start + (ENTRIES_PER_TABLE + 1) * PAGE_SIZE;

    KCHECK_EQ(CALL(SYS_BRK, start + 5), start + 5);
    KCHECK_EQ(call_with(0, 0, (const unsigned[7]){SYS_BRK, far}), start + 5); /* there is no room for its table */
    KCHECK_EQ(CALL(SYS_BRK, 0), start + 5);
    KCHECK(!space_allows((void *)(start + PAGE_SIZE), 1, 0));
    KCHECK_EQ(CALL(SYS_BRK, far), far);
}

KTEST(process_heap_that_cannot_grow_stays)
{ puppet_checks(heap_runs_out); }

/* Whole pages of a file are shared: only a page table is wanted. */
static void file_mapping_runs_out(void) {
    const unsigned map[7] = {SYS_MMAP2, FAR, PAGE_SIZE, PROT_READ, MAP_PRIVATE | MAP_FIXED, 3};

    EXPECT(3, SYS_OPEN, PUPPET_NAME);
    KCHECK_EQ(call_with(0, 0, map), -ENOMEM);
    KCHECK(!space_allows((void *)FAR, 1, 0));
    KCHECK_EQ(call_with(1, 0, map), FAR);
    KCHECK(space_allows((void *)FAR, 1, 0));
}

KTEST(process_mapping_of_a_file_wants_a_table)
{ puppet_checks(file_mapping_runs_out); }

/* ---- a touch for which there is no memory ---- */

static unsigned touched;
static bool writes, ready;
static bool handles; /* the puppet handles SIGSEGV: that catches a bad access, not want of memory */

static void touch(struct trap_frame *frame) {
    if (!ready) {
        static const unsigned flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
        puppet_call(frame, SYS_MMAP2, (const unsigned[6]){FAR, PAGE_SIZE, PROT_READ | PROT_WRITE, flags});
        puppet_call(frame, SYS_MMAP2, (const unsigned[6]){FAR + PAGE_SIZE, 2 * PAGE_SIZE, PROT_READ, flags});
        (void)*(volatile int *)(FAR + PAGE_SIZE); /* the page is there */
        const int fd = puppet_call(frame, SYS_OPEN, (const unsigned[6]){PUPPET_NAME});
        puppet_call(frame, SYS_MMAP2, (const unsigned[6]){FAR + 8 * PAGE_SIZE, PAGE_SIZE, PROT_READ | PROT_WRITE,
                                                          MAP_PRIVATE | MAP_FIXED, (unsigned)fd});
        (void)*(volatile int *)(FAR + 8 * PAGE_SIZE);
        if (handles)
            puppet_call(frame, SYS_RT_SIGACTION, (const unsigned[6]){SIGSEGV, PUPPET_ACTION, 0, 8});
        frames_hold_all();
        ready = true;
    } else {
        puppet_call(frame, SYS_EXIT, (const unsigned[6]){0});
    }
    frame->ebp = touched;
    frame->edi = writes;
}

/* A program that touches VA when no frame is free: its wait status, and whether memory is said to have run out. */
static int status_of_touch(unsigned va, bool write, bool *said_so) {
    touched = va;
    writes = write;
    ready = false;
    int pid = puppet_start_with(touch), status = pid < 0 ? pid : process_wait_for(pid);
    frames_release_all();
    *said_so = find_text(puppet_said, "out of memory: ended");
    puppet_end_all();
    return status;
}

KTEST(process_that_wants_memory_is_told_from_one_that_is_wrong)
{
    static const struct {
        unsigned va;
        bool write;
        int status;
    } cases[] = {
        {FAR, true, SIGKILL},
        {FAR, false, SIGKILL},
        {FAR + PAGE_SIZE, false, 0},
        {FAR + PAGE_SIZE, true, SIGSEGV}, /* it is read-only */
        {FAR + 2 * PAGE_SIZE, false, SIGKILL},
        {FAR + 3 * PAGE_SIZE, false, SIGSEGV},
        {STACK_END, false, SIGKILL},
        {STACK_END - 4, false, SIGSEGV},
        {STACK_TOP - 4, true, 0},
        {STACK_TOP, true, SIGSEGV},
        {STACK_TOP - 2, false, SIGSEGV}, /* half of the word is there; so it is where the report looks for a frame */
        {FAR + 8 * PAGE_SIZE, false, 0},
        {FAR + 8 * PAGE_SIZE, true, SIGKILL}, /* it shows a file, and would be copied */
    };
    bool said_so;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        int status = status_of_touch(cases[i].va, cases[i].write, &said_so);
        if (status != cases[i].status || said_so != (status == SIGKILL))
            ktest_fail(__FILE__, __LINE__, "case %zu: status %d", i, status);
    }
    handles = true;
    KCHECK_EQ(status_of_touch(FAR, true, &said_so), SIGKILL);
    KCHECK(said_so);
    KCHECK_EQ(status_of_touch(FAR + PAGE_SIZE, true, &said_so), 0); /* it ends by itself */
    KCHECK(!said_so);
    handles = false;
}
