#!/bin/sh
# grub-cfg.sh TEMPLATE [MODULE...]: prints TEMPLATE with $CMDLINE in place of @CMDLINE@, and in place of the line
# @MODULES@ one that loads each MODULE from the disc.
#
# GRUB's shell gives a bare ; or $ a meaning, so each word of CMDLINE stands in single quotes. Between two spaces
# stands an empty word, so that every space arrives. GRUB leaves a module's path out of what it tells the kernel,
# so the name follows.
set -eu

template=$1
shift

words=
if [ -n "${CMDLINE:-}" ]; then
    words=$(printf '%s\n' "$CMDLINE" | sed "s/'/'\\\\''/g; s/ /' '/g; s/^/'/; s/\$/'/")
fi

# awk's ENVIRON, unlike its -v and unlike sed, gives the text no further meaning.
WORDS=$words MODULES="$*" awk '
    $1 == "@MODULES@" {
        n = split(ENVIRON["MODULES"], path, " ")
        for (i = 1; i <= n; i++) {
            name = path[i]
            sub(/.*\//, "", name)
            print "    module " quote("/boot/" name) " " quote(name)
        }
        next
    }
    {
        if (i = index($0, "@CMDLINE@"))
            $0 = substr($0, 1, i - 1) ENVIRON["WORDS"] substr($0, i + length("@CMDLINE@"))
        print
    }
    function quote(text) { return "\047" text "\047" }' "$template"
