#!/bin/sh
# lines.sh OBJDUMP ELF: writes the assembly of the kernel's line table (kernel/lib/symbols.c) for the image ELF.
#
# The source lines are those that the disassembly shows between the instructions: GNU's objdump and LLVM's print
# them alike, for either compiler's debug information. A row begins where the line changes. It has, as LEB128
# numbers, twice the distance from the row before, plus 1 if the file changes; how far the line is from the line
# before; and the file's number, if it changes. Code that no source line made counts as the line before it. Rows come in
# blocks; the first of each is told from address 0, line 0 and no file, so that reading can begin with any block. With
# an empty OBJDUMP the table has none.
set -eu

[ $# -eq 2 ] || { echo "usage: lines.sh OBJDUMP ELF" >&2; exit 2; }

disassemble() {
    [ -z "$1" ] || "$1" -d -l -j .text --no-show-raw-insn "$2"
}

disassemble "$1" "$2" | awk -v "root=$PWD/" -v block_rows=128 -v block_count=0 '
    # "/root/kernel/main.c:88", in LLVM after "; ", perhaps with " (discriminator 2)" behind it
    /^(; )?[^ ]+:[0-9]+( \(discriminator [0-9]+\))?$/ {
        sub(/^; /, "")
        sub(/ .*/, "")
        match($0, /:[0-9]+$/)
        file = substr($0, 1, RSTART - 1)
        line = substr($0, RSTART + 1) + 0
        if (index(file, root) == 1)
            file = substr(file, length(root) + 1)
        next
    }

    # "  107590:      subl    $4, %esp"
    /^ *[0-9a-f]+:[ \t]/ {
        if (file == file_before && line == line_before)
            next
        address = number($1)
        label = ""
        if (n % block_rows == 0) {
            blocks[block_count] = address
            label = ".Lblock" block_count++ ":\n"
            address_before = line_before = 0
            file_before = ""
        }
        changed = file != file_before
        if (changed && !(file in files)) {
            files[file] = count + 0
            name[count++] = file
        }
        rows[n++] = label "    .uleb128 " (address - address_before) * 2 + changed "\n    .sleb128 " line - line_before \
            (changed ? "\n    .byte " files[file] : "")
        address_before = address
        line_before = line
        file_before = file
    }

    function number(hexadecimal,    i, value) {
        for (i = 1; i < length(hexadecimal); i++)
            value = value * 16 + index("123456789abcdef", substr(hexadecimal, i, 1))
        return value
    }

    END {
        if (count > 256) {
            print "lines.sh: a row has a byte for the file, and there are " count " files" >"/dev/stderr"
            exit 1
        }
        print "    .section .symtab_quire, \"a\", @progbits"
        print "    .balign 4"
        print "    .globl line_table"
        print "line_table:"
        print "    .long " block_count + 0 ", .Lblocks - line_table"
        for (i = 0; i < count; i++)
            print "    .long .Lfile" i " - line_table"
        print ".Lblocks:"
        for (i = 0; i < block_count; i++)
            print "    .long " blocks[i] ", .Lblock" i " - line_table"
        print "    .long 0xffffffff, .Lend - line_table"
        for (i = 0; i < count; i++)
            print ".Lfile" i ": .asciz \"" name[i] "\""
        for (i = 0; i < n; i++)
            print rows[i]
        print ".Lend:"
        print "    .balign 4"
    }'
