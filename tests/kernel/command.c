/* The monitor's test. */
#include "command.h"

#include "../../kernel/monitor/args.h"
#include "ktest.h"
#include "options.h"
#include "string.h"

extern const struct ktest ktests_start[], ktests_end[]; /* linker.ld */

static const char *test_name(size_t i) { return ktests_start + i < ktests_end ? ktests_start[i].name : NULL; }

/* What stands behind PREFIX in WORD; NULL where WORD begins otherwise. */
static const char *behind(const char *prefix, const char *word) {
    size_t n = strlen(prefix);

    return strncmp(word, prefix, n) ? NULL : word + n;
}

COMMAND(CHECK, 2, test, .arguments = "[PATTERN] [seed=N] [rounds=N]", .most = 3, .flags = UNATTENDED,
        .candidate = test_name, .help = "run the tests that match; * is any text",
        .detail = "What would touch your objects and mappings is skipped while there are any. Tests that go by chance "
                  "print their seed; seed=N repeats a run, seed=0 takes a new one, rounds=N makes it shorter or longer.",
        .example = "test model.* seed=7 rounds=100000")
{
    const char *pattern = NULL, *seed = options.seed, *rounds = options.rounds;
    struct ktest_chance chance = {0};

    for (int i = 0; i < n && arg[i]; i++) {
        if (behind("seed=", arg[i]))
            seed = behind("seed=", arg[i]);
        else if (behind("rounds=", arg[i]))
            rounds = behind("rounds=", arg[i]);
        else if (!pattern)
            pattern = arg[i];
        else
            return command_error("test: \"%s\" is a second pattern", arg[i]);
    }
    if ((seed && !argument_number("seed", seed, &chance.seed)) ||
        (rounds && !argument_number("rounds", rounds, &chance.rounds)))
        return;
    chance.seeded = seed;
    if (!ktest_run(pattern ? pattern : "*", &chance))
        command_error("not every test passed, or none has such a name");
}
