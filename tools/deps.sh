#!/bin/sh
# deps.sh install [GOAL...]  installs what these goals of make need and what is missing (Debian, Ubuntu), or says what
#                            to install (elsewhere). Without a GOAL: what all of them need.
# deps.sh for TOOL           prints the command that installs TOOL on this system; nothing if that is not known
set -eu

# Package manager, tool, its packages. On Debian gcc-multilib and the cross compiler exclude each other, so
# gcc-multilib must not appear here. Where none of the package managers is, the words of "other" are shown.
packages='
apt-get  compiler        gcc-i686-linux-gnu libc6-dev-i386-cross binutils
apt-get  clang           clang lld binutils
apt-get  make            make
apt-get  mutate          python3 python3-clang
apt-get  qemu            qemu-system-x86
apt-get  web             nodejs npm patch python3
apt-get  browser         chromium firefox-esr
apt-get  qemu-window     qemu-system-gui
apt-get  grub-mkrescue   grub-common
apt-get  grub-font       grub-common
apt-get  grub-i386-pc    grub-pc-bin
apt-get  grub-x86_64-efi grub-efi-amd64-bin
apt-get  grub-i386-efi   grub-efi-ia32-bin
apt-get  xorriso         xorriso
apt-get  mtools          mtools
apt-get  xz              xz-utils
apt-get  gdb             gdb
apt-get  font            console-setup-linux
apt-get  fuzz            clang libclang-rt-14-dev gcc-i686-linux-gnu libc6-dev-i386-cross libstdc++6-i386-cross
apt-get  test            python3 python3-pytest python3-pytest-xdist python3-pexpect python3-pil patch
apt-get  grade           python3
apt-get  git             git
apt-get  i386-programs   qemu-user
apt-get  machines        ovmf ovmf-ia32 seabios bochs bochsbios nodejs npm
apt-get  bench           python3 python3-matplotlib
apt-get  clang-tidy      clang-tidy
apt-get  cppcheck        cppcheck
apt-get  sparse          sparse
apt-get  shellcheck      shellcheck
apt-get  flake8          flake8
apt-get  proof           patch

dnf      compiler        clang lld binutils
dnf      clang           clang lld binutils
dnf      make            make
dnf      qemu            qemu-system-x86
dnf      web             nodejs npm patch python3
dnf      grub-mkrescue   grub2-tools-extra
dnf      grub-font       grub2-tools
dnf      grub-i386-pc    grub2-pc-modules
dnf      grub-x86_64-efi grub2-efi-x64-modules
dnf      grub-i386-efi   grub2-efi-ia32-modules
dnf      xorriso         xorriso
dnf      mtools          mtools
dnf      xz              xz
dnf      gdb             gdb
dnf      font            terminus-fonts-console
dnf      test            python3 python3-pytest python3-pytest-xdist python3-pexpect patch
dnf      grade           python3
dnf      git             git
dnf      bench           python3 python3-matplotlib
dnf      clang-tidy      clang-tools-extra
dnf      cppcheck        cppcheck
dnf      sparse          sparse
dnf      shellcheck      ShellCheck
dnf      flake8          python3-flake8

pacman   compiler        clang lld binutils
pacman   clang           clang lld binutils
pacman   make            make
pacman   qemu            qemu-system-x86
pacman   web             nodejs npm patch python
pacman   grub-mkrescue   grub
pacman   grub-font       grub
pacman   grub-i386-pc    grub
pacman   grub-x86_64-efi grub
pacman   grub-i386-efi   grub
pacman   xorriso         libisoburn
pacman   mtools          mtools
pacman   xz              xz
pacman   gdb             gdb
pacman   font            terminus-font
pacman   test            python python-pytest python-pytest-xdist python-pexpect patch
pacman   grade           python
pacman   git             git
pacman   bench           python python-matplotlib
pacman   clang-tidy      clang
pacman   cppcheck        cppcheck
pacman   sparse          sparse
pacman   shellcheck      shellcheck
pacman   flake8          flake8

brew     compiler        i686-elf-gcc
brew     clang           llvm lld
brew     make            make
brew     qemu            qemu
brew     web             node python
brew     grub-mkrescue   i686-elf-grub
brew     xorriso         xorriso
brew     mtools          mtools
brew     xz              xz
brew     gdb             gdb
brew     test            python pytest
brew     grade           python
brew     git             git
brew     bench           python python-matplotlib
brew     clang-tidy      llvm
brew     cppcheck        cppcheck
brew     sparse          sparse
brew     shellcheck      shellcheck
brew     flake8          flake8

other    compiler        i686-elf-gcc (or clang with lld)
other    make            GNU make
other    qemu            QEMU for i386
other    web             node with npm, patch, python3
other    grub-mkrescue   grub-mkrescue of GRUB 2, for BIOS and UEFI
other    xorriso         xorriso
other    mtools          mtools
other    xz              xz
other    gdb             gdb
other    font            the Terminus font for consoles
other    test            python3 with pytest, pytest-xdist and pexpect
other    grade           python3
other    git             git
other    bench           matplotlib for python3
other    clang-tidy      clang-tidy
other    cppcheck        cppcheck
other    sparse          sparse
other    shellcheck      shellcheck
other    flake8          flake8 for python3
'

