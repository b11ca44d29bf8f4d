"""The benchmarks in the kernel and of programs: each prints its figures, the same on every run; none grows with memory,
and none exceeds its budget (tests/bench/budgets)."""
import fnmatch
import re
import warnings

import pytest

import budgets
from budgets import FIGURE, LIMIT, figures, figures_in
from quire import Machine

LARGE = {"memory": "4000M", "extra": ["-machine", "pc,max-ram-below-4g=4G"]}

NAMES = {
    "W1", "W2", "W3", "W4", "W5", "W6",
    "W2-footprint", "W3-footprint", "W4-footprint", "W5-footprint", "W6-footprint",
    "kmalloc-worst", "kfree-worst", "pm_alloc_page-worst", "pm_free_page-worst",
    "R0", "R50", "R99", "R99.99", "B0", "B50", "B99", "run16", "run256",
    "map1", "map256", "map16new", "map256new",
}

# Larger where there are more frames to play with: batches beyond what 64 MiB hold.
GROWING = {"B1000-99", "run4-scattered", "run8-scattered"}


@pytest.fixture(scope="module")
def small_text(once, kernel):
    """What a run on 64 MiB prints."""

    def run(folder):
        machine = Machine(folder / "log", kernel=kernel, cmdline="bench", icount=True, memory="64M")
        figures(machine)
        machine.close()
        (folder / "text").write_text(machine.text())

    return (once("bench", run) / "text").read_text()


@pytest.fixture(scope="module")
def small(small_text):
    return figures_in(small_text)


def test_each_figure_is_printed(small):
    assert NAMES - small.keys() == set()


def test_two_runs_agree_to_the_digit(small, boot):
    assert figures(boot(memory="64M", icount=True, cmdline="bench")) == small


@pytest.mark.parametrize("variant", budgets.COMPILERS)
def test_each_figure_keeps_to_its_budget(plain, boot, build, variant):
    kernel = build / "variant" / variant / "quire.elf"
    if not kernel.exists():
        pytest.skip(f"there is no kernel by {variant}: it is not on this machine")
    every, ranges = budgets.read()
    compiler = budgets.compiler(kernel)
    if compiler not in every:
        pytest.skip(f"there are no budgets for {compiler}")
    budget, found = every[compiler], budgets.measure(boot, kernel)
    assert budget.keys() == found.keys(), "write them anew: make budgets"
    least = {name: most * (1 - ranges.get(name, 0) / 100) for name, most in budget.items()}
    most = {name: most * (1 + ranges.get(name, 0) / 100) for name, most in budget.items()}
    assert {name: (found[name], budget[name]) for name in found if found[name] > most[name]} == {}
    faster = {name: (found[name], budget[name]) for name in found if found[name] < least[name]}
    if faster:
        warnings.warn(f"{variant} takes fewer instructions than its budget: lower it by make budgets. {faster}")


@pytest.mark.long
def test_no_figure_grows_with_memory(small, boot):
    large = figures(boot(icount=True, cmdline="bench", **LARGE))
    assert large.keys() == small.keys()
    assert {name: (small[name], large[name]) for name in small.keys() - GROWING
            if large[name] > small[name] * 1.1} == {}


def test_a_pattern_chooses(boot):
    assert figures(boot(memory="64M", icount=True, cmdline="bench=map1")).keys() == {"map1"}
    chosen = figures(boot(memory="64M", icount=True, cmdline="bench=W2*")).keys()
    assert chosen == {"W2", "W2-footprint"}


def test_the_table_shows_target_and_others(boot):
    machine = boot(memory="64M", icount=True, cmdline="bench=W1")
    figure = figures(machine)["W1"]
    assert re.search(rf"^W1 +{figure}[! ] +40 +51 rpmalloc", machine.text(), re.M)


def test_the_table_marks_a_figure_above_its_target(boot):
    machine = boot(memory="64M", icount=True, cmdline="bench=W*")
    figures(machine)
    rows = re.findall(r"^(W\S+) +(\d+\.\d+)([! ]) +(\d+\.?\d*)  ", machine.text(), re.M)
    assert len(rows) == 11
    assert all((float(figure) > float(target)) == (mark == "!") for _, figure, mark, target in rows)
    assert {mark for *_, mark, _ in rows} == {"!", " "}


def test_a_legend_says_what_each_figure_is(small, small_text):
    names = small.keys()
    legend = re.findall(r"^  (\S+) +\S.*$", small_text.split("! marks a figure above its target.\n")[1], re.M)
    assert [name for name in names if not any(fnmatch.fnmatch(name, pattern) for pattern in legend)] == []
    assert [pattern for pattern in legend if not fnmatch.filter(names, pattern)] == []
    assert max(map(len, small_text.split("\n")[-len(legend) - 2:])) < 80


def test_a_pattern_that_matches_nothing_fails(boot):
    machine = boot(icount=True, cmdline="bench=NOSUCH*")
    assert machine.exit_code() == 35
    assert "no benchmark has a name like NOSUCH*" in machine.text()


def test_without_a_time_stamp_counter_it_says_so(boot):
    machine = boot(cpu="486", cmdline="bench")
    assert machine.exit_code() == 35
    assert "has no time-stamp counter" in machine.text()


def test_without_enough_memory_it_says_so(boot):
    machine = boot(memory="8M", icount=True, cmdline="bench=W4")
    assert machine.exit_code() == 35
    assert re.search(r"^bench: W4 cannot run: it takes \d+ frames, and \d+ are free$", machine.text(), re.M)


def test_a_clock_that_counts_no_instructions_is_no_figure_in_instructions(boot):
    machine = boot(cmdline="bench=map1")
    assert machine.exit_code() == 33
    assert re.search(r"^bench map1: \d+\.\d ticks/op \(ops \d+\)$", machine.text(), re.M)


def test_at_the_prompt(boot):
    machine = boot(icount=True, memory="64M")
    machine.prompt()
    before = [line for line in machine.run("mem") if line.startswith("frames: ")]
    assert any(FIGURE.match(line) for line in machine.run("bench map1", limit=LIMIT))
    assert any(FIGURE.match(line) for line in machine.run("bench W2", limit=LIMIT))
    assert [line for line in machine.run("mem") if line.startswith("frames: ")] == before
    assert any(line.startswith("error: ") for line in machine.run("bench NOSUCH*"))
    machine.run("alloc 100")
    assert any(line.startswith("error: ") for line in machine.run("bench W2"))
    assert machine.finish() == 33


# ---- programs: user/bench ----

# The lesser of what Linux 6.1 and Tilck take, in instructions, measured in the same way (docs/notes/process.md).
OTHERS = {"getpid": 259, "touch": 2541, "touch-table": 5387, "cow": 2546, "cow-sole": 211, "fork64": 115_000,
          "fork256": 125_000, "fork1024": 177_000, "yield": 1058, "pipe": 4491, "exec": 73_000, "mmap1": 4166,
          "mmap256": 12_340, "munmap256": 116_000, "protect256": 18_203}
NOT_ELSEWHERE = {"mmap-refused"}


def test_programs_are_served_faster_than_elsewhere(boot, build):
    machine = boot(modules=[f"{build / 'user' / 'bench'} bench"], icount=True, cmdline="-- run bench; exit")
    found = figures(machine)
    assert found.keys() == OTHERS.keys() | NOT_ELSEWHERE
    assert {name: (found[name], other) for name, other in OTHERS.items() if found[name] >= other} == {}
