/* A program in ring 3 whose every system call a test chooses (puppet.S). Its children are puppets too. */
#ifndef QUIRE_TESTS_PUPPET_H
#define QUIRE_TESTS_PUPPET_H

#include "trap.h"
#include "types.h"

#include "call_numbers.h"

#define PUPPET_BASE 0x08048000u
#define PUPPET_NAME (PUPPET_BASE + 0x80)   /* the string "puppet", its file's name */
#define PUPPET_ACTION (PUPPET_BASE + 0x90) /* a struct sigaction whose handler is where the puppet begins */
#define PUPPET_ARGUMENTS (PUPPET_BASE + 0xB0) /* its name, as argv and envp have it */
#define PUPPET_AREA (PUPPET_BASE + PAGE_SIZE)
#define PUPPET_AREA_PAGES 16u

/* Starts a puppet; its PID, or a negative error. From now on CALL handles each of its system calls: it fills in FRAME
 * and hands it to puppet_call. What is printed meanwhile goes to puppet_said. */
int puppet_start_with(void (*call)(struct trap_frame *frame));

/* Makes system call NUMBER with up to 6 arguments in FRAME, as the puppet's own: what it finds in eax. Other registers must
 * be as before. Does not return if the call ends the puppet. */
int puppet_call(struct trap_frame *frame, unsigned number, const unsigned arg[6]);

/* Runs a puppet with CALL until it has ended, and ends what it has started. *PID is its PID, or a negative error. The test
 * fails if nobody makes a call for seconds. */
void puppet_run(void (*call)(struct trap_frame *frame), int *pid);

/* Runs a puppet with CALL as `run` does. Its status, as wait4 gives it, or a negative error. */
int puppet_status(void (*call)(struct trap_frame *frame));

/* Calls CHECKS, whose CALLs are a puppet's; it then exits. A check that fails fails the test. Its children exit at once,
 * with their PIDs as status. In the end as many objects must be handed out as before. */
void puppet_checks(void (*checks)(void));

/* Makes a system call: its number, and up to 6 arguments; what it returns. */
#define CALL(...) puppet_makes((const unsigned[7]){__VA_ARGS__})
int puppet_makes(const unsigned call[7]);

/* A system call whose arguments are constants must return VALUE. After a failure none is made. (A test of them has
 * hundreds: this is small.) */
#define EXPECT(value, ...) \
    do { \
        static const unsigned call_[7] = {__VA_ARGS__}; \
        puppet_expects(__FILE__, __LINE__, call_, (int)(value)); \
    } while (0)
void puppet_expects(const char *file, int line, const unsigned call[7], int value);

/* Fills the kernel's stack below the caller, where the next call's locals will be, with 'x', of which nothing may reach
 * the program. */
void puppet_paint_stack(void);

/* The registers with which the puppet goes on. */
extern struct trap_frame *puppet_frame;

/* Kills all programs, waits until none is left, and takes the system calls' handler back. */
void puppet_end_all(void);

/* The same as SIGKILL to every program. For handlers: nothing has ended when it returns. */
void puppet_kill_all(void);

extern char puppet_said[16384];
extern unsigned puppet_faults; /* those that are not mended */

#endif
