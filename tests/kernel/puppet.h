/* A program in ring 3 whose every system call a test chooses (puppet.S). Its children are puppets too. */
#ifndef QUIRE_TESTS_PUPPET_H
#define QUIRE_TESTS_PUPPET_H

#include "trap.h"
#include "types.h"

#define PUPPET_BASE 0x08048000u
#define PUPPET_NAME (PUPPET_BASE + 0x80)   /* the string "puppet", its file's name */
#define PUPPET_ACTION (PUPPET_BASE + 0x90) /* a struct sigaction whose handler is where the puppet begins */
#define PUPPET_ARGUMENTS (PUPPET_BASE + 0xB0) /* its name, as argv and envp have it */
#define PUPPET_AREA (PUPPET_BASE + PAGE_SIZE)
#define PUPPET_AREA_PAGES 16u

/* Starts a puppet; its PID, or a negative error. From now on CALL handles each of its system calls: it fills in FRAME
 * and hands it to puppet_call. What is printed meanwhile goes to puppet_said. */
int puppet_start_with(void (*call)(struct trap_frame *frame));

/* Makes system call NUMBER with up to 6 arguments in FRAME, as the puppet's own: what it finds in eax. Does not return
 * if the call ends the puppet. */
int puppet_call(struct trap_frame *frame, unsigned number, const unsigned arg[6]);

/* Runs a puppet with CALL until it has ended, and ends what it has started. *PID is its PID, or a negative error. */
void puppet_run(void (*call)(struct trap_frame *frame), int *pid);

/* Kills all programs, waits until none is left, and takes the system calls' handler back. */
void puppet_end_all(void);

/* The same as SIGKILL to every program. For handlers: nothing has ended when it returns. */
void puppet_kill_all(void);

extern char puppet_said[16384];

#endif