# The tools that GOAL... needs; "*" for all.
needs() {
    case ${CROSS:-} in
        clang*) build="clang make font" ;;
        *) build="compiler make font" ;;
    esac
    disc="grub-mkrescue grub-i386-pc grub-x86_64-efi grub-i386-efi xorriso mtools xz"
    for goal in "$@"; do
        case $goal in
            all) echo "$build" ;;
            run | bench | soak) echo "$build qemu qemu-window" ;;
            debug) echo "$build qemu qemu-window gdb" ;;
            iso) echo "$build $disc" ;;
            coverage) echo "$build compiler qemu test" ;;
            mutate) echo "$build compiler qemu mutate" ;;
            lint) echo "$build clang-tidy cppcheck sparse shellcheck flake8 npm" ;;
            lab) echo "grade git make" ;;
            grade | hint) echo "$build qemu grade" ;;
            web | web-run) echo "$build web" ;;
            prove | prove-plants) echo "$build proof" ;;
            fuzz) echo "$build fuzz test qemu" ;;
            fuzz-boot) echo "$build test qemu" ;;
            run-iso) echo "$build $disc qemu qemu-window" ;;
            *) echo "*" ;;
        esac
    done
}

package_manager() {
    for manager in apt-get dnf pacman brew; do
        if command -v $manager >/dev/null 2>&1; then
            echo $manager
            return
        fi
    done
    echo other
}

# packages_for TOOL...: their packages on this system, a line each, none twice. "*" stands for every tool.
packages_for() {
    echo "$packages" | awk -v tools=" $* " -v manager="$(package_manager)" '
        $1 == manager && (index(tools, " * ") || index(tools, " " $2 " ")) {
            if (manager == "other") {
                sub(/^other +[^ ]+ +/, "")
                print
            } else
                for (i = 3; i <= NF; i++) if (!seen[$i]++) print $i
        }'
}

as_root() {
    if [ "$(id -u)" -eq 0 ] || [ "$(package_manager)" = brew ]; then
        echo ""
    else
        echo "sudo "
    fi
}

# install_hint TOOL...: the command that installs them; nothing if this system's packages are not known.
install_hint() {
    found=$(packages_for "$@" | tr '\n' ' ')
    case $(package_manager) in
        other) found= ;;
        pacman) install="pacman -S" ;;
        *) install="$(package_manager) install" ;;
    esac
    [ -z "$found" ] || echo "$(as_root)$install ${found% }"
}

installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# missing_packages TOOL...: those of their packages that are not here. A window is of use only where there is a
# display. With gcc-multilib installed clang builds the kernel, and only the tests on the host are lost.
missing_packages() {
    for package in $(packages_for "$@"); do
        case $package in
            qemu-system-gui) [ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ] || continue ;;
            nodejs) ! command -v node >/dev/null || continue ;; # from elsewhere, with an npm of its own
            npm) ! command -v npm >/dev/null || continue ;;
            gcc-i686-linux-gnu | libc6-dev-i386-cross) ! installed gcc-multilib || continue ;;
        esac
        installed "$package" || echo "$package"
    done
}

# available PACKAGE...: those that this system's archive has. The others are named on standard error.
available() {
    for package in "$@"; do
        if apt-cache show "$package" >/dev/null 2>&1; then
            echo "$package"
        else
            echo "deps: this system's archive has no $package; passed over" >&2
        fi
    done
}

# --no-remove: whether a package of the user's goes is not this script's to decide.
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
    # shellcheck disable=SC2046 # a word for each package
    set -- $(available "$@")
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get -q install --yes --no-install-recommends --no-remove "$@"
}

# say_what_to_install TOOL...: where this script installs nothing itself.
say_what_to_install() {
    hint=$(install_hint "$@")
    echo "deps: packages are installed on Debian and Ubuntu only." >&2
    if [ -n "$hint" ]; then
        echo "deps: here, run: $hint" >&2
    else
        echo "deps: here, install:" >&2
        packages_for "$@" | sed 's/^/  /' >&2
    fi
    exit 1
}

install_for() {
    [ $# -gt 0 ] || set -- everything
    set -f # a "*" among the tools is no pattern of file names
    # shellcheck disable=SC2046 # a word for each tool
    set -- $(needs "$@")
    [ "$(package_manager)" = apt-get ] || say_what_to_install "$@"
    # shellcheck disable=SC2046 # a word for each package
    set -- $(missing_packages "$@")
    if [ $# -eq 0 ]; then
        echo "deps: everything is there"
        return
    fi
    echo "deps: installing $*"
    apt_install "$@"
}

case ${1:-} in
    install)
        shift
        install_for "$@"
        ;;
    for)
        shift
        install_hint "$@"
        ;;
    *)
        echo "usage: deps.sh install [GOAL...] | deps.sh for TOOL..." >&2
        exit 2
        ;;
esac
