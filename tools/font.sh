#!/bin/sh
# font.sh CP437.H [FONT.psf.gz]...: writes the assembly of the console's fonts (include/font.h).
#
# Of each PC screen font (PSF 1 or 2, with its Unicode table) it takes the characters that CP437.H lists, in
# that order. Terminus lacks the half blocks and the dark shade: those are drawn here, being mere geometry.
# Any other character that the font lacks is shown as its '?'.
set -eu

code_page=$1
shift

cat <<'END'
    .section .rodata.fonts, "a", @progbits
    .balign 4
    .globl fonts
    .type fonts, @object
fonts:
    .section .rodata
END
n=0
for font in "$@"; do
    {
        grep -o '0x[0-9A-Fa-f]\{4\}' "$code_page"
        echo font
        gzip -dc "$font" | od -An -v -tu1
    } | awk -v name=".Lfont$n" -v file="$font" '
        function hex(digits,    i, value) {
            for (i = 3; i <= length(digits); i++)
                value = value * 16 + index("0123456789abcdef", tolower(substr(digits, i, 1))) - 1
            return value
        }
        function word(at) { return b[at] + 256 * (b[at + 1] + 256 * (b[at + 2] + 256 * b[at + 3])) }
        function fail(why) { print file ": " why >"/dev/stderr"; failed = 1; exit 1 }

        $1 == "font" { in_font = 1; next }
        !in_font { code[codes++] = hex($1); next }
        { for (i = 1; i <= NF; i++) b[bytes++] = $i }

        function read_header() {
            if (b[0] == 54 && b[1] == 4) {
                glyphs = b[2] % 2 ? 512 : 256
                has_table = b[2] >= 2
                width = 8; height = size = b[3]; start = 4
            } else if (b[0] == 114 && b[1] == 181 && b[2] == 74 && b[3] == 134) {
                start = word(8); has_table = word(12) % 2; glyphs = word(16)
                size = word(20); height = word(24); width = word(28)
            } else
                fail("no PC screen font")
            if (!has_table)
                fail("no Unicode table in it")
            at = start + glyphs * size
        }

        # One code point of the table behind the glyphs; -1 where a list of sequences begins, -2 at the end of
        # the glyph.
        function next_point(    c, more, value) {
            if (start == 4) {
                value = b[at] + 256 * b[at + 1]
                at += 2
                return value == 65535 ? -2 : value == 65534 ? -1 : value
            }
            c = b[at++]
            if (c >= 254)
                return c == 255 ? -2 : -1
            more = c < 192 ? 0 : c < 224 ? 1 : c < 240 ? 2 : 3
            value = more == 0 ? c : more == 1 ? c % 32 : more == 2 ? c % 16 : c % 8
            while (more--)
                value = value * 64 + b[at++] % 64
            return value
        }

        function read_table(    glyph, point, single) {
            for (glyph = 0; glyph < glyphs; glyph++)
                for (single = 1; (point = next_point()) != -2 && at <= bytes; )
                    if (point == -1)
                        single = 0
                    else if (single && !(point in glyph_of))
                        glyph_of[point] = glyph
        }

        # Whether block element POINT (U+2580 to U+2593) covers pixel X, Y.
        function covers(point, x, y,    unit) {
            unit = height / 16
            if (point == 9600) return y < height / 2
            if (point == 9604) return y >= height / 2
            if (point == 9612) return x < width / 2
            if (point == 9616) return x >= width / 2
            x = int(x / unit); y = int(y / unit)
            return y % 2 == 0 || x % 2 == int(y / 2) % 2
        }

        # Puts a glyph for POINT behind the font.
        function draw(point,    x, y, byte) {
            glyph_of[point] = glyphs
            for (y = 0; y < height; y++)
                for (x = byte = 0; x < 8 * int((width + 7) / 8); x++) {
                    byte = byte * 2 + (x < width && covers(point, x, y))
                    if (x % 8 == 7) {
                        b[start + glyphs * size + drawn++] = byte
                        byte = 0
                    }
                }
            drawn = 0
            glyphs++
        }

        function draw_missing(    points, n, i) {
            n = split("9600 9604 9612 9616 9619", points, " ")
            for (i = 1; i <= n; i++)
                if (!(points[i] in glyph_of))
                    draw(points[i] + 0)
        }

        END {
            if (failed)
                exit 1
            read_header()
            read_table()
            draw_missing()
            print name ":"
            for (i = 0; i < codes; i++) {
                glyph = code[i] in glyph_of ? glyph_of[code[i]] : glyph_of[63]
                line = "    .byte "
                for (j = 0; j < size; j++)
                    line = line (j ? "," : "") b[start + glyph * size + j]
                print line
            }
            print "    .section .rodata.fonts"
            print "    .long " width ", " height ", " name
            print "    .section .rodata"
        }'
    n=$((n + 1))
done

cat <<'END'
    .section .rodata.fonts
    .long 0, 0, 0
    .size fonts, . - fonts
    .section .note.GNU-stack, "", @progbits
END
