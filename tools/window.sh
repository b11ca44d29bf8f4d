#!/bin/sh
# window.sh QEMU: the kind of window that this machine and this QEMU can both do, or "none".
set -u

has() {
    "$1" -display help 2>/dev/null | grep -qx "$2"
}

if has "$1" cocoa; then
    echo cocoa
elif [ -z "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ]; then
    echo none
elif has "$1" gtk; then
    echo gtk
elif has "$1" sdl; then
    echo sdl
else
    echo none
fi
