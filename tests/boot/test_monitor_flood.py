"""A megabyte of random bytes on the serial line: the machine survives, and obeys the first good line after them."""
import os
import random
import re
import select
import time

import pytest

from quire import ESCAPE, TROUBLE

MEGABYTE = 1 << 20
LEAVING = (b"exit", b"reboot", b"poke", b"fault", b"test", b"bench", b"watch", b"tour")


def flood(seed, alphabet=None):
    rng = random.Random(seed)
    data = rng.randbytes(MEGABYTE) if alphabet is None else bytes(rng.choices(alphabet, k=MEGABYTE))
    return bytes(data)


def pour(machine, data, end):
    """Types DATA and reads what comes back at the same time, so that neither side blocks; then reads up to END.
    Returns everything. (Machine.expect would search the whole text again for each piece.)"""
    got, tail, deadline = [], b"", time.monotonic() + 600
    out, into = machine.process.stdout, machine.process.stdin
    os.set_blocking(into.fileno(), False)
    at = 0
    while end not in tail:
        assert time.monotonic() < deadline, tail
        readable, writable, _ = select.select([out], [into] if at < len(data) else [], [], 1)
        if writable:
            at += into.write(data[at:at + 4096]) or 0
        if readable:
            piece = os.read(out.fileno(), 1 << 16)
            assert piece, "QEMU ended"
            got.append(piece)
            tail = (tail + piece)[-200 - len(piece):]
        time.sleep(0.005)  # many bytes at once: QEMU writes them one by one, and would wake who waits for each
    os.set_blocking(into.fileno(), True)
    return ESCAPE.sub("", b"".join(got).decode("latin-1").replace("\r", ""))


@pytest.mark.long
def test_a_megabyte_of_random_bytes(boot):
    machine = boot()
    machine.prompt()
    data = flood(1)
    assert not any(re.search(rb"(?:^|[\r\n])[ -~]{0,9}" + word, data) for word in LEAVING)
    text = pour(machine, data + b"\r\x15walk 0x00abc000\r", b"\n0x00abc000 -> not mapped: PD[2] absent\r\n")
    assert not TROUBLE.search(text) and "quire: ready" not in text
    assert machine.run("walk 0x00100000")[-1] == "0x00100000 -> 0x00100000"
    assert machine.finish() == 33


def test_each_line_of_garbage_gets_one_message(boot):
    """Printable garbage gives as many messages as lines."""
    machine = boot()
    machine.prompt()
    letters = [c for c in range(33, 127) if c != ord(";")]
    data = bytearray(flood(3, letters)[:100_000])
    lines = 0
    rng = random.Random(4)
    at = 0
    while at < len(data) - 300:
        data[at] = ord("~")
        at += rng.randrange(2, 300)
        data[at - 1] = 13
        lines += 1
    data[at:] = b""
    text = pour(machine, bytes(data) + b"walk 0x00abc000\r", b"\n0x00abc000 -> not mapped: PD[2] absent\r\n")
    assert len(re.findall(r"^error: ", text, re.M)) == lines
    assert lines <= text.count("quire> ") <= lines + 1  # the last may still be on its way
    assert machine.finish() == 33
