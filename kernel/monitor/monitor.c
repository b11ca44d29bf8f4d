/* The monitor: reads a line, cuts it into words, finds the command, runs it.
 *
 * The commands are one table. Each does its work through the public headers of mm/, and checks what it was
 * given before it calls: where mm/ would panic on a caller's bug, a person at the prompt gets a line that
 * starts with "error: ". Only poke and fault can break the system, and they say so. */
#include "monitor.h"

#include "bench.h"
#include "commands.h"
#include "console.h"
#include "cpu.h"
#include "diagnosis.h"
#include "format.h"
#include "ktest.h"
#include "log.h"
#include "machine.h"
#include "string.h"
#include "timer.h"

#define WORDS_MAX 8 /* more than any command takes: the rest is only counted */

static unsigned errors;

void command_error(const char *fmt, ...) {
    va_list args;

    errors++;
    va_start(args, fmt);
    kprintf("error: ");
    kvprintf(fmt, args);
    kprintf("\n");
    va_end(args);
}

static void command_help(int n, char **arg);

static void command_machine(int n, char **arg) {
    (void)n, (void)arg;
    diagnosis_print();
}

/* The tests run commands of their own, for nobody: none may wait for a key, and none is traced. */
static void command_test(int n, char **arg) {
    enum from from = output_from();
    bool traced = trace_all(false);

    output_end();
    bool passed = ktest_run(n ? arg[0] : "*");
    trace_all(traced);
    output_begin(from);
    if (!passed)
        command_error("not every test passed, or none has such a name");
}

static void command_bench(int n, char **arg) {
    if (!bench_run(n ? arg[0] : "*"))
        command_error("not every benchmark ran, or none has such a name");
}

bool monitor_stopped(void) { return output_stopped(); }

/* Once where nobody can press a key, and where it is an error: that is said once. */
static void command_watch(int n, char **arg) {
    static bool watching;
    unsigned errors_before = errors;

    (void)n;
    if (watching) {
        command_error("watch cannot watch itself");
        return;
    }
    watching = true;
    do {
        output_new_page();
        if (output_from() != NOBODY)
            kprintf("%s%s%s, once a second; any key ends it%s\n", ink("\033[H\033[J"), ink(BOLD), arg[0],
                    ink(PLAIN));
        execute_copy(arg[0]);
    } while (output_from() != NOBODY && errors == errors_before && !output_stopped() &&
             console_wait(TIMER_HZ) < 0);
    watching = false;
}

static void command_exit(int n, char **arg) {
    unsigned code = 0;

    if (n && !argument_number("N", arg[0], &code))
        return;
    machine_exit(code == 0);
}

/* The keyboard controller pulses the processor's reset line; where there is none, a fault without an IDT
 * is a triple fault, which resets too (SDM vol. 3, 6.15, "Interrupt 8"). */
static void command_reboot(int n, char **arg) {
    static const struct descriptor_table no_idt = {0, 0};
    int patience = 100000;

    (void)n, (void)arg;
    while (inb(0x64) & 2 && --patience)
        ; /* its input buffer is full */
    outb(0x64, 0xFE);
    for (patience = 100000; --patience;)
        inb(0x64);
    lidt(&no_idt);
    breakpoint();
}

static const char *const group_names[GROUPS] = {
    [LOOK] = "Look",
    [EDIT] = "Change mappings and memory",
    [HEAP] = "The heap",
    [LEARN] = "Watch and learn",
    [CHECK] = "Break and check",
    [MACHINE] = "The prompt and the machine",
};

