/* The command line: the first byte chooses the loader, the rest is the line. Against a reader of its own, where the line
 * has no kernel's path in front: as GRUB gives it. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "boot_info.h"
#include "options.h"

struct boot_info boot_info;

static const char *const loaders[] = {"GRUB 2.06", "qemu", "", "iPXE 1.0"};

/* The commands, and the values of seed=, as a reader of its own finds them in LINE. */
static const char *seed, *commands;
static char copy[CMDLINE_MAX + 1];

static void read_line(char *line) {
    char *to = line;
    seed = commands = NULL;
    for (char *from = line; *from; from++) {
        if (*from == '\\' && from[1] && strchr("\\\"'", from[1]))
            from++;
        *to++ = *from;
    }
    *to = '\0';
    for (char *word = line; word;) {
        char *end = strchr(word, ' ');
        if (end)
            *end = '\0';
        if (!strcmp(word, "--")) {
            commands = end ? end + 1 : "";
            return;
        }
        if (!strncmp(word, "seed=", 5))
            seed = word + 5;
        word = end ? end + 1 : NULL;
    }
}

static bool same(const char *a, const char *b) { return a && b ? !strcmp(a, b) : a == b; }

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1)
        return 0;
    size_t n = size - 1 < CMDLINE_MAX ? size - 1 : CMDLINE_MAX;
    memset(&boot_info, 0, sizeof boot_info);
    memset(&options, 0, sizeof options);
    strcpy(boot_info.loader, loaders[data[0] % 4]);
    boot_info.cmdline_cut = data[0] & 4;
    memcpy(boot_info.cmdline, data + 1, n);
    strcpy(copy, boot_info.cmdline);
    options_text();
    options_parse();
    if (data[0] % 4 || boot_info.cmdline_cut)
        return 0;
    read_line(copy);
    EXPECT(same(options.seed, seed));
    EXPECT(same(options.commands, commands));
    return 0;
}
