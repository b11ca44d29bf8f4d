"""The boot's log at every size of memory, and how long the boot takes."""
import re
import shutil
import time
from pathlib import Path

import pytest

import memmodel
import monitor
import multiboot

ROOT = Path(__file__).resolve().parent.parent.parent
SUBSYSTEMS = ["quire", "memmap", "pm", "vmem", "kmalloc", "quire"]
SIZES = ["5M", "8M", "16M", "64M", "128M", "1024M", "3500M", "6G"]


def system_for(memory):
    return "x86_64" if memory == "6G" else "i386"


@pytest.fixture(scope="session")
def probe(tmp_path_factory):
    """A kernel that only reads what it was given (probe.S)."""
    path = tmp_path_factory.mktemp("probe") / "probe.elf"
    multiboot.assemble("probe.S", path)
    return path


def run_probe(boot, probe, **options):
    """The probe's machine, halted."""
    machine = boot(kernel=probe, icount=True, **options)
    deadline = time.monotonic() + 30
    while "HLT=1" not in machine.hmp("info registers") or machine.registers()["EIP"] >> 16 != 2:
        assert time.monotonic() < deadline, "the probe did not halt"
        time.sleep(0.05)
    return machine


def reported_map(machine):
    """The memory map that the boot loader handed to the probe."""
    info = machine.registers()["EBX"]
    length, address = machine.physical_words(info + 44, 2)
    words = machine.physical_words(address, length // 4)
    return [memmodel.Entry(words[i + 1] | words[i + 2] << 32, words[i + 3] | words[i + 4] << 32, words[i + 5])
            for i in range(0, len(words), 6)]


def test_the_steps_are_logged_in_order_with_their_figures(boot):
    machine = boot()
    log = machine.prompt()
    names = [match[1] for match in re.finditer(r"^(quire|memmap|pm|vmem|kmalloc): .*\d", log, re.M)]
    order = [name for i, name in enumerate(names) if i == 0 or names[i - 1] != name]
    assert order == SUBSYSTEMS
    assert re.search(r"^quire: ready", log, re.M)
    assert machine.finish() == 33


def test_banner_and_diagnosis_name_the_version(boot):
    version = re.escape((ROOT / "VERSION").read_text().strip()) + r"(\+g[0-9a-f]+)?"
    machine = boot()
    assert re.search(rf"^quire: {version}, ", machine.prompt(), re.M)
    assert any(re.fullmatch(rf" *quire +{version}", line) for line in machine.run("diagnose"))
    assert machine.finish() == 33


@pytest.mark.parametrize("cmdline", ["", "heap=debug", "heap=guard"])
def test_each_step_is_one_row_of_the_screen(boot, kernel, tmp_path, cmdline):
    """Wherever the kernel's file lies: its path, which QEMU puts in front, is left out."""
    deep = tmp_path / "a folder with a long name" / "quire.elf"
    deep.parent.mkdir()
    shutil.copy(kernel, deep)
    machine = boot(kernel=deep, cmdline=cmdline)
    log = machine.prompt()
    assert [line for line in log.split("\n") if len(line) > 80] == []
    assert re.search(r"^quire: \d+\.\d\S*, ", log, re.M)  # the version


def test_ready_says_how_long_it_took(boot):
    """In milliseconds, not more than the test saw pass."""
    start = time.monotonic()
    log = boot().prompt()
    took = (time.monotonic() - start) * 1000
    assert 1 <= int(re.search(r"^quire: ready after (\d+) ms$", log, re.M)[1]) <= took


def record_frames(machine):
    """The frames that hold the records of all frames, the pages of table 1022."""
    table = machine.physical_words(machine.registers()["CR3"] + 1022 * 4, 1)[0] & -monitor.PAGE
    return {entry & -monitor.PAGE for entry in machine.physical_words(table, 1024)}


@pytest.mark.parametrize("memory", SIZES)
def test_every_frame_of_the_machine_is_accounted_for(boot, probe, kernel, memory):
    options = {"memory": memory, "system": system_for(memory)}
    entries = reported_map(run_probe(boot, probe, **options))
    machine = boot(**options)
    log = machine.prompt()
    counts = monitor.mem(machine)
    monitor.check_counts(counts, entries, kernel)

    handed_out = counts.total - counts.free - counts.reserved
    tables = len(monitor.entries(machine, "pd")) - 1  # the last entry is the directory itself
    heap = sum(run.end - run.start for run in monitor.maps(machine) if run.what == "heap") // monitor.PAGE
    assert handed_out == 1 + tables + heap + len(record_frames(machine))

    said = re.search(r"^pm: .*", log, re.M)[0]
    assert str(counts.total) in re.findall(r"\d+", said), said
    assert machine.finish() == 33


@pytest.mark.parametrize("memory", ["3M", "4M"])  # the image alone may reach into the third MiB
def test_too_little_memory_is_a_panic_about_memory(boot, memory):
    machine = boot(memory=memory)
    assert machine.verdict() == "panic"
    assert re.search(r"memory", machine.reason())


def test_a_486_boots(boot):
    machine = boot(cpu="486")
    log = machine.prompt()
    assert re.search(r"^quire: ready$", log, re.M)  # it has no time-stamp counter
    assert machine.finish() == 33


@pytest.mark.parametrize("cpu", ["pentium", "pentium3", "n270", "qemu64", "max"])
def test_other_processors_boot(boot, cpu):
    machine = boot(cpu=cpu, system="x86_64")
    machine.prompt()
    assert machine.finish() == 33


@pytest.mark.parametrize("type_", ["pc", "q35", "isapc"])
def test_other_machines_boot(boot, type_):
    machine = boot(extra=["-machine", type_])
    machine.prompt()
    assert machine.finish() == 33


def test_a_tick_is_an_instruction_where_instructions_are_counted(boot, probe):
    ticks = run_probe(boot, probe).registers()["EAX"]
    assert 2_000_000 <= ticks <= 2_000_010  # the loop's instructions, and a few around it


@pytest.mark.parametrize("memory", SIZES)
def test_ready_soon(boot, plain, memory):
    """In instructions: 2.5 million, and 56 to write and to check the record of each frame below 4 GiB (mm/frames.h)."""
    machine = boot(memory=memory, system=system_for(memory), icount=True)
    log = machine.prompt()
    ready = re.search(r"^quire: ready after (\d+) instructions$", log, re.M)
    assert ready, log
    frames = monitor.mem(machine).total
    assert 1000 < int(ready[1]) < 2_500_000 + 56 * frames
    assert machine.finish() == 33


def test_the_disc_boots_under_bios(boot, build, kernel):
    machine = boot(cdrom=build / "quire.iso")
    log = machine.prompt()
    assert log.count("quire: ready") == 1
    counts = monitor.mem(machine)
    assert counts.free > 120 * 256
    assert counts.total - counts.free - counts.reserved > 0
    assert machine.finish() == 33


def test_a_machine_without_a_serial_port_boots(boot):
    machine = boot(cmdline="-- exit", serial=False)
    assert machine.exit_code() == 33


def test_the_screen_shows_the_log(boot):
    machine = boot()
    machine.prompt()
    rows = [line[i:i + 80].rstrip() for line in machine.lines() for i in range(0, max(1, len(line)), 80)]
    screen = machine.screen()
    while screen and not screen[-1]:
        screen.pop()
    assert screen[-1] == "quire>"
    assert screen == [row.rstrip() for row in rows][-len(screen):]
    assert machine.finish() == 33
