/* A process: what the files of this room share. The public contract is include/process.h. */
#ifndef QUIRE_PROCESS_INSIDE_H
#define QUIRE_PROCESS_INSIDE_H

#include "cpu.h"
#include "file.h"
#include "lab.h"
#include "memory.h"
#include "schedule.h"
#include "signals.h"

#define PROCESSES_MAX 256
#define NAME_MAX 32

enum state { RUNNABLE, WAITING, ZOMBIE };

struct process {
    int pid, group, session; /* the session is the PID that `run` started */
    enum state state;
    int status;                    /* a zombie's, as wait4 gives it */
    struct process *parent, *next; /* all processes are a ring */
    char name[NAME_MAX];
    const struct module *program;
    size_t faults;       /* mended */
    unsigned set_tid;    /* where clone is to write the child's PID; 0: nowhere */
    struct space *space; /* NULL once a zombie */
    struct memory memory;
    struct files files;
    struct signals signals;
    struct context context;
};

extern struct process *current;
extern struct process monitor; /* process 1 */
extern int last_pid;           /* given to a process; the next is higher, or begins anew */

/* The process PID, or NULL. */
struct process *process_find(int pid);

/* Whether PID, of kill or wait4, means PROCESS: its PID; -1, any; 0, the caller's group; or a group's negative. */
bool process_is_meant(const struct process *process, int pid);

/* Ends the current process with STATUS, as wait4 gives it. */
void process_exit(int status) __attribute__((noreturn));

/* Tells the lab (lab.h) whose PROCESS's space is. */
static inline void tell_owner(const struct process *process) {
    lab(LAB_SPACE, (uintptr_t)process->space);
    lab(LAB_NAME, (uintptr_t)process->name);
    lab(LAB_PID, (uintptr_t)process->pid);
}

/* Makes SPACE the current one. */
void enter_space(struct space *space);

/* exec.c. Arguments and environment: strings one after the other. */
struct arguments {
    char *text;
    size_t used, size;
    unsigned argc, envc;
};

/* Appends a string of N bytes without its NUL. 0, -ENOMEM or -E2BIG. */
int arguments_add(struct arguments *arguments, const char *string, size_t n);

/* Loads PROGRAM into the current space, which is empty, and sets FRAME to its start. *MEMORY is its layout. */
int exec_load(const struct module *program, const struct arguments *arguments, struct memory *memory,
              struct trap_frame *frame);

/* Gives PROCESS the name of PROGRAM, and clears what its old program left in registers and signals. */
void exec_become(struct process *process, const struct module *program);

#endif
