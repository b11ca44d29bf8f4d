#!/bin/sh
# debug.sh GDB QEMU KERNEL [OPTION...]: gdb on a QEMU that waits before its first instruction.
#
# gdb starts QEMU itself and talks to it through a pipe: there is no port to be taken, and QEMU ends with
# gdb. What Quire writes on its serial line appears on this terminal.
set -eu

gdb=$1 qemu=$2 kernel=$3
shift 3
window=$(sh "${0%/*}/window.sh" "$qemu")
serial=$(tty) || serial=${kernel%.elf}.serial.log

# The pipe's command goes through a shell once more, which takes CMDLINE from the environment.
exec "$gdb" -q "$kernel" -x "${0%/*}/quire.gdb" -ex "target remote | exec '$qemu' -S -gdb stdio \
    -m '${MEM:-128M}' -no-reboot -device isa-debug-exit,iobase=0xf4,iosize=0x04 -display $window \
    -serial 'file:$serial' -kernel '$kernel' -append \"panic=stay\${CMDLINE:+ \$CMDLINE}\" $*"
