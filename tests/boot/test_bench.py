"""The benchmarks in the kernel: each prints its figures, the same on every run; none grows with memory, and
none exceeds its recorded ceiling (tests/bench/ceilings/gcc-12.txt)."""
import os
import re
from pathlib import Path

import pytest

from quire import Machine

CEILINGS = Path(__file__).resolve().parent.parent / "bench" / "ceilings" / "gcc-12.txt"
FIGURE = re.compile(r"^bench (\S+): (?:(\d+\.\d) insns/op \(ops \d+\)|(\d+\.\d\d) peak/payload)$", re.M)
LIMIT = 600

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


def figures(machine):
    """{name: figure} of a whole run; each is printed once."""
    assert machine.exit_code(LIMIT) == 33, machine.text()[-2000:]
    found = [(name, float(insns or ratio)) for name, insns, ratio in FIGURE.findall(machine.text())]
    assert len(dict(found)) == len(found)
    return dict(found)


@pytest.fixture(scope="module")
def small(module_boot):
    """The figures on 64 MiB."""
    return figures(module_boot("small", memory="64M"))


@pytest.fixture(scope="module")
def module_boot(build, kernel):
    """One run serves several tests."""
    machines = []

    def start(name, **options):
        worker = os.environ.get("PYTEST_XDIST_WORKER", "")  # each runs this file's small machine once
        log = build / "logs" / f"test_bench.{name}{worker}.log"
        machines.append(Machine(log, kernel=kernel, cmdline="bench", icount=True, **options))
        return machines[-1]

    yield start
    for machine in machines:
        machine.close()


def compiler(kernel):
    """What built the kernel, as it says itself."""
    found = re.search(rb"GCC: \([^)]*\) (\d+)\.|clang version (\d+)", Path(kernel).read_bytes())
    return f"gcc {found[1].decode()}" if found and found[1] else "another compiler"


def ceilings():
    """The compiler they hold for, and {name: the most that the figure may be}."""
    lines = CEILINGS.read_text().splitlines()
    made_by = next(line.removeprefix("# compiler: ") for line in lines if line.startswith("# compiler: "))
    return made_by, {name: float(most) for name, most in (line.split() for line in lines if line[:1] != "#")}


def test_each_figure_is_printed(small):
    assert NAMES - small.keys() == set()


def test_two_runs_agree_to_the_digit(small, module_boot):
    assert figures(module_boot("again", memory="64M")) == small


def test_no_figure_exceeds_its_ceiling(plain, small, kernel):
    made_by, most = ceilings()
    if compiler(kernel) != made_by:
        pytest.skip(f"the ceilings are those of {made_by}; this kernel was built by {compiler(kernel)}")
    assert most.keys() == small.keys(), "record anew: see the head of tests/bench/ceilings/gcc-12.txt"
    assert {name: (figure, most[name]) for name, figure in small.items() if figure > most[name]} == {}


def test_no_figure_grows_with_memory(small, module_boot):
    large = figures(module_boot("large", **LARGE))
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
    assert re.search(rf"^W1 +{figure} +34 +51 rpmalloc", machine.text(), re.M)


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
