"""After a panic that stays: a last look with the commands that only read."""
import re

import pytest

import keys
from elf import Elf
from quire import Debugger

STAYS = {"panic=stay": {"cmdline": "panic=stay"}, "no exit port": {"exit_port": False, "cmdline": ""}}


def panicked(boot, kind, **how):
    machine = boot(**how)
    machine.prompt()
    machine.type(f"fault! {kind}\r")
    machine.expect(r"^(?:PANIC|page fault): ")
    machine.expect(r"^  try ")
    machine.expect(r"^quire: stopped by a panic.*\n.*\n")
    machine.expect(r"^quire> ")
    return machine


def look(machine, command):
    """Types COMMAND; what it prints."""
    machine.type(command + "\r")
    machine.expect(re.escape(command) + r"\n")
    start = machine._seen
    end = machine.expect(r"^quire> ")
    return machine.text()[start:end.start()].rstrip("\n").split("\n")


@pytest.mark.parametrize("how", STAYS)
@pytest.mark.parametrize("kind", ["null", "stack-overflow", "double-fault", "assert", "double-free"])
def test_it_only_reads(boot, how, kind):
    machine = panicked(boot, kind, **STAYS[how])
    assert look(machine, "walk 0x00100000")[-1] == "0x00100000 -> 0x00100000"
    assert look(machine, "walk 0")[-1] == "0x00000000 -> not mapped: PT[0] absent"
    assert re.match(r"0x00100000: 0x1badb002", look(machine, "peek 0x00100000 4")[0])
    assert any(line.startswith("0x00100000-") and " ro " in line for line in look(machine, "maps"))
    assert "held in all" in look(machine, "heap")[-1]
    for refused in ("alloc 100", "map 0x00400000 0x00400000", "poke 0x00200000 1", "fault null", "fault! null", "nonsense"):
        assert look(machine, refused)[0].startswith("error: "), refused
    assert look(machine, "peek 0")[0].startswith("error: ")
    assert look(machine, "   ") in ([""], [])
    assert len(re.findall(r"^(?:PANIC|page fault): ", machine.text(), re.M)) == 1
    machine.type("exit\r")
    if how == "panic=stay":
        assert machine.exit_code() == 35
    else:
        machine.expect(r"^.*\bhalt.*\n")
        assert machine.quiet_for(1)


def test_ctrl_c_ends_one_command_only(boot):
    machine = panicked(boot, "null", cmdline="panic=stay")
    machine.type("peek 0x00100000 4096\r")
    machine.expect(r"^0x001001", 60)
    machine.type("\x03")
    machine.expect(r"^quire> ")
    assert re.match(r"0x00100000: 0x1badb002", look(machine, "peek 0x00100000 4")[0])
    assert not any("0 of 1024" in line for line in look(machine, "pd"))


def test_interrupts_are_off(boot):
    machine = panicked(boot, "null", cmdline="panic=stay")
    flags = re.search(r"EFL=([0-9a-f]{8})", machine.hmp("info registers"))
    assert not int(flags[1], 16) & 0x200
    machine.type("reboot\r")
    assert machine.exit_code() == 0


def test_at_the_keyboard_and_on_the_screen(boot):
    machine = panicked(boot, "null", cmdline="panic=stay")
    keys.write(machine, "walk 0\n")
    machine.expect(r"^0x00000000 -> not mapped: PT\[0\] absent\n")
    machine.expect(r"^quire> ")
    assert any("not mapped: PT[0] absent" in row for row in machine.screen())
    machine.type("exit\r")
    assert machine.exit_code() == 35


def test_at_the_keyboard_when_nobody_has_set_it_up_yet(boot, kernel):
    """A panic in the middle of the boot, right behind paging."""
    machine = boot(cmdline="panic=stay", debugger=True, extra=["-S"])
    machine.debugger.attach()
    machine.debugger.run_to(Elf(kernel).address("vmem_check"))
    machine.debugger.set_register(Debugger.EIP, 0)  # a fetch at address 0, which is absent
    machine.debugger.go()
    machine.expect(r"^quire: stopped by a panic")
    machine.expect(r"^quire> ")
    assert "quire: ready" not in machine.text()
    keys.write(machine, "walk 0\n")
    machine.expect(r"^0x00000000 -> not mapped: PT\[0\] absent\n")
    keys.write(machine, "exit")
    keys.send(machine, "ret")  # and the machine is gone
    assert machine.exit_code() == 35


def test_a_line_can_be_corrected_and_garbage_does_no_harm(boot):
    machine = panicked(boot, "null", cmdline="panic=stay")
    machine.type("walm\bk 4K\x15\x1b[A\x1b[3~walk 0y\x7f\r")
    machine.expect(r"^0x00000000 -> not mapped: PT\[0\] absent\n")
    machine.expect(r"^quire> ")
    machine.type("x" * 500 + "\r")
    machine.expect(r"^error: ")
    machine.expect(r"^quire> ")
    machine.type("exit\r")
    assert machine.exit_code() == 35


def test_before_paging_it_halts(boot):
    machine = boot(memory="3M", cmdline="panic=stay")
    machine.expect(r"^PANIC: ")
    machine.expect(r"^quire: halted\n")
    assert machine.quiet_for(1)


def test_the_debugging_heaps_leaks_can_be_listed(boot):
    machine = boot(cmdline="heap=debug panic=stay -- alloc 77; fault! double-free")
    machine.expect(r"^quire: stopped by a panic")
    machine.expect(r"^quire> ")
    assert any(re.search(r" 1 +77 .*command_alloc", line) for line in look(machine, "heap leaks"))
    machine.type("exit\r")
    assert machine.exit_code() == 35


def test_keys_that_are_no_text_are_passed_over(boot):
    machine = panicked(boot, "null", cmdline="panic=stay")
    machine.type("wa\x1b[A\x1b[3~lk\x1bOP \x1b]0;title\x070\r")
    machine.expect(r"^0x00000000 -> not mapped: PT\[0\] absent\n")
    machine.expect(r"^quire> ")
    for key in ("esc", "w", "a", "l", "k", "up", "spc", "0", "ret"):
        keys.press(machine, key)
    machine.expect(r"^0x00000000 -> not mapped: PT\[0\] absent\n")
    machine.type("exit\r")
    assert machine.exit_code() == 35
