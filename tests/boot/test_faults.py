"""Every mistake that `fault` and `fault!` provoke, on every heap and by every compiler: one report that names the right
cause, address, symbol and function. After `fault` the prompt returns and the machine is as it was; `fault!` ends in exit
code 35. Never a reboot, a hang or a second panic."""
import re
from collections import namedtuple

import pytest

from elf import Elf

# The first line; the cause, or what else the report says; the function. In both texts {address} stands for
# what the first line must give as the address: a symbol, or a pattern.
Kind = namedtuple("Kind", "first says function address", defaults=[None])

HEAP = "0xc[0-9a-f]{7}"
FREE = "0x[0-9ab][0-9a-f]{7}"
POISON = "0x5a5a5a5a"

ANY_HEAP = {
    "null": Kind(r"page fault: read of {address}, not present", r"cause +null pointer: a field at \+0x10 of a null struct",
                 "provoke_null", "0x00000010"),
    "null-write": Kind(r"page fault: write to {address}, not present", r"cause +null pointer: a field at \+0x4 ",
                       "provoke_null_write", "0x00000004"),
    "text-write": Kind(r"page fault: write to {address}, present but refused",
                       r"symbol +monitor_execute\+0x0\n +cause +write to read-only text",
                       "provoke_text_write", "monitor_execute"),
    "rodata-write": Kind(r"page fault: write to {address}, present but refused",
                         r"symbol +a_constant[.0-9]*\+0x0\n +cause +write to read-only data",
                         "provoke_rodata_write", "0x001[0-9a-f]{5}"),
    "stack-overflow": Kind(r"PANIC: double fault: kernel stack overflow in provoke_stack_overflow",
                           r"stack +{address} to 0x[0-9a-f]{8}, a guard page below.*\n"
                           r" +most +used by {function}: \d+ frames, 1[0-9]{4} bytes\n",
                           "provoke_stack_overflow", "boot_stack_bottom"),
    "unmapped": Kind(r"page fault: read of {address}, not present", r"cause +free range: nothing is mapped here",
                     "provoke_unmapped", "0x00400000"),
    "window": Kind(r"page fault: write to {address}, not present", r"cause +window: .* PD\[767\] is absent",
                   "provoke_window", "0xffeff000"),
    "missing-flush": Kind(r"page fault: read of {address}, not present",
                          r"PT\[2\] +0x00000000: absent\n(?:.*\n)*  cause +stale TLB entry for the window: ",
                          "provoke_missing_flush", "0x00402000"),
    "jump": Kind(r"page fault: fetch from {address}, not present", r"it was to be executed", "provoke_jump",
                 "0x00400000"),
    "double-free": Kind(r"PANIC: kmalloc: {address} cannot be freed: .*freed already",
                        r"\n  try +heap=debug or",
                        "provoke_double_free", HEAP),
    "bad-free": Kind(r"PANIC: kmalloc: {address} cannot be freed: it lies inside an object, 8 bytes past its start",
                     r"\n  try +heap=debug or", "provoke_bad_free", HEAP),
    "divide": Kind(r"PANIC: divide error \(exception 0\)", r"cause +a division by zero", "provoke_divide"),
    "invalid-opcode": Kind(r"PANIC: invalid opcode \(exception 6\)", r"cause +UD2, ", "provoke_invalid_opcode"),
    "gp": Kind(r"PANIC: general protection fault \(exception 13\)",
               r"error +0x1230: selector 0x1230, entry 582 of the GDT", "provoke_gp"),
    "double-fault": Kind(r"PANIC: double fault: an exception could not be delivered",
                         r"cause +IDTR is 0x[0-9a-f]{8}, limit 0x47; it should be (?:.*\n)*.* cr2=0x00000010",
                         "provoke_double_fault"),
    "assert": Kind(r"PANIC: assertion failed: frames_given_back == frames_taken \(0x2, 0x3\)",
                   r"at +kernel/monitor/fault.c:\d+", "provoke_assert"),
    "canary": Kind(r"PANIC: stack canary: provoke_canary has written past the end of an array", r"backtrace",
                   "provoke_canary"),
}

ALLOCATED = r"\n +(?:alloc|allocated) +by 0x[0-9a-f]{8} {function}\+0x"
FREED = r"\n +freed +by 0x[0-9a-f]{8} {function}\+0x"

DEBUG = {
    "double-free": Kind(r"PANIC: kmalloc: {address} cannot be freed: double free",
                        r"object +32 bytes at {address}" + ALLOCATED + r".*" + FREED
                        + r".*\n +again +by 0x[0-9a-f]{8} {function}\+0x", "provoke_double_free", HEAP),
    "bad-free": Kind(ANY_HEAP["bad-free"].first, r"object +32 bytes at 0xc[0-9a-f]{7}" + ALLOCATED,
                     "provoke_bad_free", HEAP),
    "heap-overflow": Kind(r"PANIC: kmalloc: heap overflow: written up to 4 bytes past the end of an object of 32 "
                          r"bytes at {address}", r"object +32 bytes at {address}" + ALLOCATED,
                          "provoke_heap_overflow", HEAP),
    "use-after-free": Kind(r"page fault: read of {address}, not present",
                           r"cause +poison: use after free: .*\n.* 32 bytes at 0xc[0-9a-f]{7}" + ALLOCATED
                           + r".*" + FREED, "provoke_use_after_free", POISON),
    "uninitialised": Kind(r"page fault: read of {address}, not present",
                          r"cause +poison: .* never initialised\n.* 32 bytes at 0xc[0-9a-f]{7}" + ALLOCATED,
                          "provoke_uninitialised", POISON),
}

