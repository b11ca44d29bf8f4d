/* Programs and the terminal: who has it, and what is printed beside it. */
#include "process.h"

#include "../../kernel/process/process_inside.h"
#include "ktest.h"
#include "puppet.h"
#include "support.h"

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

KTEST(process_that_has_ended_gives_back_the_terminal)
{
    KCHECK_EQ(puppet_status(look_at_terminal), 0);
    puppet_checks(nobody_has_the_terminal);
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
