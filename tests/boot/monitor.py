"""Runs the monitor's commands and reads what they print."""
import re
from collections import namedtuple

import memmodel
from elf import Elf

Mem = namedtuple("Mem", "total free reserved ranges")  # counts; ranges of frame numbers, half-open
Run = namedtuple("Run", "start end permission what")   # bytes, half-open

PAGE = 4096


def mem(machine):
    """The counts and ranges that `mem` prints."""
    text = "\n".join(machine.run("mem"))
    counts = re.search(r"^frames: (\d+) total, (\d+) free, (\d+) reserved$", text, re.M)
    assert counts, text
    ranges = [(int(start, 16) // PAGE, int(end, 16) // PAGE)
              for start, end in re.findall(r"^(0x[0-9a-f]{8})-(0x[0-9a-f]{8,9})\b", text, re.M)]
    return Mem(*map(int, counts.groups()), ranges)


def maps(machine):
    """The runs that `maps` prints. Every line must be one."""
    runs = []
    for line in machine.run("maps"):
        match = re.fullmatch(r"(0x[0-9a-f]{8})-(0x[0-9a-f]{8}|0x100000000) (rw|ro) (\S.*)", line)
        assert match, line
        runs.append(Run(int(match[1], 16), int(match[2], 16), match[3], match[4]))
    return runs


def walk(machine, va):
    """The last line of `walk VA`: the physical address, or the words after "not mapped: "."""
    last = machine.run(f"walk {va:#010x}")[-1]
    match = re.fullmatch(rf"{va:#010x} -> (?:(0x[0-9a-f]{{8}})|not mapped: (.*))", last)
    assert match, last
    return int(match[1], 16) if match[1] else match[2]


def entries(machine, command):
    """The entries that `pd` or `pd I` lists: {index: value}."""
    found = re.findall(r"^P[DT]\[(\d+)\] 0x([0-9a-f]{8})$", "\n".join(machine.run(command)), re.M)
    return {int(index): int(value, 16) for index, value in found}


def errors(lines):
    return [line for line in lines if line.startswith("error: ")]


def check_counts(counts, entries, kernel, modules=()):
    """COUNTS, from mem(), must follow from the memory map ENTRIES by memmap's rule. Reserved is the memory below 1 MiB,
    the image of KERNEL, and the MODULES (pairs of addresses)."""
    ram = memmodel.memory(entries)
    image = Elf(kernel)
    held = [(0, memmodel.LOW)] + [memmodel.pages(*span) for span in [(image.start, image.end), *modules]]
    assert counts.ranges == memmodel.kept(ram)
    assert counts.total == memmodel.size(ram)
    assert counts.reserved == memmodel.size(memmodel.intersect(ram, memmodel.union(held)))
