"""Compares a picture of the screen with the console's cells, pixel by pixel.

A cell is 16 bits: a character of code page 437 and two colours."""
import gzip
import struct

CURSOR_LINES = 8  # the cursor's bar is an eighth of its cell's height

# The sixteen colours of a PC, as red, green, blue.
COLOURS = [tuple(((c >> bit & 1) * 0xAA) + (0x55 if c & 8 else 0) for bit in (2, 1, 0)) for c in range(16)]
COLOURS[6] = (0xAA, 0x55, 0)  # brown


def differences(cells, columns, glyphs, pixel, width, height, *, left=0, cursor=None, close=0,
                step=1):
    """The cells, as (row, column), with a pixel that differs from GLYPHS: 256 lists of HEIGHT lines of WIDTH bits.
    PIXEL(x, y) returns red, green and blue. LEFT is the gap between cells. Looks at each STEPth cell, and not at the
    cell CURSOR. A colour's components may differ by CLOSE."""
    wrong = []
    for index, cell in enumerate(cells):
        if index == cursor or index % step:
            continue
        row, column = divmod(index, columns)
        ink, paper = COLOURS[cell >> 8 & 15], COLOURS[cell >> 12]
        glyph = glyphs[cell & 255]
        if not all(near(pixel(column * (width + left) + x, row * height + y),
                        ink if glyph[y] >> (width - 1 - x) & 1 else paper, close)
                   for y in range(height) for x in range(width)):
            wrong.append((row, column))
    return wrong


def near(colour, wanted, close):
    return colour == wanted or all(abs(a - b) <= close for a, b in zip(colour, wanted))


def glyphs_of(data, width, height):
    """The 256 glyphs in DATA, whose lines are whole bytes, as lists of HEIGHT numbers of WIDTH bits."""
    stride = (width + 7) // 8
    lines = [int.from_bytes(data[i:i + stride], "big") >> (stride * 8 - width)
             for i in range(0, 256 * height * stride, stride)]
    return [lines[i * height:(i + 1) * height] for i in range(256)]


def scaled(glyphs, width, scale):
    """GLYPHS magnified SCALE times."""
    def line(bits):
        return sum(((1 << scale) - 1) << (x * scale) for x in range(width) if bits >> x & 1)
    return [[line(bits) for bits in glyph for _ in range(scale)] for glyph in glyphs]


class Psf:
    """A PC screen font, version 1 or 2, with its Unicode table."""

    def __init__(self, path):
        data = gzip.decompress(path.read_bytes())
        if data[:2] == b"\x36\x04":
            count, size = (512 if data[2] & 1 else 256), data[3]
            self.width, self.height, start, entry = 8, size, 4, self._entry_1
        else:
            assert data[:4] == b"\x72\xb5\x4a\x86"
            start, _, count, size, self.height, self.width = struct.unpack_from("<6I", data, 8)
            entry = self._entry_2
        self.glyphs, at = {}, start + count * size
        for i in range(count):
            characters, at = entry(data, at)
            for character in characters:
                self.glyphs.setdefault(character, data[start + i * size:start + (i + 1) * size])

    @staticmethod
    def _entry_1(data, at):
        end = at
        while data[end:end + 2] != b"\xff\xff":
            end += 2
        units = struct.unpack_from(f"<{(end - at) // 2}H", data, at)
        return map(chr, units[:units.index(0xFFFE)] if 0xFFFE in units else units), end + 2

    @staticmethod
    def _entry_2(data, at):
        end = data.index(b"\xff", at)
        return data[at:end].split(b"\xfe")[0].decode(), end + 1
