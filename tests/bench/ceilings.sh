#!/bin/sh
# ceilings.sh FIGURES COMPILER: writes tests/bench/ceilings/gcc-12.txt from the figures that `make bench` has left.
set -eu

cat >tests/bench/ceilings/gcc-12.txt <<END
# The most that each figure of the benchmarks may be, on 64 MiB: instructions, and peak / payload.
# tests/boot/test_bench.py sees to it. Another compiler's figures are others. To record them anew, after a
# change that is worth it: make bench-ceilings.
# compiler: $2
END
cat "$1" >>tests/bench/ceilings/gcc-12.txt
