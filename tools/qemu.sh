#!/bin/sh
# qemu.sh QEMU [OPTION...]: boots Quire in a PC with MEM of memory, with the exit port, the serial line on
# this terminal (Ctrl-C goes to Quire; Ctrl-A x quits, Ctrl-A c is QEMU's monitor), and a window where there
# is a display. Succeeds on QEMU's exit codes 0 and 33, which is Quire's success.
set -u

qemu=$1
shift
window=$(sh "${0%/*}/window.sh" "$qemu")

"$qemu" -m "${MEM:-128M}" -no-reboot -device isa-debug-exit,iobase=0xf4,iosize=0x04 \
    -display "$window" -serial mon:stdio "$@"
status=$?
[ $status -eq 33 ] || exit $status
