"""The host side: each cmocka test as one test here, the memmap tool against a model of its own, and real
programs over libkmalloc.so.

QEMU runs the programs where the system itself runs none for i386. A machine that has no compiler for i386 Linux,
or neither of the two, skips all of it and says so."""
import ctypes
import os
import random
import re
import subprocess
from pathlib import Path

import pytest

import memmodel
from i386_programs import runner

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BUILD = ROOT / os.environ.get("QUIRE_BUILD", "build")
HOST = BUILD / "host"
I386 = BUILD / "i386"
MAPS = sorted((ROOT / "tests" / "memmaps").glob("*.map"))

UNIT_TESTS = [*re.search(r"^HOST_TESTS := (.*)", (HERE / "host.mk").read_text(), re.M)[1].split(), "libkmalloc"]
SKIP = 77  # HOST_SKIP of support.h
ADDR_NO_RANDOMIZE = 0x0040000


def fixed_addresses():
    """Where a system spreads mappings widely, they can lie in the heap's range: not without randomizing."""
    ctypes.CDLL(None).personality(ADDR_NO_RANDOMIZE)


def run(*command, env=None, text=True, **options):
    return subprocess.run([str(word) for word in command], cwd=ROOT, env={**os.environ, **(env or {})}, text=text,
                          capture_output=True, timeout=300, preexec_fn=fixed_addresses, **options)


def runner_of(program):
    return runner(program, "--list")


def run_i386(program, *arguments, env=None, **options):
    """ENV is the program's, not QEMU's, which would preload what is for i386."""
    if qemu := runner_of(program):
        settings = [word for name, value in (env or {}).items() for word in ("-E", f"{name}={value}")]
        return run(*qemu, *settings, program, *arguments, **options)
    return run(program, *arguments, env=env, **options)


def why_not(program):
    """Why PROGRAM cannot be run here, or None."""
    if not program.exists():
        return f"{program.name} has not been built: no compiler for i386 Linux, or no i386 packages"
    try:
        runner_of(program)
    except OSError as error:
        return f"this machine does not run i386 programs: {error.strerror}"
    return None


def preload():
    return {"LD_PRELOAD": str(HOST / "libkmalloc.so")}


# ---- the unit tests ----

def unit_tests():
    for module in UNIT_TESTS:
        program = HOST / f"test_{module}"
        reason = why_not(program)
        names = ["all"] if reason else run_i386(program, "--list").stdout.split()
        for name in names:
            marks = [pytest.mark.skip(reason=reason)] if reason else []
            yield pytest.param(program, name, id=f"{module}-{name.removeprefix('test_')}", marks=marks)


@pytest.mark.parametrize("program, name", unit_tests())
def test_unit(program, name):
    result = run_i386(program, name, env=preload() if program.name == "test_libkmalloc" else None)
    if result.returncode == SKIP:
        pytest.skip(result.stdout.strip().splitlines()[-1])
    assert result.returncode == 0, result.stdout + result.stderr
    assert re.search(r"\[  PASSED  \] 1 test", result.stdout + result.stderr)


# ---- the memmap tool ----

@pytest.fixture(scope="module")
def memmap():
    program = HOST / "memmap"
    if reason := why_not(program):
        pytest.skip(reason)
    return lambda text: run_i386(program, input=text, text=not isinstance(text, bytes))


def lines_of(entries):
    return "".join(f"0x{base:x} 0x{length:x} {kind}\n" for base, length, kind in entries)


def expected(entries):
    ranges = memmodel.kept(memmodel.memory(entries))
    return "".join(f"0x{start * 4096:08x} 0x{end * 4096:08x}\n" for start, end in ranges)


@pytest.mark.parametrize("path", MAPS, ids=lambda path: path.stem)
def test_memmap_of_a_real_map(memmap, path):
    result = memmap(path.read_text())
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == expected(memmodel.read_map(path))


def test_there_are_a_hundred_maps():
    assert len(MAPS) == 100


