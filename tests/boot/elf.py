"""Reads the segments and symbols of a 32-bit little-endian ELF file."""
import struct
from collections import namedtuple

Segment = namedtuple("Segment", "type offset vaddr paddr file_size memory_size flags align")
Section = namedtuple("Section", "name type flags addr offset size link info align entry_size")
Symbol = namedtuple("Symbol", "name value size info other section")

PT_LOAD, SHT_SYMTAB, STT_FUNC, STB_LOCAL, SHN_UNDEF = 1, 2, 2, 0, 0


class Elf:
    def __init__(self, path):
        self.data = data = path.read_bytes()
        assert data[:6] == b"\x7fELF\x01\x01", f"{path} is no 32-bit little-endian ELF file"
        self.machine, = struct.unpack_from("<H", data, 18)
        fields = struct.unpack_from("<IIIIHHHHHH", data, 24)
        self.entry, phoff, shoff, _, _, phsize, phnum, shsize, shnum, _ = fields
        self.segments = [Segment(*struct.unpack_from("<8I", data, phoff + i * phsize)) for i in range(phnum)]
        self.sections = [Section(*struct.unpack_from("<10I", data, shoff + i * shsize)) for i in range(shnum)]
        self.symbols = [symbol for section in self.sections if section.type == SHT_SYMTAB
                        for symbol in self._symbols(section)]

    def _symbols(self, section):
        names = self.sections[section.link].offset
        for at in range(section.offset, section.offset + section.size, section.entry_size):
            name, value, size, info, other, index = struct.unpack_from("<IIIBBH", self.data, at)
            start = names + name
            text = self.data[start:self.data.index(b"\0", start)].decode()
            yield Symbol(text, value, size, info, other, index)

    def address(self, name):
        """The value of the symbol NAME. It must not be static: a compiler may drop, inline or rename what is."""
        return self.symbol(name).value

    def symbol(self, name):
        found = [symbol for symbol in self._global() if symbol.name == name]
        assert len(found) == 1, f"{name} is static, or is not there"
        return found[0]

    def functions(self):
        return {symbol.name for symbol in self.symbols if symbol.info & 15 == STT_FUNC}

    def defined(self):
        """The names that other objects can refer to."""
        return {symbol.name for symbol in self._global() if symbol.section != SHN_UNDEF}

    def undefined(self):
        """The names that other objects, or the linker script, must define."""
        return {symbol.name for symbol in self._global() if symbol.section == SHN_UNDEF}

    def _global(self):
        return (symbol for symbol in self.symbols if symbol.info >> 4 != STB_LOCAL)

    @property
    def loaded(self):
        return [segment for segment in self.segments if segment.type == PT_LOAD and segment.memory_size]

    @property
    def start(self):
        return min(segment.paddr for segment in self.loaded)

    @property
    def end(self):
        return max(segment.paddr + segment.memory_size for segment in self.loaded)
