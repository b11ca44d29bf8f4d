"""The disc and the kernel on every kind of machine: each boot reaches its prompt and passes its own tests.

The tests' disc (build/test.iso) is the disc, except that it boots at once and runs `test; diagnose; maps`."""
import os
import random
import re
import subprocess
import time

import pytest

import monitor
import multiboot
from elf import Elf
from emulators import Bochs, V86
from firmware import LIMIT, check_grub
from ktap import judge

PAGE = 4096

# Firmware, how the disc is attached, and the machine.
DISCS = {
    "bios-disc-pc": ("bios", "cdrom", "pc"),
    "bios-stick-pc": ("bios", "usb", "pc"),
    "bios-stick-q35": ("bios", "disk", "q35"),
    "uefi64-disc-q35": ("uefi64", "cdrom", "q35"),
    "uefi64-stick-q35": ("uefi64", "usb", "q35"),
    "uefi64-disc-pc": ("uefi64", "cdrom", "pc"),
    "uefi32-disc-q35": ("uefi32", "cdrom", "q35"),
    "uefi32-stick-q35": ("uefi32", "disk", "q35"),
}

CPUS = ["486", "pentium", "pentium3", "n270", "qemu64", "max"]


def check_tests(log, code, record_property, name, lacks=()):
    """All tests in the kernel passed, but those that need another kernel or heap, and those that LACKS names."""
    verdict = judge(log, code)
    assert not verdict.problems, "\n".join(verdict.problems)
    assert len(verdict.passed) > 100
    assert [test for test, why in verdict.skipped if not why.startswith("needs ")] == list(lacks)
    record_property("kernel tests", f"{name}: {verdict}")


def judge_disc(text, record_property, name, lacks=()):
    """Judges what the tests' disc printed."""
    assert "error:" not in text, re.search(r".*error:.*", text)[0]
    check_tests(text, 33, record_property, name, lacks)


def read_disc(machine):
    """What was printed up to the last prompt: behind `test`, `diagnose` and `maps`."""
    machine.expect(r"^quire: ready", LIMIT)
    machine.expect(r"^0xfffff000-0x100000000 .*\n", LIMIT)
    machine.expect(r"^quire> ")
    return machine.text()


@pytest.mark.long
@pytest.mark.parametrize("name", DISCS)
def test_the_disc_passes_its_tests_on(disc, record_property, name):
    firmware, medium, kind = DISCS[name]
    machine = disc(firmware, medium, kind)
    text = read_disc(machine)
    judge_disc(text, record_property, name)
    check_grub(text)
    check_machine(machine, text, firmware)
    check_registers(machine)
    if name == "uefi64-disc-q35":
        check_write_combining(machine, text)
    assert machine.finish() == 33


def check_registers(machine):
    registers = machine.registers()
    assert registers["CR0"] & 0xE005003F == 0x80010033  # PG, WP, ET, NE, MP, PE; no CD, NW, AM, TS, EM
    assert registers["CR4"] & ~0x600 == 0  # OSFXSR, OSXMMEXCPT: programs use SSE


def check_machine(machine, text, firmware):
    """`diagnose` and the log name what this is."""
    assert re.search(r"^  firmware    " + ("BIOS" if firmware == "bios" else "UEFI"), text, re.M)
    assert re.search(r"^  loader      GRUB 2", text, re.M)
    diagnosis = text[text.index("this machine, for a report:"):].split("quire> ")[0].splitlines()
    assert len(diagnosis) <= 24 and max(map(len, diagnosis)) <= 79
    if firmware == "bios":
        assert "\nscreen: EGA text" in text
    else:
        assert re.search(r"^screen: framebuffer at 0x[0-9a-f]{8}, \d+x\d+, 32 bits", text, re.M)
        assert re.search(r"^screen: framebuffer mapped at 0xf0000000, \d+ pages, write-combining", text, re.M)
        mapped = [run for run in parse_maps(text) if run.start == 0xF0000000]
        assert len(mapped) == 1 and mapped[0].permission == "rw"


def parse_maps(text):
    found = re.findall(r"^(0x[0-9a-f]{8})-(0x[0-9a-f]{8}|0x100000000) (rw|ro) (\S.*)$", text, re.M)
    return [monitor.Run(int(start, 16), int(end, 16), *rest) for start, end, *rest in found]


def pages_of(runs):
    return {page for run in runs for page in range(run.start, run.end, PAGE)}


