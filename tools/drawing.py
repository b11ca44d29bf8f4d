#!/usr/bin/env python3
"""drawing.py DIRECTORY: the README's drawing of the memory system, memory-light.svg and memory-dark.svg.

Colour says who owns what: a module's box, its frames in physical memory (left) and its part of the address space
(right) have the same one."""
import sys
from pathlib import Path

WIDTH, HEIGHT = 880, 484

# owner: (fill, line)
LIGHT = {"kmalloc": ("#fff3cd", "#9a6700"), "space": ("#dcf7e3", "#1a7f37"), "vmem": ("#dcefff", "#0969da"),
         "pm": ("#f1e6ff", "#8250df"), "memmap": ("#ffe7e4", "#cf222e"), "kernel": ("#e4e8ec", "#57606a"),
         "free": ("none", "#afb8c1"), "text": "#1f2328", "faint": "#57606a"}
DARK = {"kmalloc": ("#453600", "#e3b341"), "space": ("#0f3d1f", "#3fb950"), "vmem": ("#0b2f5c", "#58a6ff"),
        "pm": ("#341a63", "#bc8cff"), "memmap": ("#561b1b", "#ff7b72"), "kernel": ("#30363d", "#8b949e"),
        "free": ("none", "#484f58"), "text": "#e6edf3", "faint": "#9198a1"}

# name, left, top, width, what it does, its calls
MODULES = [
    ("kmalloc", 240, 54, 170, ("the kernel heap:", "pages in, objects out"), ""),
    ("space", 425, 54, 170, ("pages on first touch,", "copies on write"), ""),
    ("vmem", 240, 176, 355, ("page tables, through the window; every flush",), "vmem_map  vmem_unmap"),
    ("pm", 240, 288, 355, ("hands out frames; checks every free",), "pm_alloc_page  pm_free_page"),
    ("memmap", 240, 400, 355, ("what is memory, from any firmware's map",), "memmap_build"),
]
ARROWS = [(325, 128, 176, "pages"), (510, 128, 176, "entries"), (417, 240, 288, "frames"),
          (417, 352, 400, "free frames, at boot")]

# The address space, highest first: owner, height, first address, what it is.
REGIONS = [("vmem", 44, "0xFFC00000", "page tables", "through PD[1023]"),
           ("pm", 36, "0xFF800000", "frame records", ""), ("free", 36, "0xF0000000", "devices, modules", ""),
           ("kmalloc", 100, "0xC0000000", "kernel heap", ""), ("space", 138, "0x00400000", "programs", ""),
           ("kernel", 56, "0x00000000", "kernel, low memory", "mapped to itself")]

# Physical memory, lowest first, a letter a frame.
FRAMES = "mkkkkkkk" "kkkkvvpp" "hhhss.h." "s.hhvss." "hh..s.ss" "....hh.." "ss......" "........" "........" "....mm.."
LEGEND = [("k", "the kernel's image"), ("v", "directories and tables"), ("p", "records of the frames"),
          ("h", "the heap's"), ("s", "programs', some shared"), ("m", "reserved"), (".", "free")]
OWNER = {"m": "memmap", "k": "kernel", "v": "vmem", "p": "pm", "h": "kmalloc", "s": "space", ".": "free"}


class Svg:
    def __init__(self, colours):
        self.colours = colours
        self.lines = []

    def add(self, text):
        self.lines.append(text)

    def text(self, x, y, words, kind="small", anchor="start", colour="text"):
        self.add(f'<text x="{x}" y="{y}" class="{kind}" text-anchor="{anchor}" '
                 f'fill="{self.colours[colour]}">{words}</text>')

    def box(self, owner, x, y, width, height, radius=0):
        fill, line = self.colours[owner]
        self.add(f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="{radius}" fill="{fill}" '
                 f'stroke="{line}" stroke-width="1.5"/>')

    def arrow(self, x, start, end, words):
        line = self.colours["faint"]
        self.add(f'<path d="M{x} {start}V{end - 7}" stroke="{line}" stroke-width="1.5"/>'
                 f'<path d="M{x - 4} {end - 8}h8l-4 7z" fill="{line}"/>')
        self.text(x + 9, (start + end) / 2 + 4, words, "small", colour="faint")

    def whole(self):
        style = ("text{font-family:system-ui,-apple-system,'Segoe UI','DejaVu Sans',sans-serif}"
                 ".title{font-size:15px;font-weight:600}.small{font-size:12px}"
                 ".code{font-size:12px;font-family:ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace}")
        title = "How the memory system's modules stand on one another, and which part of memory is whose"
        return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">'
                f"<title>{title}</title><style>{style}</style>\n" + "\n".join(self.lines) + "\n</svg>\n")


def draw_modules(svg):
    for name, x, y, width, lines, calls in MODULES:
        svg.box(name, x, y, width, 46 + 18 * len(lines) - (len(lines) - 1) * 8, 6)
        svg.text(x + 12, y + 21, name, "title")
        svg.text(x + width - 12, y + 21, calls, "code", "end", "faint")
        for i, line in enumerate(lines):
            svg.text(x + 12, y + 44 + 17 * i - 3 * (len(lines) - 1), line, "small")
    for arrow in ARROWS:
        svg.arrow(*arrow)


def draw_frames(svg):
    left, top, size = 30, 54, 20
    svg.text(left, 36, "Physical memory", "title")
    for i, letter in enumerate(FRAMES):
        row, column = divmod(i, 8)
        svg.box(OWNER[letter], left + column * (size + 2), top + row * (size + 2), size, size)
    bottom = top + len(FRAMES) // 8 * (size + 2)
    for i, (letter, words) in enumerate(LEGEND):
        svg.box(OWNER[letter], left, bottom + 18 + i * 22, 12, 12)
        svg.text(left + 20, bottom + 29 + i * 22, words, "small")


def draw_addresses(svg):
    x, y, width = 640, 54, 140
    svg.text(x, 36, "An address space", "title")
    for owner, height, first, words, more in REGIONS:
        svg.box(owner, x, y, width, height)
        svg.text(x + width / 2, y + height / 2 + (-3 if more else 4), words, "small", "middle")
        svg.text(x + width / 2, y + height / 2 + 13, more, "small", "middle", "faint")
        y += height
        svg.text(x + width + 8, y - 2, first, "code", colour="faint")


def draw(colours):
    svg = Svg(colours)
    draw_frames(svg)
    draw_modules(svg)
    draw_addresses(svg)
    return svg.whole()


def main(directory):
    for name, colours in (("light", LIGHT), ("dark", DARK)):
        (Path(directory) / f"memory-{name}.svg").write_text(draw(colours))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: drawing.py DIRECTORY")
    main(sys.argv[1])
