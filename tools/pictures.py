#!/usr/bin/env python3
"""pictures.py KERNEL DIRECTORY: what the monitor looks like on a PC's screen of 80 x 25.

Boots KERNEL in QEMU, types a few commands on the PC's keyboard, and writes a PNG of the screen after each."""
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "boot"))
import keys  # noqa: E402
from quire import Machine  # noqa: E402

# What is typed before, and the command that the picture is of.
PICTURES = {
    "pd": (["page off"], "pd"),
    "trace": (["alloc 100"], "trace alloc 5000"),
    "fault": ([], "fault null"),
    "mem": (["alloc 2M"], "mem"),
    "walk": ([], "walk $1"),
    "clone": ([], "trace run clone"),
}


def take(machine, before, command, picture):
    for line in before:
        machine.run(line)
    machine.run("clear")
    keys.write(machine, command)
    keys.press(machine, "ret")
    machine.prompt()
    time.sleep(0.5)  # QEMU draws some 30 times a second
    machine.qmp("screendump", {"filename": str(picture.resolve()), "format": "png"})


def main(kernel, directory):
    Path(directory).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        machine = Machine(Path(scratch) / "pictures.log", kernel=kernel, extra=["-vga", "std"],
                          modules=[Path(kernel).parent / "user" / "clone"])
        try:
            machine.prompt()
            for name, (before, command) in PICTURES.items():
                take(machine, before, command, Path(directory) / f"{name}.png")
        finally:
            machine.close()


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: pictures.py KERNEL DIRECTORY")
    main(*sys.argv[1:])