GUARD = {
    "double-free": DEBUG["double-free"],
    "bad-free": DEBUG["bad-free"],
    "heap-overflow": Kind(r"page fault: write to {address}, not present",
                          r"cause +heap overflow: .*, 0 bytes past its end\n.* 32 bytes at 0xc[0-9a-f]{4}fe0"
                          + ALLOCATED, "provoke_heap_overflow", "0xc[0-9a-f]{4}000"),
    "use-after-free": Kind(r"page fault: read of {address}, not present",
                           r"cause +use after free: .* \+0x10 from .*\n.* 32 bytes at 0xc[0-9a-f]{4}fe0" + ALLOCATED
                           + r".*" + FREED, "provoke_use_after_free", "0xc[0-9a-f]{4}ff0"),
}

HEAPS = {"normal": ANY_HEAP, "debug": {**ANY_HEAP, **DEBUG}, "guard": {**ANY_HEAP, **GUARD}}
CASES = [(heap, kind) for heap, kinds in HEAPS.items() for kind in kinds]
COMPILERS = ["gcc", "clang"]


def kernel_by(build, compiler):
    kernel = build / "variant" / compiler / "quire.elf"
    if not kernel.exists():
        pytest.skip(f"there is no kernel by {compiler}: it is not on this machine")
    return kernel


def options(heap, rest):
    return rest if heap == "normal" else f"heap={heap} {rest}"


def report_of(machine):
    """The one report of a machine that has ended with it."""
    assert machine.exit_code() == 35
    text = machine.text()
    assert len(re.findall(r"^(?:PANIC|page fault): ", text, re.M)) == 1, text
    assert text.count("quire: ready") == 1, "the machine rebooted"
    return text[re.search(r"^(?:PANIC|page fault): ", text, re.M).start():]


def check(report, kernel, kind):
    elf = Elf(kernel)
    address = kind.address or ""
    if address and not address.startswith("0x"):
        address = f"{elf.address(address):#010x}"
    given = {"{address}": address, "{function}": kind.function}

    def pattern(text):
        for name, value in given.items():
            text = text.replace(name, value)
        return text

    first = re.match(pattern(kind.first).replace(address, f"({address})", 1) if address else kind.first, report)
    assert first or re.match(pattern(kind.first), report), report
    assert re.search(pattern(kind.says), report), (pattern(kind.says), report)
    for register in ("eax", "ebx", "ecx", "edx", "esi", "edi", "ebp", "esp", "eip", "efl", "cr0", "cr2", "cr3"):
        assert re.search(rf"\b{register}=0x[0-9a-f]{{8}}", report), register
    trace = re.findall(r"^    0x[0-9a-f]{8} (\w+)", report[report.index("  backtrace\n"):], re.M)
    assert kind.function in trace and "command_run" in trace and "kmain" in trace, report
    assert set(trace) <= {symbol.name.split(".")[0] for symbol in elf.symbols}
    assert all(len(line) < 80 for line in report.split("\n")[1:]), "it fits a screen of text"
    assert re.search(r"^  try +\S.*\n*\Z", report, re.M), "the last line says what to try"


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("heap, kind", CASES, ids=lambda value: value)
def test_fault(boot, build, compiler, heap, kind):
    kernel = kernel_by(build, compiler)
    machine = boot(kernel=kernel, cmdline=options(heap, f"-- fault! {kind}"))
    check(report_of(machine), kernel, HEAPS[heap][kind])


@pytest.mark.parametrize("kind", ANY_HEAP)
def test_fault_under_the_sanitizer(boot, build, kind):
    kernel = kernel_by(build, "ubsan")
    check(report_of(boot(kernel=kernel, cmdline=f"-- fault! {kind}")), kernel, ANY_HEAP[kind])


@pytest.mark.parametrize("kind", ["stack-overflow", "double-fault", "null", "canary", "invalid-opcode"])
@pytest.mark.parametrize("machine", [{"cpu": "486"}, {"memory": "8M"}, {"extra": ["-machine", "q35"]}], ids=str)
def test_fault_on(boot, kernel, machine, kind):
    check(report_of(boot(cmdline=f"-- fault! {kind}", **machine)), kernel, ANY_HEAP[kind])


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("heap", HEAPS)
def test_after_a_fault_the_prompt_returns_and_the_machine_is_as_it_was(boot, build, compiler, heap):
    kernel = kernel_by(build, compiler)
    machine = boot(kernel=kernel, cmdline=options(heap, ""))
    machine.prompt()
    state = ["mem", "maps", "heap leaks" if heap != "normal" else "heap", "pd"]
    for kind in HEAPS[heap]:
        machine.run(f"fault {kind}")  # the heap may have kept its first pages
        before = [machine.run(command) for command in state]
        said = machine.run(f"fault {kind}")
        assert all(line.startswith("| ") for line in said), said
        check("\n".join(line[2:] for line in said) + "\n", kernel, HEAPS[heap][kind])
        assert [machine.run(command) for command in state] == before, kind
    assert machine.run("test pm_*")[-1].endswith(" 0 failed, 0 skipped")
    assert machine.finish() == 33