def check_write_combining(machine, text):
    """Each of the framebuffer's pages is write-combined, by PAT entry 1: PWT without PCD and the PAT bit."""
    directory = machine.physical_words(machine.registers()["CR3"], 1024)
    run = next(run for run in parse_maps(text) if run.start == 0xF0000000)
    frames = []
    for page in range(run.start // PAGE, run.end // PAGE):
        if page % 1024 == 0 or not frames:
            table = machine.physical_words(directory[page // 1024] & -PAGE, 1024)
        assert table[page % 1024] & 0x9B == 0x0B  # present, writable, PWT; no PCD, no PAT
        frames.append(table[page % 1024] // PAGE)
    assert frames == list(range(frames[0], frames[0] + len(frames)))


# ---- the disc itself ----

def test_the_disc_is_small(plain, build):
    assert (build / "quire.iso").stat().st_size <= 6 * 1000 * 1000


def test_the_discs_kernel_is_the_kernel(build, kernel):
    """It lacks what a debugger reads, and nothing else."""

    def image(path):
        elf = Elf(path)
        return elf.entry, [(segment.paddr, segment.memory_size, elf.data[segment.offset:][:segment.file_size])
                           for segment in elf.loaded]

    assert image(build / "disc-quire" / "boot" / "quire.elf") == image(kernel)


def test_the_menu_offers_what_it_should(build):
    menu = (build / "disc-quire" / "boot" / "grub" / "grub.cfg").read_text()
    entries = re.findall(r"^menuentry '(.*)' \{\n +multiboot /boot/quire\.elf(.*)$", menu, re.M)
    assert [name for name, _ in entries][:3] == ["Quire", "Quire: its tests", "Quire: with heap debugging"]
    assert entries[1][1].split() == ["test"] and "heap=debug" in entries[2][1]
    assert int(re.search(r"^set timeout=(\d+)", menu, re.M)[1]) <= 3


def with_entry(iso, entry, directory):
    """A copy of the disc that boots its menu's ENTRY at once: its grub.cfg, in place, is not a byte longer."""
    data, path = iso.read_bytes(), directory / "entry.iso"
    wait, go = b"set timeout=3\nset default=0\n", b"set default=%d\nset timeout=0\n" % entry
    assert data.count(wait) == 1
    path.write_bytes(data.replace(wait, go))
    return path


QUIRE, TESTS, HEAP_DEBUGGING, MACHINE = range(4)


@pytest.mark.parametrize("firmware, kind, entry", [
    ("bios", "pc", QUIRE), ("bios", "pc", TESTS), ("bios", "pc", HEAP_DEBUGGING), ("bios", "pc", MACHINE),
    ("uefi64", "q35", HEAP_DEBUGGING), ("uefi64", "q35", MACHINE)])
def test_each_entry_of_the_menu_does_what_it_says(disc, build, tmp_path, record_property, firmware, kind,
                                                  entry):
    machine = disc(firmware, "cdrom", kind, iso=with_entry(build / "quire.iso", entry, tmp_path))
    machine.expect(r"^quire: ready", LIMIT)
    log = machine.text()
    check_grub(log)
    command_line = re.search(r'^quire: loaded by GRUB 2.*; command line "(.*)"$', log, re.M)[1]
    if entry == TESTS:
        code = machine.exit_code(LIMIT)
        check_tests(machine.text(), code, record_property, "the menu's entry")
        return
    if entry == MACHINE:
        assert log.index("this machine, for a report:") < log.index("vmem: ")
        machine.expect(r"^this machine, for a report:", LIMIT)  # and last on the screen once more
    machine.expect(r"^quire> ", LIMIT)
    assert ("heap=debug" in log.split("kmalloc: ")[1]) == (entry == HEAP_DEBUGGING)
    assert command_line == ("", None, "heap=debug", "diagnose -- diagnose")[entry]
    assert machine.finish() == 33


@pytest.mark.parametrize("serial", [True, False], ids=["serial", "no serial"])
def test_grub_says_no_error_and_shows_its_menu(disc, serial):
    """Where it has a serial port, there too; where not, Quire comes up on the screen alone."""
    machine = disc("bios", "cdrom", "pc", iso="quire.iso", serial=serial)
    seen, deadline = set(), time.monotonic() + LIMIT
    while not machine.screen_has("quire> "):
        assert time.monotonic() < deadline, "\n".join(machine.screen())
        seen.update(machine.screen())
        machine.quiet_for(0.1)
    assert any("Quire: its tests" in row for row in seen)
    assert [row for row in seen if "error" in row] == []
    if serial:
        check_grub(machine.text())
        assert "Quire: its tests" in machine.text()
    machine.hmp("sendkey e")
    for key in "xit":
        machine.hmp(f"sendkey {key}")
    machine.hmp("sendkey ret")
    assert machine.exit_code() == 33


# ---- processors ----

@pytest.mark.parametrize("cpu", CPUS)
def test_the_kernel_passes_its_tests_on_cpu(boot, record_property, cpu):
    system = "x86_64" if cpu in ("qemu64", "max") else "i386"
    machine = boot(cmdline="test", cpu=cpu, system=system, memory="16M")
    code = machine.exit_code(LIMIT)
    check_tests(machine.text(), code, record_property, f"-cpu {cpu}")
    said = re.search(r"^cpu: (.*)$", machine.text(), re.M)[1]
    lacks = re.search(r"^cpu: (no .*): done without$", machine.text(), re.M)
    if cpu == "486":
        assert "time-stamp counter" in lacks[1] and "page attribute table" in lacks[1]
    elif cpu == "pentium":
        assert "family 5" in said and lacks[1] == "no page attribute table"
    else:
        assert lacks is None


def without_alignment_check(kernel, directory):
    """A copy of KERNEL that finds a 386, on which EFLAGS.AC does not change: it tries bit 15 in its place."""
    elf, path = Elf(kernel), directory / "386.elf"
    function = elf.symbol("cpu_is_486")
    segment = next(s for s in elf.loaded if s.vaddr <= function.value < s.vaddr + s.file_size)
    start = segment.offset + function.value - segment.vaddr
    body = elf.data[start:start + function.size]
    patched = body.replace((1 << 18).to_bytes(4, "little"), (1 << 15).to_bytes(4, "little"))
    assert patched != body
    path.write_bytes(elf.data[:start] + patched + elf.data[start + function.size:])
    return path


def test_a_386_is_turned_away_in_words_on_the_screen_too(boot, kernel, tmp_path):
    machine = boot(kernel=without_alignment_check(kernel, tmp_path), exit_port=False)
    machine.expect(r"^quire: halted\n")
    reason = machine.reason()
    assert "386" in reason and "needs a 486" in reason
    assert machine.screen_has(reason[:80])


def runs_paged(boot, tmp_path, accelerator):
    """Whether a guest of a few instructions (paged.S) can switch paging on there."""
    kernel = tmp_path / "paged.elf"
    multiboot.assemble("paged.S", kernel)
    return boot(kernel=kernel, system="x86_64", extra=accelerator).exit_code(LIMIT) == 33


def test_kvm(boot, tmp_path, record_property):
    """Where /dev/kvm can run a paged guest of 32 bits."""
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        pytest.skip("/dev/kvm is not here, or not for us")
    accelerator = ["-accel", "kvm"]
    check = subprocess.run(["qemu-system-x86_64", *accelerator, "-display", "none", "-S", "-monitor", "stdio"],
                           input="quit\n", capture_output=True, text=True, timeout=60)
    if check.returncode:
        pytest.skip(f"/dev/kvm does not work: {check.stderr.strip().splitlines()[-1]}")
    assert runs_paged(boot, tmp_path, [])
    if not runs_paged(boot, tmp_path, accelerator):
        pytest.skip("this /dev/kvm lets no guest of 32 bits switch paging on, be it of ten instructions")
    machine = boot(cmdline="test", system="x86_64", extra=accelerator)
    code = machine.exit_code(LIMIT)
    check_tests(machine.text(), code, record_property, "KVM")


def test_nothing_is_assumed_that_multiboot_does_not_promise(boot, kernel, tmp_path, record_property):
    """What rough.S leaves behind: flags, control registers, tables, x87, PAT, long mode, PICs. Memory from the kernel's end
    to 16 MiB holds noise."""
    info = multiboot.Info().with_map([(0, 0x9FC00, 1), (0x100000, 0x03F00000, 1)]).with_cmdline("-- test; walk 0")
    behind = -(-Elf(kernel).end // PAGE) * PAGE
    noise = random.Random(3).randbytes(multiboot.INFO - behind)
    blobs = {**info.blobs, multiboot.INFO: info.pack(), behind: noise}
    loader = multiboot.Loader(tmp_path, "rough.S")
    machine = boot(system="x86_64", cpu="qemu64", **loader.options(tmp_path, kernel, Elf(kernel).entry, blobs))
    machine.expect(r"^0x00000000 -> not mapped", LIMIT)
    check_tests(machine.text(), 33, record_property, "a rough loader")
    check_registers(machine)
    assert machine.finish() == 33


# ---- what a machine may lack ----

@pytest.mark.parametrize("kind", ["pc", "q35"])
def test_without_a_keyboard_controller_nothing_hangs(boot, kind):
    machine = boot(extra=["-machine", f"{kind},i8042=off"])
    machine.prompt()
    assert "no keyboard controller" in "\n".join(machine.run("diagnose"))
    assert machine.finish("reboot") == 0  # by a triple fault: QEMU, told not to reboot, ends


def test_without_a_screen_there_is_the_serial_line(boot, record_property):
    machine = boot(extra=["-vga", "none"])
    log = machine.prompt()
    assert "\nscreen: none\n" in log
    assert "no console" in "\n".join(machine.run("diagnose"))
    assert machine.finish() == 33


def test_uefi_without_a_screen_boots_too(disc):
    machine = disc("uefi64", "cdrom", "q35", extra=["-vga", "none"])
    machine.expect(r"^quire: ready", LIMIT)
    assert re.search(r"^screen: none$", machine.text(), re.M)


def test_the_diagnosis_comes_before_paging(boot):
    machine = boot(cmdline="diagnose -- exit")
    assert machine.exit_code() == 33
    text = machine.text()
    assert text.index("this machine, for a report:") < text.index("vmem: ")


# ---- other emulators ----

@pytest.fixture
def other(request, boot, build):
    """other(class, ...) starts an emulator that ends with the test."""

    def start(kind, *arguments, **options):
        name = re.sub(r"[^\w.=-]+", "_", request.node.name).strip("_")
        boot.machines.append(kind(build / "logs" / f"test_machines.{name}.log", *arguments, **options))
        return boot.machines[-1]

    return start


@pytest.mark.long
def test_bochs_passes_its_tests_and_sees_the_pages_that_maps_says(other, build, tmp_path, record_property):
    if why := Bochs.why_not():
        pytest.skip(why)
    machine = other(Bochs, tmp_path, build / "test.iso")
    text = read_disc(machine)
    judge_disc(text, record_property, "Bochs")
    machine.stop()
    seen = {}
    for start, end, target, _ in re.findall(
            r"^0x([0-9a-f]+)-0x([0-9a-f]+) -> 0x([0-9a-f]+)-0x([0-9a-f]+)$", machine.ask("info tab"), re.M):
        for page in range(int(start, 16), int(end, 16), PAGE):
            seen[page] = int(target, 16) + page - int(start, 16)
    assert seen.keys() == pages_of(parse_maps(text))
    assert all(seen[page] == page for page in seen if page < 0x00400000)


def test_under_bochs_the_first_key_arrives(other, build, tmp_path):
    """Pressed as soon as the prompt is there."""
    if why := Bochs.why_not():
        pytest.skip(why)
    machine = other(Bochs, tmp_path, build / "quire.iso")
    machine.prompt(LIMIT)
    machine.type_on_keyboard("walk 0\n")
    machine.expect(r"^0x00000000 -> not mapped: PT\[0\] absent$")


# v86 does not survive a double fault, has no spurious interrupts, and EFLAGS.TF does nothing there: `trace` then says that
# it cannot.
V86_LACKS = ["fault_stack_overflow_is_a_double_fault_on_its_own_stack",
             "fault_stack_overflow_names_who_has_used_the_stack", "fault_stack_overflow_by_a_large_array",
             "fault_near_the_stacks_end", "fault_near_the_stacks_end_with_a_handler_for_page_faults",
             "fault_overflow_of_a_registered_stack_names_it", "pic_withdrawn_request_leaves_nothing_in_service",
             "monitor_trace_sees_what_a_map_does", "monitor_trace_shows_each_frame_that_comes_from_pm",
             "monitor_trace_folds_pages_alike",
             "vmem_forgets_what_is_used_while_it_is_edited", "vmem_new_table_is_cleared_before_it_is_linked"]


@pytest.mark.long
@pytest.mark.parametrize("how", ["kernel", "disc"])
def test_v86_passes_its_tests_from_the(other, build, kernel, record_property, how):
    package = build / "v86" / "node_modules" / "v86"
    if why := V86.why_not(package):
        pytest.skip(why)
    source = {"kernel": kernel, "cmdline": "-- test; diagnose; maps"} if how == "kernel" else \
        {"disc": build / "test.iso"}
    machine = other(V86, package, **source)
    text = read_disc(machine)
    judge_disc(text, record_property, f"v86, {how}", lacks=V86_LACKS)
    assert re.search(r"^quire: ready( after \d{1,6} ms)?$", text, re.M)  # its time-stamp counter may run backwards
