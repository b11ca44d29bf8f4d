/* The monitor's trace: every step that mm/ takes, seen from outside.
 *
 * mm/ has no hooks for this. The command runs with EFLAGS.TF set, so the processor raises the debug exception
 * (vector 1) before each instruction (SDM vol. 3, 17.3.1.4), and on_step looks at what comes next: a watched
 * function's first instruction (a table of names; the symbol table has the addresses), INVLPG, a load of CR3, or a
 * store into the window.
 *
 * The handler runs with TF clear, since an interrupt gate clears it, and so does the handling of any other
 * exception in the traced command. A report removes the handler and abandons the command together with its TF.
 * After an int3 the trace goes on.
 *
 * Functions that a compiler has inlined have no address and are not seen; the functions that they call, the
 * entries and the flushes are. */
#include "trace.h"

#include "cpu.h"
#include "log.h"
#include "memlayout.h"
#include "monitor.h"
#include "output.h"
#include "string.h"
#include "trace_inside.h"

static bool always, once; /* trace on; trace CMD */

struct trace_sums trace_sums;

static void look_at_instruction(const struct trap_frame *frame) {
    if (frame->eip < (uintptr_t)kernel_start || frame->eip >= (uintptr_t)text_end)
        return; /* a jump to nowhere, about to fault */
    struct effect effect = decode(frame);
    if (effect.flushes != FLUSHES_NOTHING)
        trace_flush(&effect);
    trace_look_at_store(effect.written);
}

static void on_step(struct trap_frame *frame) {
    trace_sums.steps++;
    trace_look_at_entry();
    trace_follow_calls(frame);
    trace_sums.inside += trace_depth > 0;
    look_at_instruction(frame);
}

static void begin(const void *frame) {
    memset(&trace_sums, 0, sizeof(trace_sums));
    trace_begin_lines();
    trace_begin_calls();
    trace_begin_entries();
    trap_on_step(on_step);
    trace_listen(frame);
    write_eflags(read_eflags() | EFLAGS_TF);
}

static void print_sums(void) {
    kprintf("%s|%s ", ink(GREY), ink(PLAIN));
    if (trace_sums.steps)
        kprintf("%u instructions in these calls; ", trace_sums.inside);
    kprintf("frames: %u taken, %u given back\n"
            "%s|%s tables: %u linked, %u unlinked; entries: %u changed; flushes: %u\n",
            trace_sums.frames_taken, trace_sums.frames_given, ink(GREY), ink(PLAIN), trace_sums.linked,
            trace_sums.unlinked, trace_sums.entries, trace_sums.flushes);
}

static void end(void) {
    write_eflags(read_eflags() & ~EFLAGS_TF);
    trap_on_step(NULL);
    trace_listen(NULL);
    trace_unfold();
    trace_end_line();
    if (trace_sums.steps || TRACE_IS_TOLD)
        print_sums();
    else
        command_error("this machine takes no single steps: EFLAGS.TF does nothing here");
}

/* Runs C under the tracer when `trace on` or `trace CMD` asks for it; false, and nothing run, otherwise. */
bool trace_command(const struct command *c, int n, char **arg) {
    if ((!always && !once) || trap_stepping())
        return false;
    if (!(c->flags & TRACED)) {
        if (once && !command_runs_another(c) && !(c->flags & SELF_TRACED))
            kprintf("%s|%s %s changes no mapping: there is nothing to trace\n", ink(GREY), ink(PLAIN),
                    c->name);
        return false;
    }
    begin(__builtin_frame_address(0));
    c->run(n, arg);
    end();
    return true;
}

/* Whether the command that runs is to be traced. */
bool trace_wanted(void) { return always || once; }

/* While ASIDE, nothing is traced that is not asked for meanwhile; afterwards all is as before. */
void trace_set_aside(bool aside) {
    static bool always_before, once_before;

    if (aside) {
        always_before = always;
        once_before = once;
    }
    always = !aside && always_before;
    once = !aside && once_before;
}

COMMAND(LEARN, 3, trace, .arguments = "on|off|CMD", .most = 1, .flags = TAKES_LINE,
        .help = "show each frame, table, entry and flush of a command",
        .detail =
            "CMD runs instruction by instruction, and every call into the memory system, every frame, "
            "every entry set and every flush is shown. trace on does this for all commands from now on.",
        .example = "trace alloc 5000")
{
    if (!n)
        kprintf("trace %s\n", always ? "on" : "off");
    else if (!strcmp(arg[0], "on") || !strcmp(arg[0], "off"))
        always = arg[0][1] == 'n';
    else if (once)
        command_error("trace cannot trace itself");
    else {
        once = true;
        monitor_execute(arg[0]);
        once = false;
    }
}
