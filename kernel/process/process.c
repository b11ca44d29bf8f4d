/* The life of a process: start, fork, exit, wait.
 *
 * A process that ends gives back its space and files at once; its record and its kernel stack, which it still stands
 * on, stay as a zombie until the parent waits for it. The monitor is the parent of what it starts and of orphans.
 *
 * Design notes and figures: docs/notes/process.md. */
#include "process.h"

#include "elf.h"
#include "format.h"
#include "input.h"
#include "kmalloc.h"
#include "panic.h"
#include "process_inside.h"
#include "string.h"
#include "system_calls.h"
#include "tty.h"
#include "user_memory.h"

#define PID_MAX 32767

int last_pid = MONITOR_PID;

/* The process PID, or NULL. */
struct process *process_find(int pid) {
    struct process *process = &monitor;

    do {
        if (process->pid == pid)
            return process;
        process = process->next;
    } while (process != &monitor);
    return NULL;
}

/* Whether PID is a process's number, or still that of a group or a session which somebody is in. */
static bool pid_is_taken(int pid) {
    const struct process *process = &monitor;

    do {
        if (process->pid == pid || process->group == pid || process->session == pid)
            return true;
        process = process->next;
    } while (process != &monitor);
    return false;
}

static int new_pid(void) {
    do
        last_pid = last_pid < PID_MAX ? last_pid + 1 : MONITOR_PID + 1;
    while (pid_is_taken(last_pid));
    return last_pid;
}

/* Maps the boot modules, and makes the running code process 1. */
void process_init(void) {
    monitor = (struct process){.pid = MONITOR_PID,
                               .name = "monitor",
                               .space = space_current(),
                               .next = &monitor,
                               .parent = &monitor};
    tell_owner(&monitor);
    modules_init();
    system_calls_init();
    input_on_rest(process_rest);
}

/* Runs first on a new process's kernel stack. Returns to ring 3, unless a signal has come already. */
static void begin(void) {
    if (current->set_tid)
        copy_to_user((void *)current->set_tid, &current->pid, sizeof(current->pid));
    if (signal_pending())
        signals_deliver((struct trap_frame *)(uintptr_t)current->context.stack.top - 1, -1);
}

/* Gives PROCESS a kernel stack and a PID, and links it after the current process. It starts with FRAME. */
static bool launch(struct process *process, const struct trap_frame *frame) {
    if (!context_create(process, frame, begin))
        return false;
    process->pid = new_pid();
    process->state = RUNNABLE;
    process->next = current->next;
    current->next = process;
    tell_owner(process);
    return true;
}

/* ---- start and fork ---- */

/* Loads PROGRAM into PROCESS's space, which is current meanwhile. */
static int load(struct process *process, const struct module *program, const struct arguments *arguments,
                struct trap_frame *frame) {
    enter_space(process->space);
    int error = exec_load(program, arguments, &process->memory, frame);
    enter_space(current->space);
    return error;
}

static int start(const struct module *program, const struct arguments *arguments) {
    struct process *process = kzalloc(sizeof(*process));
    struct trap_frame frame;

    if (!process)
        return -ENOMEM;
    process->parent = current;
    exec_become(process, program);
    if ((process->space = space_create()) && files_open_terminal(&process->files) &&
        load(process, program, arguments, &frame) == 0 && launch(process, &frame))
        return process->session = process->group = process->pid;
    files_close(&process->files, ~0u);
    if (process->space)
        space_destroy(process->space);
    kfree(process);
    return -ENOMEM;
}

/* Starts the module ARG[0] with N arguments, ARG[0] included. */
int process_start(int n, char *const *arg) {
    static const char *const environment[] = {"PATH=/", "HOME=/", "TERM=linux"};
    const struct module *program = module_find(arg[0]);
    struct arguments arguments = {0};
    struct elf elf;
    int error = !program ? -ENOENT : elf_check(program, &elf);

    input_start_interrupts(); /* or the program might run for ever */
    fpu_init();
    for (int i = 0; !error && i < n; i++, arguments.argc++)
        error = arguments_add(&arguments, arg[i], strlen(arg[i]));
    for (size_t i = 0; !error && i < ARRAY_SIZE(environment); i++, arguments.envc++)
        error = arguments_add(&arguments, environment[i], strlen(environment[i]));
    if (!error)
        error = start(program, &arguments);
    kfree(arguments.text);
    return error;
}

/* Copies the current process. The copy continues with FRAME, where eax is 0. Returns its PID, or -ENOMEM. */
static int fork(const struct trap_frame *frame) {
    struct process *child = kmalloc(sizeof(*child));
    struct trap_frame to = *frame;

    if (!child)
        return -ENOMEM;
    *child = *current;
    child->parent = current;
    child->faults = child->signals.pending = child->set_tid = 0;
    fpu_save(&child->context.fpu);
    child->context.fs = read_fs();
    child->context.gs = read_gs();
    to.eax = 0;
    if ((child->space = space_clone())) {
        if (launch(child, &to)) {
            files_share(&child->files);
            return child->pid;
        }
        space_destroy(child->space);
    }
    kfree(child);
    return -ENOMEM;
}

