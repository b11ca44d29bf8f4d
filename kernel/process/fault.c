/* Faults that are a program's own. See fault.h.
 *
 * The report has the form of the kernel's own, each line led by the program's name and PID. */
#include "fault.h"

#include "elf.h"
#include "exception.h"
#include "format.h"
#include "log.h"
#include "process_inside.h"
#include "tty.h"
#include "user_memory.h"

/* The signal for exception VECTOR (SDM vol. 3, table 6-1). */
static unsigned signal_of(unsigned vector) {
    switch (vector) {
    case 0:
    case 16:
    case 19:
        return SIGFPE;
    case TRAP_DEBUG:
    case TRAP_BREAKPOINT:
        return SIGTRAP;
    case TRAP_INVALID_OPCODE:
        return SIGILL;
    case 17:
        return SIGBUS;
    default:
        return SIGSEGV;
    }
}

#define LINE_MAX 96
#define CALLERS_SHOWN 16
#define CALLERS_MAX (STACK_SIZE / 8) /* as many as fit on the stack, the repeated ones included */

static void print_line(const char *text) { kprintf("%s[%d]   %s\n", current->name, current->pid, text); }

/* Prints ADDRESS, and the symbol that holds it if the program's file has symbols. */
static void print_place(uintptr_t address) {
    char text[LINE_MAX];
    size_t offset;
    const char *symbol = elf_symbol(current->program, address, &offset);

    if (symbol)
        format_buffer(text, sizeof(text), "  0x%08x %.60s+0x%zx", (unsigned)address, symbol, offset);
    else
        format_buffer(text, sizeof(text), "  0x%08x", (unsigned)address);
    print_line(text);
}

static void print_repeats(unsigned repeats) {
    char text[LINE_MAX];

    format_buffer(text, sizeof(text), "  ... the same %u times more", repeats);
    if (repeats)
        print_line(text);
}

/* Follows the program's chain of stack frames, if it keeps one. Repeated return addresses are counted. */
static void print_callers(const struct trap_frame *frame) {
    unsigned link[2], ebp = frame->ebp, eip = 0; /* LINK: the caller's EBP and EIP */
    unsigned shown = 0, repeats = 0, all = 0;

    print_line("backtrace");
    print_place(frame->eip);
    for (; shown < CALLERS_SHOWN && all < CALLERS_MAX; all++) {
        if (copy_from_user(link, (void *)ebp, sizeof(link)) < 0 || !link[1])
            break;
        if (link[1] == eip) {
            repeats++;
        } else {
            print_repeats(repeats);
            print_place(eip = link[1]);
            repeats = 0;
            shown++;
        }
        if (link[0] <= ebp)
            break;
        ebp = link[0];
    }
    print_repeats(repeats);
}

static void begin_report(void) {
    tty_begin_output();
    log_fresh_line();
}

/* Handles an exception of the current program; ADDRESS is CR2. Sends a signal if the program handles it;
 * otherwise prints a report and ends the program. */
void fault_in_program(struct trap_frame *frame, uintptr_t address) {
    unsigned signal = signal_of(frame->vector);
    char prefix[NAME_MAX + 16];

    if (frame->vector == TRAP_PAGE_FAULT && memory_wanting((void *)address, frame->error)) {
        begin_report();
        kprintf("%s[%d] out of memory: ended\n", current->name, current->pid);
        process_exit(SIGKILL);
    }
    if (signal_fault(signal, address))
        return;
    begin_report();
    format_buffer(prefix, sizeof(prefix), "%s[%d] ", current->name, current->pid);
    exception_report_program(frame, address, prefix);
    if (frame->vector == TRAP_PAGE_FAULT && address >= MAPPINGS_END && address < STACK_END)
        print_line("stack    this is the guard below the stack, which has grown to its 8 MiB");
    print_callers(frame);
    process_exit((int)signal);
}
