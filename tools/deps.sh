#!/bin/sh
# deps.sh             installs what is missing to build, run and test Quire (Debian, Ubuntu), or says what to
#                     install (elsewhere)
# deps.sh for TOOL    prints the command that installs TOOL on this system; nothing where that is not known
set -eu

# Package manager, what is needed, its packages. On Debian the cross compiler and gcc-multilib exclude one
# another: gcc-multilib never stands here.
packages='
apt-get  compiler        gcc-i686-linux-gnu libc6-dev-i386-cross binutils
apt-get  clang           clang lld binutils
apt-get  make            make
apt-get  qemu            qemu-system-x86
apt-get  qemu-window     qemu-system-gui
apt-get  grub-mkrescue   grub-common
apt-get  grub-i386-pc    grub-pc-bin
apt-get  grub-x86_64-efi grub-efi-amd64-bin
apt-get  grub-i386-efi   grub-efi-ia32-bin
apt-get  xorriso         xorriso
apt-get  mtools          mtools
apt-get  gdb             gdb
apt-get  font            console-setup-linux
apt-get  test            python3 python3-pytest python3-pytest-xdist python3-pexpect python3-pil
apt-get  i386-programs   qemu-user
apt-get  machines        ovmf ovmf-ia32 seabios bochs bochsbios nodejs npm
apt-get  bench           python3 python3-matplotlib

dnf      compiler        clang lld binutils
dnf      clang           clang lld binutils
dnf      make            make
dnf      qemu            qemu-system-x86
dnf      grub-mkrescue   grub2-tools-extra
dnf      grub-i386-pc    grub2-pc-modules
dnf      grub-x86_64-efi grub2-efi-x64-modules
dnf      grub-i386-efi   grub2-efi-ia32-modules
dnf      xorriso         xorriso
dnf      mtools          mtools
dnf      gdb             gdb
dnf      font            terminus-fonts-console
dnf      test            python3 python3-pytest python3-pytest-xdist python3-pexpect
dnf      bench           python3 python3-matplotlib

pacman   compiler        clang lld binutils
pacman   clang           clang lld binutils
pacman   make            make
pacman   qemu            qemu-system-x86
pacman   grub-mkrescue   grub
pacman   grub-i386-pc    grub
pacman   grub-x86_64-efi grub
pacman   grub-i386-efi   grub
pacman   xorriso         libisoburn
pacman   mtools          mtools
pacman   gdb             gdb
pacman   font            terminus-font
pacman   test            python python-pytest python-pytest-xdist python-pexpect
pacman   bench           python python-matplotlib

brew     compiler        i686-elf-gcc
brew     clang           llvm lld
brew     make            make
brew     qemu            qemu
brew     grub-mkrescue   i686-elf-grub
brew     xorriso         xorriso
brew     mtools          mtools
brew     gdb             gdb
brew     test            python pytest
brew     bench           python python-matplotlib
'

# Where none of these package managers is.
tools="i686-elf-gcc or clang with lld, QEMU for i386, GRUB's grub-mkrescue, xorriso, mtools, gdb, and for the tests
  python3 with pytest, pytest-xdist and pexpect"

package_manager() {
    for manager in apt-get dnf pacman brew; do
        if command -v $manager >/dev/null 2>&1; then
            echo $manager
            return
        fi
    done
}

# packages_for TOOL: its packages on this system, each once; TOOL may be "*", for all of them.
packages_for() {
    echo "$packages" | awk -v tool="$1" -v manager="$(package_manager)" '
        $1 == manager && (tool == "*" || tool == $2) { for (i = 3; i <= NF; i++) if (!seen[$i]++) print $i }'
}

as_root() {
    if [ "$(id -u)" -eq 0 ] || [ "$(package_manager)" = brew ]; then
        echo ""
    else
        echo "sudo "
    fi
}

# The words that come before the packages' names.
install_command() {
    case $(package_manager) in
        pacman) echo "$(as_root)pacman -S" ;;
        *) echo "$(as_root)$(package_manager) install" ;;
    esac
}

install_hint() {
    found=$(packages_for "$1")
    [ -z "$found" ] || echo "$(install_command)" $found
}

installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# The packages that are not there. A window is of use only where there is a display. Where gcc-multilib is
# installed clang builds the kernel, and only the tests on the host are missed.
missing_packages() {
    for package in $(packages_for '*'); do
        case $package in
            qemu-system-gui) [ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ] || continue ;;
            nodejs) ! command -v node >/dev/null || continue ;; # from elsewhere, with an npm of its own
            npm) ! command -v npm >/dev/null || continue ;;
            gcc-i686-linux-gnu | libc6-dev-i386-cross) ! installed gcc-multilib || continue ;;
        esac
        installed "$package" || echo "$package"
    done
}

# Of PACKAGE..., those that this system's archive has; the others are named on standard error.
available() {
    for package in "$@"; do
        if apt-cache show "$package" >/dev/null 2>&1; then
            echo "$package"
        else
            echo "deps: this system's archive has no $package; passed over" >&2
        fi
    done
}

# Removing anything of the user's is not this script's to decide.
apt_install() {
    if [ "$(id -u)" -eq 0 ]; then
        sudo=
    elif command -v sudo >/dev/null 2>&1; then
        sudo=sudo
    else
        echo "deps: as root, run: apt-get install $*" >&2
        exit 1
    fi
    $sudo apt-get -q update
    $sudo env DEBIAN_FRONTEND=noninteractive \
        apt-get -q install --yes --no-install-recommends --no-remove $(available "$@")
}

install_all() {
    if [ "$(package_manager)" != apt-get ]; then
        hint=$(install_hint '*')
        echo "deps: packages are installed on Debian and Ubuntu only; here, ${hint:+run: }${hint:-install: $tools}" >&2
        exit 1
    fi
    missing=$(missing_packages)
    if [ -z "$missing" ]; then
        echo "deps: everything is there"
        return
    fi
    echo "deps: installing" $missing
    apt_install $missing
}

case ${1:-} in
    '') install_all ;;
    for) install_hint "$2" ;;
    *)
        echo "usage: deps.sh [for TOOL]" >&2
        exit 2
        ;;
esac
