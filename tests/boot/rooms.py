"""The rooms of the kernel's source (CONTRIBUTING.md), and which of them refers to which, as the objects' symbols
tell: every name that one object leaves undefined and another one defines."""
import re
from collections import namedtuple
from pathlib import Path

from elf import Elf

# From the top. A room refers to rooms below it only.
ORDER = ["boot", "main", "monitor", "process", "trap", "console", "multiboot", "mm", "machine", "lib"]

# What the compiler calls by itself. It may be called from everywhere, and calls nothing but panic_at.
RUNTIME = re.compile(r"__stack_chk_(fail|guard)|__ubsan_\w+|mem(cpy|move|set|cmp)|__\w+di3")

# Objects that the build makes from no source file.
GENERATED = {"fonts.o": "console", "symtab.o": "lib"}

Object = namedtuple("Object", "path source room defined needed")
Call = namedtuple("Call", "caller name callee")


def room_of(source):
    """The room that SOURCE (a path from the root, or a generated object's name) lies in; None if in none."""
    parts = Path(source).parts
    if source in GENERATED:
        return GENERATED[source]
    if parts[0] == "kernel":
        room = "main" if len(parts) == 2 else parts[1]
    else:
        room = parts[0]
    return room if room in ORDER else None


def read_object(path, source):
    elf = Elf(path)
    return Object(path, source, room_of(source), elf.defined(), elf.undefined())


def kernel_objects(root, build):
    """The objects below BUILD whose sources are in the kernel's rooms below ROOT. An object that a build left
    behind, whose source is gone, does not count."""
    sources = [path.relative_to(root) for top in ("boot", "kernel", "mm")
               for path in (root / top).rglob("*.[cS]")]
    objects = {str(source): build / f"{source}.o" for source in sources}
    objects.update({name: build / name for name in GENERATED})
    return [read_object(path, source) for source, path in sorted(objects.items()) if path.exists()]


def declared(header):
    """Every name in HEADER, comments aside."""
    return set(re.findall(r"\w+", re.sub(r"/\*.*?\*/", "", header.read_text(), flags=re.S)))


def users_of_headers(root):
    """{header, by its path from ROOT: the directories whose files include it}. A name in quotes means the including
    file's own directory, or include/."""
    users = {path.relative_to(root): set() for top in ("include", "kernel", "mm") for path in (root / top).rglob("*.h")}
    for path in (path for top in ("boot", "kernel", "mm", "tests") for path in (root / top).rglob("*.[chS]")):
        directory = path.relative_to(root).parent
        for name in re.findall(r'^#include "([\w./]+)"', path.read_text(), re.M):
            header = directory / name if directory / name in users else Path("include") / name
            if header in users and header != path.relative_to(root):
                users[header].add(directory)
    return users


def contracts(root):
    """Names that every room may use: panics, and the addresses of the image's parts and stacks."""
    panic = {name for name in declared(root / "include/panic.h") if name.startswith("panic_")}
    return panic | declared(root / "include/memlayout.h")


def calls_upward(objects, allowed):
    """The Calls, or other references by name, from a room to one above it, but for the names ALLOWED."""
    home = {name: each for each in objects for name in each.defined}
    calls = [Call(each, name, home[name]) for each in objects for name in sorted(each.needed) if name in home]
    return [call for call in calls
            if ORDER.index(call.callee.room) < ORDER.index(call.caller.room)
            and call.name not in allowed and not RUNTIME.fullmatch(call.name)]


def describe(call):
    return f"{call.caller.source} ({call.caller.room}) uses {call.name} of {call.callee.source} ({call.callee.room})"
