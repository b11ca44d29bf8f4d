"""How a machine ends: the exit codes, a machine without the exit port, panics and faults."""
import re
import time

import pytest

from elf import Elf
from quire import LIMIT, Debugger


@pytest.mark.parametrize("command, code", [("exit", 33), ("exit 0", 33), ("exit 1", 35), ("exit 42", 35)])
def test_the_exit_code_tells_success_from_failure(boot, command, code):
    machine = boot()
    machine.prompt()
    assert machine.finish(command) == code


def test_nothing_is_printed_after_the_exit(boot):
    machine = boot()
    machine.prompt()
    assert machine.finish("exit") == 33
    assert machine.text().endswith("quire> exit\n")


def test_an_exit_that_cannot_be_understood_is_an_error(boot):
    machine = boot()
    machine.prompt()
    assert machine.run("exit now")[0].startswith("error: ")
    assert machine.finish() == 33


def wait_until_halted(machine):
    deadline = time.monotonic() + LIMIT
    while "HLT=1" not in machine.hmp("info registers"):
        assert time.monotonic() < deadline, "it does not halt"
        time.sleep(0.05)


@pytest.mark.parametrize("command", ["exit", "exit 1"])
def test_without_the_exit_port_it_says_so_and_halts(boot, command):
    machine = boot(exit_port=False)
    machine.prompt()
    machine.type(command + "\r")
    said = machine.expect(r"^(?!quire> ).*\bhalt.*\n")[0]
    assert "port" in said
    wait_until_halted(machine)
    assert machine.quiet_for(1)


def test_tests_on_a_machine_without_the_exit_port_end_in_a_halt(boot):
    machine = boot(exit_port=False, cmdline="test=NOSUCH*")
    machine.expect(r"^.*\bhalt.*\n")
    assert machine.quiet_for(1)


def test_reboot_resets_the_machine(boot):
    machine = boot()
    machine.prompt()
    assert machine.finish("reboot") == 0  # QEMU, told not to reboot, ends


def check_report(machine, kernel):
    """A report has the registers and a backtrace of functions that the kernel has."""
    assert machine.exit_code() == 35
    text = machine.text()
    assert len(re.findall(r"^(?:PANIC|page fault): ", text, re.M)) == 1
    for register in ("eax", "ebx", "ecx", "edx", "esi", "edi", "ebp", "esp", "eip"):
        assert re.search(rf"\b{register}\b.{{0,3}}[0-9a-f]{{8}}", text, re.I), register
    named = set(re.findall(r"\b([a-z_]\w+)\+0x[0-9a-f]+", text))
    assert named and named <= {symbol.name for symbol in Elf(kernel).symbols}
    return named


def test_a_panic_has_reason_registers_and_backtrace(boot, kernel):
    machine = boot(memory="3M")
    named = check_report(machine, kernel)
    assert re.match(r"PANIC: \S", machine.reason())
    assert re.search(r"\b\w+/\w+\.c:\d+", machine.text())
    assert "kmain" in named


def jump(boot, registers):
    """A machine whose processor's registers are changed while it waits at the prompt."""
    machine = boot(debugger=True)
    machine.debugger.attach()
    machine.debugger.go()
    machine.prompt()
    machine.debugger.interrupt()
    for number, value in registers.items():
        machine.debugger.set_register(number, value)
    machine.debugger.go()
    return machine


@pytest.mark.parametrize("address, entry, cause", [
    (0x00000010, "PT[0]", "null pointer: a function pointer"),
    (0x00500000, "PD[1]", "free range: nothing is mapped here"),
    (0xC8000000, "PD[800]", "heap range, but kmalloc has nothing"),
])
def test_a_jump_to_nowhere_is_a_page_fault_that_is_described(boot, kernel, address, entry, cause):
    machine = jump(boot, {Debugger.EIP: address})
    check_report(machine, kernel)
    first = machine.reason()
    assert first.startswith(f"page fault: fetch from {address:#010x}, not present")
    report = machine.text()[machine.text().index(first):]
    assert re.search(rf"^  {re.escape(entry)} +0x00000000: absent$", report, re.M)
    assert re.search(rf"^  cause +{cause}(?:.*\n)+? +it was to be executed", report, re.M)


def test_a_stack_overflow_is_a_report_and_not_a_reset(boot, kernel):
    """The stack pointer lies just above the guard page: what the processor pushes next does not fit."""
    bottom = Elf(kernel).address("boot_stack_bottom")
    machine = jump(boot, {Debugger.ESP: bottom + 4, Debugger.EIP: 0x00500000})
    assert machine.exit_code() == 35
    assert machine.reason().startswith("PANIC: double fault: kernel stack overflow")
