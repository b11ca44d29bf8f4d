"""The kernel's rooms, checked against the objects' symbols: references go down, and mm/ needs no more than
mm/imports.txt lists. References to tests/ are not looked for: a kernel built with TESTS=0 would not link."""
import shutil
import subprocess
from pathlib import Path

import pytest

import rooms

ROOT = Path(__file__).resolve().parents[2]
IMPORTS = [line.split() for line in (ROOT / "mm/imports.txt").read_text().splitlines()
           if line and not line.startswith("#")]
LINKERS = "i686-elf-ld", "i686-linux-gnu-ld", "ld.bfd", "ld", "ld.lld"


@pytest.fixture(params=[".", "variant/elf-gcc", "variant/gcc", "variant/clang"])
def objects(request, build):
    """The kernel's objects, by each compiler: what is inlined differs."""
    found = rooms.kernel_objects(ROOT, build / request.param)
    if not found:
        assert request.param != ".", f"no objects in {build}: run make first"
        pytest.skip(f"{request.param} was not built: its compiler is not on this machine")
    return found


def test_each_object_lies_in_a_room(objects):
    assert {each.room for each in objects} >= {"boot", "main", "monitor", "trap", "console", "mm", "lib"}
    assert [each.source for each in objects if each.room is None] == []


def test_no_room_refers_to_one_above_it(objects):
    assert [rooms.describe(call) for call in rooms.calls_upward(objects, rooms.contracts(ROOT))] == []


# ---- headers ----

def test_a_header_in_include_has_users_in_two_directories():
    """One that a single directory uses lies there."""
    users = rooms.users_of_headers(ROOT)
    assert len(users) > 50
    assert [str(header) for header, directories in users.items()
            if header.parts[0] == "include" and len(directories) < 2] == []


def test_a_header_in_a_room_has_users_there():
    users = rooms.users_of_headers(ROOT)
    assert [str(header) for header, directories in users.items()
            if header.parts[0] != "include" and not directories] == []


# ---- mm/ alone ----

def of_mm(objects):
    """The names that mm/ needs and does not define."""
    inside = [each for each in objects if each.room == "mm"]
    needed = set().union(*(each.needed for each in inside))
    return needed - set().union(*(each.defined for each in inside))


def by_compiler(name):
    """True for a name that the compiler uses by itself, whatever the source says."""
    return rooms.RUNTIME.fullmatch(name) is not None


def test_mm_needs_what_its_list_says_and_nothing_else(objects):
    listed = {name for name, _ in IMPORTS}
    assert [name for name in of_mm(objects) - listed if not by_compiler(name)] == []
    assert [name for name in listed - of_mm(objects) if not by_compiler(name)] == []


def test_mm_links_with_its_list_alone(objects, tmp_path):
    linker = next(filter(None, map(shutil.which, LINKERS)))
    names = {name for name, _ in IMPORTS} | set(filter(by_compiler, of_mm(objects)))
    files = [each.path for each in objects if each.room == "mm"]
    result = subprocess.run([linker, "-m", "elf_i386", "-e", "0", "-o", tmp_path / "mm.elf", *files,
                             *(f"--defsym={name}=0" for name in names)], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("name, header", IMPORTS)
def test_the_header_declares(name, header):
    assert name in rooms.declared(ROOT / header)


# ---- these tests can fail ----

def plant(directory, name, text):
    """An object from the assembler lines TEXT, as if it had been built from the source NAME."""
    source, output = directory / "planted.S", directory / "planted.o"
    source.write_text(text)
    compiler = next(filter(None, map(shutil.which, ("i686-elf-gcc", "i686-linux-gnu-gcc", "gcc", "clang"))))
    subprocess.run([compiler, "-m32", "-c", source, "-o", output], check=True)
    return rooms.read_object(output, name)


def test_a_planted_reference_upward_is_found(build, tmp_path):
    objects = rooms.kernel_objects(ROOT, build)
    planted = plant(tmp_path, "kernel/lib/planted.c",
                    "call monitor_run\n call panic_at\n call memcpy\n call kprintf\n")
    found = rooms.calls_upward([*objects, planted], rooms.contracts(ROOT))
    assert [rooms.describe(call) for call in found if call.caller == planted] == [
        "kernel/lib/planted.c (lib) uses monitor_run of kernel/monitor/monitor.c (monitor)"]


def test_a_planted_need_of_mm_is_found(build, tmp_path):
    objects = rooms.kernel_objects(ROOT, build)
    planted = plant(tmp_path, "mm/planted.c", "call panic_at\n call pm_alloc_page\n call serial_init\n")
    assert of_mm([*objects, planted]) - of_mm(objects) == {"serial_init"}


@pytest.mark.parametrize("source, room", [
    ("boot/boot.S", "boot"), ("kernel/main.c", "main"), ("kernel/lib/log.c", "lib"), ("mm/pm.c", "mm"),
    ("mm/debug/heap_debug.c", "mm"), ("fonts.o", "console"), ("kernel/attic/old.c", None), ("user/hello.c", None)])
def test_the_room_of(source, room):
    assert rooms.room_of(source) == room
