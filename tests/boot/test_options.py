"""The Multiboot command line: options, unknown ones, a line that is cut, and commands after `--`."""
import re
import shutil
from pathlib import Path

import pytest


def test_an_unknown_option_is_reported_and_ignored(boot):
    machine = boot(cmdline="frobnicate=7 -- exit")
    assert machine.exit_code() == 33
    assert re.search(r"^.*unknown.*frobnicate=7", machine.text(), re.M)


def test_an_unknown_option_is_answered_with_the_list_of_options(boot):
    machine = boot(cmdline="heap=odd foo panic bar=1 -- exit")
    assert machine.exit_code() == 33
    assert re.findall(r'unknown option "(.*)"', machine.text()) == ["heap=odd", "foo", "panic", "bar=1"]
    listed = re.findall(r"^quire: the options are (.*)$", machine.text(), re.M)
    assert len(listed) == 1
    assert {re.split(r"[=[]", form)[0] for form in listed[0].split()} == \
        {"test", "seed", "rounds", "bench", "panic", "heap", "colour", "diagnose"}


PXE_ROM = Path("/usr/lib/ipxe/qemu/pxe-e1000.rom")


def test_a_boot_over_the_network_has_no_unknown_option(boot, kernel, tmp_path):
    """iPXE puts the kernel's address, tftp://..., in front."""
    if not PXE_ROM.exists():
        pytest.skip("ipxe-qemu is not installed")
    shutil.copy(kernel, tmp_path / "quire.elf")
    network = f"user,id=net,restrict=on,tftp={tmp_path},bootfile=quire.elf"
    machine = boot(kernel=None, firmware=["-boot", "n", "-netdev", network, "-device", "e1000,netdev=net"])
    log = machine.prompt()
    assert re.search(r'loaded by iPXE.*; command line ""$', log, re.M) and "unknown" not in log
    assert machine.finish() == 33


def test_options_beside_an_unknown_one_count(boot):
    machine = boot(cmdline="frobnicate test=NOSUCH*")
    assert machine.exit_code() == 35
    assert "frobnicate" in machine.text()


def test_commands_are_shown_as_typed_and_run_in_order(boot):
    machine = boot(cmdline="--   walk 0x00100000 ;walk  0;;  exit")
    assert machine.exit_code() == 33
    text = machine.text()
    assert re.search(r"^quire> walk 0x00100000\n(?:.*\n)*0x00100000 -> 0x00100000\n"
                     r"quire> walk  0\n(?:.*\n)*0x00000000 -> not mapped: PT\[0\] absent\n"
                     r"quire> exit$", text.rstrip(), re.M)
    assert text.index("quire: ready") < text.index("quire> walk")


def test_a_failing_command_does_not_stop_the_next(boot):
    machine = boot(cmdline="-- nonsense; walk; exit 0")
    assert machine.exit_code() == 33
    assert len(re.findall(r"^error: ", machine.text(), re.M)) == 2


def test_the_prompt_follows_the_commands(boot):
    machine = boot(cmdline="-- walk 0")
    machine.prompt()  # the command's own
    machine.prompt()
    assert machine.run("walk 0x00100000")[-1] == "0x00100000 -> 0x00100000"
    assert machine.finish() == 33


def command_line(length, tail):
    """LENGTH bytes: blanks, then TAIL."""
    return " " * (length - len(tail)) + tail


def test_4000_bytes_of_command_line_are_read(boot):
    machine = boot(cmdline=command_line(4000, "-- walk 0x00100000; exit"))
    assert machine.exit_code() == 33
    assert "0x00100000 -> 0x00100000" in machine.text()


def test_each_of_4000_bytes_of_options_is_read(boot):
    machine = boot(cmdline="x=1 " * 990 + "last=1 -- exit")
    assert machine.exit_code() == 33
    assert "last=1" in machine.text()


def test_a_long_list_of_commands_is_run_to_its_end(boot):
    machine = boot(cmdline="-- " + "walk 0; " * 400 + "exit")
    assert machine.exit_code() == 33
    assert machine.text().count("not mapped: PT[0] absent") >= 400


@pytest.mark.parametrize("length", [4100, 5000, 20000])
def test_a_longer_line_is_reported_as_cut_and_its_commands_do_not_run(boot, length):
    machine = boot(cmdline="-- exit 1; " + "walk 0; " * (length // 8))
    log = machine.prompt()
    assert re.search(r"^.*\bcut\b.*", log, re.M)
    assert "quire> " not in log
    assert machine.run("walk 0x00100000")[-1] == "0x00100000 -> 0x00100000"
    assert machine.finish() == 33


@pytest.mark.parametrize("path", [
    "with a blank/quire.elf", "kernel.elf.d/my quire.elf", "a  b/c.elf.old d/quire.elf",
])
def test_the_kernels_path_in_front_is_dropped(boot, kernel, tmp_path, path):
    copy = tmp_path / path
    copy.parent.mkdir(parents=True)
    shutil.copy(kernel, copy)
    machine = boot(kernel=copy, cmdline="odd -- exit")
    assert machine.exit_code() == 33
    unknown = re.findall(r"^.*unknown.*$", machine.text(), re.M)
    assert len(unknown) == 1 and "odd" in unknown[0]


def test_a_path_that_does_not_end_in_elf_is_dropped_too(boot, kernel, tmp_path):
    copy = tmp_path / "quire"
    shutil.copy(kernel, copy)
    machine = boot(kernel=copy, cmdline="-- exit")
    assert machine.exit_code() == 33


def test_no_command_line_at_all_boots_to_the_prompt(boot):
    machine = boot()
    log = machine.prompt()
    assert "unknown" not in log
    assert machine.finish() == 33
