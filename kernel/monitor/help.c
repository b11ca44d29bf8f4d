/* The monitor's help: read from the commands' own records. */
#include "command.h"
#include "log.h"
#include "output.h"

static const char *const group_names[GROUPS] = {
    [LOOK] = "Look",
    [EDIT] = "Change mappings and memory",
    [HEAP] = "The heap",
    [LEARN] = "Watch and learn",
    [PROGRAMS] = "Programs",
    [CHECK] = "Break and check",
    [PROMPT_AND_MACHINE] = "The prompt and the machine",
};

static void help_on(const struct command *c) {
    kprintf("%s%s%s\n    %s\n", c->name, *c->arguments ? " " : "", c->arguments, c->help);
    if (c->detail)
        output_wrapped(c->detail, 4, "");
    kprintf("    for example: %s\n", c->example);
}

static void help_group(enum group group) {
    kprintf("%s%s%s\n", ink(BOLD), group_names[group], ink(PLAIN));
    for (const struct command *c = commands_start; c < commands_end; c++)
        if (c->group == group)
            kprintf("  %-8s%-16s %s\n", c->name, c->arguments, c->help);
}

COMMAND(LEARN, 1, help, .arguments = "[CMD]", .most = 1, .help = "explain CMD; alone: list all commands",
        .example = "help walk")
{
    const struct command *c;

    if (!n) {
        for (enum group group = 0; group < GROUPS; group++)
            help_group(group);
        kprintf("VA is an address: a number (1M, 0xc0000000), an object of alloc ($0), a symbol\n"
                "(kmain), or page_directory, page_tables, heap, scratch_page, screen; an offset\n"
                "may follow (kmain+0x10). A number is decimal or 0x..., and may end in K, M, G.\n"
                "Commands are separated by ;. Tab completes, Ctrl-C stops the output.\n");
    } else if ((c = command_named(arg[0]))) {
        help_on(c);
    }
}
