#!/bin/sh
# bench.sh QEMU KERNEL LOG MEM [OPTION...]: runs the benchmarks in the kernel and prints a table of their figures.
#
# One guest instruction is one nanosecond of the guest's clock: figures are instruction counts. Boots two
# machines, one with nearly all of the 4 GiB that a 32-bit machine can have and one with 64 MiB; the table has
# both, the lines before it are the first's. When MEM is not empty, boots only one, with MEM. What they
# print goes to LOG.*. BENCH (in the environment) chooses benchmarks. BESIDE names a file like budgets, whose figures are
# shown beside these, in the column of COMPILER: in a lab's folder, Quire's own.
set -eu

qemu=$1 kernel=$2 log=$3 mem=$4
shift 4

# follow LOG SHOW: writes the kernel's lines to LOG and, if SHOW is yes, prints the figures as they come.
follow() {
    return=$(printf '\r')
    while IFS= read -r line; do
        line=${line%"$return"}
        printf '%s\n' "$line"
        case $2$line in yesbench* | yes'    '*) printf '%s\n' "$line" >&3 ;; esac
    done >"$1"
}

# run LOG SHOW QEMU-OPTION...: boots; prints the whole log when that fails.
run() {
    output=$1 show=$2
    shift 2
    {
        status=0
        "$qemu" -display none -monitor none -serial stdio -no-reboot -nic none \
            -device isa-debug-exit,iobase=0xf4,iosize=0x04 -icount shift=0 \
            -kernel "$kernel" -append "bench${BENCH:+=$BENCH}" "$@" </dev/null || status=$?
        echo "exit code $status"
    } 2>"$output.err" | follow "$output" "$show" 3>&1
    [ "$(tail -n 1 "$output")" = "exit code 33" ] || {
        cat "$output" "$output.err" >&2
        return 1
    }
}

# join LARGE SMALL: the table and the legend of LARGE, with the figures of SMALL in a column of their own.
join() {
    awk '
        FILENAME == ARGV[1] { if ($1 == "bench" && sub(":", "", $2)) small[$2] = $3; next }
        /^exit code/ { exit }
        $1 == "figure" { table = 1; printf "%-20s %12s %12s %8s %8s  %s\n",
            "figure", "4 GiB", "64 MiB", "change", "target", "elsewhere, unchecked"; next }
        !table { next }
        !NF { legend = 1 }
        !legend && $1 in small {
            large = substr($0, 22, 12) + 0; target = substr($0, 35, 8)
            change = small[$1] > 0 ? 100 * (large / small[$1] - 1) : 0
            printf "%-20s %12s%s%12s%s%7.1f%% %8s%s\n", $1, substr($0, 22, 12), mark(large, target),
                small[$1], mark(small[$1], target), change, target, substr($0, 43)
            next
        }
        { print }
        function mark(figure, target) { return target + 0 > 0 && figure + 0 > target + 0 ? "!" : " " }
        ' "$2" "$1"
}

# beside LOG: its figures, and those in the file BESIDE, in the column of COMPILER (gcc or clang).
beside() {
    [ -n "${BESIDE:-}" ] || return 0
    awk -v compiler="$COMPILER" -v q="'" '
        FILENAME == ARGV[1] && $1 == "figure" { column = 2; for (i = 2; i < NF; i++) if (index($i, compiler) == 1) column = i; name = $column; next }
        FILENAME == ARGV[1] { if ($1 !~ /^#/) own[$1] = $column; next }
        $1 == "bench" && sub(":", "", $2) && $2 in own {
            if (!n++)
                printf "\n%-20s %12s %12s %8s\n", "figure", "yours", "Quire" q "s own", "times"
            printf "%-20s %12s %12s %8.1f\n", $2, $3, own[$2], (own[$2] > 0 ? $3 / own[$2] : 0)
        }
        END { if (n) printf "\nQuire%ss own figures are those of %s, with 64 MiB, as they were recorded.\n", q, name }
        ' "$BESIDE" "$1"
}

if [ -n "$mem" ]; then
    run "$log.log" yes -m "$mem" "$@"
    sed -n '/^figure/,/^exit code/ { /^exit code/d; p; }' "$log.log"
    beside "$log.log"
else
    run "$log.4G.log" yes -m 4000M -machine pc,max-ram-below-4g=4G "$@"
    run "$log.64M.log" no -m 64M "$@"
    join "$log.4G.log" "$log.64M.log"
    beside "$log.64M.log"
fi