int sys_fork(struct trap_frame *frame) { return fork(frame); }

/* Like fork: memory is never shared, so there are no threads. */
int sys_clone(struct trap_frame *frame) {
    struct trap_frame to = *frame;
    unsigned flags = frame->ebx;

    if (flags & (CLONE_THREAD | CLONE_SETTLS) || (flags & CLONE_VM && !(flags & CLONE_VFORK)))
        return -EINVAL;
    if (frame->ecx)
        to.user_esp = frame->ecx;
    int pid = fork(&to);
    struct process *child = process_find(pid);
    if (child && flags & CLONE_CHILD_SETTID)
        child->set_tid = frame->edi;
    if (pid > 0 && flags & CLONE_PARENT_SETTID)
        copy_to_user((void *)frame->edx, &pid, sizeof(pid));
    return pid;
}

/* ---- exit and wait ---- */

/* Makes the monitor, which buries those that have ended, the parent of PROCESS. */
static void give_to_monitor(struct process *process) {
    process->parent = &monitor;
    schedule_wake(&monitor);
}

static void orphan_children(void) {
    for (struct process *process = monitor.next; process != &monitor; process = process->next)
        if (process->parent == current)
            give_to_monitor(process);
}

/* Whether the parent does not wait for its children. */
static bool is_forgotten(const struct process *process) {
    const struct sigaction *action = &process->parent->signals.action[SIGCHLD];

    return action->handler == SIG_IGN || action->flags & SA_NOCLDWAIT;
}

/* Ends the current process with STATUS, as wait4 gives it. */
void process_exit(int status) {
    struct process *parent = current->parent;

    files_close(&current->files, ~0u);
    orphan_children();
    schedule_wake(parent); /* even if it forgets the child: this may be the last that it waits for */
    if (is_forgotten(current))
        give_to_monitor(current);
    enter_space(monitor.space);
    space_destroy(current->space);
    current->space = NULL;
    current->status = status;
    current->state = ZOMBIE;
    signal_send(parent, SIGCHLD);
    schedule();
    __builtin_unreachable();
}

/* Removes the zombie PROCESS for good. */
static void bury(struct process *process) {
    struct process *before = process;

    while (before->next != process)
        before = before->next;
    before->next = process->next;
    context_destroy(process);
    kfree(process);
}

/* Whether PID, of kill or wait4, means PROCESS: its PID; -1, any; 0, the caller's group; or a group's negative. */
bool process_is_meant(const struct process *process, int pid) {
    if (pid > 0)
        return process->pid == pid;
    return pid == -1 || -process->group == (pid ? pid : -current->group);
}

static bool waits_for(int pid, const struct process *process) {
    return process->parent == current && process_is_meant(process, pid);
}

/* A child that matches wait4's PID, preferably a zombie; or NULL. */
static struct process *find_child(int pid) {
    struct process *child = NULL;

    for (struct process *process = monitor.next; process != &monitor; process = process->next)
        if (waits_for(pid, process) && (!child || process->state == ZOMBIE))
            child = process;
    return child;
}

int sys_wait4(struct trap_frame *frame) {
    static const struct rusage no_usage;
    struct process *child;

    if (frame->edx & ~WAIT_OPTIONS)
        return -EINVAL;
    while ((child = find_child((int)frame->ebx)) && child->state != ZOMBIE) {
        if (frame->edx & WNOHANG)
            return 0;
        if (signal_pending())
            return -ERESTART;
        schedule_wait(current, NULL);
    }
    if (!child)
        return -ECHILD;
    if ((frame->ecx && copy_to_user((void *)frame->ecx, &child->status, sizeof(child->status)) < 0) ||
        (frame->esi && copy_to_user((void *)frame->esi, &no_usage, sizeof(no_usage)) < 0))
        return -EFAULT;
    int pid = child->pid;
    bury(child);
    return pid;
}

int sys_waitpid(struct trap_frame *frame) {
    struct trap_frame with_usage = *frame;

    with_usage.esi = 0;
    return sys_wait4(&with_usage);
}

/* Whether a process of SESSION is in GROUP. */
static bool group_exists(int group, int session) {
    const struct process *process = monitor.next;

    while (process != &monitor && (process->group != group || process->session != session))
        process = process->next;
    return process != &monitor;
}

/* Groups have no meaning to the kernel but for kill, wait4 and the terminal. */
int sys_setpgid(struct trap_frame *frame) {
    struct process *process = frame->ebx ? process_find((int)frame->ebx) : current;

    if (!process || (process != current && process->parent != current))
        return -ESRCH;
    if ((int)frame->ecx < 0)
        return -EINVAL;
    int group = frame->ecx ? (int)frame->ecx : process->pid;
    if (group != process->pid && !group_exists(group, current->session))
        return -EPERM;
    process->group = group;
    return 0;
}

int sys_getpgid(struct trap_frame *frame) {
    const struct process *process = frame->ebx ? process_find((int)frame->ebx) : current;

    return process ? process->group : -ESRCH;
}

