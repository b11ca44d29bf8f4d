"""Typing on the PC's keyboard, through QEMU's sendkey."""
import time

from quire import LIMIT, BootError

NAMES = {" ": "spc", "\n": "ret", ".": "dot", "-": "minus", "=": "equal", "/": "slash", "\b": "backspace",
         "\t": "tab", ";": "semicolon", ",": "comma", "$": "shift-4", "_": "shift-minus", "+": "shift-equal",
         "*": "shift-8", '"': "shift-apostrophe", "~": "shift-grave_accent"}


def name(character):
    if character in NAMES:
        return NAMES[character]
    return f"shift-{character.lower()}" if character.isupper() else character


def press(machine, key):
    """Presses one key, by QEMU's name, and waits until it has been released (QEMU holds it for 20 ms)."""
    machine.hmp(f"sendkey {key} 20")
    time.sleep(0.06)


def write(machine, text):
    """Types TEXT; what each key gives is waited for, on the serial line, where all that is shown goes too: a
    keyboard holds but some keys."""
    for character in text:
        machine.hmp(f"sendkey {name(character)} 20")
        if character >= " ":
            machine.expect(f"[{'' if character not in chr(92) + '^]' else chr(92)}{character}]")
        time.sleep(0.03)


def wait_for_screen(machine, wanted, limit=LIMIT):
    """The screen's rows, once WANTED(rows) is true of them."""
    deadline = time.monotonic() + limit
    while True:
        rows = machine.screen()
        if wanted(rows):
            return rows
        if time.monotonic() > deadline:
            raise BootError("the screen never showed it:\n" + "\n".join(rows))
        time.sleep(0.05)