def test_memmap_of_random_maps(memmap):
    rng = random.Random(1)
    near = [0, 0x100000, 0x101000, 1 << 20, 1 << 32, (1 << 32) - 4096, 1 << 63, (1 << 64) - 1]
    for _ in range(60):
        def number():
            wide = rng.choice([rng.getrandbits(64), rng.getrandbits(32), rng.getrandbits(24), rng.choice(near)])
            return min((1 << 64) - 1, max(0, wide + rng.choice([0, 0, 1, -1, 2048])))
        entries = [memmodel.Entry(number(), number() >> rng.choice([0, 8, 32, 40]), rng.choice([1, 1, 1, 2, 3, 0]))
                   for _ in range(rng.randrange(60))]
        result = memmap(lines_of(entries))
        assert (result.returncode, result.stderr) == (0, "")
        assert result.stdout == expected(entries), lines_of(entries)


def test_memmap_of_many_thousand_entries(memmap):
    entries = [memmodel.Entry(0x100000 + i * 0x3000, 0x2000, 1) for i in range(20000)]
    assert memmap(lines_of(entries)).stdout == expected(entries)


@pytest.mark.parametrize("text, ranges", [
    ("", ""),
    ("\n   \n# nothing\n\t# at all\n", ""),
    ("0x100000 0x100000 1\n", "0x00100000 0x00200000\n"),
    ("1048576 1048576 1", "0x00100000 0x00200000\n"),                          # decimal, no line's end
    ("  0X100000\t0x0100000   1 \r\n", "0x00100000 0x00200000\n"),
    ("0xAbCdE000 0x1000 0x1\n", "0xabcde000 0xabcdf000\n"),
    ("0x100000 0x1000 1 # a comment\n", "0x00100000 0x00101000\n"),
    ("010485760 4096 1\n", "0x00a00000 0x00a01000\n"),                         # no octal numbers
    ("0 18446744073709551615 1\n", "0x00100000 0x100000000\n"),
    ("0 0xffffffffffffffff 1\n0x200000 1 4294967295\n", "0x00100000 0x00200000\n0x00201000 0x100000000\n"),
    ("0x100000 0x1000 1\n0x101000 0x1000 1\n", "0x00100000 0x00102000\n"),     # merged where they touch
    ("0x300000 0x1000 1\n0x100000 0x1000 1\n", "0x00100000 0x00101000\n0x00300000 0x00301000\n"),
    ("0 0x100000 1\n", ""),
])
def test_memmap_prints_the_kept_ranges(memmap, text, ranges):
    result = memmap(text)
    assert (result.returncode, result.stdout, result.stderr) == (0, ranges, "")


@pytest.mark.parametrize("line", [
    "0x100000", "0x100000 0x1000", "x", "0x 0x1000 1", "0x100000 0x1000 one", "0x100000 0x1000 1 2", "0x100000 0x1000 1x",
    "0x100000 0x1000 1,", "-1 0x1000 1", "+1 0x1000 1", "0x100000 0x1000 -1", "100000h 1 1", "0xfg 1 1", "1a 1 1",
    "0x10000000000000000 1 1", "18446744073709551616 1 1", "99999999999999999999999 1 1", "0 0 4294967296",
    "0 0 0x100000001", "0x100000 # 0x1000 1", "0x1000000x1000 1", "0x100000, 0x1000, 1", "1.5 1 1", "0x100000 0x1000 1 \x01",
    "0 0 1\0", "\0",
], ids=repr)
def test_memmap_refuses_a_malformed_line(memmap, line):
    for before in 0, 1, 7:
        result = memmap("# a map\n" * before + line + "\n0x100000 0x1000 1\n")
        assert result.returncode == 2
        assert result.stdout == ""
        assert re.search(rf"\b{before + 1}\b", result.stderr)