/* A group's commands stand together. */
static const struct command commands[] = {
    {LEARN, "help", "[CMD]", 0, 1, command_help, "what CMD does; alone: all commands", "help walk", UNTRACED},
    {LEARN, "tour", "", 0, 0, command_tour, "a guided walk through the memory system", "tour", UNTRACED},
    {LEARN, "trace", "on|off|CMD", 0, 1, command_trace, "each frame, table, entry and flush, as it happens",
     "trace alloc 100000", TAKES_LINE | UNTRACED},
    {LEARN, "watch", "CMD", 1, 1, command_watch, "CMD once a second, until a key", "watch heap",
     TAKES_LINE | UNTRACED},
    {LOOK, "mem", "", 0, 0, command_mem, "physical memory: a map, how many frames, and where", "mem",
     UNTRACED},
    {LOOK, "maps", "", 0, 0, command_maps, "what is mapped: addresses, permission, what it is", "maps",
     UNTRACED},
    {LOOK, "walk", "VA", 1, 1, command_walk, "translates VA in four steps, with live entries", "walk kmain",
     UNTRACED},
    {LOOK, "pd", "[I]", 0, 1, command_pd, "the page directory, or page table I", "pd 0", UNTRACED},
    {LOOK, "peek", "VA [WORDS]", 1, 2, command_peek, "memory at VA, as 32-bit words",
     "peek page_directory 16", UNTRACED},
    {EDIT, "map", "VA PA [ro]", 2, 3, command_map, "maps the page at VA to the frame at PA",
     "map 0x00400000 0x000b8000 ro", 0},
    {EDIT, "unmap", "VA", 1, 1, command_unmap, "undoes map", "unmap 0x00400000", 0},
    {EDIT, "protect", "VA ro|rw", 2, 2, command_protect, "makes a page of map's read-only, or writable",
     "protect 0x00400000 ro", 0},
    {EDIT, "fill", "VA WORDS WORD", 3, 3, command_fill, "WORD many times, into an object or a page of map's",
     "fill $0 16 0xdeadbeef", 0},
    {EDIT, "poke", "VA WORD", 2, 2, command_poke, "writes WORD at VA: this can break things",
     "poke 0x000b8000 0x07690748", 0},
    {HEAP, "alloc", "N", 1, 1, command_alloc, "kmalloc of N bytes; names the object $0, $1, ...", "alloc 4K",
     0},
    {HEAP, "free", "VA|$K", 1, 1, command_free, "kfree of an object", "free $0", 0},
    {HEAP, "heap", "[leaks]", 0, 1, command_heap, "the heap, by size class; leaks: who holds what", "heap",
     UNTRACED},
    {CHECK, "fault", "[KIND]", 0, 1, command_fault, "a real fault; alone: the kinds there are", "fault null",
     UNTRACED},
    {CHECK, "test", "[PATTERN]", 0, 1, command_test, "the tests whose name matches, * for any text",
     "test pm_*", UNTRACED},
    {CHECK, "bench", "[PATTERN]", 0, 1, command_bench, "the benchmarks whose name matches, * for any text",
     "bench W*", UNTRACED},
    {MACHINE, "machine", "", 0, 0, command_machine, "what machine this is: for a report of a problem",
     "machine", UNTRACED},
    {MACHINE, "page", "[on|off|auto]", 0, 1, command_page,
     "wait where the screen is full; auto: at the PC only", "page on", UNTRACED},
    {MACHINE, "colour", "[on|off|auto]", 0, 1, command_colour, "auto: on the screen, and if the terminal can",
     "colour off", UNTRACED},
    {MACHINE, "clear", "", 0, 0, command_clear, "clears the screen", "clear", UNTRACED},
    {MACHINE, "reboot", "", 0, 0, command_reboot, "resets the machine", "reboot", UNTRACED | LEAVES},
    {MACHINE, "exit", "[N]", 0, 1, command_exit, "ends QEMU: 0 or none is success, else failure", "exit 1",
     UNTRACED | LEAVES},
};

const struct command *command_number(size_t i) { return i < ARRAY_SIZE(commands) ? &commands[i] : NULL; }

static const struct command *find_command(const char *name) {
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
        if (!strcmp(commands[i].name, name))
            return &commands[i];
    command_error("there is no command \"%.40s\": help lists them all", name);
    return NULL;
}

/* What one line of help leaves open. */
static const struct {
    const char *name, *text;
} details[] = {
    {"trace", "on: every command from now on; CMD: that one. It runs instruction by\n"
              "    instruction, and calls into mm/, entries set and pages flushed are shown"},
    {"mem", "A cell shows the rarest thing in it: one page table in a gigabyte is seen"},
    {"maps", "The second address is the first one behind. What is absent has no line"},
    {"walk", "Looking changes nothing. `seen at` is where the window shows an entry"},
    {"pd", "32 x 32 entries, then a line for each that is present. pd 1023 is the\n"
           "    directory again: its last entry makes it its own table"},
    {"peek", "Up to 4096 words, 1 if WORDS is left out. What is absent is an error line"},
    {"map", "VA is from 4M up to 0xc0000000; PA is any frame, memory or a device's, also\n"
            "    one in use: so memory can be seen at a second address"},
    {"unmap", "A page table that has lost its last page is given back"},
    {"fill", "Only what nobody else uses: objects of alloc, and pages that map mapped to\n"
             "    free frames or to the screen"},
    {"poke", "Refused where a page is absent or read-only, and in the window; elsewhere\n"
             "    it writes, and what happens then is yours"},
    {"alloc", "N may be 64K or 2M. $K stands for the object wherever VA does"},
    {"heap", "A class's pages hold CAPACITY objects, and LIVE are handed out. Objects\n"
             "    larger than any class have whole pages. leaks needs the option heap=debug"},
    {"fault", "int3 reports, and goes on. The others end in a report: then QEMU exits, or\n"
              "    stays for a last look (the option panic=stay)"},
    {"test", "What would touch your objects and mappings is skipped while there are any"},
    {"bench", "The figures are instructions under QEMU's -icount shift=0 (make bench). The\n"
              "    heap must be empty"},
    {"page", "At the end of a page: a key for the next, Enter for a line, q to leave"},
    {"colour", "auto asks the terminal once whether it is one. The screen always has them"},
};

