"""The kernel as a file: its Multiboot header, and where it lies."""
import shutil
import struct
import subprocess

import pytest

from elf import Elf

MAGIC = 0x1BADB002
PAGE_ALIGN, MEMORY_INFO, VIDEO_MODE = 1, 2, 4


@pytest.fixture(params=["quire.elf", "variant/elf-gcc/quire.elf",
                        "variant/gcc/quire.elf", "variant/clang/quire.elf"])
def image(request, build):
    path = build / request.param
    if not path.exists():
        assert request.param != "quire.elf", f"{path} is missing: run make first"
        pytest.skip(f"{request.param} was not built: its compiler is not on this machine")
    return path


def header(path):
    """Where the header lies in the file, and its first words (Multiboot 0.6.96, section 3.1)."""
    data = path.read_bytes()[:8192]
    for at in range(0, len(data) - 48 + 1, 4):
        words = struct.unpack_from("<12I", data, at)
        if words[0] == MAGIC:
            return at, words
    raise AssertionError("no Multiboot header in the first 8,192 bytes")


def test_the_multiboot_header_is_well_formed(image):
    _, (magic, flags, checksum, *_) = header(image)
    assert (magic + flags + checksum) % 2**32 == 0
    assert flags == PAGE_ALIGN | MEMORY_INFO | VIDEO_MODE


def test_the_header_asks_for_text_where_there_is_a_choice(image):
    _, words = header(image)
    assert words[8] == 1  # mode_type: EGA text


def test_grub_takes_it_for_a_multiboot_kernel(image):
    if not shutil.which("grub-file"):
        pytest.skip("grub-file is not installed")
    assert subprocess.run(["grub-file", "--is-x86-multiboot", image]).returncode == 0


def test_the_image_begins_at_1_mib_and_ends_in_time(image):
    elf = Elf(image)
    assert elf.machine == 3  # i386
    assert elf.start == 0x00100000
    assert elf.end <= 0x002D0000
    assert elf.start <= elf.entry < elf.address("text_end")


def test_it_is_loaded_where_it_is_linked(image):
    elf = Elf(image)
    assert all(segment.vaddr == segment.paddr for segment in elf.loaded)
    assert max(segment.paddr + segment.memory_size for segment in elf.loaded) <= elf.address("kernel_end")


@pytest.fixture
def listing():
    """listing(image): its instructions, a line each."""
    tools = ("i686-elf-objdump", "i686-linux-gnu-objdump", "objdump", "llvm-objdump")
    objdump = next(filter(shutil.which, tools), None)
    if not objdump:
        pytest.skip("no objdump is installed")

    def disassemble(image):
        command = [objdump, "-d", "--no-show-raw-insn", image]
        text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        return [line.split("\t")[1] for line in text.splitlines() if "\t" in line]

    return disassemble


def test_nothing_needs_a_newer_processor_than_a_486(image, listing):
    """No CMOV, no SSE, no FENCE: looked for among the instructions."""
    instructions = {line.split()[0] for line in listing(image)}
    assert "mov" in instructions or "movl" in instructions
    beginnings, ends = ("cmov", "fcmov", "sysenter", "cmpxchg8b"), ("fence", "ss", "sd", "ps", "pd")
    assert [name for name in instructions if name.startswith(beginnings) or name.endswith(ends)] == []


def words_to_ports(instructions):
    return [line for line in instructions if line.startswith("out") and "%eax" in line]


def test_only_the_labs_kernel_tells_what_it_does(image, listing, build):
    """Nothing else in the kernel writes a word to a port (include/lab.h)."""
    assert words_to_ports(listing(image)) == []
    lab = build / "variant" / "lab" / "quire.elf"
    if lab.exists():
        assert len(words_to_ports(listing(lab))) > 50
