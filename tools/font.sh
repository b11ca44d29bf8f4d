#!/bin/sh
# font.sh CP437.H [FONT.psf.gz[,MORE.psf.gz]...]...: writes the console's fonts (kernel/console/font.h) as assembly.
#
# Each FONT is a PC screen font, PSF 1 or 2 with a Unicode table. The characters that CP437.H lists are taken from it,
# in that order; those it lacks come from MORE, fonts of the same size. Block elements and triangles that no font has
# are drawn here. Any other missing character is shown as '?'.
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
        for file in $(echo "$font" | tr , ' '); do
            echo "font $file"
            gzip -dc "$file" | od -An -v -tu1
        done
    } | awk -v name=".Lfont$n" '
        function hex(digits,    i, value) {
            for (i = 3; i <= length(digits); i++)
                value = value * 16 + index("0123456789abcdef", tolower(substr(digits, i, 1))) - 1
            return value
        }
        function word(at) { return b[at] + 256 * (b[at + 1] + 256 * (b[at + 2] + 256 * b[at + 3])) }
        function fail(why) { print file ": " why >"/dev/stderr"; failed = 1; exit 1 }

        $1 == "font" { take_font(); file = $2; bytes = 0; next }
        !file { code[codes++] = hex($1); next }
        { for (i = 1; i <= NF; i++) b[bytes++] = $i }

        # Called at the end of each font: its bytes are all in b.
        function take_font() {
            if (!file)
                return
            read_header()
            read_table()
        }

        function set_size(new_width, new_height) {
            if (width && (width != new_width || height != new_height))
                fail("not of the size of the font before it")
            width = new_width; height = new_height
        }

        function read_header() {
            if (b[0] == 54 && b[1] == 4) {
                glyphs = b[2] % 2 ? 512 : 256
                has_table = b[2] >= 2
                size = b[3]; start = 4
                set_size(8, size)
            } else if (b[0] == 114 && b[1] == 181 && b[2] == 74 && b[3] == 134) {
                start = word(8); has_table = word(12) % 2; glyphs = word(16)
                size = word(20)
                set_size(word(28), word(24))
            } else
                fail("no PC screen font")
            if (!has_table)
                fail("no Unicode table in it")
            at = start + glyphs * size
        }

        # The next code point of the table that follows the glyphs; -1 at the start of a list of sequences, -2 at the
        # end of the list of one glyph.
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

        function glyph_at(first,    i, text) {
            for (i = 0; i < size; i++)
                text = text (i ? "," : "") b[first + i]
            return text
        }

        function read_table(    n, point, single) {
            for (n = 0; n < glyphs; n++)
                for (single = 1; (point = next_point()) != -2 && at <= bytes; )
                    if (point == -1)
                        single = 0
                    else if (single && !(point in glyph))
                        glyph[point] = glyph_at(start + n * size)
        }

        # Whether the block element (U+2580 to U+2593) or triangle (U+25BA, U+25C4) POINT covers pixel X, Y.
        function covers(point, x, y,    unit) {
            if (point == 9600) return y < height / 2
            if (point == 9604) return y >= height / 2
            if (point == 9612) return x < width / 2
            if (point == 9616) return x >= width / 2
            if (point == 9619) {
                unit = height / 16
                x = int(x / unit); y = int(y / unit)
                return y % 2 == 0 || x % 2 == int(y / 2) % 2
            }
            x = (2 * x + 1) * 8 / width; y = (2 * y + 1) * 16 / height - 16 # 16 units wide; the middle is 0
            if (point == 9668)
                x = 16 - x
            return x >= 2 && y <= 14 - x && -y <= 14 - x
        }

        function draw(point,    x, y, byte, text) {
            for (y = 0; y < height; y++)
                for (x = byte = 0; x < 8 * int((width + 7) / 8); x++) {
                    byte = byte * 2 + (x < width && covers(point, x, y))
                    if (x % 8 == 7) {
                        text = text (text == "" ? "" : ",") byte
                        byte = 0
                    }
                }
            return text
        }

        function draw_missing(    points, n, i) {
            n = split("9600 9604 9612 9616 9619 9658 9668", points, " ")
            for (i = 1; i <= n; i++)
                if (!(points[i] in glyph))
                    glyph[points[i]] = draw(points[i] + 0)
        }

        END {
            if (failed)
                exit 1
            take_font()
            if (failed)
                exit 1
            draw_missing()
            print name ":"
            for (i = 0; i < codes; i++)
                print "    .byte " (code[i] in glyph ? glyph[code[i]] : glyph[63])
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
