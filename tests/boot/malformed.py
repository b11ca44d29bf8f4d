"""Multiboot information that is wrong: made up at random, mostly valid, with absurd values strewn in."""
from memmodel import Entry
from multiboot import NAME, STRINGS, Info

MIB = 1 << 20
RAM = [Entry(0, 0x9FC00, 1), Entry(0x9FC00, 0x400, 2), Entry(0xF0000, 0x10000, 2), Entry(MIB, 127 * MIB, 1)]
MEMORY = (639, 127 * 1024)  # the same in mem_lower and mem_upper
DEVICES = 0xFEB00000        # nothing answers there: reads give all ones
TOP = 0xFFFFFFFF


def good():
    return Info(memory=MEMORY).with_map(RAM)


def random_information(rng, elf):
    """Mostly valid, with absurd values strewn in."""
    absurd = [0, 1, 0x500, 0xB8000, elf.entry, elf.end - 8, 0x003FFFFC, 0x07FFFFF0, DEVICES, 0xFEE00000, 0xFFFFFFF4, TOP]

    def perhaps(value, chance=0.15):
        other = rng.choice([rng.choice(absurd), rng.getrandbits(32), rng.getrandbits(14)])
        return other if rng.random() < chance else value

    def entry():
        return Entry(rng.getrandbits(rng.choice((24, 32, 64))), rng.getrandbits(rng.choice((13, 27, 64))), rng.randrange(5))

    def module():
        start = perhaps(rng.randrange(8 * MIB, 100 * MIB))
        return start, perhaps(min(start + rng.getrandbits(20), TOP)), perhaps(STRINGS)

    info = good().with_map((RAM if rng.random() < 0.8 else []) + [entry() for _ in range(rng.choice((0, 3, 300)))])
    info.with_cmdline(rng.choice(["-- mem", "heap=guard x=1", "\\" * 99 + "\"", "x" * 5000]), end=rng.choice((b"", b"\0")))
    info.with_modules([module() for _ in range(rng.choice((0, 1, 20)))])
    info.name = perhaps(NAME)
    info.blobs |= {NAME: rng.choice((b"qemu\0", b"GRUB 2\0", rng.randbytes(99))), STRINGS: rng.randbytes(99)}
    info.memory = tuple(map(perhaps, info.memory))
    info.mmap = tuple(map(perhaps, info.mmap))
    info.mods = tuple(map(perhaps, info.mods))
    info.cmdline = perhaps(info.cmdline)
    info.framebuffer = (rng.getrandbits(64), *(perhaps(n, 0.5) for n in (4096, 1024, 768)), rng.choice((15, 16, 24, 32)),
                        rng.randrange(4), rng.randbytes(8))
    info.flags = perhaps(None)
    return info
