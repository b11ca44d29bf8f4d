#!/usr/bin/env python3
"""Budgets: how many instructions each figure may take (tests/bench/budgets).

budgets.py  measures with the kernel of each compiler that is here (build/variant/), and writes the file anew."""
import os
import re
import sys
from pathlib import Path

from quire import Machine

ROOT = Path(__file__).resolve().parent.parent.parent
FILE = ROOT / "tests" / "bench" / "budgets"
FIGURE = re.compile(r"^bench (\S+): (?:(\d+\.\d) insns/op \(ops \d+\)(?:, worst \d+)?|(\d+\.\d\d) peak/payload)$", re.M)
READY = re.compile(r"^quire: ready after (\d+) instructions$", re.M)
LIMIT = 600
COMPILERS = ("gcc", "clang", "elf-gcc")  # the kernels in build/variant/

HEAD = """\
# Budgets: instructions, and peak / payload, on 64 MiB; a column for each compiler. tests/boot/test_bench.py checks them:
# more is a failure, less asks to lower the budget here. make budgets writes this file anew. The counts are the same on
# every run. A figure with a range depends on what else is in the kernel:
#   runN, kmalloc-worst-full and -huge, program/fork and exec   which frames are free depends on the image's size
#   boot                                                        what is logged, and the frames that the image takes
# program/NAME is user/bench's NAME, in ring 3.
"""
RANGES = {"run16": 10, "run256": 10, "run16-shuffled": 10, "run256-shuffled": 10, "run4-scattered": 10,
          "run8-scattered": 10, "kmalloc-worst-full": 1, "kmalloc-worst-huge": 10, "boot": 5, "program/exec": 1,
          "program/fork64": 1, "program/fork256": 1, "program/fork1024": 1}


def compiler(kernel):
    """What built the kernel, as its .comment section says: gcc-12, clang-14, ..."""
    found = re.search(rb"GCC: \([^)]*\) (\d+)\.|clang version (\d+)", kernel.read_bytes())
    return f"gcc-{found[1].decode()}" if found[1] else f"clang-{found[2].decode()}"


def figures(machine):
    """{name: figure} of a whole run; each is printed once."""
    assert machine.exit_code(LIMIT) == 33, machine.text()[-2000:]
    return figures_in(machine.text())


def figures_in(text):
    found = [(name, float(insns or ratio)) for name, insns, ratio in FIGURE.findall(text)]
    assert len(dict(found)) == len(found)
    return dict(found)


def measure(start, kernel):
    """{name: figure} of KERNEL: the benchmarks in it, the boot, and those of user/bench, named program/NAME."""
    inside = start(kernel=kernel, memory="64M", icount=True, cmdline="bench")
    found = {**figures(inside), "boot": float(READY.search(inside.text())[1])}
    program = kernel.parent / "user" / "bench"
    outside = start(kernel=kernel, memory="64M", icount=True, modules=[f"{program} bench"], cmdline="-- run bench; exit")
    return {**found, **{f"program/{name}": figure for name, figure in figures(outside).items()}}


def read():
    """{compiler: {name: budget}}, and {name: range in percent}."""
    lines = [line.split() for line in FILE.read_text().splitlines() if not line.startswith("#")]
    compilers = lines[0][1:-1]
    budgets = {compiler: {line[0]: float(line[1 + i]) for line in lines[1:] if line[1 + i] != "-"}
               for i, compiler in enumerate(compilers)}
    return budgets, {line[0]: int(line[-1].rstrip("%")) for line in lines[1:] if line[-1].endswith("%")}


def text(figure):
    return f"{figure:.2f}" if figure < 10 else f"{figure:.1f}"


def write(budgets):
    names = list(dict.fromkeys(name for found in budgets.values() for name in found))
    rows = [["figure", *budgets, "range"]]
    for name in names:
        rows.append([name, *(text(found[name]) if name in found else "-" for found in budgets.values()),
                     f"{RANGES[name]}%" if name in RANGES else ""])
    lines = [f"{row[0]:<22}" + "".join(f"{cell:>12}" for cell in row[1:]) for row in rows]
    FILE.write_text(HEAD + "".join(line.rstrip() + "\n" for line in lines))


def main():
    build = ROOT / os.environ.get("QUIRE_BUILD", "build")
    budgets = read()[0] if FILE.exists() else {}

    def start(**options):
        return Machine(build / "logs" / "budgets.log", **options)

    for kernel in (build / "variant" / name / "quire.elf" for name in COMPILERS):
        if kernel.exists():
            budgets[compiler(kernel)] = measure(start, kernel)
    write(budgets)
    print(f"Recorded in {FILE.relative_to(ROOT)}")


if __name__ == "__main__":
    sys.exit(main())
