"""The tour, step by step; and the tracer, with each compiler's kernel."""
import re
from pathlib import Path

import pytest

import keys
import monitor
from elf import Elf
from quire import TROUBLE

ROOT = Path(__file__).resolve().parents[2]


def test_the_tour_runs_through_and_leaves_nothing_behind(boot):
    machine = boot()
    machine.prompt()
    before = monitor.mem(machine)
    machine.type("tour\r")
    steps = int(machine.expect(r"^1 of (\d+)\. ")[1])
    assert 12 <= steps <= 20
    for step in range(2, steps + 1):
        machine.expect("-- a key for the next step")
        machine.type(" ")
        machine.expect(rf"^{step} of {steps}\. ")
    machine.prompt()
    text = machine.text()
    assert not TROUBLE.search(text)
    for line in (r"^frames: ", r"^PD\[1023\] 0x", r"-> 0x000b8000$", r"read-only, and CR0.WP", r"^\$\d+ = 0x",
                 r"^\| kmalloc\(size 5000\)", r"^0x000b8fa0: 0x1ffa1ffa ", r"^\| page fault: read of ",
                 r"^\|   cause    null pointer", r"freed, 8192 bytes"):
        assert re.search(line, text, re.M), line
    after = monitor.mem(machine)
    assert before.free - after.free <= 40  # spare pages and their tables
    assert not [run for run in monitor.maps(machine) if run.what == "mapped"]
    machine.type("tour\r")
    for _ in range(9):  # in the middle of what it maps
        machine.expect("-- a key for the next step")
        machine.type("n")
    machine.expect("-- a key for the next step")
    machine.type("q")
    machine.prompt()
    assert not [run for run in monitor.maps(machine) if run.what == "mapped"]
    assert machine.finish() == 33


def test_the_tour_writes_to_the_screen_through_its_mapping(machine):
    keys.write(machine, "tour\n")
    for _ in range(10):
        machine.expect("-- a key for the next step")
        keys.press(machine, "spc")
    machine.expect(r"^11 of \d+\. Writing")
    machine.expect("-- a key for the next step")
    rows = keys.wait_for_screen(machine, lambda rows: any(row.startswith("-- a key") for row in rows))
    assert rows[0].startswith("11 of ") and rows[24] == "\xb7" * 80
    keys.press(machine, "q")
    machine.prompt()


def test_a_person_at_a_terminal_is_waited_for_on_the_command_line_too(boot):
    machine = boot(cmdline="colour=auto -- tour")
    machine.expect(r"^kmalloc: ")
    machine.type("\x1b[?1;2c")  # a VT100's answer
    machine.expect("-- a key for the next step")
    machine.type("q")
    machine.prompt()


def test_the_tour_on_the_command_line_waits_for_nobody(boot):
    machine = boot(cmdline="-- tour; exit")
    assert machine.exit_code() == 33
    assert not TROUBLE.search(machine.text())


VARIANTS = pytest.mark.parametrize("variant", [".", "variant/gcc", "variant/clang", "variant/elf-gcc"])


@VARIANTS
def test_the_functions_that_trace_watches_are_there(build, variant):
    kernel = build / variant / "quire.elf"
    if not kernel.exists():
        pytest.skip(f"no {kernel.relative_to(build)}")
    table = re.search(r"watched\[\] = \{(.*?)\n\};", (ROOT / "kernel/monitor/trace_calls.c").read_text(), re.S)[1]
    names = re.findall(r'\{"(\w+)"', table)
    assert len(names) > 20
    assert set(names) - Elf(kernel).defined() == set()


@VARIANTS
def test_trace_shows_an_allocation_from_size_to_flush(boot, build, variant):
    kernel = build / variant / "quire.elf"
    if not kernel.exists():
        pytest.skip(f"no {kernel.relative_to(build)}")
    machine = boot(kernel=kernel)
    machine.prompt()
    lines = machine.run("trace alloc 100000")
    text = "\n".join(lines)
    va = int(re.search(r"^\$0 = (0x[0-9a-f]{8})$", text, re.M)[1], 16)
    frames = re.findall(r"pm_alloc_page\(\) = (0x[0-9a-f]{8})$", text, re.M)
    entries = re.findall(r"PT\[(\d+)\] 0x00000000 -> (0x[0-9a-f]{5})003  (0x[0-9a-f]{8}) mapped$", text, re.M)
    assert len(entries) == 4 and "frames: 26 taken, 0 given back" in text
    assert [int(at, 16) for _, _, at in entries] == [va + i * 4096 for i in range(4)]
    assert re.search(rf"^\|  +\.\.\. 21 more, up to {va + 24 * 4096:#010x}$", text, re.M)
    assert [f"{frame}000" for _, frame, _ in entries] == \
        re.findall(r"^\|  +frame (0x[0-9a-f]{8}) from pm$", text, re.M)
    table, = set(frames)
    assert len({frame for _, frame, _ in entries} | {table[:-3]}) == 5
    assert re.search(rf"PD\[{va >> 22}\] 0x00000000 -> {table[:-3]}007  page table {va >> 22} linked", text)
    assert "invlpg 0x003ff000" in text and re.search(r"^\| kmalloc = 0x", text, re.M)
    assert int(entries[0][1] + "000", 16) == monitor.walk(machine, va)
    machine.run("trace on")
    assert "invlpg" in "\n".join(machine.run("free $0"))
    machine.run("map 0x00400000 0x000b8000")
    text = "\n".join(machine.run("unmap 0x00400000"))
    assert text.index("PD[1] 0x") < text.index("invlpg 0xffc01000") < text.index("1 frame back to pm")
    machine.run("trace off")
    assert "invlpg" not in "\n".join(machine.run("alloc 100000"))
    for line in ("trace trace mem", "trace nonsense", "watch", "trace 1 2"):
        assert len(monitor.errors(machine.run(line))) == 1, line
    assert machine.finish() == 33
