/* Programs and the terminal: who has it, what is printed beside it, and Ctrl-C. */
#include "process.h"

#include "../../kernel/process/process_inside.h"
#include "cpu.h"
#include "input.h"
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
    int pid = puppet_start_with(look_at_terminal), status = pid < 0 ? pid : process_wait_for(pid);

    puppet_end_all();
    KCHECK_EQ(status, 0);
    KCHECK_EQ(owner, pid);
}

static void nobody_has_the_terminal(void) {
    EXPECT(0, SYS_IOCTL, 0, TIOCGPGRP, PUPPET_AREA);
    KCHECK_EQ(*(int *)PUPPET_AREA, 0);
}

KTEST(process_that_has_ended_gives_back_the_terminal)
{
    int pid = puppet_start_with(look_at_terminal), status = pid < 0 ? pid : process_wait_for(pid);

    puppet_end_all();
    KCHECK_EQ(status, 0);
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

/* ---- Ctrl-C ---- */

/* The keyboard's controller (IBM PS/2 Hardware Interface Technical Reference) gives us CODE as if a key had sent it. */
static void press(uint8_t code) {
    const struct {
        uint16_t port;
        uint8_t value;
    } writes[] = {{0x64, 0xD2}, {0x60, code}};

    for (size_t i = 0; i < ARRAY_SIZE(writes); i++) {
        for (unsigned n = 0; n < 10000 && inb(0x64) & 2; n++)
            ;
        outb(writes[i].port, writes[i].value);
    }
}

/* The next key within so many looks, or -1. */
static int next_key(void) {
    int key = -1;

    for (unsigned n = 0; n < 10000 && key < 0; n++)
        key = input_poll();
    return key;
}

static unsigned calls;

/* Ctrl and C go down and up again, while a program runs that would run on for some time. */
static void type_ctrl_c(struct trap_frame *frame) {
    static const uint8_t codes[] = {0x1D, 0x2E, 0xAE, 0x9D};

    if (calls < ARRAY_SIZE(codes))
        press(codes[calls]);
    puppet_call(frame, ++calls < 10000 ? SYS_SCHED_YIELD : SYS_EXIT, (const unsigned[6]){0});
}

KTEST(process_is_interrupted_by_ctrl_c)
{
    if (on_v86())
        KSKIP("its keyboard controller takes no keys from us");
    press(0x1E);
    int key = next_key();
    press(0x9E);
    if (key != 'a')
        KSKIP("needs a keyboard controller");
    calls = 0;
    int pid = puppet_start_with(type_ctrl_c), status = pid < 0 ? pid : process_wait_for(pid);
    puppet_end_all();
    press(0xAE);
    press(0x9D);
    key = next_key();
    KCHECK_EQ(status, SIGINT);
    KCHECK_EQ(key, -1);
}