static void help_on(const struct command *c) {
    kprintf("%s%s%s\n    %s\n", c->name, *c->arguments ? " " : "", c->arguments, c->help);
    for (size_t i = 0; i < ARRAY_SIZE(details); i++)
        if (!strcmp(details[i].name, c->name))
            kprintf("    %s\n", details[i].text);
    kprintf("    for example: %s\n", c->example);
}

static void command_help(int n, char **arg) {
    const struct command *c;

    if (n) {
        if ((c = find_command(arg[0])))
            help_on(c);
        return;
    }
    for (c = commands; c < commands + ARRAY_SIZE(commands); c++) {
        if (c == commands || c->group != c[-1].group)
            kprintf("%s%s%s\n", ink(BOLD), group_names[c->group], ink(PLAIN));
        kprintf("  %-8s%-14s %s\n", c->name, c->arguments, c->help);
    }
    kprintf("A number is decimal or 0x..., and may end in K, M or G. VA is a number, a name\n"
            "that alloc gave ($0), a symbol (kmain), or page_directory, page_tables, heap,\n"
            "scratch_page, screen; each may be followed by an offset (kmain+0x10). Tab\n"
            "completes. Ctrl-C ends what is being printed.\n");
}

/* Cuts LINE at its blanks; the number of words, of which the first WORDS_MAX are in WORD. */
static int split_words(char *line, char *word[WORDS_MAX]) {
    int n = 0;

    for (;;) {
        while (*line == ' ' || *line == '\t')
            *line++ = '\0';
        if (!*line)
            return n;
        if (n < WORDS_MAX)
            word[n] = line;
        n++;
        while (*line && *line != ' ' && *line != '\t')
            line++;
    }
}

/* As split_words, for a command whose argument is the rest of the line. */
static int split_off_word(char *line, char *word[WORDS_MAX]) {
    char *end = line + strlen(line);

    while (*line == ' ' || *line == '\t')
        line++;
    while (end > line && (end[-1] == ' ' || end[-1] == '\t'))
        *--end = '\0';
    word[0] = line;
    while (*line && *line != ' ' && *line != '\t')
        line++;
    while (*line == ' ' || *line == '\t')
        *line++ = '\0';
    word[1] = line;
    return *line ? 2 : 1;
}

static bool takes_line(const char *line) {
    while (*line == ' ' || *line == '\t')
        line++;
    for (const struct command *c = commands; c < commands + ARRAY_SIZE(commands); c++) {
        size_t n = strlen(c->name);
        if (c->flags & TAKES_LINE && !strncmp(line, c->name, n) &&
            (!line[n] || line[n] == ' ' || line[n] == '\t'))
            return true;
    }
    return false;
}

void monitor_execute(char *line) {
    char *word[WORDS_MAX] = {NULL};
    unsigned n = (unsigned)(takes_line(line) ? split_off_word(line, word) : split_words(line, word));
    const struct command *c;

    if (!n || !(c = find_command(word[0])))
        return;
    if (n - 1 < c->least || n - 1 > c->most)
        command_error("expected: %s%s%s", c->name, *c->arguments ? " " : "", c->arguments);
    else if (!trace_command(c, (int)n - 1, word + 1))
        c->run((int)n - 1, word + 1);
}

void execute_copy(const char *line) {
    char copy[LINE_BYTES + 1];

    format_buffer(copy, sizeof(copy), "%s", line);
    monitor_execute(copy);
}

static void too_long(void) { command_error("a line has at most %d bytes", LINE_BYTES); }

/* Copies the command at TEXT, up to ';' or the end, into LINE without the blanks around it; the place
 * where the next begins. LINE is cut to its size; *LENGTH is the command's whole length. */
static const char *next_command(const char *text, char line[LINE_BYTES + 1], size_t *length) {
    const char *end = text, *next;

    while (*end && *end != ';')
        end++;
    next = *end ? end + 1 : end;
    while (text < end && *text == ' ')
        text++;
    while (end > text && end[-1] == ' ')
        end--;
    *length = (size_t)(end - text);
    size_t kept = *length < LINE_BYTES ? *length : LINE_BYTES;
    memcpy(line, text, kept);
    line[kept] = '\0';
    return next;
}

static void execute_for(enum from from, char *line) {
    output_begin(from);
    monitor_execute(line);
    output_end();
}

void monitor_run(const char *listed) {
    static char line[LINE_BYTES + 1];
    size_t length;

    while (listed && *listed) {
        listed = next_command(listed, line, &length);
        if (!length)
            continue;
        kprintf(PROMPT "%s\n", line);
        if (length > LINE_BYTES)
            too_long();
        else
            execute_for(LISTED, line);
    }
    for (;;) {
        kprintf(PROMPT);
        if (line_read(line))
            execute_for(console_at_keyboard() ? KEYBOARD : SERIAL, line);
        else
            too_long();
    }
}
