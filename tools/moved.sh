#!/bin/sh
# moved.sh NM PASS1 PASS2: fails, and names them, where symbols of PASS1 have another address in PASS2.
#
# The symbol and line tables are made from the first link and then linked in. They are true only if that moved
# nothing but kernel_end, which lies behind them.
set -eu
export LC_ALL=C

symbols() {
    "$1" "$2" | awk '$NF != "kernel_end" { print $1, $NF }' | sort
}

symbols "$1" "$2" >"$3.pass1"
symbols "$1" "$3" >"$3.pass2"
moved=$(comm -23 "$3.pass1" "$3.pass2")
rm "$3.pass1" "$3.pass2"
if [ -n "$moved" ]; then
    echo "The second link moved symbols from where the table has them:" >&2
    echo "$moved" >&2
    exit 1
fi
