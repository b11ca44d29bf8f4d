"""soak: memory runs out for everybody, and nothing is lost."""
import re

import pytest

SECONDS = 6


@pytest.mark.parametrize("memory", ["16M", "128M"])
def test_all_of_memory_in_use_loses_nothing(boot, build, memory):
    machine = boot(modules=[build / "user" / "soak"], memory=memory, cmdline=f"-- soak {SECONDS}; exit")
    assert machine.exit_code() == 33
    ran_out = [int(n) for line in re.findall(r"^soak: out of memory: (.*)", machine.text(), re.M)
               for n in re.findall(r"\d+", line)]
    assert len(ran_out) == 5 and all(ran_out)
    assert re.search(rf"^soak: nothing lost in {SECONDS} s, [1-9]\d* rounds, [1-9]", machine.text(), re.M)


def test_it_says_what_it_needs(boot):
    machine = boot(cmdline="-- soak 1; exit")
    assert machine.exit_code() == 35
    assert "soak cannot be started: no such module" in machine.text()
