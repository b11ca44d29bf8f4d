"""The tests that run inside the kernel (tests/kernel/), by each compiler and on each machine."""
import re

import pytest

from ktap import judge

# Processors, with 16 MiB: test_machines.py; 128 MiB: by each compiler, below.
MACHINES = {
    "5M": {"memory": "5M"},
    "8M": {"memory": "8M"},
    "64M": {"memory": "64M"},
    "1024M": {"memory": "1024M"},
    "3500M": {"memory": "3500M"},
    "6G": {"memory": "6G", "system": "x86_64"},
    "q35": {"extra": ["-machine", "q35"]},
}
LIMIT = 300


def judge_run(machine, record_property, name):
    """Judges a whole run, and hands its figures to the summary (conftest.py)."""
    code = machine.exit_code(LIMIT)
    verdict = judge(machine.text(), code)
    assert not verdict.problems, "\n".join(verdict.problems)
    assert verdict.passed
    record_property("kernel tests", f"{name}: {verdict}")
    return verdict


@pytest.fixture
def built_with(build):
    """built_with(compiler): the kernel by that compiler. Skips the test when there is none."""

    def find(compiler):
        path = build / "variant" / compiler / "quire.elf"
        if not path.exists():
            pytest.skip(f"there is no kernel by {compiler}: it is not on this machine")
        return path

    return find


@pytest.mark.parametrize("compiler", ["elf-gcc", "gcc", "clang", "ubsan", "ubsan-clang", "lab"])
def test_all_pass_when_built_with(boot, built_with, record_property, compiler):
    judge_run(boot(kernel=built_with(compiler), cmdline="test"), record_property, compiler)


@pytest.mark.long
@pytest.mark.parametrize("heap, compiler", [("debug", "gcc"), ("guard", "gcc"), ("debug", "clang"),
                                            ("guard", "clang"), ("debug", "ubsan")])
def test_all_pass_with_the_heap_for(boot, built_with, record_property, heap, compiler):
    machine = boot(kernel=built_with(compiler), cmdline=f"heap={heap} test")
    judge_run(machine, record_property, f"{compiler}, heap={heap}")


@pytest.mark.long
@pytest.mark.parametrize("options, compiler", [("", "gcc"), ("", "clang"), ("", "ubsan"),
                                               ("heap=debug", "gcc"), ("heap=guard", "gcc")])
@pytest.mark.parametrize("which", ["random", "model."])
def test_random_tests_pass_in_full(boot, built_with, record_property, options, compiler, which):
    """A run of the whole suite takes a tenth of their rounds, other ones on each machine (tests/kernel/support.h)."""
    verdict = judge_run(boot(kernel=built_with(compiler), cmdline=f"{options} test=*{which}*"), record_property,
                        f"{compiler}, {options} {which} tests in full")
    assert {"random": "monitor_random_walk", "model.": "model.space"}[which] in verdict.passed
    assert len(verdict.passed) >= 4


@pytest.mark.long
@pytest.mark.parametrize("machine", MACHINES)
def test_all_pass_on(boot, record_property, machine):
    judge_run(boot(cmdline="test", **MACHINES[machine]), record_property, machine)


def test_all_pass_from_the_disc_at_the_prompt(boot, build, record_property):
    machine = boot(cdrom=build / "quire.iso")
    machine.prompt()
    printed = machine.run("test", limit=LIMIT)
    verdict = judge("\n".join(printed), machine.finish())
    assert not verdict.problems, "\n".join(verdict.problems)
    record_property("kernel tests", f"disc: {verdict}")


def names_run(boot, pattern):
    """The tests that PATTERN chooses, all of which must pass."""
    machine = boot(cmdline=f"test={pattern}")
    code = machine.exit_code(LIMIT)
    verdict = judge(machine.text(), code)
    assert not verdict.problems, "\n".join(verdict.problems)
    return verdict.passed


def test_a_pattern_chooses(boot):
    names = names_run(boot, "bitmap*")
    assert len(names) > 1 and all(name.startswith("bitmap") for name in names)
    assert names_run(boot, names[1]) == [names[1]]
    assert names_run(boot, "bit*p*" + names[0][-5:])[0] == names[0]


def seeds(text):
    return re.findall(r"^# seed=(\d+) rounds=(\d+)$", text, re.M)


def test_a_seed_and_a_count_repeat_a_run(boot):
    machine = boot(cmdline="rounds=300 test=model.* seed=0x11")
    assert machine.exit_code(LIMIT) == 33
    assert seeds(machine.text()) == [("17", "300")] * 4
    machine = boot(cmdline="-- test seed=5 model.p* rounds=20; exit 0")
    assert machine.exit_code(LIMIT) == 33
    assert seeds(machine.text()) == [("5", "20")]


def test_seed_0_takes_a_new_one(boot):
    machine = boot(cmdline="-- test model.p* seed=0 rounds=20; test model.p* seed=0 rounds=20; exit 0")
    assert machine.exit_code(LIMIT) == 33
    (first, _), (second, _) = seeds(machine.text())
    assert first != second and "0" not in (first, second)


@pytest.mark.parametrize("words, error", [("seed=many", "error: seed must "), ("rounds=-1", "error: rounds must "),
                                          ("pm_* vmem_*", "error: test: ")])
def test_words_of_no_meaning_are_errors(boot, words, error):
    machine = boot()
    machine.prompt()
    assert machine.run(f"test {words}")[0].startswith(error)
    assert machine.finish() == 33


def test_a_pattern_that_matches_nothing_fails(boot):
    machine = boot(cmdline="test=NOSUCH*")
    assert machine.exit_code() == 35
    assert judge(machine.text(), 33).problems


def test_a_pattern_that_matches_nothing_is_an_error_at_the_prompt(boot):
    machine = boot()
    machine.prompt()
    assert any(line.startswith("error: ") for line in machine.run("test NOSUCH*"))
    assert machine.finish() == 33
