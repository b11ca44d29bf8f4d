#!/bin/sh
# ceilings.sh FIGURES COMPILER: writes tests/bench/ceilings/COMPILER.txt from the figures that `make bench` has left.
set -eu

file=tests/bench/ceilings/$2.txt
cat >"$file" <<END
# The most that each figure of the benchmarks may be on 64 MiB: instructions, and peak / payload.
# tests/boot/test_bench.py checks it. To record them again, after a change that is worth it: make bench-ceilings
# (CROSS=clang for clang's).
END
cat "$1" >>"$file"
echo "Recorded in $file"
