"""The prompt: the lines that scripts read, the lines that are refused; and nothing typed here breaks the machine."""
import random
import re
import subprocess
from pathlib import Path

import pytest

import monitor

ROOT = Path(__file__).resolve().parents[2]


def test_help_lists_every_command(machine):
    text = "\n".join(machine.run("help"))
    for command in ("help", "mem", "maps", "walk", "alloc", "free", "heap", "test", "exit"):
        assert re.search(rf"^\s*{command}\b", text, re.M), command
        assert not monitor.errors(machine.run(f"help {command}"))


WRONG = [
    "nonsense", "help nonsense", "help 1 2 3", "mem 1", "maps all", "heap 1", "test NOSUCH",
    "walk", "walk 1 2", "walk zebra", "walk 0x", "walk 0xg", "walk -1", "walk 12x", "walk 0x100000000",
    "walk 4294967296", "walk $0", "walk $",
    "alloc", "alloc many", "alloc 0xffffffff", "alloc 4G", "alloc 1 2",
    "free", "free 0", "free nothing", "free $7", "free 0x00100000", "free 0xc0000001", "free 0xfffff000",
    "pd 1024", "pd 77",
    "map 0 0", "map 0x00300000 0", "map 0xc0000000 0", "map 0x00400001 0", "map 0x00400000 1",
    "map 0x00400000 0 rw",
    "unmap 0x00400000", "unmap 0x00100000", "unmap 0xfffff000",
    "peek 0", "peek 0x00500000", "peek 0xffffffff", "peek 0x003ff000", "peek kmain 0", "peek kmain 1000000",
    "poke kmain 0", "poke 0 0", "poke 0xffffffff 0", "poke 0xffc00000 0", "poke 0x00102000",
    "exit today", "exit 1 2",
]


@pytest.mark.parametrize("line", WRONG)
def test_a_wrong_line_is_one_error(machine, line):
    printed = machine.run(line)
    assert len(monitor.errors(printed)) == 1
    if not line.startswith("test"):
        assert len(printed) == 1


def test_an_empty_line_is_nothing(machine):
    assert machine.run("") == [""]
    assert machine.run("   ") == [""]


def test_cr_and_lf_and_both_each_end_a_line_once(machine):
    for end in ("\r", "\n", "\r\n"):
        machine.type("walk 0" + end)
        assert "not mapped: PT[0] absent" in machine.prompt()
    machine.type("walk 0\r")
    machine.prompt()
    assert machine.quiet_for(0.3)


def test_1023_bytes_are_a_line(machine):
    printed = machine.run("walk 0".ljust(1023))
    assert printed[-1] == "0x00000000 -> not mapped: PT[0] absent"


@pytest.mark.parametrize("length", [1024, 1025, 5000])
def test_a_longer_line_is_one_error_and_is_not_run(machine, length):
    printed = machine.run("walk 0".ljust(length))
    assert len(printed) == 1 and printed[0].startswith("error: ")


def test_lines_of_garbage_are_one_error_each(machine):
    rng = random.Random(7)
    printable = [chr(c) for c in range(33, 256) if c != 127 and c != ord(";")]
    for _ in range(60):
        line = "~" + "".join(rng.choice(printable) for _ in range(rng.randrange(1, 60)))
        assert len(monitor.errors(machine.run(line))) == 1


def test_a_flood_of_random_bytes_loses_nothing_but_the_bytes(machine):
    flood = bytes(random.Random(9).randbytes(20_000)).decode("latin-1")
    words = ("exit", "reboot", "poke", "test")  # would be obeyed, as they should
    assert not any(word in flood for word in words)
    machine.type(flood + "\rwalk 0x00abc000\r")
    machine.expect(r"^0x00abc000 -> not mapped: PD\[2\] absent\n")
    machine.prompt()


def test_a_line_typed_before_the_prompt_is_there_is_not_lost(boot):
    machine = boot()
    machine.expect(r"^kmalloc: ")
    machine.type("walk 0x00abc000\r")
    machine.expect(r"^0x00abc000 -> not mapped: PD\[2\] absent\n")


