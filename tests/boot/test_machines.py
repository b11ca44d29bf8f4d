"""The disc and the kernel on every kind of machine: each boot reaches its prompt and passes its own tests.

The tests' disc (build/test.iso) is the disc, but that it boots at once, and runs `test; machine; maps`."""
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import monitor
from emulators import Bochs, V86
from ktap import judge

OVMF = Path("/usr/share/OVMF")
LIMIT = 300
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

# Code and variables; the 32-bit build comes with System Management Mode only, which q35 has.
FIRMWARE = {
    "uefi64": ("OVMF_CODE_4M.fd", "OVMF_VARS_4M.fd", ""),
    "uefi32": ("OVMF32_CODE_4M.secboot.fd", "OVMF32_VARS_4M.fd", ",smm=on"),
}

CPUS = ["486", "pentium", "pentium3", "n270", "qemu64", "max"]


def firmware_options(firmware, kind, directory):
    """QEMU's options for a machine of KIND with FIRMWARE, whose variables lie in DIRECTORY."""
    if firmware == "bios":
        return ["-machine", kind]
    code, variables, extra = FIRMWARE[firmware]
    if not (OVMF / code).exists():
        pytest.skip(f"{code} is not here: install ovmf and ovmf-ia32")
    own = directory / variables
    shutil.copy(OVMF / variables, own)
    return ["-machine", kind + extra,
            "-drive", f"if=pflash,format=raw,readonly=on,file={OVMF / code}",
            "-drive", f"if=pflash,format=raw,file={own}"]


def medium_options(medium, iso):
    """QEMU's options to boot the image ISO as a disc, a USB stick or a disk; it is not written to."""
    if medium == "cdrom":
        return ["-drive", f"file={iso},media=cdrom,readonly=on"]
    drive = f"file={iso},format=raw,snapshot=on"
    if medium == "disk":
        return ["-drive", drive]
    return ["-device", "qemu-xhci", "-drive", f"{drive},if=none,id=stick",
            "-device", "usb-storage,drive=stick,removable=on"]


@pytest.fixture
def disc(boot, build, tmp_path):
    """disc(firmware, medium, kind, ...) boots a disc, the tests' own unless told otherwise."""

    def start(firmware, medium, kind, *, iso="test.iso", extra=(), **options):
        options.setdefault("memory", "192M")
        options.setdefault("system", "x86_64" if firmware == "uefi64" else "i386")
        return boot(firmware=firmware_options(firmware, kind, tmp_path) +
                    medium_options(medium, build / iso) + list(extra), **options)

    return start


def judge_disc(text, record_property, name):
    """Judges what the tests' disc printed."""
    assert "error:" not in text, re.search(r".*error:.*", text)[0]
    verdict = judge(text, 33)
    assert not verdict.problems, "\n".join(verdict.problems)
    assert len(verdict.passed) > 100
    record_property("kernel tests", f"{name}: {verdict}")
    return verdict


def read_disc(machine):
    """What was printed up to the last prompt: behind `test`, `machine` and `maps`."""
    machine.expect(r"^quire: ready", LIMIT)
    machine.expect(r"^0xfffff000-0x100000000 .*\n", LIMIT)
    machine.expect(r"^quire> ")
    return machine.text()


@pytest.mark.parametrize("name", DISCS)
def test_the_disc_passes_its_tests_on(disc, record_property, name):
    firmware, medium, kind = DISCS[name]
    machine = disc(firmware, medium, kind)
    text = read_disc(machine)
    judge_disc(text, record_property, name)
    check_machine(machine, text, firmware)
    registers = machine.registers()
    assert registers["CR0"] & 0xE005003F == 0x80010033  # PG, WP, ET, NE, MP, PE; no CD, NW, AM, TS, EM
    assert registers["CR4"] == 0
    assert machine.finish() == 33


def check_machine(machine, text, firmware):
    """`machine` and the log name what this is."""
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


