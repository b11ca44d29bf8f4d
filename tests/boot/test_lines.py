"""The line table that the kernel carries (tools/lines.sh), against what addr2line reads in the same image."""
import random
import re
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from elf import Elf

ROOT = str(Path(__file__).resolve().parents[2]) + "/"


@pytest.fixture(params=["quire.elf", "variant/elf-gcc/quire.elf", "variant/gcc/quire.elf", "variant/clang/quire.elf"])
def image(request, build):
    path = build / request.param
    if not path.exists():
        assert request.param != "quire.elf", f"{path} is missing: run make first"
        pytest.skip(f"{request.param} was not built: its compiler is not on this machine")
    return path


def addr2line(image, addresses):
    """For each address "file:line"; None where the debug information knows neither."""
    if not shutil.which("addr2line"):
        pytest.skip("addr2line is not installed")
    asked = "\n".join(f"{address:#x}" for address in addresses)
    answer = subprocess.run(["addr2line", "-e", image], input=asked, capture_output=True, text=True, check=True).stdout
    places = [re.sub(r" \(discriminator \d+\)$", "", line).removeprefix(ROOT) for line in answer.splitlines()]
    return [None if re.search(r":(\?|0)$", place) else place for place in places]


def leb128(data, at, signed):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return (value - (1 << shift) if signed and byte & 64 else value), at


def read_table(elf):
    """The table's rows: address, "file:line"."""
    start = elf.address("line_table")
    segment = next(s for s in elf.loaded if s.vaddr <= start < s.vaddr + s.file_size)
    data = elf.data[segment.offset + start - segment.vaddr:segment.offset + segment.file_size]
    count, at = struct.unpack_from("<II", data)
    blocks = [struct.unpack_from("<II", data, at + 8 * i) for i in range(count + 1)]
    assert blocks[-1][0] == 0xFFFFFFFF
    rows = []
    for (first, at), (_, end) in zip(blocks, blocks[1:]):
        address = line = 0
        file = None
        while at < end:
            step, at = leb128(data, at, False)
            difference, at = leb128(data, at, True)
            address += step // 2
            line += difference
            if step % 2:
                file = data[at]
                at += 1
            assert first is None or address == first  # as the list says
            first = None
            name, = struct.unpack_from("<I", data, 8 + 4 * file)
            path = data[name:data.index(b"\0", name)].decode()
            rows.append((address, f"{path}:{line}"))
        assert at == end
    return rows


def test_it_agrees_with_the_debug_information(image):
    elf = Elf(image)
    rows = read_table(elf)
    assert len(rows) > 5000 and [row[0] for row in rows] == sorted({row[0] for row in rows})
    chosen = random.Random(1).sample(range(len(rows)), 2000)
    addresses = [rows[i][0] for i in chosen]
    assert [rows[i][1] for i in chosen] == addr2line(image, addresses)


def test_no_row_names_a_blank_line(image):
    """Which would be a line of another file."""
    texts, wrong = {}, set()
    for place in {place for _, place in read_table(Elf(image))}:
        path, line = place.rsplit(":", 1)
        if path not in texts:
            texts[path] = Path(ROOT, path).read_text().splitlines()
        if not texts[path][int(line) - 1].strip():
            wrong.add(place)
    assert not wrong


def test_it_is_small(image):
    """As large as the symbol table, at the most."""
    elf = Elf(image)
    lines, end = elf.address("line_table"), elf.address("kernel_end")
    assert end - lines <= lines - elf.address("symtab_start")


@pytest.mark.parametrize("kind", ["null", "assert", "stack-overflow", "jump", "canary"])
def test_a_backtrace_names_the_lines(boot, image, kind):
    machine = boot(kernel=image, cmdline=f"-- fault {kind}; exit 0")
    assert machine.exit_code() == 33
    trace = re.findall(r"^\|     0x([0-9a-f]{8}) \S+?(?:, (\S+:\d+))?$", machine.text(), re.M)
    assert len(trace) > 5
    # The first is where it happened, the others are return addresses.
    addresses = [int(address, 16) - (i > 0) for i, (address, _) in enumerate(trace)]
    wanted = addr2line(image, addresses)
    assert all(place == known for (_, place), known in zip(trace, wanted) if known), (trace, wanted)
    assert "kernel/monitor/fault.c" in "".join(filter(None, wanted))