def test_backspace_takes_a_byte_back(machine):
    assert machine.run("walk 1\x7f0")[-1] == "0x00000000 -> not mapped: PT[0] absent"
    assert machine.run("\x08\x08walk 1\x080")[-1] == "0x00000000 -> not mapped: PT[0] absent"


def test_the_prompt_is_printed_once_a_line(machine):
    before = machine.text().count("quire> ")
    for line in ("walk 0", "\x08\x08\x08", "abc\x7f\x7f\x7f\x7f", "\x1b[A\x1b[B\x1b[D"):
        machine.run(line)
    assert machine.text().count("quire> ") == before + 4


def test_alloc_names_what_free_takes(machine):
    before = monitor.mem(machine)
    addresses = []
    for k, size in enumerate((1, 16, 100, 4096, 100_000, "1M")):
        line = machine.run(f"alloc {size}")[-1]
        match = re.fullmatch(rf"\${k} = (0x[0-9a-f]{{8}})", line)
        assert match, line
        addresses.append(int(match[1], 16))
    assert all(0xC0000000 <= address < 0xF0000000 for address in addresses)
    assert all(address % 16 == 0 for address in addresses[1:])
    assert all(isinstance(monitor.walk(machine, address), int) for address in addresses)
    assert monitor.mem(machine).free < before.free - 256
    for k in (0, 2, 4):
        assert not monitor.errors(machine.run(f"free ${k}"))
    for k in (1, 3, 5):
        assert not monitor.errors(machine.run(f"free {addresses[k]:#x}"))
    assert monitor.errors(machine.run("free $0"))
    assert monitor.errors(machine.run(f"free {addresses[5]:#x}"))
    assert before.free - monitor.mem(machine).free <= 40  # at most 16 spare pages, and tables


def test_heap_shows_each_class_in_full_and_their_sums(machine):
    def rows():
        lines = [line.split() for line in machine.run("heap")]
        return {row[0]: [int(field) for field in row[1:4]] for row in lines if len(row) >= 4 and row[1].isdigit()}

    before = rows()
    for _ in range(5):
        machine.run("alloc 48")
    machine.run("alloc 5000")
    after = rows()
    live, capacity, pages = after["64"]
    assert live == before.get("64", [0])[0] + 5 and capacity == pages * 64 and pages >= 1
    live, capacity, pages = (now - then for now, then in zip(after["larger"], before.get("larger", [0, 0, 0])))
    assert (live, capacity, pages) == (1, 1, 2)
    total = after.pop("all")
    assert total == [sum(fields) for fields in zip(*after.values())]


def test_memory_that_has_run_out_is_an_error_and_comes_back(boot):
    machine = boot(memory="8M")
    machine.prompt()
    before = monitor.mem(machine)
    assert machine.run("alloc 64M")[0].startswith("error: ")
    assert monitor.mem(machine).free >= before.free - 16
    count = 0
    while not monitor.errors(machine.run("alloc 256K")):
        count += 1
    assert 8 <= count <= 32
    for k in range(count):
        assert not monitor.errors(machine.run(f"free ${k}"))
    assert before.free - monitor.mem(machine).free <= 40
    assert machine.finish() == 33


def test_a_large_object_takes_its_frames_and_gives_them_back(boot):
    machine = boot(memory="1024M")
    machine.prompt()
    before = monitor.mem(machine)
    assert re.fullmatch(r"\$0 = 0x[0-9a-f]{8}", machine.run("alloc 200M")[-1])
    assert 0 <= before.free - monitor.mem(machine).free - 200 * 256 <= 80  # and the page tables
    machine.run("free $0")
    assert before.free - monitor.mem(machine).free <= 40
    assert machine.finish() == 33


