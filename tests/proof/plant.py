#!/usr/bin/env python3
"""plant.py [NAME...]: plants bugs, and sees that each is found.

A planted bug is a patch, plants/NAME.patch. Its first lines say what it breaks; one of them is

    Found by: FILE TEST [HEAP]

FILE is a test's source: tests/host/test_*.c, tests/kernel/test_*.c or tests/boot/test_*.py. HEAP, of a test in the
kernel, is the option that it needs: heap=debug or heap=guard. A copy of the tree is patched, what TEST needs is built
there, and TEST alone is run. It must fail: an error, a crash or a time-out elsewhere is no find. (A sanitizer's report
while TEST runs counts, and a panic: in a program's system call none is caught.) Without NAME, all are planted."""
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "boot"))
from i386_programs import runner  # noqa: E402

BUILD = ROOT / os.environ.get("QUIRE_BUILD", "build")
PLANTS = Path(__file__).resolve().parent / "plants"
NAMES = sorted(path.stem for path in PLANTS.glob("*.patch"))

LEFT_OUT = ("docs", BUILD.name)
OUTPUTS = ("*.stamp", "*.h", "*.S", "*.o", "boot", "kernel", "mm", "tests", "user", "host")
LIMIT = 120  # seconds, for a build and for a run


class NotFound(AssertionError):
    """A planted bug that its test did not find, or that cannot be planted."""


def run(tree, *command, **options):
    """COMMAND in TREE; its result, and its output as text."""
    environment = {**os.environ, "MAKEFLAGS": "", "MAKELEVEL": "", "QUIRE_BUILD": "build"}
    result = subprocess.run(command, cwd=tree, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, timeout=LIMIT, **options)
    return result.returncode, result.stdout.decode(errors="replace")


def must(tree, *command):
    code, output = run(tree, *command)
    if code:
        raise NotFound(f"{' '.join(map(str, command))}: exit code {code}\n{output[-2000:]}")


def copy_file(path, to):
    """A link will do where the file is replaced when it changes, as patch, the assembler and the linker do it."""
    try:
        if BUILD not in Path(path).parents or Path(path).suffix in ("", ".o"):
            return os.link(path, to)
    except OSError:
        pass  # another file system
    return shutil.copy2(path, to)


def copy(path, folder):
    if path.is_dir():
        shutil.copytree(path, folder / path.name, copy_function=copy_file)
    else:
        copy_file(path, folder / path.name)


def copy_tree(tree):
    """The sources and what has been built from them, with their times: make builds only what a patch changes."""
    (tree / "build").mkdir()
    for path in ROOT.glob("[!.]*"):
        if path.name not in LEFT_OUT:
            copy(path, tree)
    for path in (path for pattern in OUTPUTS for path in BUILD.glob(pattern)):
        copy(path, tree / "build")
    for name in "i386", "v86":
        (tree / "build" / name).symlink_to(BUILD / name)


# ---- the three kinds of test: build, run, and whether TEST has failed ----

def fails_on_host(tree, file, test, _):
    program = f"build/host/{Path(file).stem}"
    must(tree, "make", "-s", program)
    _, output = run(tree, *runner(tree / program, "--list"), program, test)
    return re.search(rf"\[  FAILED  \] {test}|runtime error: |ERROR: AddressSanitizer", output), output


def fails_in_kernel(tree, _, test, heap):
    """The first link of the kernel will do: it lacks the symbol table, without which no debugging heap is installed."""
    kernel = "build/quire.elf" if heap else "build/quire.pass1.elf"
    must(tree, "make", "-s", kernel)
    _, output = run(tree, "qemu-system-i386", "-kernel", kernel, "-append", f"{heap} test={test}", "-m", "64M",
                    "-display", "none", "-serial", "stdio", "-monitor", "none", "-nic", "none", "-no-reboot",
                    "-device", "isa-debug-exit,iobase=0xf4,iosize=4")
    return re.search(rf"^1\.\.1\r?\n(.*\n)*?(not ok 1 {test}|(PANIC|page fault): .*)\r?$", output, re.M), output


def fails_at_boot(tree, file, test, _):
    must(tree, "make", "-s", "all")
    _, output = run(tree, sys.executable, "-m", "pytest", "-q", "-n0", "-rf", f"{file}::{test}")
    return re.search(rf"^FAILED \S*{re.escape(file.removeprefix('tests/'))}::{re.escape(test)}", output, re.M), output


KINDS = {"host": fails_on_host, "kernel": fails_in_kernel, "boot": fails_at_boot}


def plant(name):
    """Plants NAME in a copy of the tree; NotFound unless its test fails there."""
    patch = PLANTS / f"{name}.patch"
    found_by = re.search(r"^Found by: (tests/(host|kernel|boot)/\S+) (\S+)(?: (heap=\w+))?$", patch.read_text(), re.M)
    if not found_by:
        raise NotFound(f"{patch.name} does not say which test finds it")
    file, kind, test, heap = found_by.groups("")
    (BUILD / "plants").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f"{name}.", dir=BUILD / "plants") as folder:
        tree = Path(folder)
        copy_tree(tree)
        must(tree, "patch", "-s", "-p1", "--fuzz=1", "-i", patch)
        try:
            failed, output = KINDS[kind](tree, file, test, heap)
        except subprocess.TimeoutExpired as error:
            raise NotFound(f"{file} {test} did not end: {error}") from None
    if not failed:
        raise NotFound(f"{file} {test} does not find it:\n{output[-2000:]}")


def main():
    lost = 0
    for name in sys.argv[1:] or NAMES:
        try:
            plant(name)
            print(f"found  {name}", flush=True)
        except NotFound as error:
            lost += 1
            print(f"LOST   {name}: {error}", flush=True)
    sys.exit(f"{lost} planted bugs are not found" if lost else 0)


if __name__ == "__main__":
    main()
