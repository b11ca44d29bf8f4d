#!/bin/sh
# symbols.sh NM ELF: writes the assembly of the kernel's symbol table (kernel/lib/symbols.c) for the image ELF.
#
# It lists functions and data, static ones too, sorted by address. Where several share an address, a search finds
# the last: the one with the greatest size; one that ends something (text_end) only if there is no other. A part
# that the compiler split off a function (.part.0, .cold, ...) has the function's name, and the top bit of its size
# set. The table moves one address, kernel_end, and so has it by name. For the second pass's image the output is the
# same: no other address has moved. The line table (lines.sh) follows if there is one.
set -eu

[ $# -eq 2 ] || { echo "usage: symbols.sh NM ELF" >&2; exit 2; }
symbols=$("$1" -S "$2")

# A line a symbol: ADDRESS SIZE STARTS PART NAME, with ADDRESS and SIZE in 8 hexadecimal digits. nm leaves
# out a size of 0, which means: up to the next symbol.
printf '%s\n' "$symbols" | awk '
    NF == 3 { address = $1; size = "00000000"; type = $2; name = $3 }
    NF == 4 { address = $1; size = $2; type = $3; name = $4 }
    NF != 3 && NF != 4 { next }
    type !~ /^[tTwWdDbBrRvV]$/ || name ~ /^[.$]/ || name == "kernel_end" { next }
    {
        part = 0
        if (type ~ /[tTwW]/)
            part = sub(/[.].*$/, "", name)
        else
            sub(/[.][0-9]+$/, "", name)
        starts = name !~ /_end$/
        print substr(address, length(address) - 7), substr(size, length(size) - 7), starts, part, name
    }' | LC_ALL=C sort | awk '
    {
        value[NR] = "0x" $1 ", " ($4 ? "0x80000000 + " : "") "0x" $2
        name[NR] = $5
    }
    END {
        n = NR + 1
        value[n] = "kernel_end, 0"
        name[n] = "kernel_end"
        print "    .section .symtab_quire, \"a\", @progbits"
        print "    .balign 4"
        print ".Ltable:"
        print "    .long " n ", line_table"
        for (i = 1; i <= n; i++)
            print "    .long " value[i] ", .Lname" i " - .Ltable"
        for (i = 1; i <= n; i++)
            print ".Lname" i ": .asciz \"" name[i] "\""
        print "    .balign 4"
        print "    .section .note.GNU-stack, \"\", @progbits"
    }'
