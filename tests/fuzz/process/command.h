/* include/command.h's place in the fuzz target system_calls. Here no linker script collects the commands: they lie in a
 * section whose name is an identifier, so that the linker says where it begins and ends, and the sanitizer puts nothing
 * between them. */
#ifndef QUIRE_FUZZ_COMMAND_H
#define QUIRE_FUZZ_COMMAND_H

#define commands_start __start_commands
#define commands_end __stop_commands
#include "../../../include/command.h"

#undef COMMAND_NAMED
#define COMMAND_NAMED(which, place, word, text, ...) \
    static void command_##word(int n, char **arg); \
    static const struct command command_record_##word \
        __attribute__((used, section("commands"), aligned(4))) = { \
            .group = which, .name = text, .run = command_##word, __VA_ARGS__}; \
    static void command_##word(int n __attribute__((unused)), char **arg __attribute__((unused)))

#endif