@pytest.mark.parametrize("kib, cells, label", [(131072 + 128, 512, "256K"), (131072 + 160, 257, "512K")])
def test_mem_draws_at_most_512_cells(boot, kib, cells, label):
    """QEMU's firmware keeps the last 128 KiB: memory ends at 128 MiB, or 32 KiB above it."""
    machine = boot(memory=f"{kib}K")
    machine.prompt()
    lines = machine.run("mem")
    rows = [match[1] for line in lines if (match := re.fullmatch(r"0x[0-9a-f]{8}  ([A-Z.-]+)", line))]
    assert len("".join(rows)) == cells and all(len(row) == 64 for row in rows[:-1])
    assert lines[len(rows)].startswith(f"{label} a cell:")
    assert machine.finish() == 33


def test_a_page_is_mapped_and_unmapped(machine):
    before = monitor.mem(machine)
    assert machine.run("map 0x00400000 0x000b8000")[-1] == "0x00400000 -> 0x000b8000"
    assert monitor.walk(machine, 0x00400123) == 0x000B8123
    assert monitor.Run(0x00400000, 0x00401000, "rw", "mapped") in monitor.maps(machine)
    assert monitor.mem(machine).free == before.free - 1  # the page table
    assert len(machine.run("map 0x00400000 0x000b9000")) == 1  # taken
    assert not monitor.errors(machine.run("unmap 0x00400000"))
    assert monitor.walk(machine, 0x00400000) == "PD[1] absent"
    assert monitor.mem(machine) == before


def test_memory_is_read_and_written(machine):
    machine.run("map 0x00400000 0x000b8000")
    machine.run("poke 0x00400000 0x07210751")
    assert machine.screen()[0].startswith("Q!")
    assert re.search(r"0x07210751", machine.run("peek 0x000b8000")[0])
    assert machine.run("unmap 0x00400000")


def test_several_commands_stand_on_one_line(machine):
    printed = machine.run("walk 0; walk 0x00100000 ;; nonsense;walk 0x00abc000")
    assert [line for line in printed if " -> " in line and line.startswith("0x")] == [
        "0x00000000 -> not mapped: PT[0] absent", "0x00100000 -> 0x00100000",
        "0x00abc000 -> not mapped: PD[2] absent"]
    assert monitor.errors(printed) == ['error: there is no command "nonsense": help lists them all']
    assert machine.run(";") == [""] and machine.run(" ; ") == [""]


@pytest.mark.parametrize("commands, code", [
    ("mem; exit", 33), ("xyz; exit", 35), ("xyz; mem; exit", 35), ("xyz; exit 0", 33), ("mem; exit 2", 35),
    ("test monitor_wrong*; exit", 33), ("test NOSUCH; exit", 35), ("tour; exit", 33)])
def test_exit_tells_whether_a_command_of_the_command_line_failed(boot, commands, code):
    assert boot(cmdline=f"-- {commands}").exit_code() == code


def test_names_go_on_after_the_tests_as_before(machine):
    assert machine.run("alloc 10")[-1].startswith("$0 = ")
    machine.run("test monitor_allocs*")
    assert machine.run("alloc 10")[-1].startswith("$1 = ")
    assert "freed" in machine.run("free $0")[-1]


@pytest.fixture(scope="session")
def without_tests(build):
    """A kernel built with TESTS=0."""
    folder = build / "variant" / "no-tests"
    subprocess.run(["make", "-s", "TESTS=0", f"BUILD={folder}", "all"], cwd=ROOT, check=True)
    return folder / "quire.elf"


@pytest.mark.parametrize("what", ["test", "bench"])
def test_a_kernel_without_tests_says_so(boot, without_tests, what):
    words = rf"^error: this kernel was built without its {what}\w+ \(TESTS=0\)$"
    machine = boot(kernel=without_tests, cmdline=what)
    assert machine.exit_code() == 35
    assert re.search(words, machine.text(), re.M)
    machine = boot(kernel=without_tests)
    machine.prompt()
    assert re.search(words, machine.run(what)[0])
    assert not any(line.split()[:1] == [what] for line in machine.run("help"))
    assert machine.finish() == 33
