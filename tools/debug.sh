#!/bin/sh
# debug.sh GDB QEMU KERNEL [OPTION...]: gdb on a QEMU that waits before its first instruction.
#
# gdb starts QEMU itself and talks to it through a pipe: there is no port that could be taken. QEMU ends with gdb,
# also when the terminal goes away.
# The serial line shares the terminal with gdb (tools/gdb_serial.py); without a terminal, what Quire says goes to a
# file beside the kernel.
set -eu

gdb=$1 qemu=$2 kernel=$3
shift 3
here=${0%/*}
window=$(sh "$here/window.sh" "$qemu")
line=${kernel%.elf}.serial
pid=${kernel%.elf}.pid # while QEMU runs: it removes the file at its end

if ! terminal=$(tty); then
    serial="file:$line.log"
elif "$gdb" -q -nx -batch -ex 'python import termios' >/dev/null 2>&1; then
    rm -f "$line.in" "$line.out"
    mkfifo "$line.in" "$line.out"
    serial="pipe:$line"
else
    echo "$gdb has no Python: what Quire says appears here, but what you type does not reach it." >&2
    serial="file:$terminal"
fi
# The pipe's command goes through a shell once more, which takes CMDLINE from the environment.
qemu="'$qemu' -S -gdb stdio -m '${MEM:-128M}' -no-reboot -pidfile '$pid' \
    -device isa-debug-exit,iobase=0xf4,iosize=0x04 \
    -display $window -serial '$serial' -kernel '$kernel' -append \"panic=stay\${CMDLINE:+ \$CMDLINE}\" $*"

case $serial in
    pipe:*) set -- -ex "set \$serial_line = \"$line\"" -x "$here/gdb_serial.py" ;;
    *) set -- ;;
esac
rm -f "$pid"
trap 'if [ -f "$pid" ]; then kill "$(cat "$pid")"; fi' EXIT
trap 'exit 1' HUP TERM
trap : INT # Ctrl-C is for gdb
# On a busy machine QEMU takes more than the 2 s to start that gdb would wait for an answer.
"$gdb" -q "$kernel" -x "$here/quire.gdb" "$@" -ex "set remotetimeout 60" -ex "target remote | exec $qemu"
