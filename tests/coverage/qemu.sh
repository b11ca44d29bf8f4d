#!/bin/sh
# A stand-in for QEMU, which the boot tests find first (coverage.mk): the same machine, and a trace of the kernel in
# the folder $TRACES, if it boots the kernel $TRACED.
exe=$(PATH=${PATH#*:} command -v "$(basename "$0")")
trace=
for word in "$@"; do
    [ "$(readlink -f -- "$word")" != "$TRACED" ] || trace=$TRACE_PLUGIN,to=$TRACES/$$.trace
done
exec "$exe" ${trace:+-plugin "$trace"} "$@"
