"""Faults in a damaged kernel: its stack pointer, chain of frames, IDT or log; a stack that ends inside a handler; an NMI.
Each is reported in words and ends in exit code 35, never in a reboot or in silence."""
import re

import pytest

from elf import Elf
from quire import Debugger

ESP, EBP = Debugger.ESP, Debugger.EBP
IF = 1 << 9  # EFLAGS: interrupts are let in

TROUBLE = re.compile(r"^(?:PANIC|page fault): .*", re.M)


def report_of(machine, reports=1):
    assert machine.exit_code() == 35
    text = machine.text()
    assert text.count("quire: ready") == 1, "the machine rebooted"
    assert len(TROUBLE.findall(text)) == reports, text
    return text[TROUBLE.search(text).start():]


def at_prompt(boot, **options):
    machine = boot(debugger=True, **options)
    machine.debugger.attach()
    machine.debugger.go()
    machine.prompt()
    return machine


def nmi_with(machine, register, value):
    """An NMI that finds another VALUE in REGISTER, while the monitor waits for a key."""
    machine.stop_halted()
    flags = machine.debugger.register(Debugger.EFLAGS)
    machine.debugger.set_register(Debugger.EFLAGS, flags & ~IF)  # the NMI is the next that it serves
    machine.debugger.set_register(register, value)
    machine.hmp("nmi")
    machine.debugger.go()


def backtrace(report):
    return re.findall(r"^    0x[0-9a-f]{8} (\w+)", report[report.index("  backtrace\n"):], re.M)


@pytest.mark.parametrize("left", [0, 4, 8, 12, 16, 28, 44])
def test_an_nmi_where_the_stack_ends_is_an_overflow(boot, kernel, left):
    machine = at_prompt(boot)
    nmi_with(machine, ESP, Elf(kernel).address("boot_stack_bottom") + left)
    report = report_of(machine)
    first = re.match(r"PANIC: double fault: kernel stack overflow in (\w+)\n", report)
    assert first and first[1] in backtrace(report) and "kmain" in backtrace(report), report


@pytest.mark.parametrize("esp", [0x00000100, 0x00500000, 0x80000000, 0xEFFFFFF0])
def test_a_stack_pointer_that_leads_nowhere(boot, esp):
    machine = at_prompt(boot)
    nmi_with(machine, ESP, esp)
    report = report_of(machine)
    assert report.startswith("PANIC: double fault: an exception could not be delivered\n")
    assert re.search(r"^  cause +esp lies in no kernel stack", report, re.M)
    assert f"esp=0x{esp:08x}" in report


def test_a_stack_pointer_into_other_memory(boot):
    """An exception can be delivered there, and is reported."""
    machine = at_prompt(boot)
    nmi_with(machine, ESP, 0x00300000)
    report = report_of(machine)
    assert re.search(r"^  stack +esp 0x00300000 lies in no kernel stack", report, re.M), report


def test_a_stack_pointer_of_zero(boot):
    """What the processor pushes then overwrites the page directory's last entries, the window's among them."""
    machine = at_prompt(boot)
    nmi_with(machine, ESP, 0)
    assert machine.exit_code() == 35
    assert TROUBLE.search(machine.text()) and machine.text().count("quire: ready") == 1


@pytest.mark.parametrize("ebp", [0, 0xDEADBEE0, 0x00000010, 0x5A5A5A5A, "itself"])
def test_a_damaged_chain_of_frames_is_said_to_be_one(boot, kernel, ebp):
    machine = at_prompt(boot)
    if ebp == "itself":
        ebp = Elf(kernel).address("boot_stack_bottom") + 64
        machine.run(f"poke {ebp:#010x} {ebp:#010x}")
    nmi_with(machine, EBP, ebp)
    report = report_of(machine)
    assert re.search(rf"the chain of frames breaks here: ebp 0x{ebp:08x}", report), report
    assert "monitor_run" in backtrace(report) and "kmain" in backtrace(report), report


def test_an_nmi_while_the_monitor_waits(boot):
    machine = boot(cmdline="panic=stay")
    machine.prompt()
    machine.hmp("nmi")
    machine.expect(r"^PANIC: non-maskable interrupt \(exception 2\)\n")
    machine.expect(r"^  cause +none in port 0x61")
    machine.expect(r"^quire> ")
    assert not int(re.search(r"EFL=([0-9a-f]{8})", machine.hmp("info registers"))[1], 16) & 0x200
    machine.type("exit\r")
    assert machine.exit_code() == 35


