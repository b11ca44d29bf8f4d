/* A program whose every system call a test chooses. See puppet.h. */
#include "puppet.h"

#include "../../kernel/process/process_inside.h"
#include "ktest.h"
#include "log.h"
#include "process.h"
#include "support.h"

extern const char puppet_start[], puppet_end[]; /* puppet.S */

char puppet_said[16384];

static const struct trap_handlers *before;
static struct trap_handlers handlers;

unsigned puppet_faults;

static unsigned calls_made;

static void count_fault(struct trap_frame *frame, uintptr_t address) {
    puppet_faults++;
    before->program_fault(frame, address);
}

/* Starts a puppet. */
int puppet_start_with(void (*call)(struct trap_frame *frame)) {
    static char name[] = "puppet", *arg[] = {name};
    static bool added;

    if (!added)
        added = process_add_file(name, puppet_start, (size_t)(puppet_end - puppet_start));
    log_capture(puppet_said, sizeof(puppet_said));
    before = trap_set_handlers(NULL);
    handlers = *before;
    handlers.system_call = call;
    handlers.program_fault = count_fault;
    puppet_faults = 0;
    trap_set_handlers(&handlers);
    puppet_paint_stack();
    return process_start(1, arg);
}

/* Makes system call NUMBER as the puppet's own. */
int puppet_call(struct trap_frame *frame, unsigned number, const unsigned arg[6]) {
    frame->eax = number;
    frame->ebx = arg[0];
    frame->ecx = arg[1];
    frame->edx = arg[2];
    frame->esi = arg[3];
    frame->edi = arg[4];
    frame->ebp = arg[5];
    calls_made++;
    const struct trap_frame at = *frame;
    before->system_call(frame);
    int value = (int)frame->eax;
    bool is_jump = number == SYS_EXECVE || number == SYS_SIGRETURN || number == SYS_RT_SIGRETURN;
    if (!is_jump && frame->eip == at.eip && frame->user_esp == at.user_esp && /* nor does a handler come first */
        (frame->ebx != arg[0] || frame->ecx != arg[1] || frame->edx != arg[2] || frame->esi != arg[3] ||
         frame->edi != arg[4] || frame->ebp != arg[5]))
        ktest_fail(__FILE__, __LINE__, "system call %u changes a register besides eax", number);
    frame->ebp = 0;
    return value;
}

/* The same as SIGKILL to every program. */
void puppet_kill_all(void) {
    for (struct process *process = monitor.next; process != &monitor; process = process->next)
        signal_send(process, SIGKILL);
}

/* Kills all programs, waits until none is left, and takes the handler back. */
void puppet_end_all(void) {
    while (monitor.next != &monitor) {
        puppet_kill_all();
        process_rest();
    }
    trap_set_handlers(before);
    log_capture_end();
}

#define IDLE_MOST 300 /* turns of the monitor, a tick each where nobody else runs */

/* Runs a puppet with CALL until it has ended. Fails the test where it and all its children wait for ever. */
void puppet_run(void (*call)(struct trap_frame *frame), int *pid) {
    struct process *process;
    unsigned idle = 0;

    *pid = puppet_start_with(call);
    while (*pid > 0 && idle < IDLE_MOST && (process = process_find(*pid)) && process->state != ZOMBIE) {
        const unsigned calls = calls_made;
        process_rest();
        idle = calls_made == calls ? idle + 1 : 0;
    }
    puppet_end_all();
    if (idle == IDLE_MOST)
        ktest_fail(__FILE__, __LINE__, "the program waits for ever");
}

/* Runs a puppet with CALL as `run` does. */
int puppet_status(void (*call)(struct trap_frame *frame)) {
    int pid = puppet_start_with(call), status = pid < 0 ? pid : process_wait_for(pid);

    puppet_end_all();
    return status;
}

struct trap_frame *puppet_frame;
static void (*puppet_does)(void);
static int checking; /* the PID of who calls PUPPET_DOES */
static bool checked; /* to its end */

int puppet_makes(const unsigned call[7]) { return puppet_call(puppet_frame, call[0], call + 1); }

__attribute__((noinline)) void puppet_paint_stack(void) {
    volatile char below[2500];

    for (size_t i = 0; i < sizeof(below); i++)
        below[i] = 'x';
}

void puppet_expects(const char *file, int line, const unsigned call[7], int value) {
    if (ktest_failing())
        return;
    int returned = puppet_makes(call);
    if (returned != value)
        ktest_fail(file, line, "system call %u returned %d, not %d", call[0], returned, value);
}

static void do_checks(struct trap_frame *frame) {
    if (current->pid == checking) {
        puppet_frame = frame;
        puppet_does();
        checked = true;
    }
    puppet_call(frame, SYS_EXIT, (const unsigned[6]){(unsigned)current->pid});
}

/* Calls CHECKS as a puppet, which then exits. */
void puppet_checks(void (*checks)(void)) {
    const size_t objects = objects_live();

    puppet_does = checks;
    checked = false;
    puppet_run(do_checks, &checking);
    KCHECK(checking > 0 && checked);
    KCHECK_EQ(objects_live(), objects);
}
