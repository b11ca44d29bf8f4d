#!/bin/sh
# grub-cfg.sh TEMPLATE: TEMPLATE with $CMDLINE in place of a line's @CMDLINE@, on standard output.
#
# GRUB's shell would take a bare ; or $ for its own, so each word stands in single quotes; between two
# spaces stands an empty word, so that every space arrives.
set -eu

words=
if [ -n "${CMDLINE:-}" ]; then
    words=$(printf '%s\n' "$CMDLINE" | sed "s/'/'\\\\''/g; s/ /' '/g; s/^/'/; s/\$/'/")
fi

# awk's ENVIRON, unlike its -v and unlike sed, gives the text no further meaning.
WORDS=$words awk '{
    if (i = index($0, "@CMDLINE@"))
        $0 = substr($0, 1, i - 1) ENVIRON["WORDS"] substr($0, i + length("@CMDLINE@"))
    print
}' "$1"
