#!/bin/sh
# bench.sh QEMU KERNEL FIGURES MEM [OPTION...]: the benchmarks in the kernel, and a table of their figures.
#
# One guest instruction is one nanosecond of the guest's clock: figures are instruction counts. Two machines
# are booted, with nearly all of the 4 GiB that a 32-bit machine can have and with 64 MiB, and the table has
# both; or, when MEM is not empty, one with MEM. The lines are the first machine's. FIGURES takes a line
# "NAME VALUE" for each figure of the last. BENCH (in the environment) chooses benchmarks.
set -eu

qemu=$1 kernel=$2 figures=$3 mem=$4
shift 4
log=${figures%.txt}

# follow LOG SHOW: the kernel's lines go into LOG, and, if SHOW is yes, figures are printed as they come.
follow() {
    return=$(printf '\r')
    while IFS= read -r line; do
        line=${line%"$return"}
        printf '%s\n' "$line"
        case $2$line in yesbench* | yes' '*) printf '%s\n' "$line" >&3 ;; esac
    done >"$1"
}

# run LOG SHOW QEMU-OPTION...: boots; shows all that was said where that fails.
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

# join LARGE SMALL: the table of LARGE, with the figures of SMALL beside it.
join() {
    awk '
        FILENAME == ARGV[1] { if ($1 == "bench" && sub(":", "", $2)) small[$2] = $3; next }
        $1 == "figure" { table = 1; printf "\n%-20s %12s %12s %8s %8s  %s\n",
            "figure", "4 GiB", "64 MiB", "change", "target", "elsewhere, unchecked"; next }
        /^exit code/ { exit }
        table && $1 in small {
            change = small[$1] > 0 ? 100 * ($2 / small[$1] - 1) : 0
            printf "%-20s %12s %12s %7.1f%% %8s%s\n", $1, $2, small[$1], change, substr($0, 35, 8), substr($0, 43)
        }' "$2" "$1"
}

keep_figures() {
    awk '$1 == "bench" && sub(":", "", $2) { print $2, $3 }' "$1" >"$figures"
}

if [ -n "$mem" ]; then
    run "$log.log" yes -m "$mem" "$@"
    keep_figures "$log.log"
    sed -n '/^figure/,/^exit code/ { /^exit code/d; p; }' "$log.log"
else
    run "$log.4G.log" yes -m 4000M -machine pc,max-ram-below-4g=4G "$@"
    run "$log.64M.log" no -m 64M "$@"
    keep_figures "$log.64M.log"
    join "$log.4G.log" "$log.64M.log"
fi
