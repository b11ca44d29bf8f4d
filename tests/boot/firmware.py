"""What boots a disc: BIOS and UEFI firmware, the media, GRUB."""
import re
import shutil
from pathlib import Path

import pytest

OVMF = Path("/usr/share/OVMF")
LIMIT = 1200  # seconds, for what hangs. Bochs takes two minutes, several on a loaded machine

# Code, variables, machine options. The 32-bit build needs System Management Mode, which only q35 has.
FIRMWARE = {
    "uefi64": ("OVMF_CODE_4M.fd", "OVMF_VARS_4M.fd", ""),
    "uefi32": ("OVMF32_CODE_4M.secboot.fd", "OVMF32_VARS_4M.fd", ",smm=on"),
}


def firmware_options(firmware, kind, directory):
    """QEMU's options for a machine of KIND with FIRMWARE, whose variables go to DIRECTORY. The firmware's console
    comes over the serial line too: OVMF does that by itself, SeaBIOS with graphics=off."""
    if firmware == "bios":
        return ["-machine", f"{kind},graphics=off"]
    code, variables, extra = FIRMWARE[firmware]
    if not (OVMF / code).exists():
        pytest.skip(f"{code} is missing: install ovmf and ovmf-ia32")
    own = directory / variables
    shutil.copy(OVMF / variables, own)
    return ["-machine", kind + extra,
            "-drive", f"if=pflash,format=raw,readonly=on,file={OVMF / code}",
            "-drive", f"if=pflash,format=raw,file={own}"]


def medium_options(medium, iso):
    """QEMU's options to boot the image ISO as a disc, a USB stick or a disk; nothing is written to it."""
    if medium == "cdrom":
        return ["-drive", f"file={iso},media=cdrom,readonly=on"]
    drive = f"file={iso},format=raw,snapshot=on"
    if medium == "disk":
        return ["-drive", drive]
    return ["-device", "qemu-xhci", "-drive", f"{drive},if=none,id=stick",
            "-device", "usb-storage,drive=stick,removable=on"]


def check_grub(text):
    """GRUB has reported no error, neither before it used the serial line nor after."""
    assert "Welcome to GRUB!" in text
    assert "error:" not in text, re.search(r".*error:.*", text)[0]
