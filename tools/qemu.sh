#!/bin/sh
# qemu.sh QEMU [OPTION...]: boots Quire in a PC with MEM of memory and the exit port. The serial line is on this
# terminal (Ctrl-C goes to Quire; Ctrl-A x quits, Ctrl-A c is QEMU's monitor), and there is a window if there is a
# display. Succeeds on QEMU's exit codes 0 and 33, which is Quire's success.
set -u

qemu=$1
shift
window=$(sh "${0%/*}/window.sh" "$qemu")

"$qemu" -m "${MEM:-128M}" -no-reboot -device isa-debug-exit,iobase=0xf4,iosize=0x04 \
    -display "$window" -serial mon:stdio "$@"
status=$?
case $status in
    33) exit 0 ;;
    35) echo "Quire reported failure: a panic, a failed test or command, or exit 1. make calls that an error." >&2 ;;
esac
exit $status