def test_an_nmi_in_the_last_look(boot):
    machine = boot(cmdline="panic=stay -- fault! null")
    machine.expect(r"^quire: stopped by a panic.*\n.*\n")
    machine.expect(r"^quire> ")
    machine.hmp("nmi")
    machine.expect(r"^PANIC: non-maskable interrupt")
    machine.expect(r"^quire: halted\n")


def test_the_idt_is_read_only(boot, kernel):
    gate = Elf(kernel).address("idt") + 14 * 8
    machine = boot()
    machine.prompt()
    assert machine.run(f"poke {gate:#010x} 0")[0].startswith("error: ")
    assert machine.run(f"walk {gate:#010x}")[-1] == f"{gate:#010x} -> {gate:#010x}"
    assert machine.finish() == 33


def test_a_panic_in_a_report_says_what_it_is(boot):
    """The log has no room for another capture, the report's own."""
    report = report_of(boot(cmdline="-- poke captures+36 0x300000; poke captures+40 1; poke captures_open 4; fault null"))
    assert re.search(r"^PANIC: assertion failed: captures_open < CAPTURES_MAX \(0x4, 0x4\) while a report was being "
                     r"made, at 0x00[0-9a-f]{6} log_capture", report, re.M), report


@pytest.mark.parametrize("kind", ["null", "assert", "stack-overflow", "double-fault"])
def test_where_the_log_itself_faults_there_is_a_last_word(boot, kind):
    """The log's list of sinks leads nowhere: each report faults as soon as it prints."""
    report = report_of(boot(cmdline=f"-- poke log_sinks 0x5a5a5a58; fault! {kind}"))
    assert re.match(r"PANIC: page fault at 0x00[0-9a-f]{6}: the log is out of order\n", report)


def test_double_faults_within_double_faults_come_to_an_end(boot, kernel):
    """The log's only sink is the log itself, a recursion without end: the kernel's stack overflows, then the fault stack
    in the report of that, and again in the report of this."""
    elf = Elf(kernel)
    machine = boot()
    machine.prompt()
    sink = int(re.match(r"\$0 = (0x\w+)", machine.run("alloc 64")[0])[1], 16)
    machine.run(f"poke {sink:#x} {elf.address('log_pass'):#x}")
    machine.run(f"poke {sink + 4:#x} 0")
    machine.type(f"poke log_sinks {sink:#x}\r")
    report = report_of(machine)
    assert re.match(r"PANIC: double fault at 0x00[0-9a-f]{6}: the log is out of order\n", report)


def test_the_fault_stack_overflows_in_the_last_look(boot, kernel):
    machine = at_prompt(boot, cmdline="panic=stay")
    machine.type("fault! null\r")
    machine.expect(r"^quire: stopped by a panic.*\n.*\n")
    machine.expect(r"^quire> ")
    machine.debugger.interrupt()
    machine.debugger.set_register(ESP, Elf(kernel).address("fault_stack_bottom"))
    machine.debugger.set_register(Debugger.EIP, Elf(kernel).address("kprintf"))
    machine.debugger.go()
    machine.expect(r"^PANIC: double fault: fault stack overflow in kprintf\n")
    machine.expect(r"^quire: halted\n")
    assert machine.text().count("quire: ready") == 1


def test_a_fault_in_the_kernel_on_a_programs_kernel_stack(boot, kernel, build):
    """The first instruction of the kernel's handler for programs' faults is replaced by a jump to a null pointer."""
    machine = at_prompt(boot, modules=[f"{build / 'user' / 'break'} break"])
    machine.debugger.interrupt()
    machine.type("run break\r")
    machine.debugger.run_to(Elf(kernel).address("fault_in_program"))
    machine.debugger.set_register(Debugger.EIP, 0)
    machine.debugger.go()
    report = report_of(machine)
    assert report.startswith("page fault: fetch from 0x00000000, not present (kernel, error code 0x0)\n")
    assert "  stack    " not in report and "frames breaks" not in report, report
    assert "exception_handled" in backtrace(report) and "exception_common" in backtrace(report)
