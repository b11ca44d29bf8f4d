/* The monitor's commands for programs: run, ps, kill. */
#include "args.h"
#include "command.h"
#include "log.h"
#include "output.h"
#include "process.h"
#include "string.h"
#include "trace.h"

#define WORDS_MAX 32

COMMAND(PROGRAMS, 2, ps, .arguments = "", .flags = READS, .help = "list the programs that run",
        .example = "ps")
{
    struct process_info info;

    kprintf("  PID PARENT STATE     PAGES SHARED FAULTS NAME\n");
    for (int pid = 0; process_next(pid, &info); pid = info.pid + 1)
        kprintf("%5d %6d %-8s %6zu %6zu %6zu %s\n", info.pid, info.parent, info.state, info.pages,
                info.shared, info.faults, info.name);
}

/* Cuts LINE at its blanks into words, of which WORD gets the first WORDS_MAX. Quotes, ' or ", keep blanks in a word, and
 * are dropped. Returns the number of words. */
static int split(char *line, char **word) {
    int n = 0;

    while (*line) {
        char *to, quote = '\0';

        while (*line == ' ')
            line++;
        if (!*line)
            break;
        if (n < WORDS_MAX)
            word[n] = line;
        n++;
        for (to = line; *line && (quote || *line != ' '); line++) {
            if (*line == quote)
                quote = '\0';
            else if (!quote && (*line == '\'' || *line == '"'))
                quote = *line;
            else
                *to++ = *line;
        }
        line += *line != '\0';
        *to = '\0';
    }
    return n;
}

/* For trace: a line for each page fault that is mended. */
static void show_fault(const struct process_fault *fault) {
    kprintf("%s|%s %s[%d] %s 0x%08x: ", ink(GREY), ink(PLAIN), fault->name, fault->pid,
            fault->write ? "writes to" : "reads from", (unsigned)(uintptr_t)fault->va);
    if (!fault->before)
        kprintf("%sfirst touch%s, a clear page in frame 0x%08x\n", ink(GREEN), ink(PLAIN), fault->after);
    else if (fault->before != fault->after)
        kprintf("%sshared%s, frame 0x%08x copied to 0x%08x\n", ink(YELLOW), ink(PLAIN), fault->before,
                fault->after);
    else
        kprintf("%sthe only owner now%s, frame 0x%08x stays\n", ink(CYAN), ink(PLAIN), fault->after);
}

/* Runs the program in WORD; waits for it unless it is to run BESIDE the prompt. */
static void run(int words, char **word, bool beside) {
    char text[STATUS_TEXT];
    int pid = process_start(words, word);

    if (pid < 0)
        command_error("%s: %s", word[0], process_error_text(pid));
    else if (!beside && *process_status_text(process_wait_for(pid), text))
        command_error("%s: %s", word[0], text);
}

COMMAND_NAMED(PROGRAMS, 1, run_program, "run", .arguments = "PROGRAM [ARG]", .least = 1, .most = 1,
              .flags = TAKES_LINE | SELF_TRACED, .candidate = process_module,
              .help = "run a program that came as a boot module",
              .detail =
                  "What follows PROGRAM are its arguments; quotes keep blanks. Ctrl-C ends it. With & as "
                  "the last word it runs beside the prompt. trace run PROGRAM shows its page faults.",
              .example = "run hello")
{
    char *word[WORDS_MAX];
    int words = split(arg[0], word);

    if (words > WORDS_MAX) {
        command_error("%s: too many arguments", word[0]);
        return;
    }
    bool beside = words > 1 && !strcmp(word[words - 1], "&");
    process_on_fault(trace_wanted() ? show_fault : NULL);
    run(words - beside, word, beside);
    process_on_fault(NULL);
}

COMMAND(PROGRAMS, 3, kill, .arguments = "PID", .least = 1, .most = 1, .help = "end a program",
        .example = "kill 2")
{
    unsigned pid;

    if (argument_number("PID", arg[0], &pid) && !process_kill((int)pid))
        command_error("there is no program %u: ps lists them", pid);
}
