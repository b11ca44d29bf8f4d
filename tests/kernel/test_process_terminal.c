/* Programs and the terminal: who has it, and what is printed beside it. */
#include "process.h"

#include "../../kernel/process/process_inside.h"
#include "cpu.h"
#include "input.h"
#include "ktest.h"
#include "puppet.h"
#include "serial.h"
#include "support.h"
#include "timer.h"

static int owner; /* of the terminal, while a program runs */

static void look_at_terminal(struct trap_frame *frame) {
    puppet_call(frame, SYS_IOCTL, (const unsigned[6]){0, TIOCGPGRP, PUPPET_AREA});
    owner = *(int *)PUPPET_AREA;
    puppet_call(frame, SYS_EXIT, (const unsigned[6]){0});
}

KTEST(process_that_is_waited_for_has_the_terminal)
{
    owner = 0;
    KCHECK_EQ(puppet_status(look_at_terminal), 0);
    KCHECK_EQ(owner, last_pid);
}

static void nobody_has_the_terminal(void) {
    EXPECT(0, SYS_IOCTL, 0, TIOCGPGRP, PUPPET_AREA);
    KCHECK_EQ(*(int *)PUPPET_AREA, 0);
}

static void kill_itself(struct trap_frame *frame) { puppet_call(frame, SYS_KILL, (const unsigned[6]){0, SIGKILL}); }

KTEST(process_that_has_ended_gives_back_the_terminal)
{
    KCHECK_EQ(puppet_status(look_at_terminal), 0);
    puppet_checks(nobody_has_the_terminal);
    KCHECK_EQ(puppet_status(kill_itself), SIGKILL);
    puppet_checks(nobody_has_the_terminal);
}

/* ---- keys ---- */

/* COM1's registers and their bits; as in serial.c. */
enum { DATA = 0x3F8, MCR = 0x3FC, LSR = 0x3FD, MCR_LOOP = 0x10, LSR_RECEIVED = 0x01, LSR_SENT_ALL = 0x40 };

static bool wait_for(uint8_t bit) {
    for (unsigned n = 0; n < 10000; n++) /* reads, each about a microsecond on hardware */
        if (inb(LSR) & bit)
            return true;
    return false;
}

/* COM1, turned back on itself when the last character has left it, receives KEY. */
static bool type_at_serial_line(enum key key) {
    uint8_t mcr = inb(MCR);
    bool sent = wait_for(LSR_SENT_ALL);

    outb(MCR, mcr | MCR_LOOP);
    outb(DATA, (uint8_t)key);
    bool received = wait_for(LSR_RECEIVED);
    outb(MCR, mcr);
    return sent && received;
}

static unsigned began;

static void run_until_interrupted(struct trap_frame *frame) {
    if (timer_ticks() - began < 5 * TIMER_HZ)
        puppet_call(frame, SYS_SCHED_YIELD, (const unsigned[6]){0});
    else
        puppet_call(frame, SYS_EXIT, (const unsigned[6]){0});
}

/* Nobody reads, and the key comes while the program runs. */
KTEST(process_that_is_waited_for_is_interrupted)
{
    if (!serial_present())
        KSKIP("needs a serial line");
    input_start_interrupts();
    began = timer_ticks();
    KCHECK(type_at_serial_line(KEY_CTRL_C));
    KCHECK_EQ(puppet_status(run_until_interrupted), SIGINT);
}

/* ---- output ---- */

static bool prints;
static unsigned outputs;
static void count_output(void) { outputs++; }

static void print_in_background(struct trap_frame *frame) {
    if (prints)
        puppet_call(frame, SYS_WRITE, (const unsigned[6]){1, PUPPET_NAME, 6});
    puppet_call(frame, SYS_EXIT, (const unsigned[6]){0});
}

/* The prompt must be shown again where a program has printed beside it. */
KTEST(process_that_prints_in_the_background_is_noticed)
{
    int pid;

    process_on_output(NULL);
    for (unsigned i = 0; i < 2; i++) {
        prints = i;
        outputs = 0;
        puppet_run(print_in_background, &pid); /* nobody wants to know */
        KCHECK(outputs == 0 && !find_text(puppet_said, "puppet") == !prints);
        process_on_output(count_output);
        puppet_run(print_in_background, &pid);
        process_on_output(NULL);
        KCHECK_EQ(outputs, prints);
    }
}
