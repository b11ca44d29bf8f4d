/* The monitor's bench. */
#include "bench.h"

#include "command.h"

COMMAND(CHECK, 3, bench, .arguments = "[PATTERN]", .most = 1, .candidate = bench_name,
        .help = "run the benchmarks whose name matches; * is any text",
        .detail = "The figures are instructions under QEMU's -icount shift=0 (make bench). The heap "
                  "must be empty.",
        .example = "bench W*")
{
    if (!bench_run(n ? arg[0] : "*"))
        command_error("not every benchmark ran, or none has such a name");
}
