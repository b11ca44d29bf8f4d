"""Multiboot information of any kind, and a way to start Quire with it.

Multiboot 0.6.96, section 3.3. All addresses are physical."""
import shutil
import struct
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

MAGIC = 0x2BADB002  # what a Multiboot loader leaves in EAX
HERE = Path(__file__).parent

# What loader.S can do before it enters Quire: write a port, an MSR, a word of memory, a debug register; load the
# descriptor tables' registers with tables of its own.
ACTIONS = ("out", "msr", "store", "debug", "descriptors")

# Where the blocks lie unless a test puts them elsewhere: above the identity map, one far from the next.
INFO, MMAP, CMDLINE, MODS, NAME, STRINGS = (0x01000000 + i * 0x00100000 for i in range(6))

FLAG_MEMORY, FLAG_CMDLINE, FLAG_MODS = 1 << 0, 1 << 2, 1 << 3
FLAG_MMAP, FLAG_NAME, FLAG_FRAMEBUFFER = 1 << 6, 1 << 9, 1 << 12


@dataclass
class Info:
    """The information structure. A field's flag is set if the field is given; `flags` overrides that."""

    flags: int = None
    memory: tuple = None        # mem_lower, mem_upper
    cmdline: int = None
    mods: tuple = None          # mods_count, mods_addr
    mmap: tuple = None          # mmap_length, mmap_addr
    name: int = None            # boot_loader_name
    framebuffer: tuple = None   # addr, pitch, width, height, bpp, type, color_info (6 bytes; 8 as GRUB has it)
    blobs: dict = field(default_factory=dict)  # address: bytes; other contents of memory

    def pack(self):
        given = ((self.memory, FLAG_MEMORY), (self.cmdline, FLAG_CMDLINE), (self.mods, FLAG_MODS),
                 (self.mmap, FLAG_MMAP), (self.name, FLAG_NAME), (self.framebuffer, FLAG_FRAMEBUFFER))
        flags = sum(flag for value, flag in given if value is not None) if self.flags is None else self.flags
        return struct.pack(
            "<3I I I 2I 16x 2I 8x 4x I 4x 8x 8x QIIIBB8s",
            flags, *(self.memory or (0, 0)), 0, self.cmdline or 0, *(self.mods or (0, 0)),
            *(self.mmap or (0, 0)), self.name or 0, *(self.framebuffer or (0, 0, 0, 0, 0, 0, bytes(8))))

    def with_map(self, entries, size=20, address=MMAP):
        """Adds a memory map of (base, length, type) entries, each SIZE + 4 bytes long."""
        table = mmap_table(entries, size)
        self.mmap = (len(table), address)
        self.blobs[address] = table
        return self

    def with_cmdline(self, text, address=CMDLINE, end=b"\0"):
        self.cmdline = address
        self.blobs[address] = text.encode() + end
        return self

    def with_modules(self, modules, address=MODS):
        """Adds (start, end, string address) descriptors."""
        self.mods = (len(modules), address)
        self.blobs[address] = b"".join(struct.pack("<IIII", *module, 0) for module in modules)
        return self


def mmap_table(entries, size=20):
    return b"".join(struct.pack("<IQQI", size, *entry).ljust(size + 4, b"\xEE") for entry in entries)


def assemble(source, output):
    """Builds SOURCE, a file beside this one, with the first compiler found, to lie at 128 KiB."""
    gcc = next(filter(shutil.which, ("i686-elf-gcc", "i686-linux-gnu-gcc")), None)
    compiler = [gcc] if gcc else ["clang", "--target=i386-none-elf", "-fuse-ld=lld"]
    command = [*compiler, "-m32", "-nostdlib", "-static", "-Wl,-Ttext=0x20000,--build-id=none,-e,start,-N",
               "-o", str(output), str(HERE / source)]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


class Loader:
    """Starts Quire with crafted information."""

    def __init__(self, directory, source="loader.S"):
        self.directory = directory
        self.template = directory / "loader.elf"
        assemble(source, self.template)

    def options(self, directory, kernel, entry, blobs, *, magic=MAGIC, info=INFO, state=(0, 0, 0), actions=()):
        """Machine's options for a boot of KERNEL at ENTRY, with BLOBS {address: bytes} in memory. STATE is EFLAGS, bits
        to set in CR0, and CR4; 0 leaves each as it is. ACTIONS, (kind, where, value) each, come first: see ACTIONS."""
        assert len(actions) <= 24
        table = b"".join(struct.pack("<IIQ", ACTIONS.index(kind) + 1, where, value) for kind, where, value in actions)
        image = self.template.read_bytes()
        at = image.index(b"PATCH ME") + 8
        stub = directory / "stub.elf"
        patch = struct.pack("<6I", magic, info, entry, *state) + table
        stub.write_bytes(image[:at] + patch + image[at + len(patch):])
        extra = ["-device", f"loader,file={kernel}"]
        for address, data in blobs.items():
            path = directory / f"blob-{address:x}.bin"
            path.write_bytes(data)
            extra += ["-device", f"loader,file={path},addr={address:#x},force-raw=on"]
        return {"kernel": stub, "extra": extra}
