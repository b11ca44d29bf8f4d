"""Typing on the PC's keyboard: keys go down and up by QEMU's input-send-event.

Nothing here sleeps and hopes. A key's scan codes stay in the keyboard's queue until Quire has read them, and the
controller's status (port 0x64) tells, without a side effect, whether one is left. QEMU drops what does not fit the
queue of 16 bytes, so the next key is pressed only when the queue is empty."""
import time

from quire import LIMIT, BootError

STATUS_PORT, OUTPUT_FULL = 0x64, 0x01

NAMES = {" ": "spc", "\n": "ret", ".": "dot", "-": "minus", "=": "equal", "/": "slash", "\b": "backspace",
         "\t": "tab", ";": "semicolon", ",": "comma", "$": "shift-4", "_": "shift-minus", "+": "shift-equal",
         "*": "shift-8", '"': "shift-apostrophe", "~": "shift-grave_accent"}


def name(character):
    if character in NAMES:
        return NAMES[character]
    return f"shift-{character.lower()}" if character.isupper() else character


def send(machine, key):
    """Presses and releases one key, by QEMU's name ("shift-a"): its scan codes are in the keyboard's queue."""
    keys = key.split("-")
    events = [(key, True) for key in keys] + [(key, False) for key in reversed(keys)]
    machine.qmp("input-send-event", {"events": [
        {"type": "key", "data": {"down": down, "key": {"type": "qcode", "data": key}}} for key, down in events]})


def waiting(machine):
    """True while the controller holds a scan code that Quire has not read."""
    return int(machine.hmp(f"i /b {STATUS_PORT:#x}").split("=")[1], 16) & OUTPUT_FULL


def press(machine, key, limit=LIMIT):
    """Presses and releases one key, and waits until Quire has read it."""
    send(machine, key)
    deadline = time.monotonic() + limit
    while waiting(machine):
        if time.monotonic() > deadline:
            raise BootError(f"nobody reads the keyboard: {key}")
        time.sleep(0.005)


def write(machine, text):
    """Types TEXT, one key after another."""
    for character in text:
        press(machine, name(character))


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