@pytest.mark.parametrize("command, lead", [("fault", "| "), ("fault!", "")], ids=["caught", "uncaught"])
@pytest.mark.parametrize("heap", HEAPS)
def test_an_int3_is_reported_and_the_kernel_goes_on(boot, heap, command, lead):
    machine = boot(cmdline=options(heap, "panic=stay"))
    machine.prompt()
    for _ in range(2):
        said = machine.run(f"{command} int3")
        assert said[0].startswith(f"{lead}breakpoint: int3 ") and all(line.startswith(lead) for line in said)
        assert "provoke_int3" in "\n".join(said) and "eax=0x" in "\n".join(said)
    assert machine.finish() == 33


def test_the_cause_stands_out_where_colours_are_shown(boot):
    machine = boot(cmdline="-- fault null; fault assert; colour on; fault null; fault assert; exit 0")
    assert machine.exit_code() == 33
    assert len(re.findall(r"  cause    \x1b\[1;91mnull pointer: .*\x1b\[0m", machine._text)) == 1
    assert len(re.findall(r"PANIC: \x1b\[1;91massertion failed: .*\x1b\[0m", machine._text)) == 1
    assert machine.text().count("null pointer: ") == machine.text().count("assertion failed: ") == 2


def test_the_uncaught_fault_needs_a_kind(boot):
    machine = boot()
    machine.prompt()
    assert machine.run("fault!")[0].startswith("error: ")
    assert machine.run("fault! nonsense")[0].startswith("error: ")
    assert machine.finish() == 33


@pytest.mark.parametrize("command", ["fault", "fault!"], ids=["caught", "uncaught"])
@pytest.mark.parametrize("kind, heap, wanted", [
    ("heap-overflow", "normal", "heap=debug or heap=guard"), ("use-after-free", "normal", "heap=debug or heap=guard"),
    ("uninitialised", "normal", "heap=debug"), ("uninitialised", "guard", "heap=debug"), ("nonsense", "debug", "kind")])
def test_a_kind_that_cannot_be_is_an_error(boot, command, kind, heap, wanted):
    machine = boot(cmdline=options(heap, "panic=stay"))
    machine.prompt()
    said = machine.run(f"{command} {kind}")
    assert len(said) == 1 and said[0].startswith("error: ") and wanted in said[0]
    assert machine.finish() == 33


def test_fault_alone_lists_every_kind(boot):
    machine = boot()
    machine.prompt()
    listed = machine.run("fault")
    kinds = {"heap-overflow", "use-after-free", "uninitialised", "int3", *ANY_HEAP}
    assert {line.split()[0] for line in listed} == kinds and len(listed) == 21
    assert all(len(line.split()) > 2 for line in listed)
    assert machine.finish() == 33


@pytest.mark.parametrize("value", ["", "=", "=quick", "=DEBUG"])
def test_a_heap_that_is_unknown_is_reported_and_passed_over(boot, value):
    machine = boot(cmdline=f"heap{value} -- exit")
    assert machine.exit_code() == 33
    assert re.search(rf'^quire: unknown option "heap{value}"$', machine.text(), re.M)


@pytest.mark.parametrize("heap", ["debug", "guard"])
def test_heap_leaks_lists_what_is_live_by_caller(boot, heap):
    machine = boot(cmdline=f"heap={heap}")
    machine.prompt()
    assert machine.run("heap leaks") == ["nothing is live"]
    for size in (100, 200, 5000):
        assert re.match(r"\$\d+ = 0x", machine.run(f"alloc {size}")[0])
    assert re.match(r" +3 +5300 +0xc[0-9a-f]{7} +0x[0-9a-f]{8} command_alloc\+0x", machine.run("heap leaks")[1])
    machine.run("free $2")
    assert machine.run("heap leaks")[1].split()[:2] == ["2", "300"]
    assert machine.finish() == 33


def test_heap_leaks_names_the_option_it_needs(boot):
    machine = boot(cmdline="-- heap leaks; exit 0")
    assert machine.exit_code() == 33
    assert re.search(r"^error: heap leaks .*heap=debug", machine.text(), re.M)


def test_the_canary_is_not_a_constant(boot, kernel):
    guard = Elf(kernel).address("__stack_chk_guard")
    seen = set()
    for _ in range(3):
        machine = boot()
        machine.prompt()
        seen.add(machine.physical_words(guard, 1)[0])
        assert machine.finish() == 33
    assert len(seen) == 3 and 0 not in seen
