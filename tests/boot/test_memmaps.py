"""The memory maps of a hundred real machines, each handed to Quire in a boot.

QEMU has 3,500 MiB here; where a map has memory beyond, pm counts those frames, but nothing touches them."""
from pathlib import Path

import pytest

import memmodel
import monitor
from multiboot import Info

MAPS = sorted((Path(__file__).parent.parent / "memmaps").glob("*.map"))


def test_the_maps_are_here():
    assert len(MAPS) >= 100


@pytest.mark.parametrize("path", MAPS, ids=lambda path: path.stem)
def test_the_frames_kept_are_those_of_the_rule_on(craft, kernel, path):
    entries = memmodel.read_map(path)
    machine = craft(Info().with_map(entries), memory="3500M")
    machine.prompt()
    monitor.check_counts(monitor.mem(machine), entries, kernel)
    assert machine.finish() == 33