def test_memmap_refuses_what_is_no_text(memmap):
    rng = random.Random(2)
    for _ in range(20):
        result = memmap(b"\xff" + rng.randbytes(5000))
        assert result.returncode == 2 and result.stdout == b""


# ---- the library ----

@pytest.fixture(scope="module")
def library():
    if not (HOST / "libkmalloc.so").exists():
        pytest.skip("libkmalloc.so has not been built: no compiler for i386 Linux")
    return HOST / "libkmalloc.so"


def test_the_library_exports_the_allocation_functions_only(library):
    symbols = run("readelf", "--dyn-syms", "-W", library).stdout
    defined = {fields[7].split("@")[0] for fields in map(str.split, symbols.splitlines())
               if len(fields) > 7 and fields[4] in ("GLOBAL", "WEAK") and fields[6] != "UND"}
    assert defined == {"malloc", "free", "calloc", "realloc", "reallocarray", "memalign", "aligned_alloc",
                       "posix_memalign", "malloc_usable_size"}


# ---- real programs ----

def loader():
    for path in I386 / "lib" / "ld-linux.so.2", I386 / "usr" / "lib" / "ld-linux.so.2":
        if path.exists():
            return path
    pytest.skip("no i386 packages here")


def with_libraries(program, *arguments, **options):
    """Runs it on the private root's libraries."""
    libraries = f"{I386}/lib/i386-linux-gnu:{I386}/usr/lib/i386-linux-gnu"
    try:
        return run_i386(loader(), "--library-path", libraries, program, *arguments, **options)
    except OSError as error:
        pytest.skip(f"this machine does not run i386 programs: {error.strerror}")


def run_both(library, least_allocations, name, *arguments, **options):
    """Runs NAME without and with the library: the same output, and the library did the work."""
    program = I386 / "usr" / "bin" / name
    without = with_libraries(program, *arguments, **options)
    assert (without.returncode, without.stderr) == (0, "")
    assert len(without.stdout.splitlines()) >= 5
    over = with_libraries(program, *arguments, env={**preload(), "QUIRE_HEAP_STATS": "1"}, **options)
    if "is not free here" in over.stderr:
        pytest.skip("the heap's addresses are taken on this system")
    assert over.returncode == 0, over.stderr
    assert over.stdout == without.stdout
    figures = re.fullmatch(r"libkmalloc: (\d+) allocations, (\d+) frees, (\d+) pages at most, (\d+) now\n", over.stderr)
    assert figures, over.stderr
    allocations, frees = int(figures[1]), int(figures[2])
    assert allocations >= least_allocations
    assert allocations * 0.9 <= frees <= allocations


def test_lua_runs_on_the_heap(library):
    run_both(library, 500_000, "lua5.4", HERE / "work.lua")


def test_sqlite_runs_on_the_heap_in_memory(library):
    run_both(library, 100_000, "sqlite3", "-batch", "-bail", "-init", "/dev/null", ":memory:",
             input=(HERE / "work.sql").read_text())


def test_sqlite_runs_on_the_heap_with_a_file(library, tmp_path):
    script = f".open --new {tmp_path / 'work.db'}\n" + (HERE / "work.sql").read_text()
    run_both(library, 100_000, "sqlite3", "-batch", "-bail", "-init", "/dev/null", input=script)


# ---- what make bench-host times ----

@pytest.mark.parametrize("heap", ["kernel", "pages", "malloc"])
@pytest.mark.parametrize("workload", ["W1", "W2", "W3", "W4", "W5", "W6"])
def test_the_heap_can_be_timed(heap, workload):
    program = BUILD / "bench" / "bench_heap"
    if reason := why_not(program):
        pytest.skip(reason)
    if runner_of(program):
        result = with_libraries(program, heap, workload)
    else:
        result = run(I386 / "run", program, heap, workload)  # as make bench-host does
    assert result.returncode == 0, result.stderr
    time, footprint = map(float, result.stdout.split())
    assert time >= 0 and (footprint > 0) == (heap != "kernel")
