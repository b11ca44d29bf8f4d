"""Malformed Multiboot information: whatever a loader reports, the boot ends in a verdict, `quire: ready` or a
panic with its reason, and what can be used of it is used rightly.

A loader of the tests' own (loader.S, multiboot.py) starts Quire with information made up here."""
import random
import re
import time
from pathlib import Path

import pytest

import keys
import monitor
import multiboot
from elf import Elf
from malformed import DEVICES, MEMORY, MIB, RAM, TOP, good, random_information
from memmodel import Entry
from monitor import check_counts
from quire import LIMIT
from multiboot import CMDLINE, INFO, MMAP, MODS, NAME, STRINGS, Info, mmap_table


def ready(machine):
    """Checks that it is ready and its figures agree; returns what `mem` prints."""
    assert machine.verdict() == "ready", machine.reason()
    machine.prompt()
    counts = monitor.mem(machine)
    assert counts.total - counts.free - counts.reserved >= 2
    assert machine.finish() == 33
    return counts


def panics(machine, words):
    assert machine.verdict() == "panic"
    assert re.search(words, machine.reason()), machine.reason()


def ends_in_a_verdict(machine):
    if machine.verdict() == "ready":
        machine.prompt()
        assert machine.finish() == 33
    else:
        assert len(machine.reason()) > len("PANIC: ")


def test_well_formed_information_from_our_own_loader_is_ready(craft, kernel):
    check_counts(ready(craft(good())), RAM, kernel)


# ---- the magic value and the structure's address ----

@pytest.mark.parametrize("magic", [0, 0x1BADB002, 0x36D76289, 0x2BADB003, TOP])
def test_a_wrong_magic_value_is_a_panic_that_names_it(craft, magic):
    machine = craft(good(), magic=magic)
    panics(machine, "Multiboot")
    assert f"{magic:#010x}" in machine.reason()


@pytest.mark.parametrize("address", [0, 0x400, 0x9FFFE, 0xB8000, 0x00100000, 0x07FFFFFC, 0x08000000, DEVICES,
                                     0xFFFFF000, 0xFFFFFFF0, TOP])
def test_information_at_an_absurd_address_ends_in_a_verdict(craft, address):
    ends_in_a_verdict(craft(Info(), at=address, place=False))


def test_information_that_is_not_aligned_is_read(craft, kernel):
    check_counts(ready(craft(good(), at=INFO + 1)), RAM, kernel)


