"""The screens, pixel by pixel, against the cells that the console keeps.

A picture of EGA text is compared with text memory and the font in the video ROM; a framebuffer, with the
console's own cells and the font that was built in. Besides real ones (under UEFI) there are framebuffers that
no firmware here makes: blocks of memory that the memory map does not call memory."""
import gzip
import os
import re
import struct
import subprocess
from pathlib import Path

import pytest

from elf import Elf
from firmware import LIMIT, check_grub
from multiboot import Info
from picture import Psf, differences, glyphs_of, scaled

Image = pytest.importorskip("PIL.Image", reason="python3-pil is not installed")

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = ("diagnose", "mem", "pd", "walk kmain", "heap", "nonsense", "maps")


def words(machine, address, count):
    return machine.physical_words(address, count)


def halves(machine, address, count):
    return struct.unpack(f"<{count}H", machine.physical_bytes(address, count * 2))


class Console:
    """The framebuffer console's state, read from the kernel's memory, which is identity-mapped."""

    def __init__(self, machine, kernel):
        elf = Elf(kernel)

        def read(name):
            return words(machine, elf.address(name), 1)[0]

        self.columns, self.rows = words(machine, elf.address("fb_screen"), 2)
        self.cells = halves(machine, elf.address("fb_cells"), self.columns * self.rows)
        self.cursor, self.scale = read("fb_cursor"), read("fb_scale")
        font = read("fb_font")
        width, height, glyphs = words(machine, font, 3)
        data = machine.physical_bytes(glyphs, 256 * height * ((width + 7) // 8))
        self.glyphs = scaled(glyphs_of(data, width, height), width, self.scale)
        self.width, self.height = width * self.scale, height * self.scale

    def text(self):
        rows = bytes(cell & 255 for cell in self.cells).decode("cp437")
        return [rows[i:i + self.columns].rstrip() for i in range(0, len(rows), self.columns)]

    def check(self, pixel, size, close=0, step=1):
        """Checks every cell (each STEPth of a large screen); the rest of the screen must be black."""
        wrong = differences(self.cells, self.columns, self.glyphs, pixel, self.width, self.height,
                            cursor=self.cursor, close=close, step=step)
        assert wrong == []
        row, column = divmod(self.cursor, self.columns)
        foot = {pixel(column * self.width + x, (row + 1) * self.height - 1) for x in range(self.width)}
        assert foot == {pixel(column * self.width, (row + 1) * self.height - 1)} != {(0, 0, 0)}
        right, bottom = self.columns * self.width, self.rows * self.height
        assert all(pixel(x, y) == (0, 0, 0) for y in range(size[1]) for x in range(right, size[0]))
        assert all(pixel(x, y) == (0, 0, 0) for y in range(bottom, size[1]) for x in range(size[0]))


def use(machine):
    """Prints some of everything that the monitor can print."""
    for command in COMMANDS:
        machine.run(command)


def check_log(machine, rows, columns):
    """Checks that the screen's rows are the end of the serial line's text, wrapped."""
    text = machine.text().encode("latin-1").decode(errors="replace")  # GRUB's is not UTF-8
    said = [line[i:i + columns].rstrip() for line in text.split("\n")
            for i in range(0, max(len(line), 1), columns)]
    rows = list(rows)
    while rows and not rows[-1]:
        rows.pop()
    assert len(rows) > 10 and rows[-1] == "quire>"
    assert rows == said[-len(rows):]


def screenshot(machine, tmp_path):
    path = tmp_path / "screen.ppm"
    machine.hmp(f"screendump {path}")
    return Image.open(path).convert("RGB")


def keep(image, build, name):
    """Keeps a picture for a person to look at."""
    (build / "screens").mkdir(exist_ok=True)
    image.save(build / "screens" / f"{name}.png")


# ---- real screens ----

def rom_font(machine):
    """The 8 x 16 font of the video ROM, found by what it has for A, B and C in every such ROM."""
    rom = machine.physical_bytes(0xC0000, 0x10000)
    letter = bytes((0, 0, 0x10, 0x38, 0x6C, 0xC6, 0xC6, 0xFE, 0xC6, 0xC6, 0xC6, 0xC6, 0, 0, 0, 0))
    start = rom.index(letter) - ord("A") * 16
    return glyphs_of(rom[start:start + 256 * 16], 8, 16)


def test_ega_text_is_what_text_memory_holds(boot, build, tmp_path):
    machine = boot()
    machine.prompt()
    use(machine)
    image = screenshot(machine, tmp_path)
    keep(image, build, "bios-text")
    assert image.size == (720, 400)
    cells = halves(machine, 0xB8000, 80 * 25)
    cursor = next(i for i in range(80 * 25 - 1, 0, -1) if cells[i] & 255 == ord(">")) + 2
    pixels = image.load()
    wrong = differences(cells, 80, rom_font(machine), lambda x, y: pixels[x, y], 8, 16, left=1, cursor=cursor,
                        close=4)
    assert wrong == []
    assert len({cell >> 8 for cell in cells}) > 1  # there are colours to compare


@pytest.mark.parametrize("size, console", [((800, 600), (100, 37)), ((1920, 1080), (120, 33))],
                         ids=["800x600", "1920x1080"])
def test_the_framebuffer_under_uefi_is_what_the_console_holds(disc, build, kernel, tmp_path, size, console):
    display = ["-vga", "none", "-device", f"VGA,xres={size[0]},yres={size[1]}"]
    machine = disc("uefi64", "cdrom", "q35", iso="quire.iso", extra=display)
    machine.expect(r"^quire: ready", LIMIT)
    check_grub(machine.text())
    machine.prompt()
    use(machine)
    image = screenshot(machine, tmp_path)
    keep(image, build, f"uefi-{size[0]}x{size[1]}")
    assert image.size == size
    shown = Console(machine, kernel)
    assert (shown.columns, shown.rows) == console
    check_log(machine, shown.text(), shown.columns)
    pixels = image.load()
    shown.check(lambda x, y: pixels[x, y], size)
    assert machine.finish() == 33


def test_a_display_in_a_graphics_mode_is_not_claimed_to_show_text(craft):
    """So it is under UEFI when GRUB has no video driver: a VGA in a graphics mode, and no framebuffer is reported."""
    info = Info(memory=(639, 64 * 1024)).with_map(RAM).with_cmdline("-- diagnose; exit")
    machine = craft(info, actions=[("out", 0x3CE, 6), ("out", 0x3CF, 5)])
    assert machine.exit_code() == 33
    said = re.findall(r"^screen: .*", machine.text(), re.M)
    assert said == ["screen: none: the display shows graphics, but the loader gave no framebuffer"]
    assert "no console on it" in machine.text()


# ---- framebuffers of every kind ----

PLACE = 0x06000000  # behind the 64 MiB that the map calls memory
RAM = [(0, 0x9FC00, 1), (0x100000, 0x03F00000, 1)]
FILL = 0xEE

RGB888, BGR888 = (16, 8, 8, 8, 0, 8), (0, 8, 8, 8, 16, 8)
RGB565, RGB555, DEEP = (11, 5, 5, 6, 0, 5), (10, 5, 5, 5, 0, 5), (20, 10, 10, 10, 0, 10)

# Width, height, bytes a line, bits a pixel, colours, offset.
FRAMEBUFFERS = {
    "32 bits": (800, 600, 3200, 32, RGB888, 0),
    "32 bits, blue first": (640, 480, 2560, 32, BGR888, 0),
    "32 bits, 10 a colour": (640, 480, 2560, 32, DEEP, 0),
    "24 bits": (800, 600, 2400, 24, RGB888, 0),
    "24 bits, an odd pitch": (801, 601, 2417, 24, RGB888, 0),
    "32 bits, a wide pitch": (1366, 768, 8192, 32, RGB888, 0),
    "not at a page's start": (800, 600, 3200, 32, RGB888, 0x20C),
    "24 bits, at an odd address": (800, 600, 2403, 24, BGR888, 0x123),
    "16 bits": (1024, 768, 2048, 16, RGB565, 0),
    "15 bits": (640, 400, 1280, 15, RGB555, 0),
    "small": (320, 200, 1280, 32, RGB888, 0),
    "upright": (600, 1600, 2400, 32, RGB888, 0),
    "wide": (2560, 400, 10240, 32, RGB888, 0),
    "large": (3840, 2160, 15360, 32, RGB888, 0),
}


def information(framebuffer, cmdline="--", grub=False):
    """A boot loader's information about FRAMEBUFFER, a value of FRAMEBUFFERS; with GRUB, the colours where GRUB puts
    them."""
    width, height, pitch, bits, colours, offset = framebuffer
    info = Info().with_map(RAM).with_cmdline(cmdline)
    place = bytes((0, 0)) if grub else b""
    info.framebuffer = (PLACE + offset, pitch, width, height, bits, 1, place + bytes(colours))
    info.blobs[PLACE] = bytes([FILL]) * (pitch * height + offset + 4096)
    return info


class Memory:
    """A framebuffer as it lies in memory."""

    def __init__(self, machine, framebuffer, path):
        self.width, self.height, self.pitch, self.bits, self.colours, offset = framebuffer
        self.bytes = (self.bits + 7) // 8
        machine.hmp(f"pmemsave {PLACE:#x} {self.pitch * self.height + offset + 4096} \"{path}\"")
        data = path.read_bytes()
        self.before, self.data, self.behind = data[:offset], data[offset:-4096], data[-4096:]

    def pixel(self, x, y):
        at = y * self.pitch + x * self.bytes
        value = int.from_bytes(self.data[at:at + self.bytes], "little")
        fields = zip(self.colours[::2], self.colours[1::2])
        return tuple((value >> shift & (1 << bits) - 1) << 8 >> bits for shift, bits in fields)

    def check_borders(self):
        """Checks that only pixels were written."""
        line = self.width * self.bytes
        gaps = b"".join(self.data[y * self.pitch + line:(y + 1) * self.pitch] for y in range(self.height))
        assert set(self.before + gaps + self.behind) <= {FILL}


@pytest.mark.parametrize("name, grub", [*((name, False) for name in FRAMEBUFFERS), ("32 bits", True)])
def test_a_framebuffer_shows_what_the_console_holds(craft, kernel, tmp_path, name, grub):
    framebuffer = FRAMEBUFFERS[name]
    machine = craft(information(framebuffer, grub=grub))
    machine.expect(r"^screen: framebuffer mapped at 0xf0000[0-9a-f]{3}, ")
    machine.prompt()
    use(machine)
    memory = Memory(machine, framebuffer, tmp_path / "memory.bin")
    shown = Console(machine, kernel)
    check_log(machine, shown.text(), shown.columns)
    shown.check(memory.pixel, (memory.width, memory.height), close=8, step=7 if name == "large" else 1)
    memory.check_borders()
    assert machine.finish() == 33


def test_a_framebuffer_console_grows_with_the_display(craft, kernel):
    sizes = {}
    for name in ("small", "32 bits", "large"):
        machine = craft(information(FRAMEBUFFERS[name], "-- exit"))
        said = machine.expect(r"^screen: framebuffer at .*: (\d+) x (\d+) characters$")
        sizes[name] = (int(said[1]), int(said[2]))
    assert sizes == {"small": (40, 12), "32 bits": (100, 37), "large": (120, 33)}


@pytest.mark.parametrize("change, why", [
    ({0: 1 << 32}, "does not lie below 4 GiB"), ({0: 0xFFFFF000}, "does not lie below 4 GiB"),
    ({0: 0x00200000}, "over memory"), ({0: 0x03FFF000}, "over memory"), ({0: 0}, "over memory"),
    ({1: 3199}, "lines overlap"), ({4: 8}, "pixel size"), ({4: 48}, "pixel size"), ({5: 0}, "red, green and blue"),
    ({6: bytes((30, 8, 8, 8, 0, 8))}, "outside the pixel"), ({2: 319, 3: 200}, "too small"),
    ({2: 0}, "too small"), ({3: 0}, "too small"), ({1: 0}, "lines overlap"),
    ({1: 0x80000, 3: 5000}, "does not lie below 4 GiB|larger than"),
], ids=lambda value: str(value)[:40])
def test_an_unusable_framebuffer_is_reported_and_not_written_to(craft, change, why):
    info = information(FRAMEBUFFERS["32 bits"], "-- exit")
    fields = list(info.framebuffer)
    for index, value in change.items():
        fields[index] = value
    info.framebuffer = tuple(fields)
    machine = craft(info)
    assert machine.exit_code() == 33
    said = re.search(r"^screen: framebuffer .*: not used$", machine.text(), re.M)
    assert said and re.search(why, said[0])
    assert "framebuffer mapped" not in machine.text()


def test_a_framebuffer_over_the_kernel_is_not_used_without_a_map_either(craft):
    info = information(FRAMEBUFFERS["32 bits"])
    info.mmap, info.framebuffer = None, (0x00100000, *info.framebuffer[1:])
    machine = craft(info)
    assert machine.exit_code() == 35
    assert re.search(r"^screen: framebuffer .*: it lies over memory: not used$", machine.text(), re.M)
    assert "neither a memory map" in machine.reason()


def test_a_panic_is_shown_on_the_framebuffer(craft, kernel, tmp_path):
    framebuffer = FRAMEBUFFERS["32 bits"]
    machine = craft(information(framebuffer, "panic=stay -- fault! divide"))
    machine.expect(r"^PANIC: ")
    machine.expect(r"^quire> ")  # the last look's: the screen gets text before the serial line does
    shown = Console(machine, kernel)
    assert any(row.startswith("PANIC: ") for row in shown.text())
    shown.check(Memory(machine, framebuffer, tmp_path / "memory.bin").pixel, framebuffer[:2])


MANY = 65537  # entries: too many for a memory map


@pytest.mark.parametrize("entries, why", [
    (None, "neither a memory map nor the memory's size"), ([(0x100000, 0x200000, 1)], "too little"),
    ([(0, 0, 1)] * MANY, "more than 65536 entries"),
], ids=["no map", "too little memory", "too many entries"])
def test_a_panic_about_memory_is_shown_on_the_framebuffer(craft, kernel, tmp_path, entries, why):
    """The panic comes before paging and before the memory system."""
    framebuffer = FRAMEBUFFERS["24 bits, an odd pitch"]
    info = information(framebuffer, "panic=stay")
    info.mmap = None
    if entries:
        info.with_map(entries, address=0x02000000)
    machine = craft(info)
    machine.expect(r"^quire: halted\n")
    shown = Console(machine, kernel)
    assert any(row.startswith("PANIC: ") and why in row for row in shown.text())
    shown.check(Memory(machine, framebuffer, tmp_path / "memory.bin").pixel, framebuffer[:2], close=8)


# ---- the font ----

# What the first of two lacks, the second has.
FONTS = (("FullGreek-Terminus16", "Uni2-Terminus16"), ("FullGreek-Terminus32x16", "Uni2-Terminus32x16"))
FONT_DIRECTORY = Path("/usr/share/consolefonts")


def built_fonts(kernel):
    """[(width, height, glyphs)] in the kernel's image."""
    elf = Elf(kernel)

    def at(address, size):
        segment = next(s for s in elf.loaded if s.vaddr <= address < s.vaddr + s.file_size)
        return elf.data[segment.offset + address - segment.vaddr:][:size]

    fonts, address = [], elf.address("fonts")
    while (entry := struct.unpack("<3I", at(address, 12)))[0]:
        width, height, glyphs = entry
        fonts.append((width, height, at(glyphs, 256 * height * ((width + 7) // 8))))
        address += 12
    return fonts


@pytest.mark.parametrize("index", [0, 1])
def test_the_glyphs_are_those_of_the_installed_font(kernel, index):
    """Every character of code page 437 except two triangles, which are drawn, comes from the font."""
    paths = [FONT_DIRECTORY / f"{name}.psf.gz" for name in FONTS[index]]
    if not all(path.exists() for path in paths):
        pytest.skip(f"{paths[0].name} and {paths[1].name} are not in {FONT_DIRECTORY}")
    first, second = map(Psf, paths)
    width, height, data = built_fonts(kernel)[index]
    assert (width, height) == (first.width, first.height)
    size = height * ((width + 7) // 8)
    glyphs = [data[i * size:(i + 1) * size] for i in range(256)]
    characters = {i: "\u2302" if i == 127 else bytes([i]).decode("cp437") for i in range(32, 256)}
    wanted = {**second.glyphs, **first.glyphs}
    assert {i: glyphs[i] for i in characters} == {i: wanted[character] for i, character in characters.items()}
    assert len(set(glyphs[1:255])) == 254
    assert glyphs[0x20] == bytes(size) and glyphs[0xDB] == b"\xff" * size
    right, left = glyphs_of(data, width, height)[0x10:0x12]
    assert [int(f"{line:0{width}b}"[::-1], 2) for line in right] == left  # mirror images
    assert width * height * 0.2 < sum(line.bit_count() for line in right) < width * height * 0.5


def draw_blocks(path, size):
    """What tools/font.sh makes of a font of no more than '?', of 256 glyphs of 8 x SIZE: its glyphs."""
    table = b"".join((b"?\0" if i == 63 else b"") + b"\xff\xff" for i in range(256))
    font = path / "one.psf.gz"
    font.write_bytes(gzip.compress(bytes((0x36, 4, 2, size)) + bytes(63 * size) + b"\x81" * size +
                                   bytes(192 * size) + table))
    text = subprocess.run(["sh", ROOT / "tools/font.sh", ROOT / "kernel/console/cp437.h", font], check=True,
                          capture_output=True, text=True).stdout
    return [bytes(map(int, line.split(","))) for line in re.findall(r"^ +\.byte (.*)$", text, re.M)]


@pytest.mark.parametrize("size", [8, 14, 16])
def test_block_elements_that_a_font_lacks_are_drawn(tmp_path, size):
    glyphs = draw_blocks(tmp_path, size)
    question = b"\x81" * size
    drawn = {i for i in range(256) if glyphs[i] != question}
    assert drawn == {0x10, 0x11, 0xB2, 0xDC, 0xDD, 0xDE, 0xDF}
    assert glyphs[0xDF] == b"\xff" * (size // 2) + bytes(size // 2) == glyphs[0xDC][::-1]
    assert glyphs[0xDD] == b"\xf0" * size and glyphs[0xDE] == b"\x0f" * size


def test_fonts_of_two_sizes_cannot_be_joined(tmp_path):
    paths = [str(FONT_DIRECTORY / f"{name}.psf.gz") for name in (FONTS[0][0], FONTS[1][1])]
    if not all(map(os.path.exists, paths)):
        pytest.skip("the fonts are not here")
    result = subprocess.run(["sh", ROOT / "tools/font.sh", ROOT / "kernel/console/cp437.h", ",".join(paths)],
                            capture_output=True, text=True)
    assert result.returncode == 1 and "not of the size" in result.stderr
