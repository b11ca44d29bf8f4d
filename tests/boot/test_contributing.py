"""CONTRIBUTING.md: its examples, built as a newcomer would build them, do what it says."""
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
TREE = ("Makefile", "VERSION", "linker.ld", "boot", "include", "iso", "kernel", "labs", "mm", "tests", "tools",
        "user", "web")


def examples():
    """{path: text} of each C block, under the path that stands last, in backticks, before it."""
    text = (ROOT / "CONTRIBUTING.md").read_text()
    found = {}
    for block in re.finditer(r"```c\n(.*?)```", text, re.S):
        path = re.findall(r"`((?:kernel|tests|user)/[\w/]+\.c)`", text[:block.start()])[-1]
        found[path] = block[1]
    return found


@pytest.fixture(scope="module")
def kernel(tmp_path_factory, give_objects):
    """A kernel of this tree and the examples."""
    tree = tmp_path_factory.mktemp("contributing")
    for name in TREE:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(ROOT / name, tree / name)
    give_objects(tree)
    for path, text in examples().items():
        (tree / path).write_text(text)
    make = subprocess.run(["make", "-j2"], cwd=tree, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert make.returncode == 0 and "warning" not in make.stdout, make.stdout[-3000:]
    return tree / "build" / "quire.elf"


def test_there_are_a_command_a_test_a_handler_and_a_program():
    assert set(examples()) == {"kernel/monitor/sum.c", "tests/kernel/test_sum.c", "kernel/monitor/rtc.c",
                               "user/count.c"}


def test_the_command_works_and_has_its_help(boot, kernel):
    machine = boot(kernel=kernel)
    machine.prompt()
    assert machine.run("sum 1M 0x10") == ["0x00100010"]
    assert machine.run("help sum")[0] == "sum A B"
    assert machine.finish() == 33


def test_the_test_runs(boot, kernel):
    machine = boot(kernel=kernel, cmdline="test=sum_adds*")
    assert machine.exit_code(60) == 33
    assert "ok 1 sum_adds_its_arguments" in machine.text()


def test_the_handler_counts(boot, kernel):
    machine = boot(kernel=kernel)
    machine.prompt()
    assert machine.run("rtc") == ["0"]
    counts = [int(machine.run("rtc")[0])]
    while counts[-1] == 0 and len(counts) < 1000:
        counts.append(int(machine.run("rtc")[0]))
    assert counts[-1] > 0
    assert machine.finish() == 33


def test_the_program_counts(boot, kernel):
    machine = boot(kernel=kernel, modules=[kernel.parent / "user" / "count"])
    machine.prompt()
    lines = machine.run("run count 3")
    assert lines[:3] == ["1", "2", "3"] and re.fullmatch(r"\d+ page faults", lines[3])
    assert machine.finish() == 33
