"""A model of the memory map's rule (mm/memmap.c), with another method: sorted ranges, where the kernel has a bit for
each frame.

A range is a half-open pair of frame numbers. Lists of ranges are sorted; no two touch or overlap."""
from collections import namedtuple

PAGE = 4096
TOP = 1 << 20    # the frame number at 4 GiB
LOW = 0x100      # the frame number at 1 MiB
WRAP = 1 << 64

Entry = namedtuple("Entry", "base length type")


def read_map(path):
    """The entries of a file of `BASE LENGTH TYPE` lines."""
    lines = (line.split("#")[0].split() for line in path.read_text().splitlines())
    return [Entry(int(base, 16), int(length, 16), int(kind)) for base, length, kind in filter(None, lines)]


def union(ranges):
    merged = []
    for start, end in sorted(ranges):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        elif start < end:
            merged.append((start, end))
    return merged


def subtract(ranges, taken):
    """RANGES less TAKEN."""
    left = []
    for start, end in ranges:
        for t_start, t_end in taken:
            if t_start < end and t_end > start:
                if start < t_start:
                    left.append((start, t_start))
                start = max(start, t_end)
        if start < end:
            left.append((start, end))
    return left


def size(ranges):
    return sum(end - start for start, end in ranges)


def memory(entries):
    """The frames that ENTRIES call memory, below 4 GiB, with the first MiB."""
    free, taken = [], []
    for base, length, kind in entries:
        end = min(base + length, WRAP)  # ends saturate
        if kind == 1:
            free.append((-(-base // PAGE), min(end // PAGE, TOP)))
        elif length:
            taken.append((base // PAGE, min(-(-end // PAGE), TOP)))
    return subtract(union(pair for pair in free if pair[0] < pair[1]), union(taken))


def kept(ranges):
    """The part of RANGES that may be handed out: above 1 MiB."""
    return subtract(ranges, [(0, LOW)])


def pages(start, end):
    """The frames that the bytes [START, END) touch."""
    return (start // PAGE, -(-end // PAGE))


def intersect(ranges, others):
    return subtract(ranges, subtract([(0, TOP)], others))
