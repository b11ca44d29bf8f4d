#!/bin/sh
# prove.sh prove [NAME...]    proves each of tests/proof/NAME.c, and prints a line for it
# prove.sh plants [NAME...]   puts each bug of tests/proof/bugs/NAME.*.patch into a copy of the sources: the proof
#                             must then fail
# prove.sh reach [NAME...]    each case of tests/proof/NAME.c must reach its end, and some case each REACH in it
#
# Without a NAME all of them; "short" stands for those that say so. From the environment: OUT, a folder for what is
# made on the way; CBMC, the command; SOLVER, that of a SAT solver, if CBMC is not to use its own; CC, a compiler for i386.
#
# A proof's head says what is run, each in a line that may go on in the next ones, further to the right:
#     proved:     what holds
#     bounds:     at which sizes
#     assumed:    what is taken for granted
#     cases:      how many there are, if each is a run of its own: CASE is its number, from 0, and CASES this one
#     with:       -D... for the compiler, the rest for CBMC
#     round:      short, if it takes a few seconds
set -u
# shellcheck source=tests/clock.sh
. tests/clock.sh

what=$1
shift

MEMORY=6000000 # KiB
REACHING=      # for the compiler
SECONDS_MAX=900

# field NAME.c FIELD
field() {
    awk -v field="$2:" '
        $1 == "*" && $2 == field { for (i = 3; i <= NF; i++) text = text " " $i; on = 1; next }
        on && $1 == "*" && /^ \*    / { for (i = 2; i <= NF; i++) if ($i != "*/") text = text " " $i; next }
        on { exit }
        END { print substr(text, 2) }' "$1" | sed 's: \*/$::'
}

# options NAME.c COMPILER|CBMC
options() {
    for option in $(field "$1" with); do
        case $2$option in
            compiler-D* | compiler-iquote*) echo "$option" ;;
            cbmc-D* | cbmc-iquote*) ;;
            cbmc*) echo "$option" ;;
        esac
    done
}

# check_case SOURCES NAME LOG CASE CASES [OPTION...]: CBMC's answer: 0 proved, 10 refuted, anything else: no answer.
# shellcheck disable=SC2046,SC2086,SC3045 # options and CBMC are several words; every sh of Linux has ulimit -v
check_case() {
    sources=$1 file=$1/tests/proof/$2.c log=$3 nth=$4 cases=$5
    shift 5
    (
        cd "$sources" || exit 1
        $CC -m32 -std=gnu11 -ffreestanding -E $REACHING -DCASE="$nth" -DCASES="$cases" \
            $(options "$file" compiler) \
            -iquote tests/host/include -iquote include -iquote mm -iquote tests/proof "$file"
    ) >"$log.i" 2>"$log" || return 1
    [ -z "${SOLVER:-}" ] || set -- "$@" --external-sat-solver "$OUT/solver"
    (
        ulimit -v $MEMORY
        exec timeout $SECONDS_MAX nice $CBMC --i386-linux $(options "$file" cbmc) "$@" "$log.i"
    ) >>"$log" 2>&1
}

# check SOURCES NAME LOG [OPTION...]: the answer to all cases, which is that of the first one that is not proved; its log
# is LOG's end.
check() {
    all=$(field "$1/tests/proof/$2.c" cases)
    all=${all:-1} n=0
    in=$1 proof=$2 all_log=$3
    shift 3
    : >"$all_log"
    while [ "$n" -lt "$all" ]; do
        check_case "$in" "$proof" "$all_log.case" "$n" "$all" "$@"
        of_case=$?
        echo "case $n of $all: $of_case" | cat - "$all_log.case" >>"$all_log"
        [ "$of_case" = 0 ] || return "$of_case"
        n=$((n + 1))
    done
}

prove() {
    name=$1
    file=tests/proof/$name.c
    log=$OUT/$name.log
    clock "$OUT/times"
    began=$now
    check "$PWD" "$name" "$log"
    answer=$?
    clock "$OUT/times"
    seconds=$((now - began))
    case $answer in
        0)
            echo "proved $name ($seconds s): $(field "$file" proved)." \
                "Bounds: $(field "$file" bounds). Assumed: $(field "$file" assumed)."
            return 0
            ;;
        10)
            echo "REFUTED $name ($seconds s): $(field "$file" proved). It fails ($log):"
            grep ': FAILURE$' "$log" | head -n 8
            ;;
        *) echo "NOT PROVED $name: no answer after $seconds s, exit code $answer ($log)" ;;
    esac
    return 1
}

