#!/bin/sh
# memory.sh MEM [MODULE...]: prints a complaint if a machine with MEM of memory (as for QEMU's -m) is too small for
# QEMU to load Quire and the modules. QEMU itself says nothing, and nothing would ever appear.
set -eu

memory=$1
shift
[ $# -eq 0 ] || modules=$(cat -- "$@" | wc -c)

awk -v memory="$memory" -v modules="${modules:-0}" 'BEGIN {
    # A number counts MiB unless a letter follows. What else QEMU understands is left to QEMU.
    if (memory !~ /^[0-9]+[bBkKmMgGtT]?$/)
        exit
    unit = index("bkmgt", tolower(substr(memory, length(memory))))
    have = (memory + 0) * 1024 ^ (unit ? unit - 1 : 2)
    need = 3 * 1024 ^ 2 + modules
    if (have < need)
        printf "MEM=%s is too little: QEMU needs %d MiB to load Quire%s, and Quire 5 MiB to run\n", memory,
            need / 1024 ^ 2 + (need % 1024 ^ 2 > 0), modules ? " and its modules" : ""
}'
