#!/bin/sh
# run.sh DIR SECONDS TARGET...: runs the fuzz targets in DIR, SECONDS in all, and prints a line each: seconds of processor
# time, inputs run, edges of the code that were reached, findings. Fails when there is one, and says how to see it again.
# EMULATOR, if set, is what runs the programs. Their C library may then not be able to read a directory of the machine's
# beneath it, so all inputs are named to them one by one.
set -eu
# shellcheck source=tests/clock.sh
. tests/clock.sh

dir=$1
seconds=$2
shift 2
each=$((seconds / $#))
[ $each -gt 0 ] || each=1
failed=0

number() { sed -n "s/^stat::$1: *//p" "$dir/$target.log"; }
edges() { sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$dir/$target.log" | tail -n 1; }

printf '%-12s %8s %12s %8s %9s\n' target seconds inputs edges findings
for target in "$@"; do
    findings=$dir/findings/$target
    mkdir -p "$findings" "$dir/corpus/$target"
    status=0
    clock "$dir/times"
    began=$now
    kept=tests/fuzz/corpus/$target
    if [ -n "${EMULATOR:-}" ]; then
        find "$dir/corpus/$target" "$kept" -type f | paste -s -d , - | tr -d '\n' >"$dir/$target.inputs"
        kept=-seed_inputs=@$dir/$target.inputs
    fi
    ${EMULATOR:+"$EMULATOR"} "$dir/$target" -max_total_time=$each -timeout=100 -rss_limit_mb=1500 -print_final_stats=1 \
        -close_fd_mask=1 -artifact_prefix="$findings/" "$dir/corpus/$target" "$kept" \
        >"$dir/$target.log" 2>&1 || status=$?
    found=$(sed -n 's/.*Test unit written to //p' "$dir/$target.log")
    clock "$dir/times"
    printf '%-12s %8s %12s %8s %9s\n' "$target" $((now - began)) "$(number number_of_executed_units)" "$(edges)" \
        "$(echo "$found" | wc -w)"
    [ $status -eq 0 ] && continue
    failed=1
    grep -m 3 -e '^FINDING' -e '^SUMMARY' -e 'runtime error' "$dir/$target.log" | sed 's/^/  /' || tail -n 5 "$dir/$target.log"
    for file in $found; do
        echo "  again: ${EMULATOR:+$EMULATOR }$dir/$target $file; once it is mended: cp $file tests/fuzz/corpus/$target/"
    done
done
exit $failed
