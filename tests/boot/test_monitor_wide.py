"""The monitor on a wide screen: commands typed at the PC's keyboard use its full width, and commands that come over
the serial line do not."""
import re

import pytest

import keys


@pytest.fixture
def wide(disc):
    """A machine with a framebuffer of 1280 x 800: 160 columns of characters."""
    machine = disc("uefi64", "cdrom", "q35", iso="quire.iso", extra=["-vga", "std"])
    machine.prompt()
    return machine


def typed(machine, command):
    keys.write(machine, command + "\n")
    return machine.prompt().split("\n")


def test_the_views_use_the_width_of_the_screen_for_the_keyboard_only(wide):
    def cells(lines):
        return [len(row) for row in re.findall(r"^0x[0-9a-f]{8}  ([TKHU.R-]{16,})$", "\n".join(lines), re.M)]

    assert "console of 160 x 50 characters" in "\n".join(wide.run("diagnose"))
    assert max(cells(typed(wide, "mem"))) == 128 and max(cells(wide.run("mem"))) == 64
    wide.run("colour off")
    grid = [row.split() for row in typed(wide, "pd") if re.match(r"0x[0-9a-f]{8}  ", row)]
    assert [len(row) for row in grid] == [65] * 16
    assert len([row for row in wide.run("pd") if re.match(r"0x[0-9a-f]{8}  ", row)]) == 32
    assert re.search(r"^0x00100000-0x[0-9a-f]{8} ro kernel text +\d+ pages  frames 0x00100000 and up$",
                     "\n".join(typed(wide, "maps")), re.M)
    assert all(re.fullmatch(r"0x[0-9a-f]{8}-0x[0-9a-f]{8,9} r[ow] [a-z ()]+", row) for row in wide.run("maps"))