int sys_exit(struct trap_frame *frame) { process_exit((int)(frame->ebx & 0xFF) << 8); }

/* ---- for the monitor ---- */

/* Removes the monitor's zombie children, but not EXCEPT: orphans, and background programs that have ended. */
static void bury_orphans(int except) {
    struct process *next;

    for (struct process *process = monitor.next; process != &monitor; process = next) {
        next = process->next;
        if (process->parent == &monitor && process->state == ZOMBIE && process->pid != except)
            bury(process);
    }
}

static void (*on_output)(void);

/* Calls HANDLER from process_rest when programs have printed meanwhile: a prompt must be shown again. */
void process_on_output(void (*handler)(void)) { on_output = handler; }

static const struct process *entered;

/* Lets programs run until the next interrupt; but none while one is looked at, whose space is current. */
void process_rest(void) {
    if (entered) {
        input_rest();
        return;
    }
    schedule_wait(&monitor, NULL);
    bury_orphans(0);
    if (tty_printed_beside() && on_output)
        on_output();
}

/* Gives the terminal to program PID and waits for it; Ctrl-C goes to the program. */
int process_wait_for(int pid) {
    struct process *process = process_find(pid);

    ASSERT(process);
    tty_give(pid);
    while (process->state != ZOMBIE) {
        tty_poll();
        schedule_wait(&monitor, NULL);
        bury_orphans(pid);
    }
    tty_give(0);
    int status = process->status;
    bury(process);
    return status;
}

/* Ends program PID. */
bool process_kill(int pid) {
    struct process *process = process_find(pid);

    if (!process || process == &monitor)
        return false;
    signal_send(process, SIGKILL);
    while ((process = process_find(pid)) && process->state != ZOMBIE)
        process_rest();
    return true;
}

/* A wait status in words, "exit status 3" or "signal 9"; "" for exit status 0. */
const char *process_status_text(int status, char text[STATUS_TEXT]) {
    text[0] = '\0';
    if (status & 0x7F)
        format_buffer(text, STATUS_TEXT, "signal %d", status & 0x7F);
    else if (status)
        format_buffer(text, STATUS_TEXT, "exit status %d", status >> 8 & 0xFF);
    return text;
}

/* What is wrong with starting a program, in words, from process_start's negative value. */
const char *process_error_text(int error) {
    return error == -ENOENT    ? "no such module"
           : error == -ENOEXEC ? "not a static i386 ELF executable"
           : error == -E2BIG   ? "too many arguments"
                               : "out of memory";
}

/* ---- what there is ---- */

enum region { TEXT, DATA, HEAP, STACK, MAPPING, REGIONS };

static char region_text[REGIONS][NAME_MAX + 11]; /* "mapping of " and the name */

/* Makes the space of program PID the current one, until process_leave; false where there is none. */
bool process_enter(int pid) {
    static const char *const names[REGIONS] = {"text", "data", "heap", "stack", "mapping"};
    struct process *process = process_find(pid);

    if (!process || process->state == ZOMBIE)
        return false;
    for (unsigned i = 0; i < REGIONS; i++)
        format_buffer(region_text[i], sizeof(region_text[i]), "%s of %s", names[i], process->name);
    entered = process;
    enter_space(process->space);
    return true;
}

/* Goes back to the space of whoever runs. */
void process_leave(void) {
    entered = NULL;
    enter_space(current->space);
}

/* What the page at VA is in the program that was entered. */
const char *process_region(uintptr_t va, bool writable) {
    if (!entered || entered == &monitor)
        return NULL;
    if (va < entered->memory.brk_start)
        return region_text[writable ? DATA : TEXT];
    if (va < entered->memory.brk)
        return region_text[HEAP];
    return region_text[va >= STACK_END && va < STACK_TOP ? STACK : MAPPING];
}

/* Fills *OUT for the program with the lowest PID from PID on; false past the last. */
bool process_next(int pid, struct process_info *out) {
    static const char *const states[] = {"runnable", "waiting", "zombie"};
    const struct process *found = NULL;

    for (struct process *process = monitor.next; process != &monitor; process = process->next)
        if (process->pid >= pid && (!found || process->pid < found->pid))
            found = process;
    if (!found)
        return false;
    *out = (struct process_info){.pid = found->pid,
                                 .parent = found->parent->pid,
                                 .state = states[found->state],
                                 .name = found->name,
                                 .faults = found->faults};
    if (found->state != ZOMBIE) {
        struct space_counts counts = space_count(found->space);
        out->pages = counts.present;
        out->shared = counts.shared;
    }
    return true;
}

/* Whether the kernel is at work for a program. */
bool process_runs_program(void) { return current != &monitor; }

/* Adds a file, as if the boot loader had brought it: SIZE bytes at DATA, which lie in the identity map. */
bool process_add_file(const char *name, const void *data, size_t size) {
    return module_add(&(struct module){name, data, size, (paddr_t)(uintptr_t)data});
}

/* The name of module I that the boot loader brought, counted from 0; NULL past the last. */
const char *process_module(size_t i) {
    const struct module *module = module_at(i);

    return module ? module->name : NULL;
}
