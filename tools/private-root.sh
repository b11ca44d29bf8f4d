#!/bin/sh
# private-root.sh DIR PACKAGE...: unpacks Debian packages, with all they depend on, below DIR.
#
# The tests run real 32-bit programs over Quire's heap, and the proofs a model checker that the system's own suite may
# not have. This script brings them in without root, and without adding an architecture or a suite to the system: apt
# works on a state of its own below DIR, with the system's sources, keys and proxy. DIR/run PROGRAM ARG... then runs a
# program on the libraries there. DIR/.complete is written when every package is there; without it, what needs a missing
# one is passed over.
#
#   ARCH=i386      packages of another architecture
#   SUITE=trixie   of another suite, from the archive that the system's own come from
#   WITHOUT=gcc    without these, whatever depends on them
set -eu

root=$1
shift
arch=${ARCH:-$(dpkg --print-architecture 2>/dev/null || true)}
suite=${SUITE:-}
want="$*"

if [ -f "$root/.complete" ] && [ "$(cat "$root/.complete")" = "$want" ]; then
    exit 0
fi

pass_over() {
    echo "$want ($arch): $1; what needs them is passed over" >&2
    exit 0
}

for tool in apt-get dpkg-deb; do
    command -v $tool >/dev/null || pass_over "no $tool here (they come from Debian's archive)"
done

rm -rf "$root"
mkdir -p "$root/.apt/lists/partial" "$root/.apt/archives/partial"
root=$(cd "$root" && pwd)
for package in ${WITHOUT:-}; do
    printf '%s\n' "Package: $package" "Status: install ok installed" "Architecture: $arch" "Version: 999" \
        "Maintainer: -" "Description: -" ""
done >"$root/.apt/status"

# This configuration is read after the system's own, and overrides it. apt's sandbox user may not be allowed to read
# below a home directory, so root does it.
cat >"$root/.apt/conf" <<EOF
#clear APT::Architectures;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
APT::Architecture "$arch";
APT::Architectures { "$arch"; };
APT::Sandbox::User "root";
APT::Get::Assume-Yes "true";
APT::Install-Recommends "false";
Acquire::Languages "none";
Acquire::Retries "2";
Dir::State "$root/.apt";
Dir::State::status "$root/.apt/status";
Dir::Cache "$root/.apt";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
Dir::Log "$root/.apt";
EOF

# Another suite comes from where the system's first source is.
if [ -n "$suite" ]; then
    # shellcheck disable=SC2016 # apt-get reads $(SITE)
    site=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 2>/dev/null | head -n 1)
    keys=/usr/share/keyrings/debian-archive-keyring.gpg
    if [ -z "$site" ] || ! [ -e $keys ]; then
        pass_over "this is no Debian, or apt has no source"
    fi
    echo "deb [signed-by=$keys] $site $suite main" >"$root/.apt/sources"
    cat >>"$root/.apt/conf" <<EOF
Dir::Etc::SourceList "$root/.apt/sources";
Dir::Etc::SourceParts "/dev/null";
EOF
fi

log=$root/.apt/log
apt-get -c "$root/.apt/conf" -q update >"$log" 2>&1 || true

# One by one, since an archive may have only some of them (Ubuntu's i386).
missing=
for package in $want; do
    apt-get -c "$root/.apt/conf" -q install --download-only "$package" >>"$log" 2>&1 ||
        missing="$missing $package"
done

for deb in "$root"/.apt/archives/*.deb; do
    [ -f "$deb" ] || break
    dpkg-deb -x "$deb" "$root"
done

cat >"$root/run" <<'EOF'
#!/bin/sh
# run [LOADER-OPTION...] PROGRAM ARG...: a program, given by its path, on this directory's libraries.
root=$(cd "$(dirname "$0")" && pwd)
libraries=$(printf '%s:' "$root"/lib/*-linux-gnu "$root"/usr/lib/*-linux-gnu "$root/usr/lib")
for loader in "$root"/lib/ld-linux*.so.* "$root"/usr/lib/ld-linux*.so.* "$root"/usr/lib/*-linux-gnu/ld-linux*.so.*; do
    [ -e "$loader" ] && exec "$loader" --library-path "$libraries" "$@"
done
echo "run: no loader below $root" >&2
exit 127
EOF
chmod +x "$root/run"

[ -z "$missing" ] || pass_over "the archive has no$missing, or is out of reach ($log)"
rm -rf "$root/.apt"
printf '%s\n' "$want" >"$root/.complete"