def test_the_framebuffers_pages_are_write_combined(disc):
    """Each of them, by PAT entry 1: PWT without PCD and the PAT bit."""
    machine = disc("uefi64", "cdrom", "q35")
    text = read_disc(machine)
    directory = machine.physical_words(machine.registers()["CR3"], 1024)
    run = next(run for run in parse_maps(text) if run.start == 0xF0000000)
    frames = []
    for page in range(run.start // PAGE, run.end // PAGE):
        if page % 1024 == 0 or not frames:
            table = machine.physical_words(directory[page // 1024] & -PAGE, 1024)
        assert table[page % 1024] & 0x9B == 0x0B  # present, writable, PWT; no PCD, no PAT
        frames.append(table[page % 1024] // PAGE)
    assert frames == list(range(frames[0], frames[0] + len(frames)))
    assert machine.finish() == 33


# ---- the disc itself ----

def test_the_disc_is_small(plain, build):
    assert (build / "quire.iso").stat().st_size <= 6 * 1000 * 1000


def test_the_menu_offers_what_it_should(build):
    menu = (build / "disc-quire" / "boot" / "grub" / "grub.cfg").read_text()
    entries = re.findall(r"^menuentry '(.*)' \{\n +multiboot /boot/quire\.elf(.*)$", menu, re.M)
    assert [name for name, _ in entries][:3] == ["Quire", "Quire: its tests", "Quire: with heap debugging"]
    assert entries[1][1].split() == ["test"] and "heap=debug" in entries[2][1]
    assert int(re.search(r"^set timeout=(\d+)", menu, re.M)[1]) <= 3


@pytest.mark.parametrize("serial", [True, False], ids=["serial", "no serial"])
def test_grub_says_no_error_and_shows_its_menu(disc, serial):
    """Where it has a serial port, there too; where not, Quire comes up on the screen alone."""
    machine = disc("bios", "cdrom", "pc", iso="quire.iso", serial=serial)
    seen = set()
    for _ in range(600):
        seen.update(machine.screen())
        if machine.screen_has("quire> "):
            break
        machine.quiet_for(0.1)
    else:
        raise AssertionError("\n".join(machine.screen()))
    assert any("Quire: its tests" in row for row in seen)
    assert not any("error" in row for row in seen)
    if serial:
        assert "Quire: its tests" in machine.text() and "error" not in machine.text()
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
    verdict = judge(machine.text(), code)
    assert not verdict.problems, "\n".join(verdict.problems)
    record_property("kernel tests", f"-cpu {cpu}: {verdict}")
    said = re.search(r"^cpu: (.*)$", machine.text(), re.M)[1]
    lacks = re.search(r"^cpu: (no .*): done without$", machine.text(), re.M)
    if cpu == "486":
        assert "time-stamp counter" in lacks[1] and "page attribute table" in lacks[1]
    elif cpu == "pentium":
        assert "family 5" in said and lacks[1] == "no page attribute table"
    else:
        assert lacks is None


def test_kvm(boot, record_property):
    """Where /dev/kvm can run a paged guest of 32 bits."""
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        pytest.skip("/dev/kvm is not here, or not for us")
    accelerator = ["-accel", "kvm"]
    check = subprocess.run(["qemu-system-x86_64", *accelerator, "-display", "none", "-S", "-monitor", "stdio"],
                           input="quit\n", capture_output=True, text=True, timeout=60)
    if check.returncode:
        pytest.skip(f"/dev/kvm does not work: {check.stderr.strip().splitlines()[-1]}")
    machine = boot(cmdline="test", system="x86_64", extra=accelerator)
    code = machine.exit_code(LIMIT)
    if re.search(r"^PANIC: general protection fault.*\n  at +0x\w+ enable_paging", machine.text(), re.M):
        pytest.skip("this /dev/kvm does not run a guest of 32 bits with paging")
    verdict = judge(machine.text(), code)
    assert not verdict.problems, "\n".join(verdict.problems)
    record_property("kernel tests", f"KVM: {verdict}")


# ---- what a machine may lack ----

@pytest.mark.parametrize("kind", ["pc", "q35"])
def test_without_a_keyboard_controller_nothing_hangs(boot, kind):
    machine = boot(extra=["-machine", f"{kind},i8042=off"])
    machine.prompt()
    assert "no keyboard controller" in "\n".join(machine.run("machine"))
    assert machine.finish("reboot") == 0  # by a triple fault: QEMU, told not to reboot, ends


def test_without_a_screen_there_is_the_serial_line(boot, record_property):
    machine = boot(extra=["-vga", "none"])
    log = machine.prompt()
    assert "\nscreen: none\n" in log
    assert "no console" in "\n".join(machine.run("machine"))
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


@pytest.mark.parametrize("how", ["kernel", "disc"])
def test_v86_passes_its_tests_from_the(other, build, kernel, record_property, how):
    package = build / "v86" / "node_modules" / "v86"
    if why := V86.why_not(package):
        pytest.skip(why)
    source = {"kernel": kernel, "cmdline": "-- test; machine; maps"} if how == "kernel" else \
        {"disc": build / "test.iso"}
    machine = other(V86, package, **source)
    verdict = judge_disc(read_disc(machine), record_property, f"v86, {how}")
    assert [name for name, why in verdict.skipped if "v86" in why] == \
        ["fault_stack_overflow_is_a_double_fault_on_its_own_stack",
         "fault_stack_overflow_names_who_has_used_the_stack",
         "fault_stack_overflow_by_a_large_array",
         "fault_near_the_stacks_end"]
