/* The monitor's test. */
#include "command.h"

#include "ktest.h"

extern const struct ktest ktests_start[], ktests_end[]; /* linker.ld */

static const char *test_name(size_t i) { return ktests_start + i < ktests_end ? ktests_start[i].name : NULL; }

COMMAND(CHECK, 2, test, .arguments = "[PATTERN]", .most = 1, .flags = UNATTENDED, .candidate = test_name,
        .help = "run the tests whose name matches; * is any text",
        .detail = "What would touch your objects and mappings is skipped while there are any.",
        .example = "test pm_*")
{
    if (!ktest_run(n ? arg[0] : "*"))
        command_error("not every test passed, or none has such a name");
}