def test_information_just_after_the_kernel_is_read_before_it_is_overwritten(craft, kernel):
    """All of it lies in the frames that are handed out first."""
    end = -(-Elf(kernel).end // 4096) * 4096
    module = (end + 0x8000, end + 0x8005, end + 0x5000)
    info = Info(memory=MEMORY).with_map(RAM, address=end + 0x1000)
    info.with_cmdline("strange -- alloc 64K; exit", address=end + 0x2000)
    info.with_modules([module], address=end + 0x4000)
    info.blobs[end + 0x5000] = b"a module, with arguments\0"
    info.blobs[end + 0x8000] = b"12345"
    machine = craft(info, at=end)
    assert machine.exit_code() == 33
    text = machine.text()
    assert re.search(r"unknown.*strange", text) and "a module, with arguments" in text and "$0 = 0x" in text


# ---- the processor's state ----

PE, MP, EM, TS, NE, WP, AM, NW, CD, PG = (1 << bit for bit in (0, 1, 2, 3, 5, 16, 18, 29, 30, 31))
DF, IOPL, NT, AC, ID = 1 << 10, 3 << 12, 1 << 14, 1 << 18, 1 << 21
CR4 = 0x2FF  # virtual-8086 extensions, TSD, DE, PSE, PAE, MCE, PGE, PCE; OSFXSR
NEW_CR4 = 0x750FFF  # OSXMMEXCPT, UMIP; FSGSBASE, OSXSAVE, SMEP, SMAP, PKE too


@pytest.mark.parametrize("state, cpu", [
    ((DF | IOPL | NT | AC | ID | 0x8D5, 0, 0), None), ((0, EM | TS | WP | AM, 0), None), ((0, CD | NW, 0), None),
    ((0, 0, CR4), None), ((DF | NT | AC | 2, MP | EM | TS | NE | WP | AM | NW | CD, CR4), None),
    ((DF | NT | AC | 2, EM | TS | WP | AM, 0), "486"), ((0, WP, NEW_CR4), "max"),
], ids=["flags", "CR0", "caches off", "CR4", "all", "486", "CR4 of a new processor"])
def test_quire_starts_in_any_state_of_the_processor(craft, kernel, state, cpu):
    """Section 3.2: PE is set, PG and IF are clear; all else is undefined."""
    machine = craft(good(), state=state, cpu=cpu, system="x86_64" if cpu == "max" else "i386")
    machine.prompt()
    monitor.check_counts(monitor.mem(machine), RAM, kernel)
    registers = machine.registers()
    assert registers["CR0"] & (PE | MP | EM | TS | NE | WP | AM | NW | CD | PG) == PE | MP | NE | WP | PG
    assert registers["CR4"] & ~0x600 == 0  # OSFXSR and OSXMMEXCPT, for programs
    assert not int(re.search(r"EFL=([0-9a-f]+)", machine.hmp("info registers"))[1], 16) & (DF | IOPL | NT | AC)
    assert re.search(r"FCW=037f FSW=0000", machine.hmp("info registers"))
    assert machine.finish() == 33


# ---- devices and registers that a loader may have left in any state ----

def outs(*pairs):
    return [("out", port, value) for port, value in pairs]


APIC, HPET = 0xFEE00000, 0xFED00000
LEFTOVERS = {
    "the APIC's timer": [("store", APIC + 0xF0, 0x1FF), ("store", APIC + 0x3E0, 0xB), ("store", APIC + 0x320, 0x2000E),
                         ("store", APIC + 0x380, 1000)],
    "LINT0 masked": [("store", APIC + 0xF0, 0x1FF), ("store", APIC + 0x350, 0x10000)],
    "the APIC switched off by software": [("store", APIC + 0xF0, 0xFF)],
    "the APIC in x2APIC mode": [("msr", 0x1B, APIC | 0xD00), ("msr", 0x835, 0x10000)],
    "the APIC switched off": [("msr", 0x1B, APIC | 0x100)],
    "the HPET in the timer's place": [("store", HPET + 0x10, 3)],
    "the timer in BCD, without a count": outs((0x43, 0x31)),
    "the timer's count half written": outs((0x43, 0x34), (0x40, 0x10)),
    "the real-time clock's interrupts, NMI masked": outs((0x70, 0x8A), (0x71, 0x23), (0x70, 0x8B), (0x71, 0x72)),
    "the PICs in their middle": outs((0x20, 0x11), (0x21, 0x08), (0xA0, 0x11)),
    "all lines unmasked": outs((0x21, 0), (0xA1, 0)),
}


@pytest.mark.parametrize("name", LEFTOVERS)
def test_the_timer_and_the_prompt_work_after(craft, name):
    """An idle machine halts only if the timer's interrupt arrives; otherwise Quire polls."""
    machine = craft(good(), actions=LEFTOVERS[name], system="x86_64", cpu="max", extra=["-machine", "hpet=on"])
    machine.prompt()
    machine.run("test irq*")
    deadline = time.monotonic() + LIMIT
    while "HLT=1" not in machine.hmp("info registers"):
        assert time.monotonic() < deadline, "it polls"
    assert not machine.text().count("PANIC")
    machine.hmp("o /b 0x70 0x0b")
    assert int(machine.hmp("i /b 0x71").split("=")[1], 16) & 0x70 == 0
    assert machine.finish() == 33


KEYBOARDS = {
    "in scan code set 1": outs((0x60, 0xF0), (0x60, 0x01)),
    "in scan code set 3": outs((0x60, 0xF0), (0x60, 0x03)),
    "not scanning": outs((0x60, 0xF5)),
    "waiting for a code set": outs((0x60, 0xF0)),
    "waiting for its lights": outs((0x60, 0xED)),
    "not translated": outs((0x64, 0x60), (0x60, 0x01)),
    "in set 1, not translated": outs((0x60, 0xF0), (0x60, 0x01), (0x64, 0x60), (0x60, 0x01)),
    "with its port disabled": outs((0x64, 0xAD)),
    "beside a mouse that reports": outs((0x64, 0xA8), (0x64, 0xD4), (0x60, 0xF4)),
    "with its controller waiting": outs((0x64, 0x60)),
}


@pytest.mark.parametrize("state", KEYBOARDS)
def test_a_keyboard_works_that_was_left(craft, state):
    machine = craft(good(), actions=KEYBOARDS[state])
    machine.prompt()
    keys.write(machine, "walk 0xAbc\n")
    machine.expect(r"^0x00000abc -> not mapped: PT\[0\] absent$")
    machine.prompt()
    assert machine.finish() == 33


def test_breakpoints_that_a_loader_has_left_are_cleared(craft, kernel):
    """DR0 and DR1 are on instructions that Quire runs, DR2 on a word that it writes; GD makes each access to a debug
    register an exception."""
    elf = Elf(kernel)
    addresses = [elf.address("serial_init"), elf.address("kmalloc_init"), elf.address("boot_info")]
    actions = [("debug", i, address) for i, address in enumerate(addresses)]
    machine = craft(good(), actions=[*actions, ("debug", 7, 0x0D00273F)])
    machine.prompt()
    assert re.search(r"DR7=00000400", machine.hmp("info registers"))
    assert machine.run("walk 0x00100000")[-1] == "0x00100000 -> 0x00100000"
    assert machine.finish() == 33


def test_an_ldt_and_system_call_entries_that_a_loader_has_left_are_cleared(craft):
    """The LDT, SYSENTER's code segment, and every bit of EFER."""
    actions = [("descriptors", 0, 0), ("msr", 0x174, 8), ("msr", 0xC0000080, 0x8901)]
    machine = craft(good(), actions=actions, system="x86_64", cpu="max")
    machine.prompt()
    registers = machine.hmp("info registers")
    assert re.search(r"LDT=0000 ", registers)
    assert int(re.search(r"EFER=([0-9a-f]+)", registers)[1], 16) == 0
    assert machine.finish() == 33


# ---- what is given and what is not ----

def test_information_without_any_field_is_a_panic_about_memory(craft):
    panics(craft(Info(flags=0)), "memory")


def test_all_flags_without_contents_end_in_a_verdict(craft):
    ends_in_a_verdict(craft(Info(flags=TOP)))


def test_without_a_map_mem_upper_is_used_and_logged(craft, kernel):
    machine = craft(Info(memory=MEMORY))
    counts = ready(machine)
    assert "quire: no memory map; using mem_lower, 639 KiB, and mem_upper, 130048 KiB\n" in machine.text()
    assert counts.ranges == [(0x100, 0x8000)]


@pytest.mark.parametrize("upper", [0, 1, 64, 3583, 0x3FFFFF, 0x7FFFFFFF, TOP])
def test_an_absurd_mem_upper_ends_in_a_verdict(craft, upper):
    ends_in_a_verdict(craft(Info(memory=(639, upper))))


def test_a_mem_upper_past_4_gib_is_cut_there(craft):
    counts = ready(craft(Info(memory=(640, TOP)), memory="3500M"))
    assert counts.ranges == [(0x100, 0x100000)]


FIELDS = {
    "memory": (multiboot.FLAG_MEMORY, "mem_upper"), "cmdline": (multiboot.FLAG_CMDLINE, '"-- walk 0; exit"'),
    "mods": (multiboot.FLAG_MODS, "a module's name"), "mmap": (multiboot.FLAG_MMAP, "memmap: 4 entries"),
    "name": (multiboot.FLAG_NAME, "loaded by somebody"), "framebuffer": (multiboot.FLAG_FRAMEBUFFER, "640x480"),
}


def complete():
    """Information with every field, each of which shows in the log."""
    info = good().with_cmdline("-- walk 0; exit").with_modules([(32 * MIB, 33 * MIB, STRINGS)])
    info.name = NAME
    info.framebuffer = (0x90000000, 2560, 640, 480, 8, 0, bytes(6))  # a palette: logged, and not used
    info.blobs |= {NAME: b"somebody\0", STRINGS: b"a module's name\0"}
    return info


@pytest.mark.parametrize("field", FIELDS)
def test_a_field_whose_flag_is_clear_is_not_used(craft, field):
    """Every other field is."""
    info = complete()
    given = sum(flag for flag, _ in FIELDS.values())
    info.flags = given & ~FIELDS[field][0]
    if field == "memory":
        info.flags &= ~multiboot.FLAG_MMAP  # with a map mem_upper would not be used
    machine = craft(info)
    seen = {name for name, (_, words) in FIELDS.items() if name != "memory"}
    if field == "memory":
        panics(machine, "neither a memory map nor")
        seen -= {"mmap", "cmdline"}
    elif field == "cmdline":
        machine.prompt()
        assert machine.finish() == 33
    else:
        assert machine.exit_code() == 33
    text = machine.text()
    assert ("using mem_lower, 639 KiB, and mem_upper, 130048 KiB" in text) == (field == "mmap")
    assert {name for name in FIELDS if name != "memory" and FIELDS[name][1] in text} - {"cmdline"} == \
        seen - {field, "cmdline"}
    assert (FIELDS["cmdline"][1] in text) == (field != "cmdline")


@pytest.mark.parametrize("given", [True, False])
def test_the_diagnosis_has_the_memorys_size_only_where_it_is_given(craft, given):
    info = good().with_cmdline("diagnose -- exit")
    info.flags = multiboot.FLAG_MMAP | multiboot.FLAG_CMDLINE | (multiboot.FLAG_MEMORY if given else 0)
    machine = craft(info)
    assert machine.exit_code() == 33
    assert f"lower {639 * given} KiB, upper {130048 * given} KiB" in machine.text()


# ---- the end of the address space ----

TAIL = b"tail=012345"  # the last 11 bytes below 4 GiB, by `firmware`: text without a NUL
END = 1 << 32


@pytest.fixture
def firmware(tmp_path):
    """QEMU's options for a BIOS that ends with TAIL, in place of its date."""
    bios = Path("/usr/share/seabios/bios-256k.bin")
    if not bios.exists():
        pytest.skip("seabios is not installed")
    copy = tmp_path / "bios.bin"
    copy.write_bytes(bios.read_bytes()[:-len(TAIL)] + TAIL)
    return ["-bios", copy]


WRAPPED = int.from_bytes(b"WRAP", "little")


def at_the_end(craft, firmware, info):
    """Boots with text at address 0, which a read past the end would reach."""
    machine = craft(info, actions=[("store", 0, WRAPPED), ("store", 4, 0)], extra=firmware)
    machine.prompt()
    assert machine.finish() == 33
    assert "WRAP" not in machine.text()
    return machine.text()


def test_a_command_line_ends_with_the_address_space(craft, firmware):
    info = good()
    info.cmdline = END - len(TAIL)
    text = at_the_end(craft, firmware, info)
    assert 'command line "tail=012345"' in text
    assert "quire: command line cut after 11 bytes" in text and 'option "tail=012345" may be cut' in text


def test_a_loaders_name_ends_with_the_address_space(craft, firmware):
    info = good()
    info.name = END - len(TAIL)
    assert "quire: loaded by tail=012345;" in at_the_end(craft, firmware, info)


def test_a_modules_string_ends_with_the_address_space(craft, firmware):
    text = at_the_end(craft, firmware, good().with_modules([(32 * MIB, 33 * MIB, END - len(TAIL))]))
    assert "quire: module 0 at 0x02000000-0x02100000: tail=012345\n" in text


@pytest.mark.parametrize("address", [0xFFFFFF8A + 1, 0xFFFFFFF0, TOP], ids=hex)
def test_information_that_crosses_the_end_is_not_used(craft, address):
    """It has 118 bytes."""
    machine = craft(Info(), at=address, place=False)
    panics(machine, "neither a memory map nor the memory's size")
    assert f"quire: the boot information at {address:#010x} runs off the end of the address space\n" in machine.text()


def test_information_that_ends_at_the_end_is_read(craft):
    machine = craft(Info(), at=0xFFFFFF8A, place=False)
    ends_in_a_verdict(machine)
    assert "runs off" not in machine.text()


@pytest.mark.parametrize("address, length", [(0xFFFFFFF0, 24), (TOP, 2), (0xFFFFFFE8, 25), (MMAP, TOP)],
                         ids=lambda value: f"{value:#x}")
def test_a_map_that_crosses_the_end_is_cut_there(craft, address, length):
    machine = craft(Info(memory=MEMORY, mmap=(length, address)))
    ends_in_a_verdict(machine)
    assert f"quire: the memory map at {address:#010x}, {length} bytes, runs off the end of the address space\n" in \
        machine.text()


def test_a_map_that_ends_at_the_end_is_not_cut(craft):
    machine = craft(Info(memory=MEMORY, mmap=(24, 0xFFFFFFE8)))
    ends_in_a_verdict(machine)
    assert "runs off the end of the address space" not in machine.text()


@pytest.mark.parametrize("address, whole", [(0xFFFFFFF1, 0), (TOP, 0), (0xFFFFFFF0, 1), (0xFFFFFFE0, 2)])
def test_a_list_of_modules_that_crosses_the_end_is_cut_there(craft, address, whole):
    info = good()
    info.mods = (3, address)
    machine = craft(info)
    ends_in_a_verdict(machine)
    assert f"quire: the list of modules at {address:#010x} runs off the end of the address space\n" in machine.text()
    said = re.findall(r"^quire: module (\d+) at 0x[0-9a-f]{8}-0x[0-9a-f]{8}: ", machine.text(), re.M)
    assert said == [str(i) for i in range(whole)]


# ---- the memory map's address, length and entry sizes ----

@pytest.mark.parametrize("address", [0, 0x500, DEVICES, 0xFFFFF000, 0xFFFFFFE8, 0xFFFFFFF0, 0xFFFFFFFC, TOP])
@pytest.mark.parametrize("length", [24, 0x1000, TOP])
def test_a_map_at_an_absurd_address_ends_in_a_verdict(craft, address, length):
    ends_in_a_verdict(craft(Info(memory=MEMORY, mmap=(length, address))))


def test_an_empty_map_counts_as_none(craft):
    machine = craft(Info(memory=MEMORY, mmap=(0, MMAP)))
    ready(machine)
    assert re.search(r"^\w+: .*mem_upper", machine.text(), re.M)


@pytest.mark.parametrize("length", [1, 3, 4, 19, 20, 23])
def test_a_map_shorter_than_an_entry_ends_in_a_verdict(craft, length):
    info = good()
    info.mmap = (length, MMAP)
    ends_in_a_verdict(craft(info))


@pytest.mark.parametrize("extra", [1, 4, 19, 23])
def test_bytes_after_the_last_whole_entry_are_ignored(craft, kernel, extra):
    info = good()
    info.blobs[MMAP] += mmap_table([Entry(0, 128 * MIB, 2)])[:extra]
    info.mmap = (len(info.blobs[MMAP]), MMAP)
    check_counts(ready(craft(info)), RAM, kernel)


@pytest.mark.parametrize("length", [0x10000, 0x10000000, 0x80000000, 0xFF000000, TOP])
def test_a_map_with_too_great_a_length_ends_in_a_verdict(craft, length):
    info = good()
    info.mmap = (length, MMAP)
    ends_in_a_verdict(craft(info))


@pytest.mark.parametrize("size", [20, 21, 24, 28, 48, 1000])
def test_an_entrys_size_leads_to_the_next(craft, kernel, size):
    check_counts(ready(craft(Info().with_map(RAM, size=size))), RAM, kernel)


def test_entries_may_differ_in_size(craft, kernel):
    entries = RAM + [Entry((16 + i) * MIB + i, 0x10000 + i, 2) for i in range(20)]
    table = b"".join(mmap_table([entry], size=20 + i * 7 % 60) for i, entry in enumerate(entries))
    info = Info(mmap=(len(table), MMAP), blobs={MMAP: table})
    check_counts(ready(craft(info)), entries, kernel)


def with_bad_sizes(size, bad):
    """A good map, followed by entries BAD that claim to be SIZE bytes long."""
    info = good()
    info.blobs[MMAP] += (size.to_bytes(4, "little") + mmap_table([bad])[4:]) * 3
    info.mmap = (len(info.blobs[MMAP]), MMAP)
    return info


@pytest.mark.parametrize("size", [0, 1, 4, 16, 19])
def test_an_entry_of_too_small_a_size_ends_the_map_with_a_warning(craft, kernel, size):
    """The entries before it count."""
    machine = craft(with_bad_sizes(size, Entry(MIB, 127 * MIB, 2)))
    check_counts(ready(machine), RAM, kernel)
    assert f"quire: the memory map ends at entry {len(RAM)}, whose size is {size}\n" in machine.text()


@pytest.mark.parametrize("size", [1000, 0x7FFFFFFF, 0xFFFFFFEC, 0xFFFFFFFB, 0xFFFFFFFC, TOP])
def test_an_entry_that_runs_off_the_map_is_the_last_with_a_warning(craft, kernel, size):
    """The entry itself is valid; what follows it cannot be found."""
    bad = Entry(64 * MIB, MIB, 2)
    machine = craft(with_bad_sizes(size, bad))
    check_counts(ready(machine), RAM + [bad], kernel)
    assert f"quire: entry {len(RAM)} of the memory map, of {size} bytes, runs off the map's end\n" in machine.text()


@pytest.mark.parametrize("size", [0, 4, 19, TOP])
def test_a_map_of_absurd_entries_only_ends_in_a_verdict(craft, size):
    table = (size.to_bytes(4, "little") + bytes(20)) * 100
    ends_in_a_verdict(craft(Info(memory=MEMORY, mmap=(len(table), MMAP), blobs={MMAP: table})))


def test_65536_entries_are_read_and_one_more_is_a_panic(craft, kernel):
    """All but four lie above 4 GiB."""
    entries = RAM + [Entry((i + 1) << 32, 4096, 1) for i in range(65536 - len(RAM))]
    machine = craft(Info().with_map(entries, address=0x02000000))
    check_counts(ready(machine), RAM, kernel)
    assert "memmap: 65536 entries; " in machine.text()
    panics(craft(Info().with_map(entries + [Entry(0, 0, 1)], address=0x02000000)),
           "^PANIC: quire: the memory map has more than 65536 entries")


def test_a_thousand_entries_are_all_read(craft, kernel):
    rng = random.Random(5)
    entries = [Entry(MIB, 127 * MIB, 1)]
    entries += [Entry(8 * MIB + rng.randrange(119 * MIB), rng.randrange(1, 40_000), rng.choice((2, 3, 4, 20)))
                for _ in range(999)]
    rng.shuffle(entries)
    check_counts(ready(craft(Info().with_map(entries))), entries, kernel)


# ---- maps that no firmware should make ----

WHOLE = Entry(0, 1 << 32, 1)
ODD_TYPES = (0, 2, 3, 4, 5, 6, 7, 12, 14, 20, 128, 0x7FFFFFFF, 0x80000000, TOP)
HOSTILE = {
    "one entry for everything": [Entry(0, 2**64 - 1, 1)],
    "a wrap of memory": [Entry(MIB, 127 * MIB, 1), Entry(2**64 - 0x1000, 0x2000000, 1)],
    "a wrap of a hole": [Entry(MIB, 127 * MIB, 1), Entry(64 * MIB, 2**64 - 1, 2)],
    "a hole to the very end": [Entry(MIB, 127 * MIB, 1), Entry(64 * MIB, 2**64 - 64 * MIB, 2)],
    "memory that ends at the last byte": [Entry(MIB, 2**64 - 1 - MIB, 1), Entry(0xE0000000, 0x20000000, 2)],
    "holes of one byte": [Entry(MIB, 127 * MIB, 1)] + [Entry(8 * MIB + i * 0x3001, 1, 2) for i in range(200)],
    "memory in half pages": RAM + [Entry(128 * MIB + i * 0x800, 0x800, 1) for i in range(64)],
    "empty entries": RAM + [Entry(9 * MIB + 5, 0, 2), Entry(0, 0, 1), Entry(2**64 - 1, 0, 2)],
    "a hole before its memory": [Entry(32 * MIB, MIB, 2), Entry(MIB, 127 * MIB, 1)],
    "the same twice": RAM + RAM,
    "memory inside a hole inside memory": [WHOLE, Entry(16 * MIB, 64 * MIB, 2), Entry(32 * MIB, MIB, 1)],
    "unknown types": [WHOLE] + [Entry((16 + 2 * i) * MIB, MIB, kind) for i, kind in enumerate(ODD_TYPES)],
    "a hole around 4 GiB": [Entry(0, 1 << 33, 1), Entry((1 << 32) - 0x1800, 0x3000, 2)],
    "memory above 4 GiB": RAM + [Entry(1 << 32, 1 << 40, 1), Entry((1 << 32) + MIB, MIB, 2)],
    "frames that alternate": RAM + [Entry(129 * MIB + i * 0x2000, 0x1000, 1) for i in range(1000)],
}


@pytest.mark.parametrize("case", HOSTILE)
def test_maps_follow_the_rule(craft, kernel, case):
    check_counts(ready(craft(Info().with_map(HOSTILE[case]), memory="3500M")), HOSTILE[case], kernel)


@pytest.mark.parametrize("seed", range(6))
def test_random_maps_follow_the_rule(craft, kernel, seed):
    """None touches the first 8 MiB, which Quire itself needs."""
    rng = random.Random(seed)
    entries = [Entry(MIB, rng.randrange(64, 3000) * MIB + rng.randrange(4096), 1)]
    for _ in range(rng.randrange(1, 120)):
        base = rng.randrange(8 * MIB, 1 << rng.choice((32, 34, 64)))
        length = rng.randrange(1 << rng.choice((13, 28, 64)))
        entries.append(Entry(base, length, rng.choice((1, 1, 2, 3, 20))))
    rng.shuffle(entries)
    check_counts(ready(craft(Info().with_map(entries), memory="3500M")), entries, kernel)


@pytest.mark.parametrize("entries", [
    [Entry(0, 1 << 32, 2)],
    [Entry(0, 0x9FC00, 1)],
    [Entry(MIB, 2 * MIB, 1)],
    [Entry(1 << 32, 1 << 32, 1)],
    [Entry(MIB, 127 * MIB, 1), Entry(0, 2**64 - 1, 2)],
    [Entry(MIB + 1 + i * 0x1000, 0xFFF, 1) for i in range(2000)],
], ids=["all reserved", "low memory only", "2 MiB", "only above 4 GiB", "all taken", "no whole frame"])
def test_a_map_without_usable_memory_is_a_panic_about_memory(craft, entries):
    panics(craft(Info().with_map(entries)), "memory")


@pytest.mark.parametrize("address", [0x20000000, DEVICES, 0xFEE00000], ids=hex)  # the last: the local APIC
def test_a_map_of_missing_memory_is_a_panic_about_memory(craft, address):
    """Page tables there would end in a reset."""
    machine = craft(Info().with_map([Entry(address, 4 * MIB, 1)]))
    panics(machine, "no memory")
    assert f"{address:#010x}" in machine.reason()


# ---- modules ----

def test_every_frame_that_an_unaligned_module_touches_is_reserved(craft, kernel):
    modules = [(32 * MIB + 0x123, 32 * MIB + 0x2001, 0), (40 * MIB + 0xFFF, 40 * MIB + 0x1001, 0),
               (48 * MIB, 48 * MIB + 1, 0)]
    counts = ready(craft(good().with_modules(modules)))
    check_counts(counts, RAM, kernel, [module[:2] for module in modules])


@pytest.mark.parametrize("start, end", [
    (0x00100000, 0x00110000), (0x00000000, 0x08000000), (0x001F0000, 0x00200000), (0, 0x1000), (0, 0),
    (32 * MIB, 32 * MIB), (32 * MIB + 5, 32 * MIB), (TOP, 0), (TOP, TOP), (0x80000000, 0x90000000),
    (0xFFFFF000, TOP), (96 * MIB, TOP), (0x9F000, 0x101000),
], ids=lambda value: f"{value:#x}")
def test_a_module_anywhere_ends_in_a_verdict(craft, start, end):
    ends_in_a_verdict(craft(good().with_modules([(start, end, 0)])))


def test_a_module_that_ends_before_it_starts_reserves_nothing(craft, kernel):
    machine = craft(good().with_modules([(33 * MIB, 32 * MIB, 0)]))
    check_counts(ready(machine), RAM, kernel)
    assert "quire: module 0 ends at 0x02000000, before it starts at 0x02100000\n" in machine.text()


@pytest.mark.parametrize("start, end, over", [
    (MIB - 5, MIB, False), (MIB - 5, MIB + 1, True), ("end", MIB * 9, False), (-1, MIB * 9, True)])
def test_a_module_over_the_kernel_is_reported(craft, kernel, start, end, over):
    """START is relative to the kernel's end if it is negative or "end"."""
    kernels_end = Elf(kernel).address("kernel_end")
    start = kernels_end if start == "end" else start if start > 0 else kernels_end + start
    machine = craft(good().with_cmdline("-- exit").with_modules([(start, end, 0)]))
    machine.exit_code()
    assert (f"quire: module 0 at {start:#010x}-{end:#010x} lies over the kernel\n" in machine.text()) == over


@pytest.mark.parametrize("count", [1024, 1025])
def test_the_first_1024_modules_are_read(craft, kernel, count):
    modules = [(32 * MIB + i * 4096, 32 * MIB + i * 4096 + 1, 0) for i in range(count)]
    machine = craft(good().with_modules(modules))
    check_counts(ready(machine), RAM, kernel, [module[:2] for module in modules[:1024]])
    assert ("quire: 1025 modules: only the first 1024 are read\n" in machine.text()) == (count > 1024)
    assert len(re.findall(r"^quire: module \d+ at", machine.text(), re.M)) == 16


def test_modules_that_overlap_are_reserved_once(craft, kernel):
    modules = [(32 * MIB, 33 * MIB, 0), (32 * MIB + 0x800, 34 * MIB + 1, 0), (32 * MIB, 33 * MIB, 0)]
    check_counts(ready(craft(good().with_modules(modules))), RAM, kernel, [module[:2] for module in modules])


@pytest.mark.parametrize("count, address", [
    (1, 0), (1, TOP), (1, DEVICES), (1, 0xFFFFFFF0), (2, 0xFFFFFFF0), (0x0FFFFFFF, 0xFFFFFFF0), (0, TOP),
    (100_000, MODS), (0x10000000, MODS), (TOP, MODS), (TOP, DEVICES),
], ids=lambda value: f"{value:#x}")
def test_an_absurd_list_of_modules_ends_in_a_verdict(craft, count, address):
    info = good()
    info.mods = (count, address)
    ends_in_a_verdict(craft(info))


@pytest.mark.parametrize("string", [0, 1, DEVICES, 0xFFFFFFF0, TOP, STRINGS], ids=hex)
def test_a_modules_string_at_an_absurd_address_or_without_an_end_is_cut(craft, kernel, string):
    info = good().with_modules([(32 * MIB, 33 * MIB, string)])
    info.blobs[STRINGS] = b"x" * 0x8000
    machine = craft(info)
    check_counts(ready(machine), RAM, kernel, [(32 * MIB, 33 * MIB)])
    assert max(map(len, machine.lines())) < 300


# ---- the command line, the loader's name ----

@pytest.mark.parametrize("address", [0, 1, 0x500, 0xFFFF0, DEVICES, 0xFFFFF000, 0xFFFFFFF0, TOP], ids=hex)
def test_a_command_line_at_an_absurd_address_ends_in_a_verdict(craft, address):
    info = good()
    info.cmdline = address
    ends_in_a_verdict(craft(info))


def test_a_command_line_without_an_end_is_cut(craft):
    machine = craft(good().with_cmdline("-- exit 1; " + "walk 0; " * 0x10000, end=b""))
    assert machine.verdict() == "ready"
    log = machine.prompt()
    assert re.search(r"\bcut\b", machine.text()) and "quire> " not in log
    assert machine.finish() == 33


def test_4095_bytes_of_command_line_are_read_whole(craft):
    machine = craft(good().with_cmdline("-- exit 1".rjust(4095)))
    assert machine.exit_code() == 35
    assert not re.search(r"\bcut\b", machine.text())


def test_4096_bytes_are_cut_and_their_commands_do_not_run(craft):
    machine = craft(good().with_cmdline("-- exit 1".ljust(4096)))
    machine.prompt()
    assert re.search(r"\bcut\b", machine.text())
    assert machine.finish() == 33


def test_bytes_that_are_not_text_are_unknown_options(craft):
    info = good().with_cmdline("")
    info.blobs[CMDLINE] = bytes(range(1, 256)) * 8 + b" -- exit\0"
    assert craft(info).exit_code() == 33


LOADED = [
    # the loader's name, its command line, and the unknown options in it
    (b"qemu", "build/quire.elf odd", ["odd"]),
    (b"qemu", "/home/me/my kernels/quire.elf odd heap=debug", ["odd"]),
    (b"qemu", "a.elf b.elf odd", ["b.elf", "odd"]),
    (b"qemu", "build/quire test=*.elf", []),
    (b"qemu", "/tmp/quire odd -- echo x.elf", ["odd"]),
    (b"iPXE 1.0.0+git-20190125.36a4c85", "tftp://10.0.2.2/quire.elf odd", ["odd"]),
    (b"iPXE 1.21.1", "http://10.0.2.2/kernels/quire", []),
    (b"ISOLINUX 6.04 20200816 ", "/boot/quire.elf odd heap=debug", ["odd"]),
    (b"PXELINUX 6.04 ", "QUIRE.ELF odd", ["odd"]),
    (b"GNU GRUB 0.97", "/boot/quire.elf odd", ["odd"]),
    (b"GNU GRUB 0.97", "(hd0,0)/quire odd", ["odd"]),
    (b"GNU GRUB 0.97", "  /boot/quire.elf", []),
    (b"GRUB 2.06", "first.elf odd", ["first.elf", "odd"]),
    (b"GRUB 2.06", "/odd", ["/odd"]),
    (b"another", "heap=debug odd/even", ["odd/even"]),
    (b"another", "test=no/such", []),
    (b"another", "odd /x", ["odd", "/x"]),
    (b"another", "", []),
]


@pytest.mark.parametrize("name, line, unknown", LOADED)
def test_the_kernels_path_in_front_is_dropped_and_no_option_is_lost(craft, name, line, unknown):
    info = good().with_cmdline(line + ("; exit" if "--" in line else " -- exit"))
    info.name = NAME
    info.blobs[NAME] = name + b"\0"
    machine = craft(info)
    code = machine.exit_code()
    assert re.findall(r'unknown option "(.*)"', machine.text()) == unknown
    assert code == (35 if "test=" in line or "echo" in line else 33)
    assert ("heap=debug" in machine.text().split("kmalloc: ")[1]) == ("heap=debug" in line)


@pytest.mark.parametrize("address", [0, DEVICES, 0xFFFFFFFD, TOP, NAME], ids=hex)
def test_a_loaders_name_at_an_absurd_address_or_without_an_end_is_cut(craft, address):
    info = good()
    info.name = address
    info.blobs[NAME] = b"n" * 0x8000
    machine = craft(info)
    ready(machine)
    assert max(map(len, machine.lines())) < 300


# ---- the framebuffer ----

@pytest.mark.parametrize("framebuffer", [
    (0, 0, 0, 0, 0, 0), (2**64 - 1, TOP, TOP, TOP, 255, 255), (0xFD000000, 0, 1024, 768, 32, 1),
    (0xFD000000, 4096, 1024, 768, 0, 1), (0xFFFFFFFF, 4096, 1024, 768, 32, 1),
    (0x00100000, 4096, 1024, 768, 32, 1), (1 << 32, 4096, 1024, 768, 32, 1),
    (0xB8000, 160, 80, 25, 16, 2), (0xB8000, 160, 0, 0, 16, 2),
    (0, 160, 80, 25, 16, 2), (0xFD000000, 1024, 1024, 768, 8, 0),
], ids=lambda value: f"type{value[5]}-{value[0]:#x}")
def test_the_boot_is_ready_with_any_framebuffer(craft, framebuffer):
    info = good()
    info.framebuffer = (*framebuffer, bytes((255, 255, 0, 31, 8, 200)))
    ready(craft(info))


@pytest.mark.parametrize("pitch", [175000, 250000, 350000], ids=lambda pitch: f"{pitch * 768 // MIB}MiB")
def test_the_modules_have_their_place_beside_any_framebuffer(craft, pitch):
    info = good().with_modules([(32 * MIB, 33 * MIB, STRINGS)])
    info.framebuffer = (0x80000000, pitch, 1024, 768, 32, 1, bytes((16, 8, 8, 8, 0, 8)))
    ready(craft(info))


# ---- everything at once ----

@pytest.mark.parametrize("seed", range(24))
def test_random_information_ends_in_a_verdict(craft, kernel, seed):
    info = random_information(random.Random(seed), Elf(kernel))
    info.blobs = {address: data for address, data in info.blobs.items() if data}
    ends_in_a_verdict(craft(info))
