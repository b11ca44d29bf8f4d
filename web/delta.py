#!/usr/bin/env python3
"""delta.py FROM TO: on standard output what makes the file TO of FROM; web/lab/load.js applies it.

Little-endian words: how many parts; for each part its place in FROM, or 0xFFFFFFFF, and its length; then the bytes of the
parts that FROM does not have."""
import struct
import sys
from pathlib import Path

BLOCK = 32
LITERAL = 0xFFFFFFFF


def common(a, at, b, to):
    """How far A from AT on and B from TO on are alike."""
    length = 0
    limit = min(len(a) - at, len(b) - to)
    while length < limit and a[at + length] == b[to + length]:
        length += 1
    return length


def parts(old, new):
    """(place or None, start in NEW, length): first what goes on at the same distance, then the blocks of OLD."""
    places = {old[at:at + BLOCK]: at for at in range(len(old) - BLOCK, -1, -1)}
    to, shift, literal = 0, 0, 0
    while to < len(new):
        at = to + shift
        if not 0 <= at < len(old) or common(old, at, new, to) < BLOCK:
            at = places.get(new[to:to + BLOCK])
        if at is None:
            to += 1
            continue
        if literal < to:
            yield None, literal, to - literal
        length = common(old, at, new, to)
        yield at, to, length
        shift, to = at - to, to + length
        literal = to
    if literal < len(new):
        yield None, literal, len(new) - literal


def main(old_path, new_path):
    old, new = Path(old_path).read_bytes(), Path(new_path).read_bytes()
    found = list(parts(old, new))
    out = struct.pack("<I", len(found))
    out += b"".join(struct.pack("<II", LITERAL if at is None else at, length) for at, _, length in found)
    out += b"".join(new[start:start + length] for at, start, length in found if at is None)
    sys.stdout.buffer.write(out)


if __name__ == "__main__":
    main(*sys.argv[1:])
