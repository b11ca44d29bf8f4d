#!/usr/bin/env python3
"""strip_wasm.py FILE: on standard output the WebAssembly module without its custom sections: debugging information and
names, a quarter of v86's. The code is untouched (WebAssembly core specification, 5.5.2)."""
import sys
from pathlib import Path

HEADER = 8
CUSTOM = 0


def number(data, at):
    """The LEB128 number at AT, and where it ends."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def main(path):
    data = Path(path).read_bytes()
    kept, at = [data[:HEADER]], HEADER
    while at < len(data):
        size, start = number(data, at + 1)
        if data[at] != CUSTOM:
            kept.append(data[at:start + size])
        at = start + size
    sys.stdout.buffer.write(b"".join(kept))


if __name__ == "__main__":
    main(*sys.argv[1:])
