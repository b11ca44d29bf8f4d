#!/bin/sh
# i386-root.sh DIR PACKAGE...: unpacks Debian's i386 packages, with all they depend on, below DIR.
#
# The tests run real 32-bit programs over Quire's heap. This script brings them in without root, and without adding an
# architecture to the system: apt works on a state of its own below DIR, with the system's sources, keys and proxy.
# DIR/run PROGRAM ARG... then runs a program on the libraries there. DIR/.complete is written when every package is
# there; without it the tests skip what is missing.
set -eu

root=$1
shift
want="$*"

if [ -f "$root/.complete" ] && [ "$(cat "$root/.complete")" = "$want" ]; then
    exit 0
fi

pass_over() {
    echo "i386 packages: $1; tests that need them are passed over" >&2
    exit 0
}

for tool in apt-get dpkg-deb; do
    command -v $tool >/dev/null || pass_over "no $tool here (they come from Debian's archive)"
done

rm -rf "$root"
mkdir -p "$root/.apt/lists/partial" "$root/.apt/archives/partial"
root=$(cd "$root" && pwd)
: >"$root/.apt/status"

# This configuration is read after the system's own, and overrides it. apt's sandbox user may not be allowed to read
# below a home directory, so root does it.
cat >"$root/.apt/conf" <<EOF
#clear APT::Architectures;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
APT::Architecture "i386";
APT::Architectures { "i386"; };
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
libraries=$root/lib/i386-linux-gnu:$root/usr/lib/i386-linux-gnu
for loader in "$root/lib/ld-linux.so.2" "$root/usr/lib/ld-linux.so.2"; do
    [ -e "$loader" ] && exec "$loader" --library-path "$libraries" "$@"
done
echo "run: no loader below $root" >&2
exit 127
EOF
chmod +x "$root/run"

[ -z "$missing" ] || pass_over "the archive has no$missing, or is out of reach ($log)"
rm -rf "$root/.apt"
printf '%s\n' "$want" >"$root/.complete"