# places LOG WHAT: what CBMC says of the places to be reached: those that are SATISFIED, or FAILED
places() {
    sed -n "s/^\[\(.*\.coverage\.[0-9]*\)\] file .*\/\([^ ]* line [0-9]*\) .*: $2\$/\1 \2/p" "$1" | sort -u
}

# Each case must reach one of proof.h's places, which are ends; every other place must be reached in some case.
reach() {
    name=$1 log=$OUT/$1.reach n=0 missed=
    all=$(field "tests/proof/$name.c" cases)
    all=${all:-1}
    clock "$OUT/times"
    began=$now
    : >"$log.met"
    while [ "$n" -lt "$all" ]; do
        check_case "$PWD" "$name" "$log" "$n" "$all" --cover cover
        places "$log" SATISFIED >"$log.now"
        grep -q ' proof.h ' "$log.now" || missed="$missed; the end of case $n"
        cat "$log.now" >>"$log.met"
        n=$((n + 1))
    done
    sort -u -o "$log.met" "$log.met"
    places "$log" FAILED | sort -u - "$log.met" >"$log.all"
    clock "$OUT/times"
    missed="$missed$(grep -v ' proof.h ' "$log.all" | comm -23 - "$log.met" | sed 's/^[^ ]* /; /' | tr -d '\n')"
    if [ -z "$missed" ]; then
        echo "reached $name ($((now - began)) s): the end of each of $all cases," \
            "$(grep -vc ' proof.h ' "$log.met") other places"
        return 0
    fi
    echo "NOT REACHED $name ($((now - began)) s): ${missed#; } ($log)"
    return 1
}

plant() {
    bug=$(basename "$1" .patch)
    name=${bug%%.*}
    copy=$OUT/plant
    rm -rf "$copy"
    mkdir -p "$copy/tests"
    cp -R include mm "$copy"
    cp -R tests/proof tests/host "$copy/tests"
    if ! patch -s -p1 -d "$copy" <"$1"; then
        echo "PLANT $bug: the patch does not apply"
        return 1
    fi
    clock "$OUT/times"
    began=$now
    check "$(cd "$copy" && pwd)" "$name" "$OUT/$bug.log" --stop-on-fail
    answer=$?
    clock "$OUT/times"
    seconds=$((now - began))
    if [ $answer = 10 ]; then
        echo "found $bug ($seconds s): $(sed -n '1s/^# *//p' "$1")"
        return 0
    fi
    echo "NOT FOUND $bug ($seconds s): CBMC's exit code is $answer ($OUT/$bug.log)"
    return 1
}

# names NAME...: of the proofs that are asked for
names() {
    for asked in "${@:-all}"; do
        for file in tests/proof/*.c; do
            name=$(basename "$file" .c)
            case $asked in
                all | "$name") echo "$name" ;;
                short) [ "$(field "$file" round)" != short ] || echo "$name" ;;
            esac
        done
    done
}

[ "$what" != reach ] || REACHING=-DREACHING SOLVER= # CBMC asks its own solver again and again
mkdir -p "$OUT"
OUT=$(cd "$OUT" && pwd)
printf '%s\n' '#!/bin/sh' "exec ${SOLVER:-false} \"\$@\"" >"$OUT/solver"
chmod +x "$OUT/solver"
proofs=$(names "$@")
[ -n "$proofs" ] || {
    echo "prove: there is no proof $*" >&2
    exit 2
}

good=0 bad=0
for name in $proofs; do
    if [ "$what" = plants ]; then
        for patch in tests/proof/bugs/"$name".*.patch; do
            if plant "$patch"; then good=$((good + 1)); else bad=$((bad + 1)); fi
        done
    elif $what "$name"; then
        good=$((good + 1))
    else
        bad=$((bad + 1))
    fi
done
case $what in
    plants) echo "$good planted bugs found, $bad not found" ;;
    reach) echo "$good reached, $bad not reached" ;;
    *) echo "$good proved, $bad not proved" ;;
esac
[ $bad = 0 ]
